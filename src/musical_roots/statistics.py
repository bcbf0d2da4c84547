"""Statistics of retrieval and their uncertainty: pure functions of arrays.

Conventions
-----------
A rank is 1 for the nearest row and infinite for a target that was not found. A cluster is what was
drawn at random, here a track: clips of one track resemble each other, so an interval that takes
them for independent is too narrow.

Metrics
-------
* :func:`recall_at`: share of targets among the first k.
* :func:`mean_reciprocal_rank`: mean of 1 / rank.
* :func:`median_rank`: the middle rank.
* :func:`cluster_bootstrap`: interval of any statistic, by resampling whole clusters.
* :func:`exceedance`: share of values at or above each threshold.
* :func:`conformal_p`: how unusual a value is among those of a null, whole clusters counted once;
  :func:`conformal`, the same of many sets of values.
* :func:`sign_flip`: whether paired differences lie above 0, by flipping whole clusters.
* :func:`competition_q`: false discovery rates of scores that compete with decoys.

References
----------
Voorhees, "The TREC-8 question answering track report", TREC 1999 (reciprocal rank).
Manning, Raghavan, Schütze, "Introduction to information retrieval", 2008, chapter 8 (recall).
Davison, Hinkley, "Bootstrap methods and their application", 1997, sections 3.8 and 5.3.1
(clusters drawn with replacement and kept whole; percentile interval).
Vovk, Gammerman, Shafer, "Algorithmic learning in a random world", 2005 (conformal p-values).
Lee, Barber, Willett, "Distribution-free inference with hierarchical data", 2023 (the same where
clusters, not values, are exchangeable).
Barber, Candès, "Controlling the false discovery rate via knockoffs", Annals of Statistics 2015
(theorem 3: sequential tests with p-values of two values).
Winkler et al., "Permutation inference for the general linear model", NeuroImage 2014 (sign flips).
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

AT_ONCE = 2**22  # values that are counted in memory, of some resamples


def recall_at(ranks: ArrayLike, k: int) -> float:
    """Share of targets among the first k: ``mean(rank <= k)``.

    Parameters
    ----------
    ranks : array_like [n]
        Rank of the one target of each query, 1 or more; infinite if it was not found.
    k : int
        1 or more.

    Returns
    -------
    float
        In [0, 1].

    Raises
    ------
    ValueError
        If `ranks` is empty, not one-dimensional or holds anything below 1, or `k` is below 1.
    """
    ranks = _ranks(ranks)
    if k < 1:
        raise ValueError(f"k must be 1 or more, not {k}")
    return float(np.mean(ranks <= k))


def mean_reciprocal_rank(ranks: ArrayLike) -> float:
    """Mean of 1 / rank; a target that was not found counts 0 (Voorhees 1999).

    Parameters
    ----------
    ranks : array_like [n]
        As for :func:`recall_at`.

    Returns
    -------
    float
        In [0, 1].

    Raises
    ------
    ValueError
        If `ranks` is empty, not one-dimensional or holds anything below 1.
    """
    return float(np.mean(1 / _ranks(ranks)))


def median_rank(ranks: ArrayLike) -> float:
    """The middle rank; the mean of the two middle ones if their number is even.

    Parameters
    ----------
    ranks : array_like [n]
        As for :func:`recall_at`.

    Returns
    -------
    float
        1 or more; infinite if half of the targets or more were not found.

    Raises
    ------
    ValueError
        If `ranks` is empty, not one-dimensional or holds anything below 1.
    """
    return float(np.median(_ranks(ranks)))


def cluster_bootstrap(
    values: ArrayLike,
    clusters: ArrayLike,
    statistic: Callable[[np.ndarray], float] = np.mean,
    *,
    resamples: int,
    confidence: float,
    rng: np.random.Generator,
) -> tuple:
    """Percentile interval of a statistic, by drawing whole clusters with replacement.

    With C clusters, each resample draws C of them and pools their values; the interval runs from
    the (1 - confidence) / 2 quantile of the statistic to the (1 + confidence) / 2 quantile
    (Davison and Hinkley 1997, sections 3.8 and 5.3.1). It is too narrow for few clusters: below
    some 20, read it as a hint.

    Parameters
    ----------
    values : array_like [n], or [n, m] for the mean
        Finite numbers.
    clusters : array_like [n]
        The cluster of each value, such as its track_id.
    statistic : callable
        From float64 [m] to a float. The mean, the default, is computed from the sums and sizes of
        the clusters, and the median from how often each is drawn, in some milliseconds for 1,000
        resamples; any other is called once a resample.
    resamples : int
        1 or more.
    confidence : float
        In (0, 1).
    rng : numpy.random.Generator
        From :func:`musical_roots.seeding.rng`. The order of the rows does not matter to the draw.

    Returns
    -------
    low, high : float, or float64 [m]
        NaN both if there is one cluster only: it says nothing of how clusters differ. Of m columns,
        each has an interval of its own, from the same resamples.

    Raises
    ------
    ValueError
        If the shapes differ, are empty or not one-dimensional, a value is not finite, or
        `resamples` or `confidence` is out of range.
    """
    values, clusters = np.asarray(values, np.float64), np.asarray(clusters)
    wide = values.ndim == 2 and statistic is np.mean
    if not (wide or values.ndim == 1) or clusters.shape != values.shape[:1] or not len(values):
        raise ValueError(
            f"values and clusters must be of one shape [n], n >= 1, not {values.shape} and "
            f"{clusters.shape}"
        )
    if not np.isfinite(values).all():
        raise ValueError("values must be finite")
    if resamples < 1 or not 0 < confidence < 1:
        raise ValueError(
            f"resamples must be 1 or more and confidence in (0, 1), not {resamples} and "
            f"{confidence}"
        )
    labels, member = np.unique(clusters, return_inverse=True)
    quantiles = [(1 - confidence) / 2, (1 + confidence) / 2]
    if len(labels) == 1:
        low = high = np.full(values.shape[1:], np.nan)
    elif statistic is np.mean:
        columns = values.reshape(len(values), -1).T
        sums = np.stack([np.bincount(member, column) for column in columns], axis=1)
        times = _times_drawn(len(labels), resamples, rng)
        estimates = times @ sums / (times @ np.bincount(member))[:, None]
        low, high = np.quantile(estimates, quantiles, axis=0).reshape(2, *values.shape[1:])
    elif statistic is np.median:
        order = np.argsort(values, kind="stable")
        times = _times_drawn(len(labels), resamples, rng)
        parts = np.array_split(times, 1 + resamples * len(values) // AT_ONCE)
        estimates = [_medians(values[order], part[:, member[order]]) for part in parts]
        low, high = np.quantile(np.concatenate(estimates), quantiles)
    else:
        drawn = rng.integers(len(labels), size=(resamples, len(labels)))
        groups = np.split(values[np.argsort(member, kind="stable")], np.cumsum(np.bincount(member)))
        estimates = [statistic(np.concatenate([groups[c] for c in draw])) for draw in drawn]
        low, high = np.quantile(estimates, quantiles)
    return (low, high) if wide else (float(low), float(high))


def _times_drawn(clusters: int, resamples: int, rng: np.random.Generator) -> np.ndarray:
    """How often each resample holds each cluster: int64 [resamples, clusters]."""
    drawn = rng.integers(clusters, size=(resamples, clusters))
    drawn += clusters * np.arange(resamples)[:, None]
    return np.bincount(drawn.ravel(), minlength=drawn.size).reshape(drawn.shape)


def _medians(ordered: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Median of rising values [n], each so many times, int [resamples, n]: float64 [resamples]."""
    counted = times.cumsum(axis=1)
    middle = [(counted[:, -1:] + 1) // 2, counted[:, -1:] // 2 + 1]  # the same of an odd number
    return ordered[[(counted >= place).argmax(axis=1) for place in middle]].mean(axis=0)


def exceedance(values: ArrayLike, thresholds: ArrayLike) -> np.ndarray:
    """Share of values at or above each threshold: 1 - the empirical distribution function.

    Parameters
    ----------
    values : array_like [n]
        n >= 1.
    thresholds : array_like [m]

    Returns
    -------
    ndarray, float64 [m]
        In [0, 1]; never rises with the threshold.
    """
    ordered = np.sort(np.asarray(values, np.float64))
    if not len(ordered):
        raise ValueError("values must not be empty")
    return 1 - np.searchsorted(ordered, np.asarray(thresholds, np.float64)) / len(ordered)


def conformal_p(scores: ArrayLike, null: ArrayLike, clusters: ArrayLike) -> np.ndarray:
    """Conformal p-value of each score: small where few of the null reach it.

    ``p(s) = (1 + sum over clusters of the share of its values that are >= s) / (C + 1)``

    With one value a cluster this is the ordinary conformal p-value (Vovk et al. 2005). A score from
    a cluster that is exchangeable with those of the null has p <= a with probability a at most
    (Lee, Barber, Willett 2023): clusters count, however many values they have.

    Parameters
    ----------
    scores : array_like [n]
    null : array_like [m]
        m >= 1.
    clusters : array_like [m]
        The cluster of each null value, such as its track_id.

    Returns
    -------
    ndarray, float64 [n]
        From 1 / (C + 1) to 1.

    Raises
    ------
    ValueError
        If `null` is empty, or its shape is not that of `clusters`.
    """
    return conformal(null, clusters)(scores)


def conformal(null: ArrayLike, clusters: ArrayLike) -> Callable[[ArrayLike], np.ndarray]:
    """:func:`conformal_p` of one null, for many sets of scores.

    Parameters
    ----------
    null, clusters : array_like [m]
        As there.

    Returns
    -------
    callable
        Scores, of any shape, to their p-values, float64 of that shape.

    Raises
    ------
    ValueError
        As there.
    """
    null, clusters = np.asarray(null, np.float64), np.asarray(clusters)
    if null.ndim != 1 or null.shape != clusters.shape or not len(null):
        raise ValueError(
            f"null and clusters must be of one shape [m], m >= 1, not {null.shape} and "
            f"{clusters.shape}"
        )
    labels, member = np.unique(clusters, return_inverse=True)
    weight = (1 / np.bincount(member))[member]
    order = np.argsort(null, kind="stable")
    reached = np.append(np.cumsum(weight[order][::-1])[::-1], 0.0)  # by those from here on
    p = np.minimum(1.0, (1 + reached) / (len(labels) + 1))  # shares may round up
    null = null[order]
    return lambda scores: p[np.searchsorted(null, np.asarray(scores, np.float64))]


def sign_flip(
    differences: ArrayLike,
    clusters: ArrayLike,
    resamples: int,
    *,
    rng: np.random.Generator,
    odds: float = 1.0,
) -> float:
    """p-value of paired differences whose mean lies above 0, one-sided.

    Under the null a cluster's differences are as likely as their negatives. Each resample flips
    whole clusters at random; the p-value is (1 + resamples whose sum is as large) / (1 + resamples)
    (Winkler et al. 2014, sections on sign flipping and exchangeability blocks). With `odds`, a
    cluster's sum is positive at these under the null.

    Parameters
    ----------
    differences : array_like [n]
        n >= 1.
    clusters : array_like [n]
        The cluster of each, such as its prompt.
    resamples : int
        1 or more.
    rng : numpy.random.Generator
    odds : float
        From 0 to inf.

    Returns
    -------
    float
        From 1 / (1 + resamples) to 1.
    """
    differences, clusters = np.asarray(differences, np.float64), np.asarray(clusters)
    if differences.ndim != 1 or differences.shape != clusters.shape or not len(differences):
        raise ValueError("differences and clusters must be of one shape [n], n >= 1")
    _, member = np.unique(clusters, return_inverse=True)
    sums = np.bincount(member, differences)
    if odds == 1:
        signs = rng.choice([-1.0, 1.0], size=(resamples, len(sums)))
    else:
        negative = 1 / (1 + odds)
        drawn = rng.choice([-1.0, 1.0], size=(resamples, len(sums)), p=[negative, 1 - negative])
        signs = drawn * np.sign(sums)
    # rounding must not tell the sum itself from its equal
    as_large = signs @ sums >= sums.sum() - 1e-12 * np.abs(sums).sum()
    return float((1 + np.count_nonzero(as_large)) / (1 + resamples))


def competition_q(target: ArrayLike, decoy: ArrayLike, odds: float = 1.0) -> np.ndarray:
    """Smallest false discovery rate at which a score that beats its decoy is a discovery.

    ``q = min over t <= s of odds * (1 + decoy wins at t or above) / target wins at t or above``

    for a target that wins with a score of s (Barber and Candès 2015: with `odds` the odds at which
    the target wins where there is nothing to find, and independent wins).

    Parameters
    ----------
    target, decoy : array_like [n]
        The best score on either side; -inf where there is none. Of equal ones neither wins.
    odds : float
        Above 0.

    Returns
    -------
    ndarray, float64 [n]
        In (0, 1]; 1 where the target does not win.
    """
    target, decoy = np.asarray(target, np.float64), np.asarray(decoy, np.float64)
    score, win = np.maximum(target, decoy), target > decoy
    order = np.argsort(-score, kind="stable")
    wins, losses = np.cumsum(win[order]), np.cumsum((decoy > target)[order])
    falling = -score[order]
    last = np.searchsorted(falling, falling, side="right") - 1  # equal scores come together
    ratio = odds * (1 + losses[last]) / np.maximum(wins[last], 1)
    q = np.empty(len(score))
    q[order] = np.minimum.accumulate(ratio[::-1])[::-1]
    return np.where(win, np.minimum(q, 1.0), 1.0)


def _ranks(ranks: ArrayLike) -> np.ndarray:
    ranks = np.asarray(ranks, np.float64)
    if ranks.ndim != 1 or not len(ranks):
        raise ValueError(f"ranks must be of shape [n], n >= 1, not {ranks.shape}")
    if not (ranks >= 1).all():
        raise ValueError("ranks must be 1 or more, or infinite if not found")
    return ranks
