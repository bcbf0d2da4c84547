"""The psychometric curve: how agreement grows with what the encoder measures.

``P(agrees) = lapse / 2 + (1 - lapse) expit(z)``: a share `lapse` of answers is blind (Wichmann and
Hill, "The psychometric function: I", Perception & Psychophysics 2001), at most as large as the
config allows. By the *gap* of cosines, z = b gap: where there is no gap there is no nearer clip,
and agreement is one half. By the *cosine* of the nearer clip, where the farther one was drawn at
random, z = a + b cosine: where it passes a share that is called high, similarity is high.

Intervals: percentiles of the pigeonhole bootstrap, listeners and X's drawn at once
(`proportions.pigeonhole_weights`).
"""

import numpy as np
import pandas as pd
from scipy.special import expit, logit

from musical_roots.experiments.listening import FEWEST
from musical_roots.listening.kinds import TEST
from musical_roots.proportions import pigeonhole_weights, wilson
from musical_roots.seeding import rng

LAPSES = 6  # from none to the largest that is allowed, evenly
STEPS = 30  # of Newton's method
PRIOR_SD = 10.0  # of coefficients of standardised columns: holds them where all answers agree
JUST_PASSED = 0.75  # agreement half way from chance to certainty
POINTS = 41  # of a curve
GAP = f"gap at {100 * JUST_PASSED:.0f} % agreement"
HIGH_SIMILARITY = "cosine of high similarity"
CURVE = ["arm", "encoder", "by", "what", "at", "agreement", "low", "high", "answers"]
THRESHOLDS = [
    *("arm", "encoder", "threshold", "agreement", "bound", "value", "low", "high"),
    *("not_reached", "below_heard", "slope", "lapse"),
]
AT_MOST = "at most"
SHARES = ("share", "share_at_high", "share_at_low")  # at a threshold, and its interval's ends
AT_RANDOM = ("bin_4", "random")  # drawn among all clips, or where the cosines of such lie


