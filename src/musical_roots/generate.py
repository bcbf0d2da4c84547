"""Prompts -> vamps, with the provenance of every vamp -> clip lists like any other.

A vamp's files are named by a hash of all that it depends on. So a run that was killed goes on where
it was, and a change of weights or settings never meets an old file. Its id hangs on what was asked
for alone, and not on weights or code: what is drawn by ids is drawn alike on any machine.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd

from musical_roots import audio
from musical_roots.arrays import read_arrays, write_arrays
from musical_roots.corpus.clips import clip_id
from musical_roots.errors import InputError
from musical_roots.generators.base import Generator, Vamp, VampSettings
from musical_roots.prompts import of_prompt
from musical_roots.seeding import rng

EVERY_CODEBOOK = 99  # more than any codec has
COARSEST = 4  # codebooks of which tokens are kept for looking up
CLIP_COLUMNS = [
    *("clip_id", "track_id", "group_id", "split", "role", "path", "start_s", "duration_s"),
    *("parent_clip_id", "output_id", "setting"),
]


def plan(
    prompts: pd.DataFrame,
    generator: Generator,
    settings: dict[str, VampSettings],
    seed: int,
    vamps_per_prompt: int,
) -> pd.DataFrame:
    """The vamps to make: some a prompt and setting, with all that each depends on.

    The seed of a vamp does not hang on its generator: those of two generators are pairs.

    Parameters
    ----------
    prompts : DataFrame
        Of `choose_prompts`.
    generator : Generator
    settings : dict of str to VampSettings
    seed : int
        The config's seed.
    vamps_per_prompt : int
        In each setting.

    Returns
    -------
    DataFrame
        output_id, stem (of its files), generator, fingerprint, setting, the fields of
        `VampSettings`, seed, and of the prompt: prompt_id, prompt_track_id, prompt_group_id,
        prompt_split, prompt_path, prompt_start_s, duration_s; vamp (its number, from 0, among
        those of its prompt and setting). First the first of every prompt, then the second.
    """
    rows = []
    for name, number in product(settings, range(vamps_per_prompt)):
        for prompt in prompts.itertuples():
            asked = {
                "generator": generator.label,
                "setting": name,
                **asdict(settings[name]),
                "seed": vamp_seed(seed, name, prompt.prompt_id, number),
                "prompt_id": prompt.prompt_id,
            }
            told = json.dumps(asked, sort_keys=True)
            rows.append(
                {
                    "output_id": _hash(told),
                    "stem": _hash(f"{generator.fingerprint} {told}"),
                    "fingerprint": generator.fingerprint,
                    **asked,
                    **of_prompt(prompt),
                    "vamp": number,
                }
            )
    return pd.DataFrame(rows)


def vamp_seed(seed: int, setting: str, prompt_id: str, number: int) -> int:
    """Seed of a vamp, by the config's seed, its setting, its prompt and its number."""
    # the first is drawn as when there was but one: it stays what it was
    item = f"{setting} {prompt_id}{f' {number}' if number else ''}"
    return int(rng(seed, "vamp", item).integers(2**31))


def vamps(
    planned: pd.DataFrame,
    generator: Generator,
    settings: dict[str, VampSettings],
    folder: Path,
    progress: Callable[[int], object] = lambda done: None,
) -> pd.DataFrame:
    """Make the vamps that are not there yet.

    Parameters
    ----------
    planned : DataFrame
        Rows of `plan`.
    generator : Generator
    settings : dict of str to VampSettings
        Those of the plan.
    folder : Path
        For two files a vamp: audio (FLAC), and tokens with the mask of those kept (npz).
    progress : callable
        Told of every vamp that is there.

    Returns
    -------
    DataFrame
        `planned` without stem, with path, tokens_path, tokens_digest, sample_rate, kept_s (seconds
        of the prompt of which a token at least is kept) and kept_share (of its tokens).

    Raises
    ------
    InputError
        If a prompt cannot be read, or the generator fails.
    """
    folder.mkdir(parents=True, exist_ok=True)
    stems = [folder / name for name in planned.stem]
    there = [stem.with_suffix(".npz").is_file() for stem in stems]
    progress(sum(there))
    for setting, rows in planned[~np.array(there, bool)].groupby("setting", sort=False):
        prompts = (_prompt(row, generator.sample_rate) for row in rows.itertuples())
        made = generator.vamp(prompts, settings[setting], rows.seed.tolist())
        for name, vamp in zip(rows.stem, made, strict=True):
            _write(folder / name, vamp, generator.sample_rate)
            progress(1)
    arrays = [read_arrays([stem.with_suffix(".npz")]) for stem in stems]
    kept = [made["kept"] for made in arrays]
    return planned.drop(columns="stem").assign(
        path=[str(stem.with_suffix(".flac")) for stem in stems],
        tokens_path=[str(stem.with_suffix(".npz")) for stem in stems],
        tokens_digest=[tokens_digest(**made) for made in arrays],
        sample_rate=generator.sample_rate,
        kept_s=[round(float(mask.any(axis=0).sum() * generator.frame_s), 3) for mask in kept],
        kept_share=[float(mask.mean()) for mask in kept],
    )


def tokens_digest(tokens: np.ndarray, kept: np.ndarray) -> str:
    """Digest of a vamp's tokens and of which are kept: both [codebooks, frames]."""
    told = str(tokens.shape).encode() + tokens.astype("<i2").tobytes() + kept.tobytes()
    return hashlib.sha256(told).hexdigest()[:16]


def first_of_each(vamps: pd.DataFrame, count: int) -> pd.DataFrame:
    """A few vamps to show: settings and the splits of prompts in turns."""
    turn = vamps.groupby(["setting", "prompt_split"], sort=False).cumcount()
    order = turn.to_frame("turn").assign(setting=vamps.groupby("setting", sort=False).ngroup())
    return vamps.loc[order.sort_values(["turn", "setting"], kind="stable").index[:count]]


