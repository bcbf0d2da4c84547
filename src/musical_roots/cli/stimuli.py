"""The listening study before there are answers: trials, their audio, the page, the collector."""

import click

from musical_roots.cli import (
    AUDIO_OUT,
    LISTS,
    OUT,
    PATH,
    QUERIES,
    SEED,
    TRACKS,
    file,
    files,
    group,
    progress,
)

stimuli = group("stimuli", "Experiment A before its answers: trials, audio, page, collector.")
INDEX = click.argument("index", type=PATH, nargs=-1, required=True)
TRIALS = file("--arm-trials", "Trials of one arm of the listening study.", "trials")
ARM = click.option("--arm", required=True, help="paper or ours.")
VAMPS = files("--vamps", "Clip list of vamps.", required=False)
PERTURBED = files("--perturbed", "Clip list of perturbed clips.", required=False)
SOUNDS = file("--sounds", "Folder of the page's audio.")
BIN_WIDTH = click.option(
    "--bin-width", "width", type=float, required=True, help="Half of a bin's, cosine."
)
SAMPLE_RATE = click.option("--sample-rate", type=int, required=True, help="Of the audio, in Hz.")
PERTURBED_RATE = click.option(
    "--perturbed-rate", type=int, required=True, help="At which clips are perturbed."
)
LUFS = click.option("--loudness-lufs", "lufs", type=float, required=True, help="Of every clip.")
FADE = click.option("--fade-ms", type=float, required=True, help="At both ends of a clip.")
QUESTIONS = click.option("--questions", type=int, required=True, help="Trials a session, at most.")


@stimuli.command("by-bins")
@INDEX
@file("--bins", "Bins of cosine of each encoder.")
@click.option("--paper-x", "x", type=int, required=True, help="X's an encoder.")
@BIN_WIDTH
@QUESTIONS
@file("--skipped-out", "How many X's were tried, and which bins were empty.", "skipped")
@OUT
@SEED
def by_bins(seed, index, bins, x, width, questions, skipped, out) -> None:
    """The paper's arm: for each X a clip of every bin, and all pairs of these."""
    import pandas as pd

    from musical_roots.listening import stimuli, trials
    from musical_roots.tables import read_table, write_table

    middles, made = read_table(bins, ["encoder", "quantity", "value"]), []
    for one in stimuli.by_encoder(index):
        mid = stimuli.centres(middles, one.provenance["encoder"])
        made.append(stimuli.by_bins(one, mid, x, width, seed))
    pairs = pd.concat([pairs for pairs, _ in made], ignore_index=True)
    write_table(pd.DataFrame([told for _, told in made])[stimuli.SKIPPED_COLUMNS], skipped)
    write_table(trials.trials(pairs, "paper", questions, 0, 0, mixed=False, seed=seed), out)


@stimuli.command("by-ranks")
@INDEX
@QUERIES
@VAMPS
@PERTURBED
@TRACKS
@click.option("--ours-x", "x", type=int, required=True, help="X's.")
@click.option("--pairs", type=int, required=True, help="Of an X and encoder.")
@QUESTIONS
@click.option("--catch-share", type=float, required=True, help="Catch trials of a session.")
@click.option("--repeat-share", type=float, required=True, help="Trials that come twice in it.")
@file("--counts-out", "How many X's and pairs were found, of those wanted.", "counts")
@OUT
@SEED
def by_ranks(
    seed, index, queries, vamps, perturbed, tracks, x, pairs, counts, out, **session
) -> None:
    """Our arm: training clips, vamps and perturbed clips; pairs by rank."""
    from musical_roots.listening import stimuli, trials
    from musical_roots.tables import read_table, write_table

    encoders = stimuli.by_encoder(index)
    chosen = stimuli.choose_x(stimuli.kinds(encoders[0].clips, vamps, perturbed), x, seed)
    credits, searched = read_table(tracks), stimuli.by_encoder(queries)
    made = [
        stimuli.by_ranks(chosen, stimuli.vectors(chosen, one, mine), one, credits, pairs, seed)
        for one, mine in zip(encoders, searched or [None] * len(encoders), strict=True)
    ]
    found, counted = stimuli.together(made, x, pairs)
    write_table(counted, counts)
    write_table(trials.trials(found, "ours", **session, mixed=True, seed=seed), out)


