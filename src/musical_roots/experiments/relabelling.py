"""Target-decoy competition under random labels of artists: what accident alone discovers.

Which artists are in the training set and which in control was itself drawn by artist. So under
random labels, both sides of about one size, music that owes nothing to either competes as an output
that owes nothing does: with its hubs, its several pieces of one track, and its own artist left out.

Outputs of prompts of one split have their own artists all on one side, and so the other side is the
larger one. Labels that these are held against leave those artists there.
"""

from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd

from musical_roots import statistics
from musical_roots.proportions import wilson
from musical_roots.seeding import rng

PLANTED_DRAWS = 50  # random labels, at most, among which planted clips are hidden


def relabelled(
    of_block: pd.Series, draws: int, seed: int, held: dict[int, bool] | None = None
) -> np.ndarray:
    """Random labels of artists, both sides of about one size: bool [draws, blocks], True is target.

    Blocks come in random order, each to the side that has fewer clips so far; where both have as
    many, to one that a coin says.

    Parameters
    ----------
    of_block : Series
        artist_block -> clips.
    draws : int
    seed : int
        The config's seed.
    held : dict of int to bool, optional
        Place of a block to its label, which is not drawn.
    """
    held = held or {}
    labels = np.zeros((draws, len(of_block)), bool)
    labels[:, list(held)] = list(held.values())
    clips = of_block.to_numpy()
    before = [0, 0]
    for block, label in held.items():
        before[int(label)] += clips[block]
    for number, row in enumerate(labels):
        chance = rng(seed, "relabelling", str(number))
        order, coin = chance.permutation(len(clips)), chance.integers(2)
        filled = before.copy()
        for block in order[~np.isin(order, list(held))]:
            side = int(filled[1] < filled[0]) if filled[0] != filled[1] else int(coin)
            filled[side] += clips[block]
            row[block] = side
    return labels


def largest(odds: np.ndarray) -> float:
    """The largest of some odds, 0/0 left out; inf where nothing is left: all of q is 1 then."""
    defined = odds[~np.isnan(odds)]
    return float(defined.max()) if len(defined) else np.inf


