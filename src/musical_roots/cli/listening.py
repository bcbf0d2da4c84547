"""Experiment A, from answers to tables, and what simulated listeners tell of a design."""

import click

from musical_roots.cli import CONFIDENCE, OUT, PATH, RESAMPLES, SEED, file, group, log

listening = group("listening", "Experiment A: answers of listeners, or of simulated ones.")
STUDIES = click.option(
    "--asked",
    "studies",
    type=(PATH, PATH),
    metavar="TRIALS MANIFEST",
    multiple=True,
    required=True,
    help="An arm of the listening study: its trials, and what stands beside them.",
)
LISTENER_SD = click.option(
    "--listener-sd", type=float, required=True, help="How listeners differ, on the logit scale."
)
X_SD = click.option("--x-sd", type=float, required=True, help="How X's differ, likewise.")


def number(flag: str, told: str, kind: type = float, multiple: bool = False):
    """An option that takes a number."""
    return click.option(flag, type=kind, required=True, multiple=multiple, help=told)


LISTENERS = number("--simulated-listeners", "Of our arm, and for each encoder of the paper's.", int)


@listening.command("simulate")
@STUDIES
@LISTENERS
@LISTENER_SD
@X_SD
@OUT
@SEED
def simulate(seed, studies, simulated_listeners, out, **spread) -> None:
    """Answers of simulated listeners, as files of people's: nobody has heard these."""
    from musical_roots.arrays import read_json, write_json
    from musical_roots.atomic import atomic_folder
    from musical_roots.listening.simulated import sessions
    from musical_roots.tables import read_table

    with atomic_folder(out) as folder:
        for trials, manifest in studies:
            about = read_json(manifest)
            how = {"listeners": simulated_listeners, **spread, "seed": seed}
            for one in sessions(read_table(trials), about, **how):
                write_json(one, folder / f"{one['listener_id']}.json")


@listening.command("analyse")
@file("--responses", "Folder of answers.")
@click.option("--answered-by", "source", required=True, help="People, or simulated listeners.")
@STUDIES
@file("--paper-table1", "The paper's table 1.", "table1")
@file("--paper-bins", "The paper's bins.", "bins")
@number("--headphones-correct", "Headphone trials that a listener must pass.", int)
@number("--catch-correct", "Share of the catch trials that a listener must pass.")
@number("--minimum-decided", "Least median time of a listener's answers, once all were heard.")
@number("--one-sided", "Share of answers on one side for which a listener is left out.")
@number("--minimum-answers", "That a listener must have given.", int)
@number("--lapse", "Share of blind answers that the curve allows at most.")
@number("--high-agreement", "Share of answers at which similarity is called high.")
@RESAMPLES
@CONFIDENCE
@click.option(
    "--table-out",
    "tables",
    type=(str, PATH),
    metavar="TABLE FILE",
    multiple=True,
    required=True,
    help="A table of Experiment A, and its file.",
)
@SEED
def analyse(seed, responses, source, studies, table1, bins, tables, **how) -> None:
    """Tables of Experiment A: exclusions, agreement, model, curves, thresholds, people."""
    from musical_roots.arrays import read_json
    from musical_roots.experiments.listening.analysis import PEOPLE, analysed, rounded
    from musical_roots.listening.responses import read_folder
    from musical_roots.tables import read_table, read_tables, write_table

    trials = read_tables(listed for listed, _ in studies)
    asked = {about["arm"]: about for about in (read_json(path) for _, path in studies)}
    read = read_folder(responses, asked, trials, simulated=source != PEOPLE)
    log.info(
        "%d sessions count; %d remarks on what does not", len(read.sessions), len(read.set_aside)
    )
    paper = map(read_table, (table1, bins))
    found = analysed(read, trials, *paper, source, **how, seed=seed)
    for name, path in tables:
        write_table(rounded(found[name]), path)


@listening.command("power")
@number("--simulations", "Simulated studies a design of the grid.", int)
@number("--coverage-simulations", "Simulated studies of the paper's design, and of ours.", int)
@number("--x-clips", "A number of X's.", int, multiple=True)
@number("--listeners", "A number of listeners.", int, multiple=True)
@number("--answers-each", "A number of answers of a listener on one encoder.", int, multiple=True)
@number("--agreement", "Share of answers that agree with the encoder, in truth.")
@number("--ours-x", "X's.", int)
@number("--pairs", "Of an X and encoder.", int)
@LISTENERS
@number("--ours-answers", "Of a listener of our arm, on one encoder.", int)
@LISTENER_SD
@X_SD
@number("--trial-sd", "How trials of one X differ, likewise.")
@CONFIDENCE
@file("--coverage-out", "False positives and coverage, of the paper's design and ours.", "coverage")
@OUT
@SEED
def power(
    seed, x_clips, listeners, answers_each, ours_x, pairs, simulated_listeners, ours_answers,
    coverage_simulations, trial_sd, coverage, out, **how
) -> None:  # fmt: skip
    """What a design can show, by simulated listeners, read in three ways."""
    from musical_roots.experiments.listening import power
    from musical_roots.tables import write_table

    ours = power.Design(ours_x, simulated_listeners, ours_answers, "ours", pairs)
    designs = power.power(x_clips, listeners, answers_each, **how, seed=seed)
    how |= {"simulations": coverage_simulations, "trial_sd": trial_sd}
    write_table(power.coverage(ours, **how, seed=seed).round(6), coverage)
    write_table(designs.round(6), out)


@listening.command("exceedance")
@file("--thresholds", "Cosines from which listeners call clips similar.")
@file("--exceedance", "Its table.")
@OUT
def exceedance(thresholds, exceedance, out) -> None:
    """Share of outputs with a clip as near as listeners call similar, beside control music."""
    from musical_roots.experiments.listening.psychometric import exceeded
    from musical_roots.tables import read_table, write_table

    write_table(exceeded(read_table(exceedance), read_table(thresholds)).round(6), out)
