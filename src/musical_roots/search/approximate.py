"""Approximate nearest neighbours: coded lists propose, the stored vectors decide.

What is found has its exact cosine, and stands in the exact order: an approximate search may miss a
neighbour, and does nothing else. How often it does is in the index's sidecar (`planning`).

- A query that is left with fewer than k clips, because what it must not find filled its lists, is
  searched for exactly.
- A named target has its exact cosine. Its rank is counted among the k matches, where it stands
  there; beyond, it is estimated from a random sample of the clips that can be matched, and exact
  where the sample is all of them (65,536 or fewer).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from musical_roots import devices
from musical_roots.errors import InputError
from musical_roots.search import exact, inverted
from musical_roots.search.contract import (
    EXCLUSIONS,
    check,
    match_table,
    matchable,
    target_pairs,
)
from musical_roots.search.vectors import (
    margin,
    row_cosines,
    take,
    unit_cosines,
    unit_rows,
)
from musical_roots.tables import Embeddings

SAMPLE = 65_536  # rows that ranks beyond the matches are estimated from


@dataclass(frozen=True)
class Found:
    """Candidates of some queries, one a row, by query and then from the nearest on.

    Attributes
    ----------
    query, row : ndarray, int64
        Positions.
    cosine : ndarray, float64
        Exact.
    """

    query: np.ndarray
    row: np.ndarray
    cosine: np.ndarray


@dataclass(frozen=True)
class Bound:
    """Where the clips of some embeddings are in the lists.

    Attributes
    ----------
    clip_ids : Series
    ids : ndarray, int64
        Of each clip.
    rising, order : ndarray, int64
        The ids in their order, and the row of each.
    held : ndarray, bool
        Whether the lists hold the clip.
    """

    clip_ids: pd.Series
    ids: np.ndarray
    rising: np.ndarray
    order: np.ndarray
    held: np.ndarray


class Approximate:
    """An index to search in.

    Parameters
    ----------
    held : Inverted
        What it holds.
    reach : float, optional
        Which lists are looked into (`inverted.nearest`); the plan's, if not given.
    depth : int, optional
        Candidates that are re-ranked by their exact cosine; the plan's, if not given.

    Raises
    ------
    InputError
        If nothing is given, and no plan was made.
    """

    def __init__(
        self, held: inverted.Inverted, reach: float | None = None, depth: int | None = None
    ):
        plan = held.about.get("plan", {})
        if "reach" not in plan and None in (reach, depth):
            raise InputError("index without a plan; measure its recall with `index plan` first")
        self.held, self.plan = held, plan
        self.reach = plan["reach"] if reach is None else reach
        self.depth = depth or plan["depth"]
        self.bound: Bound | None = None

    @classmethod
    def open(cls, path: Path | str) -> "Approximate":
        """The index of a file, as it was planned."""
        return cls(inverted.read(path))

    def matches(
        self,
        queries: Embeddings,
        index: Embeddings,
        k: int,
        exclude: str = "none",
        targets: pd.DataFrame | None = None,
        only: np.ndarray | None = None,
        *,
        chunk: int = 1024,
    ) -> pd.DataFrame:
        """The k nearest index rows of every query, but for those that the lists miss.

        Parameters and result are those of `exact.matches`. `index` holds the vectors of what the
        lists hold, in any order; what it has beside that cannot be matched (`only`), but be a
        target.

        Raises
        ------
        InputError
            As `exact.matches`; and if the lists hold clips that `index` lacks, or lack some that
            can be matched.
        ValueError
            As `exact.matches`.
        """
        if min(k, chunk) < 1:
            raise ValueError(f"k and chunk must be 1 or more, not {k} and {chunk}")
        only = matchable(only, index)
        check(queries, index, exclude)
        there = self._bind(index)
        if not there.held[only].all():
            clip_id = index.clips["clip_id"][only & ~there.held].iloc[0]
            raise InputError(
                f"index: lacks clip {clip_id} of the embeddings; add it with `index fill`"
            )
        pairs = target_pairs(targets, queries, index)
        tables = [_table(Found(*(np.empty(0, kind) for kind in (np.int64, np.int64, np.float64))))]
        for start in range(0, len(queries), chunk):
            some = np.arange(start, min(start + chunk, len(queries)))
            proposed = self.proposed(queries, some, index, max(k, self.depth), exclude, only)
            mine = pairs[pairs["query"].between(some[0], some[-1])]
            if not len(mine):  # a target's rank counts what is beyond the k nearest, too
                proposed = _nearest_of(*proposed, queries, index, k)
            found = _completed(
                _ordered(*proposed, queries, index), some, queries, index, k, exclude, only
            )
            tables.append(_table(found)[lambda table: table["rank"] <= k])
            if len(mine):
                asked = targets[targets["query_clip_id"].isin(queries.clips["clip_id"].iloc[some])]
                tables.append(self._ranked(found, k, mine, asked, queries, index, exclude, only))
        table = pd.concat(tables, ignore_index=True)
        order = np.lexsort((table["target"], table["target"] != "", table["rank"], table["query"]))
        return match_table(table.iloc[order].reset_index(drop=True), queries, index)

    def proposed(
        self,
        queries: Embeddings,
        some: np.ndarray,
        index: Embeddings,
        depth: int,
        exclude: str,
        only: np.ndarray,
    ) -> tuple[np.ndarray, np.ndarray]:
        """The `depth` nearest codes of each query among those that it may find.

        Parameters
        ----------
        queries, index, exclude, only
            As for `matches`.
        some : ndarray, int64
            Positions of queries.
        depth : int
            Candidates a query; fewer where its lists hold no more.

        Returns
        -------
        query, row : ndarray, int64
            Positions; of each query the nearest code first.
        """
        some_clips = replace(queries, clips=queries.clips.iloc[some])
        unit = unit_rows(take(queries, some), some_clips, 0)
        among = None if only.all() else self._bind(index).ids[only]
        waiting, fetched, parts = np.arange(len(some)), depth, []
        while len(waiting):
            row = self._nearest(unit[waiting], fetched, index, among)
            query = np.repeat(some[waiting], row.shape[1]).reshape(row.shape)
            good = row >= 0
            dry = ~good.all(axis=1)  # its lists hold no more
            good[good] = ~_forbidden(queries, query[good], index, row[good], exclude)
            good &= np.cumsum(good, axis=1) <= depth
            done = dry | (good.sum(axis=1) == depth)
            parts.append((query[done][good[done]], row[done][good[done]]))
            waiting, fetched = waiting[~done], 2 * fetched
        query, row = (np.concatenate(column) for column in zip(*parts, strict=True))
        return query, row

    def _nearest(
        self, unit: np.ndarray, count: int, index: Embeddings, among: np.ndarray | None
    ) -> np.ndarray:
        """Rows of the index, nearest codes first: int64 [n, count], -1 where there are no more."""
        ids = inverted.nearest(self.held, unit, count, self.reach, among)
        there = self._bind(index)
        rising = np.argsort(ids, axis=None)  # neighbours in the list of ids are in the cache
        place = np.empty(ids.size, np.int64)
        place[rising] = np.searchsorted(there.rising, ids.flat[rising])
        row = there.order[place.clip(max=len(there.order) - 1)].reshape(ids.shape)
        return np.where(ids < 0, -1, row)

    def _bind(self, index: Embeddings) -> "Bound":
        """The lists over these clips: kept for the next search of the same clips.

        Raises
        ------
        InputError
            If a clip occurs twice, or the lists hold one that is not there.
        """
        clip_ids = index.clips["clip_id"]
        if self.bound is None or not self.bound.clip_ids.equals(clip_ids):
            inverted.same(self.held.about, index.provenance)
            self.bound = _bound(clip_ids, self.held.clips["clip_id"])
        return self.bound

    def _ranked(
        self,
        found: Found,
        k: int,
        pairs: pd.DataFrame,
        targets: pd.DataFrame,
        queries: Embeddings,
        index: Embeddings,
        exclude: str,
        only: np.ndarray,
    ) -> pd.DataFrame:
        """Targets with cosine and rank: query, rank, row, cosine, target."""
        asked = np.unique(pairs["query"])
        share = min(1.0, SAMPLE / max(1, len(self.held)))
        sample = only & (self._bind(index).ids < share * 2.0**63)
        mask = sample.copy()
        mask[pairs["row"]] = True
        picked = np.isin(np.arange(len(queries)), asked)
        told = exact.matches(
            queries.where(picked), index.where(mask), 1, exclude, targets, sample[mask]
        )
        told = told[told["target"] != ""].rename(columns={"rank": "sampled"})
        known = pairs.assign(
            query_clip_id=queries.clips["clip_id"].take(pairs["query"]).array,
            clip_id=index.clips["clip_id"].take(pairs["row"]).array,
        ).drop_duplicates()
        keys = ["query_clip_id", "clip_id", "target"]
        ranked = known.merge(told[[*keys, "sampled", "cosine"]].drop_duplicates(), on=keys)
        ranked = pairs.merge(ranked.drop(columns=keys[:2]), on=["query", "row", "target"])
        estimate = np.round((ranked["sampled"] - 1) / max(1, sample.sum()) * only.sum())
        counted = _before(found, ranked, index)
        rank = 1 + np.where(counted < k, counted, np.maximum(counted, estimate))
        if share == 1:
            rank = ranked["sampled"]
        return ranked.assign(rank=np.asarray(rank, np.int64))[
            ["query", "rank", "row", "cosine", "target"]
        ]


def _bound(clip_ids: pd.Series, held: pd.Series) -> Bound:
    ids, there = inverted.ids_of(clip_ids), np.sort(inverted.ids_of(held))
    order = np.argsort(ids, kind="stable")
    inverted.distinct(ids, clip_ids)
    rising = ids[order]
    gone = ~is_among(inverted.ids_of(held), rising)
    if gone.any():
        raise InputError(
            f"index: holds clip {held[gone].iloc[0]}, which the embeddings lack; take it off with "
            "`index remove`, or make the index again"
        )
    return Bound(clip_ids, ids, rising, order, is_among(ids, there))


def is_among(values: np.ndarray, ordered: np.ndarray) -> np.ndarray:
    """Whether each value is one of some that rise: bool [len(values)]."""
    if not len(ordered):
        return np.zeros(len(values), bool)
    return ordered[np.searchsorted(ordered, values).clip(max=len(ordered) - 1)] == values


def _before(found: Found, targets: pd.DataFrame, index: Embeddings) -> np.ndarray:
    """Candidates of each target's query that stand before it: int64 [n]."""
    low = np.searchsorted(found.query, targets["query"])
    high = np.searchsorted(found.query, targets["query"], side="right")
    clip_ids = index.clips["clip_id"]
    before = np.zeros(len(targets), np.int64)
    names = clip_ids.take(targets["row"]).to_numpy(object)
    for number, (start, stop, cosine, name) in enumerate(
        zip(low, high, targets["cosine"], names, strict=True)
    ):
        mine = found.cosine[start:stop]
        tied = found.row[start:stop][mine == cosine]
        before[number] = (mine > cosine).sum()
        if len(tied):
            before[number] += (clip_ids.take(tied) < name).sum()
    return before


