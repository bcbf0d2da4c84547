"""All tables of Experiment A from answers, whoever gave them: the same rules for all."""

import pandas as pd

from musical_roots.experiments.listening.agreement import agreement, paper_table
from musical_roots.experiments.listening.humans import people
from musical_roots.experiments.listening.judged import exclusions, judged
from musical_roots.experiments.listening.model import models
from musical_roots.experiments.listening.psychometric import curves
from musical_roots.listening.responses import Responses

PEOPLE, SIMULATED = "people", "simulated listeners"


def analysed(
    read: Responses,
    trials: pd.DataFrame,
    table1: pd.DataFrame,
    bins: pd.DataFrame,
    source: str,
    *,
    lapse: float,
    high_agreement: float,
    resamples: int,
    confidence: float,
    seed: int,
    **rules: float,
) -> dict[str, pd.DataFrame]:
    """Every table of Experiment A.

    Parameters
    ----------
    read : Responses
        What `listening.responses.read_folder` found.
    trials : DataFrame
        `judged.TRIALS`, of all arms.
    table1, bins : DataFrame
        The paper's.
    source : str
        Who answered, `PEOPLE` or `SIMULATED`: the first column of every table; "the paper" in
        rows of table1 that hold its numbers alone.
    **rules : float
        The config's `listening.exclusions`.

    Returns
    -------
    dict
        set_aside, exclusions, table1, agreement, model, psychometric, thresholds, people: see the
        functions.
    """
    bootstrap = {"resamples": resamples, "confidence": confidence, "seed": seed}
    kept, counted = exclusions(judged(read.answers, trials), read.sessions, rules)
    curve, thresholds = curves(kept, bins, lapse=lapse, high_agreement=high_agreement, **bootstrap)
    found = {
        "set_aside": read.set_aside,
        "exclusions": counted,
        "table1": paper_table(kept, table1, confidence),
        "agreement": agreement(kept, confidence),
        "model": models(kept, confidence),
        "psychometric": curve,
        "thresholds": thresholds,
        "people": people(kept, **bootstrap),
    }
    return {name: _told(table, source) for name, table in found.items()}


def _told(table: pd.DataFrame, source: str) -> pd.DataFrame:
    """With who answered; of a row that holds the paper's numbers alone, its own listeners."""
    told = table.assign(source=source)[["source", *table]]
    if "paper_n_trials" in told:
        told.loc[told.n_trials.isna(), "source"] = "the paper"
    return told


def rounded(table: pd.DataFrame) -> pd.DataFrame:
    """A table as it is written: six digits after the point, but p-values of four that count."""
    made = table.round(6)
    for column in made.columns.intersection(["p_value", "p_holm"]):
        made[column] = [float(f"{value:.4g}") for value in table[column]]
    return made
