"""Exact nearest neighbours by cosine, over memory-mapped shards: queries in, a match table out.

A match table has one row a match: query_clip_id, rank (1 is the nearest), clip_id, track_id,
cosine, target, encoder. Rows of equal cosine stand in the order of their clip_id, so the table does
not depend on how the index is cut into shards and blocks.

How a fast search can be exact:

- The cosine that is reported is ``dot(q, x) / sqrt(dot(q, q) * dot(x, x))`` in float64 over the
  stored float16 values, whose norms are 1 only to rounding. Products of two float16 numbers are
  multiples of 2**-48, so a float64 sum of them below 2**5 has no rounding at all, in whatever
  order it is taken: equal vectors tie exactly, and a clip and its copy have cosine 1.
- A float32 matrix product, block by block, only proposes candidates. Its error is at most
  `vectors.margin`, so no row that belongs among the k nearest is lost. Where the processor
  multiplies bfloat16 several times as fast, that proposes what is multiplied in float32 (`blocks`).
"""

import numpy as np
import pandas as pd

from musical_roots.search.blocks import QUERIES, Host, blocks
from musical_roots.search.contract import (
    alphabetically,
    check,
    excluded,
    layers,
    match_table,
    matchable,
    target_pairs,
)
from musical_roots.search.vectors import (
    NEARLY,
    margin,
    nearly_unit_rows,
    pair_cosines,
    row_cosines,
    unit_rows,
)
from musical_roots.tables import Embeddings


def matches(
    queries: Embeddings,
    index: Embeddings,
    k: int,
    exclude: str = "none",
    targets: pd.DataFrame | None = None,
    only: np.ndarray | None = None,
    *,
    chunk: int = QUERIES,
    block: int | None = None,
    device: str | None = None,
) -> pd.DataFrame:
    """The k nearest index rows of every query, exactly.

    Parameters
    ----------
    queries, index : Embeddings
        Unit vectors of one fingerprint; each clip_id occurs once in each.
    k : int
        Matches a query, 1 or more; fewer where the index has fewer rows to offer.
    exclude : {"none", "self", "track", "duplicates", "artist", "partner"}
        Which index rows a query never matches: none; its own clip and the clip it derives from
        (parent_clip_id, where the queries have that column); its own track; its own group_id, that
        is, its track and the near duplicates of it; its artist_block, that is, all of its artist
        and of those tied to them; those of the clip that it was spliced or mixed with
        (partner_group_id). A blank value excludes nothing.
    targets : DataFrame, optional
        Pairs to report wherever they rank: query_clip_id, clip_id, target (a label such as
        "original"). The rank is 1 + the number of rows before it among those not excluded, whether
        or not the target itself is excluded.
    only : ndarray, bool [len(index)], optional
        Index rows that can be matched, and that ranks count. A target may be any row.
    chunk, block : int
        Queries and index rows in memory at once. They change the cost, never the result.
    device : str, optional
        Of torch, such as "cuda", where products are made; the CPU, if none is named.

    Returns
    -------
    DataFrame
        query_clip_id, rank, clip_id, track_id, cosine (float64, [-1, 1]), target, encoder; in the
        order of the queries, then by rank. target is "" for the k nearest. A pair of `targets` has
        a row of its own with its label, after the ordinary row of that rank where there is one.

    Raises
    ------
    InputError
        If the fingerprints differ, `exclude` is unknown or lacks its column, a clip_id occurs
        twice, a target is not in the index (or its query not among the queries), or a vector is
        not of unit length.
    ValueError
        If `k`, `chunk` or `block` is below 1, or `only` has another length than the index.
    """
    if min(k, chunk, 1 if block is None else block) < 1:
        raise ValueError(f"k, chunk and block must be 1 or more, not {k}, {chunk} and {block}")
    only = matchable(only, index)
    check(queries, index, exclude)
    alphabetical = alphabetically(index, "index")
    alphabetically(queries, "queries")
    pairs = target_pairs(targets, queries, index)
    found = []
    # an empty list of queries still makes a table, with its columns and their types
    for start in range(0, max(len(queries), 1), chunk):
        stop = min(start + chunk, len(queries))
        mine = pairs[pairs["query"].between(start, stop - 1)]
        found.append(
            _search(
                queries, start, stop, index, k, exclude, mine, only, alphabetical, block, device
            )
        )
    return match_table(pd.concat(found, ignore_index=True), queries, index)


