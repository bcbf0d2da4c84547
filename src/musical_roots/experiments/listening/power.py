"""What a design can show: simulated listeners of known skill, and three ways to read their answers.

A design is so many X's, listeners, and answers of each listener on one encoder. In truth a share of
all answers agrees with the encoder, over all listeners and X's that might have been asked; each
listener and each X differs from the rest by an effect of its own, normal on the logit scale. Three
ways to an interval:

pooled
    all answers taken for independent, Wilson's interval: what a percentage with its n suggests.
clustered
    two-way, by listener and X: `proportions.two_way`.
model
    crossed random effects: `model.fit`.

And whether agreement grows with the gap of cosines, where it does not and trials differ, is asked
in two ways: of the model with an effect of trials, and of the same without.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.special import expit

from musical_roots.experiments.listening.model import fit, marginal
from musical_roots.proportions import two_way, wilson
from musical_roots.seeding import rng


@dataclass(frozen=True)
class Design:
    """So many X's, listeners, and answers of each listener on one encoder."""

    x_clips: int
    listeners: int
    answers: int
    name: str = ""
    trials: int = 0  # of an X, where the gap is asked after


# 10 answers for each of 6 pairs and 15 X's, from 90 people; of one pair alone, some 150 answers
PAPER = Design(15, 90, 10, "the paper's", 6)
ONE_PAIR = Design(15, 75, 2, "the paper's, one pair of bins")
CHANCE = 0.5


def coverage(ours: Design, *, agreement: float, trial_sd: float, **how) -> pd.DataFrame:
    """False positives and coverage of the three ways, in the paper's design and in ours.

    Parameters
    ----------
    ours : Design
        With its trials.
    agreement : float
        True share of answers that agree, beside one half.
    trial_sd : float
        How trials of one X differ, on the logit scale, where the gap is asked after.
    **how
        Of :func:`simulated`.

    Returns
    -------
    DataFrame
        As of :func:`simulated`, and of :func:`gaps`.
    """
    asked = simulated(product((PAPER, ONE_PAIR, ours), (CHANCE, agreement)), **how)
    return pd.concat([asked, gaps((PAPER, ours), trial_sd=trial_sd, **how)], ignore_index=True)


def power(
    x_clips: list[int], listeners: list[int], answers: list[int], *, agreement: float, **how
) -> pd.DataFrame:
    """How often an agreement is told from chance, by X's, listeners and answers."""
    designs = [Design(*numbers) for numbers in product(x_clips, listeners, answers)]
    return simulated([(design, agreement) for design in designs], **how)


def simulated(
    cases: Iterator, *, simulations: int, listener_sd: float, x_sd: float, confidence: float,
    seed: int,
) -> pd.DataFrame:  # fmt: skip
    """Simulate studies of each design and truth, and read them in three ways.

    Parameters
    ----------
    cases : iterable of (Design, float)
        With the true agreement.
    simulations : int
        Studies a case.
    listener_sd, x_sd : float
        Of the effects of listeners and X's, on the logit scale.

    Returns
    -------
    DataFrame
        A row a case and method: design, x_clips, listeners, answers_each, agreement (true), method,
        covered (share of intervals that hold the truth) with covered_low and covered_high,
        told_from_chance (share of intervals that leave out one half: false positives where the
        truth is one half, power elsewhere) with its _low and _high (Wilson's, over simulations),
        half_width (median, percentage points), simulations (that gave an interval).
    """
    rows = []
    for design, agreement in cases:
        logit = central(agreement, np.hypot(listener_sd, x_sd))
        found = {"pooled": [], "clustered": [], "model": []}
        for number in range(simulations):
            item = f"{design.x_clips} {design.listeners} {design.answers} {agreement} {number}"
            draw = rng(seed, "listening.power", item)
            answers = study(design, logit, listener_sd, x_sd, draw)
            for method, bounds in intervals(*answers, confidence).items():
                found[method].append(bounds)
        for method, bounds in found.items():
            told = _summary(np.array(bounds), agreement, CHANCE, confidence)
            rows.append(_about(design, agreement, confidence) | {"method": method} | told)
    return pd.DataFrame(rows)


