"""A stretch of audio for a page: as a small MP3, with a picture of it. The same gives the same."""

import base64
import hashlib
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from musical_roots import audio, mel

RATE = 24000  # Hz: openvamp's own; half of it is what small speakers still give
COMPRESSION = 0.85  # of libsndfile's scale from 0 to 1: 32 kbit/s at that rate
LOUD = 0.08  # RMS of every sound, full scale 1: they are compared, and none may startle
N_FFT, HOP, BANDS, TOP_HZ, RANGE_DB = 1024, 600, 56, 11000.0, 70.0
QUALITY = 55  # of the picture, of 100


@dataclass(frozen=True)
class Sound:
    """What a page plays and shows.

    Attributes
    ----------
    mp3, picture : bytes
        An MP3 file; a WebP image, from left to right in time, from low to high in mel bands.
    duration_s : float
    """

    mp3: bytes
    picture: bytes
    duration_s: float

    @property
    def name(self) -> str:
        """Says which: equal sounds have one."""
        return hashlib.sha256(self.mp3).hexdigest()[:12]

    @property
    def mp3_text(self) -> str:
        """In base64."""
        return base64.b64encode(self.mp3).decode()

    @property
    def picture_text(self) -> str:
        """In base64."""
        return base64.b64encode(self.picture).decode()


def read(path: Path | str, start_s: float, duration_s: float) -> Sound:
    """A part of a file, in seconds.

    Raises
    ------
    InputError
        If the file cannot be decoded.
    """
    return made(audio.read(path, RATE, start_s, duration_s)[0])


def made(samples: np.ndarray) -> Sound:
    """The same of mono float32 audio [samples] at `RATE`, brought to one loudness."""
    loud = levelled(samples)
    file = io.BytesIO()
    how = {"format": "MP3", "bitrate_mode": "CONSTANT", "compression_level": COMPRESSION}
    soundfile.write(file, loud, RATE, **how)
    return Sound(file.getvalue(), picture(loud), len(samples) / RATE)


def levelled(samples: np.ndarray) -> np.ndarray:
    """Audio [samples] at an RMS of `LOUD`, or softer where its peak would pass full scale."""
    level, peak = audio.rms(samples), np.abs(samples).max(initial=0.0)
    gain = min(LOUD / level, 0.98 / peak) if level > 0 else 0.0
    return (samples * gain).astype(np.float32)


def picture(samples: np.ndarray) -> bytes:
    """Mel spectrogram of audio [samples] at `RATE`, in dB below its loudest place, as WebP."""
    from matplotlib import colormaps
    from matplotlib.image import imsave

    bands = mel.power(samples, N_FFT, HOP) @ mel.filters(RATE, N_FFT, BANDS, high=TOP_HZ)
    decibels = 10 * np.log10(np.maximum(bands, 1e-10))
    shown = np.clip(1 + (decibels - decibels.max()) / RANGE_DB, 0, 1)
    file = io.BytesIO()
    pixels = (colormaps["magma"](shown.T[::-1])[..., :3] * 255).astype(np.uint8)
    imsave(file, np.ascontiguousarray(pixels), format="webp", pil_kwargs={"quality": QUALITY})
    return file.getvalue()