def curves(
    answers: pd.DataFrame,
    paper: pd.DataFrame,
    *,
    lapse: float,
    high_agreement: float,
    resamples: int,
    confidence: float,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Psychometric curves of each arm and encoder, and where they pass what matters.

    Parameters
    ----------
    answers : DataFrame
        Of `judged`.
    paper : DataFrame
        The paper's bins: encoder, bin, centre_cosine.

    Returns
    -------
    curve : DataFrame
        arm, encoder, by (gap, cosine), what (curve, answers), at, agreement, low, high, answers:
        points of the curve with the band of the bootstrap, and shares of answers in tenths with
        Wilson's.
    thresholds : DataFrame
        arm, encoder, threshold (gap at 75 % agreement; cosine of high similarity), agreement,
        bound ("at most" where value is the lowest that was heard, for all of the curve lies above:
        it may be passed anywhere below), value, low, high (blank of fewer than `FEWEST` listeners
        or X's), not_reached (share of resamples in which no such place was heard), below_heard
        (share in which it would lie below all that was heard), slope (logits a unit of cosine),
        lapse, paper. Value is blank where the curve does not rise to it within what was heard.
    """
    tests = answers[answers.kind == TEST]
    shown, found = [], []
    for (arm, encoder), mine in tests.groupby(["arm", "encoder"]):
        chance = mine[mine.farther_drawn.isin(AT_RANDOM)]
        for by, wanted, part, values in (
            ("gap", JUST_PASSED, mine, mine.gap),
            ("cosine", high_agreement, chance, chance.nearer_cosine),
        ):
            if part.empty:
                continue
            draw = rng(seed, f"listening.bootstrap {by}", f"{arm} {encoder}")
            weights = pigeonhole_weights(part.listener, part.x, resamples, draw)
            weights = np.vstack([np.ones(len(part)), weights])  # first, the answers as they are
            weights = weights[weights.sum(axis=1) > 0]
            few = min(part.listener.nunique(), part.x.nunique()) < FEWEST
            weights = weights[:1] if few else weights
            curve, threshold = _fitted(
                values.to_numpy(), part.agrees.to_numpy(), weights, by, wanted, lapse, confidence
            )
            about = {"arm": arm, "encoder": encoder}
            shown.append(curve.assign(**about, by=by))
            found.append(about | threshold)
    thresholds = pd.DataFrame(found, columns=THRESHOLDS)
    high = paper[paper.bin == 1].set_index(paper.encoder[paper.bin == 1].str.lower()).centre_cosine
    of_cosine = thresholds.threshold == HIGH_SIMILARITY
    thresholds["paper"] = thresholds.encoder.map(high).where(of_cosine)
    curve = pd.concat(shown, ignore_index=True)[CURVE] if shown else pd.DataFrame(columns=CURVE)
    return curve, thresholds


def fit(
    values: np.ndarray, right: np.ndarray, total: np.ndarray, largest_lapse: float, intercept: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Maximum likelihood of many samples at once, by Fisher scoring on a grid of lapses.

    Parameters
    ----------
    values : ndarray, float64 [m]
        What the curve is of.
    right, total : ndarray, float64 [samples, m]
        Weight of the answers that agree, and of all, at each value.
    largest_lapse : float
        In [0, .5).
    intercept : bool
        Whether the curve may pass one half elsewhere than at 0.

    Returns
    -------
    intercepts, slopes, lapses : ndarray, float64 [samples]
    """
    centre, scale = (values.mean() if intercept else 0.0), np.std(values) or 1.0
    scale = scale if intercept else np.sqrt(np.mean(values**2)) or 1.0
    columns = np.stack([np.full_like(values, float(intercept)), (values - centre) / scale])
    best = np.full(len(total), -np.inf)
    found = np.zeros((3, len(total)))
    for lapse in np.linspace(0, largest_lapse, LAPSES if largest_lapse else 1):
        coefficients, likelihood = _score(columns, right, total, lapse)
        better = likelihood > best + 1e-9
        best[better] = likelihood[better]
        found[:2, better], found[2, better] = coefficients[better].T, lapse
    slopes = found[1] / scale
    return found[0] - slopes * centre, slopes, found[2]


def _score(columns, right, total, lapse) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients [samples, 2] and penalised log likelihood [samples], for one lapse."""
    coefficients = np.zeros((len(total), 2))
    prior = np.eye(2) / PRIOR_SD**2
    for _ in range(STEPS):
        plain = expit(coefficients @ columns)
        share = lapse / 2 + (1 - lapse) * plain
        slope = (1 - lapse) * plain * (1 - plain)
        spread = np.maximum(share * (1 - share), 1e-12)
        gradient = ((right - total * share) * slope / spread) @ columns.T - coefficients @ prior
        weight = total * slope**2 / spread
        information = np.einsum("sm,im,jm->sij", weight, columns, columns) + prior
        step = np.linalg.solve(information, gradient[..., None])[..., 0]
        coefficients = coefficients + np.clip(step, -1, 1)
        if np.abs(step).max() < 1e-8:
            break
    share = np.clip(lapse / 2 + (1 - lapse) * expit(coefficients @ columns), 1e-12, 1 - 1e-12)
    likelihood = (right * np.log(share) + (total - right) * np.log1p(-share)).sum(axis=1)
    return coefficients, likelihood - (coefficients**2).sum(axis=1) / 2 / PRIOR_SD**2


def passes(intercepts, slopes, lapses, agreement: float, lowest: float, highest: float):
    """Where curves pass an agreement, within what was heard.

    Returns
    -------
    ndarray, float64 [samples]
        Infinite where a curve does not rise so high, or falls below; `lowest` where all of it lies
        above.
    """
    wanted = logit((agreement - lapses / 2) / (1 - lapses))
    with np.errstate(divide="ignore", invalid="ignore"):
        at = (wanted - intercepts) / slopes
    at = np.where((slopes > 0) & (at <= highest), np.maximum(at, lowest), np.inf)
    least = intercepts + slopes * np.where(slopes > 0, lowest, highest)
    return np.where(least >= wanted, lowest, at)


def exceeded(exceedance: pd.DataFrame, thresholds: pd.DataFrame) -> pd.DataFrame:
    """Experiment C's shares at the cosine from which listeners call clips similar.

    Parameters
    ----------
    exceedance : DataFrame
        Experiment C's: share of outputs with a clip at or above a threshold.
    thresholds : DataFrame
        Of :func:`curves`.

    Returns
    -------
    DataFrame
        A row an arm of the listening study and a curve of `exceedance`: bound and threshold, share
        between its points (at least so many, where the threshold is "at most"), and the shares at
        either end of the threshold's interval: the higher the threshold, the smaller the share.
        Blank where no threshold is known.
    """
    asked = thresholds[thresholds.threshold == HIGH_SIMILARITY]
    curve = [name for name in exceedance if name not in ("threshold", "share", "low", "high")]
    rows = []
    for one in asked.itertuples():
        for key, part in exceedance[exceedance.encoder == one.encoder].groupby(
            curve, sort=False, dropna=False
        ):
            part = part.sort_values("threshold")
            at = np.array([one.value, one.high, one.low])
            shares = np.interp(at, part.threshold, part.share, left=np.nan, right=np.nan)
            about = {"arm": one.arm, **dict(zip(curve, key, strict=True)), "bound": one.bound}
            about |= {"threshold": one.value}
            rows.append(about | dict(zip(SHARES, shares, strict=True)))
    return pd.DataFrame(rows, columns=["arm", *curve, "bound", "threshold", *SHARES])


def _fitted(values, agrees, weights, by, wanted, lapse, confidence) -> tuple[pd.DataFrame, dict]:
    """The curve, and where it passes what is wanted; the first of the weights are all ones."""
    order = np.argsort(values, kind="stable")
    heard, first = np.unique(values[order], return_index=True)
    total = np.add.reduceat(weights[:, order], first, axis=1)
    right = np.add.reduceat(weights[:, order] * agrees[order], first, axis=1)
    fits = fit(heard, right, total, lapse, by == "cosine")
    lowest = 0.0 if by == "gap" else heard.min()
    at = passes(*fits, wanted, lowest, heard.max())
    quantiles = [(1 - confidence) / 2, (1 + confidence) / 2]
    low, high = np.quantile(at[1:], quantiles, method="nearest") if len(at) > 1 else (np.nan,) * 2
    threshold = {
        "threshold": GAP if by == "gap" else HIGH_SIMILARITY,
        **{"agreement": wanted, "bound": AT_MOST if at[0] == lowest else None},
        **{"value": at[0], "low": low, "high": high},
        "not_reached": np.isinf(at[1:]).mean() if len(at) > 1 else np.nan,
        "below_heard": (at[1:] == lowest).mean() if len(at) > 1 else np.nan,
        **{"slope": fits[1][0], "lapse": fits[2][0]},
    }
    blank = {key: np.nan for key in ("value", "low", "high") if np.isinf(threshold[key])}
    grid = np.linspace(lowest, heard.max(), POINTS)
    intercepts, slopes, lapses = (part[:, None] for part in fits)
    lines = lapses / 2 + (1 - lapses) * expit(intercepts + slopes * grid)
    band = (
        np.quantile(lines[1:], quantiles, axis=0)
        if len(lines) > 1
        else np.full((2, POINTS), np.nan)
    )
    curve = pd.DataFrame({"what": "curve", "at": grid, "agreement": lines[0]})
    curve["low"], curve["high"] = band
    points = _tenths(values, agrees, confidence)
    return pd.concat([curve, points], ignore_index=True), threshold | blank


def _tenths(values: np.ndarray, agrees: np.ndarray, confidence: float) -> pd.DataFrame:
    """Shares of answers by tenths of the values."""
    tenth = pd.qcut(values, 10, duplicates="drop", labels=False)
    rows = []
    for _, part in pd.DataFrame({"at": values, "agrees": agrees}).groupby(tenth):
        low, high = wilson(part.agrees.sum(), len(part), confidence)
        row = {"what": "answers", "at": part["at"].mean(), "agreement": part.agrees.mean()}
        rows.append(row | {"low": low, "high": high, "answers": len(part)})
    return pd.DataFrame(rows)
