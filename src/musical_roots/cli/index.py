"""Inverted lists for an approximate search: trained, filled shard by shard, merged, planned."""

import click

from musical_roots.cli import (
    CLIPS,
    CONFIDENCE,
    INVERTED,
    KEPT_IF,
    OUT,
    PATH,
    QUERIES,
    RESAMPLES,
    SEED,
    group,
)

index = group("index", "Inverted lists, for an approximate search.")
SHARDS = click.argument("shards", type=PATH, nargs=-1, required=True)
PARTS = click.argument("parts", type=PATH, nargs=-1, required=True)


@index.command("train")
@SHARDS
@click.option("--quantiser", required=True, help="What vectors are coded by: pq, rabitq or sq.")
@KEPT_IF
@OUT
@SEED
def train(seed, shards, quantiser, kept_if, out) -> None:
    """Train empty lists on a sample of the clips."""
    from musical_roots.search import inverted
    from musical_roots.tables import open_shards

    embeddings = open_shards(shards)
    if not inverted.kept(out, embeddings, quantiser, seed, kept_if):
        inverted.write(inverted.train(embeddings, quantiser, seed, kept_if), out)


@index.command("fill")
@SHARDS
@INVERTED
@OUT
def fill(shards, inverted, out) -> None:
    """Add clips to lists that lack them."""
    from musical_roots.search import inverted as lists
    from musical_roots.tables import open_shards

    lists.write(lists.with_clips(lists.read(inverted), open_shards(shards)), out)


@index.command("merge")
@PARTS
@OUT
def merge(parts, out) -> None:
    """Make one index of parts that were trained together."""
    from musical_roots.search import inverted

    inverted.write(inverted.merged([inverted.read(part) for part in parts]), out)


@index.command("plan")
@SHARDS
@INVERTED
@QUERIES
@click.option("--recall", type=float, required=True, help="Recall at 50 that is wanted.")
@click.option("--trial-queries", type=int, required=True, help="That are tried, at most.")
@RESAMPLES
@CONFIDENCE
@OUT
@SEED
def plan(seed, shards, inverted, queries, recall, trial_queries, resamples, confidence, out):
    """Choose how many lists are looked into, and measure what is then missed."""
    from musical_roots.search import inverted as lists
    from musical_roots.search import planning
    from musical_roots.tables import open_shards

    settings = recall, trial_queries, resamples, confidence, seed, "none"
    asked, searched = open_shards(queries), open_shards(shards)
    lists.write(planning.plan(lists.read(inverted), asked, searched, *settings), out)


@index.command("recall")
@PARTS
@OUT
def recall(parts, out) -> None:
    """How often the search in each index misses: a row an encoder."""
    from musical_roots.search import inverted, planning
    from musical_roots.tables import write_table

    write_table(planning.told([inverted.read(part) for part in parts]), out)


@index.command("remove")
@INVERTED
@CLIPS
@OUT
def remove(inverted, clips, out) -> None:
    """Take clips off an index, by a list of their clip_id."""
    from musical_roots.search import inverted as lists
    from musical_roots.tables import read_table

    gone = read_table(clips, ["clip_id"])["clip_id"]
    lists.write(lists.without_clips(lists.read(inverted), gone), out)
