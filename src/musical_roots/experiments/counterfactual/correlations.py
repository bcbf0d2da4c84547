"""Rank correlations of many columns at once, and how they hang on which halves were drawn."""

from collections.abc import Callable

import numpy as np
from scipy.stats import rankdata

from musical_roots.seeding import rng


def rank_correlation(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Spearman's rank correlation of the columns of two arrays; 0 where a column is constant.

    Parameters
    ----------
    one, other : ndarray, float [n, columns]

    Returns
    -------
    ndarray, float64 [columns]
        From -1 to 1.
    """
    a, b = (rankdata(values, axis=0) - (len(values) + 1) / 2 for values in (one, other))
    return _ratio((a * b).sum(axis=0), (a**2).sum(axis=0) * (b**2).sum(axis=0))


def resampled_correlation(
    other: np.ndarray, times: np.ndarray
) -> Callable[[np.ndarray], np.ndarray]:
    """`rank_correlation` with one array in resamples of its rows, ranked anew in each.

    Parameters
    ----------
    other : ndarray, float [n, columns]
    times : ndarray, int [resamples, n]
        How often each row is drawn; the same number of rows in each resample.

    Returns
    -------
    callable
        From an array like `other` to correlations, float32 [resamples, columns]. What comes of
        `other` is worked out once.
    """
    weight = times.astype(np.float32)
    ranks = _resampled_ranks(other, times)
    square = np.einsum("rnc,rnc,rn->rc", ranks, ranks, weight)
    ranks *= weight[:, :, None]

    def correlation(one: np.ndarray) -> np.ndarray:
        mine = _resampled_ranks(one, times)
        above = np.einsum("rnc,rnc->rc", mine, ranks)
        np.square(mine, out=mine)
        return _ratio(above, square * np.einsum("rnc,rn->rc", mine, weight))

    return correlation


def _resampled_ranks(values: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Rank of each row among those of each resample, ties halved, their mean off.

    Returns
    -------
    ndarray, float32 [resamples, n, columns]
    """
    lower = values[:, None] < values[None]
    before = (lower + 0.5 * (values[:, None] == values[None])).astype(np.float32)
    ranks = times.astype(np.float32) @ before.reshape(len(values), -1)
    return ranks.reshape(len(times), *values.shape) - np.float32(times[0].sum() / 2)


def _ratio(above: np.ndarray, square: np.ndarray) -> np.ndarray:
    """above / sqrt(square), 0 where that is 0 / 0."""
    there = square > 0
    return np.where(there, above / np.sqrt(np.where(there, square, 1)), 0.0)


def drawn_halves(halves: int, resamples: int, seed: int, item: str) -> np.ndarray:
    """Halves drawn with replacement, as many as there are: int [resamples, halves]."""
    chance = rng(seed, "counterfactual.halves", item)
    return chance.multinomial(halves, np.full(halves, 1 / halves), size=resamples)


def moved_interval(spread: np.ndarray, middle: float, confidence: float) -> np.ndarray:
    """Percentile interval of resamples, moved so that their mean is what was measured.

    A half that is drawn twice ties with itself, which draws rank correlations nearer to 0.

    Parameters
    ----------
    spread : ndarray [resamples]
    middle : float
        What was measured.
    confidence : float

    Returns
    -------
    ndarray [2]
    """
    ends = np.quantile(spread, [(1 - confidence) / 2, (1 + confidence) / 2])
    return ends + middle - spread.mean()
