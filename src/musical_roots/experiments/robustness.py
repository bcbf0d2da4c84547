"""Experiment B: what a perturbation does to similarity and retrieval.

Query clips are drawn from the corpus, perturbed, and searched for among all clips of the corpus.
For each encoder, kind and level: how near is the perturbed clip to its original, how near would a
clip of another track be, and is the original still found?

Source: Barnett, Flores Garcia and Pardo, ISMIR 2024, section on robustness; the ranks, the floor
and the intervals are ours.
"""

import numpy as np
import pandas as pd

from musical_roots import statistics
from musical_roots.corpus.clips import clip_id
from musical_roots.errors import InputError
from musical_roots.seeding import rng


def choose_queries(
    clips: pd.DataFrame, tracks: pd.DataFrame, count: int, context_s: float, seed: int
) -> pd.DataFrame:
    """Query clips, spread over as many tracks as there are.

    Parameters
    ----------
    clips : DataFrame
        The corpus's clip list.
    tracks : DataFrame
        Its tracks: track_id, duration_s.
    count : int
        Clips wanted.
    context_s : float
        Seconds of music that must lie on both sides of a clip, for perturbations that need them.
    seed : int
        The config's seed.

    Returns
    -------
    DataFrame
        At most `count` rows of `clips`, ordered by clip_id: first one clip of every track, then a
        second one, and so on, tracks and clips in random order.

    Raises
    ------
    InputError
        If no clip has that much context.
    """
    length = clips.track_id.map(tracks.set_index("track_id").duration_s)
    room = (clips.start_s >= context_s) & (clips.start_s + clips.duration_s + context_s <= length)
    found = clips[room]
    if found.empty:
        raise InputError(f"no clip has {context_s} s of music on both sides: tracks are too short")
    draw = pd.Series([rng(seed, "queries", clip).random() for clip in found.clip_id], found.index)
    turn = draw.groupby(found.track_id).rank(method="first")
    chosen = pd.DataFrame({"turn": turn, "draw": draw}).sort_values(["turn", "draw"]).index[:count]
    return found.loc[chosen].sort_values("clip_id", ignore_index=True)


def other_track(queries: pd.DataFrame, clips: pd.DataFrame, stage: str, seed: int) -> list[str]:
    """For each query, a random clip_id of `clips` that is not of its track or a duplicate of it."""
    groups, ids = clips.group_id.to_numpy(), clips.clip_id.to_numpy()
    if len(set(groups)) < 2:
        raise InputError("the corpus holds one track alone: nothing to compare it with; add tracks")
    chosen = []
    for query, group in zip(queries.clip_id, queries.group_id, strict=True):
        generator = rng(seed, stage, query)
        row = generator.integers(len(ids))
        while groups[row] == group:
            row = generator.integers(len(ids))
        chosen.append(ids[row])
    return chosen


def perturbed_clips(
    queries: pd.DataFrame, kind: str, unit: str, levels: list[float], partners: list[str]
) -> pd.DataFrame:
    """Clip list of every query at every level of one kind, without paths: they are rendered later.

    Returns
    -------
    DataFrame
        Ordered by level, then query: clip_id, track_id, group_id, split, role, duration_s, kind,
        level, unit, parent_clip_id, partner_clip_id.
    """
    parts = []
    for level in sorted(levels):
        made = [
            clip_id(track, start, duration, transform=f"{kind} {level:g} {unit} {partner}")
            for track, start, duration, partner in zip(
                queries.track_id, queries.start_s, queries.duration_s, partners, strict=True
            )
        ]
        parts.append(
            pd.DataFrame(
                {
                    "clip_id": made,
                    "track_id": queries.track_id,
                    "group_id": queries.group_id,
                    "split": queries.split,
                    "role": "perturbed",
                    "duration_s": queries.duration_s,
                    "kind": kind,
                    "level": float(level),
                    "unit": unit,
                    "parent_clip_id": queries.clip_id,
                    "partner_clip_id": partners,
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def targets(perturbed: pd.DataFrame, floor: dict[str, str]) -> pd.DataFrame:
    """Pairs whose cosine and rank are always wanted: the original, and a random other track.

    Parameters
    ----------
    perturbed : DataFrame
        A perturbed clip list.
    floor : dict
        Parent clip_id -> clip_id of a random clip of another track.

    Returns
    -------
    DataFrame
        query_clip_id, clip_id, target (``original`` or ``random``).
    """
    pairs = {"original": perturbed.parent_clip_id, "random": perturbed.parent_clip_id.map(floor)}
    return pd.concat(
        [
            pd.DataFrame({"query_clip_id": perturbed.clip_id, "clip_id": ids, "target": target})
            for target, ids in pairs.items()
        ],
        ignore_index=True,
    )


def summarise(
    matches: pd.DataFrame,
    perturbed: pd.DataFrame,
    clips: pd.DataFrame,
    resamples: int,
    confidence: float,
    seed: int,
) -> pd.DataFrame:
    """Results of one encoder and kind, one row a level.

    Parameters
    ----------
    matches : DataFrame
        Match table of the perturbed clips, with their `targets`.
    perturbed : DataFrame
        Their clip list.
    clips : DataFrame
        Clip list of the index: clip_id, track_id.
    resamples, confidence
        Of the bootstrap, clustered by track.
    seed : int
        The config's seed.

    Returns
    -------
    DataFrame
        Columns of ``results/tables/robustness.csv``. `track_recall_at_1` is the share of queries
        whose first match is of the right track, the original counted.
    """
    encoder = matches.encoder.iloc[0]
    first = matches[(matches.target == "") & (matches["rank"] == 1)].set_index("query_clip_id")
    original = matches[matches.target == "original"].set_index("query_clip_id")
    random = matches[matches.target == "random"].set_index("query_clip_id")
    track_of = clips.set_index("clip_id").track_id

    rows = []
    for level, part in perturbed.groupby("level"):
        kind, unit = part.kind.iloc[0], part.unit.iloc[0]
        cosine = original.cosine.reindex(part.clip_id).to_numpy()
        ranks = original["rank"].reindex(part.clip_id).to_numpy()
        low, high = statistics.cluster_bootstrap(
            cosine,
            part.track_id.to_numpy(),
            resamples=resamples,
            confidence=confidence,
            rng=rng(seed, "robustness.bootstrap", f"{encoder} {kind} {level:g}"),
        )
        found = first.clip_id.reindex(part.clip_id).map(track_of).to_numpy()
        rows.append(
            {
                "encoder": encoder,
                "kind": kind,
                "level": level,
                "unit": unit,
                "n_queries": len(part),
                "cosine_mean": cosine.mean(),
                "cosine_low": low,
                "cosine_high": high,
                "cosine_floor": random.cosine.reindex(part.clip_id).mean(),
                "recall_at_1": statistics.recall_at(ranks, 1),
                "recall_at_10": statistics.recall_at(ranks, 10),
                "recall_at_50": statistics.recall_at(ranks, 50),
                "mrr": statistics.mean_reciprocal_rank(ranks),
                "median_rank": statistics.median_rank(ranks),
                "track_recall_at_1": float(np.mean(found == part.track_id.to_numpy())),
            }
        )
    return pd.DataFrame(rows)