def coarsest_tokens(
    rows: pd.DataFrame, generator: Generator, progress: Callable[[int], object] = lambda done: None
) -> dict[str, np.ndarray]:
    """The coarsest tokens of clips, or of excerpts, as a generator's codec hears them.

    Parameters
    ----------
    rows : DataFrame
        A clip list; or of `excerpts`.
    generator : Generator
    progress : callable
        Told of every row.

    Returns
    -------
    dict of str to ndarray, uint16 [codebooks, frames]
        clip_id, or output_id of an excerpt, to the tokens of `COARSEST` codebooks at most.
    """
    if "prompt_start_s" in rows:
        rows = rows.assign(start_s=rows.prompt_start_s, clip_id=rows.output_id)
    found = {}
    for row in rows.itertuples():
        samples = audio.read(row.path, generator.sample_rate, row.start_s, row.duration_s)[0]
        found[row.clip_id] = generator.tokens(samples)[:COARSEST].astype(np.uint16)
        progress(1)
    return found


def control_roundtrips(
    excerpts: pd.DataFrame,
    generator: Generator,
    codebooks: int,
    folder: Path,
    progress: Callable[[int], object] = lambda done: None,
) -> pd.DataFrame:
    """Control music through a generator's codec and nothing else, as a list of vamps.

    Parameters
    ----------
    excerpts : DataFrame
        Of `excerpts`.
    generator : Generator
    codebooks : int
        Decoded, the coarsest first; all if there are fewer.
    folder : Path
        For the audio (FLAC): a file is named by all that it depends on, and one that is there is
        kept.
    progress : callable
        Told of every excerpt that is there.

    Returns
    -------
    DataFrame
        `excerpts` with an output_id and the setting "control_roundtrip", the path of the new audio
        and its sample_rate.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for row in excerpts.itertuples():
        told = f"{generator.label} {generator.fingerprint} {codebooks} {row.prompt_id}"
        path = folder / f"{_hash(told)}.flac"
        if not path.is_file():
            came_back = generator.reconstruct(_prompt(row, generator.sample_rate), codebooks)
            _write_audio(came_back, path, generator.sample_rate)
        paths.append(str(path))
        progress(1)
    return excerpts.assign(
        output_id=[_hash(f"{generator.label} round trip {name}") for name in excerpts.prompt_id],
        setting="control_roundtrip",
        path=paths,
        sample_rate=generator.sample_rate,
    )


def vamp_clips(vamps: pd.DataFrame, duration_s: float, role: str = "vamp") -> pd.DataFrame:
    """Clip list of vamps: each from its start on, a clip that the vamp ends in is dropped.

    Returns
    -------
    DataFrame
        As any clip list; role is as given, and track_id, group_id, split and parent_clip_id are
        those of the prompt, so that a search can leave them out; output_id, setting.

    Raises
    ------
    InputError
        If no vamp is as long as a clip.
    """
    clips = _cut(vamps, duration_s, role)
    if clips.empty:
        raise InputError(f"no {role} is as long as a clip ({duration_s:g} s); make them longer")
    return clips


def prompt_clips(vamps: pd.DataFrame, duration_s: float, role: str = "prompt") -> pd.DataFrame:
    """Clip list of the vamps' prompts, cut as the vamps are."""
    asked = vamps[vamps.prompt_track_id != ""].drop_duplicates("prompt_id")
    return _cut(asked, duration_s, role, of_prompt=True).drop_duplicates("clip_id")


def _cut(
    vamps: pd.DataFrame, duration_s: float, role: str, of_prompt: bool = False
) -> pd.DataFrame:
    rows = []
    for vamp in vamps.itertuples():
        for index in range(int(vamp.duration_s / duration_s + 1e-6)):
            start = round(index * duration_s, 3)
            within = round(
                start + (0.0 if np.isnan(vamp.prompt_start_s) else vamp.prompt_start_s), 3
            )
            prompt = vamp.prompt_track_id and clip_id(vamp.prompt_track_id, within, duration_s)
            rows.append(
                {
                    "clip_id": prompt if of_prompt else clip_id(vamp.output_id, start, duration_s),
                    "track_id": vamp.prompt_track_id,
                    "group_id": vamp.prompt_group_id,
                    "split": vamp.prompt_split,
                    "role": role,
                    "path": vamp.prompt_path if of_prompt else vamp.path,
                    "start_s": within if of_prompt else start,
                    "duration_s": float(duration_s),
                    "parent_clip_id": "" if of_prompt else prompt,
                    "output_id": "" if role == "prompt" else vamp.output_id,
                    "setting": "" if role == "prompt" else vamp.setting,
                }
            )
    return pd.DataFrame(rows, columns=CLIP_COLUMNS)


def _hash(told: str) -> str:
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def _prompt(row, sample_rate: int) -> np.ndarray:
    return audio.read(row.prompt_path, sample_rate, row.prompt_start_s, row.duration_s)[0]


def _write(stem: Path, vamp: Vamp, sample_rate: int) -> None:
    """Audio first: a vamp is there once its tokens are."""
    _write_audio(vamp.audio, stem.with_suffix(".flac"), sample_rate)
    write_arrays(
        {"tokens": vamp.tokens.astype(np.int16), "kept": vamp.kept}, stem.with_suffix(".npz")
    )


def _write_audio(samples: np.ndarray, path: Path, sample_rate: int) -> None:
    peak = np.abs(samples).max(initial=0.0)
    audio.write(path, samples / max(1.0, peak), sample_rate)
