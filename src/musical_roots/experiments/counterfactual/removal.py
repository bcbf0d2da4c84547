"""What does an output lose without the track that a method names?

The effect of a track is the mean loss of the models without it less that of the models with it:
where tracks were left out one at a time, the loss of the one model without it less that of all
others; where halves were drawn, half of the other tracks are missing, too. The track
that a method names is held against the mean of all others (a track at random), and against the one
most like it of the rest: whose artist has as many tracks, if there is any, and nearest in length.
"""

import numpy as np
import pandas as pd

from musical_roots.experiments.counterfactual.race import Truth, effects, groups, matrix
from musical_roots.seeding import rng
from musical_roots.statistics import cluster_bootstrap

COLUMNS = [
    *("design", "method", "kind", "prompts", "n_outputs", "named", "random", "matched"),
    *("named_less_random", "random_low", "random_high"),
    *("named_less_matched", "matched_low", "matched_high"),
]


def removal(
    scores: pd.DataFrame,
    truth: Truth,
    outputs: pd.DataFrame,
    tracks: pd.DataFrame,
    design: str,
    resamples: int,
    confidence: float,
    seed: int,
) -> pd.DataFrame:
    """How much more an output loses without the track that a method names than without others.

    Parameters
    ----------
    scores : DataFrame
        method, kind, output_id, track_id, score.
    truth : Truth
        Of a design whose units are tracks.
    outputs : DataFrame
        output_id, setting, prompt_split, prompt_group_id.
    tracks : DataFrame
        track_id, artist, duration_s.
    design : str
        That truth's: "tracks" or "left_out".
    resamples, confidence, seed
        As everywhere; intervals are over outputs, clustered by the prompt's track.

    Returns
    -------
    DataFrame
        design, method, kind, prompts ("train", "control"), n_outputs (of which the method names one
        track); mean effects in nats a made-up token, against the mean output's: named, random,
        matched; named_less_random and named_less_matched with intervals.
    """
    effect = effects(truth.inside, truth.loss)  # of each track alone, whatever goes with it
    like = matched(truth, tracks)
    listed = outputs.set_index("output_id").loc[truth.outputs].reset_index()
    rows = []
    for (kind, method), part in scores.groupby(["kind", "method"], sort=False):
        mine = np.where(np.isfinite(effect).all(axis=0), matrix(truth, part), -np.inf)
        top = mine.max(axis=1, keepdims=True)
        sure = np.isfinite(top[:, 0]) & ((mine == top).sum(axis=1) == 1)
        each = _effects_of(effect, mine.argmax(axis=1), like)
        sure &= each.notna().all(axis=1).to_numpy()
        for prompts, setting, mask in groups(listed):
            some = mask & sure
            if setting != "all" or not some.any():
                continue
            low, high = cluster_bootstrap(
                each.loc[some, ["named_less_random", "named_less_matched"]],
                listed.prompt_group_id[some].to_numpy(str),
                resamples=resamples,
                confidence=confidence,
                rng=rng(seed, "counterfactual.removal", f"{design} {method} {prompts}"),
            )
            row = {"design": design, "method": method, "kind": kind, "prompts": prompts}
            row["n_outputs"] = int(some.sum())
            row |= each[some].mean().to_dict()
            row |= {"random_low": low[0], "random_high": high[0]}
            rows.append(row | {"matched_low": low[1], "matched_high": high[1]})
    return pd.DataFrame(rows, columns=COLUMNS)


def matched(truth: Truth, tracks: pd.DataFrame) -> np.ndarray:
    """Position of the track most like each: int [tracks]."""
    mine = tracks.set_index("track_id").loc[truth.tracks]
    artist_tracks = mine.groupby("artist").artist.transform("size").to_numpy()
    length = np.log(mine.duration_s.to_numpy(np.float64))
    apart = np.abs(length[:, None] - length) + 1e3 * (artist_tracks[:, None] != artist_tracks)
    apart[truth.unit[:, None] == truth.unit] = np.inf
    return apart.argmin(axis=1)


def _effects_of(effect: np.ndarray, named: np.ndarray, like: np.ndarray) -> pd.DataFrame:
    """Effects of the named track, of all others on average, and of the one that is like it."""
    rows = np.arange(len(effect))
    known = np.isfinite(effect)
    mine = effect[rows, named]
    others = (np.nansum(effect, axis=1) - mine) / (known.sum(axis=1) - 1)
    each = pd.DataFrame({"named": mine, "random": others, "matched": effect[rows, like[named]]})
    each["named_less_random"] = each.named - each.random
    each["named_less_matched"] = each.named - each.matched
    return each
