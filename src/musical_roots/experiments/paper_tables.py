"""Tables 2 and 3 of the paper's case study, and its most frequent songs, beside its own numbers.

A vamp's clips are 3 s each, from its start on; what is left at its end is dropped. How the paper
made clips of a vamp of 10 s it does not say. A vamp's cosine to its prompt is the largest of its
clips to the prompt's clips of the same time; its nearest training clips are the best distinct ones
of all of its clips. The prompt's own track can be found, as in the paper.

Source: Barnett, Flores Garcia and Pardo, arXiv 2401.14542 v1, section 5.2. Intervals, the prompt's
place among what is found, chance, and the songs found without the prompt's own are ours.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from musical_roots import statistics
from musical_roots.errors import InputError
from musical_roots.experiments.influence import best
from musical_roots.seeding import rng

INDEXES = ("train", "train_small")  # the second is what the small-training-set model learned from
# a generator -> the paper's that it stands for
PAPER_MODELS = {"openvamp": "full", "vampnet": "full"}
PAPER_MODELS |= {f"{name}_small": "small_training_set" for name in PAPER_MODELS}
MEASURES = ("cosine_to_prompt", "cosine_to_nearest_training_clip")
AMONG = 10  # places among which the prompt is looked for
KS = (1, 5, 10)
STEPS = 5
# The paper's thresholds start at CLMR's bin 1 and are .02 apart; its SD is (.875 - .693) / 2.
STEP_SDS = 0.02 / 0.091
SONGS = 5
HUB = 0.02  # "some songs were present in more than 2 % of the top 10"

TABLE_2 = [
    *("encoder", "index", "setting", "prompts", "measure", "statistic", "value", "low", "high"),
    *("n_vamps", "n_prompts", "paper_clap", "paper_clmr"),
]
TABLE_3 = [
    *("encoder", "index", "setting", "prompts", "threshold_from", "threshold", "step", "k", "n"),
    *("clips_at_or_above", "share", "low", "high", "paper_threshold", "paper_share"),
]
TOP_SONGS = [
    *("encoder", "index", "prompt_track", "setting", "prompts", "k", "track_id", "rank"),
    *("share_of_places", "share_of_vamps", "places_by_chance", "vamps_by_chance"),
    "paper_share_of_vamps",
]


def table_2(
    matches: pd.DataFrame,
    clips: pd.DataFrame,
    paper: pd.DataFrame,
    generator: str,
    resamples: int,
    confidence: float,
    seed: int,
) -> pd.DataFrame:
    """Cosines of vamps to their prompts, and to their nearest training clips.

    Parameters
    ----------
    matches : DataFrame
        Of `influence.attribute`, with the vamps' prompts as parents.
    clips : DataFrame
        Clip list of the vamps.
    paper : DataFrame
        config/paper/table2.csv.
    generator : str
        Its name in the config, which says whose numbers of the paper stand beside it.
    resamples, confidence, seed
        Of the bootstrap, clustered by the prompt's track.

    Returns
    -------
    DataFrame
        Columns of `TABLE_2`. setting and prompts are "all" too; prompts is the split that the
        prompt is from. measure: `MEASURES`, each with its mean, median (low and high of these
        two), sd and max over vamps; and prompt_in_top_10, the share of vamps whose prompt would
        stand among the 10 nearest clips of one of theirs, blank in the paper. value is blank where
        no prompt is known; n_vamps are those of which it is.
    """
    vamps = _vamps(matches, clips)
    rows = []
    for (encoder, index), mine in vamps.groupby(["encoder", "index"], sort=False):
        for setting, prompts, part in _populations(mine):
            where = [encoder, index, setting, prompts]
            draw = {"resamples": resamples, "confidence": confidence}
            for measure in MEASURES:
                known = part[part[measure].notna()]
                told = _summary(known[measure], known.cluster, draw, seed, [*where, measure])
                for statistic, numbers in told.items():
                    beside = _beside(paper, generator, statistic, measure)
                    counted = [len(known), known.prompt[known.prompt != ""].nunique()]
                    rows.append([*where, measure, statistic, *numbers, *counted, *beside])
            known = part[part.prompt_rank.notna()]
            numbers = _mean(known.prompt_rank <= AMONG, known.cluster, draw, seed, [*where, "rank"])
            counted = [len(known), known.prompt.nunique()]
            found = [f"prompt_in_top_{AMONG}", "share"]
            rows.append([*where, *found, *numbers, *counted, np.nan, np.nan])
    return _as_the_paper_first(pd.DataFrame(rows, columns=TABLE_2))


def table_3(
    matches: pd.DataFrame,
    clips: pd.DataFrame,
    bins: pd.DataFrame,
    paper: pd.DataFrame,
    resamples: int,
    confidence: float,
    seed: int,
) -> pd.DataFrame:
    """Share of vamps' nearest training clips at or above thresholds.

    Parameters
    ----------
    matches, clips : DataFrame
        As of `table_2`.
    bins : DataFrame
        The study's bins: encoder, quantity, value.
    paper : DataFrame
        config/paper/table3.csv.
    resamples, confidence, seed
        Of the bootstrap, clustered by the prompt's track.

    Returns
    -------
    DataFrame
        Columns of `TABLE_3`: n places are the k nearest distinct training clips of every vamp.
        threshold_from "recipe": the encoder's own bin 1 (median of its nearest cosines, and 2 SD)
        and steps of as many of its SDs as the paper's of .02 are of CLMR's; a threshold above 1
        stays, with a share of 0. "paper": the paper's own thresholds, for clmr alone. A k above
        the matches that were kept of each clip is left out.

    Raises
    ------
    InputError
        If the bins of an encoder are not known.
    """
    found = _nearest(matches, clips, "included")
    kept = matches.loc[matches.target == "", "rank"].max()
    rows = []
    for (encoder, index), mine in found.groupby(["encoder", "index"], sort=False):
        limits = thresholds(bins, paper, encoder)
        for setting, prompts, part in _populations(mine):
            for k in [k for k in KS if k <= kept]:
                some = part[part.place < k]
                reached = some.cosine.to_numpy()[:, None] >= limits.threshold.to_numpy()
                low, high = statistics.cluster_bootstrap(
                    reached,
                    some.cluster,
                    resamples=resamples,
                    confidence=confidence,
                    rng=rng(seed, "paper.table_3", f"{encoder} {index} {setting} {prompts} {k}"),
                )
                numbers = {"n": len(some), "clips_at_or_above": reached.sum(0)}
                numbers |= {"share": reached.mean(0), "low": low, "high": high, "k": k}
                where = {"encoder": encoder, "index": index, "setting": setting, "prompts": prompts}
                rows.append(limits.assign(**where, **numbers))
    table = pd.concat(rows, ignore_index=True)
    beside = paper.sort_values("threshold").assign(
        step=paper.threshold.rank(method="dense").astype(int) - 1,
        paper_threshold=paper.threshold,
        paper_share=paper.clips_at_or_above / paper.n,
    )[["step", "k", "paper_threshold", "paper_share"]]
    return _as_the_paper_first(table.merge(beside, on=["step", "k"], how="left")[TABLE_3])


def thresholds(bins: pd.DataFrame, paper: pd.DataFrame, encoder: str) -> pd.DataFrame:
    """Thresholds of an encoder, the lowest first: threshold_from, threshold, step.

    Raises
    ------
    InputError
        If its bin 1 or SD is not among `bins`.
    """
    of = bins[bins.encoder == encoder].set_index("quantity").value
    for quantity in ("bin_1", "nearest_sd"):
        if quantity not in of:
            raise InputError(f"bins: {quantity} of {encoder} is missing; make the bins again")
    steps = np.arange(STEPS)
    own = of["bin_1"] + STEP_SDS * of["nearest_sd"] * steps
    # six digits, as in the table: what is written is what was counted
    made = [pd.DataFrame({"threshold_from": "recipe", "threshold": own.round(6), "step": steps})]
    if encoder == "clmr":
        published = np.sort(paper.threshold.unique())
        made.insert(
            0, pd.DataFrame({"threshold_from": "paper", "threshold": published, "step": steps})
        )
    return pd.concat(made, ignore_index=True)


def top_songs(
    matches: pd.DataFrame, clips: pd.DataFrame, corpus: pd.DataFrame, indexes: pd.DataFrame
) -> pd.DataFrame:
    """The songs that stand most often among the 10 nearest training clips of vamps.

    Parameters
    ----------
    matches, clips : DataFrame
        As of `table_2`.
    corpus : DataFrame
        The corpus's clip list.
    indexes : DataFrame
        Which of its clips are in which index.

    Returns
    -------
    DataFrame
        Columns of `TOP_SONGS`, the first five songs by rank. share_of_places: of all places in the
        top 10 of all vamps; places_by_chance is the song's share of the index's clips.
        share_of_vamps: of vamps whose top 10 holds the song, which is how "present in more than
        2 % of the top 10" is read here; vamps_by_chance is that share if the 10 clips were drawn
        at random. Each prompt's own song is among what is found, or is not (prompt_track):
        with few prompts it alone takes a share of 1 / prompts.
    """
    there = corpus[["clip_id", "track_id"]].merge(indexes, on="clip_id")
    k, rows = max(KS), []
    for prompt_track in matches.prompt_track.unique():
        found = _nearest(matches, clips, prompt_track)
        for (encoder, index), mine in found.groupby(["encoder", "index"], sort=False):
            sizes = there.track_id[there[index].astype(bool)].value_counts()
            for setting, prompts, part in _populations(mine):
                where = [encoder, index, prompt_track, setting, prompts, k]
                vamps = part.output_id.nunique()
                songs = part.groupby("track_id").agg(
                    places=("place", "size"), vamps=("output_id", "nunique")
                )
                order = songs.reset_index().sort_values(
                    ["vamps", "places", "track_id"], ascending=[False, False, True]
                )
                for rank, song in enumerate(order.head(SONGS).itertuples(), 1):
                    shares = [song.places / len(part), song.vamps / vamps]
                    chance = _by_chance(sizes[song.track_id], sizes.sum(), k)
                    beside = HUB if rank == 1 else np.nan
                    rows.append([*where, song.track_id, rank, *shares, *chance, beside])
    return _as_the_paper_first(pd.DataFrame(rows, columns=TOP_SONGS))


def _by_chance(clips: int, size: int, k: int) -> tuple[float, float]:
    """Share of places of a song with so many clips, and chance that k distinct clips hold one."""
    drawn = np.arange(min(k, size))
    without = np.prod(np.maximum(size - clips - drawn, 0) / (size - drawn))
    return clips / size, float(1 - without)


def _vamps(matches: pd.DataFrame, clips: pd.DataFrame) -> pd.DataFrame:
    """A row a vamp, encoder and index: cosines to its prompt and to its nearest training clip."""
    clips = clips.drop_duplicates("clip_id")  # they may come once an encoder
    matches = _searched(matches, "included")
    keys = ["encoder", "index", "output_id"]
    vamps = best(matches, clips).rename(columns={"cosine": MEASURES[1]})
    of_clip = clips.rename(columns={"clip_id": "query_clip_id"})[["query_clip_id", "output_id"]]
    parents = matches[matches.target == "parent"].merge(of_clip, on="query_clip_id")
    to_prompt = parents.groupby(keys).agg(
        **{MEASURES[0]: ("cosine", "max"), "prompt_rank": ("rank", "min")}
    )
    first = clips.sort_values("start_s").drop_duplicates("output_id")
    prompt = first.set_index("output_id").parent_clip_id.fillna("")
    vamps = vamps.join(to_prompt, on=keys)
    return vamps.assign(prompt=vamps.output_id.map(prompt))


def _nearest(matches: pd.DataFrame, clips: pd.DataFrame, prompt_track: str) -> pd.DataFrame:
    """The 10 best distinct training clips of each vamp, over all of its clips; place from 0."""
    clips = clips.drop_duplicates("clip_id")
    asked = clips.assign(
        query_clip_id=clips.clip_id,
        cluster=clips.group_id.where(clips.group_id != "", clips.output_id),
    )[["query_clip_id", "output_id", "cluster", "split", "setting"]]
    found = _searched(matches, prompt_track)
    found = found[found.target == ""].merge(asked, on="query_clip_id")
    keys = ["encoder", "index", "output_id"]
    order = found.sort_values([*keys, "cosine", "clip_id"], ascending=[True] * 3 + [False, True])
    order = order.drop_duplicates([*keys, "clip_id"])
    order["place"] = order.groupby(keys).cumcount()
    return order[order.place < max(KS)]


def _searched(matches: pd.DataFrame, prompt_track: str) -> pd.DataFrame:
    there = matches["index"].isin(INDEXES) & (matches.prompt_track == prompt_track)
    return matches[there]


def _populations(rows: pd.DataFrame) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """Setting, split of the prompts and the rows of these; "all" of either comes first."""
    for setting in ["all", *sorted(rows.setting.unique())]:
        of_setting = rows if setting == "all" else rows[rows.setting == setting]
        for prompts in ["all", "train", "control"]:
            part = of_setting if prompts == "all" else of_setting[of_setting.split == prompts]
            if len(part):
                yield setting, prompts, part


def _as_the_paper_first(table: pd.DataFrame) -> pd.DataFrame:
    """All settings and prompts together first, then each: the paper's table is the first part."""
    parts = (table.setting != "all") * 2 + (table.prompts != "all")
    return table.iloc[np.argsort(parts.to_numpy(), kind="stable")].reset_index(drop=True)


