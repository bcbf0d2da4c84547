"""What listeners hear, as files: clips of one loudness with soft ends, noise, and headphone tones.

References
----------
.. [1] ITU-R BS.1770-4, loudness; by pyloudnorm.
.. [2] K. J. P. Woods, M. H. Siegel, J. Traer, J. H. McDermott, "Headphone screening to facilitate
   web-based auditory experiments", Attention, Perception, & Psychophysics 79, 2017.
"""

from collections.abc import Callable
from itertools import permutations
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import soundfile

from musical_roots import audio
from musical_roots.errors import InputError
from musical_roots.listening.trials import NOISE
from musical_roots.perturbed import render_clips
from musical_roots.seeding import rng

PEAK = 0.99  # of full scale: where a clip would be louder than that, it is softer as a whole
TONE_HZ, TONE_S, RAMP_S, PAUSE_S = 200, 1.0, 0.1, 0.5  # [2], its methods
TONE = 0.1  # of full scale: about as loud as clips at -23 LUFS
QUIETER = 10 ** (-6 / 20)
HEADPHONES = "headphones"
SOUNDS = ["clip_id", "softer_db", "silent"]


def evened(
    samples: np.ndarray, sample_rate: int, lufs: float, fade_ms: float
) -> tuple[np.ndarray, float]:
    """A clip brought to a loudness, with raised-cosine fades.

    Returns
    -------
    made : ndarray, float32 [samples]
        Silence stays so.
    softer_db : float
        By how much it is softer than `lufs`, where its peak would have left full scale; else 0.
    """
    loud = audio.loudness(samples, sample_rate)
    gain = 10 ** ((lufs - loud) / 20) if np.isfinite(loud) else 0.0
    peak = float(np.abs(samples).max(initial=0.0)) * gain
    limit = min(1.0, PEAK / peak) if peak else 1.0
    made = samples * np.float32(gain * limit)
    softer = max(0.0, -20 * float(np.log10(limit)))
    return made * ends(len(made), round(fade_ms / 1000 * sample_rate)), softer


