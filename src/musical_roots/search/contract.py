"""What every search promises: which rows a query never matches, named targets, and the match table.

A search is a function of (queries, index, k, exclude, targets, only) that gives a match table:
`exact.matches` is one, the method `matches` of `approximate.Approximate` another. Clips are known
by their clip_id; positions stay inside.
"""

import numpy as np
import pandas as pd

from musical_roots.errors import InputError
from musical_roots.tables import Embeddings

# column of the queries -> column of the index: an index row that shares the value is left out
EXCLUSIONS = {
    "none": [],
    "self": [("clip_id", "clip_id"), ("parent_clip_id", "clip_id")],
    "track": [("track_id", "track_id")],
    "duplicates": [("group_id", "group_id")],
    "artist": [("artist_block", "artist_block")],
    "partner": [("partner_group_id", "group_id")],
}
OPTIONAL = {"parent_clip_id"}


def check(queries: Embeddings, index: Embeddings, exclude: str) -> None:
    """Refuse vectors of two fingerprints, and an exclusion that is unknown or lacks its column."""
    if exclude not in EXCLUSIONS:
        raise InputError(f"exclude: {exclude!r} is unknown; use one of {', '.join(EXCLUSIONS)}")
    ours, theirs = queries.provenance["fingerprint"], index.provenance["fingerprint"]
    if ours != theirs:
        raise InputError(
            f"queries of fingerprint {ours}, index of fingerprint {theirs}: their cosines mean "
            "nothing; embed both with the same encoder, weights and statistics"
        )
    for name, clips in (("queries", queries.clips), ("index", index.clips)):
        columns = {pair[name == "index"] for pair in EXCLUSIONS[exclude]} - OPTIONAL
        missing = sorted(columns - set(clips.columns))
        if missing:
            raise InputError(
                f"{name}: column {missing[0]} is missing, which exclude: {exclude} needs; "
                "embed the clip list again, or choose another exclude"
            )


def alphabetically(embeddings: Embeddings, name: str) -> np.ndarray:
    """Position of each clip_id in the sorted list of them: int64 [n]; each must occur once."""
    clip_ids = embeddings.clips["clip_id"]
    order = clip_ids.argsort().to_numpy()
    ascending = clip_ids.array[order]
    repeated = ascending[1:][ascending[1:] == ascending[:-1]]
    if len(repeated):
        raise InputError(f"{name}: clip {repeated[0]} occurs twice; list each shard once")
    positions = np.empty(len(order), np.int64)
    positions[order] = np.arange(len(order))
    return positions


def excluded(
    queries: pd.DataFrame, index: pd.DataFrame, exclude: str
) -> tuple[np.ndarray, np.ndarray]:
    """Pairs (query, row) that never match, by row; a query counts from the first of `queries`."""
    pairs = [np.empty((0, 2), np.int64)]
    for ours, theirs in EXCLUSIONS[exclude]:
        if ours in queries:
            left = pd.DataFrame({"key": queries[ours].to_numpy(), "query": range(len(queries))})
            right = pd.DataFrame({"key": index[theirs].to_numpy(), "row": range(len(index))})
            left = left[left["key"].notna() & (left["key"] != "")]
            pairs.append(left.merge(right, on="key")[["query", "row"]].to_numpy(np.int64))
    query, row = np.concatenate(pairs).T
    order = np.argsort(row, kind="stable")
    return query[order], row[order]


def target_pairs(
    targets: pd.DataFrame | None, queries: Embeddings, index: Embeddings
) -> pd.DataFrame:
    """Targets by position: query, row, target; by label, so that ties come out in one order."""
    if targets is None:  # and no need to look up a million clip_ids
        return pd.DataFrame({"query": [], "row": [], "target": []}).astype({"query": np.int64})
    positions = {}
    for column, where, name in (
        ("query_clip_id", queries, "queries"),
        ("clip_id", index, "index"),
    ):
        position = pd.Index(where.clips["clip_id"]).get_indexer(targets[column])
        if (position < 0).any():
            clip_id = targets[column].iloc[int(np.argmin(position))]
            raise InputError(
                f"target clip {clip_id} is not in the {name}; embed it, or take it off the targets"
            )
        positions[column] = position
    pairs = pd.DataFrame(
        {
            "query": positions["query_clip_id"].astype(np.int64),
            "row": positions["clip_id"].astype(np.int64),
            "target": targets["target"].to_numpy(),
        }
    )
    return pairs.sort_values(["target", "query", "row"], ignore_index=True)


def layers(targets: pd.DataFrame) -> list[pd.DataFrame]:
    """The targets in tables that hold each query once at most."""
    return [layer for _, layer in targets.groupby(targets.groupby("query").cumcount())]


def matchable(only: np.ndarray | None, index: Embeddings) -> np.ndarray:
    """Which rows can be matched: bool [len(index)]; all, if `only` is None."""
    only = np.ones(len(index), bool) if only is None else np.asarray(only, bool)
    if only.shape != (len(index),):
        raise ValueError(f"only must be of shape [{len(index)}], not {only.shape}")
    return only


def match_table(found: pd.DataFrame, queries: Embeddings, index: Embeddings) -> pd.DataFrame:
    """The match table of what was found by position: query, rank, row, cosine, target."""
    return pd.DataFrame(
        {
            "query_clip_id": queries.clips["clip_id"].take(found["query"]).array,
            "rank": found["rank"],
            "clip_id": index.clips["clip_id"].take(found["row"]).array,
            "track_id": index.clips["track_id"].take(found["row"]).array,
            "cosine": found["cosine"],
            "target": found["target"],
            "encoder": index.provenance["encoder"],
        }
    ).astype({"encoder": "str"})