def _search(
    queries: Embeddings,
    first: int,
    last: int,
    index: Embeddings,
    k: int,
    exclude: str,
    targets: pd.DataFrame,
    only: np.ndarray,
    alphabetical: np.ndarray,
    block: int | None,
    device: str | None,
) -> pd.DataFrame:
    """Matches of queries `first` to `last`: query (position), rank, row (position), cosine, target.

    One pass over the index. Every block is multiplied once; the product serves the k nearest and
    the ranks of the targets.
    """
    vectors = queries.rows(first, last)
    unit, error = unit_rows(vectors, queries, first), margin(vectors.shape[1])
    if targets.empty:  # ranks of targets look at all that is within the error, matches at few
        on, prepared = blocks(unit, device, len(index)), nearly_unit_rows
        error += NEARLY
    else:
        on, prepared = blocks(unit, device), unit_rows
    block = block or on.rows
    best = _Best(vectors, index, k, alphabetical, error)
    ranked = [
        _Ranked(layer, vectors, first, index, alphabetical, error) for layer in layers(targets)
    ]
    room = np.empty((2, min(block, len(index)), vectors.shape[1]), np.float32)
    out_query, out_row = excluded(queries.clips.iloc[first:last], index.clips, exclude)
    for start in range(0, len(index), block):
        allowed = only[start : start + block]
        if not allowed.any():
            continue
        rows = index.rows(start, min(start + block, len(index)), room[0])
        scores = on.product(prepared(rows, index, start, room[1]))
        low, high = np.searchsorted(out_row, [start, start + len(rows)])
        on.leave_out(scores, out_query[low:high], out_row[low:high] - start, allowed)
        best.update(on, scores, start)
        for layer in ranked:
            layer.update(on, scores, vectors, rows, start)
    nearest = best.table()
    nearest["query"] += first
    table = pd.concat([nearest, *(layer.table() for layer in ranked)], ignore_index=True)
    return table.iloc[np.lexsort((table["target"] != "", table["rank"], table["query"]))]