def ends(samples: int, fade: int) -> np.ndarray:
    """1, but for a raised cosine of `fade` samples at both ends: float32 [samples]."""
    fade = min(fade, samples // 2)
    rise = 0.5 - 0.5 * np.cos(np.pi * (np.arange(fade) + 0.5) / max(1, fade))
    return np.concatenate([rise, np.ones(samples - 2 * fade), rise[::-1]]).astype(np.float32)


def headphone_answers(seed: int) -> list[int]:
    """Which of the three tones is the quiet one, 1 to 3, of each of the six trials."""
    return [quiet + 1 for quiet, _ in _orders(seed)]


def _orders(seed: int) -> list[tuple[int, int]]:
    """Every place of the quiet tone and of the one in antiphase, in an order by the seed."""
    orders = list(permutations(range(3), 2))
    return [orders[place] for place in rng(seed, "listening.headphones").permutation(len(orders))]


def headphone_tones(seed: int, sample_rate: int) -> list[np.ndarray]:
    """The six trials: float32 [samples, 2] each.

    Three tones a trial: one is 6 dB quieter, one in antiphase between left and right, which over
    loudspeakers is the quietest, for there it cancels itself.
    """
    time = np.arange(round(TONE_S * sample_rate)) / sample_rate
    tone = TONE * np.sin(2 * np.pi * TONE_HZ * time) * ends(len(time), round(RAMP_S * sample_rate))
    pause = np.zeros((round(PAUSE_S * sample_rate), 2))
    made = []
    for quiet, antiphase in _orders(seed):
        sides = [
            np.stack([tone, -tone if place == antiphase else tone], axis=1)
            * (QUIETER if place == quiet else 1.0)
            for place in range(3)
        ]
        made.append(np.concatenate([sides[0], pause, sides[1], pause, sides[2]]).astype(np.float32))
    return made


def noise(seconds: float, sample_rate: int, seed: int) -> np.ndarray:
    """White noise, float32 [samples]: what is surely not like a clip of music."""
    samples = round(seconds * sample_rate)
    return rng(seed, "listening.noise").normal(0, 0.1, samples).astype(np.float32)


def where(
    wanted: list[str],
    clips: pd.DataFrame,
    perturbed: pd.DataFrame,
    corpus: pd.DataFrame,
    sample_rate: int,
    seed: int,
    folder: Path,
) -> pd.DataFrame:
    """Where the audio of clips is; perturbed ones, whose audio is gone by now, are rendered anew.

    Parameters
    ----------
    wanted : list of str
        clip_ids.
    clips, perturbed, corpus : DataFrame
        Clip lists: of what is on the disk; of perturbed clips; of what these were made from.
    sample_rate : int
        Hz, of what is rendered.
    seed : int
        The config's, with which they were rendered before.
    folder : Path
        For what is rendered.

    Returns
    -------
    DataFrame
        By clip_id: path, start_s, duration_s.

    Raises
    ------
    InputError
        If a clip is in none of the lists.
    """
    columns = ["clip_id", "path", "start_s", "duration_s"]
    parts = [clips[clips.clip_id.isin(wanted)][columns]]
    for kind, mine in perturbed[perturbed.clip_id.isin(wanted)].groupby("kind"):
        planned = mine.drop(columns=["path", "start_s"])
        parts.append(render_clips(planned, corpus, folder / kind, sample_rate, seed)[columns])
    found = pd.concat(parts).drop_duplicates("clip_id").set_index("clip_id")
    missing = [clip for clip in wanted if clip not in found.index]
    if missing:
        raise InputError(f"clip {missing[0]} is in no clip list; make the trials anew")
    return found.loc[wanted]


def write_all(
    trials: pd.DataFrame,
    clips: pd.DataFrame,
    perturbed: pd.DataFrame,
    corpus: pd.DataFrame,
    folder: Path,
    *,
    sample_rate: int,
    perturbed_rate: int,
    lufs: float,
    fade_ms: float,
    seed: int,
    progress: Callable[[int], object] = lambda done: None,
) -> pd.DataFrame:
    """Write every clip of some trials, the noise and the headphone tones, as FLAC of 16 bits.

    Parameters
    ----------
    trials : DataFrame
        `trials.COLUMNS`.
    clips, perturbed, corpus : DataFrame
        As of `where`.
    folder : Path
        That is there.
    sample_rate, perturbed_rate : int
        Hz of the files; and at which perturbed clips are rendered, as for the encoders.
    lufs, fade_ms : float
    seed : int
    progress : callable
        Told of every clip.

    Returns
    -------
    DataFrame
        A row a clip, by clip_id: how much softer than `lufs` it is for its peaks, and whether it is
        silent.
    """
    wanted = sorted({clip for one in "xab" for clip in trials[f"{one}_clip_id"]} - {NOISE})
    told = []
    with TemporaryDirectory() as scratch:
        found = where(wanted, clips, perturbed, corpus, perturbed_rate, seed, Path(scratch))
        # in the order of their files, so that a file that must be decoded whole is so but once
        for clip in found.sort_values(["path", "start_s"]).itertuples():
            samples, _ = audio.read(clip.path, sample_rate, clip.start_s, clip.duration_s)
            made, softer = evened(samples, sample_rate, lufs, fade_ms)
            _write(folder / f"{clip.Index}.flac", made, sample_rate)
            told.append((clip.Index, round(softer, 2), not made.any()))
            progress(1)
    seconds = float(found.duration_s.iloc[0]) if len(found) else 3.0
    hiss, _ = evened(noise(seconds, sample_rate, seed), sample_rate, lufs, fade_ms)
    _write(folder / f"{NOISE}.flac", hiss, sample_rate)
    for number, tones in enumerate(headphone_tones(seed, sample_rate), 1):
        _write(folder / f"{HEADPHONES}-{number}.flac", tones, sample_rate)
    return pd.DataFrame(told, columns=SOUNDS).sort_values("clip_id", ignore_index=True)


def _write(path: Path, samples: np.ndarray, sample_rate: int) -> None:
    soundfile.write(path, samples, sample_rate, format="FLAC", subtype="PCM_16")
