"""The coded index of Experiment C: music that went through a generator's codec, as outputs have."""

import click

from musical_roots.cli import (
    AUDIO_OUT,
    CONFIDENCE,
    DEVICE,
    DRAWS,
    FDR,
    INDEXES,
    LISTS,
    NULL,
    OUT,
    OUTPUT_EMBEDDINGS,
    OUTPUT_NEAREST,
    RESAMPLES,
    SEED,
    SHARD,
    SPLIT_ARTISTS,
    TRACKS,
    checkpoints,
    file,
    files,
    generator,
    group,
    progress,
)

coded = group("coded", "The coded index: music that went through a generator's codec.")


@coded.command("render")
@LISTS
@SHARD
@click.option("--per-track", type=int, help="Clips of a track at most; if not given, all of them.")
@file(
    "--first",
    "Clip list of those that are chosen before others; if not given, all are.",
    required=False,
)
@generator()
@checkpoints()
@DEVICE
@AUDIO_OUT
@OUT
@SEED
def render(
    seed, lists, shard, per_track, first, generator, checkpoints, device, audio, out
) -> None:
    """Send one part of some clips through a generator's codec: audio and clip list."""
    from musical_roots import coded
    from musical_roots.generators.base import load
    from musical_roots.tables import read_table, read_tables, write_table

    part, model = coded.part(read_tables(lists), *shard), load(generator, checkpoints, device)
    if first:
        part = coded.choose(part, read_table(first), per_track, seed)
    with progress(len(part), f"codec of {generator}", "clips") as bar:
        made = coded.render(part, model, audio, bar.update)
    write_table(made, out)


@coded.command("indexes")
@LISTS
@INDEXES
@TRACKS
@SPLIT_ARTISTS
@OUT
@SEED
def indexes(seed, lists, indexes, tracks, split_artists, out) -> None:
    """Say which clips are in the coded indexes, and in those of the same clips as they were."""
    from musical_roots.corpus.split import blocks
    from musical_roots.experiments import coded_index
    from musical_roots.tables import read_table, read_tables, write_table

    artists = blocks(read_table(tracks).set_index("track_id"), split_artists)
    found = coded_index.indexes(read_tables(lists), read_table(indexes), seed, artists)
    write_table(found, out)


@coded.command("prompts")
@OUTPUT_EMBEDDINGS
@files("--prompt-embeddings", "Embeddings of their prompts.", "prompts")
@files("--coded-prompt-embeddings", "Embeddings of these after the codec.", "coded")
@OUT
def prompts(outputs, prompts, coded, out) -> None:
    """How near outputs are to their prompts, as these were and after the codec."""
    from musical_roots.experiments import coded_index
    from musical_roots.tables import open_shards, write_table

    opened = map(open_shards, (outputs, prompts, coded))
    write_table(coded_index.prompt_cosines(*opened), out)


@coded.command("compare")
@LISTS
@OUTPUT_NEAREST
@NULL
@files("--planted-nearest", "Nearest clips of perturbed training clips.", "copies", required=False)
@files("--planted-clips", "Clip lists of these.", "copied", required=False)
@files("--prompt-cosines", "Of outputs to their prompts.", "prompts")
@FDR
@DRAWS
@RESAMPLES
@CONFIDENCE
@OUT
@SEED
def compare(seed, lists, outputs, null, copies, copied, prompts, out, **how) -> None:
    """What is found in the coded index, and in that of the same clips as they were."""
    from musical_roots.experiments import coded_index
    from musical_roots.tables import read_tables, write_table

    clips = read_tables(lists, ["clip_id", "group_id"])
    made, control, cosines = map(read_tables, (outputs, null, prompts))
    planted = [read_tables(paths) if paths else None for paths in (copies, copied)]
    found = coded_index.compare(made, control, *planted, cosines, clips, **how, seed=seed)
    write_table(found.round(6), out)
