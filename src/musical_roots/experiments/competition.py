"""Discoveries without a floor: for each output the training set competes with a decoy of its size.

A conformal p-value is no smaller than the number of control tracks allows. Competition has no such
floor: an output's best match in the training set (`train_equal`, the target) is held against its
best in control music of as many artists and clips (the decoy). Where an output owes nothing to its
training set, either wins by a fair coin; so the decoys' wins above a score s say how many of the
targets' are false:

``q = odds * (1 + decoy wins at s or above) / target wins at s or above``

with odds of 1 where both sides are of one size. A target win with q <= a is a discovery at the
false discovery rate a; where both sides score the same, neither wins. Nothing of the prompt's
artist can be found on either side (`artist_excluded`), so the side that the artist is from is the
smaller one: the odds are the target's clips over the decoy's, the largest of a family.

The coins must be fair and thrown one by one. What is drawn in truth are artists: all outputs that
are nearest to one artist win or lose together, above all the vamps of one prompt. How many false
ones that gives is measured: control music, its own artist out, under random labels of artists,
where nothing can be found; and with known matches hidden among it, the planted clips. And whether
as many discoveries are an accident is asked of the outputs themselves under such labels
(`relabelled_p`). Where the prompt's own track can be found (`included`, `excluded` for its artist's
others), a win of its side is no accident, and no null: those rows show what can be found at all.

Of a generator that learned from a known part of the target there is a truth beside it: the share of
the discoveries that name a track which it has heard.

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
from musical_roots.experiments.indexes import EQUAL
from musical_roots.experiments.relabelling import Relabelled, largest
from musical_roots.seeding import rng

SIDES = dict(zip(EQUAL, ("target", "decoy"), strict=True))
LEVELS = (0.05, 0.1, 0.2)  # false discovery rates shown, beside the one asked for
COLUMNS = [
    *("view", "prompt_track", "prompts", "setting", "fdr", "n_outputs", "n_prompts", "odds"),
    *("target_wins", "decoy_wins", "sign_flip_p", "discoveries", "decoy_wins_above", "lowest_q"),
    *("relabelled_p", "heard_share", "heard_by_chance"),
    *("false_rate", "false_rate_low", "false_rate_high", "n_null"),
    *("planted_power", "planted_false_share"),
]


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

    Returns
    -------
    float
        Outputs of which nothing is left on either side do not count; inf if there are no others.
    """
    column = {"excluded": "group_id", "artist_excluded": "artist_block"}.get(prompt_track)
    total = sizes[["target", "decoy"]].sum()
    left = total.to_frame().T
    if column is not None:
        of_group = sizes.drop_duplicates("group_id").set_index("group_id")[["artist_block"]]
        of_group["group_id"] = of_group.index
        out = sizes.groupby(column)[["target", "decoy"]].sum()
        named = outputs.cluster.map(of_group[column])
        left = total - out.reindex(named).fillna(0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return largest(left.target.to_numpy() / left.decoy.to_numpy(float))


def competed(
    outputs: pd.DataFrame,
    sizes: pd.DataFrame,
    levels: tuple[float, ...],
    resamples: int,
    seed: int,
    heard: set[str] | None = None,
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
    heard : set of str, optional
        track_id of what the generator learned from, where that is a part of the target.

    Returns
    -------
    table : DataFrame
        A row a prompt_track, family of outputs and false discovery rate: columns of `COLUMNS`, and
        outputs (those of the family).
    each : DataFrame
        `outputs` with q: outputs of prompts of one split are a family.
    """
    block = sizes.set_index("track_id").artist_block
    outputs = outputs.assign(split=outputs.split.replace("", "unknown"))
    rows, each = [], []
    for prompt_track, mine in outputs.groupby("prompt_track", sort=False):
        for prompts, part in [("all", mine), *mine.groupby("split")]:
            odds = largest_odds(part, sizes, prompt_track)
            q = statistics.competition_q(part.target, part.decoy, odds)
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
                "sign_flip_p": statistics.sign_flip(won, artists, resamples, rng=chance, odds=odds),
                "lowest_q": q.min(),
                "outputs": part.output_id.tolist(),
                "heard_by_chance": np.nan if heard is None else chance_of(sizes, heard),
            }
            for fdr in levels:
                found = q <= fdr
                above = score >= score[found].min() if found.any() else np.zeros(len(part), bool)
                of_heard = part.track_id[found].isin(heard or ()).mean()  # of none it is NaN
                rows.append(
                    about
                    | {
                        "fdr": fdr,
                        "discoveries": int(found.sum()),
                        "decoy_wins_above": int((above & (won < 0)).sum()),
                        "heard_share": np.nan if heard is None else of_heard,
                    }
                )
            if prompts != "all":
                each.append(part.assign(q=q))
    return pd.DataFrame(rows), pd.concat(each, ignore_index=True)


def chance_of(sizes: pd.DataFrame, tracks: set[str]) -> float:
    """Share of the target's clips that are of some tracks."""
    return sizes.target[sizes.track_id.isin(tracks)].sum() / sizes.target.sum()


def compete(
    outputs: pd.DataFrame,
    by_artist: pd.DataFrame,
    planted: pd.DataFrame,
    sizes: pd.DataFrame,
    fdr: float,
    draws: int,
    resamples: int,
    confidence: float,
    seed: int,
    heard: set[str] | None = None,
) -> dict[str, pd.DataFrame]:
    """The competition of every view, its check on control music, and what planted clips show.

    Parameters
    ----------
    outputs : DataFrame
        Of `sides`, of all views.
    by_artist : DataFrame
        view, of ("control": music that the generator never saw; "outputs"), and what `Relabelled`
        takes.
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
    heard : set of str, optional
        As of `competed`.

    Returns
    -------
    dict of str to DataFrame
        table: `COLUMNS`. planted_power and planted_false_share are means over kinds of planted
        clips. They, false_rate and relabelled_p stand where the artist of the prompt is out.
        heard_share is of the discoveries, heard_by_chance of the target's clips. planted: a row a
        view and kind, of `Relabelled.planted`. outputs: `outputs` with q.
    """
    levels = tuple(sorted({fdr, *LEVELS}))
    tables, hidden, each = [], [], []
    for view, mine in outputs.groupby("view", sort=False):
        table, with_q = competed(mine, sizes, levels, resamples, seed, heard)
        music = by_artist[by_artist["view"] == view]
        null, own = (
            Relabelled(music[music.of == of], sizes, draws, seed) for of in ("control", "outputs")
        )
        power = null.planted(planted[planted["view"] == view], levels)
        apart, table["relabelled_p"] = table.prompt_track == "artist_excluded", np.nan
        for _, rows in table[apart].groupby("prompts"):
            p = own.p_of_as_many(rows.outputs.iloc[0], tuple(rows.fdr), rows.discoveries.tolist())
            table.loc[rows.index, "relabelled_p"] = p
        rates = _rates(null.false_rates(levels, confidence), power)
        tables.append(table.merge(rates, on=["prompt_track", "prompts", "fdr"], how="left"))
        hidden.append(power.assign(view=view))
        each.append(with_q)
    planted_table = pd.concat(hidden, ignore_index=True)
    return {
        "table": pd.concat(tables, ignore_index=True)[COLUMNS],
        "planted": planted_table[["view", *planted_table.columns.drop("view")]],
        "outputs": pd.concat(each, ignore_index=True),
    }


def _rates(false_rates: pd.DataFrame, power: pd.DataFrame) -> pd.DataFrame:
    """What is known of the check, by prompt_track, prompts and fdr."""
    numbers = power.astype({"fdr": float, "power": float, "false_share": float})  # if there is none
    means = numbers.groupby("fdr", as_index=False)[["power", "false_share"]].mean()
    names = {"power": "planted_power", "false_share": "planted_false_share"}
    rates = false_rates.merge(means.rename(columns=names), on="fdr", how="left")
    unknown = rates[rates.prompts == "all"].assign(prompts="unknown")
    return pd.concat([rates, unknown]).assign(prompt_track="artist_excluded")
