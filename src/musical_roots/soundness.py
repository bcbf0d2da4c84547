"""Whether audio is fit to be used: one check, and one set of words, for whoever reads a file."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from musical_roots import audio
from musical_roots.decoding import SPOILT_SHARE, decode, header
from musical_roots.errors import InputError

SILENCE_LUFS = -60.0  # where nobody says otherwise; the config's default
SILENT_BLOCK_S = 0.4
SILENT_SHARE = 0.9
LONGER = "raise corpus.maximum_s, or split it"
CUT_SHORT_S = 0.5
CUT_SHORT_SHARE = 0.02
# full scale is 1; real recordings in float reach 2 or 3, integers written as float 32,768
GREATEST_PEAK = 10.0
# loudness is measured with a filter at 1.7 kHz, which a lower rate cannot hold
LEAST_RATE = 4000
# RMS of the downmix against that of the channels
CANCELLED = 0.01


@dataclass(frozen=True)
class Sound:
    """A recording that can be used.

    Attributes
    ----------
    audio : ndarray, float32 [samples]
        Its downmix.
    sample_rate : int
        Hz.
    channels, codec
        As the file has them.
    loudness_lufs : float
        Of the downmix.
    note : str
        What is odd about the file and was made good; else empty.
    """

    audio: np.ndarray
    sample_rate: int
    channels: int
    codec: str
    loudness_lufs: float
    note: str


def recording(path: Path, minimum_s: float, maximum_s: float, silence_lufs: float) -> Sound:
    """Decode a file in full, and check it. Its length is counted.

    Parameters
    ----------
    path : path
    minimum_s, maximum_s : float
        Least and greatest length in seconds.
    silence_lufs : float
        See `checked`.

    Raises
    ------
    InputError
        If it cannot be decoded, was cut short, is too short or too long, or fails `checked`.
    """
    about = header(path)
    if about.duration_s > maximum_s:  # before decoding: it may not fit in memory
        raise InputError(
            f"{path}: longer than {maximum_s:g} s ({about.duration_s:.1f} s); {LONGER}"
        )
    found = decode(path, at_most_s=maximum_s)
    if not len(found.samples):
        raise InputError(f"{path}: has no samples; fetch it again or remove it")
    _check_rate(path, found.sample_rate)
    length = len(found.samples) / found.sample_rate
    if length > maximum_s:
        raise InputError(f"{path}: longer than {maximum_s:g} s; {LONGER}")
    most = (1 - (SPOILT_SHARE if about.broken else CUT_SHORT_SHARE)) * about.said_s
    if length < most and length < about.said_s - CUT_SHORT_S:
        raise InputError(f"{path}: cut short: it breaks off after {length:.1f} s; fetch it again")
    if length < minimum_s:
        raise InputError(
            f"{path}: shorter than {minimum_s:g} s ({length:.2f} s); lower corpus.minimum_s, or "
            "leave it out"
        )
    note = about.note
    if about.broken and about.said_s > length:
        note += f": {about.said_s - length:.1f} s are lost"
    elif found.skipped:
        note = "; ".join(filter(None, [note, f"{found.skipped} damaged packets are left out"]))
    rate, channels = found.sample_rate, found.samples.shape[1]
    mono = downmixed(path, found.samples, rate)
    del found  # measuring needs as much memory again
    return Sound(mono, rate, channels, about.codec, _loud(path, mono, rate, silence_lufs), note)


def checked(
    path: Path | str, samples: np.ndarray, sample_rate: int, silence_lufs: float
) -> tuple[np.ndarray, float]:
    """Downmix and loudness (LUFS) of samples that can be used.

    Parameters
    ----------
    path : path
        Whose samples these are, for the message.
    samples : ndarray, float32 [samples, channels]
        Of a whole file or a part, one or more.
    sample_rate : int
        Hz.
    silence_lufs : float
        What is not louder than this (or in dBFS in less than a tenth of it) counts as silent.

    Raises
    ------
    InputError
        If the rate is none of music, if samples are no numbers or far beyond full scale, if the
        channels cancel each other, or if the downmix is silent or constant.
    """
    mono = downmixed(path, samples, sample_rate)
    return mono, _loud(path, mono, sample_rate, silence_lufs)


def downmixed(path: Path | str, samples: np.ndarray, sample_rate: int) -> np.ndarray:
    """Downmix of samples that are numbers, of a sane level, and do not cancel each other.

    Parameters
    ----------
    path, samples, sample_rate
        As of `checked`.

    Raises
    ------
    InputError
        As of `checked`, but for silence.
    """
    _check_rate(path, sample_rate)
    peak = max(float(samples.max()), -float(samples.min()))
    if not np.isfinite(peak):
        raise InputError(
            f"{path}: holds samples that are not numbers (NaN or infinite); write it again"
        )
    if peak > GREATEST_PEAK:
        raise InputError(
            f"{path}: its samples reach {peak:.0f}, and full scale is 1; divide them by what full "
            "scale was, such as 32768, or fetch it again if it is damaged"
        )
    mono = audio.downmix(samples)
    every = samples.ravel(order="K")  # no copy, whichever way it lies in memory
    power = float(np.vdot(every, every)) / every.size
    if float(np.vdot(mono, mono)) / mono.size < CANCELLED**2 * power:
        raise InputError(
            f"{path}: its channels cancel each other (one is another turned over); write one of "
            "them alone"
        )
    return mono


def _check_rate(path: Path | str, sample_rate: int) -> None:
    if sample_rate < LEAST_RATE:
        raise InputError(
            f"{path}: its sample rate is {sample_rate} Hz, less than {LEAST_RATE}; fetch it again "
            "if its header is damaged, or remove it"
        )


def _loud(path: Path | str, mono: np.ndarray, sample_rate: int, silence_lufs: float) -> float:
    """Loudness, in LUFS, of what is neither silent nor constant."""
    loudness = audio.loudness(mono, sample_rate)
    silence = _silence(mono, sample_rate, silence_lufs)
    if loudness <= silence_lufs or silence > SILENT_SHARE:
        share = f"{silence:.0%} of it below {silence_lufs:g} dB"
        if audio.rms(mono) > 10 ** (silence_lufs / 20) and np.ptp(mono) < 1e-3:
            raise InputError(f"{path}: constant (all samples are about {mono[0]:.2f}); remove it")
        raise InputError(f"{path}: silent ({loudness:.1f} LUFS, {share}); remove it")
    return loudness


def _silence(samples: np.ndarray, rate: int, level_db: float) -> float:
    """Share of blocks of 0.4 s that vary by less than a level in dBFS."""
    size = min(len(samples), round(SILENT_BLOCK_S * rate))
    blocks = samples[: len(samples) // size * size].reshape(-1, size)
    blocks = blocks - blocks.mean(axis=1, keepdims=True)
    power = np.einsum("ij,ij->i", blocks, blocks) / size
    return float((power <= 10 ** (level_db / 10)).mean())
