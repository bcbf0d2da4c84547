"""The whole answer for one file: what it resembles, how sure that is, and what cannot be known."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from musical_roots import harmony, statistics
from musical_roots.experiments.token_share import TokenIndex
from musical_roots.tables import Embeddings
from musical_roots.trace import found, ranking
from musical_roots.trace.asked import Asked

SHOWN, PLACES = 10, 3  # songs and artists of a file; matches of a clip
DETAILED = 5  # songs whose passages are told


@dataclass(frozen=True)
class Harmony:
    """Tracks by their harmony, and how similar control tracks are to the most similar of them.

    Attributes
    ----------
    gallery : Gallery
    control : dict of str to ndarray, [rows, 12]
        Pitch classes of control tracks.
    seed : int
        The study's.
    whole : ndarray, float64 [control tracks]
        How similar these are as a whole.
    kept : dict
        `null` by rows, where it was asked for.
    """

    gallery: harmony.Gallery
    control: dict[str, np.ndarray]
    seed: int
    whole: np.ndarray
    kept: dict[int, np.ndarray] = field(default_factory=dict)

    def null(self, rows: int) -> np.ndarray:
        """How similar control tracks are to the most similar track.

        What is shorter than three of four of them is held against runs of so many of their rows: of
        few windows the most similar quarter is by chance more similar.
        """
        if rows >= np.quantile([len(one) for one in self.control.values()], 0.25):
            return self.whole
        if rows not in self.kept:
            found = harmony.null(self.control, self.gallery, self.seed, rows=rows)
            self.kept[rows] = found.similarity.to_numpy()
        return self.kept[rows]


@dataclass(frozen=True)
class Tokens:
    """A generator's tokens of the training set, and what control music shares with a track."""

    generator: str
    index: TokenIndex
    null: pd.DataFrame  # output_id, cluster, share


@dataclass(frozen=True)
class Searched:
    """What is searched.

    Attributes
    ----------
    indexes : dict of str to Embeddings
        By encoder.
    nulls : dict of str to Null
        Control music in them, of encoders that give p-values; the first decides.
    of_songs : list of str
        Encoders by which songs are ranked.
    tracks : DataFrame
        By track_id: title, artist, licence, attribution, split, sha256, file.
    within : DataFrame or None
        Of `found.seconds`.
    harmony, tokens
        Where they are at hand.
    """

    indexes: dict[str, Embeddings]
    nulls: dict[str, found.Null]
    of_songs: list[str]
    tracks: pd.DataFrame
    within: pd.DataFrame | None = None
    harmony: Harmony | None = None
    tokens: Tokens | None = None
    power: pd.DataFrame = field(default_factory=pd.DataFrame)


def answer(
    asked: Asked,
    vectors: dict[str, Embeddings],
    rows: np.ndarray,
    tokens: dict[str, np.ndarray],
    searched: Searched,
) -> dict:
    """All that is found of one file.

    Parameters
    ----------
    asked : Asked
    vectors : dict of str to Embeddings
        Its clips as each encoder hears them.
    rows : ndarray, float32 [rows, 12]
        Its pitch classes.
    tokens : dict of str to ndarray
        clip_id -> the coarsest tokens; empty where none are known.
    searched : Searched

    Returns
    -------
    dict
        file, verdict, tests, songs, artists, seconds, tokens, power, cannot_know: lists of rows, as
        docs/trace.md tells. Numbers are floats and ints of Python, nothing is NaN.
    """
    first = next(iter(searched.nulls))
    null, trains = searched.nulls[first], {}
    for name in {first, *searched.of_songs}:
        index = trains[name] = searched.indexes[name]
        if searched.within is not None:
            trains[name] = index.where(found.masks(searched.within, index)["train"])
    index = trains[first]
    near = found.by_track(vectors[first], index)
    sound = [found.by_track(vectors[name], trains[name]).mean() for name in searched.of_songs]
    songs = _ranked(found.songs(near, null, searched.tracks), sound, rows, searched.harmony)
    shares = token_shares(tokens, searched.tokens) if searched.tokens else pd.DataFrame()
    songs = _with_tokens(songs, shares, len(tokens)).head(SHOWN)
    songs = songs.join(searched.tracks[["title", "licence", "attribution"]], on="track_id")
    seconds = pd.concat(
        [
            found.seconds(
                vectors[name], searched.indexes[name], searched.nulls[name], PLACES, searched.within
            )
            for name in searched.nulls
        ],
        ignore_index=True,
    )
    tests = _tests(near, null, songs, searched.harmony, first)
    told = {
        "file": _file(asked, searched.tracks),
        "verdict": verdict(tests, songs, null),
        "tests": _records(tests),
        "songs": _songs(songs, vectors[first], index, null, rows, searched.harmony),
        "artists": _records(found.artists(near, null, searched.tracks).head(SHOWN)),
        "seconds": _records(_named(seconds, searched.tracks)),
        "tokens": _records(_named(shares, searched.tracks)) if len(shares) else [],
        "power": _records(searched.power),
    }
    return told | {"cannot_know": cannot_know(searched, first)}