def _forbidden(
    queries: Embeddings, query: np.ndarray, index: Embeddings, row: np.ndarray, exclude: str
) -> np.ndarray:
    """Which pairs must not match: bool [n]."""
    found = np.zeros(len(query), bool)
    for ours, theirs in EXCLUSIONS[exclude]:
        if ours in queries.clips:
            left = queries.clips[ours].take(query).fillna("").to_numpy(object)
            right = index.clips[theirs].take(row).to_numpy(object)
            found |= (left == right) & (left != "")
    return found


def pairs_cosines(
    queries: Embeddings, query: np.ndarray, index: Embeddings, row: np.ndarray
) -> np.ndarray:
    """Exact cosines of pairs of a query and a row: float64 [n]."""
    some, place = np.unique(query, return_inverse=True)
    return row_cosines(take(queries, some), place, index, row)


def _nearest_of(
    query: np.ndarray, row: np.ndarray, queries: Embeddings, index: Embeddings, k: int
) -> tuple[np.ndarray, np.ndarray]:
    """The pairs that may be among the k nearest of their query, told by cosines in float32.

    These are within `margin` of the exact ones, so no pair that is among the nearest is lost.
    """
    some, place = np.unique(query, return_inverse=True)
    vectors = unit_rows(take(queries, some), replace(queries, clips=queries.clips.iloc[some]), 0)
    forwards = np.argsort(row, kind="stable")
    cosine = np.empty(len(row), np.float32)
    cosine[forwards] = unit_cosines(vectors, place[forwards], index, row[forwards])
    order = np.argsort(4.0 * place - cosine)  # by query, nearest first; one key sorts fastest
    place, cosine = place[order], cosine[order]
    starts = np.searchsorted(place, np.arange(len(some)))
    kth = np.minimum(starts + k, np.append(starts[1:], len(place))) - 1
    slack = np.float32(2 * margin(index.provenance["dim"]))
    kept = order[cosine >= (cosine[kth] - slack)[place]]
    return query[kept], row[kept]