def _summary(values: pd.Series, cluster: pd.Series, draw: dict, seed: int, where: list) -> dict:
    """Statistic -> value, low, high."""
    blank = (np.nan, np.nan)
    if values.empty:
        return dict.fromkeys(["mean", "median", "sd", "max"], (np.nan, *blank))
    stage, item = "paper.table_2", " ".join(where)
    middle = statistics.cluster_bootstrap(
        values, cluster, np.median, rng=rng(seed, stage, f"{item} median"), **draw
    )
    return {
        "mean": _mean(values, cluster, draw, seed, where),
        "median": (values.median(), *middle),
        "sd": (values.std(), *blank),
        "max": (values.max(), *blank),
    }


def _mean(values: pd.Series, cluster: pd.Series, draw: dict, seed: int, where: list) -> tuple:
    if values.empty:
        return np.nan, np.nan, np.nan
    chance = rng(seed, "paper.table_2", " ".join(where))
    bounds = statistics.cluster_bootstrap(values.astype(float), cluster, rng=chance, **draw)
    return values.mean(), *bounds


def _beside(paper: pd.DataFrame, generator: str, statistic: str, measure: str) -> list[float]:
    """The paper's numbers with CLAP and with CLMR; blank for what stands for none of its models."""
    mine = paper[(paper.generator == PAPER_MODELS.get(generator)) & (paper.statistic == statistic)]
    return mine.set_index("encoder")[measure].reindex(["CLAP", "CLMR"]).tolist()
