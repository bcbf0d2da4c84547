"""What listeners of Experiment A hear: X, and two clips of which one is nearer to it.

Two arms. `paper`: clips of four bins of cosine, and all six pairs of them, for each X and encoder.
`ours`: clips by their rank, pairs spread over the gap of their cosines. In both no two clips of a
trial are of one track, and every draw hangs on the seed and the clip alone.

References
----------
.. [1] J. Barnett, H. Flores Garcia, B. Pardo, "Exploring Musical Roots", ISMIR 2024, section 4.
"""

from collections.abc import Iterable
from itertools import combinations, groupby
from pathlib import Path

import numpy as np
import pandas as pd

from musical_roots.errors import InputError
from musical_roots.seeding import rng
from musical_roots.tables import Embeddings, open_shards, read_tables

BINS = (1, 2, 3, 4)  # the nearest first
RANKS = (1, 10, 100)
STRATA = 4  # of the gap between two cosines
TRIES = 1000  # X that are drawn at most: the paper's
BLOCK = 65536  # index rows at once
X_KINDS = ("training", "vamp", "perturbed")
PAIR_COLUMNS = [
    *("encoder", "x_clip_id", "x_kind", "a_clip_id", "b_clip_id", "a_cosine", "b_cosine"),
    *("a_rank", "b_rank", "a_bin", "b_bin", "a_drawn", "b_drawn", "gap_stratum"),
]
QUESTION = ["x_clip_id", "one", "other"]  # of which clips, on whichever side
COUNT_COLUMNS = [
    *("encoder", "x_wanted", "x_used", *(f"x_{kind}" for kind in X_KINDS)),
    *("pairs_wanted", "pairs_found", "asked_of_another", "pairs"),
]
SKIPPED_COLUMNS = [
    *("encoder", "x_wanted", "x_tried", "x_complete", "x_used", "pairs"),
    *(f"{what}_{bin}" for what in ("centre", "empty_bin") for bin in BINS),
]


def centres(bins: pd.DataFrame, encoder: str) -> dict[int, float]:
    """Cosine of the middle of each bin of an encoder.

    Parameters
    ----------
    bins : DataFrame
        encoder, quantity (bin_1 to bin_4), value.
    encoder : str

    Raises
    ------
    InputError
        If one is not there.
    """
    mine = bins[bins.encoder == encoder].set_index("quantity").value
    missing = [f"bin_{bin}" for bin in BINS if f"bin_{bin}" not in mine.index]
    if missing:
        raise InputError(f"bins of {encoder}: {', '.join(missing)} missing; make the table anew")
    return {bin: float(mine[f"bin_{bin}"]) for bin in BINS}


def by_encoder(shards: Iterable[Path]) -> list[Embeddings]:
    """Shards of several encoders, `<encoder>/<clip set>/<shard>.npy`: each encoder's, by name."""
    found = groupby(sorted(shards, key=str), key=lambda path: path.parents[1])
    return [open_shards(list(paths)) for _, paths in found]


def kinds(
    training: pd.DataFrame, vamps: Iterable[Path], perturbed: Iterable[Path]
) -> dict[str, pd.DataFrame]:
    """Clip lists that X of our arm are drawn from, by kind."""
    lists = {"vamp": list(vamps), "perturbed": list(perturbed)}
    return {"training": training} | {
        kind: read_tables(paths) for kind, paths in lists.items() if paths
    }


def vectors(x: pd.DataFrame, index: Embeddings, queries: Embeddings | None) -> np.ndarray:
    """Vectors of X, which are in the index or among the queries: float32 [len(x), dim]."""
    taken = np.full((len(x), index.provenance["dim"]), np.nan, np.float32)
    for source in (queries, index):
        if source is not None:
            places = pd.Index(source.clips.clip_id).get_indexer(x.clip_id)
            for row in np.flatnonzero(places >= 0):
                taken[row] = source.rows(places[row], places[row] + 1)[0]
    missing = x.clip_id[np.isnan(taken).any(axis=1)]
    if len(missing):
        raise InputError(f"clip {missing.iloc[0]} is not embedded; embed its clip list")
    return taken


