"""Statistics of spectra that nobody trained: what a learned encoder has to beat."""

from pathlib import Path

import numpy as np

from musical_roots import mel
from musical_roots.encoders.base import Encoder, Settings

VERSION = 1  # raise it whenever features change
SAMPLE_RATE, N_FFT, HOP, BANDS, FRAMES = 22_050, 2048, 512, 128, 128
COEFFICIENTS = 20
SLOPE_REACH = 4  # frames to either side
MEL = mel.filters(SAMPLE_RATE, N_FFT, BANDS)
# DCT-II, orthonormal
DCT = np.cos(np.pi / BANDS * np.outer(np.arange(BANDS) + 0.5, np.arange(COEFFICIENTS)))
DCT = (DCT * np.where(np.arange(COEFFICIENTS), np.sqrt(2 / BANDS), np.sqrt(1 / BANDS))).astype("f4")


def log_mel(clip: np.ndarray) -> np.ndarray:
    """Mel power in decibels, as librosa's defaults have it.

    Parameters
    ----------
    clip : ndarray, float32 [66048]
        22,050 Hz.

    Returns
    -------
    ndarray, float32 [128, 128]
        Frames at a hop of 23 ms, mel bands up to 11,025 Hz; dB re 1, cut at 80 dB below the
        loudest.
    """
    decibels = 10 * np.log10(np.maximum(mel.power(clip, N_FFT, HOP) @ MEL, 1e-10))
    return np.maximum(decibels, decibels.max() - 80)


def slopes(series: np.ndarray) -> np.ndarray:
    """Slope a frame of the line through each frame and its neighbours within `SLOPE_REACH`.

    Parameters
    ----------
    series : ndarray, float32 [frames, n]

    Returns
    -------
    ndarray, float32 [frames - 2 * SLOPE_REACH, n]
        Frames without all neighbours are left out.
    """
    steps = range(1, SLOPE_REACH + 1)
    middle = slice(SLOPE_REACH, len(series) - SLOPE_REACH)
    rises = (k * (np.roll(series, -k, axis=0) - np.roll(series, k, axis=0))[middle] for k in steps)
    return sum(rises) / (2 * sum(k * k for k in steps))


class Mel(Encoder):
    """Mean and standard deviation over time of 128 log-mel bands: means first."""

    name = "mel"
    sample_rate = SAMPLE_RATE
    window = (FRAMES - 1) * HOP + N_FFT // 2
    dim = 2 * BANDS
    standardise = True

    def __init__(self, checkpoints: Path, settings: Settings):
        self.settings = settings
        self.fingerprint = f"{self.name}-{VERSION}"

    def encode(self, batch: np.ndarray) -> np.ndarray:
        """Statistics of each clip: float32 [n, dim]. See `Encoder.encode`."""
        clips = self.heard(batch)
        features = np.empty((len(clips), self.dim), np.float32)
        # clip by clip: products of one shape, so that no clip's numbers depend on the others
        for i, clip in enumerate(clips):
            features[i] = self._features(log_mel(clip))
        return features

    def _features(self, decibels: np.ndarray) -> np.ndarray:
        return _statistics(decibels)


class Mfcc(Mel):
    """Mean and standard deviation over time of 20 mel-frequency cepstral coefficients, then of
    their slopes."""

    name = "mfcc"
    dim = 4 * COEFFICIENTS

    def _features(self, decibels: np.ndarray) -> np.ndarray:
        coefficients = decibels @ DCT
        return np.concatenate([_statistics(coefficients), _statistics(slopes(coefficients))])


def _statistics(series: np.ndarray) -> np.ndarray:
    return np.concatenate([series.mean(axis=0), series.std(axis=0)])