def _ranked(
    songs: pd.DataFrame, sound: list[pd.Series], rows: np.ndarray, by: Harmony | None
) -> pd.DataFrame:
    """Songs as `ranking` has them, with what harmony says."""
    songs = songs.set_index("track_id", drop=False).rename_axis(None)
    asked = by is not None and len(rows) > 0
    songs = songs.assign(harmony=np.nan, harmony_p=np.nan, semitones=0)
    if asked:
        similarity, semitones = by.gallery.similar(rows)
        null = by.null(len(rows))
        p = statistics.conformal_p(similarity, null, np.arange(len(null)))
        names = {"harmony": similarity, "harmony_p": p, "semitones": semitones}
        told = pd.DataFrame(names, by.gallery.tracks).reindex(songs.index)
        songs = songs.assign(**told.fillna({"harmony": -1.0, "harmony_p": 1.0, "semitones": 0}))
        songs["semitones"] = songs.semitones.astype(int)
    scores = [one.reindex(songs.index).fillna(-1.0).to_numpy() for one in sound]
    ranks = ranking.ranked(scores, songs.harmony.to_numpy() if asked else None)
    songs = songs.assign(**ranks.set_index(songs.index))
    order = ["score", "standing", "track_id"]
    return songs.sort_values(order, ascending=[False, False, True], ignore_index=True)


def token_shares(tokens: dict[str, np.ndarray], by: Tokens) -> pd.DataFrame:
    """The track with the largest share of each clip's tokens.

    Returns
    -------
    DataFrame
        clip_id, track_id, share (of the clip's frames), known (share of frames that any track
        holds), p (against as many frames of control music).
    """
    rows = []
    for clip, mine in tokens.items():
        shares = by.index.token_share(mine) / mine.shape[1]
        best = int(shares.argmax())
        told = {"clip_id": clip, "track_id": by.index.tracks[best], "share": shares[best]}
        rows.append(told | {"known": shares.sum(), "shares": shares})
    made = pd.DataFrame(rows)
    made["p"] = np.nan
    if len(by.null):
        made["p"] = statistics.conformal_p(made.share, by.null.share, by.null.cluster)
    made.attrs["by_track"] = pd.Series(np.mean(list(made.pop("shares")), axis=0), by.index.tracks)
    return made


def token_null(
    tokens: dict[str, np.ndarray], clusters: pd.Series, index: TokenIndex, frames: int
) -> pd.DataFrame:
    """Largest share of a track in control music's first frames: output_id, cluster, share."""
    rows = [
        {
            "output_id": name,
            "cluster": clusters[name],
            "share": index.token_share(mine[:, :frames]).max() / min(frames, mine.shape[1]),
        }
        for name, mine in tokens.items()
        if name in clusters
    ]
    return pd.DataFrame(rows, columns=["output_id", "cluster", "share"])


def _with_tokens(songs: pd.DataFrame, shares: pd.DataFrame, clips: int) -> pd.DataFrame:
    whole = shares.attrs["by_track"] if clips and len(shares) else pd.Series(dtype=float)
    return songs.assign(token_share=songs.track_id.map(whole).astype(float))


def _tests(
    near: pd.DataFrame, null: found.Null, songs: pd.DataFrame, by: Harmony | None, encoder: str
) -> pd.DataFrame:
    """p-values of the whole file: test, view, p, smallest_p, track_id."""
    means, most = near.mean(), near.max()
    p_of_passage, smallest = null.of_passage(most.max(), len(near))
    rows = [
        {
            "test": "song",
            "view": encoder,
            "value": means.max(),
            "p": null.of_song([means.max()], len(near))[0],
            "smallest_p": null.smallest_p,
            "track_id": means.idxmax(),
        },
        {
            "test": "passage",
            "view": encoder,
            "value": most.max(),
            "p": p_of_passage,
            "smallest_p": smallest,
            "track_id": most.idxmax(),
        },
    ]
    if by is not None and songs.harmony.notna().any():
        best = songs.loc[songs.harmony.idxmax()]
        rows.append(
            {
                "test": "song",
                "view": "harmony",
                "value": best.harmony,
                "p": best.harmony_p,
                "smallest_p": 1 / (1 + len(by.whole)),
                "track_id": best.track_id,
            }
        )
    return pd.DataFrame(rows)


