"""Recordings to tracks: each file decoded in full, checked, identified; then split by artist.

`probe` looks at one shard of recordings, `merge` at all shards together. A bad file never stops a
run: it is listed with the reason.
"""

import hashlib
import logging
from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np
import pandas as pd

from musical_roots import harmony, soundness
from musical_roots.corpus import duplicates, split
from musical_roots.errors import InputError

log = logging.getLogger("musical_roots")
COLUMNS = [
    "track_id",
    "group_id",
    "split",
    "artist",
    "title",
    "album",
    "licence",
    "attribution",
    "root",
    "path",
    "duration_s",
    "sample_rate",
    "channels",
    "codec",
    "loudness_lufs",
    "sha256",
    "source",
]
PROBED = [column for column in COLUMNS if column != "group_id"]
NUMERIC = {"duration_s", "sample_rate", "channels", "loudness_lufs"}
REJECTED = ["path", "reason"]


def probe(
    recordings: pd.DataFrame,
    *,
    minimum_s: float,
    maximum_s: float,
    silence_lufs: float,
    exclude: Iterable[str],
    progress: Callable[[int], object] = lambda done: None,
    pitch_classes: dict[str, np.ndarray] | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Decode, check and identify the recordings of one shard.

    Parameters
    ----------
    recordings : DataFrame
        Rows with the columns `sources.COLUMNS`.
    minimum_s, maximum_s : float
        Least and greatest length of a track in seconds.
    silence_lufs : float
        See `soundness.checked`.
    exclude : iterable of str
        Shell patterns (``*`` also matches ``/``; case does not matter) of paths that are no music
        of their own: effects, stems.
    progress : callable
        Told of every file that was looked at.
    pitch_classes : dict, optional
        Takes those of each track, for it is decoded here: track_id to float16 [rows, 12], see
        `harmony.pitch_classes`.

    Returns
    -------
    tracks : DataFrame
        Columns `PROBED`; track_id is the first 16 hex digits of the file's SHA-256; loudness is
        that of the downmix.
    rejected : DataFrame
        path (with its root) and reason.
    fingerprints : DataFrame
        track_id and fingerprint (uint32 [words], `duplicates.fingerprint`).
    """
    tracks, rejected, fingerprints = [], [], []
    patterns = [pattern.lower() for pattern in exclude]
    for recording in _text(recordings).to_dict("records"):
        path = Path(recording["root"]) / recording["path"]
        progress(1)
        try:
            if recording["problem"]:
                raise _Unfit(recording["problem"])
            for pattern in patterns:
                if fnmatchcase(recording["path"].lower(), pattern):
                    raise _Unfit(f"excluded by the pattern {pattern}")
            samples, measured = _measure(path, minimum_s, maximum_s, silence_lufs)
        except (_Unfit, InputError) as error:
            rejected.append((str(path), _reason(error, path)))
            continue
        except (OSError, MemoryError, ValueError) as error:
            rejected.append((str(path), _reason(f"cannot be read ({error})", path)))
            continue
        tracks.append(recording | measured)
        track, rate = measured["track_id"], measured["sample_rate"]
        fingerprints.append((track, duplicates.fingerprint(samples, rate)))
        if pitch_classes is not None:
            pitch_classes[track] = np.float16(harmony.pitch_classes(samples, rate))
    return (
        pd.DataFrame(tracks, columns=PROBED),
        pd.DataFrame(rejected, columns=REJECTED),
        pd.DataFrame(fingerprints, columns=["track_id", "fingerprint"]),
    )


def merge(
    tracks: Iterable[pd.DataFrame],
    rejected: Iterable[pd.DataFrame],
    fingerprints: Iterable[pd.DataFrame],
    *,
    control_share: float,
    near_duplicate_share: float,
    split_artists: bool,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Join the shards of `probe`: find duplicates, split by artist.

    An exact duplicate is rejected. Near duplicates stay, with one group_id (the smallest track_id
    among them). Artists who share a recording or a credit ("A & B") are one block, and a block is
    on one side of the split; what `sources` said of the split holds for the whole block.

    Parameters
    ----------
    tracks, rejected, fingerprints : iterables of DataFrame
        What `probe` gave, in any number of shards and any order.
    control_share : float
        Share of the total duration to keep out of train, in 0 to 1.
    near_duplicate_share : float
        See `duplicates.pairs`.
    split_artists : bool
        Whether a credit is taken apart: see `split.blocks`.
    seed : int
        The config's `seed`.

    Returns
    -------
    tracks : DataFrame
        Columns `COLUMNS`, sorted by path.
    rejected : DataFrame
        path and reason, sorted.

    Raises
    ------
    InputError
        If no track is left, if one block is asked for in both splits, or if there is but one block
        and a control is wanted.
    """
    rejected = _concat(rejected, REJECTED)
    tracks = _text(_concat(tracks, PROBED)).sort_values(["path", "root"], ignore_index=True)
    if tracks.empty:
        first = "; ".join(f"{row.path}: {row.reason}" for row in rejected.head(1).itertuples())
        raise InputError(
            f"corpus: no usable recording ({len(rejected)} rejected; {first or 'none found'}); "
            "mend the sources in the config"
        )
    heard = _concat(fingerprints, ["track_id", "fingerprint"])
    heard = dict(zip(heard["track_id"], heard["fingerprint"], strict=True))
    near = duplicates.pairs(
        {track: np.asarray(heard[track], np.uint32) for track in set(tracks["track_id"])},
        near_duplicate_share,
    )
    links = list(zip(near["track_a"], near["track_b"], strict=True))
    groups = duplicates.groups(tracks["track_id"].unique().tolist(), links)
    tracks["group_id"] = tracks["track_id"].map(groups)
    tracks["split"] = split.splits(tracks, control_share, seed, split_artists)

    again = tracks.duplicated("sha256")
    kept = tracks[~again].set_index("sha256")
    copies = pd.DataFrame(
        [
            (
                str(Path(row.root) / row.path),
                f"exact duplicate of {Path(kept.root[row.sha256]) / kept.path[row.sha256]}",
            )
            for row in tracks[again].itertuples()
        ],
        columns=REJECTED,
    )
    rejected = pd.concat([rejected, copies]).sort_values(REJECTED, ignore_index=True)
    tracks = tracks.loc[~again, COLUMNS].reset_index(drop=True)
    split.tell(tracks)
    return tracks, rejected


class _Unfit(Exception):
    """Why one recording is not taken."""


def _measure(
    path: Path, minimum_s: float, maximum_s: float, silence_lufs: float
) -> tuple[np.ndarray, dict]:
    sound = soundness.recording(path, minimum_s, maximum_s, silence_lufs)
    if sound.note:
        log.info("%s: %s", path, sound.note)
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return sound.audio, {
        "track_id": digest[:16],
        "sha256": digest,
        "duration_s": round(len(sound.audio) / sound.sample_rate, 6),
        "sample_rate": sound.sample_rate,
        "channels": sound.channels,
        "codec": sound.codec,
        "loudness_lufs": round(sound.loudness_lufs, 2),
    }


def _reason(error: Exception | str, path: Path) -> str:
    """What is wrong, in one line, without the path that stands beside it."""
    return " ".join(str(error).split()).removeprefix(" ".join(f"{path}:".split())).strip()


def _concat(shards: Iterable[pd.DataFrame], columns: list[str]) -> pd.DataFrame:
    shards = [shard for shard in shards if len(shard)]
    return (
        pd.concat(shards, ignore_index=True)[columns] if shards else pd.DataFrame(columns=columns)
    )


def _text(table: pd.DataFrame) -> pd.DataFrame:
    """Text as text: a column with nothing in it is read back from CSV as missing numbers."""
    text = [column for column in table if column not in NUMERIC]
    return table.assign(**{column: table[column].fillna("").astype(str) for column in text})
