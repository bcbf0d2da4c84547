"""Which notes sound together, whatever plays them: for remakes, which no encoder here was made for.

A recording becomes a row of pitch classes every half second. Windows of `WINDOW` rows, four and a
half seconds, are compared in all twelve keys: of each window of a file the most similar window of a
track counts, in one key for the whole file. The mean over the most similar quarter of a file's
windows is the track's similarity: a remake has parts of its own, too.

References
----------
Müller, "Fundamentals of Music Processing", 2015, chapter 3 (pitch classes).
Serrà, Gómez, Herrera, Serra, "Chroma binary similarity and local alignment applied to cover song
identification", IEEE TASLP 2008 (windows of several rows; keys).
"""

from collections.abc import Callable
from functools import cache

import numpy as np
import pandas as pd

from musical_roots import audio, mel
from musical_roots.seeding import rng

RATE, N_FFT, HOP = 11_025, 4096, 1024
LOWEST_HZ, PITCHES = 55.0, 75  # A1 and six octaves
AROUND = 6  # semitones to either side whose mean is taken for noise
FRAMES = 6  # spectra a row
ROW_S = FRAMES * HOP / RATE
WINDOW, STEP = 8, 4  # rows a window, and from one of a file's windows to the next
KEYS = 12
SHARE = 0.25  # of a file's windows: the most similar ones
SILENT = 1e-8  # of a pitch's power
NULL_TRACKS = 200  # of control music, at most: a p-value below 1/201 is not asked for


@cache
def _filters() -> np.ndarray:
    """Triangles a semitone to either side of each pitch: float32 [bins, PITCHES]."""
    hertz = np.fft.rfftfreq(N_FFT, 1 / RATE)
    centres = LOWEST_HZ * 2.0 ** (np.arange(PITCHES) / 12)
    apart = 12 * np.log2(np.maximum(hertz, 1)[:, None] / centres)
    filters = np.maximum(0, 1 - np.abs(apart))
    narrow = filters.sum(axis=0) < 0.5  # between two bins
    filters[:, narrow] = 0
    filters[np.abs(hertz[:, None] - centres[narrow]).argmin(axis=0), narrow] = 1
    return filters.astype(np.float32)


