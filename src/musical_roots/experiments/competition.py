"""Discoveries without a floor: for each output the training set competes with a decoy of its size.

A conformal p-value is no smaller than the number of control tracks allows. Competition has no such
floor: an output's best match in the training set (`train_equal`, the target) is held against its
best in control music of as many clips (the decoy). Where an output owes nothing to its training
set, either wins by a fair coin; so the decoys' wins above a score s say how many of the targets'
are false:

``q = odds * (1 + decoy wins at s or above) / target wins at s or above``

with odds of 1 where both sides are of one size. A target win with q <= a is a discovery at the
false discovery rate a; where both sides score the same, neither wins. Nothing of the prompt's
artist can be found on either side (`artist_excluded`), so the side that the artist is from is the
smaller one: the odds are the target's clips over the decoy's, the largest of a family.

The coins must be fair and thrown one by one. What is drawn in truth are artists: all outputs that
are nearest to one artist win or lose together, above all the vamps of one prompt. How many false
ones that gives is measured: control music, its own artist out, under random labels of artists,
where nothing can be found; and with known matches hidden among it, the planted clips. Where the
prompt's own track can be found (`included`, `excluded` for its artist's others), a win of its side
is no accident, and no null: those rows show what can be found at all.

References
----------
Elias, Gygi, "Target-decoy search strategy for increased confidence in large-scale protein
identifications by mass spectrometry", Nature Methods 2007.
Barber, Candès, "Controlling the false discovery rate via knockoffs", Annals of Statistics 2015
(theorem 3, of sequential tests with p-values of two values: the 1 in the numerator, and the odds).
"""

import numpy as np
import pandas as pd

from musical_roots import statistics
from musical_roots.proportions import wilson
from musical_roots.seeding import rng

SIDES = {"train_equal": "target", "control": "decoy"}
LEVELS = (0.05, 0.1, 0.2)  # false discovery rates shown, beside the one asked for
PLANTED_DRAWS = 50  # random labels, at most, among which planted clips are hidden
COLUMNS = [
    *("view", "prompt_track", "prompts", "setting", "fdr", "n_outputs", "n_prompts", "odds"),
    *("target_wins", "decoy_wins", "sign_flip_p", "discoveries", "decoy_wins_above", "lowest_q"),
    *("false_rate", "false_rate_low", "false_rate_high", "n_null"),
    *("planted_power", "planted_false_share"),
]


def q_values(target: np.ndarray, decoy: np.ndarray, odds: float = 1.0) -> np.ndarray:
    """The smallest false discovery rate at which each output is a discovery.

    Parameters
    ----------
    target, decoy : ndarray, float [n]
        Best score of each output on either side; -inf where nothing was found.
    odds : float
        Of the target to win where there is nothing to find.

    Returns
    -------
    ndarray, float64 [n]
        In (0, 1]; 1 where the target does not win.
    """
    target, decoy = np.asarray(target, np.float64), np.asarray(decoy, np.float64)
    score, win = np.maximum(target, decoy), target > decoy
    order = np.argsort(-score, kind="stable")
    wins, losses = np.cumsum(win[order]), np.cumsum((decoy > target)[order])
    falling = -score[order]
    last = np.searchsorted(falling, falling, side="right") - 1  # equal scores come together
    ratio = odds * (1 + losses[last]) / np.maximum(wins[last], 1)
    q = np.empty(len(score))
    q[order] = np.minimum.accumulate(ratio[::-1])[::-1]
    return np.where(win, np.minimum(q, 1.0), 1.0)


def sides(nearest: pd.DataFrame) -> pd.DataFrame:
    """The best of each output on either side.

    Parameters
    ----------
    nearest : DataFrame
        A row an output, prompt_track and index: view, prompt_track, output_id, cluster, split,
        setting, index, score, track_id (that was found).

    Returns
    -------
    DataFrame
        view, prompt_track, output_id, cluster, split, setting, target, decoy (-inf where a side had
        nothing to offer), track_id of the winner; one row an output and prompt_track.
    """
    keys = ["view", "prompt_track", "output_id", "cluster", "split", "setting"]
    part = nearest[nearest["index"].isin(SIDES)]
    wide = part.assign(side=part["index"].map(SIDES)).pivot(
        index=keys, columns="side", values=["score", "track_id"]
    )
    made = pd.DataFrame(
        {
            side: wide.get(("score", side), pd.Series(np.nan, wide.index)).astype(float)
            for side in SIDES.values()
        }
    ).fillna(-np.inf)
    tracks = {side: wide.get(("track_id", side), "") for side in SIDES.values()}
    made["track_id"] = np.where(made.decoy > made.target, tracks["decoy"], tracks["target"])
    return made.reset_index()


