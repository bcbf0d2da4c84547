"""What an index that went through the generator's codec finds, beside the same clips as they were.

All that a generator makes has gone through its codec, and so have the null, prompts and planted
copies here, whichever index is searched. Three indexes are compared: `train`, the whole training
set; `uncoded_train`, some clips of each of its tracks; `coded_train`, the same clips after the
codec. Only the last two differ in the codec alone.
"""

import numpy as np
import pandas as pd

from musical_roots import search, statistics
from musical_roots.errors import InputError
from musical_roots.experiments import calibration
from musical_roots.experiments.influence import equal_indexes
from musical_roots.seeding import rng
from musical_roots.tables import Embeddings

COMPARED = ("train", "uncoded_train", "coded_train")
LEVEL = 0.05  # of the p-values that are counted
KEYS = ["encoder", "measure", "prompts", "prompt_track", "setting", "codebooks"]
COLUMNS = [
    *("encoder", "index", *KEYS[1:], "n", "n_tracks", "value", "low", "high"),
    *("difference", "difference_low", "difference_high"),
]


def indexes(
    coded: pd.DataFrame, whole: pd.DataFrame, seed: int, blocks: pd.Series | None = None
) -> pd.DataFrame:
    """Which clips are in the coded indexes, and in those of the same clips as they were.

    Parameters
    ----------
    coded : DataFrame
        Clip lists of `coded.render`, of clips of the corpus.
    whole : DataFrame
        Of `influence.equal_indexes`, of all clips of the corpus.
    seed : int
        The config's seed.
    blocks : Series, optional
        As of `influence.equal_indexes`.

    Returns
    -------
    DataFrame
        clip_id, of the corpus and of `coded`; train, as in `whole`; uncoded_train,
        uncoded_train_equal and uncoded_control: of the clips that went through the codec those of
        train, and as many of either split; coded_train, coded_train_equal and coded_control: the
        same clips after it.
    """
    cut = equal_indexes(coded.assign(clip_id=coded.parent_clip_id), seed, blocks=blocks)
    before, after = (cut.rename(columns=lambda name, how=how: f"{how}_{name}")
                     for how in ("uncoded", "coded"))  # fmt: skip
    before = before.rename(columns={"uncoded_clip_id": "clip_id"})
    after["clip_id"] = coded.clip_id.to_numpy()
    corpus = whole[["clip_id", "train"]].merge(before, on="clip_id", how="left")
    made = pd.concat([corpus, after.drop(columns="coded_clip_id")], ignore_index=True)
    return made.set_index("clip_id").eq(True).reset_index()


def prompt_cosines(vamps: Embeddings, prompts: Embeddings, coded: Embeddings) -> pd.DataFrame:
    """How near vamps are to their prompts, as these were and after the codec.

    Parameters
    ----------
    vamps, prompts, coded : Embeddings
        By one encoder: clips of vamps, of their prompts, and of the prompts after the codec.

    Returns
    -------
    DataFrame
        encoder, output_id, uncoded, coded: cosine of a vamp to its prompt, the largest of its clips
        to the clips of the same time.
    """
    every = vamps.with_rows(prompts).with_rows(coded)
    row_of = pd.Series(range(len(prompts)), prompts.clips.clip_id) + len(vamps)
    first = len(vamps) + len(prompts)
    rows_of = {
        "uncoded": row_of,
        "coded": pd.Series(range(first, len(every)), coded.clips.parent_clip_id),
    }
    found = vamps.clips[["output_id"]].assign(encoder=vamps.provenance["encoder"])
    for how, rows in rows_of.items():
        parents = rows.reindex(vamps.clips.parent_clip_id).to_numpy()
        there = np.flatnonzero(~np.isnan(parents))
        found.loc[there, how] = search.cosines(every, there, parents[there].astype(int))
    return found.groupby(["encoder", "output_id"], as_index=False)[["uncoded", "coded"]].max()


