"""What a file resembles: by 3 seconds, by song, by artist; and how sure that is.

Two p-values of a whole file, against control tracks that are asked after in the same way:

- *song*: how near the whole of it is to one track. Of each of its clips the nearest clip of that
  track counts, and the mean of these cosines; a file is as near to the training set as to its
  nearest track.
- *passage*: how near the nearest of its clips is. A control track has few clips, a long file many
  chances: so the file is cut into parts of as many clips as most control tracks have, and p is
  times their number.

Control tracks are asked after by runs of as many clips as the file has. A file counts as one draw
beside them: where it is none of them, but as little to do with the training set, p is at most a
with probability a. One thing differs: clips of a study's tracks may lie farther apart than a
file's, which are one after the other.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view

from musical_roots import statistics
from musical_roots.experiments.indexes import EQUAL, INDEXES
from musical_roots.harmony import NULL_TRACKS
from musical_roots.search import matches
from musical_roots.seeding import rng
from musical_roots.tables import Embeddings

BLOCK = 1 << 15
ALPHA = 0.05


def by_track(asked: Embeddings, index: Embeddings) -> pd.DataFrame:
    """The nearest clip of each track to each clip.

    Parameters
    ----------
    asked : Embeddings
        n clips.
    index : Embeddings
        Clips of T tracks.

    Returns
    -------
    DataFrame, float32 [n, T]
        Cosines by the clip_id asked after and the track_id.
    """
    codes, names = pd.factorize(index.clips.track_id, sort=True)
    best = np.full((len(asked), len(names)), -1, np.float32)
    unit = _unit(asked.rows(0, len(asked)))
    for start in range(0, len(index), BLOCK):
        stop = min(start + BLOCK, len(index))
        order = np.argsort(codes[start:stop], kind="stable")
        there, first = np.unique(codes[start:stop][order], return_index=True)
        cosines = unit @ _unit(index.rows(start, stop)[order]).T
        best[:, there] = np.maximum(best[:, there], np.maximum.reduceat(cosines, first, axis=1))
    return pd.DataFrame(best, index=asked.clips.clip_id.to_numpy(), columns=names)


def _unit(rows: np.ndarray) -> np.ndarray:
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(norms > 0, norms, 1)


def drawn(control: Embeddings, seed: int) -> Embeddings:
    """Control music of `NULL_TRACKS` tracks at most, drawn by the seed."""
    tracks = sorted(set(control.clips.track_id))
    tracks.sort(key=lambda track: rng(seed, "trace.null", track).random())
    return control.where(control.clips.track_id.isin(tracks[:NULL_TRACKS]).to_numpy())


class Null:
    """What control music resembles in an index, asked after as a file is.

    A file is held against runs of as many clips of each control track, one after the other: the
    mean of few clips lies farther from what is usual than that of many, and their largest lower.
    A track with fewer clips is taken whole.

    Parameters
    ----------
    control : Embeddings
        Clips of control tracks.
    index : Embeddings
        That is searched.

    Attributes
    ----------
    tracks : int
    clips : int
        Which three of four control tracks have, or more: the longest run of which the nearest clip
        is compared.
    """

    def __init__(self, control: Embeddings, index: Embeddings):
        order = np.lexsort([control.clips.heard_start_s, control.clips.track_id])
        self.owner = control.clips.track_id.to_numpy()[order]
        self.near = by_track(control, index).to_numpy()[order]
        self.nearest = self.near.max(axis=1)
        names, first = np.unique(self.owner, return_index=True)
        self.parts = dict(zip(names, np.split(np.arange(len(order)), first[1:]), strict=True))
        counts = [len(rows) for rows in self.parts.values()]
        self.tracks, self.clips = len(counts), int(np.quantile(counts, 0.25, method="lower"))
        self.kept: dict[tuple, tuple[np.ndarray, np.ndarray]] = {}  # of runs that were asked for

    @property
    def smallest_p(self) -> float:
        """What so many control tracks can show at best."""
        return 1 / (1 + self.tracks)

    def p(self, cosines: np.ndarray) -> np.ndarray:
        """Conformal p-value of the nearest clip of each clip."""
        return statistics.conformal_p(cosines, self.nearest, self.owner)

    def of_song(self, scores: np.ndarray, clips: int) -> np.ndarray:
        """Conformal p-value of how near a whole file of so many clips is to a track."""
        return statistics.conformal_p(scores, *self._of_runs(self._means, clips))

    def of_passage(self, cosine: float, clips: int) -> tuple[float, float]:
        """p-value of the nearest of some clips, and the smallest that there could be."""
        run = min(clips, self.clips)
        null, owner = self._of_runs(self._largest, run, run)
        p = statistics.conformal_p([cosine, np.inf], null, owner)
        p, smallest = np.minimum(1.0, -(-clips // run) * p)
        return float(p), float(smallest)

    def called(self, alpha: float = ALPHA) -> float:
        """Share of control tracks that would be called above chance, each against the others."""
        found = []
        for track, rows in self.parts.items():
            clips, run = len(rows), min(len(rows), self.clips)
            song = self._p_without(track, self._means(rows, clips), self._means, clips)
            nearest = self.nearest[rows].max(keepdims=True)
            passage = self._p_without(track, nearest, self._largest, run, run)
            found.append(min(song, passage * -(-clips // run)) <= alpha)
        return float(np.mean(found))

    def _p_without(self, track: str, score: np.ndarray, *of: Callable | int) -> float:
        """Conformal p-value of a control track among the others."""
        null, owner = self._of_runs(*of)
        others = owner != track
        if not others.any():
            return 1.0
        return float(statistics.conformal_p(score, null[others], owner[others])[0])

    def _of_runs(
        self, of_run: Callable, clips: int, least: int = 1
    ) -> tuple[np.ndarray, np.ndarray]:
        """What runs of so many clips give, of tracks that have `least`; and whose each is."""
        key = of_run.__name__, clips, least
        if key not in self.kept:
            found = {
                track: of_run(rows, min(clips, len(rows)))
                for track, rows in self.parts.items()
                if len(rows) >= least
            }
            owner = np.repeat([*found], [*map(len, found.values())])
            self.kept[key] = np.concatenate([*found.values()]), owner
        return self.kept[key]

    def _means(self, rows: np.ndarray, run: int) -> np.ndarray:
        """Of each run the mean cosine to the track to which that is largest."""
        sums = np.cumsum(self.near[rows], axis=0, dtype=np.float64)
        sums[run:] -= sums[:-run].copy()
        return (sums[run - 1 :] / run).max(axis=1)

    def _largest(self, rows: np.ndarray, run: int) -> np.ndarray:
        """Of each run the cosine of its nearest clip."""
        return sliding_window_view(self.nearest[rows], run).max(axis=1)


def seconds(
    asked: Embeddings, index: Embeddings, null: Null, k: int, within: pd.DataFrame | None = None
) -> pd.DataFrame:
    """The nearest clips of each clip, and how sure that is.

    Parameters
    ----------
    asked, index : Embeddings
        Of the file, and of the whole corpus.
    null : Null
    k : int
        Places shown.
    within : DataFrame, optional
        clip_id; train, train_equal, control: which clips are in which index. The first is searched,
        the two others compete. Without it all of the index is searched, and nothing competes.

    Returns
    -------
    DataFrame
        clip_id (of the file), start_s, end_s, encoder, place, matched_clip_id, track_id, from_s,
        to_s, cosine, p (of the cosine of that place), competition_q (of the first: where training
        set and control music of one size compete for the file's clips).
    """
    here = masks(within, index)
    found = matches(asked, index, k, only=here["train"] if here else None)
    names = {"rank": "place", "clip_id": "matched_clip_id", "query_clip_id": "clip_id"}
    table = found.rename(columns=names).drop(columns="target")
    q = pd.Series(np.nan, asked.clips.clip_id.to_numpy())
    if here:
        sides = [_nearest(asked, index, here[side]) for side in EQUAL]
        q[:] = statistics.competition_q(*sides)
    table["p"] = null.p(table.cosine.to_numpy())
    table["competition_q"] = table.clip_id.map(q).where(table.place == 1)
    return timed(table, asked.clips, index.clips)


def masks(within: pd.DataFrame | None, index: Embeddings) -> dict[str, np.ndarray]:
    """Which clips are in train, train_equal and control, by name: bool [len(index)]."""
    if within is None:
        return {}
    inside = within.set_index("clip_id")[list(INDEXES)].reindex(
        index.clips.clip_id, fill_value=False
    )
    return {name: inside[name].to_numpy(bool) for name in INDEXES}


def _nearest(asked: Embeddings, index: Embeddings, only: np.ndarray) -> np.ndarray:
    found = matches(asked, index, 1, only=only).set_index("query_clip_id").cosine
    return found.reindex(asked.clips.clip_id).fillna(-np.inf).to_numpy()


def timed(table: pd.DataFrame, asked: pd.DataFrame, index: pd.DataFrame) -> pd.DataFrame:
    """With the seconds that were heard: start_s, end_s of the file, from_s, to_s of the track."""
    for ids, clips, names in (
        ("clip_id", asked, ("start_s", "end_s")),
        ("matched_clip_id", index, ("from_s", "to_s")),
    ):
        heard = clips.set_index("clip_id").reindex(table[ids])
        first = heard.heard_start_s.to_numpy()
        table[names[0]], table[names[1]] = first, (first + heard.heard_s.to_numpy()).round(3)
    return table


def songs(near: pd.DataFrame, null: Null, tracks: pd.DataFrame) -> pd.DataFrame:
    """What the clips of a file add up to, by track.

    Parameters
    ----------
    near : DataFrame
        Of `by_track`.
    null : Null
    tracks : DataFrame
        By track_id: artist.

    Returns
    -------
    DataFrame
        track_id, artist, cosine (mean over the file's clips of the nearest clip of the track),
        maximum, p (of such a mean), evidence (sum over clips of -log10 of the p-value of that
        cosine). The largest mean first.
    """
    values = near.to_numpy()
    p = null.p(values.ravel()).reshape(values.shape)
    table = pd.DataFrame(
        {
            "track_id": near.columns,
            "artist": tracks.artist.reindex(near.columns).fillna("").to_numpy(),
            "cosine": values.mean(axis=0),
            "maximum": values.max(axis=0),
            "p": null.of_song(values.mean(axis=0), len(near)),
            "evidence": -np.log10(p).sum(axis=0),
        }
    )
    order = ["cosine", "track_id"]
    return table.sort_values(order, ascending=[False, True], ignore_index=True)


def artists(near: pd.DataFrame, null: Null, tracks: pd.DataFrame) -> pd.DataFrame:
    """The same by artist: of each clip the nearest clip of any of an artist's tracks.

    Returns
    -------
    DataFrame
        artist, n_tracks, cosine, maximum, evidence; most evidence first, then the larger cosine.
    """
    artist = tracks.artist.reindex(near.columns).fillna("")
    by_artist = near.T.groupby(artist.to_numpy()).max().T
    made = songs(by_artist, null, pd.DataFrame({"artist": []}))
    made["artist"] = made.track_id
    made["n_tracks"] = made.artist.map(artist.value_counts())
    order = ["evidence", "cosine", "artist"]
    made = made.sort_values(order, ascending=[False, False, True], ignore_index=True)
    return made[["artist", "n_tracks", "cosine", "maximum", "evidence"]]


def pairs(asked: Embeddings, index: Embeddings, track: str, null: Null) -> pd.DataFrame:
    """Of each clip the nearest clip of one track.

    Returns
    -------
    DataFrame
        start_s, end_s, from_s, to_s, cosine, p; in the order of the file.
    """
    only = (index.clips.track_id == track).to_numpy()
    found = matches(asked, index, 1, only=only).rename(columns={"clip_id": "matched_clip_id"})
    found = timed(found.rename(columns={"query_clip_id": "clip_id"}), asked.clips, index.clips)
    found["p"] = null.p(found.cosine.to_numpy())
    return found[["start_s", "end_s", "from_s", "to_s", "cosine", "p"]]


def passages(pairs: pd.DataFrame, alpha: float = ALPHA) -> pd.DataFrame:
    """Runs of clips that match a track at one and the same distance.

    Parameters
    ----------
    pairs : DataFrame
        Of `pairs`.
    alpha : float
        Pairs with a larger p are left out; if all are, the nearest pair alone is given.

    Returns
    -------
    DataFrame
        start_s, end_s, from_s, to_s, clips, cosine (the largest), p (the smallest). In the order of
        the file. A run may leave out one clip.
    """
    good = pairs[pairs.p <= alpha]
    if good.empty:
        good = pairs.nlargest(1, "cosine")
    offset, length = good.from_s - good.start_s, (good.end_s - good.start_s).to_numpy()
    gap = good.start_s.diff().to_numpy() > 2 * length + 0.01
    moved = np.abs(offset.diff().to_numpy()) > length / 6
    run = np.cumsum(np.append(True, (gap | moved)[1:]))
    made = good.groupby(run).agg(
        start_s=("start_s", "min"), end_s=("end_s", "max"), from_s=("from_s", "min"),
        to_s=("to_s", "max"), clips=("cosine", "size"), cosine=("cosine", "max"), p=("p", "min"),
    )  # fmt: skip
    return made.reset_index(drop=True)
