"""Audio files that are asked after: their clips, and how a study's encoders and codec hear them.

Encoders and codec work side by side in processes: what is slow is arithmetic in one thread.
"""

import hashlib
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from musical_roots import audio, embed, folders, soundness
from musical_roots.corpus.clips import clip_id
from musical_roots.encoders.base import Encoder
from musical_roots.errors import InputError
from musical_roots.generate import coarsest_tokens
from musical_roots.generators.base import Generator, load
from musical_roots.tables import Embeddings
from musical_roots.trace.study import Finished

SHORTEST_S = 0.5  # less is filled up with more silence than it has sound
LAST_S = 1.0  # so much that is left over at the end gets a clip of its own
PART = 24  # clips a task
LOADED: dict[tuple[str, str], Encoder | Generator] = {}


@dataclass(frozen=True)
class Asked:
    """A file that is asked after.

    Attributes
    ----------
    path : Path
    duration_s : float
    clips : DataFrame
        A clip list; silent places are left out.
    sha256 : str
    """

    path: Path
    duration_s: float
    clips: pd.DataFrame
    sha256: str


def files(paths: list[Path]) -> tuple[list[Path], list[dict]]:
    """Files as they are named, and all audio files in folders that are, in order.

    Returns
    -------
    files : list of Path
    rejected : list of dict
        path, reason: what looks like audio in a folder, and cannot be read.

    Raises
    ------
    InputError
        If a path is missing, or a folder holds no audio.
    """
    found, rejected = [], []
    for path in paths:
        if not path.exists():
            raise InputError(f"{path}: no such file or folder; mend the path")
        if not path.is_dir():
            found.append(path)
            continue
        inside, problems = folders.audio_files(path)
        if not inside and not problems:
            raise InputError(f"{path}: no audio files in this folder; name one that has some")
        found += [path / name for name in inside]
        for name, reason in problems.items():
            listed = folders.as_listed(str(path / name))
            rejected.append({"path": listed, "reason": f"{listed}: {reason}"})
    return list(dict.fromkeys(found)), rejected


def cut(path: Path, duration_s: float, silence_lufs: float, hop_s: float | None = None) -> Asked:
    """Clips of a file, one after the other.

    Parameters
    ----------
    path : Path
    duration_s : float
        Of a clip. A file that is shorter is one clip, with silence after it.
    silence_lufs : float
        The study's; clips whose RMS is not above it, in dB re full scale, are left out.
    hop_s : float, optional
        From one start to the next; a clip's length if not given.

    Raises
    ------
    InputError
        If it is no file, cannot be decoded, is shorter than `SHORTEST_S`, silent, or of no sound
        that can be used.
    """
    if folders.as_listed(str(path)) != str(path):
        raise InputError(f"{folders.as_listed(str(path))}: its name is not valid UTF-8; rename it")
    if path.is_dir():
        raise InputError(f"{path}: a folder; name one file")
    if not folders.is_file(path):
        raise InputError(f"{path}: no such file, or a pipe or device; name a file")
    decoded = audio.decode(path)
    rate = decoded.sample_rate
    length_s = len(decoded.samples) / rate
    if length_s < SHORTEST_S:
        raise InputError(
            f"{path}: {length_s:.2f} s of audio, too short to compare; give {SHORTEST_S} s or more"
        )
    samples, loud = soundness.downmixed(path, decoded.samples, rate), []
    for start in starts(length_s, duration_s, hop_s or duration_s):
        first = round(start * rate)
        level = audio.rms(samples[first : first + round(duration_s * rate)])
        if level > 10 ** (silence_lufs / 20):
            loud.append(start)
    if not loud:
        raise InputError(f"{path}: silent throughout; give a recording that can be heard")
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    clips = pd.DataFrame({"start_s": loud})
    clips["clip_id"] = [clip_id(sha256[:16], start, duration_s, "trace") for start in loud]
    clips = clips.assign(path=str(path), duration_s=float(duration_s), track_id=sha256[:16])
    return Asked(path, length_s, clips.assign(group_id=sha256[:16], split=""), sha256)


