"""Onsets as librosa finds them by its defaults, without librosa.

What librosa compiles it keeps beside itself, and it compiles as soon as it is imported. Where two
processes do that at once, the files that they leave may crash all who read them.
"""

import numpy as np

from musical_roots import mel

WINDOW, BANDS = 2048, 128  # samples; of the spectrum that onsets are looked for in
DELTA = 0.07  # how far above the mean around it, of an envelope from 0 to 1, an onset is


def onsets(audio: np.ndarray, sample_rate: int, hop: int) -> np.ndarray:
    """Frames at which something begins: ``librosa.onset.onset_detect`` with ``backtrack=True``.

    Parameters
    ----------
    audio : ndarray, float32 [samples]
    sample_rate : int
        Hz.
    hop : int
        Samples a frame.

    Returns
    -------
    ndarray, int64 [onsets]
        Each moved back to the minimum of the onset strength before it; none where nothing begins.
    """
    strength = onset_strength(audio, sample_rate, hop)
    strength = strength - strength.min()
    strength /= strength.max() + np.finfo(strength.dtype).tiny
    if not strength.any() or not np.isfinite(strength).all():
        return np.empty(0, np.int64)
    falling = (strength[1:-1] <= strength[:-2]) & (strength[1:-1] < strength[2:])
    minima = np.unique([0, *(1 + np.flatnonzero(falling))])
    found = peaks(strength, sample_rate / hop)
    return minima[np.searchsorted(minima, found, side="right") - 1]


def onset_strength(audio: np.ndarray, sample_rate: int, hop: int) -> np.ndarray:
    """Mean rise of the bands from frame to frame, in dB: ``librosa.onset.onset_strength``.

    Parameters
    ----------
    audio, sample_rate, hop
        As of `onsets`.

    Returns
    -------
    ndarray, float32 [frames]
        Computed in double precision, where librosa has float32: the same on any processor.
    """
    power = mel.power(np.pad(audio.astype(np.float64), (0, WINDOW // 2)), WINDOW, hop)
    bands = power @ mel.filters(sample_rate, WINDOW, BANDS)
    decibels = 10 * np.log10(np.maximum(1e-10, bands))
    decibels = np.maximum(decibels, decibels.max() - 80)
    rise = np.maximum(0, np.diff(decibels, axis=0)).mean(axis=1)
    late = 1 + WINDOW // (2 * hop)  # a window hears what is half of it ahead
    return np.pad(rise, (late, 0))[: len(decibels)].astype(np.float32)


def peaks(strength: np.ndarray, rate: float) -> np.ndarray:
    """Frames that are the highest of 30 ms up to them, and above the mean of 0.1 s on both sides.

    After one, 30 ms are passed over (Böck, Krebs, Schedl 2012, "Evaluating the online capabilities
    of onset detection methods", as librosa has it).

    Parameters
    ----------
    strength : ndarray, float32 [frames]
    rate : float
        Frames a second.

    Returns
    -------
    ndarray, int64 [peaks]
    """
    near, around = int(0.03 * rate), int(0.1 * rate)
    found, frame = [], 0
    while frame < len(strength):
        before = strength[max(0, frame - near) : frame + 1]
        window = strength[max(0, frame - around) : frame + around + 1]
        # added up in turn and in float32, as compiled code does: a sum in pairs differs
        mean = np.add.accumulate(window)[-1] / np.float64(len(window))
        peak = strength[frame] == before.max() and strength[frame] >= mean + DELTA
        found += [frame] if peak else []
        frame += 1 + near if peak else 1
    return np.array(found, np.int64)
