"""Query clips of Experiment B, and their perturbed copies."""

import click

from musical_roots.cli import (
    AUDIO_OUT,
    CLIPS,
    COUNT,
    LISTS,
    OUT,
    SEED,
    TRACKS,
    checkpoints,
    file,
    generator,
    group,
    log,
    progress,
)

perturb = group("perturb", "Query clips, and their perturbed copies.")


@perturb.command("queries")
@LISTS
@TRACKS
@COUNT
@OUT
@SEED
def queries(seed, lists, tracks, count, out) -> None:
    """Draw the clips that are perturbed."""
    from musical_roots import perturbed
    from musical_roots.tables import read_table, read_tables, write_table

    chosen = perturbed.choose_queries(read_tables(lists), read_table(tracks), count, seed)
    if len(chosen) < count:
        log.info("only %d clips for %d queries: every one of them is used", len(chosen), count)
    write_table(chosen, out)


@perturb.command("render")
@LISTS
@CLIPS
@click.option("--kind", required=True, help="Of perturbation.")
@click.option("--level", "levels", type=float, multiple=True, required=True, help="How far.")
@click.option("--sample-rate", type=int, required=True, help="Of the audio, in Hz.")
@generator(without="; if not given, the kind needs no codec")
@checkpoints(without="; if not given, the kind needs no codec")
@AUDIO_OUT
@OUT
@file("--targets-out", "The pairs to look for.")
@SEED
def render(
    seed, lists, clips, kind, levels, sample_rate, generator, checkpoints, audio, out, targets_out
) -> None:
    """Perturb the query clips: audio, clip list, and the pairs to look for."""
    from musical_roots import perturbed
    from musical_roots.generators.base import load
    from musical_roots.tables import read_table, read_tables, write_table

    if generator and not checkpoints:
        raise click.UsageError("--generator wants --checkpoints", click.get_current_context())
    corpus, codec = read_tables(lists), generator and load(generator, checkpoints)
    planned, pairs = perturbed.plan(read_table(clips), corpus, kind, list(levels), seed)
    with progress(len(planned), f"perturbing, {kind}", "clips") as bar:
        made = perturbed.render_clips(planned, corpus, audio, sample_rate, seed, bar.update, codec)
    write_table(pairs, targets_out)
    write_table(made, out)