def starts(length_s: float, duration_s: float, hop_s: float) -> list[float]:
    """Where clips of a file of some length start, in seconds: the last may overlap the one before.

    Examples
    --------
    >>> starts(7.5, 3.0, 3.0)
    [0.0, 3.0, 4.5]
    >>> starts(2.0, 3.0, 3.0)
    [0.0]
    """
    if length_s <= duration_s:
        return [0.0]
    count = int((length_s - duration_s) / hop_s + 1e-9) + 1
    found = [round(index * hop_s, 3) for index in range(count)]
    left = length_s - found[-1] - duration_s
    if left >= LAST_S:
        found.append(int((length_s - duration_s) * 1000) / 1000)
    return found


@dataclass(frozen=True)
class Heard:
    """Clips as encoders and a codec hear them.

    Attributes
    ----------
    vectors : dict of str to Embeddings
        Encoder -> unit vectors, in the order of the clips.
    tokens : dict of str to ndarray
        clip_id -> the coarsest tokens; empty where no codec was asked.
    """

    vectors: dict[str, Embeddings]
    tokens: dict[str, np.ndarray]


@contextmanager
def hearing(
    clips: pd.DataFrame, study: Finished, encoders: list[str], generator: str | None, jobs: int
) -> Iterator[Callable[[Callable[[int], object]], Heard]]:
    """A study's encoders, and a generator's codec, at work while something else is done.

    Parameters
    ----------
    clips : DataFrame
        Clip lists of one or more files.
    study : Finished
    encoders : list of str
    generator : str or None
        Whose codec makes tokens.
    jobs : int
        Processes; with 1, all is done in this one, when it is asked for.

    Yields
    ------
    callable
        Gives what they hear when all are done; it is given a callable that is told how many clips
        one encoder, or the codec, was done with.
    """
    parts = [clips.iloc[at : at + PART] for at in range(0, len(clips), PART)]
    # the codec first: its process imports most
    tasks = [(_tokens, generator, part) for part in parts if generator]
    tasks += [(_features, name, part) for name in encoders for part in parts]
    fork = get_context("fork")
    with ProcessPoolExecutor(jobs, fork, _one_thread) if jobs > 1 else nullcontext() as pool:
        waiting = [(name, part, _task(pool, do, study, name, part)) for do, name, part in tasks]

        def heard(progress: Callable[[int], object] = lambda done: None) -> Heard:
            found, tokens = {name: [] for name in encoders}, {}
            for name, part, result in waiting:
                made = result()
                if isinstance(made, dict):
                    tokens |= made
                else:
                    found[name].append(made)
                progress(len(part))
            joined = {name: _joined(study, name, clips, found[name]) for name in encoders}
            return Heard(joined, tokens)

        yield heard


def _one_thread() -> None:
    os.environ["OMP_NUM_THREADS"] = "1"  # of torch, which is not imported yet
    threadpool_limits(1)


def _task(pool: Executor | None, do: Callable, *words) -> Callable:
    return pool.submit(do, *words).result if pool else lambda: do(*words)


def _kept(study: Finished, name: str, make: Callable) -> Encoder | Generator:
    """A model of a study, loaded once a process: it is asked part by part."""
    key = (str(study.folder), name)
    if key not in LOADED:
        LOADED[key] = make()
    return LOADED[key]


def _features(study: Finished, name: str, clips: pd.DataFrame) -> tuple[np.ndarray, dict]:
    encoder = _kept(study, name, lambda: study.encoder(name))
    return embed.encode(clips, encoder), embed.made_by(encoder, clips)


def _tokens(study: Finished, name: str, clips: pd.DataFrame) -> dict[str, np.ndarray]:
    generator = _kept(study, name, lambda: load(name, study.checkpoints(name), "cpu"))
    return coarsest_tokens(clips, generator)


def _joined(study: Finished, name: str, clips: pd.DataFrame, parts: list) -> Embeddings:
    told = parts[0][1]
    vectors = study.vectors(name, np.concatenate([part for part, _ in parts]), told["fingerprint"])
    rows = embed.heard(clips.reset_index(drop=True), told)
    dim = vectors.shape[1]
    about = told | {"dim": dim, "fingerprint": study.corpus(name).provenance["fingerprint"]}
    return Embeddings(rows, [vectors], about)
