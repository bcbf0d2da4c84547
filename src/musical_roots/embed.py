"""Clip list -> raw features: `encode` runs the encoder, the dear part.

Whatever is in a clip list goes the same way, and then through `unit_vectors.py`.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd

from musical_roots.arrays import read_array, write_array, write_json
from musical_roots.encoders.base import Encoder
from musical_roots.errors import InputError


def encode(
    clips: pd.DataFrame,
    encoder: Encoder,
    batch_size: int | None = None,
    progress: Callable[[int], object] = lambda done: None,
    unheard: list[dict] | None = None,
) -> np.ndarray:
    """Raw features of every clip in a list.

    The next batch is decoded and resampled in a second thread while the encoder works on this one.

    Parameters
    ----------
    clips : DataFrame
        A clip list: path, start_s, duration_s.
    encoder : Encoder
    batch_size : int, optional
        Clips a batch, instead of what suits the encoder's device; changes speed alone.
    progress : callable
        Told how many clips were done after each batch.
    unheard : list, optional
        Takes what cannot be heard, one dict a clip: clip_id, why. Its features are NaN, and the
        rest goes on. Without it, the first such clip is an error.

    Returns
    -------
    ndarray, float32 [len(clips), encoder.dim]

    Raises
    ------
    InputError
        If a clip's file is gone or cannot be decoded, or its features are not finite; with
        `unheard`, if that is so of every clip.
    """
    features = np.empty((len(clips), encoder.dim), dtype=np.float32)
    done, wrong = 0, {}
    for batch, bad in _decoded_ahead(
        clips, encoder.sample_rate, batch_size or encoder.batch_size()
    ):
        features[done : done + len(batch)] = _in_memory(encoder, batch)
        wrong |= {done + row: why for row, why in bad.items()}
        if unheard is None and wrong:
            raise InputError(next(iter(wrong.values())))
        done += len(batch)
        progress(len(batch))
    features[list(wrong)] = np.nan
    for row in np.flatnonzero(~np.isfinite(features).all(axis=1)):
        clip = clips.iloc[row]
        told = f"{clip.path} at {clip.start_s} s: {encoder.name} gives features that are not finite"
        wrong.setdefault(int(row), f"{told}; remove the recording or look at its samples")
    if wrong and (unheard is None or len(wrong) == len(clips)):
        raise InputError(wrong[min(wrong)])
    if wrong:
        features[list(wrong)] = np.nan
        unheard += [
            {"clip_id": clips.clip_id.iloc[row], "why": wrong[row]} for row in sorted(wrong)
        ]
    return features


def made_by(encoder: Encoder, clips: pd.DataFrame) -> dict:
    """What made the features of a clip list: the sidecar of a features file.

    ``heard_s`` says for each length of clip which part of it the encoder hears: (first second,
    number of seconds). ``features`` says which layer's they are, where the encoder leaves the
    choice.
    """
    rate = encoder.sample_rate
    heard_s = {
        str(duration): [round(part / rate, 6) for part in encoder.span(round(duration * rate))]
        for duration in sorted(set(clips.duration_s))
    }
    return {
        "encoder": encoder.label,
        "fingerprint": encoder.fingerprint,
        "standardise": encoder.standardise,
        "seed": encoder.settings.seed,
        "device": encoder.settings.device,
        "precision": encoder.settings.precision,
        "heard_s": heard_s,
    } | ({"features": encoder.features} if encoder.features else {})


def made_from(clips: pd.DataFrame, code: str) -> str:
    """Digest of the clips and the code that features are made from; "" if no code is named."""
    told = [code, *(f"{row.clip_id} {row.duration_s}" for row in clips.itertuples())]
    return hashlib.sha256("\n".join(told).encode()).hexdigest() if code else ""


def kept(features: Path, made_by: dict) -> bool:
    """Whether features from an earlier run are those that would be made now; if so, they are new.

    They are where clips, code, weights and settings are the same, the file is as it was written,
    and every clip was heard.
    """
    sidecar = features.with_suffix(".json")
    try:
        theirs = json.loads(sidecar.read_text(encoding="utf-8"))
        vectors = read_array(features)
    except (OSError, ValueError, InputError):
        return False
    same = made_by["made_from"] and made_by | {"sha256": sha256(vectors)} == theirs
    for path in (sidecar, features) if same else ():
        path.touch()  # later than what it was made from
    return bool(same)


def write_features(path: Path, features: np.ndarray, made_by: dict, unheard: list[dict]) -> None:
    """Write features and their sidecar, which says what was not heard, if there is any."""
    write_array(features, path)
    told = made_by | {"sha256": sha256(features)} | ({"unheard": unheard} if unheard else {})
    write_json(told, path.with_suffix(".json"))


def sha256(array: np.ndarray) -> str:
    """Digest of an array's bytes."""
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