@stimuli.command("render")
@LISTS
@TRIALS
@VAMPS
@PERTURBED
@SAMPLE_RATE
@PERTURBED_RATE
@LUFS
@FADE
@AUDIO_OUT
@OUT
@SEED
def render(seed, lists, trials, vamps, perturbed, audio, out, **how) -> None:
    """Audio of all trials, of one loudness and with soft ends; and the headphone test's."""
    import pandas as pd

    from musical_roots.atomic import atomic_folder
    from musical_roots.listening import sound
    from musical_roots.tables import read_table, read_tables, write_table

    wanted, corpus = read_table(trials), read_tables(lists)
    clips = pd.concat([corpus, *map(read_table, vamps)], ignore_index=True)
    planned = read_tables(perturbed) if perturbed else corpus.head(0).assign(kind="")
    with atomic_folder(audio) as folder, progress(len(wanted), "listening", "clips") as bar:
        how |= {"seed": seed, "progress": bar.update}
        made = sound.write_all(wanted, clips, planned, corpus, folder, **how)
    write_table(made, out)


@stimuli.command("page")
@TRIALS
@ARM
@SOUNDS
@click.option("--headphone-test", "headphones", required=True, help="required, recorded or none.")
@click.option("--contact", required=True, help="Whom listeners can ask; may be empty.")
@click.option("--consent", required=True, help="What a review board says; may be empty.")
@click.option(
    "--ask-sure/--no-ask-sure", "confidence", help="Whether listeners say how sure they are."
)
@BIN_WIDTH
@SAMPLE_RATE
@PERTURBED_RATE
@LUFS
@FADE
@click.option("--post-url", help="Where answers are sent; if not given, listeners save them.")
@click.option("--page-out", "page", type=PATH, required=True, help="Folder for the page.")
@OUT
@SEED
def write_page(seed, trials, sounds, post_url, page, out, **asked) -> None:
    """The page, and the manifest by which its answers are checked."""
    from musical_roots.arrays import write_json
    from musical_roots.listening import page as pages
    from musical_roots.tables import read_table

    sound = {key: asked.pop(name) for key, name in pages.SOUND.items()}
    read = read_table(trials)
    made = pages.manifest(read, sounds, sound=sound, seed=seed, **asked)
    pages.write(page, pages.study(made, read, post_url))
    write_json(made, out)


@stimuli.command("layouts")
@TRIALS
@ARM
@SOUNDS
@click.option("--webmushra-out", "webmushra", type=PATH, required=True, help="For webMUSHRA.")
@click.option("--reseval-out", "reseval", type=PATH, required=True, help="For ReSEval.")
@SEED
def write_layouts(seed, trials, arm, sounds, webmushra, reseval) -> None:
    """The same trials as folders for webMUSHRA and ReSEval."""
    from musical_roots.atomic import atomic_folder
    from musical_roots.listening import layouts
    from musical_roots.tables import read_table

    read, name = read_table(trials), f"listening-{arm}"
    with atomic_folder(webmushra) as folder:
        layouts.webmushra(read, sounds, folder, name)
    with atomic_folder(reseval) as folder:
        layouts.reseval(read, sounds, folder, name, seed)


@stimuli.command("serve")
@file("--study", "Folder of an arm of the listening study.")
@click.option("--host", default="127.0.0.1", help="Address that it listens at: this machine alone.")
@click.option("--port", type=int, default=8123, help="Port that it listens at.")
@click.option("--answers-out", "answers", type=PATH, required=True, help="Folder for answers.")
@click.option("--allow-origin", "origin", help="Of a page elsewhere that sends its answers here.")
def serve(study, host, port, answers, origin) -> None:
    """Serve the page, and keep the answers that come in."""
    from musical_roots.listening import collector

    collector.serve(study, answers, host, port, origin)