def sizes(clips: pd.DataFrame, indexes: pd.DataFrame, blocks: pd.Series) -> pd.DataFrame:
    """Clips on either side, by track.

    Parameters
    ----------
    clips : DataFrame
        The corpus's clip list.
    indexes : DataFrame
        Of `influence.equal_indexes`.
    blocks : Series
        track_id -> block of tied artists, of `corpus.split.blocks`.

    Returns
    -------
    DataFrame
        track_id, group_id, artist_block, target, decoy (clips).
    """
    rows = clips[["clip_id", "track_id", "group_id"]].merge(indexes, on="clip_id")
    rows = rows.rename(columns=SIDES).astype(dict.fromkeys(SIDES.values(), int))
    rows["artist_block"] = rows.track_id.map(blocks).fillna("")
    keys = ["track_id", "group_id", "artist_block"]
    return rows.groupby(keys, as_index=False)[list(SIDES.values())].sum()


def largest_odds(outputs: pd.DataFrame, sizes: pd.DataFrame, prompt_track: str) -> float:
    """Odds of the target to win where there is nothing to find: the largest of some outputs.

    Parameters
    ----------
    outputs : DataFrame
        cluster: the group_id of each output's prompt, or anything else where none is known.
    sizes : DataFrame
        Of `sizes`.
    prompt_track : str
        What of the prompt's cannot be found.
    """
    column = {"excluded": "group_id", "artist_excluded": "artist_block"}.get(prompt_track)
    total = sizes[["target", "decoy"]].sum()
    if column is None:
        return total.target / total.decoy
    of_group = sizes.drop_duplicates("group_id").set_index("group_id")[["artist_block"]]
    of_group["group_id"] = of_group.index
    out = sizes.groupby(column)[["target", "decoy"]].sum()
    named = outputs.cluster.map(of_group[column])
    left = total - out.reindex(named).fillna(0)
    with np.errstate(divide="ignore"):
        return float(np.max(left.target.to_numpy() / left.decoy.to_numpy(float)))


def relabelled(of_block: pd.Series, draws: int, seed: int) -> np.ndarray:
    """Random labels of artists, both sides of about one size: bool [draws, blocks], True is target.

    Blocks come in random order, each to the side that has fewer clips so far; a coin says which
    side is which.

    Parameters
    ----------
    of_block : Series
        artist_block -> clips.
    draws : int
    seed : int
        The config's seed.
    """
    labels = np.zeros((draws, len(of_block)), bool)
    clips = of_block.to_numpy()
    for number, row in enumerate(labels):
        chance = rng(seed, "competition.relabelled", str(number))
        held = [0, 0]
        for block in chance.permutation(len(clips)):
            side = int(held[1] < held[0])
            held[side] += clips[block]
            row[block] = side
        if chance.integers(2):
            np.logical_not(row, out=row)
    return labels


