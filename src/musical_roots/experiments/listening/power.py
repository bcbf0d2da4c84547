"""What a design can show: simulated listeners of known skill, and three ways to read their answers.

A design is so many X's, listeners, and answers a listener. In truth a share of all answers agrees
with the encoder, over all listeners and X's that might have been asked; each listener and each X
differs from the rest by an effect of its own, normal on the logit scale. Three ways to an interval:

pooled
    all answers taken for independent, Wilson's interval: what a percentage with its n suggests.
clustered
    two-way, by listener and X: `proportions.two_way`.
model
    crossed random effects: `model.fit`.
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
    """So many X's, listeners, and answers of each listener."""

    x_clips: int
    listeners: int
    answers: int
    name: str = ""


# 10 answers for each of 6 pairs and 15 X's, from 90 people; of one pair alone, some 150 answers
DESIGNS = (
    Design(15, 90, 10, "the paper's"),
    Design(15, 75, 2, "the paper's, one pair of bins"),
    Design(60, 90, 10, "ours"),
)
CHANCE = 0.5


def coverage(*, agreement: float, **how) -> pd.DataFrame:
    """False positives and coverage of the three ways, in the paper's design and in ours.

    Parameters
    ----------
    agreement : float
        True share of answers that agree, beside one half.
    **how
        Of :func:`simulated`.
    """
    return simulated(product(DESIGNS, (CHANCE, agreement)), **how)


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
        about = {"design": design.name, "x_clips": design.x_clips, "listeners": design.listeners}
        about |= {"answers_each": design.answers, "agreement": agreement}
        for method, bounds in found.items():
            told = _summary(np.array(bounds), agreement, confidence)
            rows.append(about | {"method": method} | told)
    return pd.DataFrame(rows)


def central(agreement: float, sd: float) -> float:
    """Logit of the middle listener and X for which so many of all answers agree."""
    return float(brentq(lambda logit: marginal(logit, sd) - agreement, -30, 30))


def study(
    design: Design, logit: float, listener_sd: float, x_sd: float, draw: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One simulated study: agrees (bool), listener, x, [listeners * answers] each.

    A listener hears each X once before any comes again.
    """
    rounds = -(-design.answers // design.x_clips)
    order = draw.permuted(
        np.tile(np.arange(design.x_clips), (design.listeners * rounds, 1)), axis=1
    ).reshape(design.listeners, -1)[:, : design.answers]
    x, listener = order.ravel(), np.repeat(np.arange(design.listeners), design.answers)
    effect = listener_sd * draw.standard_normal(design.listeners)[listener]
    effect = effect + x_sd * draw.standard_normal(design.x_clips)[x]
    return draw.random(len(x)) < expit(logit + effect), listener, x


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


def _summary(bounds: np.ndarray, agreement: float, confidence: float) -> dict:
    low, high = bounds[np.isfinite(bounds).all(axis=1)].T
    told = {"half_width": 50 * np.median(high - low) if len(low) else np.nan}
    held = {
        "covered": (low <= agreement) & (agreement <= high),
        "told_from_chance": (low > CHANCE) | (high < CHANCE),
    }
    for name, true in held.items():
        told[name] = true.mean() if len(true) else np.nan
        told[f"{name}_low"], told[f"{name}_high"] = wilson(true.sum(), len(true), confidence)
    return told | {"simulations": len(low)}
