"""Does the size of the training set show in the outputs? Two models, alike but for what they heard.

One learned from the whole training set, the other from a part of it, with the same network and
steps. Vamps of the same prompt, setting and number have the same seed and mask: they are pairs, and
what is asked is how the two of a pair differ in the cosine to their prompt, and to the nearest clip
of one and the same index.

Source: Barnett, Flores Garcia and Pardo, ISMIR 2024, table 2: a second VampNet, trained on 30,550
of 795,000 songs, "no meaningful difference". Pairs, intervals, the index of the smaller training
set and the prompts by what the smaller model heard are ours.
"""

import numpy as np
import pandas as pd

from musical_roots import statistics
from musical_roots.experiments.influence import best
from musical_roots.seeding import rng

PROMPT, NEAREST = "cosine_to_prompt", "cosine_to_nearest_training_clip"
INDEXES = ("train", "train_small")
VAMP = ["setting", "prompt_id", "vamp"]  # what the two of a pair have in common
KEYS = ["encoder", "measure", "index", "prompt_track"]
COLUMNS = [
    *("encoder", "index", "prompt_track", "measure", "prompts", "setting"),
    *("full_mean", "small_mean", "difference", "low", "high", "n_vamps", "n_prompts"),
]


def between(
    matches: pd.DataFrame,
    clips: pd.DataFrame,
    vamps: pd.DataFrame,
    small: pd.DataFrame | None,
    resamples: int,
    confidence: float,
    seed: int,
) -> pd.DataFrame:
    """`differences` of two generators whose vamps lie in one list.

    Parameters
    ----------
    matches, clips, vamps : DataFrame
        As of `measures`, of both generators; the list names the one with the larger training set
        first.
    small : DataFrame or None
        Which tracks the smaller training set holds, where that is known: track_id, small.
    resamples, confidence, seed
        As everywhere.

    Returns
    -------
    DataFrame
        Of `differences`, with the two in the columns generator and small_generator.
    """
    one, other = vamps.generator.unique()
    every = measures(matches, clips, vamps)
    parts = [every[every.generator == name] for name in (one, other)]
    heard = set(small.track_id[small.small]) if small is not None else None
    table = differences(*parts, heard, resamples, confidence, seed)
    table.insert(1, "generator", one)
    table.insert(2, "small_generator", other)
    return table


def measures(matches: pd.DataFrame, clips: pd.DataFrame, vamps: pd.DataFrame) -> pd.DataFrame:
    """How near each vamp is to its prompt, and to the nearest clip of each index.

    Parameters
    ----------
    matches : DataFrame
        Of `influence.attribute` for vamps, with their prompts as parents.
    clips : DataFrame
        Clip list of the vamps.
    vamps : DataFrame
        Their list: output_id, generator, setting, prompt_id, vamp, prompt_track_id.

    Returns
    -------
    DataFrame
        generator, `KEYS`, `VAMP`, cluster (the prompt's track with its near duplicates), split,
        track_id (the prompt's), cosine. A vamp counts with the nearest of its clips; to the prompt,
        they are compared time by time, whatever the index: there index and prompt_track are "".
    """
    nearest = best(matches, clips).assign(measure=NEAREST)
    nearest = nearest[nearest["index"].isin(INDEXES)]
    asked = clips.assign(query_clip_id=clips.clip_id)[["query_clip_id", "output_id"]]
    parents = matches[matches.target == "parent"].merge(asked, on="query_clip_id")
    parents = parents.groupby(["encoder", "output_id"], as_index=False).cosine.max()
    about = nearest.drop_duplicates("output_id")[["output_id", "cluster", "split"]]
    to_prompt = parents.merge(about, on="output_id").assign(
        measure=PROMPT, index="", prompt_track=""
    )
    columns = [*KEYS, "output_id", "cluster", "split", "cosine"]
    made = vamps[["output_id", "generator", *VAMP, "prompt_track_id"]]
    made = made.rename(columns={"prompt_track_id": "track_id"})
    both = pd.concat([to_prompt[columns], nearest[columns]], ignore_index=True)
    return both.merge(made, on="output_id").drop(columns="output_id")


def differences(
    full: pd.DataFrame,
    small: pd.DataFrame,
    heard: set[str] | None,
    resamples: int,
    confidence: float,
    seed: int,
) -> pd.DataFrame:
    """How vamps of the model with the smaller training set differ from those of the other.

    Parameters
    ----------
    full, small : DataFrame
        Of `measures`; vamps that one of them lacks are left out.
    heard : set of str or None
        track_id of what the smaller model learned from; None if that is not known.
    resamples, confidence, seed
        As everywhere; clusters are prompts' tracks.

    Returns
    -------
    DataFrame
        encoder, index, prompt_track, measure, prompts (all, control, train, and of these
        train_small, whose tracks the smaller model learned from, and train_rest), setting ("all"
        too), full_mean and small_mean (mean cosines), difference (small less full, mean over pairs)
        with low and high, n_vamps (pairs), n_prompts.
    """
    pairs = full.merge(small[[*KEYS, *VAMP, "cosine"]], on=[*KEYS, *VAMP], suffixes=("", "_small"))
    pairs["difference"] = pairs.cosine_small - pairs.cosine
    rows = []
    for key, every in pairs.groupby(KEYS, sort=False):
        for prompts, some in _by_prompts(every, heard).items():
            about = dict(zip(KEYS, key, strict=True)) | {"prompts": prompts}
            item = " ".join(about.values())
            for setting, part in [("all", some), *some.groupby("setting", sort=False)]:
                # by the same resamples: of one setting, "all" is that
                chance = rng(seed, "influence.training_sets", item)
                row = about | {"setting": setting}
                rows.append(row | _difference(part, resamples, confidence, chance))
    return pd.DataFrame(rows, columns=COLUMNS)


def _by_prompts(pairs: pd.DataFrame, heard: set[str] | None) -> dict[str, pd.DataFrame]:
    train = pairs.split == "train"
    which = {"all": train | True, "train": train, "control": pairs.split == "control"}
    if heard is not None:
        known = pairs.track_id.isin(heard)
        which |= {"train_small": train & known, "train_rest": train & ~known}
    return {name: pairs[rows] for name, rows in which.items() if rows.any()}


def _difference(
    pairs: pd.DataFrame, resamples: int, confidence: float, chance: np.random.Generator
) -> dict:
    low, high = statistics.cluster_bootstrap(
        pairs.difference, pairs.cluster, resamples=resamples, confidence=confidence, rng=chance
    )
    return {
        "full_mean": pairs.cosine.mean(),
        "small_mean": pairs.cosine_small.mean(),
        "difference": pairs.difference.mean(),
        "low": low,
        "high": high,
        "n_vamps": len(pairs),
        "n_prompts": pairs.prompt_id.nunique(),
    }
