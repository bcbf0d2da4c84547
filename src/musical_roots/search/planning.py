"""How often an approximate search misses, measured; and the cheapest one that misses seldom enough.

A plan is made on queries of the study that the index does not hold, or on some of its own clips,
which then do not find their own track. It is chosen on one half of them and measured on the other,
so that what it says is not the best of many tries; tracks are halved whole.
"""

from dataclasses import replace

import numpy as np
import pandas as pd

from musical_roots.search import exact
from musical_roots.search.approximate import Approximate, pairs_cosines
from musical_roots.search.inverted import Inverted, chosen
from musical_roots.seeding import rng
from musical_roots.statistics import cluster_bootstrap
from musical_roots.tables import Embeddings

AT = (1, 10, 50)  # k of the recalls that are told
DEPTHS = (50, 100, 200, 400, 800, 1600)  # candidates that may be re-ranked
RERANK = 350  # scanned codes of a product quantiser that take as long as one re-ranked candidate
COLUMNS = ["encoder", "quantiser", "n_vectors", "lists", "probed", "depth", "target", "reached"]


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
        about["plan"]: probed (lists), depth (candidates that are re-ranked), target (the recall
        that was wanted), reached (whether the lower end of its interval did, on the half that
        chose), n_vectors, n_queries, confidence, and recall_at_1, _10, _50 with _low and _high,
        measured on the other half.
    """
    queries = queries.where(~queries.clips["clip_id"].duplicated().to_numpy())
    drawn = np.zeros(len(queries), bool)
    drawn[chosen(queries.clips["clip_id"], trial_queries, seed, "search.plan")] = True
    asked = queries.where(drawn)
    choosing = _half(asked.clips["track_id"], seed)
    truth = exact.matches(asked, index, max(AT), exclude)
    interval = {"resamples": resamples, "confidence": confidence}
    tried = _tried(held, asked, index, truth, exclude)
    best, reached = _cheapest(tried, asked.clips, choosing, recall, len(held), interval, seed, held)
    probed, depth = best
    told = {"probed": probed, "depth": depth, "target": recall, "reached": reached}
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


def _tried(
    held: Inverted, asked: Embeddings, index: Embeddings, truth: pd.DataFrame, exclude: str
) -> dict[tuple[int, int], dict[int, np.ndarray]]:
    """Recall of each query at each k, by lists probed and depth."""
    only, every = np.ones(len(index), bool), np.arange(len(asked))
    position = pd.Index(asked.clips["clip_id"]).get_indexer(truth["query_clip_id"])
    proposed = {}
    for probed in _powers(held.about["lists"]):
        search = Approximate(held, probed, max(DEPTHS))
        query, row = search.proposed(asked, every, index, max(DEPTHS), exclude, only)
        order = np.argsort(query, kind="stable")
        proposed[probed] = query[order], row[order]
    keys = [query * len(index) + row for query, row in proposed.values()]
    pairs, place = np.unique(np.concatenate(keys), return_inverse=True)
    cosines = pairs_cosines(asked, pairs // len(index), index, pairs % len(index))[place]
    tried, ends = {}, np.cumsum([len(key) for key in keys])[:-1]
    for (probed, (query, _)), cosine in zip(proposed.items(), np.split(cosines, ends), strict=True):
        nth = np.arange(len(query)) - np.searchsorted(query, query)
        for depth in DEPTHS:
            kept = nth < depth
            tried[probed, depth] = {
                k: _recall(query[kept], cosine[kept], position, truth, k, len(asked)) for k in AT
            }
    return tried


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
    tried: dict,
    clips: pd.DataFrame,
    choosing: np.ndarray,
    recall: float,
    size: int,
    interval: dict,
    seed: int,
    held: Inverted,
) -> tuple[tuple[int, int], bool]:
    """Lists and depth of the least work whose recall is surely high enough; else the best there is.

    Work is counted, not timed: a plan must not depend on what else the machine had to do.
    """
    last = max(AT)

    def work(how):
        return how[0] / held.about["lists"] * size + how[1] * RERANK

    for how in sorted(tried, key=work):
        values = tried[how][last][choosing]
        low, _ = _interval(values, clips["track_id"][choosing], f"choose {how}", interval, seed)
        if low >= recall:
            return how, True
    return max(tried, key=lambda how: (tried[how][last][choosing].mean(), -work(how))), False


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


def _powers(most: int) -> list[int]:
    """1, 2, 4, ... and `most`."""
    return sorted({*(2**power for power in range(most.bit_length())), most} - {0})
