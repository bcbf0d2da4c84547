"""The paper's bins of cosine (its section 4.1), and what they tell of an encoder's weights.

For some clips of the training set the cosines to the nearest N others are pooled: their median is
the centre of bin 3, and lies one and two standard deviations below those of bins 2 and 1. Bin 4 is
at the median of random pairs. The listening study of the paper draws from these bins.

What the paper does not say is ours:

- N is the share of the index that the paper takes, 10,000 of 5,000,000, but no fewer than 10: less
  would be the two or three nearest alone, of which no clip has a median and a spread of its own. In
  a small corpus most of the 10 are of the clip's own song, and one clip in a hundred is a random
  partner of its song: clips of one song count here, in both.
- Cosines of all clips are pooled; standard deviations are of all that is pooled (n, not n - 1).
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from musical_roots.errors import InputError
from musical_roots.search import cosines, matches
from musical_roots.seeding import rng
from musical_roots.tables import Embeddings
from musical_roots.weights import PLUMBING

SHARE, LEAST = 10_000 / 5_000_000, 10  # of the index, which are the nearest
NEIGHBOURS = (5, 100)  # whose mean cosine the paper tells
PARTNERS = 10  # random ones of a clip
HALF_WIDTH = 0.02  # of a bin, in the paper
STEP = 0.02  # of the histogram
ABOVE = {"bin_3": 0, "bin_2": 1, "bin_1": 2}  # standard deviations
AT_ONCE = 250  # queries: at N = 10,000 their match table takes half a gigabyte
# An encoder -> what the paper calls it.
PAPER = {"clap": "CLAP", "clmr": "CLMR"}
# Weights and layers of which one may be the paper's, and what else to ask.
CANDIDATES = {"CLAP": ("clap", "clap_music", "laion_clap"), "CLMR": ("clmr", "clmr_1550")}
# Our own choice: another corpus moves the median of random pairs, and another layer moves it more.
WITHIN = 0.1


@dataclass(frozen=True)
class Cosines:
    """Of some clips to others of one index.

    Attributes
    ----------
    encoder, features : str
        What results call it; which of its layers it gives, if it leaves the choice.
    nearest : ndarray, float64 [n_sampled, k]
        To the nearest clips but itself, the nearest first. k is n_nearest or 100, whichever is
        more, or as many as there are.
    random : ndarray, float64 [n_sampled * 10]
        To clips at random, never itself.
    n_index, n_nearest : int
        Clips in the index; how many of the nearest make the bins.
    """

    encoder: str
    features: str
    nearest: np.ndarray
    random: np.ndarray
    n_index: int
    n_nearest: int

    def pooled(self) -> np.ndarray:
        """To the nearest N, of all clips: float64 [n_sampled * n_nearest]."""
        return self.nearest[:, : self.n_nearest].ravel()


def measure(index: Embeddings, clips: int, seed: int) -> Cosines:
    """Cosines of clips, drawn by the seed, to their nearest and to random ones.

    The same, to the last bit, whatever the shards of the index.

    Parameters
    ----------
    index : Embeddings
        Of the training set.
    clips : int
        How many are drawn; all, if there are fewer.
    seed : int
        The config's seed.

    Raises
    ------
    InputError
        If the index holds fewer than two clips.
    """
    if len(index) < 2:
        raise InputError(
            f"bins: the train split holds {len(index)} clip, and two make a pair; widen the corpus"
        )
    # by the sorted list of clip_ids, in which shards and their order do not show
    row_of = index.clips["clip_id"].argsort().to_numpy()
    drawn = rng(seed, "bins.clips").choice(len(index), min(clips, len(index)), replace=False)
    places = np.sort(drawn)
    n_nearest = min(max(LEAST, round(SHARE * len(index))), len(index) - 1)
    k = min(max(n_nearest, *NEIGHBOURS), len(index) - 1)
    return Cosines(
        index.provenance["encoder"],
        index.provenance.get("features", ""),
        _nearest(index, row_of[places], k),
        cosines(index, *_pairs(index, row_of, places, seed)),
        len(index),
        n_nearest,
    )


def _nearest(index: Embeddings, rows: np.ndarray, k: int) -> np.ndarray:
    """To the k nearest of each row, itself left out: float64 [len(rows), k]."""
    found = np.empty((len(rows), k))
    for at in range(0, len(rows), AT_ONCE):
        some = rows[at : at + AT_ONCE]
        ids = pd.Index(index.clips["clip_id"].iloc[some])
        mask = np.zeros(len(index), bool)
        mask[some] = True
        table = matches(index.where(mask), index, k, exclude="self")
        query = at + ids.get_indexer(table["query_clip_id"])
        found[query, table["rank"] - 1] = table["cosine"]
    return found


def _pairs(
    index: Embeddings, row_of: np.ndarray, places: np.ndarray, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Rows of random pairs: of each clip with `PARTNERS` others, which may repeat."""
    others = []
    for place in places:
        clip = index.clips["clip_id"].iloc[row_of[place]]
        other = rng(seed, "bins.pairs", clip).integers(len(index) - 1, size=PARTNERS)
        others.append(other + (other >= place))  # any but itself
    return row_of[np.repeat(places, PARTNERS)], row_of[np.concatenate(others)]


