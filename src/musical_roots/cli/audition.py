"""Pages to hear a study by."""

from pathlib import Path

import click

from musical_roots.cli import (
    COUNT,
    LISTS,
    OUT,
    OUTPUTS,
    SEED,
    TRACKS,
    checkpoints,
    file,
    files,
    generator,
    group,
)

audition = group("audition", "Pages to hear a study by.")
TITLE = click.option("--title", required=True, help="Of the page.")
TEXT = click.option("--text", default="", help="A paragraph above what is shown.")


@audition.command("vamps")
@LISTS
@OUTPUTS
@files("--output-clips", "Clip lists of outputs.", "clips")
@TRACKS
@files("--output-nearest", "Nearest clips of outputs.", "nearest", required=False)
@files(
    "--roundtrip-nearest",
    "Nearest clips of control music, after the codec if it is known.",
    "null",
    required=False,
)
@file("--p-values", "Of each output.", required=False)
@file("--songs", "What its matches add up to.", required=False)
@file("--token-p-values", "Of each output by its tokens, if it has any.", "tokens", required=False)
@file("--verdicts", "On each output.", required=False)
@COUNT
@TITLE
@TEXT
@OUT
def vamps(
    lists, outputs, clips, tracks, nearest, null, p_values, songs, tokens, verdicts, count, title,
    text, out,
) -> None:  # fmt: skip
    """Vamps, beside their prompts and what they resemble."""
    from musical_roots.auditions import page, vamps
    from musical_roots.tables import read_table, read_tables

    made, corpus, about = read_tables(outputs), read_tables(lists), read_table(tracks)
    found = recurring = None
    if nearest:
        said = [read_table(path) for path in (p_values, songs, verdicts)]
        by_tokens = read_table(tokens) if tokens else None
        found = vamps.found(read_tables(nearest), *said, read_tables(null), by_tokens)
        recurring = vamps.recurring(made, corpus, about, found)
    rows = vamps.rows(vamps.chosen(made, count), read_tables(clips), corpus, about, found)
    page.write_vamps(out, title, [text], made, rows, recurring or [], found and found.encoder)


@audition.command("perturbed")
@LISTS
@files("--perturbed-clips", "Clip lists of perturbed clips, one a kind.", "clips")
@files("--original-ranks", "Match tables of these, of one encoder.", "ranks")
@file("--robustness", "Its table.")
@TRACKS
@files("--outputs", "List of outputs.", required=False)
@click.option("--sample-rate", type=int, required=True, help="Of the audio, in Hz.")
@click.option(
    "--crossfade",
    "crossfades",
    type=(str, float),
    metavar="KIND SECONDS",
    multiple=True,
    help="Of a kind of splice; one that is not named is cut hard.",
)
@generator(without="; if not given, the kind needs no codec")
@checkpoints(without="; if not given, the kind needs no codec")
@TITLE
@TEXT
@OUT
@SEED
def perturbed(
    seed, lists, clips, ranks, robustness, tracks, outputs, sample_rate, crossfades, generator,
    checkpoints, title, text, out,
) -> None:  # fmt: skip
    """Perturbed and spliced clips, level by level."""
    from tempfile import TemporaryDirectory

    from musical_roots.auditions import page, perturbations
    from musical_roots.generators.base import load
    from musical_roots.tables import read_table, read_tables

    some = perturbations.some(map(read_table, clips))
    known = perturbations.known(read_tables(lists), [read_table(path) for path in outputs], some)
    codec = load(generator, checkpoints) if generator and checkpoints else None
    told = read_table(tracks), read_tables(ranks), read_table(robustness)
    with TemporaryDirectory() as folder:
        how = Path(folder), sample_rate, seed, dict(crossfades), codec
        rendered = perturbations.render(some, known, *how)
        page.write_perturbed(out, title, [text], perturbations.kinds(rendered, known, *told))
