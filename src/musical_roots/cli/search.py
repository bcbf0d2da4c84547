"""Exact neighbours of query clips, and same-track retrieval."""

import click

from musical_roots.cli import CONFIDENCE, MATCHES, OUT, PATH, QUERIES, RESAMPLES, SEED, files, group

search = group("search", "Exact neighbours by cosine.")


@search.command("match")
@click.argument("index", type=PATH, nargs=-1, required=True)
@QUERIES
@files("--targets", "Pairs to report wherever they rank.", required=False)
@MATCHES
@click.option(
    "--leave-out",
    type=click.Choice(["none", "self", "track", "duplicates", "partner"]),
    default="none",
    help="What of a query's own is not to be found.",
)
@OUT
def match(index, queries, targets, k, leave_out, out) -> None:
    """Exact cosine neighbours of the queries: a match table."""
    from musical_roots.search import matches
    from musical_roots.tables import open_shards, read_tables, write_table

    wanted = read_tables(targets) if targets else None
    found = matches(open_shards(queries), open_shards(index), k, leave_out, wanted)
    write_table(found, out)


@search.command("retrieval")
@click.argument("shards", type=PATH, nargs=-1, required=True)
@RESAMPLES
@CONFIDENCE
@OUT
@SEED
def retrieval(seed, shards, resamples, confidence, out) -> None:
    """Same-track recall on control tracks: one row an encoder whose shards are given."""
    from itertools import groupby

    import pandas as pd

    from musical_roots.experiments.retrieval import same_track
    from musical_roots.tables import open_shards, write_table

    encoders = groupby(sorted(shards), key=lambda shard: shard.parents[1])
    rows = [
        same_track(open_shards(list(paths)), resamples, confidence, seed) for _, paths in encoders
    ]
    write_table(pd.DataFrame(rows).sort_values("recall_at_1", ascending=False), out)
