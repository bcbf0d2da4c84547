"""All tables of Experiment A from answers, whoever gave them: the same rules for all."""

import pandas as pd

from musical_roots.experiments.listening.agreement import agreement, paper_table
from musical_roots.experiments.listening.humans import people
from musical_roots.experiments.listening.judged import LIMITS, exclusions, judged
from musical_roots.experiments.listening.model import models
from musical_roots.experiments.listening.psychometric import curves

PEOPLE, SIMULATED = "people", "simulated listeners"


def analysed(
    answers: pd.DataFrame,
    sessions: pd.DataFrame,
    trials: pd.DataFrame,
    table1: pd.DataFrame,
    bins: pd.DataFrame,
    source: str,
    *,
    rules: dict,
    lapse: float,
    high_agreement: float,
    resamples: int,
    confidence: float,
    seed: int,
) -> dict[str, pd.DataFrame]:
    """Every table of Experiment A.

    Parameters
    ----------
    answers, sessions : DataFrame
        `listening.responses.ANSWERS` and `SESSIONS`.
    trials : DataFrame
        `judged.TRIALS`, of all arms.
    table1, bins : DataFrame
        The paper's.
    source : str
        Who answered, `PEOPLE` or `SIMULATED`: the first column of every table.
    rules : dict
        The config's `listening.exclusions`.

    Returns
    -------
    dict
        exclusions, table1, agreement, model, psychometric, thresholds, people: see the functions.
    """
    bootstrap = {"resamples": resamples, "confidence": confidence, "seed": seed}
    kept, counted = exclusions(judged(answers, trials), sessions, rules)
    curve, thresholds = curves(kept, bins, lapse=lapse, high_agreement=high_agreement, **bootstrap)
    found = {
        "exclusions": counted,
        "table1": paper_table(kept, table1, confidence),
        "agreement": agreement(kept, confidence),
        "model": models(kept, confidence),
        "psychometric": curve,
        "thresholds": thresholds,
        "people": people(kept, **bootstrap),
    }
    for table in found.values():
        table.insert(0, "source", source)
    return found


def split_rules(keys: dict) -> dict:
    """Keys of the config's `exclusions` and `analysis`, in one, as `analysed` takes them."""
    rules = {key: keys[key] for key in LIMITS.values()}
    return {"rules": rules} | {key: value for key, value in keys.items() if key not in rules}
