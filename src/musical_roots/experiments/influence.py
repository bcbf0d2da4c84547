"""Experiment C: which training music does an output resemble?

An output is a vamp, or an external file. It is as near to the training set as the nearest of its
clips. Every number that says how near is read beside the same number for control music, which the
generator never saw: outputs against a control index of equal size, control tracks against the
training set, and the same tracks after a round trip through the generator's codec.

The prompt's own track and its near duplicates are among what can be found (`prompt_track` is
"included"), or are not ("excluded"), or nothing of its artist is ("artist_excluded"). What is found
where it is included may be the prompt itself.

Source: Barnett, Flores Garcia and Pardo, ISMIR 2024, the case study; control index, control music,
its round trips and the search without the prompt's track are ours.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd

from musical_roots import statistics
from musical_roots.experiments.draw_names import EXCEEDANCE, PROMPT_TRACK, draw_name
from musical_roots.experiments.indexes import EXCLUDE
from musical_roots.search import matches
from musical_roots.seeding import rng
from musical_roots.tables import Embeddings

# Of outputs, the exceedance curves that are drawn: index, prompt_track.
CURVES = [
    ("train", "excluded"),
    ("train", "included"),
    ("train_equal", "excluded"),
    ("control", "excluded"),
]
THRESHOLDS = 201
PROMPT_COLUMNS = [
    *("encoder", "index", "prompt_track", "setting", "prompts"),
    *("n_outputs", "best_mean", "prompt_mean"),
    *("nearer_share", "nearer_low", "nearer_high"),
    *("size_matched", "size_matched_low", "size_matched_high"),
]


def equal_indexes(
    clips: pd.DataFrame,
    seed: int,
    small: pd.DataFrame | None = None,
    blocks: pd.Series | None = None,
) -> pd.DataFrame:
    """Which clips are in which index.

    Among as many clips of more artists there is more music that is near to something: indexes that
    are compared hold as many artists, too, at least a clip of each.

    Parameters
    ----------
    clips : DataFrame
        The corpus's clip list.
    seed : int
        The config's seed.
    small : DataFrame, optional
        Which tracks a smaller training set holds: track_id, small.
    blocks : Series, optional
        track_id -> block of tied artists (`corpus.split.blocks`); without it artists are not
        counted.

    Returns
    -------
    DataFrame
        clip_id; train: all clips of the train split; train_equal and control: random artists of the
        split that has more, so that they are as many, and of these random clips of the side that
        has more, so that they are as many; if there is a smaller training set, train_small: the
        clips of train that are of its tracks.
    """
    draw = pd.Series([rng(seed, "influence.index", clip).random() for clip in clips.clip_id])
    draw.index = clips.index
    if blocks is not None:
        block = clips.track_id.map(blocks)
        draw = draw.where(_as_many_artists(clips.split, block, seed))
        draw -= draw == draw.groupby([clips.split, block]).transform("min")  # a clip of each first
    size = draw.groupby(clips.split).count().reindex(["train", "control"], fill_value=0).min()
    drawn = draw.groupby(clips.split).rank(method="first") <= size
    train = clips.split == "train"
    indexes = {
        "clip_id": clips.clip_id,
        "train": train,
        "train_equal": train & drawn,
        "control": ~train & drawn,
    }
    if small is not None:
        indexes["train_small"] = train & clips.track_id.isin(small.track_id[small.small])
    return pd.DataFrame(indexes)


def _as_many_artists(split: pd.Series, block: pd.Series, seed: int) -> pd.Series:
    """Which clips are of the artists that are drawn, as many of either split: all of one."""
    each = pd.DataFrame({"split": split, "block": block}).drop_duplicates()
    each["draw"] = [rng(seed, "influence.artist", name).random() for name in each.block]
    drawn = each.groupby("split").draw.rank(method="first") <= each.split.value_counts().min()
    drawn = pd.MultiIndex.from_frame(each.loc[drawn, ["split", "block"]])
    return pd.Series(pd.MultiIndex.from_arrays([split, block]).isin(drawn), split.index)


def attribute(
    queries: Embeddings,
    corpus: Embeddings,
    indexes: pd.DataFrame,
    k: int,
    parents: Embeddings | None = None,
    wanted: tuple[str, ...] = ("train",),
    prompt_tracks: tuple[str, ...] = ("included",),
    blocks: pd.Series | None = None,
    search: Callable[..., pd.DataFrame] = matches,
) -> pd.DataFrame:
    """The k nearest clips of every query in each index, with and without the prompt's track.

    Parameters
    ----------
    queries : Embeddings
        Clips of outputs, or of control music.
    corpus : Embeddings
        All clips of the corpus.
    indexes : DataFrame
        Of `equal_indexes`.
    k : int
        Matches a query.
    parents : Embeddings, optional
        What the queries were made from, such as the vamps' prompts: each query's own parent
        (parent_clip_id) gets a row of its own.
    wanted : tuple of str
        Columns of `indexes`.
    prompt_tracks : tuple of str
        Keys of `indexes.EXCLUDE`.
    blocks : Series, optional
        track_id -> block of tied artists (`corpus.split.blocks`): "artist_excluded" wants it.
    search : callable
        Of the contract of `search.matches`.

    Returns
    -------
    DataFrame
        A match table with `index` and `prompt_track`. A row with the target "parent" holds the
        cosine to the parent, and its rank among the clips that could be found, were it one of them.
    """
    there, targets = corpus, None
    if parents is not None:
        new = ~parents.clips.clip_id.isin(corpus.clips.clip_id).to_numpy()
        there = corpus.with_rows(parents.where(new))
        asked = queries.clips[queries.clips.parent_clip_id.isin(there.clips.clip_id)]
        pairs = {"query_clip_id": asked.clip_id, "clip_id": asked.parent_clip_id}
        targets = pd.DataFrame(pairs).assign(target="parent")
    if blocks is not None:
        queries, there = with_artists(queries, blocks), with_artists(there, blocks)
    of_clip = indexes.set_index("clip_id").reindex(there.clips.clip_id, fill_value=False)
    found = []
    for index in wanted:
        only = of_clip[index].to_numpy(bool)
        for prompt_track in prompt_tracks:
            table = search(queries, there, k, EXCLUDE[prompt_track], targets, only)
            found.append(table.assign(index=index, prompt_track=prompt_track))
    return pd.concat(found, ignore_index=True)


def with_artists(embeddings: Embeddings, blocks: pd.Series) -> Embeddings:
    """Embeddings whose clips have an artist_block: "" where the track is not known."""
    block = embeddings.clips.track_id.map(blocks).fillna("")
    clips = embeddings.clips.assign(artist_block=block)
    return replace(embeddings, clips=clips)


def best(matches: pd.DataFrame, clips: pd.DataFrame, by: str = "output_id") -> pd.DataFrame:
    """The nearest clip of each output: the best match of any of its clips.

    Parameters
    ----------
    matches : DataFrame
        Of `attribute`.
    clips : DataFrame
        Clip list of the queries.
    by : str
        Column of `clips` that says what belongs together; "clip_id" leaves clips alone.

    Returns
    -------
    DataFrame
        encoder, index, prompt_track, output_id (of rows of single clips, the clip's id), cluster
        (the track that the query is from or was prompted by, with its near duplicates), split (of
        that track), setting, query_clip_id, clip_id, cosine; one row an output, index and
        prompt_track.
    """
    first = matches[(matches.target == "") & (matches["rank"] == 1)]
    asked = clips.assign(
        output_id=clips[by],
        cluster=clips.group_id.where(clips.group_id != "", clips[by]),
        query_clip_id=clips.clip_id,
        setting=clips.get("setting", ""),
    )[["query_clip_id", "output_id", "cluster", "split", "setting"]]
    found = first.merge(asked, on="query_clip_id")
    keys = ["encoder", "index", "prompt_track", "output_id"]
    # ties: the first clip_id, whatever the order of shards
    found = found.sort_values([*keys, "cosine", "clip_id"], ascending=[True] * 4 + [False, True])
    columns = [*keys, "cluster", "split", "setting", "query_clip_id", "clip_id", "cosine"]
    return found.drop_duplicates(keys)[columns].reset_index(drop=True)


def nearest(matches: pd.DataFrame, clips: pd.DataFrame) -> pd.DataFrame:
    """The nearest clip of every clip, and of every output where the clips are of outputs.

    Parameters
    ----------
    matches, clips : DataFrame
        As of `best`.

    Returns
    -------
    DataFrame
        Rows of `best` with the column `of`: "clip" or "output".
    """
    found = [best(matches, clips, "clip_id").assign(of="clip")]
    if "output_id" in clips:
        found.append(best(matches, clips).assign(of="output"))
    return pd.concat(found)


def of_outputs(nearest: pd.DataFrame, every_index: bool = False) -> pd.DataFrame:
    """Rows of `nearest` that are of outputs, in the training set or in every index."""
    there = (nearest["index"] == "train") | every_index
    return nearest[(nearest.of == "output") & there].reset_index(drop=True)


def of_clips(nearest: pd.DataFrame) -> pd.DataFrame:
    """Rows of `nearest` that are of single clips, in the training set."""
    there = nearest["index"] == "train"
    return nearest[(nearest.of == "clip") & there].reset_index(drop=True)


def exceedance(
    outputs: pd.DataFrame,
    null: pd.DataFrame,
    control: pd.DataFrame,
    resamples: int,
    confidence: float,
    seed: int,
) -> pd.DataFrame:
    """Share of outputs with at least one clip at or above a threshold, for all thresholds.

    Parameters
    ----------
    outputs, null, control : DataFrame
        Rows of `best`, a row an output or excerpt: of outputs, of control music that went through
        the generator's codec, and of the same music as it is. `null` may be `control` itself, where
        the codec is not known.
    resamples, confidence
        Of the bootstrap, clustered by track; the band holds at each threshold by itself.
    seed : int
        The config's seed.

    Returns
    -------
    DataFrame
        encoder, source (outputs, control, control_roundtrip), index, prompt_track, threshold,
        share, low, high, n; of outputs, what `CURVES` names. The thresholds run over all that an
        encoder's sources hold. Control music has no prompt, so that its
        prompt_track is "included".
    """
    tables = []
    for encoder, mine in outputs.groupby("encoder", sort=False):
        sources = {
            ("outputs", index, prompt_track): mine[
                (mine["index"] == index) & (mine.prompt_track == prompt_track)
            ]
            for index, prompt_track in CURVES
        }
        sources["control", "train", "included"] = control[control.encoder == encoder]
        if null is not control:
            sources["control_roundtrip", "train", "included"] = null[null.encoder == encoder]
        sources = {key: part for key, part in sources.items() if len(part)}
        cosines = np.concatenate([part.cosine.to_numpy() for part in sources.values()])
        thresholds = np.linspace(cosines.min(), cosines.max(), THRESHOLDS)
        for key, part in sources.items():
            low, high = statistics.cluster_bootstrap(
                part.cosine.to_numpy()[:, None] >= thresholds,
                part.cluster.to_numpy(),
                resamples=resamples,
                confidence=confidence,
                rng=rng(seed, "influence.exceedance", f"{encoder} {draw_name(EXCEEDANCE, key)}"),
            )
            columns = {"encoder": encoder}
            columns |= dict(zip(["source", "index", "prompt_track"], key, strict=True))
            columns |= {"threshold": thresholds}
            columns |= {"share": statistics.exceedance(part.cosine, thresholds)}
            columns |= {"low": low, "high": high, "n": len(part)}
            tables.append(pd.DataFrame(columns))
    return pd.concat(tables, ignore_index=True)


def prompt_against_training(
    matches: pd.DataFrame,
    clips: pd.DataFrame,
    indexes: pd.DataFrame,
    resamples: int,
    confidence: float,
    seed: int,
) -> pd.DataFrame:
    """Are outputs nearer to training music than to their own prompts?

    Parameters
    ----------
    matches : DataFrame
        Of `attribute`, with the outputs' prompts as parents.
    clips : DataFrame
        Clip list of the outputs.
    indexes : DataFrame
        Of `equal_indexes`.
    resamples, confidence, seed
        As everywhere.

    Returns
    -------
    DataFrame
        encoder, index, prompt_track, setting ("all" too), prompts ("train", "control"), n_outputs,
        best_mean (mean cosine to the nearest clip of that index), prompt_mean (to the nearest of
        the prompt's clips, which are compared time by time), nearer_share (of outputs that are
        nearer to that index than to their prompt, the paper's comparison) with nearer_low and
        nearer_high, and size_matched: the probability that one clip of that index, drawn at random,
        is nearer to an output's clip than the clip of the prompt, mean over clips, with
        size_matched_low and _high. It lacks the advantage of a maximum over many clips, and is a
        little low where the prompt's track is excluded, which leaves fewer. Empty where no prompt
        is known.
    """
    clips = clips.drop_duplicates("clip_id")  # they may come once an encoder
    keys = ["encoder", "index", "prompt_track", "output_id"]
    nearest = best(matches, clips).set_index(keys)
    to_prompt = matches[matches.target == "parent"].merge(
        clips.assign(query_clip_id=clips.clip_id)[["query_clip_id", "output_id"]],
        on="query_clip_id",
    )
    if to_prompt.empty:
        return pd.DataFrame(columns=PROMPT_COLUMNS)
    # how many clips of an index the prompt had to compete with: those of its own track may be out
    size = indexes.drop(columns="clip_id").sum()
    to_prompt["ahead"] = (to_prompt["rank"] - 1) / to_prompt["index"].map(size)
    outputs = nearest.join(to_prompt.groupby(keys)[["cosine", "ahead"]].agg(
        {"cosine": "max", "ahead": "mean"}).rename(columns={"cosine": "prompt"}),
        how="inner").reset_index()  # fmt: skip
    outputs["nearer"] = (outputs.cosine > outputs.prompt).astype(float)
    rows = []
    both = pd.concat([outputs.assign(setting="all"), outputs])
    names = ["encoder", "index", "prompt_track", "setting", "split"]
    for key, part in both.groupby(names, sort=False):
        encoder, index, prompt_track, setting, split = key
        item = f"{encoder} {index} {draw_name(PROMPT_TRACK, prompt_track)} {setting} {split}"
        row = dict(zip([*names[:-1], "prompts"], key, strict=True))
        row |= {
            "n_outputs": len(part),
            "best_mean": part.cosine.mean(),
            "prompt_mean": part.prompt.mean(),
        }
        for name, column in (("nearer_share", "nearer"), ("size_matched", "ahead")):
            low, high = statistics.cluster_bootstrap(
                part[column],
                part.cluster,
                resamples=resamples,
                confidence=confidence,
                rng=rng(seed, f"influence.{name}", item),
            )
            short = name.removesuffix("_share")
            row |= {name: part[column].mean(), f"{short}_low": low, f"{short}_high": high}
        rows.append(row)
    return pd.DataFrame(rows, columns=PROMPT_COLUMNS)
