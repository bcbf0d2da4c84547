"""Tracks to clips: a grid over each track, without its silent places."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from musical_roots import audio
from musical_roots.errors import InputError
from musical_roots.seeding import rng

COLUMNS = [
    "clip_id",
    "track_id",
    "group_id",
    "split",
    "role",
    "path",
    "start_s",
    "duration_s",
    "loudness_lufs",
]


def cut(
    tracks: pd.DataFrame,
    *,
    duration_s: float,
    hop_s: float,
    silence_lufs: float,
    per_track: int,
    seed: int,
    progress: Callable[[int], object] = lambda done: None,
) -> pd.DataFrame:
    """Clip list of tracks.

    Parameters
    ----------
    tracks : DataFrame
        Rows of `tracks.merge`; any part of them gives its part of the clips.
    duration_s, hop_s : float
        Length of a clip (0.5 s or more: loudness is not defined for less) and distance between
        the starts of two, in seconds. A clip that the track ends in is dropped.
    silence_lufs : float
        Clips that are not louder than this are dropped.
    per_track : int
        At most so many clips a track, drawn at random.
    seed : int
        The config's `seed`.
    progress : callable
        Told of every track that was cut.

    Returns
    -------
    DataFrame
        One row a clip, with the columns `COLUMNS`: role is the split; start_s and duration_s are
        whole milliseconds; sorted by track and start.

    Raises
    ------
    InputError
        If a track cannot be read any more, or the grid is not possible.
    """
    if duration_s < 0.5 or hop_s <= 0:
        raise InputError(
            f"clips of {duration_s} s every {hop_s} s: let clips.duration_s be 0.5 s or more, and "
            "clips.hop_s more than 0"
        )
    rows = []
    for track in tracks.sort_values("track_id").to_dict("records"):
        path = Path(track["root"]) / track["path"]
        samples, rate = audio.read(path)
        progress(1)
        length = round(duration_s * rate)
        count = int((len(samples) / rate - duration_s) / hop_s) + 2
        starts = [round(index * hop_s, 3) for index in range(max(0, count))]
        starts = [start for start in starts if round(start * rate) + length <= len(samples)]
        # in a drawn order, so that only as many are measured as are kept
        order = rng(seed, "clips", track["track_id"]).permutation(len(starts))
        kept = []
        for start in (starts[index] for index in order):
            if len(kept) == per_track:
                break
            first = round(start * rate)
            loudness = audio.loudness(samples[first : first + length], rate)
            if loudness > silence_lufs:
                kept.append((start, round(loudness, 2)))
        rows += [
            {
                "clip_id": clip_id(track["track_id"], start, duration_s),
                "track_id": track["track_id"],
                "group_id": track["group_id"],
                "split": track["split"],
                "role": track["split"],
                "path": str(path),
                "start_s": start,
                "duration_s": float(duration_s),
                "loudness_lufs": loudness,
            }
            for start, loudness in sorted(kept)
        ]
    return pd.DataFrame(rows, columns=COLUMNS)


def in_part(track_ids: pd.Series, part: int, parts: int) -> pd.Series:
    """Which tracks are in a part: by their own name, so that one more moves no other.

    Parameters
    ----------
    track_ids : Series of str
        16 hex digits each.
    part, parts : int
        Which, from 0, of how many.
    """
    return track_ids.map(lambda track: int(track, 16) % parts == part).astype(bool)


def clip_id(track_id: str, start_s: float, duration_s: float, transform: str = "") -> str:
    """Name of a clip by what it holds, never by where it stands: 16 hex digits.

    Parameters
    ----------
    track_id : str
        16 hex digits of the file's SHA-256.
    start_s, duration_s : float
        Seconds; counted in whole milliseconds.
    transform : str
        What was done to the audio, such as ``"noise:10"``; empty for nothing.
    """
    parts = (track_id, str(round(start_s * 1000)), str(round(duration_s * 1000)), transform)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