def published(bins: pd.DataFrame, neighbours: pd.DataFrame) -> pd.DataFrame:
    """The paper's numbers, by the names that ours have.

    Parameters
    ----------
    bins, neighbours : DataFrame
        config/paper/bins.csv and neighbours.csv.

    Returns
    -------
    DataFrame
        encoder (as the paper calls it), quantity, value.
    """
    centres = pd.DataFrame(
        {
            "encoder": bins["encoder"],
            "quantity": "bin_" + bins["bin"].astype(str),
            "value": bins["centre_cosine"],
        }
    )
    means = pd.DataFrame(
        {
            "encoder": neighbours["encoder"],
            "quantity": "nearest_" + neighbours["neighbour"].astype(str) + "_mean",
            "value": neighbours["mean_cosine"],
        }
    )
    return pd.concat([centres, means], ignore_index=True)


def summarise(measured: Iterable[Cosines], paper: pd.DataFrame) -> pd.DataFrame:
    """Bins of each encoder, and what else tells it from others, beside the paper's.

    Parameters
    ----------
    measured : iterable of Cosines
        Of each encoder.
    paper : DataFrame
        As `published` gives it.

    Returns
    -------
    DataFrame
        encoder, quantity, value, paper (blank where it has none), n_sampled, n_index, n_nearest.
        Quantities: ``bin_1`` to ``bin_4``, the centres; ``nearest_sd``, ``random_sd``;
        ``random_low``, below which is one random pair in twenty; ``nearest_5_mean``,
        ``nearest_100_mean``, of the 5th and the 100th nearest, blank where there are not as many. A
        centre is what the recipe gives: above 1, where no cosine is, the bin stays empty.
    """
    known = paper.set_index(["encoder", "quantity"])["value"]
    rows = []
    for found in measured:
        called = PAPER.get(_name(found.encoder))
        for quantity, value in _quantities(found).items():
            rows.append(
                {
                    "encoder": found.encoder,
                    "quantity": quantity,
                    "value": value,
                    "paper": known.get((called, quantity), np.nan),
                    "n_sampled": len(found.nearest),
                    "n_index": found.n_index,
                    "n_nearest": found.n_nearest,
                }
            )
    return pd.DataFrame(rows)


def _quantities(found: Cosines) -> dict[str, float]:
    nearest, random = found.pooled(), found.random
    middle, sd = np.median(nearest), nearest.std()
    values = {name: middle + number * sd for name, number in sorted(ABOVE.items())}
    values |= {"bin_4": np.median(random), "nearest_sd": sd, "random_sd": random.std()}
    values["random_low"] = np.quantile(random, 0.05)
    for k in NEIGHBOURS:
        there = k <= found.nearest.shape[1]
        values[f"nearest_{k}_mean"] = found.nearest[:, k - 1].mean() if there else np.nan
    return {name: float(value) for name, value in values.items()}


