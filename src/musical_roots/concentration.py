"""Who is found how often: concentration of counts, hubs, and similarities that correct for hubs.

Pure functions of arrays. In a space of many dimensions some points are among the nearest neighbours
of very many others, whatever these are (Radovanović et al. 2010). "A few songs influence many
outputs" is therefore no finding until it exceeds what hubs alone give.

Counts
------
* :func:`k_occurrence`: how often each item is found.
* :func:`lorenz`, :func:`gini`, :func:`top_share`, :func:`effective_number`: how unequal that is.

Corrections of a similarity matrix
----------------------------------
* :func:`centred`: vectors without their mean.
* :func:`csls`: cross-domain similarity local scaling.
* :func:`mutual_proximity`: how near two points are for both of them.

References
----------
Gini, "Variabilità e mutabilità", 1912; Lorenz, "Methods of measuring the concentration of wealth",
1905.
Laakso, Taagepera, "Effective number of parties", Comparative Political Studies 1979.
Radovanović, Nanopoulos, Ivanović, "Hubs in space", JMLR 2010.
Suzuki et al., "Centering similarity measures to reduce hubs", EMNLP 2013.
Conneau et al., "Word translation without parallel data", ICLR 2018, equation 6 (CSLS).
Schnitzer, Flexer, Schedl, Widmer, "Local and global scaling reduce hubs in space", JMLR 2012,
section 3.2 (mutual proximity; the form for independent normal distances).
"""

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr


def k_occurrence(found: ArrayLike, items: int) -> np.ndarray:
    """How often each of `items` items occurs in `found`, positions of any shape: int64 [items]."""
    return np.bincount(np.asarray(found, np.int64).ravel(), minlength=items)


def lorenz(counts: ArrayLike) -> np.ndarray:
    """Lorenz curve: share of the total that the i least found items have, i = 0 ... n.

    Returns
    -------
    ndarray, float64 [n + 1]
        From 0 to 1, convex.

    Raises
    ------
    ValueError
        If `counts` is empty, not one-dimensional, holds negative numbers, or sums to 0.
    """
    ordered = np.sort(_counts(counts))
    return np.append(0.0, np.cumsum(ordered) / ordered.sum())


def gini(counts: ArrayLike) -> float:
    """Gini coefficient: 0 if all counts are equal, 1 - 1/n if one item has everything.

    Twice the area between the Lorenz curve and the diagonal. Raises as :func:`lorenz` does.
    """
    curve = lorenz(counts)
    return float(1 - (curve[1:] + curve[:-1]).mean())


def top_share(counts: ArrayLike, share: float = 0.01) -> float:
    """Share of the total that the most found items have: `share` of all items, one at least.

    Raises as :func:`lorenz` does.
    """
    counts = _counts(counts)
    top = max(1, round(share * len(counts)))
    return float(np.sort(counts)[-top:].sum() / counts.sum())


def effective_number(counts: ArrayLike) -> float:
    """How many items of equal count would be as concentrated: ``1 / sum(p**2)``, from 1 to n.

    Laakso and Taagepera 1979. Raises as :func:`lorenz` does.
    """
    counts = _counts(counts)
    return float(counts.sum() ** 2 / np.square(counts).sum())


def nearest(similarity: np.ndarray, k: int) -> np.ndarray:
    """The k most similar columns of each row, in no order: int64 [rows, k].

    Ties are broken by position.
    """
    return np.argsort(-similarity, axis=1, kind="stable")[:, :k]


def centred(vectors: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Unit vectors [n, dim] less a mean, at unit length again (Suzuki et al. 2013)."""
    moved = vectors - mean
    return moved / np.linalg.norm(moved, axis=1, keepdims=True).clip(min=1e-12)


def local_similarity(similarity: np.ndarray, k: int) -> np.ndarray:
    """Mean similarity of each row to its k most similar columns: float [rows]."""
    return np.sort(similarity, axis=1)[:, -k:].mean(axis=1)


def csls(similarity: np.ndarray, of_rows: np.ndarray, of_columns: np.ndarray) -> np.ndarray:
    """Similarity less what either side is used to: ``2 s - r_row - r_column``.

    Parameters
    ----------
    similarity : ndarray [rows, columns]
        Cosines.
    of_rows, of_columns : ndarray [rows], [columns]
        :func:`local_similarity` of either side (Conneau et al. 2018, equation 6).
    """
    return 2 * similarity - of_rows[:, None] - of_columns


def mutual_proximity(similarity: np.ndarray, of_rows: tuple, of_columns: tuple) -> np.ndarray:
    """Probability that a random point is less similar than this one, to both sides.

    Parameters
    ----------
    similarity : ndarray [rows, columns]
        Cosines.
    of_rows, of_columns : tuple of ndarray
        Mean and standard deviation of the similarities that each row, each column has. They are
        taken for normal and independent (Schnitzer et al. 2012, section 3.2).

    Returns
    -------
    ndarray [rows, columns]
        In [0, 1].
    """
    (row_mean, row_sd), (column_mean, column_sd) = of_rows, of_columns
    of_row = ndtr((similarity - row_mean[:, None]) / row_sd[:, None])
    return of_row * ndtr((similarity - column_mean) / column_sd)


def _counts(counts: ArrayLike) -> np.ndarray:
    counts = np.asarray(counts, np.float64)
    if counts.ndim != 1 or not len(counts):
        raise ValueError(f"counts must be of shape [n], n >= 1, not {counts.shape}")
    if (counts < 0).any() or not counts.sum() > 0:
        raise ValueError("counts must be 0 or more, and not all 0")
    return counts
