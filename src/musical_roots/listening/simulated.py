"""Answers of simulated listeners to real trials, as files of real ones: nobody has heard these.

They stand in until people have answered, so that every table and figure can be seen and tested. A
listener of known skill agrees with the encoder with

``logit P = SKILL gap / (standard deviation of the encoder's gaps) + listener + X``,

and every tenth is a bad one, whom a rule must find.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import cycle, islice

import pandas as pd
from scipy.special import expit

from musical_roots.listening.kinds import ABSURD, IDENTICAL, REPEAT
from musical_roots.listening.session import SCHEMA, SIMULATED
from musical_roots.seeding import rng

SKILL = 1.2
CATCH = 0.98  # share of catch trials that a good listener passes
BAD = ("deaf", "guesses", "one side", "hasty")  # in turns
EVERY = 10
START = datetime(2000, 1, 1, tzinfo=UTC)  # no day on which anybody answered


def sessions(
    trials: pd.DataFrame,
    manifest: dict,
    *,
    listeners: int,
    listener_sd: float,
    x_sd: float,
    seed: int,
) -> Iterator[dict]:
    """Sessions of simulated listeners, as `session.Session` describes them.

    Parameters
    ----------
    trials : DataFrame
        Of one arm; a listener answers one block of them, in the order of `position`.
    manifest : dict
        Of `page.manifest`.
    listeners : int
        For each encoder of the paper's arm; else in all. They take its blocks in turns.
    listener_sd, x_sd : float
        On the logit scale.
    """
    arm = manifest["arm"]
    spread = trials.assign(gap=(trials.a_cosine - trials.b_cosine).abs())
    spread["skill"] = SKILL * spread.gap / spread.groupby("encoder").gap.transform("std")
    effects = {x: x_sd * rng(seed, "listening.x", x).standard_normal() for x in trials.x_clip_id}
    spread["logit"] = spread.skill.fillna(0) + spread.x_clip_id.map(effects)
    # a session of the paper's arm is of one encoder
    parts = [part for _, part in spread.groupby("encoder")] if arm == "paper" else [spread]
    turns = [block for part in parts if len(part) for block in _turns(part, listeners)]
    for number, mine in enumerate(turns):
        name = f"{SIMULATED}{arm}-{number:04d}"
        draw = rng(seed, "listening.listener", name)
        bad = BAD[number // EVERY % len(BAD)] if number % EVERY == EVERY - 1 else ""
        own = listener_sd * draw.standard_normal()
        yield {
            **{"schema": SCHEMA, "study_id": manifest["study_id"], "arm": arm},
            **{"listener_id": name, "consent": True, "started": START.isoformat()},
            **_session(mine, bad, own, manifest, draw),
        }


def _turns(part: pd.DataFrame, listeners: int) -> Iterator[pd.DataFrame]:
    """The block of each of so many listeners, all blocks in turns."""
    blocks = [block.sort_values("position") for _, block in part.groupby("block")]
    return islice(cycle(blocks), listeners)


def _session(trials: pd.DataFrame, bad: str, own: float, manifest: dict, draw) -> dict:
    asked, now, answered, before = manifest["asked"], START, [], {}
    test, least = _headphones(bad, asked), {t["trial_id"]: t["least_s"] for t in manifest["trials"]}
    away = asked["headphones"] == "required" and not test["passed"]
    for trial in trials.head(0 if away else len(trials)).itertuples():
        order = "ab" if draw.random() < 0.5 else "ba"
        agrees = draw.random() < _chance(trial, bad, own)
        choice = trial.nearer if agrees else {"a": "b", "b": "a"}[trial.nearer]
        if bad == "one side":
            choice = order[0]
        elif trial.kind == REPEAT and draw.random() < 0.8 and trial.repeats in before:
            choice = before[trial.repeats]
        before[trial.trial_id] = choice
        decided = round(float(draw.uniform(0.2, 0.7) if bad == "hasty" else draw.gamma(9, 2)), 1)
        seconds = round(decided + 1.2 * least[trial.trial_id] + 0.5, 1)
        now += timedelta(seconds=seconds)
        answered.append(
            {
                **{"trial_id": trial.trial_id, "choice": choice, "order": order},
                "confidence": int(draw.integers(1, 5)) if trial.arm != "paper" else None,
                **{"seconds": seconds, "decided": decided},
                "heard": {clip: int(draw.integers(1, 4)) for clip in "xab"},
                "at": now.isoformat(),
            }
        )
    return {"finished": now.isoformat(), "headphones": test, "trials": answered}


def _headphones(bad: str, asked: dict) -> dict | None:
    if asked["headphones"] == "none":
        return None
    trials = len(asked["quiet_tones"])
    correct = trials // 3 if bad == "deaf" else trials
    return {"passed": correct >= asked["headphones_to_pass"], "correct": correct, "trials": trials}


def _chance(trial, bad: str, own: float) -> float:
    """That a listener chooses the nearer clip."""
    if bad in ("guesses", "deaf"):
        return 0.5
    if trial.kind in (IDENTICAL, ABSURD):
        return CATCH
    return float(expit(trial.logit + own))
