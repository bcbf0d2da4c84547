"""Answers of simulated listeners to real trials, as files of real ones: nobody has heard these.

They stand in until people have answered, so that every table and figure can be seen and tested. A
listener of known skill agrees with the encoder with

``logit P = SKILL gap / (standard deviation of the encoder's gaps) + listener + X``,

and every tenth is a bad one, whom a rule must find.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pandas as pd
from scipy.special import expit

from musical_roots.listening.kinds import ABSURD, IDENTICAL, REPEAT
from musical_roots.listening.responses import SCHEMA, SIMULATED
from musical_roots.seeding import rng

SKILL = 1.2
CATCH = 0.98  # share of catch trials that a good listener passes
BAD = ("deaf", "guesses", "one side", "hasty")  # in turns
EVERY = 10
START = datetime(2000, 1, 1, tzinfo=UTC)  # no day on which anybody answered


def sessions(
    trials: pd.DataFrame,
    study_id: str,
    arm: str,
    *,
    listeners: int,
    listener_sd: float,
    x_sd: float,
    seed: int,
) -> Iterator[dict]:
    """Sessions of simulated listeners, as `responses.Session` describes them.

    Parameters
    ----------
    trials : DataFrame
        Of one arm; a listener answers one block of them, in the order of `position`.
    listeners : int
        For each encoder of the paper's arm; else in all.
    listener_sd, x_sd : float
        On the logit scale.
    """
    spread = trials.assign(gap=(trials.a_cosine - trials.b_cosine).abs())
    spread["skill"] = SKILL * spread.gap / spread.groupby("encoder").gap.transform("std")
    effects = {x: x_sd * rng(seed, "listening.x", x).standard_normal() for x in trials.x_clip_id}
    spread["logit"] = spread.skill.fillna(0) + spread.x_clip_id.map(effects)
    blocks = [part.sort_values("position") for _, part in spread.groupby("block")]
    count = listeners * (spread.encoder.nunique() if arm == "paper" else 1)
    for number in range(count if blocks else 0):
        name = f"{SIMULATED}{arm}-{number:04d}"
        draw = rng(seed, "listening.listener", name)
        mine = blocks[number % len(blocks)]
        bad = BAD[number // EVERY % len(BAD)] if number % EVERY == EVERY - 1 else ""
        yield _session(name, mine, bad, listener_sd * draw.standard_normal(), draw) | {
            **{"schema": SCHEMA, "study_id": study_id, "arm": arm, "listener_id": name},
        }


def _session(name: str, trials: pd.DataFrame, bad: str, own: float, draw) -> dict:
    now, answered, before = START, [], {}
    for trial in trials.itertuples():
        order = "ab" if draw.random() < 0.5 else "ba"
        agrees = draw.random() < _chance(trial, bad, own)
        choice = trial.nearer if agrees else {"a": "b", "b": "a"}[trial.nearer]
        if bad == "one side":
            choice = order[0]
        elif trial.kind == REPEAT and draw.random() < 0.8 and trial.repeats in before:
            choice = before[trial.repeats]
        before[trial.trial_id] = choice
        seconds = round(float(draw.uniform(2, 4) if bad == "hasty" else draw.gamma(9, 2) + 9), 1)
        now += timedelta(seconds=seconds)
        answered.append(
            {
                **{"trial_id": trial.trial_id, "choice": choice, "order": order},
                "confidence": int(draw.integers(1, 5)) if trial.arm != "paper" else None,
                "seconds": seconds,
                "heard": {clip: int(draw.integers(1, 4)) for clip in "xab"},
                "at": now.isoformat(),
            }
        )
    correct = 2 if bad == "deaf" else 6
    return {
        **{"consent": True, "started": START.isoformat(), "finished": now.isoformat()},
        "headphones": {"passed": correct >= 5, "correct": correct, "trials": 6},
        "trials": answered,
    }


def _chance(trial, bad: str, own: float) -> float:
    """That a listener chooses the nearer clip."""
    if bad in ("guesses", "deaf"):
        return 0.5
    if trial.kind in (IDENTICAL, ABSURD):
        return CATCH
    return float(expit(trial.logit + own))
