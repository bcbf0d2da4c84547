"""What does an output lose without the track that a method names?

The effect of a track is the mean loss of the models without it less that of the models with it:
where tracks were left out one at a time, the loss of the one model without it less the mean of all
these models, each of which lacks a track; where halves were drawn, half of the other tracks are
missing, too. The track that a method names is held against the mean of all others (a track at
random), and against the one most like it of the rest: whose artist has as many tracks, if there is
any, and nearest in length.

Few tracks are named for many outputs, and what is not known of an effect they all share. So there
is a second interval, over models: over halves; where each track was left out once, over the tracks
that are named, each of which one model lacks.

What halves say of single tracks is itself held against what leaving these out does: "effects by
halves" is a row there, as if it were a method.
"""

import numpy as np
import pandas as pd

from musical_roots.experiments.counterfactual.correlations import drawn_halves
from musical_roots.experiments.counterfactual.halves import LEFT_OUT
from musical_roots.experiments.counterfactual.race import Truth, effects, groups, matrix
from musical_roots.seeding import rng
from musical_roots.statistics import cluster_bootstrap

COLUMNS = [
    *("design", "method", "kind", "prompts", "n_outputs", "named", "random", "matched"),
    *("named_less_random", "random_low", "random_high"),
    *("random_low_models", "random_high_models"),
    *("named_less_matched", "matched_low", "matched_high"),
    *("matched_low_models", "matched_high_models"),
    *("largest", "largest_low", "largest_high"),
]
BY_HALVES = "effects by halves"
LESS = {"random": "named_less_random", "matched": "named_less_matched"}


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
        As everywhere.

    Returns
    -------
    DataFrame
        design, method, kind, prompts ("train", "control"), n_outputs (of which the method names one
        track); mean effects in nats a made-up token, against the mean output's: named, random,
        matched; named_less_random and named_less_matched with two intervals: low and high, over
        outputs, clustered by the prompt's track; low_models and high_models, over models, NaN where
        these are too few; largest: the share of outputs for which no track has a larger effect than
        the one that is named, with an interval over outputs.
    """
    effect = effects(truth.inside, truth.loss)  # of each track alone, whatever goes with it
    if design == LEFT_OUT:  # less the mean of all: two then differ as their models' losses do
        effect *= 1 - 1 / len(truth.inside)
    again = None if design == LEFT_OUT else resampled_effects(truth, resamples, seed, design)
    like = matched(truth, tracks)
    listed = outputs.set_index("output_id").loc[truth.outputs].reset_index()
    largest = truth.unit[np.where(np.isfinite(effect), effect, -np.inf).argmax(axis=1)]
    rows = []
    for (kind, method), part in scores.groupby(["kind", "method"], sort=False):
        mine = np.where(np.isfinite(effect).all(axis=0), matrix(truth, part), -np.inf)
        top = mine.max(axis=1, keepdims=True)
        # a track's near duplicates are named with it
        units_named = (mine == top).astype(np.float64) @ np.eye(truth.unit.max() + 1)[truth.unit]
        sure = np.isfinite(top[:, 0]) & ((units_named > 0).sum(axis=1) == 1)
        named = mine.argmax(axis=1)
        each = pd.DataFrame(_effects_of(effect, named, like, truth.unit))
        each["largest"] = (truth.unit[named] == largest).astype(np.float64)
        sure &= each.notna().all(axis=1).to_numpy()
        spread = None if again is None else _effects_of(again, named, like, truth.unit)
        for prompts, setting, mask in groups(listed):
            some = mask & sure
            if setting != "all" or not some.any():
                continue
            row = {"design": design, "method": method, "kind": kind, "prompts": prompts}
            row |= {"n_outputs": int(some.sum())} | each[some].mean().to_dict()
            how = {"resamples": resamples, "confidence": confidence, "seed": seed}
            how["item"] = f"{design} {method} {prompts}"
            for name, column in (LESS | {"largest": "largest"}).items():
                ends = _interval(each[column][some], listed.prompt_group_id[some], **how)
                row |= {f"{name}_low": ends[0], f"{name}_high": ends[1]}
            for name, less in LESS.items():
                if spread is None:
                    ends = _interval(each[less][some], truth.unit[named[some]], **how)
                else:
                    share = (1 - confidence) / 2
                    ends = np.quantile(spread[less][:, some].mean(axis=1), [share, 1 - share])
                row |= {f"{name}_low_models": ends[0], f"{name}_high_models": ends[1]}
            rows.append(row)
    return pd.DataFrame(rows, columns=COLUMNS)


def by_halves(truth: Truth) -> pd.DataFrame:
    """Effects of tracks in random halves as scores: method, kind, output_id, track_id, score."""
    effect = pd.DataFrame(effects(truth.inside, truth.loss), truth.outputs, truth.tracks)
    scores = effect.rename_axis("output_id").reset_index()
    scores = scores.melt("output_id", var_name="track_id", value_name="score")
    return scores.assign(method=BY_HALVES, kind="ceiling")


def resampled_effects(truth: Truth, resamples: int, seed: int, design: str) -> np.ndarray:
    """`effects` of each track in resamples of the halves: float32 [resamples, outputs, tracks].

    NaN for what is in every half of a resample, or in none.
    """
    times = drawn_halves(len(truth.inside), resamples, seed, f"{design} removal")
    found = np.empty((resamples, len(truth.outputs), len(truth.tracks)), np.float32)
    for row, drawn in enumerate(times):
        found[row] = effects(
            *(np.repeat(part, drawn, axis=0) for part in (truth.inside, truth.loss))
        )
    return found


def matched(truth: Truth, tracks: pd.DataFrame) -> np.ndarray:
    """Position of the track most like each: int [tracks]."""
    mine = tracks.set_index("track_id").loc[truth.tracks]
    artist_tracks = mine.groupby("artist").artist.transform("size").to_numpy()
    length = np.log(mine.duration_s.to_numpy(np.float64))
    apart = np.abs(length[:, None] - length) + 1e3 * (artist_tracks[:, None] != artist_tracks)
    apart[truth.unit[:, None] == truth.unit] = np.inf
    return apart.argmin(axis=1)


def _interval(
    values: pd.Series, clusters, resamples: int, confidence: float, seed: int, item: str
) -> tuple[float, float]:
    chance = rng(seed, "counterfactual.removal", item)
    return cluster_bootstrap(
        values, clusters, resamples=resamples, confidence=confidence, rng=chance
    )


def _effects_of(
    effect: np.ndarray, named: np.ndarray, like: np.ndarray, unit: np.ndarray
) -> dict[str, np.ndarray]:
    """Effects of the named track, of all others on average, and of the one that is like it.

    Parameters
    ----------
    effect : ndarray, float [..., outputs, tracks]
    named : ndarray, int [outputs]
    like : ndarray, int [tracks]
    unit : ndarray, int [tracks]
        What is one with the named track is none of the others.

    Returns
    -------
    dict of str to ndarray, float [..., outputs]
        named, random, matched, and what of `LESS` is said of these.
    """
    rows = np.arange(len(named))
    mine, other = effect[..., rows, named], unit != unit[named][:, None]
    known = np.isfinite(effect) & other
    with np.errstate(invalid="ignore"):  # 0 / 0: there is no other
        others = np.where(known, effect, 0).sum(axis=-1) / known.sum(axis=-1)
    each = {"named": mine, "random": others, "matched": effect[..., rows, like[named]]}
    return each | {less: mine - each[name] for name, less in LESS.items()}