class _Best:
    """The k best rows so far of each query of a chunk, and the score a row must reach to be one.

    Up to the end rows compete by float32 score, and those within the margin stay.
    """

    def __init__(
        self,
        vectors: np.ndarray,
        index: Embeddings,
        k: int,
        alphabetical: np.ndarray,
        error: float,
    ):
        self.vectors, self.index, self.k, self.alphabetical = vectors, index, k, alphabetical
        self.slack = np.float32(2 * error)  # the error of a row's score and of the k-th
        # below any cosine, above an excluded row's -inf
        self.floor = np.full(len(vectors), -2, np.float32)
        self.found = [(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32))]
        self.waiting = 0

    def update(self, on: Host, scores, start: int) -> None:
        """Take the candidates of one block: index rows from `start` on."""
        enough = len(scores) * self.k
        hit = on.hit(scores, self.floor)  # few, but for the first blocks
        scores = on.of(scores, hit, self.floor[hit])
        passing = on.reaches(scores, self.floor[hit])
        if on.total(passing) > 4 * enough and scores.shape[1] > self.k:
            # too many (the first block, or a query's own album): the k best of the block will do
            kth = on.kth(scores, self.k)
            self.floor[hit] = np.maximum(self.floor[hit], kth - self.slack)
            passing = on.reaches(scores, self.floor[hit])
        for query, row in on.places(passing):
            self.found.append((hit[query], row + start, on.values(scores, query, row)))
            self.waiting += len(query)
            # seldom enough to cost little, often enough to bound memory
            if self.waiting >= enough:
                self.settle()

    def settle(self) -> None:
        """Raise the floor to the k-th best of each query, and drop what is below."""
        query, row, score = map(np.concatenate, zip(*self.found, strict=True))
        order = np.argsort(4.0 * query - score)  # by query, best first; one key sorts fastest
        query, row, score = query[order], row[order], score[order]
        kth = _ranks(query) == self.k
        reached = score[kth] - self.slack
        self.floor[query[kth]] = np.maximum(self.floor[query[kth]], reached)
        kept = score >= self.floor[query]
        self.found, self.waiting = [(query[kept], row[kept], score[kept])], 0
        if np.count_nonzero(kept) > 2 * len(self.floor) * self.k:  # ties without end
            order, _ = self.exactly()
            self.found = [tuple(column[order] for column in self.found[0])]

    def exactly(self) -> tuple[np.ndarray, np.ndarray]:
        """The k best of each query in `found`, in their order: (places, their cosines)."""
        query, row, _ = self.found[0]
        cosine = row_cosines(self.vectors, query, self.index, row)
        order = np.lexsort((self.alphabetical[row], -cosine, query))
        order = order[_ranks(query[order]) <= self.k]
        return order, cosine[order]

    def table(self) -> pd.DataFrame:
        self.settle()
        order, cosine = self.exactly()
        query, row, _ = (column[order] for column in self.found[0])
        return _table(query, _ranks(query), row, cosine, np.full(len(row), ""))


class _Ranked:
    """One target of some queries of a chunk, and how many index rows come before it so far."""

    def __init__(
        self,
        layer: pd.DataFrame,
        vectors: np.ndarray,
        first: int,
        index: Embeddings,
        alphabetical: np.ndarray,
        error: float,
    ):
        self.layer, self.alphabetical = layer, alphabetical
        self.query = layer["query"].to_numpy() - first
        self.before = np.zeros(len(vectors), np.int64)
        # a query without this target: no cosine exceeds 3
        self.cosine = np.full(len(vectors), 3.0)
        self.place = np.zeros(len(vectors), np.int64)
        self.place[self.query] = alphabetical[layer["row"]]
        row = layer["row"].to_numpy()
        self.cosine[self.query] = row_cosines(vectors, self.query, index, row)
        self.high = (self.cosine + error).astype(np.float32)
        self.low = (self.cosine - error).astype(np.float32)

    def update(self, on: Host, scores, vectors: np.ndarray, rows: np.ndarray, start: int) -> None:
        """Count the rows of one block that come before the target: surely, or on a closer look."""
        above = on.passes(scores, self.high)
        self.before += on.count(above)
        for query, row in on.places(on.reaches(scores, self.low) ^ above):
            cosine, mine = pair_cosines(vectors, query, rows, row), self.cosine[query]
            earlier = self.alphabetical[row + start] < self.place[query]
            ahead = (cosine > mine) | ((cosine == mine) & earlier)
            self.before += np.bincount(query[ahead], minlength=len(self.before))

    def table(self) -> pd.DataFrame:
        rank = 1 + self.before[self.query]
        cosine, layer = self.cosine[self.query], self.layer
        return _table(layer["query"], rank, layer["row"], cosine, layer["target"])


def _ranks(query: np.ndarray) -> np.ndarray:
    """1, 2, ... within each run of a sorted array."""
    return 1 + np.arange(len(query)) - np.searchsorted(query, query)


def _table(query, rank, row, cosine, target) -> pd.DataFrame:
    columns = {"query": query, "rank": rank, "row": row, "cosine": cosine, "target": target}
    return pd.DataFrame({name: np.asarray(column) for name, column in columns.items()}).astype(
        {"target": "str"}
    )
