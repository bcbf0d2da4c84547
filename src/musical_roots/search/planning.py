"""How often an approximate search misses, measured; and the cheapest one that misses seldom enough.

A plan is made on queries of the study that the index does not hold, or on some of its own clips,
which then do not find their own track. It is chosen on one half of them and measured on the other,
so that what it says is not the best of many tries; tracks are halved whole.
"""

from dataclasses import replace

import numpy as np
import pandas as pd

from musical_roots.search import exact
from musical_roots.search.approximate import Approximate, is_among, pairs_cosines
from musical_roots.search.inverted import ALL, Inverted, chosen, times_as_far
from musical_roots.search.vectors import unit_rows
from musical_roots.seeding import rng
from musical_roots.statistics import cluster_bootstrap
from musical_roots.tables import Embeddings

AT = (1, 10, 50)  # k of the recalls that are told
DEPTHS = (50, 100, 150, 200, 300, 400, 600, 800, 1200)  # candidates that may be re-ranked
RERANK = 700  # scanned codes of a product quantiser that take as long as one re-ranked candidate
COLUMNS = ["encoder", "quantiser", "n_vectors", "lists", "probed", "reach", "depth"]


def plan(
    held: Inverted,
    queries: Embeddings,
    index: Embeddings,
    recall: float,
    trial_queries: int,
    resamples: int,
    confidence: float,
    seed: int,
    exclude: str,
) -> Inverted:
    """The index with a plan in its sidecar: how it is to be searched, and how often that misses.

    Parameters
    ----------
    held : Inverted
    queries : Embeddings
        What is searched for.
    index : Embeddings
        The clips that the index holds.
    recall : float
        Recall at 50 that is wanted, in (0, 1].
    trial_queries : int
        Queries that are tried, drawn by the seed.
    resamples, confidence, seed
        Of the intervals: a bootstrap clustered by the queries' track.
    exclude : str
        What a query does not find: a key of `contract.EXCLUSIONS`.

    Returns
    -------
    Inverted
        about["plan"]: probed (lists, on average), reach (which these are: see `inverted`), depth
        (candidates that are re-ranked), target (the recall that was wanted), reached (whether the
        lower end of its interval did, on the half that chose), n_vectors, n_queries, confidence,
        and recall_at_1, _10, _50 with _low and _high, measured on the other half.
    """
    queries = queries.where(~queries.clips["clip_id"].duplicated().to_numpy())
    drawn = np.zeros(len(queries), bool)
    drawn[chosen(queries.clips["clip_id"], trial_queries, seed, "search.plan")] = True
    asked = queries.where(drawn)
    choosing = _half(asked.clips["track_id"], seed)
    truth = exact.matches(asked, index, max(AT), exclude)
    interval = {"resamples": resamples, "confidence": confidence}
    reaches = _reaches(held, asked.where(choosing))
    trial = _Trial(held, asked, index, truth, exclude)
    best, tried = _cheapest(trial, reaches, choosing, recall, interval, seed)
    reached = best is not None
    if best is None:
        best = max(tried, key=lambda how: (tried[how][max(AT)][choosing].mean(), -trial.work(*how)))
    probed, depth = best
    told = {"probed": probed, "reach": reaches[probed], "depth": depth}
    told |= {"target": recall, "reached": reached}
    told |= {"n_vectors": len(held), "n_queries": int((~choosing).sum()), **interval}
    for k in AT:
        name = f"recall_at_{k}"
        values = tried[best][k][~choosing]
        low, high = _interval(values, asked.clips["track_id"][~choosing], name, interval, seed)
        told |= {name: float(np.mean(values)), f"{name}_low": low, f"{name}_high": high}
    return replace(held, about=held.about | {"plan": told})


def recalls(found: pd.DataFrame, truth: pd.DataFrame, k: int) -> pd.Series:
    """Share of each query's k nearest that were found: by query_clip_id; ties count as found.

    Parameters
    ----------
    found, truth : DataFrame
        Match tables, approximate and exact, of k or more matches a query.
    k : int
        1 or more. Where the truth has fewer matches, of all of them.
    """
    first = truth[(truth["target"] == "") & (truth["rank"] <= k)]
    by_query = first.groupby("query_clip_id")["cosine"]
    least, wanted = by_query.min(), by_query.size()
    mine = found[(found["target"] == "") & (found["rank"] <= k)]
    reached = mine["cosine"] >= mine["query_clip_id"].map(least)
    hits = mine[reached].groupby("query_clip_id").size().reindex(wanted.index, fill_value=0)
    return hits / wanted


def told(plans: list[Inverted]) -> pd.DataFrame:
    """A row an index: what it is, how it is searched, and its recall with interval."""
    rows = [
        {name: held.about[name] for name in ("encoder", "quantiser", "lists")} | held.about["plan"]
        for held in plans
    ]
    table = pd.DataFrame(rows)
    rest = [name for name in table if name not in COLUMNS]
    return table[[*COLUMNS, *rest]].sort_values("encoder", ignore_index=True)