def cosines(queries: np.ndarray, index: Embeddings) -> np.ndarray:
    """Cosine of each query and each index row: float32 [queries, index], rounded to 6 digits.

    Parameters
    ----------
    queries : ndarray, float32 [n, dim]
        Unit vectors.
    index : Embeddings
    """
    unit = _unit(queries)
    found = np.empty((len(queries), len(index)), np.float32)
    for start in range(0, len(index), BLOCK):
        stop = min(start + BLOCK, len(index))
        found[:, start:stop] = unit @ _unit(index.rows(start, stop)).T
    return np.round(found, 6)


def _unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def spread(clips: pd.DataFrame, count: int, seed: int, stage: str) -> pd.DataFrame:
    """`count` clips at most, over as many tracks as there are: one of each track, then a second."""
    draw = pd.Series([rng(seed, stage, clip).random() for clip in clips.clip_id], clips.index)
    turn = draw.groupby(clips.track_id).rank(method="first")
    order = pd.DataFrame({"turn": turn, "draw": draw}).sort_values(["turn", "draw"]).index
    return clips.loc[order[:count]]


def by_bins(
    index: Embeddings, middles: dict[int, float], count: int, width: float, seed: int
) -> tuple[pd.DataFrame, dict]:
    """The paper's arm for one encoder: for each X a clip of every bin, and all pairs of these.

    Parameters
    ----------
    index : Embeddings
        Of the training clips: X are drawn from them, and compared with all of other tracks.
    middles : dict
        Bin -> cosine.
    count : int
        X wanted.
    width : float
        A clip is in a bin if its cosine is no farther than that from the middle, and that of no
        other bin is nearer.
    seed : int

    Returns
    -------
    pairs : DataFrame
        `PAIR_COLUMNS`: A is of the nearer bin.
    told : dict
        `SKIPPED_COLUMNS`: how many X were tried, how often a bin had no clip for one. Where too few
        X have clips of all bins, those with most bins are used with what they have, but for such
        with less than two.
    """
    encoder = index.provenance["encoder"]
    tried = spread(index.clips, TRIES, seed, f"listening.x {encoder}")
    found, empty = [], dict.fromkeys(BINS, 0)
    alphabetical = _alphabetical(index)
    for start in range(0, len(tried), count):
        for x, row in _with_cosines(tried.iloc[start : start + count], index):
            drawn = _of_bins(row, index.clips, x, middles, width, alphabetical, seed)
            found.append((x, row, drawn))
            for bin in set(BINS) - set(drawn):
                empty[bin] += 1
        if sum(len(drawn) == len(BINS) for *_, drawn in found) >= count:
            break
    used = sorted(found, key=lambda one: -len(one[2]))[:count]
    used = [one for one in used if len(one[2]) > 1]
    rows = [
        pair
        for x, row, drawn in used
        for pair in _pairs(
            index, x, row, [(drawn[bin], bin, f"bin_{bin}") for bin in sorted(drawn)], "training"
        )
    ]
    told = {"encoder": encoder, "x_wanted": count, "x_tried": len(found), "x_used": len(used)}
    told["x_complete"] = sum(len(drawn) == len(BINS) for *_, drawn in used)
    told |= {f"centre_{bin}": middles[bin] for bin in BINS}
    told |= {f"empty_bin_{bin}": empty[bin] for bin in BINS} | {"pairs": len(rows)}
    return pd.DataFrame(rows, columns=PAIR_COLUMNS), told


def _alphabetical(index: Embeddings) -> np.ndarray:
    """Place of each clip by clip_id: what is drawn does not hang on the order of the index."""
    return np.argsort(np.argsort(index.clips.clip_id.to_numpy()))


def _with_cosines(some: pd.DataFrame, index: Embeddings):
    """Each of some rows of the index, and its cosine to all of them."""
    vectors = np.concatenate([index.rows(row, row + 1) for row in some.index])
    yield from zip(some.itertuples(), cosines(vectors, index), strict=True)


