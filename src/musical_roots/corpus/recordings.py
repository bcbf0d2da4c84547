"""Recordings of a corpus as audio in memory, for what is trained on them."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from musical_roots.audio import read
from musical_roots.seeding import rng

EXCERPT_S, EXCERPTS = 90.0, 500  # of so many tracks at most


def whole(
    tracks: pd.DataFrame, sample_rate: int, progress: Callable[[int], object] = lambda done: None
) -> Iterator[tuple[str, np.ndarray]]:
    """Each track from start to end.

    Parameters
    ----------
    tracks : DataFrame
        root, path, track_id.
    sample_rate : int
        Hz to resample to.
    progress : callable
        Told of every track.

    Yields
    ------
    track_id : str
    audio : ndarray, float32 [samples]
    """
    for row in tracks.itertuples():
        yield row.track_id, read(Path(row.root) / row.path, sample_rate)[0]
        progress(1)


def splits(
    tracks: pd.DataFrame, sample_rate: int, progress: Callable[[int], object] = lambda done: None
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """The tracks of train and those of control, each from start to end.

    Parameters
    ----------
    tracks : DataFrame
        root, path, track_id, split.
    sample_rate, progress
        As of `whole`.

    Returns
    -------
    train, control : dict of str to ndarray, float32 [samples]
        track_id to audio.
    """
    train, control = (tracks[tracks.split == split] for split in ("train", "control"))
    return tuple(dict(whole(part, sample_rate, progress)) for part in (train, control))


def excerpts(tracks: pd.DataFrame, sample_rate: int, seed: int) -> Iterator[np.ndarray]:
    """One excerpt of `EXCERPT_S` each, or the whole of a shorter track, of `EXCERPTS` at most.

    Parameters
    ----------
    tracks : DataFrame
        root, path, track_id, duration_s.
    sample_rate : int
        Hz to resample to.
    seed : int
        The config's seed: it draws tracks and places.

    Yields
    ------
    ndarray, float32 [samples]
    """
    tracks = tracks.sort_values("track_id")
    order = rng(seed, "openvamp.excerpts").permutation(len(tracks))[:EXCERPTS]
    for row in tracks.iloc[sorted(order)].itertuples():
        room = max(0.0, row.duration_s - EXCERPT_S)
        start_s = room * rng(seed, "openvamp.excerpt", row.track_id).random()
        yield read(Path(row.root) / row.path, sample_rate, start_s, EXCERPT_S)[0]