def pitch_classes(samples: np.ndarray, sample_rate: int) -> np.ndarray:
    """How much each pitch class stands out, every half second.

    Parameters
    ----------
    samples : ndarray, float32 [samples]
    sample_rate : int
        Hz.

    Returns
    -------
    ndarray, float32 [rows, 12]
        From A on; rows of unit length and mean 0, or of zeros where nothing stands out. Recordings
        of less than `ROW_S` have none.
    """
    heard = audio.resample(np.asarray(samples, np.float32), sample_rate, RATE)
    heard = np.pad(heard, (0, max(0, N_FFT - len(heard))))
    power = mel.power(heard, N_FFT, HOP) @ _filters()
    power = power[: len(power) // FRAMES * FRAMES].reshape(-1, 2, PITCHES).mean(axis=1)
    level = np.log10(power + SILENT)
    padded = np.pad(level, ((0, 0), (AROUND, AROUND)), mode="edge")
    sums = np.cumsum(np.pad(padded, ((0, 0), (1, 0))), axis=1)
    width = 2 * AROUND + 1
    peaks = np.maximum(level - (sums[:, width:] - sums[:, :-width]) / width, 0)
    classes = np.stack([peaks[:, note::12].sum(axis=1) for note in range(12)], axis=1)
    rows = classes.reshape(-1, FRAMES // 2, 12).mean(axis=1)
    rows -= rows.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.where(lengths > 1e-6, rows / np.maximum(lengths, 1e-6), 0).astype(np.float32)


def windows(rows: np.ndarray) -> np.ndarray:
    """Windows of `WINDOW` rows: float32 [rows, 12] -> [windows, WINDOW * 12]; one at least."""
    rows = np.pad(rows, ((0, max(0, WINDOW - len(rows))), (0, 0)))
    count = len(rows) - WINDOW + 1
    parts = [rows[first : first + count] for first in range(WINDOW)]
    return np.concatenate(parts, axis=1) / np.float32(np.sqrt(WINDOW))


def of_splits(
    rows: dict[str, np.ndarray], split: pd.Series
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Pitch classes of the train and of the control tracks, of those of all that were read.

    Parameters
    ----------
    rows : dict of str to ndarray
        track_id to `pitch_classes`; a track without any is in neither.
    split : Series
        track_id to train or control.
    """
    train, control = (
        {track: heard for track, heard in rows.items() if split.get(track) == name}
        for name in ("train", "control")
    )
    return train, control


class Gallery:
    """Tracks that are searched by their harmony.

    Parameters
    ----------
    tracks : dict of str to ndarray, [rows, 12]
        track_id -> `pitch_classes`.
    """

    def __init__(self, tracks: dict[str, np.ndarray]):
        self.rows, self.tracks = tracks, list(tracks)

    def similar(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """How similar a file is to each track, and in which key.

        Parameters
        ----------
        rows : ndarray, [rows, 12]
            Of the file.

        Returns
        -------
        similarity : ndarray, float64 [tracks]
            In [-1, 1].
        semitones : ndarray, int [tracks]
            By which the file lies above the track: from -5 to 6.
        """
        rows = np.float32(rows)
        asked = [windows(np.roll(rows, -key, axis=1))[::STEP] for key in range(KEYS)]
        asked, found = np.concatenate(asked), []
        for track in self.tracks:
            best = (asked @ windows(np.float32(self.rows[track])).T).max(axis=1)
            best = np.sort(best.reshape(KEYS, -1), axis=1)
            found.append(best[:, -max(1, int(SHARE * best.shape[1])) :].mean(axis=1))
        by_key = np.array(found)
        key = by_key.argmax(axis=1)
        return by_key.max(axis=1), np.where(key > KEYS // 2, key - KEYS, key)

    def place(self, rows: np.ndarray, track: str, semitones: int) -> tuple[float, float, float]:
        """Where a file is most similar to a track, in one key.

        Returns
        -------
        start_s, from_s : float
            Of the window of the file, and of that of the track.
        similarity : float
        """
        asked = windows(np.roll(np.float32(rows), -semitones, axis=1))
        cosines = asked @ windows(np.float32(self.rows[track])).T
        mine, theirs = np.unravel_index(cosines.argmax(), cosines.shape)
        return float(mine * ROW_S), float(theirs * ROW_S), float(cosines[mine, theirs])


def null(
    control: dict[str, np.ndarray],
    gallery: Gallery,
    seed: int,
    progress: Callable[[int], object] = lambda done: None,
    rows: int | None = None,
) -> pd.DataFrame:
    """How similar control tracks are to the track that is most similar to each.

    The fewer windows a recording has, the fewer are its most similar quarter: what is shorter than
    control tracks is held against parts of them.

    Parameters
    ----------
    control : dict of str to ndarray, [rows, 12]
        track_id -> `pitch_classes`; `NULL_TRACKS` at most are drawn.
    gallery : Gallery
    seed : int
    progress : callable
        Told of every track.
    rows : int, optional
        So many rows of each track are asked after, from a place drawn by the seed; all, if not
        given.

    Returns
    -------
    DataFrame
        track_id, similarity.
    """
    tracks = sorted(control, key=lambda track: rng(seed, "trace.null", track).random())
    tracks = sorted(tracks[:NULL_TRACKS])
    found = []
    for track in tracks:
        left = len(control[track]) - (len(control[track]) if rows is None else rows)
        start = rng(seed, "trace.part", track).integers(max(0, left) + 1)
        found.append(gallery.similar(control[track][start:][:rows])[0].max())
        progress(1)
    return pd.DataFrame({"track_id": tracks, "similarity": np.array(found, float)})
