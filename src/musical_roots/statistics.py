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

References
----------
Voorhees, "The TREC-8 question answering track report", TREC 1999 (reciprocal rank).
Manning, Raghavan, Schütze, "Introduction to information retrieval", 2008, chapter 8 (recall).
Davison, Hinkley, "Bootstrap methods and their application", 1997, sections 3.8 and 5.3.1
(clusters drawn with replacement and kept whole; percentile interval).
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike


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
    resamples: int = 1000,
    confidence: float = 0.95,
    *,
    rng: np.random.Generator,
) -> tuple[float, float]:
    """Percentile interval of a statistic, by drawing whole clusters with replacement.

    With C clusters, each resample draws C of them and pools their values; the interval runs from
    the (1 - confidence) / 2 quantile of the statistic to the (1 + confidence) / 2 quantile
    (Davison and Hinkley 1997, sections 3.8 and 5.3.1). It is too narrow for few clusters: below
    some 20, read it as a hint.

    Parameters
    ----------
    values : array_like [n]
        Finite numbers.
    clusters : array_like [n]
        The cluster of each value, such as its track_id.
    statistic : callable
        From float64 [m] to a float. The mean, the default, is computed from the sums and sizes of
        the clusters, some milliseconds for 1,000 resamples; any other is called once a resample.
    resamples : int
        1 or more.
    confidence : float
        In (0, 1).
    rng : numpy.random.Generator
        From :func:`musical_roots.seeding.rng`. The order of the rows does not matter to the draw.

    Returns
    -------
    low, high : float
        NaN both if there is one cluster only: it says nothing of how clusters differ.

    Raises
    ------
    ValueError
        If the shapes differ, are empty or not one-dimensional, a value is not finite, or
        `resamples` or `confidence` is out of range.
    """
    values, clusters = np.asarray(values, np.float64), np.asarray(clusters)
    if values.ndim != 1 or values.shape != clusters.shape or not len(values):
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
    if len(labels) == 1:
        return float("nan"), float("nan")
    drawn = rng.integers(len(labels), size=(resamples, len(labels)))
    if statistic is np.mean:
        sums, sizes = np.bincount(member, values), np.bincount(member)
        estimates = sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
    else:
        groups = np.split(values[np.argsort(member, kind="stable")], np.cumsum(np.bincount(member)))
        estimates = [statistic(np.concatenate([groups[c] for c in draw])) for draw in drawn]
    low, high = np.quantile(estimates, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def _ranks(ranks: ArrayLike) -> np.ndarray:
    ranks = np.asarray(ranks, np.float64)
    if ranks.ndim != 1 or not len(ranks):
        raise ValueError(f"ranks must be of shape [n], n >= 1, not {ranks.shape}")
    if not (ranks >= 1).all():
        raise ValueError("ranks must be 1 or more, or infinite if not found")
    return ranks