def heard(clips: pd.DataFrame, made_by: dict) -> pd.DataFrame:
    """A clip list with the span of its file that was really heard: heard_start_s, heard_s."""
    spans = [made_by["heard_s"][str(duration)] for duration in clips.duration_s]
    firsts, lengths = np.array(spans, dtype=float).reshape(-1, 2).T
    return clips.assign(heard_start_s=(clips.start_s + firsts).round(6), heard_s=lengths)


def _in_memory(encoder: Encoder, batch: np.ndarray) -> np.ndarray:
    """Features of a batch, in halves where the whole of it is too much for the device."""
    try:
        return encoder.encode(batch)
    except RuntimeError as error:  # torch.OutOfMemoryError is one
        if "out of memory" not in str(error) or len(batch) < 2:
            raise
    half = len(batch) // 2
    return np.concatenate([_in_memory(encoder, batch[:half]), _in_memory(encoder, batch[half:])])


def _decoded_ahead(
    clips: pd.DataFrame, sample_rate: int, batch_size: int
) -> Iterator[tuple[np.ndarray, dict[int, str]]]:
    """Batches of decoded clips, float32 [n, samples], one batch ahead of the consumer.

    With each, which rows cannot be read, and why: they are silence.
    """
    from musical_roots import audio  # which takes a while, and lists of shards have no use for

    def decode(first: int) -> tuple[np.ndarray, dict[int, str]]:
        part, bad = clips.iloc[first : first + batch_size], {}
        rows = zip(part.path, part.start_s, part.duration_s, strict=True)
        read = []
        for row, (path, start_s, duration_s) in enumerate(rows):
            try:
                read.append(audio.read(path, sample_rate, start_s, duration_s)[0])
            except InputError as error:
                bad[row] = str(error)
                read.append(np.zeros(round(duration_s * sample_rate), np.float32))
        return np.stack(read), bad

    with ThreadPoolExecutor(max_workers=1) as pool:
        ahead = None
        for first in range(0, len(clips), batch_size):
            current = ahead or pool.submit(decode, first)
            following = first + batch_size
            ahead = pool.submit(decode, following) if following < len(clips) else None
            yield current.result()


def shard_list(shards: Iterable[Path]) -> pd.DataFrame:
    """What a search through many shards waits for, in the place of them all: one row a shard.

    Parameters
    ----------
    shards : iterable of Path
        Their ``.npy`` files.

    Returns
    -------
    DataFrame
        path, clips, bytes of the vectors, and the SHA-256 of vectors, clips and provenance: a list
        changes when a shard does.

    Raises
    ------
    InputError
        If a shard cannot be read.
    """
    return pd.DataFrame(
        [_row(shard) for shard in shards], columns=["path", "clips", "bytes", "sha256"]
    )


def _row(shard: Path) -> dict:
    told = hashlib.sha256()
    try:
        for suffix in (".npy", ".parquet", ".json"):
            with shard.with_suffix(suffix).open("rb") as file:
                told.update(hashlib.file_digest(file, "sha256").digest())
        clips = len(read_array(shard, mapped=True))
    except OSError as error:
        raise InputError(
            f"{shard}: not a readable shard ({error}); delete it and run again"
        ) from error
    size = shard.stat().st_size
    return {"path": str(shard), "clips": clips, "bytes": size, "sha256": told.hexdigest()}
