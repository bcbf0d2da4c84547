"""Clips that went through a generator's codec: clip sets like any other.

All that a generator makes has gone through its codec, and the recordings that it learned from have
not: an encoder that hears the codec takes a copy for something else. Where these have gone through
it, too, the two can be compared. Each clip goes by itself, so that any generator's `reconstruct`
serves.
"""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
from soundfile import SoundFile

from musical_roots import audio
from musical_roots.corpus.clips import clip_id
from musical_roots.generate import EVERY_CODEBOOK
from musical_roots.generators.base import Generator
from musical_roots.seeding import rng

COLUMNS = [
    *("clip_id", "track_id", "group_id", "split", "role", "path", "start_s", "duration_s"),
    *("transform", "generator", "parent_clip_id"),
]


def choose(clips: pd.DataFrame, first: pd.DataFrame, per_track: int, seed: int) -> pd.DataFrame:
    """Some clips of each track.

    Parameters
    ----------
    clips : DataFrame
        A clip list, of whole tracks.
    first : DataFrame
        A clip list: of a track's clips, those in it are chosen before others.
    per_track : int
        Clips of a track, at most. More of them are those of fewer, and others.
    seed : int
        The config's seed.

    Returns
    -------
    DataFrame
        Rows of `clips`, in their order.
    """
    order = pd.DataFrame(
        {
            "track": clips.track_id,
            "later": ~clips.clip_id.isin(first.clip_id),
            "draw": [rng(seed, "coded.choose", name).random() for name in clips.clip_id],
        }
    ).sort_values(["later", "draw"])
    return clips[order.groupby("track").cumcount().reindex(clips.index) < per_track]


def part(clips: pd.DataFrame, shard: int, shards: int) -> pd.DataFrame:
    """The clips of one part of the tracks, which are dealt out in order."""
    tracks = sorted(set(clips.track_id))[shard::shards]
    return clips[clips.track_id.isin(tracks)]


def plan(clips: pd.DataFrame, generator: str) -> pd.DataFrame:
    """Clip list of clips after a codec, whose path and start_s are blank: they are rendered later.

    Parameters
    ----------
    clips : DataFrame
        A clip list of recordings.
    generator : str
        What results call the one whose codec it is. The ids hang on it, and not on its weights.

    Returns
    -------
    DataFrame
        `COLUMNS`, row by row: role is "coded", parent_clip_id the clip as it was.
    """
    ids = [
        clip_id(row.track_id, row.start_s, row.duration_s, f"coded {generator}")
        for row in clips.itertuples()
    ]
    made = clips.assign(
        clip_id=ids, role="coded", transform="codec", generator=generator, path="", start_s=0.0
    )
    return made.assign(parent_clip_id=clips.clip_id)[COLUMNS].reset_index(drop=True)


def render(
    clips: pd.DataFrame,
    generator: Generator,
    folder: Path,
    progress: Callable[[int], object] = lambda done: None,
) -> pd.DataFrame:
    """Send clips through a generator's codec, one WAV file a track, one clip after the other in it.

    Parameters
    ----------
    clips : DataFrame
        A clip list of recordings.
    generator : Generator
    folder : Path
        Where the audio goes, at the generator's sample rate.
    progress : callable
        Told of every clip.

    Returns
    -------
    DataFrame
        Of `plan`, with path and start_s: a clip list like any other.

    Raises
    ------
    InputError
        If a recording cannot be read.
    """
    folder.mkdir(parents=True, exist_ok=True)
    clips, rate = clips.reset_index(drop=True), generator.sample_rate
    starts = pd.Series(0.0, index=clips.index)
    paths = clips.track_id.map(lambda track: str(folder / f"{track}.wav"))
    for path, rows in clips.groupby(paths, sort=False):
        with SoundFile(path, "w", rate, 1, "FLOAT") as file:
            for row in rows.itertuples():
                heard, _ = audio.read(row.path, rate, row.start_s, row.duration_s)
                starts[row.Index] = file.tell() / rate
                file.write(generator.reconstruct(heard, EVERY_CODEBOOK))
                progress(1)
    return plan(clips, generator.label).assign(path=paths, start_s=starts)
