"""Unit vectors by position over all shards, and cosines of pairs of them, exact to the last bit."""

import numpy as np

from musical_roots.errors import InputError
from musical_roots.tables import Embeddings, widen

CANDIDATES = 256  # taken at once: half a megabyte of float32 at 512 dimensions stays in the cache
NEARLY = 2.0**-10  # from 1: squared norms of vectors of unit length after float16's rounding
UNIT_PAIRS = 128  # at once
PAIRS = 256  # whose float64 rows stay in the processor's cache: 5 times as fast as 8192


def cosines(embeddings: Embeddings, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Cosine of each pair of rows, as `matches` reports it.

    Parameters
    ----------
    embeddings : Embeddings
        Unit vectors.
    left, right : ndarray, int [n]
        Positions over all shards.

    Returns
    -------
    ndarray, float64 [n]
    """
    found = np.empty(len(left))
    for at in range(0, len(left), CANDIDATES):
        some = slice(at, at + CANDIDATES)
        ours, theirs = take(embeddings, left[some]), take(embeddings, right[some])
        each = np.arange(len(ours))
        found[some] = pair_cosines(ours, each, theirs, each)
    return found


def pair_cosines(left: np.ndarray, i: np.ndarray, right: np.ndarray, j: np.ndarray) -> np.ndarray:
    """Cosine of each pair ``left[i], right[j]``: float64 [len(i)], sums exact."""
    cosines = np.empty(len(i))
    for at in range(0, len(i), PAIRS):
        some = slice(at, at + PAIRS)
        a, b = left[i[some]].astype(np.float64), right[j[some]].astype(np.float64)
        cosines[some] = np.vecdot(a, b) / np.sqrt(np.vecdot(a, a) * np.vecdot(b, b))
    return cosines


def row_cosines(
    left: np.ndarray, i: np.ndarray, embeddings: Embeddings, rows: np.ndarray
) -> np.ndarray:
    """Cosine of each pair of ``left[i]`` and a row of the embeddings: float64 [len(i)], sums exact.

    Rows come in any order. They are read in that in which they lie: where memory is short, a disk
    that reads ahead would else do so for each of them.
    """
    cosines = np.empty(len(rows))
    forwards = np.argsort(rows, kind="stable")
    for at in range(0, len(rows), CANDIDATES):
        some = forwards[at : at + CANDIDATES]
        right = take(embeddings, rows[some])
        cosines[some] = pair_cosines(left, i[some], right, np.arange(len(right)))
    return cosines


def unit_cosines(
    left: np.ndarray, i: np.ndarray, embeddings: Embeddings, rows: np.ndarray
) -> np.ndarray:
    """Cosine of each pair ``left[i], rows`` where the left is of unit length in float32: [len(i)].

    Float32, within `margin` of the exact one. Rows are of the embeddings, and rise: so the disk is
    read forwards, and memory is used again.
    """
    cosines = np.empty(len(rows), np.float32)
    half = np.empty((UNIT_PAIRS, left.shape[1]), np.float16)
    room = np.empty((2, *half.shape), np.float32)
    ends = np.searchsorted(rows, embeddings.ends)
    for vectors, end, first, last in zip(
        embeddings.vectors, embeddings.ends, [0, *ends], ends, strict=False
    ):
        places, vectors = rows[first:last] - (end - len(vectors)), np.asarray(vectors)
        for at in range(0, last - first, UNIT_PAIRS):
            some = places[at : at + UNIT_PAIRS]
            mine = slice(first + at, first + at + len(some))
            np.take(vectors, some, axis=0, out=half[: len(some)], mode="clip")
            right = widen(half[: len(some)], room[0])
            ours = np.take(left, i[mine], axis=0, out=room[1, : len(some)], mode="clip")
            cosines[mine] = np.vecdot(ours, right) / np.sqrt(np.vecdot(right, right))
    return cosines


def margin(dim: int) -> float:
    """By how much a cosine in float32 may be wrong, in whatever order its sums are taken.

    The bound n*u, for the product and for the two norms (Higham, "Accuracy and Stability of
    Numerical Algorithms", 2002, section 3.1).
    """
    return 2 * (dim + 8) * 2.0**-24


def unit_rows(
    rows: np.ndarray, embeddings: Embeddings, start: int, room: np.ndarray | None = None
) -> np.ndarray:
    """Rows divided by their norms, which float16 made differ from 1: float32 [n, dim].

    They are written to the first rows of `room`, if it is given.
    """
    squares = _squares(rows, embeddings, start)
    out = None if room is None else room[: len(rows)]
    return np.divide(rows, np.sqrt(squares)[:, None], out=out)


def nearly_unit_rows(
    rows: np.ndarray, embeddings: Embeddings, start: int, room: np.ndarray | None = None
) -> np.ndarray:
    """The same where a norm differs from 1 by more than `NEARLY`; else the rows as they are.

    To divide costs more than to read: a product of what comes out is within `margin` and `NEARLY`
    of the cosine.
    """
    squares = _squares(rows, embeddings, start)
    # |n * n - 1| < e means |n - 1| < e / 1.9, which leaves room for the sum's own rounding
    if (np.abs(squares - 1) < NEARLY).all():
        return rows
    out = None if room is None else room[: len(rows)]
    return np.divide(rows, np.sqrt(squares)[:, None], out=out)


def _squares(rows: np.ndarray, embeddings: Embeddings, start: int) -> np.ndarray:
    """Sums of squares, float32 [n]; refused where they are not those of unit vectors."""
    squares = np.vecdot(rows, rows)
    good = np.abs(squares - 1) < 0.01  # false for NaN too
    if not good.all():
        clip_id = embeddings.clips["clip_id"].iloc[start + int(np.argmin(good))]
        raise InputError(
            f"clip {clip_id} ({embeddings.provenance['encoder']}): its vector is not of unit "
            "length; delete its shard and embed it again"
        )
    return squares


def take(embeddings: Embeddings, rows: np.ndarray, room: np.ndarray | None = None) -> np.ndarray:
    """Vectors at any positions over all shards: float32 [len(rows), dim].

    They are written to the first rows of `room`, if it is given.
    """
    shards = np.searchsorted(embeddings.ends, rows, side="right")
    half = np.empty((len(rows), embeddings.provenance["dim"]), np.float16)
    for shard in np.unique(shards):
        vectors, here = embeddings.vectors[shard], shards == shard
        places = rows - (embeddings.ends[shard] - len(vectors))
        if here.all():
            np.take(vectors, places, axis=0, out=half, mode="clip")
        else:
            half[here] = vectors[places[here]]
    return widen(half, room)
