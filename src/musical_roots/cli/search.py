"""Neighbours of query clips, same-track retrieval, and the paper's bins of cosine."""

import click

from musical_roots.cli import (
    CONFIDENCE,
    COUNT,
    DEVICE,
    INVERTED,
    MATCHES,
    OUT,
    PATH,
    QUERIES,
    RESAMPLES,
    SEED,
    file,
    files,
    group,
)

search = group("search", "Neighbours by cosine.")


@search.command("match")
@click.argument("index", type=PATH, nargs=-1, required=True)
@QUERIES
@files("--targets", "Pairs to report wherever they rank.", required=False)
@MATCHES
@INVERTED
@DEVICE
@click.option(
    "--leave-out",
    type=click.Choice(["none", "self", "track", "duplicates", "partner"]),
    default="none",
    help="What of a query's own is not to be found.",
)
@OUT
def match(index, queries, targets, k, inverted, device, leave_out, out) -> None:
    """Cosine neighbours of the queries: a match table."""
    from musical_roots.search.approximate import searching
    from musical_roots.tables import open_shards, read_tables, write_table

    wanted = read_tables(targets) if targets else None
    matches = searching(inverted, device)
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


@search.command("bins")
@click.argument("shards", type=PATH, nargs=-1, required=True)
@COUNT
@file("--paper-bins", "The paper's bins.")
@file("--paper-neighbours", "How near the paper's neighbours are.")
@file("--histogram-out", "How the cosines lie, and the bins among them.")
@file("--paper-encoders-out", "Whether weights and layer may be the paper's.")
@OUT
@SEED
def bins(seed, shards, count, paper_bins, paper_neighbours, histogram_out, paper_encoders_out, out):
    """Bins of cosine of each encoder whose shards are given, beside the paper's."""
    from itertools import groupby

    from musical_roots.experiments import bins
    from musical_roots.tables import open_shards, read_table, write_table

    paper = bins.published(read_table(paper_bins), read_table(paper_neighbours))
    encoders = groupby(sorted(shards), key=lambda shard: shard.parents[1])
    found = [bins.measure(open_shards(list(paths)), count, seed) for _, paths in encoders]
    table = bins.summarise(found, paper)
    layers = {each.encoder: each.features for each in found}
    write_table(table, out)
    write_table(bins.histogram(found, table), histogram_out)
    write_table(bins.paper_encoders(table, paper, layers), paper_encoders_out)