def verdict(tests: pd.DataFrame, songs: pd.DataFrame, null: found.Null) -> dict:
    """In one sentence: found (True, False; None where so few control tracks cannot tell), text."""
    best = songs.iloc[0]
    name = f"'{best.title}' by {best.artist}" if best.title else best.track_id
    above = tests[tests.p <= found.ALPHA]
    if above.empty and tests.smallest_p.min() > found.ALPHA:
        text = (
            f"Cannot tell: with {null.tracks} control tracks no p-value is below "
            f"{tests.smallest_p.min():.3g}. Nearest, for what it is worth: {name}."
        )
        return {"found": None, "text": text}
    if above.empty:
        text = (
            f"Nothing above chance (smallest p {tests.p.min():.3g}). Nearest all the same: {name}."
        )
        return {"found": False, "text": text}
    how = {"song": "as a whole", "passage": "in a passage"}
    told = [f"{how[row.test]} by {row.view} (p = {row.p:.3g})" for row in above.itertuples()]
    agree = above.track_id.nunique() == 1
    of = f"nearest to {name}" if agree else f"nearest tracks differ by view; first is {name}"
    return {"found": True, "text": f"Above chance {' and '.join(told)}: {of}."}


def cannot_know(searched: Searched, encoder: str) -> list[str]:
    """What an answer does not say, each in a sentence."""
    null, index = searched.nulls[encoder], searched.indexes[encoder]
    tracks = index.clips.track_id
    if searched.within is not None:
        tracks = tracks[found.masks(searched.within, index)["train"]]
    most = int(tracks.value_counts().max())
    told = [
        f"Music outside this index: {tracks.nunique()} tracks were searched, by {most} clips each "
        "at most; what is not there cannot be found, and what is there may be nearest by default.",
        "Where a resemblance comes from: a common source, a genre or a sound library looks the "
        "same; it is no proof of influence or of copying, and its absence proves neither.",
        f"How sure below p = {null.smallest_p:.3g}: {null.tracks} control tracks allow no less. "
        f"Of them {100 * null.called():.0f} % would be called above chance by {encoder}, at p <= "
        f"{found.ALPHA:g} in either test.",
        "Competition: its q takes clips for fair coins thrown one by one; clips of one file lean "
        "the same way, so that a small q of many clips is weaker than it looks.",
    ]
    return told


def _file(asked: Asked, tracks: pd.DataFrame) -> dict:
    known = tracks[tracks.sha256 == asked.sha256] if "sha256" in tracks else tracks.iloc[:0]
    told = {"path": str(asked.path), "sha256": asked.sha256, "clips": len(asked.clips)}
    told |= {"duration_s": round(asked.duration_s, 3), "in_corpus": None}
    if len(known):
        row = known.iloc[0]
        told["in_corpus"] = {"track_id": known.index[0], "title": row.title, "split": row.split}
    return told


def _songs(
    songs: pd.DataFrame,
    asked: Embeddings,
    index: Embeddings,
    null: found.Null,
    rows: np.ndarray,
    by: Harmony | None,
) -> list[dict]:
    told = _records(songs)
    for song in told[:DETAILED]:
        there = found.pairs(asked, index, song["track_id"], null)
        song["passages"] = _records(found.passages(there))
        if song["harmony"] is not None:
            place = by.gallery.place(rows, song["track_id"], song["semitones"])
            names = ("start_s", "from_s", "similarity")
            song["harmony_passage"] = {
                name: round(value, 3) for name, value in zip(names, place, strict=True)
            }
    return told


def _named(table: pd.DataFrame, tracks: pd.DataFrame) -> pd.DataFrame:
    return table.join(tracks[["title", "artist"]], on="track_id")


def _records(table: pd.DataFrame) -> list[dict]:
    """Rows as JSON has them: None for what is not known, numbers of Python."""
    return [
        {name: _plain(value) for name, value in zip(table.columns, row, strict=True)}
        for row in table.itertuples(index=False, name=None)
    ]


def _plain(value):
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return None
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, float):
        return None if np.isnan(value) else float(f"{value:.6g}")
    return value
