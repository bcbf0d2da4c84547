"""Query clips of Experiment B, and their perturbed copies."""

import click

from musical_roots.cli import (
    AUDIO_OUT,
    CLIP_DURATION,
    CLIPS,
    COUNT,
    LISTS,
    OUT,
    OUTPUTS,
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
LEVELS = click.option(
    "--level", "levels", type=float, multiple=True, required=True, help="How far."
)
SAMPLE_RATE = click.option("--sample-rate", type=int, required=True, help="Of the audio, in Hz.")
CROSSFADE = click.option(
    "--crossfade-s",
    type=float,
    help="Of the two clips of a splice, in seconds; if not given, they are cut hard.",
)
TARGETS_OUT = file("--targets-out", "The pairs to look for.")


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
@LEVELS
@SAMPLE_RATE
@CROSSFADE
@generator(without="; if not given, the kind needs no codec")
@checkpoints(without="; if not given, the kind needs no codec")
@AUDIO_OUT
@OUT
@TARGETS_OUT
@SEED
def render(
    seed, lists, clips, kind, levels, sample_rate, crossfade_s, generator, checkpoints, audio, out,
    targets_out,
) -> None:  # fmt: skip
    """Perturb the query clips: audio, clip list, and the pairs to look for."""
    from musical_roots import perturbed
    from musical_roots.generators.base import load
    from musical_roots.tables import read_table, read_tables, write_table

    if generator and not checkpoints:
        raise click.UsageError("--generator wants --checkpoints", click.get_current_context())
    corpus, codec = read_tables(lists), generator and load(generator, checkpoints)
    label, fade = codec.label if codec else "", {"crossfade_s": crossfade_s} if crossfade_s else {}
    planned, pairs = perturbed.plan(read_table(clips), corpus, kind, list(levels), seed, label)
    with progress(len(planned), f"perturbing, {kind}", "clips") as bar:
        how = audio, sample_rate, seed, bar.update, codec
        made = perturbed.render_clips(planned, corpus, *how, **fade)
    write_table(pairs, targets_out)
    write_table(made, out)


@perturb.command("splice-vamps")
@LISTS
@OUTPUTS
@click.option("--setting", help="Of the vamps; if not given, the first that is listed.")
@COUNT
@LEVELS
@CLIP_DURATION
@SAMPLE_RATE
@CROSSFADE
@AUDIO_OUT
@OUT
@TARGETS_OUT
@SEED
def splice_vamps(
    seed, lists, outputs, setting, count, levels, clip_duration_s, sample_rate, crossfade_s, audio,
    out, targets_out,
) -> None:  # fmt: skip
    """Splice prompts with their vamps: audio, clip list, and the pairs to look for."""
    from musical_roots import perturbed
    from musical_roots.tables import read_tables, write_table

    corpus, vamps = read_tables(lists), read_tables(outputs)
    how = list(levels), clip_duration_s, count, seed
    planned, pairs, known = perturbed.plan_vamps(vamps, corpus, *how, setting)
    with progress(len(planned), "splicing prompts and vamps", "clips") as bar:
        rendered = audio, sample_rate, seed, bar.update
        made = perturbed.render_clips(planned, known, *rendered, crossfade_s=crossfade_s)
    write_table(pairs, targets_out)
    write_table(made, out)
