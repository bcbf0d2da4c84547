"""Audio files in, arrays out: probe, decode, downmix, resample, measure, write.

Everywhere else in the package audio is mono float32 [samples], full scale 1.
"""

import io
from dataclasses import dataclass
from math import isnan
from pathlib import Path

import av
import numpy as np
import soundfile
import soxr

from musical_roots.atomic import atomic
from musical_roots.decoding import decode, downmix, header, mono

SUFFIXES = {
    ".wav",
    ".flac",
    ".ogg",
    ".oga",
    ".opus",
    ".mp3",
    ".m4a",
    ".aac",
    ".aif",
    ".aiff",
    ".wma",
    ".webm",
    ".mp4",
    ".mka",
    ".aifc",
    ".caf",
    ".w64",
    ".wave",
    ".m4b",
    ".ape",
    ".wv",
    ".mp2",
    ".mpga",
}


@dataclass(frozen=True)
class AudioInfo:
    """What a file is: its length as it decodes, the rest as its header says."""

    duration_s: float
    sample_rate: int
    channels: int
    codec: str


def probe(path: Path | str) -> AudioInfo:
    """Length, rate, channels and codec of an audio file.

    The header's word on the length is taken only where the file's structure bears it out; else the
    file is decoded.

    Raises
    ------
    InputError
        If the file is missing, empty, or no audio that libsndfile or FFmpeg can read.
    """
    about = header(Path(path))
    duration_s = about.duration_s
    if isnan(duration_s):
        audio, rate = mono(Path(path))
        duration_s = len(audio) / rate
    return AudioInfo(duration_s, about.sample_rate, about.channels, about.codec)


def read(
    path: Path | str,
    sample_rate: int | None = None,
    start_s: float = 0.0,
    duration_s: float | None = None,
) -> tuple[np.ndarray, int]:
    """Decode a file, or a part of it, to mono.

    Parameters
    ----------
    path : path
        Any file that libsndfile or FFmpeg decodes.
    sample_rate : int, optional
        Hz to resample to (soxr HQ); the file's own if not given.
    start_s, duration_s : float
        The part to read, in seconds. Where the file ends early, zeros follow, so that a given
        duration always gives ``round(duration_s * sample_rate)`` samples.

    Returns
    -------
    audio : ndarray, float32 [samples]
        Mean of the channels.
    sample_rate : int
        Hz.

    Raises
    ------
    InputError
        If the file cannot be decoded.
    """
    path = Path(path)
    if header(path).way == "seek":
        found = decode(path, start_s, duration_s)
        audio, rate = downmix(found.samples), found.sample_rate
    else:
        audio, rate = mono(path)
        first = round(start_s * rate)
        audio = audio[
            first : None if duration_s is None else first + round(duration_s * rate)
        ].copy()
    audio = resample(audio, rate, sample_rate or rate)
    if duration_s is not None:
        audio = fit(audio, round(duration_s * (sample_rate or rate)))
    return audio, sample_rate or rate


def resample(audio: np.ndarray, source: int, target: int) -> np.ndarray:
    """`audio` [samples] at `source` Hz, brought to `target` Hz with soxr HQ."""
    return audio if source == target else soxr.resample(audio, source, target, quality="HQ")


def fit(audio: np.ndarray, samples: int) -> np.ndarray:
    """`audio` cut, or padded with zeros, to exactly `samples`."""
    return np.pad(audio[:samples], (0, max(0, samples - len(audio))))


def rms(audio: np.ndarray) -> float:
    """Root mean square of `audio` [samples]; 0 for nothing."""
    return float(np.sqrt(np.mean(np.square(audio, dtype=np.float64)))) if len(audio) else 0.0


def as_loud_as(reference: np.ndarray, audio: np.ndarray) -> np.ndarray:
    """`audio` [samples] brought to the RMS of `reference`; what is silent stays so."""
    level = rms(audio)
    return audio * np.float32(rms(reference) / level if level > 0 else 0.0)


def loudness(audio: np.ndarray, sample_rate: int) -> float:
    """Integrated loudness in LUFS (ITU-R BS.1770-4); -inf for silence or less than 0.4 s."""
    if len(audio) < 0.4 * sample_rate + 1:
        return -np.inf
    import pyloudnorm  # a second to import, and only the corpus stage measures

    with np.errstate(divide="ignore", invalid="ignore"):
        value = pyloudnorm.Meter(sample_rate).integrated_loudness(audio.astype(np.float64))
    return float(value) if np.isfinite(value) else -np.inf


def write(path: Path | str, audio: np.ndarray, sample_rate: int) -> None:
    """Write mono audio, atomically: float WAV, no clipping, no rounding; or FLAC of 24 bits."""
    how = {".wav": ("WAV", "FLOAT"), ".flac": ("FLAC", "PCM_24")}
    form, subtype = how[Path(path).suffix]
    with atomic(path) as temporary:
        soundfile.write(str(temporary), audio, sample_rate, format=form, subtype=subtype)


def mp3(audio: np.ndarray, sample_rate: int) -> bytes:
    """An MP3 file of mono audio, for a page. The same audio gives the same bytes."""
    file = io.BytesIO()
    soundfile.write(file, audio, sample_rate, format="MP3")
    return file.getvalue()


def tags(path: Path | str) -> dict[str, str]:
    """What a file's tags say of title, artist, album and licence; what they do not say is left out.

    Nothing where the file is missing, damaged or no audio.
    """
    path = Path(path)
    try:
        with soundfile.SoundFile(str(path)) as file:
            found = {"title": file.title, "artist": file.artist, "album": file.album}
            found["licence"] = file.license
    except (soundfile.LibsndfileError, OSError, UnicodeError):
        found = _tags_ffmpeg(path)
    return {name: value for name, value in found.items() if value.strip()}


def _tags_ffmpeg(path: Path) -> dict[str, str]:
    try:
        with av.open(str(path), metadata_errors="replace") as container:
            # Matroska and Ogg may tag the stream, MP4 the whole
            said = [container.metadata, *(stream.metadata for stream in container.streams.audio)]
    except (av.FFmpegError, OSError, ValueError):
        return {}
    said = {key.lower(): value for part in reversed(said) for key, value in part.items()}
    licence = said.get("license") or said.get("licence") or ""
    return {name: said.get(name, "") for name in ("title", "artist", "album")} | {
        "licence": licence
    }
