"""Experiment C: which training music does an output resemble?

A vamp is as near to the training set as the nearest of its clips. Every number that says how near
is read beside the same number for music that the generator never saw: vamps against a control index
of equal size, held-out recordings against the training set, and the same recordings after a round
trip through the generator's codec.

Two arms: with the prompt's own track and its near duplicates among what can be found ("kept"), and
without them ("left_out"). What the arm "kept" finds may be the prompt itself.

Source: Barnett, Flores Garcia and Pardo, ISMIR 2024, the case study; control index, held-out music,
round trips and the arm without the prompt's track are ours.
"""

import numpy as np
import pandas as pd

from musical_roots import statistics
from musical_roots.search import matches as search
from musical_roots.seeding import rng
from musical_roots.tables import Embeddings

ARMS = {"kept": "none", "left_out": "duplicates"}
THRESHOLDS = 201
PROMPT_COLUMNS = [
    *("encoder", "side", "own", "setting", "prompts", "n_vamps", "best_mean", "prompt_mean"),
    *("nearer_share", "nearer_low", "nearer_high"),
    *("size_matched", "size_matched_low", "size_matched_high"),
]


def equal_sides(clips: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Which clips are in which index.

    Parameters
    ----------
    clips : DataFrame
        The corpus's clip list.
    seed : int
        The config's seed.

    Returns
    -------
    DataFrame
        clip_id; train: all clips of the train split; train_equal and control: as many clips of
        either split, all of the smaller one and a random draw of the other.
    """
    draw = pd.Series([rng(seed, "influence.index", clip).random() for clip in clips.clip_id])
    draw.index = clips.index
    size = clips.split.value_counts().reindex(["train", "control"], fill_value=0).min()
    drawn = draw.groupby(clips.split).rank(method="first") <= size
    train = clips.split == "train"
    return pd.DataFrame(
        {
            "clip_id": clips.clip_id,
            "train": train,
            "train_equal": train & drawn,
            "control": ~train & drawn,
        }
    )


def attribute(
    queries: Embeddings,
    corpus: Embeddings,
    sides: pd.DataFrame,
    k: int,
    parents: Embeddings | None = None,
    wanted: tuple[str, ...] = ("train",),
    arms: tuple[str, ...] = ("kept",),
) -> pd.DataFrame:
    """The k nearest clips of every query on each side and in each arm.

    Parameters
    ----------
    queries : Embeddings
        Clips of vamps, or of music that the generator never saw.
    corpus : Embeddings
        All clips of the corpus.
    sides : DataFrame
        Of `equal_sides`.
    k : int
        Matches a query.
    parents : Embeddings, optional
        What the queries were made from, such as the vamps' prompts: each query's own parent
        (parent_clip_id) gets a row of its own.
    wanted : tuple of str
        Sides: columns of `sides`.
    arms : tuple of str
        Keys of `ARMS`.

    Returns
    -------
    DataFrame
        A match table with `side` and `own`. A row with the target "parent" holds the cosine to the
        parent, and its rank among the clips of that side and arm, were it one of them.
    """
    index, targets = corpus, None
    if parents is not None:
        new = ~parents.clips.clip_id.isin(corpus.clips.clip_id).to_numpy()
        index = corpus.with_rows(parents.where(new))
        asked = queries.clips[queries.clips.parent_clip_id.isin(index.clips.clip_id)]
        pairs = {"query_clip_id": asked.clip_id, "clip_id": asked.parent_clip_id}
        targets = pd.DataFrame(pairs).assign(target="parent")
    of_clip = sides.set_index("clip_id").reindex(index.clips.clip_id, fill_value=False)
    found = []
    for side in wanted:
        only = of_clip[side].to_numpy(bool)
        for arm in arms:
            table = search(queries, index, k, ARMS[arm], targets, only)
            found.append(table.assign(side=side, own=arm))
    return pd.concat(found, ignore_index=True)


def best(matches: pd.DataFrame, clips: pd.DataFrame, unit: str = "vamp_id") -> pd.DataFrame:
    """The nearest clip of each vamp: the best match of any of its clips.

    Parameters
    ----------
    matches : DataFrame
        Of `attribute`.
    clips : DataFrame
        Clip list of the queries.
    unit : str
        Column of `clips` that says what belongs together; "clip_id" leaves clips alone.

    Returns
    -------
    DataFrame
        encoder, side, own, unit, cluster (the track that the query is from or was prompted by, with
        its near duplicates), split (of that track), setting, query_clip_id, clip_id, cosine; one
        row a unit, side and arm.
    """
    first = matches[(matches.target == "") & (matches["rank"] == 1)]
    asked = clips.assign(
        unit=clips[unit],
        cluster=clips.group_id.where(clips.group_id != "", clips[unit]),
        query_clip_id=clips.clip_id,
        setting=clips.get("setting", ""),
    )[["query_clip_id", "unit", "cluster", "split", "setting"]]
    found = first.merge(asked, on="query_clip_id")
    keys = ["encoder", "side", "own", "unit"]
    # ties: the first clip_id, whatever the order of shards
    found = found.sort_values([*keys, "cosine", "clip_id"], ascending=[True] * 4 + [False, True])
    columns = [*keys, "cluster", "split", "setting", "query_clip_id", "clip_id", "cosine"]
    return found.drop_duplicates(keys)[columns].reset_index(drop=True)


def exceedance(
    vamps: pd.DataFrame,
    null: pd.DataFrame,
    heldout: pd.DataFrame,
    resamples: int,
    confidence: float,
    seed: int,
) -> pd.DataFrame:
    """Share of outputs with at least one clip at or above a threshold, for all thresholds.

    Parameters
    ----------
    vamps, null, heldout : DataFrame
        Rows of `best`, a row a vamp or excerpt: of vamps, of real music that went through the
        generator's codec, and of the same music as it is. `null` may be `heldout` itself, where the
        codec is not known.
    resamples, confidence
        Of the bootstrap, clustered by track; the band holds at each threshold by itself.
    seed : int
        The config's seed.

    Returns
    -------
    DataFrame
        encoder, source, threshold, share, low, high, n. The thresholds run over all that an
        encoder's sources hold. Sources: vamp_train, vamp_train_equal and vamp_control without the
        prompt's track, vamp_train_own_kept with it, heldout_train, roundtrip_train.
    """
    tables = []
    for encoder, mine in vamps.groupby("encoder", sort=False):
        without = mine[mine.own == "left_out"]
        sources = {
            "vamp_train": without[without.side == "train"],
            "vamp_train_own_kept": mine[(mine.own == "kept") & (mine.side == "train")],
            "vamp_train_equal": without[without.side == "train_equal"],
            "vamp_control": without[without.side == "control"],
            "heldout_train": heldout[heldout.encoder == encoder],
            "roundtrip_train": null[null.encoder == encoder],
        }
        if null is heldout:
            del sources["roundtrip_train"]
        sources = {name: part for name, part in sources.items() if len(part)}
        cosines = np.concatenate([part.cosine.to_numpy() for part in sources.values()])
        thresholds = np.linspace(cosines.min(), cosines.max(), THRESHOLDS)
        for source, part in sources.items():
            low, high = statistics.cluster_bootstrap(
                part.cosine.to_numpy()[:, None] >= thresholds,
                part.cluster.to_numpy(),
                resamples=resamples,
                confidence=confidence,
                rng=rng(seed, "influence.exceedance", f"{encoder} {source}"),
            )
            columns = {"encoder": encoder, "source": source, "threshold": thresholds}
            columns |= {"share": statistics.exceedance(part.cosine, thresholds)}
            columns |= {"low": low, "high": high, "n": len(part)}
            tables.append(pd.DataFrame(columns))
    return pd.concat(tables, ignore_index=True)


def prompt_against_training(
    matches: pd.DataFrame,
    clips: pd.DataFrame,
    sides: pd.DataFrame,
    resamples: int,
    confidence: float,
    seed: int,
) -> pd.DataFrame:
    """Are vamps nearer to training music than to their own prompts?

    Parameters
    ----------
    matches : DataFrame
        Of `attribute`, with the vamps' prompts as parents.
    clips : DataFrame
        Clip list of the vamps.
    sides : DataFrame
        Of `equal_sides`.
    resamples, confidence, seed
        As everywhere.

    Returns
    -------
    DataFrame
        encoder, side, own, setting ("all" too), prompts ("train", "control"), n_vamps, best_mean
        (mean cosine to the nearest clip of that side), prompt_mean (to the nearest of the prompt's
        clips, which are compared time by time), nearer_share (of vamps that are nearer to that side
        than to their prompt, the paper's comparison) with nearer_low and nearer_high, and
        size_matched: the probability that one clip of that side, drawn at random, is nearer to a
        vamp's clip than the clip of the prompt, mean over clips, with size_matched_low and _high.
        It lacks the advantage of a maximum over many clips, and is a little low in the arm
        left_out, which has fewer. Empty where no prompt is known.
    """
    keys = ["encoder", "side", "own", "unit"]
    nearest = best(matches, clips).set_index(keys)
    to_prompt = matches[matches.target == "parent"].merge(
        clips.assign(query_clip_id=clips.clip_id, unit=clips.vamp_id)[["query_clip_id", "unit"]],
        on="query_clip_id",
    )
    if to_prompt.empty:
        return pd.DataFrame(columns=PROMPT_COLUMNS)
    # how many clips of a side the prompt had to compete with: those of its own track may be out
    of_side = {side: sides.clip_id[sides[side]] for side in ("train", "train_equal", "control")}
    to_prompt["of"] = to_prompt.side.map({side: len(ids) for side, ids in of_side.items()})
    to_prompt["ahead"] = (to_prompt["rank"] - 1) / to_prompt.of
    vamps = nearest.join(to_prompt.groupby(keys)[["cosine", "ahead"]].agg(
        {"cosine": "max", "ahead": "mean"}).rename(columns={"cosine": "prompt"}),
        how="inner").reset_index()  # fmt: skip
    vamps["nearer"] = (vamps.cosine > vamps.prompt).astype(float)
    rows = []
    both = pd.concat([vamps.assign(setting="all"), vamps])
    for key, part in both.groupby(["encoder", "side", "own", "setting", "split"], sort=False):
        row = dict(zip(["encoder", "side", "own", "setting", "prompts"], key, strict=True))
        row |= {
            "n_vamps": len(part),
            "best_mean": part.cosine.mean(),
            "prompt_mean": part.prompt.mean(),
        }
        for name, column in (("nearer_share", "nearer"), ("size_matched", "ahead")):
            low, high = statistics.cluster_bootstrap(
                part[column],
                part.cluster,
                resamples=resamples,
                confidence=confidence,
                rng=rng(seed, f"influence.{name}", " ".join(key)),
            )
            short = name.removesuffix("_share")
            row |= {name: part[column].mean(), f"{short}_low": low, f"{short}_high": high}
        rows.append(row)
    return pd.DataFrame(rows, columns=PROMPT_COLUMNS)