def _of_bins(row, clips, x, middles, width, alphabetical, seed) -> dict[int, int]:
    """Bin -> place of a clip of it, all of different tracks; the bin with fewest clips draws first.

    Greedy: a bin stays empty where all its clips are of tracks that others took.
    """
    far = np.abs(row[:, None] - np.array([middles[bin] for bin in BINS]))
    nearest, groups = far.argmin(axis=1), clips.group_id.to_numpy()
    inside = (far.min(axis=1) <= width + 1e-6) & (groups != x.group_id)
    members = {bin: np.flatnonzero(inside & (nearest == BINS.index(bin))) for bin in BINS}
    chance, taken, drawn = rng(seed, "listening.bins", x.clip_id), set(), {}
    for bin in sorted(BINS, key=lambda bin: len(members[bin])):
        free = members[bin][~np.isin(groups[members[bin]], list(taken))]
        free = free[np.argsort(alphabetical[free])]
        if len(free):
            drawn[bin] = int(chance.choice(free))
            taken.add(groups[drawn[bin]])
    return drawn


def choose_x(lists: dict[str, pd.DataFrame], count: int, seed: int) -> pd.DataFrame:
    """X of our arm: as many of each kind as there are, spread over tracks.

    Parameters
    ----------
    lists : dict
        Kind of `X_KINDS` -> clip list; those that are missing or empty are made up for by the rest.
    count : int
    seed : int

    Returns
    -------
    DataFrame
        Rows of the lists, with x_kind.
    """
    there = [kind for kind in X_KINDS if len(lists.get(kind, ()))]
    parts: list[pd.DataFrame] = []
    # the kind with fewest first: what it lacks, the others give
    for left, kind in zip(
        range(len(there), 0, -1), sorted(there, key=lambda kind: len(lists[kind])), strict=True
    ):
        wanted = -(-(count - sum(map(len, parts))) // left)
        mine = spread(lists[kind], wanted, seed, f"listening.{kind}")
        parts.append(mine.assign(x_kind=kind))
    return pd.concat(parts, ignore_index=True)


def asked_before(pairs: pd.DataFrame) -> pd.Series:
    """Whether a row asks of X and two clips what a row above asks already: bool, by row."""
    rows = zip(pairs.x_clip_id, pairs.a_clip_id, pairs.b_clip_id, strict=True)
    asked = pd.DataFrame([(x, *sorted(two)) for x, *two in rows], pairs.index, QUESTION)
    return asked.duplicated()


def together(
    made: list[pd.DataFrame], x_wanted: int, pairs: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Pairs of all encoders, no question twice in the one session that holds several encoders'.

    Parameters
    ----------
    made : list of DataFrame
        Of `by_ranks`.
    x_wanted, pairs : int
        X's, and pairs of each, that the config wants.

    Returns
    -------
    found : DataFrame
        `PAIR_COLUMNS`. A question that two encoders would ask is the first one's.
    counted : DataFrame
        `COUNT_COLUMNS`, a row an encoder: a small corpus gives fewer than were wanted.
    """
    found = pd.concat(made, ignore_index=True)
    kept = found[~asked_before(found)].reset_index(drop=True)
    rows = []
    for encoder, mine in found.groupby("encoder"):
        left = kept[kept.encoder == encoder]
        used = left.drop_duplicates("x_clip_id").x_kind.value_counts()
        row = {"encoder": encoder, "x_wanted": x_wanted, "x_used": used.sum()}
        row |= {f"x_{kind}": used.get(kind, 0) for kind in X_KINDS}
        row |= {"pairs_wanted": x_wanted * pairs, "pairs_found": len(mine)}
        rows.append(row | {"asked_of_another": len(mine) - len(left), "pairs": len(left)})
    return kept, pd.DataFrame(rows, columns=COUNT_COLUMNS)


def by_ranks(
    x: pd.DataFrame,
    vectors: np.ndarray,
    index: Embeddings,
    tracks: pd.DataFrame,
    pairs: int,
    seed: int,
) -> pd.DataFrame:
    """Our arm for one encoder: pairs of clips by rank, spread over the gap of their cosines.

    Clips of X's own track, or of its prompt's, and of their near duplicates are left out. Of the
    rest come the first, tenth and hundredth clip of other artists, one of theirs at random, and
    the first of X's artist. All pairs of these are cut into `STRATA` of equally many by the gap of
    their two cosines; each X takes `pairs` of them, of strata in turns.

    Parameters
    ----------
    x : DataFrame
        Of `choose_x`.
    vectors : ndarray, float32 [len(x), dim]
        Of `x`, unit.
    index : Embeddings
        Of the training clips.
    tracks : DataFrame
        track_id, artist.
    pairs : int
        Of each X.
    seed : int

    Returns
    -------
    DataFrame
        `PAIR_COLUMNS`.
    """
    artists = dict(zip(tracks.track_id, tracks.artist, strict=True))
    theirs = index.clips.track_id.map(artists).fillna("").to_numpy()
    alphabetical = _alphabetical(index)
    rows = [
        pair
        for one, row in zip(x.itertuples(), cosines(vectors, index), strict=True)
        for pair in _pairs(
            index,
            one,
            row,
            _by_rank(one, row, index, theirs, artists, alphabetical, seed),
            one.x_kind,
        )
    ]
    found = pd.DataFrame(rows, columns=PAIR_COLUMNS)
    if found.empty:
        return found
    # in a small corpus the clip at random may be the first or the tenth: nobody is asked twice
    found = found[~asked_before(found)].reset_index(drop=True)
    gap = (found.a_cosine - found.b_cosine).abs().rank(method="first")
    found["gap_stratum"] = np.ceil(gap / len(found) * STRATA).astype(int)
    return _in_turns(found, pairs, seed)


def _by_rank(x, row, index, theirs, artists, alphabetical, seed) -> list[tuple[int, None, str]]:
    """Places of the clips that X is compared with, and why each was drawn; equals by clip_id."""
    mine = artists.get(x.track_id, "")
    other_track = (index.clips.group_id != x.group_id).to_numpy()
    same = other_track & (theirs == mine) & (mine != "")
    other = np.flatnonzero(other_track & ~same)
    order = other[np.lexsort((alphabetical[other], -row[other]))]
    drawn = [(int(order[rank - 1]), f"rank_{rank}") for rank in RANKS if rank <= len(order)]
    if len(order):
        chance = rng(seed, f"listening.random {index.provenance['encoder']}", x.clip_id)
        drawn.append((int(chance.choice(order)), "random"))
    if same.any():
        own = np.flatnonzero(same)
        drawn.append((int(own[np.lexsort((alphabetical[own], -row[own]))[0]]), "same_artist"))
    return [(place, None, why) for place, why in drawn]


def _in_turns(found: pd.DataFrame, pairs: int, seed: int) -> pd.DataFrame:
    """Some pairs of each X: each time one of the stratum that has the fewest so far."""
    kept, so_far = [], dict.fromkeys(range(1, STRATA + 1), 0)
    for clip, mine in found.groupby("x_clip_id", sort=True):
        chance = rng(seed, f"listening.pairs {mine.encoder.iloc[0]}", clip)
        left = {stratum: list(chance.permutation(of)) for stratum, of in _strata(mine)}
        for _ in range(min(pairs, len(mine))):
            stratum = min((one for one in left if left[one]), key=lambda one: (so_far[one], one))
            kept.append(left[stratum].pop())
            so_far[stratum] += 1
    return found.loc[sorted(kept)].reset_index(drop=True)


def _strata(pairs: pd.DataFrame):
    return ((stratum, part.index) for stratum, part in pairs.groupby("gap_stratum"))


def _pairs(
    index: Embeddings, x, row: np.ndarray, drawn: list[tuple[int, int | None, str]], kind: str
) -> list[dict]:
    """Rows of `PAIR_COLUMNS`: pairs of different tracks and cosines, of (place, bin, why drawn)."""
    others = row[(index.clips.group_id != x.group_id).to_numpy()]
    told = [
        {
            "clip_id": index.clips.clip_id.iat[place],
            "cosine": float(str(row[place])),
            "rank": 1 + int(np.count_nonzero(others > row[place])),
            "bin": bin,
            "drawn": why,
        }
        for place, bin, why in drawn
    ]
    about = {"encoder": index.provenance["encoder"], "x_clip_id": x.clip_id, "x_kind": kind}
    groups = [index.clips.group_id.iat[place] for place, *_ in drawn]
    return [
        about
        | {f"a_{key}": value for key, value in told[one].items()}
        | {f"b_{key}": value for key, value in told[other].items()}
        | {"gap_stratum": None}
        for one, other in combinations(range(len(drawn)), 2)
        # equal cosines: neither is the nearer one
        if groups[one] != groups[other] and told[one]["cosine"] != told[other]["cosine"]
    ]
