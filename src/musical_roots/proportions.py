"""Shares of yes answers, and their uncertainty: pure functions of arrays.

References
----------
Wilson, "Probable inference, the law of succession, and statistical inference", JASA 1927.
Cameron, Gelbach, Miller, "Robust inference with multiway clustering", JBES 2011.
Owen, "The pigeonhole bootstrap", Annals of Applied Statistics 2007.
"""

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit, logit, ndtri, stdtr, stdtrit  # scipy.stats takes half a second


def wilson(yes: float, n: float, confidence: float) -> tuple[float, float]:
    """Wilson's interval of a share of independent answers.

    It takes every answer for one person's on one item of his own: where persons or items have
    several, it is too narrow, and only describes.

    Parameters
    ----------
    yes, n : float
        Yes answers, of how many; 0 <= yes <= n.
    confidence : float
        In (0, 1).

    Returns
    -------
    low, high : float
        In [0, 1]; NaN both for n = 0.

    Raises
    ------
    ValueError
        If `yes` is not in [0, n].
    """
    if not 0 <= yes <= n:
        raise ValueError(f"yes must be from 0 to n, not {yes} of {n}")
    if n == 0:
        return np.nan, np.nan
    z, share = ndtri((1 + confidence) / 2), yes / n
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return max(0.0, float(middle - half)), min(1.0, float(middle + half))


def two_way(
    yes: ArrayLike, one: ArrayLike, other: ArrayLike, confidence: float
) -> tuple[float, float]:
    """Interval of a share whose answers are clustered in two ways, as by listener and by X.

    The variance is that of Cameron, Gelbach and Miller (2011): by `one`, plus by `other`, less by
    both at once, each times G / (G - 1) for G clusters. It is not let below the larger of the
    first two: with few clusters the difference may be too small, or negative; nor below that of
    independent answers: clusters that are all alike have none. The interval is symmetric on the
    logit scale, with quantiles of Student's t of as many degrees of freedom as the fewer clusters,
    less one. Where all answers are the same there is no variance: then it is Wilson's of as many
    answers as there are clusters, the fewer of the two.

    Parameters
    ----------
    yes : array_like of bool [n]
        n >= 1.
    one, other : array_like [n]
        Cluster of each answer, in either way.
    confidence : float
        In (0, 1).

    Returns
    -------
    low, high : float
        In [0, 1]; NaN both if there is one cluster only in either way.
    """
    share, error, fewer = _logit_error(yes, one, other)
    if fewer < 2:
        return np.nan, np.nan
    if share in (0, 1):
        return wilson(share * fewer, fewer, confidence)
    half = stdtrit(fewer - 1, (1 + confidence) / 2) * error
    return tuple(float(expit(logit(share) + side * half)) for side in (-1, 1))


def two_way_p(yes: ArrayLike, one: ArrayLike, other: ArrayLike) -> float:
    """P-value of a share against one half, two-sided: of the same error as `two_way`.

    NaN where there is one cluster only in either way, or where all answers are the same.
    """
    share, error, fewer = _logit_error(yes, one, other)
    if fewer < 2 or share in (0, 1):
        return np.nan
    return float(2 * stdtr(fewer - 1, -abs(logit(share)) / error))


def _logit_error(yes: ArrayLike, one: ArrayLike, other: ArrayLike) -> tuple[float, float, int]:
    """Share, standard error of its logit, and the number of clusters in the way with fewer."""
    yes = np.asarray(yes, np.float64)
    one, one_count = _codes(one)
    other, other_count = _codes(other)
    share = float(yes.mean())
    by_one, by_other, by_both = (
        _variance(yes - share, *codes)
        for codes in ((one, one_count), (other, other_count), _codes(one * other_count + other))
    )
    independent = share * (1 - share)
    variance = max(by_one + by_other - by_both, by_one, by_other, independent / len(yes))
    error = np.sqrt(variance) / independent if independent else np.nan
    return share, error, min(one_count, other_count)


def holm(p_values: ArrayLike) -> np.ndarray:
    """P-values of one family, adjusted by Holm's step-down procedure; NaN are of no test.

    References
    ----------
    Holm, "A simple sequentially rejective multiple test procedure", Scand. J. Stat. 1979.
    """
    adjusted = np.array(p_values, np.float64)
    known = np.flatnonzero(np.isfinite(adjusted))
    order = known[np.argsort(adjusted[known], kind="stable")]
    steps = adjusted[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted


def pigeonhole_weights(
    one: ArrayLike, other: ArrayLike, resamples: int, rng: np.random.Generator
) -> np.ndarray:
    """How often each answer stands in each resample of the clusters, in both ways at once.

    Clusters of either way are drawn with replacement, independently; an answer counts as often as
    its two clusters' product (Owen 2007; a little conservative).

    Returns
    -------
    ndarray, float64 [resamples, n]
    """
    drawn = []
    for labels in (one, other):
        member, count = _codes(labels)
        times = rng.multinomial(count, np.full(count, 1 / count), size=resamples)
        drawn.append(times[:, member].astype(np.float64))
    return drawn[0] * drawn[1]


def _codes(labels: ArrayLike) -> tuple[np.ndarray, int]:
    found, member = np.unique(np.asarray(labels), return_inverse=True)
    return member, len(found)


def _variance(residual: np.ndarray, member: np.ndarray, count: int) -> float:
    sums = np.bincount(member, residual)
    return float(count / max(count - 1, 1) * (sums**2).sum() / len(residual) ** 2)