class Relabelled:
    """Music that competes under random labels of artists: nothing in it is more than accident.

    Parameters
    ----------
    scores : DataFrame
        output_id, own_block ("" where none is known), artist_block (that was found), score: the
        best of each block, of its own none.
    sizes : DataFrame
        Of `sizes`.
    draws : int
        Random labels.
    seed : int
        The config's seed.

    Attributes
    ----------
    names : Index
        output_id, in the order of the rows of `scores`.
    """

    def __init__(self, scores: pd.DataFrame, sizes: pd.DataFrame, draws: int, seed: int):
        of_block = (sizes.target + sizes.decoy).groupby(sizes.artist_block).sum()
        wide = scores.pivot_table("score", ["output_id", "own_block"], "artist_block", "max")
        wide = wide.reindex(columns=of_block.index).fillna(-np.inf)
        self.names, self.scores = wide.index.get_level_values("output_id"), wide.to_numpy()
        self.own = of_block.index.get_indexer(wide.index.get_level_values("own_block"))
        self.clips, self.draw = of_block.to_numpy(), partial(relabelled, of_block, draws, seed)
        self.real = sizes.groupby("artist_block").target.sum().to_numpy() > 0
        self.labels = self.draw()

    def compete(self, label: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Under labels, bool [blocks]: target, decoy, own (its artist's label), odds."""
        known = self.own >= 0
        target = np.where(label, self.scores, -np.inf).max(axis=1)
        decoy = np.where(label, -np.inf, self.scores).max(axis=1)
        own, out = label[self.own] & known, np.where(known, self.clips[self.own], 0)
        left_target = self.clips[label].sum() - np.where(own, out, 0)
        left_decoy = self.clips[~label].sum() - np.where(own, 0, out)
        with np.errstate(divide="ignore", invalid="ignore"):
            return target, decoy, own, left_target / left_decoy

    def discoveries(
        self, labels: np.ndarray, levels: tuple[float, ...], family: Callable
    ) -> tuple[np.ndarray, np.ndarray]:
        """How many are discovered under each draw's labels, int [draws, levels]; of how many.

        Parameters
        ----------
        labels : ndarray, bool [draws, blocks]
            Of `relabelled`.
        levels : tuple of float
            False discovery rates asked for.
        family : callable
            From the labels of the rows' own artists, bool [rows], to those that are a family.
        """
        counts, sizes = [], []
        for label in labels:
            target, decoy, own, odds = self.compete(label)
            rows = family(own)
            q = statistics.competition_q(target[rows], decoy[rows], largest(odds[rows]))
            counts.append([np.count_nonzero(q <= fdr) for fdr in levels])
            sizes.append(np.count_nonzero(rows))
        return np.array(counts), np.array(sizes)

    def false_rates(self, levels: tuple[float, ...], confidence: float) -> pd.DataFrame:
        """How often anything is discovered, though there is nothing: the realised rate.

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
            false_rate_low, false_rate_high, n_null (pieces of music, a family's mean).
        """
        families = {"all": np.ones_like, "train": np.array, "control": np.logical_not}
        rows = []
        for prompts, family in families.items():
            counts, sizes = self.discoveries(self.labels, levels, family)
            found, size = counts > 0, round(sizes.mean())
            for fdr, yes in zip(levels, found.sum(axis=0), strict=True):
                share = wilson(int(yes), len(found), confidence)
                rows.append((prompts, fdr, yes / len(found), *share, size))
        names = ["prompts", "fdr", "false_rate", "false_rate_low", "false_rate_high", "n_null"]
        return pd.DataFrame(rows, columns=names)

    def p_of_as_many(
        self, outputs: list[str], levels: tuple[float, ...], discoveries: list[int]
    ) -> list[float]:
        """p-value of so many discoveries, by the outputs themselves under random labels.

        Whatever the outputs have in common, such as an artist that all are near to, they have under
        every label: the p-value needs no coins that are thrown one by one. Where the artists of
        all outputs are on one side, they stay there: the odds are then those of the family. Where
        these hold most of that side, little is left to draw, and few p-values are small.

        Parameters
        ----------
        outputs : list of str
            Their output_id: a family.
        levels : tuple of float
            False discovery rates asked for.
        discoveries : list of int
            So many of them at each.

        Returns
        -------
        list of float
            From 1 / (1 + draws) to 1: share of labels that give as many or more.
        """
        of_family = self.names.isin(outputs)
        mine = np.unique(self.own[of_family & (self.own >= 0)])
        mine = mine[self.clips[mine] > 0]  # the others are on no side
        sides = self.real[mine]
        held = {} if sides.any() and not sides.all() else dict(zip(mine, sides, strict=True))
        labels = self.draw(held) if held else self.labels
        drawn, _ = self.discoveries(labels, levels, lambda own: of_family)
        as_many = np.count_nonzero(drawn >= np.array(discoveries), axis=0)
        return ((1 + as_many) / (1 + len(drawn))).tolist()

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
        competing = [self.compete(label) for label in self.labels[:PLANTED_DRAWS]]
        for kind, part in hidden.groupby("kind", sort=False):
            found = {fdr: [] for fdr in levels}
            for target, decoy, _, odds in competing:
                both = [
                    np.append(part[side], null)
                    for side, null in (("target", target), ("decoy", decoy))
                ]
                q = statistics.competition_q(*both, largest(odds))
                for fdr in levels:
                    right, wrong = np.split(q <= fdr, [len(part)])
                    share = wrong.sum() / max(1, right.sum() + wrong.sum())
                    found[fdr].append((right.mean(), share))
            for fdr in levels:
                rows.append((kind, len(part), fdr, *np.mean(found[fdr], axis=0)))
        return pd.DataFrame(rows, columns=["kind", "n_planted", "fdr", "power", "false_share"])