def histogram(measured: Iterable[Cosines], table: pd.DataFrame) -> pd.DataFrame:
    """How the cosines lie, and where the bins are among them.

    Parameters
    ----------
    measured : iterable of Cosines
        Of each encoder.
    table : DataFrame
        ``bins.csv`` of them.

    Returns
    -------
    DataFrame
        encoder, of, low, high, share. `of` is ``nearest`` or ``random``, with the share of these
        cosines in [low, high); or a bin (``bin_1``), or the paper's (``paper_bin_1``), with its
        edges and no share.
    """
    parts = []
    edges = np.round(np.arange(-1, 1 + STEP / 2, STEP), 10)
    for found in measured:
        for of, values in (("nearest", found.pooled()), ("random", found.random)):
            counts, _ = np.histogram(np.clip(values, -1, 1), edges)
            part = {"low": edges[:-1], "high": edges[1:], "share": counts / len(values)}
            parts.append(pd.DataFrame({"encoder": found.encoder, "of": of, **part}))
    centres = table[table["quantity"].str.fullmatch(r"bin_\d")]
    for column, prefix in (("value", ""), ("paper", "paper_")):
        there = centres[centres[column].notna()]
        edges_of = {"low": there[column] - HALF_WIDTH, "high": there[column] + HALF_WIDTH}
        named = {"encoder": there["encoder"], "of": prefix + there["quantity"]}
        parts.append(pd.DataFrame(named | edges_of | {"share": np.nan}))
    return pd.concat(parts, ignore_index=True)


def paper_encoders(
    table: pd.DataFrame, paper: pd.DataFrame, features: dict[str, str]
) -> pd.DataFrame:
    """Whether an encoder's weights and layer may be the paper's, by the median of random pairs.

    That median hangs less on the size of the index than how near the nearest are.

    Parameters
    ----------
    table : DataFrame
        ``bins.csv``.
    paper : DataFrame
        As `published` gives it.
    features : dict
        Encoder, as the table calls it -> which of its layers it gives, or "".

    Returns
    -------
    DataFrame
        of_paper (CLAP, CLMR), encoder, features, random_median, paper, verdict (``matches``,
        ``does not match``, ``says nothing``, ``not asked``), finding (a sentence).
    """
    medians = table[table["quantity"] == "bin_4"].set_index("encoder")["value"]
    lows = table[table["quantity"] == "random_low"].set_index("encoder")["value"]
    wanted = paper[paper["quantity"] == "bin_4"].set_index("encoder")["value"]
    rows = []
    for called, names in CANDIDATES.items():
        there = [encoder for encoder in medians.index if _name(encoder) in names]
        for encoder in there:
            layer, paper_median = features.get(encoder, ""), wanted[called]
            verdict, finding = _verdict(
                called, encoder, layer, medians[encoder], lows[encoder], paper_median
            )
            rows.append((called, encoder, layer, medians[encoder], paper_median, verdict, finding))
        if not there:
            told = (
                f"Not asked: none of {', '.join(names)} is in this study, so it does not say which"
                f" weights or layer the paper's {called} is of."
            )
            rows.append((called, "", "", np.nan, wanted[called], "not asked", told))
    columns = "of_paper encoder features random_median paper verdict finding"
    return pd.DataFrame(rows, columns=columns.split())


def _verdict(
    called: str, encoder: str, features: str, median: float, low: float, paper: float
) -> tuple[str, str]:
    layer = f" ({features})" if features else ""
    measured = (
        f"Random pairs of {encoder}{layer} have a median cosine of {median:.3f}, one in twenty of"
        f" them less than {low:.3f}; the paper's median is {paper:.3f}."
    )
    if PLUMBING in encoder:
        verdict, so = "says nothing", "Random weights say nothing of trained ones."
    elif abs(median - paper) <= WITHIN:
        verdict, so = "matches", f"It matches, to {WITHIN:g}, which is our own choice."
    else:
        other = {"encoder": "projector", "projector": "encoder"}.get(features)
        others = " or ".join(name for name in CANDIDATES[called] if name != encoder)
        ask = f"encoders.{encoder}.features: {other}" if other else others
        verdict, so = "does not match", f"It does not match, to {WITHIN:g}; ask with {ask}."
    return verdict, f"{measured} {so}"


def _name(encoder: str) -> str:
    """Without what results add to it."""
    return encoder.partition(" (")[0]