def _ordered(query: np.ndarray, row: np.ndarray, queries: Embeddings, index: Embeddings) -> Found:
    """Candidates by their exact cosines; ties in the order of their clip_ids."""
    cosine = pairs_cosines(queries, query, index, row)
    order = np.lexsort((row, -cosine, query))
    query, row, cosine = query[order], row[order], cosine[order]
    tied = (query[1:] == query[:-1]) & (cosine[1:] == cosine[:-1])
    if tied.any():  # seldom
        names = index.clips["clip_id"].take(row).to_numpy(object)
        _, names = np.unique(names, return_inverse=True)
        order = np.lexsort((names, -cosine, query))
        query, row, cosine = query[order], row[order], cosine[order]
    return Found(query, row, cosine)


def _completed(
    found: Found,
    some: np.ndarray,
    queries: Embeddings,
    index: Embeddings,
    k: int,
    exclude: str,
    only: np.ndarray,
) -> Found:
    """The same, with exact matches of queries that have fewer than k candidates."""
    short = some[np.bincount(np.searchsorted(some, found.query), minlength=len(some)) < k]
    if not len(short):
        return found
    table = exact.matches(
        queries.where(np.isin(np.arange(len(queries)), short)), index, k, exclude, only=only
    )
    place = pd.Index(queries.clips["clip_id"]).get_indexer(table["query_clip_id"])
    row = pd.Index(index.clips["clip_id"]).get_indexer(table["clip_id"])
    kept = ~np.isin(found.query, short)
    query = np.concatenate([found.query[kept], place])
    order = np.argsort(query, kind="stable")
    return Found(
        query[order],
        np.concatenate([found.row[kept], row])[order],
        np.concatenate([found.cosine[kept], table["cosine"].to_numpy()])[order],
    )


def _table(found: Found) -> pd.DataFrame:
    rank = 1 + np.arange(len(found.query)) - np.searchsorted(found.query, found.query)
    columns = {"query": found.query, "rank": rank, "row": found.row, "cosine": found.cosine}
    return pd.DataFrame(columns).assign(target="").astype({"target": "str"})


def searching(path: Path | str | None, device: str) -> Callable[..., pd.DataFrame]:
    """The search in an index's file, or the exact one if there is none: of one contract.

    Parameters
    ----------
    path : path, optional
    device : {"auto", "cpu", "cuda"}
        Where the exact search multiplies; inverted lists are for the CPU.
    """
    if path:
        return Approximate.open(path).matches
    if device != "cpu" and (device == "cuda" or devices.may_be_there()):
        import torch  # noqa: F401

        if devices.settle(device) == "cuda":
            return partial(exact.matches, device="cuda")
    return exact.matches