def gaps(
    designs: tuple[Design, ...], *, simulations: int, listener_sd: float, x_sd: float,
    trial_sd: float, confidence: float, seed: int,
) -> pd.DataFrame:  # fmt: skip
    """How often agreement is found to grow with the gap of cosines, where it does not.

    Returns
    -------
    DataFrame
        As of :func:`simulated`, by method: gap, the crossed model with an effect of trials;
        gap_without_trials, the same without one. told_from_chance is the share of intervals of the
        slope that leave 0 out: all are false.
    """
    rows = []
    for design in designs:
        found = {"gap": [], "gap_without_trials": []}
        for number in range(simulations):
            item = f"{design.x_clips} {design.listeners} {design.answers} {number}"
            draw = rng(seed, "listening.power.gap", item)
            *answers, trial = study(design, 0.0, listener_sd, x_sd, draw, trial_sd)
            gap = draw.standard_normal(design.x_clips * design.trials)[trial]
            for method, more in (("gap", (gap, trial)), ("gap_without_trials", (gap,))):
                fitted = fit(*answers, *more)
                bounds = fitted.bounds(confidence) if fitted else np.full((2, 2), np.nan)
                found[method].append([bound[1] for bound in bounds])
        for method, bounds in found.items():
            told = _summary(np.array(bounds), 0.0, 0.0, confidence) | {"half_width": np.nan}
            rows.append(_about(design, CHANCE, confidence) | {"method": method} | told)
    return pd.DataFrame(rows)


def _about(design: Design, agreement: float, confidence: float) -> dict:
    about = {"design": design.name, "x_clips": design.x_clips, "listeners": design.listeners}
    about |= {"answers_each": design.answers, "agreement": agreement}
    return about | {"confidence": confidence}


def central(agreement: float, sd: float) -> float:
    """Logit of the middle listener and X for which so many of all answers agree."""
    return float(brentq(lambda logit: marginal(logit, sd) - agreement, -30, 30))


def study(
    design: Design,
    logit: float,
    listener_sd: float,
    x_sd: float,
    draw: np.random.Generator,
    trial_sd: float | None = None,
) -> tuple[np.ndarray, ...]:
    """One simulated study: agrees (bool), listener, x, [listeners * answers] each.

    A listener hears each X once before any comes again. Where trials differ, by `trial_sd`, there
    is a fourth: which trial it was, one of the X's pairs at random.
    """
    rounds = -(-design.answers // design.x_clips)
    order = draw.permuted(
        np.tile(np.arange(design.x_clips), (design.listeners * rounds, 1)), axis=1
    ).reshape(design.listeners, -1)[:, : design.answers]
    x, listener = order.ravel(), np.repeat(np.arange(design.listeners), design.answers)
    effect = listener_sd * draw.standard_normal(design.listeners)[listener]
    effect = effect + x_sd * draw.standard_normal(design.x_clips)[x]
    if trial_sd is None:
        return draw.random(len(x)) < expit(logit + effect), listener, x
    trial = x * design.trials + draw.integers(0, design.trials, len(x))
    effect = effect + trial_sd * draw.standard_normal(design.x_clips * design.trials)[trial]
    return draw.random(len(x)) < expit(logit + effect), listener, x, trial


def intervals(agrees, listener, x, confidence: float) -> dict[str, tuple[float, float]]:
    """Interval of the share that agrees, in each of the three ways; NaN where there is none."""
    fitted = fit(agrees, listener, x)
    modelled = (np.nan, np.nan)
    if fitted is not None:
        modelled = tuple(fitted.share(bound[0]) for bound in fitted.bounds(confidence))
    return {
        "pooled": wilson(agrees.sum(), len(agrees), confidence),
        "clustered": two_way(agrees, listener, x, confidence),
        "model": modelled,
    }


def _summary(bounds: np.ndarray, true: float, nothing: float, confidence: float) -> dict:
    """What intervals tell of what is true, and whether they leave out what would be nothing."""
    low, high = bounds[np.isfinite(bounds).all(axis=1)].T
    told = {"half_width": 50 * np.median(high - low) if len(low) else np.nan}
    held = {
        "covered": (low <= true) & (true <= high),
        "told_from_chance": (low > nothing) | (high < nothing),
    }
    for name, held_by in held.items():
        told[name] = held_by.mean() if len(held_by) else np.nan
        told[f"{name}_low"], told[f"{name}_high"] = wilson(held_by.sum(), len(held_by), confidence)
    return told | {"simulations": len(low)}
