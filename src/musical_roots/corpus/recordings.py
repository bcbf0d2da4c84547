"""Recordings of a corpus as audio in memory, for what is trained on them."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from musical_roots.audio import read
from musical_roots.seeding import rng

EXCERPT_S, EXCERPTS = 90.0, 500  # of so many tracks at most


def by_split(
    tracks: pd.DataFrame, sample_rate: int, progress: Callable[[int], object] = lambda done: None
) -> dict[str, dict[str, np.ndarray]]:
    """All tracks, whole.

    Parameters
    ----------
    tracks : DataFrame
        root, path, track_id, split.
    sample_rate : int
        Hz to resample to.
    progress : callable
        Told of every track.

    Returns
    -------
    dict
        "train" and "control": track_id -> float32 [samples].
    """
    heard: dict[str, dict[str, np.ndarray]] = {"train": {}, "control": {}}
    for row in tracks.itertuples():
        heard[row.split][row.track_id], _ = read(Path(row.root) / row.path, sample_rate)
        progress(1)
    return heard


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