class Null:
    """Control music that competes under random labels: whatever is found in it is false.

    Parameters
    ----------
    scores : DataFrame
        output_id, own_block, artist_block (that was found), score: the best of each block, of its
        own none.
    sizes : DataFrame
        Of `sizes`.
    draws : int
        Random labels.
    seed : int
        The config's seed.
    """

    def __init__(self, scores: pd.DataFrame, sizes: pd.DataFrame, draws: int, seed: int):
        of_block = (
            sizes.assign(clips=sizes.target + sizes.decoy).groupby("artist_block").clips.sum()
        )
        wide = scores.pivot_table("score", ["output_id", "own_block"], "artist_block", "max")
        wide = wide.reindex(columns=of_block.index).fillna(-np.inf)
        self.scores = wide.to_numpy()
        self.own = of_block.index.get_indexer(wide.index.get_level_values("own_block"))
        self.clips = of_block.to_numpy()
        self.labels = relabelled(of_block, draws, seed)

    def compete(self, draw: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Under the labels of one draw: target, decoy, is_target (label of its artist), odds."""
        label = self.labels[draw]
        target = np.where(label, self.scores, -np.inf).max(axis=1)
        decoy = np.where(label, -np.inf, self.scores).max(axis=1)
        own, out = label[self.own], self.clips[self.own]
        left_target = self.clips[label].sum() - np.where(own, out, 0)
        left_decoy = self.clips[~label].sum() - np.where(own, 0, out)
        with np.errstate(divide="ignore"):
            return target, decoy, own, left_target / left_decoy

    def false_rates(self, levels: tuple[float, ...], confidence: float) -> pd.DataFrame:
        """How often anything is found, though there is nothing: the realised rate.

        Parameters
        ----------
        levels : tuple of float
            False discovery rates asked for.
        confidence : float
            Of the interval over draws (Wilson's).

        Returns
        -------
        DataFrame
            prompts (all; train, control: the music whose artist is labelled so), fdr, false_rate,
            false_rate_low, false_rate_high, n_null (pieces of music).
        """
        lowest = {"all": [], "train": [], "control": []}
        for draw in range(len(self.labels)):
            target, decoy, own, odds = self.compete(draw)
            for prompts, rows in (("all", own | True), ("train", own), ("control", ~own)):
                q = q_values(target[rows], decoy[rows], odds[rows].max(initial=0))
                lowest[prompts].append(q.min(initial=1.0))
        rows = []
        for prompts, found in lowest.items():
            for fdr in levels:
                yes = int((np.array(found) <= fdr).sum())
                low, high = wilson(yes, len(found), confidence)
                rows.append((prompts, fdr, yes / len(found), low, high, len(self.scores)))
        names = ["prompts", "fdr", "false_rate", "false_rate_low", "false_rate_high", "n_null"]
        return pd.DataFrame(rows, columns=names)

    def planted(self, hidden: pd.DataFrame, levels: tuple[float, ...]) -> pd.DataFrame:
        """Known matches hidden among it: how many are found, and how many falsely.

        Parameters
        ----------
        hidden : DataFrame
            kind, target, decoy: a row a planted clip.
        levels : tuple of float
            False discovery rates asked for.

        Returns
        -------
        DataFrame
            kind, n_planted, fdr, power (share of the planted that are found), false_share (of what
            is found): means over random labels.
        """
        rows = []
        draws = range(min(len(self.labels), PLANTED_DRAWS))
        competing = [self.compete(draw) for draw in draws]
        for kind, part in hidden.groupby("kind", sort=False):
            found = {fdr: [] for fdr in levels}
            for target, decoy, _, odds in competing:
                both = [
                    np.append(part[side], null)
                    for side, null in (("target", target), ("decoy", decoy))
                ]
                q = q_values(*both, odds.max())
                for fdr in levels:
                    right, wrong = np.split(q <= fdr, [len(part)])
                    share = wrong.sum() / max(1, right.sum() + wrong.sum())
                    found[fdr].append((right.mean(), share))
            for fdr in levels:
                rows.append((kind, len(part), fdr, *np.mean(found[fdr], axis=0)))
        return pd.DataFrame(rows, columns=["kind", "n_planted", "fdr", "power", "false_share"])


def competed(
    outputs: pd.DataFrame,
    sizes: pd.DataFrame,
    levels: tuple[float, ...],
    resamples: int,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What wins, and what is discovered.

    Parameters
    ----------
    outputs : DataFrame
        Of `sides`, of one view.
    sizes : DataFrame
        Of `sizes`.
    levels : tuple of float
        False discovery rates asked for.
    resamples, seed
        Of the sign flips.

    Returns
    -------
    table : DataFrame
        A row a prompt_track, family of outputs and false discovery rate: the first columns of
        `COLUMNS`.
    each : DataFrame
        `outputs` with q: outputs of prompts of one split are a family.
    """
    block = sizes.set_index("track_id").artist_block
    outputs = outputs.assign(split=outputs.split.replace("", "unknown"))
    rows, each = [], []
    for prompt_track, mine in outputs.groupby("prompt_track", sort=False):
        for prompts, part in [("all", mine), *mine.groupby("split")]:
            odds = largest_odds(part, sizes, prompt_track)
            q = q_values(part.target, part.decoy, odds)
            score, won = part[["target", "decoy"]].max(axis=1), np.sign(part.target - part.decoy)
            won = won.fillna(0)  # -inf on both sides
            name = f"{part['view'].iloc[0]} {prompt_track} {prompts}"
            chance = rng(seed, "competition.sign_flip", name)
            artists = part.track_id.map(block).fillna("").to_numpy()
            about = {
                "view": part["view"].iloc[0],
                "prompt_track": prompt_track,
                "prompts": prompts,
                "setting": "all",
                "n_outputs": len(part),
                "n_prompts": part.cluster.nunique(),
                "odds": odds,
                "target_wins": int((won > 0).sum()),
                "decoy_wins": int((won < 0).sum()),
                "sign_flip_p": statistics.sign_flip(won, artists, resamples, rng=chance),
                "lowest_q": q.min(),
            }
            for fdr in levels:
                found = q <= fdr
                above = score >= score[found].min() if found.any() else np.zeros(len(part), bool)
                counts = {"discoveries": int(found.sum()), "fdr": fdr}
                rows.append(about | counts | {"decoy_wins_above": int((above & (won < 0)).sum())})
            if prompts != "all":
                each.append(part.assign(q=q))
    return pd.DataFrame(rows), pd.concat(each, ignore_index=True)


def compete(
    outputs: pd.DataFrame,
    held_out: pd.DataFrame,
    planted: pd.DataFrame,
    sizes: pd.DataFrame,
    fdr: float,
    draws: int,
    resamples: int,
    confidence: float,
    seed: int,
) -> dict[str, pd.DataFrame]:
    """The competition of every view, its check on control music, and what planted clips show.

    Parameters
    ----------
    outputs : DataFrame
        Of `sides`, of all views.
    held_out : DataFrame
        view, output_id, own_block, artist_block, score: of control music, as of `Null`.
    planted : DataFrame
        view, kind, target, decoy.
    sizes : DataFrame
        Of `sizes`.
    fdr : float
        False discovery rate asked for; `LEVELS` are shown beside it.
    draws : int
        Random labels.
    resamples, confidence, seed
        As everywhere.

    Returns
    -------
    dict of str to DataFrame
        table: `COLUMNS`. planted_power and planted_false_share are means over kinds of planted
        clips. false_rate and what follows stand where the artist of the prompt is out. planted: a
        row a view and kind, of `Null.planted`. outputs: `outputs` with q.
    """
    levels = tuple(sorted({fdr, *LEVELS}))
    tables, hidden, each = [], [], []
    for view, mine in outputs.groupby("view", sort=False):
        table, with_q = competed(mine, sizes, levels, resamples, seed)
        null = Null(held_out[held_out["view"] == view], sizes, draws, seed)
        rates = null.false_rates(levels, confidence)
        power = null.planted(planted[planted["view"] == view], levels)
        means = power.groupby("fdr", as_index=False)[["power", "false_share"]].mean()
        rates = rates.merge(means, on="fdr", how="left").assign(prompt_track="artist_excluded")
        rates = rates.rename(
            columns={"power": "planted_power", "false_share": "planted_false_share"}
        )
        rates = pd.concat([rates, rates[rates.prompts == "all"].assign(prompts="unknown")])
        tables.append(table.merge(rates, on=["prompt_track", "prompts", "fdr"], how="left"))
        hidden.append(power.assign(view=view))
        each.append(with_q)
    planted_table = pd.concat(hidden, ignore_index=True)
    return {
        "table": pd.concat(tables, ignore_index=True)[COLUMNS],
        "planted": planted_table[["view", *planted_table.columns.drop("view")]],
        "outputs": pd.concat(each, ignore_index=True),
    }