def compare(
    outputs: pd.DataFrame,
    null: pd.DataFrame,
    copies: pd.DataFrame | None,
    copied: pd.DataFrame | None,
    prompts: pd.DataFrame,
    clips: pd.DataFrame,
    *,
    fdr: float,
    draws: int,
    resamples: int,
    confidence: float,
    seed: int,
) -> pd.DataFrame:
    """What is found in the coded index, and in that of the same clips as they were.

    Parameters
    ----------
    outputs, null, copies : DataFrame
        Rows of `influence.nearest`, in the indexes `COMPARED`: of vamps; of control music after
        the codec; and of clips of the corpus after the codec and nothing else, planted; None where
        there are none.
    copied : DataFrame
        Clip list of the planted: clip_id, level (codebooks that were decoded).
    prompts : DataFrame
        Of `prompt_cosines`.
    clips : DataFrame
        Of all clips that are searched in: clip_id, group_id.
    fdr, draws, resamples, confidence, seed
        As everywhere in Experiment C.

    Returns
    -------
    DataFrame
        `COLUMNS`, a row an encoder, measure and index. value is a share, of `n` outputs, excerpts
        or clips of `n_tracks` tracks:

        - own_track_first: outputs of train prompts whose nearest clip is of their prompt's track,
          or of a near duplicate of it.
        - nearer_than_prompt: outputs that are nearer to the index, without the prompt's track, than
          to their prompt, which has gone through the codec where the index has.
        - p_at_05, discovered: outputs with p <= .05, and at the false discovery rate asked for.
        - planted_at_05: planted clips of train with p <= .05, mean over halves of the control
          tracks (`power_at_05` in planted.csv).
        - planted_control_at_05: the same of clips of control, of which there is no original.
        - false_positives_at_05: control music with p <= .05, mean over halves.

        low and high: bootstrap clustered by track; of false_positives_at_05 95 % of halves.
        difference: coded_train less uncoded_train, unit by unit.
    """
    outputs = outputs[(outputs.of == "output") & outputs["index"].isin(COMPARED)]
    parts = [
        own_track_first(outputs, clips),
        nearer_than_prompt(outputs, prompts),
        improbable(outputs, null, fdr),
        *([] if copies is None else [planted(copies, copied, null, draws, seed)]),
    ]
    rows = shares(pd.concat(parts), resamples, confidence, seed)
    made = pd.concat([rows, false_positives(null, draws, seed)], ignore_index=True)
    order = {encoder: number for number, encoder in enumerate(outputs.encoder.unique())}
    return made.sort_values("encoder", key=lambda names: names.map(order), kind="stable")[
        COLUMNS
    ].reset_index(drop=True)


def own_track_first(outputs: pd.DataFrame, clips: pd.DataFrame) -> pd.DataFrame:
    """Units of `shares`: outputs of train prompts, whose track is included."""
    part = outputs[(outputs.split == "train") & (outputs.prompt_track == "included")]
    group = part.clip_id.map(clips.set_index("clip_id").group_id)
    part = part.assign(measure="own_track_first", value=group == part.cluster)
    return units(pd.concat([part.assign(setting="all"), part]))


def nearer_than_prompt(outputs: pd.DataFrame, prompts: pd.DataFrame) -> pd.DataFrame:
    """Units of `shares`: outputs whose prompt is known, without its track."""
    part = outputs[outputs.prompt_track == "excluded"]
    part = part.merge(prompts.dropna(), on=["encoder", "output_id"])
    prompt = np.where(part["index"] == "coded_train", part.coded, part.uncoded)
    part = part.assign(measure="nearer_than_prompt", value=part.cosine > prompt)
    return units(part.assign(setting="all"))


def improbable(outputs: pd.DataFrame, null: pd.DataFrame, fdr: float) -> pd.DataFrame:
    """Units of `shares`: outputs with their p-values, against the null in the same index."""
    null, found = null[null.of == "output"], []
    for (encoder, index, _), part in outputs.groupby(["encoder", "index", "prompt_track"]):
        base = null[(null.encoder == encoder) & (null["index"] == index)]
        part = calibration.p_values(part, base)
        found.append(part.assign(measure="p_at_05", value=part.p <= LEVEL))
        found.append(part.assign(measure="discovered", value=part.q <= fdr))
    return units(pd.concat(found).assign(setting="all"))