def _reaches(held: Inverted, queries: Embeddings) -> dict[int, float]:
    """How far to reach for so many lists, on average over some queries; the last is for all."""
    vectors = unit_rows(queries.rows(0, len(queries)), queries, 0)
    times, most = times_as_far(held, vectors), held.about["lists"]
    times[times == times.min(axis=1, keepdims=True)] = 0  # looked into in any case
    counts = _counts(most)
    reaches = np.quantile(times, np.array(counts) / most)
    return {count: float(reach) for count, reach in zip(counts, reaches, strict=True)} | {most: ALL}


class _Trial:
    """Trial queries and their truth, and what searches for them found so far."""

    def __init__(
        self,
        held: Inverted,
        asked: Embeddings,
        index: Embeddings,
        truth: pd.DataFrame,
        exclude: str,
    ):
        self.held, self.asked, self.index, self.truth = held, asked, index, truth
        self.exclude, self.only = exclude, np.ones(len(index), bool)
        self.position = pd.Index(asked.clips["clip_id"]).get_indexer(truth["query_clip_id"])
        self.search = Approximate(held, ALL, max(DEPTHS))
        self.pairs, self.cosines = np.empty(0, np.int64), np.empty(0)

    def work(self, probed: int, depth: int) -> float:
        """Of a query, in scanned codes.

        It is counted, not timed: a plan must not depend on what else the machine had to do.
        """
        return probed / self.held.about["lists"] * len(self.held) + depth * RERANK

    def recalls(self, reach: float) -> dict[int, dict[int, np.ndarray]]:
        """Recall of each query, by depth and k."""
        self.search.reach, every = reach, np.arange(len(self.asked))
        some = self.asked, every, self.index, max(DEPTHS), self.exclude, self.only
        query, row = self.search.proposed(*some)
        order = np.argsort(query, kind="stable")
        query, row = query[order], row[order]
        cosine, nth = self._cosines(query, row), np.arange(len(query))
        nth -= np.searchsorted(query, query)
        found = {}
        for depth in DEPTHS:
            kept = query[nth < depth], cosine[nth < depth]
            found[depth] = {k: _recall(*kept, self.position, self.truth, k, len(every)) for k in AT}
        return found

    def _cosines(self, query: np.ndarray, row: np.ndarray) -> np.ndarray:
        """Exact cosines of pairs, each computed once."""
        pairs = query * len(self.index) + row
        new = np.unique(pairs[~is_among(pairs, self.pairs)])
        where = np.searchsorted(self.pairs, new)
        told = pairs_cosines(self.asked, new // len(self.index), self.index, new % len(self.index))
        self.pairs = np.insert(self.pairs, where, new)
        self.cosines = np.insert(self.cosines, where, told)
        return self.cosines[np.searchsorted(self.pairs, pairs)]


def _recall(
    query: np.ndarray,
    cosine: np.ndarray,
    position: np.ndarray,
    truth: pd.DataFrame,
    k: int,
    count: int,
) -> np.ndarray:
    """Share of each query's k nearest among candidates: float64 [count]; 1 where there are none."""
    first = (truth["rank"] <= k).to_numpy()
    least = np.full(count, np.inf)
    np.minimum.at(least, position[first], truth["cosine"].to_numpy()[first])
    wanted = np.bincount(position[first], minlength=count)
    hits = np.bincount(query[cosine >= least[query]], minlength=count)
    return np.where(wanted > 0, np.minimum(hits, wanted) / np.maximum(wanted, 1), 1.0)


def _cheapest(
    trial: _Trial,
    reaches: dict[int, float],
    choosing: np.ndarray,
    recall: float,
    interval: dict,
    seed: int,
) -> tuple[tuple[int, int] | None, dict]:
    """Lists and depth of the least work whose recall is high enough, by the lower end of its
    interval, if any; all tried.

    More and more lists are tried, until they alone are more work than what was found.
    """
    best, tried = None, {}
    tracks = trial.asked.clips["track_id"][choosing]
    for probed, reach in reaches.items():
        if best and trial.work(probed, DEPTHS[0]) >= trial.work(*best):
            break
        for depth, found in trial.recalls(reach).items():
            how = probed, depth
            tried[how] = found
            values = found[max(AT)][choosing]
            low, _ = _interval(values, tracks, f"choose {how}", interval, seed)
            if low >= recall:
                best = min(best or how, how, key=lambda each: trial.work(*each))
    return best, tried


def _interval(
    values: np.ndarray, tracks: pd.Series, item: str, interval: dict, seed: int
) -> tuple[float, float]:
    """Bootstrap of a mean, clustered by track; the mean itself where there is one track alone."""
    draw = rng(seed, "search.recall", item)
    low, high = cluster_bootstrap(values, tracks.to_numpy(object), rng=draw, **interval)
    return (low, high) if np.isfinite(low) else (float(np.mean(values)),) * 2


def _half(tracks: pd.Series, seed: int) -> np.ndarray:
    """A random half of the tracks: bool [n] of their clips; both halves hold some, if two do."""
    names = pd.Series(tracks.unique())
    first = chosen(names, max(1, len(names) // 2), seed, "search.halves")
    mine = tracks.isin(names.iloc[first]).to_numpy()
    return mine if not mine.all() else np.arange(len(mine)) % 2 == 0


def _counts(most: int) -> list[int]:
    """1, 2, 3, 4, 6, 8, 11, ... and `most`: each 1.4 times the one before."""
    powers = 2 ** np.arange(0, np.log2(most), 0.5)
    return sorted({*powers.round().astype(int).tolist(), most})