def planted(
    copies: pd.DataFrame, copied: pd.DataFrame, null: pd.DataFrame, draws: int, seed: int
) -> pd.DataFrame:
    """Units of `shares`: planted clips, each with the share of halves in which its p <= .05."""
    copies = copies[copies.of == "clip"]
    names, cosines = by_excerpt(null, "clip")
    pairs, found = calibration.halves(names, draws, seed), []
    for key, part in copies.groupby(["encoder", "index"]):
        values = [
            statistics.conformal_p(part.cosine, cosines[key][half.index], half.cluster) <= LEVEL
            for half, _ in pairs
        ]
        found.append(part.assign(value=np.mean(values, axis=0)))
    found = pd.concat(found)
    found["codebooks"] = found.output_id.map(copied.set_index("clip_id").level)
    of_control = found.split == "control"
    names = np.where(of_control, "planted_control_at_05", "planted_at_05")
    return units(found.assign(measure=names, split="", prompt_track=""))


def false_positives(null: pd.DataFrame, draws: int, seed: int) -> pd.DataFrame:
    """Rows of `compare`: control music held against itself, half by half."""
    names, cosines = by_excerpt(null, "output")
    pairs, shares_of = calibration.halves(names, draws, seed), {}
    for key, column in cosines.items():
        shares_of[key] = np.array([
            np.mean(statistics.conformal_p(
                column[tested.index], column[half.index], half.cluster) <= LEVEL)
            for half, tested in pairs
        ])  # fmt: skip
    rows, tracks = [], names.cluster.nunique()
    for (encoder, index), found in shares_of.items():
        row = {"encoder": encoder, "index": index, "measure": "false_positives_at_05"}
        row |= {"n": tracks, "n_tracks": tracks, "value": found.mean()}
        row["low"], row["high"] = np.quantile(found, [0.025, 0.975])
        if index == "coded_train":
            gain = found - shares_of[encoder, "uncoded_train"]
            row["difference"] = gain.mean()
            row["difference_low"], row["difference_high"] = np.quantile(gain, [0.025, 0.975])
        rows.append(row)
    text = dict.fromkeys(["prompts", "prompt_track", "setting"], "")
    return pd.DataFrame(rows).assign(**text, codebooks=np.nan)


def by_excerpt(null: pd.DataFrame, of: str) -> tuple[pd.DataFrame, dict]:
    """Control music (output_id, cluster), and its cosines by encoder and index, in that order."""
    rows = null[(null.of == of) & null["index"].isin(COMPARED)].sort_values("output_id")
    parts = dict(list(rows.groupby(["encoder", "index"], sort=False)))
    names = next(iter(parts.values()))[["output_id", "cluster"]].reset_index(drop=True)
    for part in parts.values():
        if part.output_id.tolist() != names.output_id.tolist():
            raise InputError("control music was searched for in one index and not in another")
    return names, {key: part.cosine.to_numpy() for key, part in parts.items()}


def units(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows with a measure and a value, as `shares` takes them."""
    rows = rows.rename(columns={"split": "prompts", "output_id": "unit"})
    rows = rows.assign(value=rows.value.astype(float))
    return rows.reindex(columns=[*KEYS, "index", "unit", "cluster", "value"])


def shares(rows: pd.DataFrame, resamples: int, confidence: float, seed: int) -> pd.DataFrame:
    """Mean of each measure in each index, and of its difference between two of them."""
    made = []
    for key, part in rows.groupby(KEYS, sort=False, dropna=False):
        wide = part.pivot(index=["cluster", "unit"], columns="index", values="value").dropna()
        tracks = wide.index.get_level_values("cluster")

        def interval(values, name, key=key, tracks=tracks):
            item = " ".join(map(str, (*key, name)))
            chance = rng(seed, "coded_index", item)
            how = {"resamples": resamples, "confidence": confidence, "rng": chance}
            return statistics.cluster_bootstrap(values, tracks, **how)

        for index in [name for name in COMPARED if name in wide and len(wide)]:
            row = dict(zip(KEYS, key, strict=True)) | {"index": index}
            row |= {"n": len(wide), "n_tracks": tracks.nunique(), "value": wide[index].mean()}
            row["low"], row["high"] = interval(wide[index], index)
            if index == "coded_train":
                gain = wide.coded_train - wide.uncoded_train
                row["difference"] = gain.mean()
                row["difference_low"], row["difference_high"] = interval(gain, "difference")
            made.append(row)
    return pd.DataFrame(made)
