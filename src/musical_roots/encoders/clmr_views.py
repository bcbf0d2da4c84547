"""Views of a track, as CLMR is trained on them: excerpts, each altered by chance.

Two views are excerpts of 3^10 samples from the same 29 s (a clip of MagnaTagATune, on which the
original was trained), altered independently of each other.

What alters a view, one after the other; chances from CLMR's ``config/config.yaml``, ranges from the
defaults of torchaudio-augmentations 0.2.4, which it is built on:

========== ======= ============================================================================
what       chance  range
========== ======= ============================================================================
`polarity` .8      sign turned
`noise`    .01     white, its standard deviation 0.0001 to 0.01 of the signal's
`gain`     .3      -20 to -1 dB
filter     .8      either `highpass`, 200 to 1,200 Hz, or `lowpass`, 2,200 to 4,000 Hz
`delay`    .3      mean of the signal and half of it 200, 250, ... or 450 ms later
`pitch`    .6      -700 to 700 cents
`reverb`   .6      reverberance, damping and room size 0 to 99 % each
========== ======= ============================================================================

The filters are julius's windowed sincs and the reverb is SoX's, to the formula. Pitch is shifted by
Signalsmith's stretch instead of SoX's. There is no time stretch among them.
"""

import math

import numpy as np
import python_stretch
import scipy.fft
from scipy.signal import oaconvolve

from musical_roots.audio import fit, resample
from musical_roots.encoders.clmr import SAMPLE_RATE, WINDOW
from musical_roots.seeding import rng

SEGMENT = 29 * SAMPLE_RATE


# Augmentations: audio, float32 [samples] at `SAMPLE_RATE`, stays as long as it is


def polarity(audio: np.ndarray) -> np.ndarray:
    """The sign of every sample turned."""
    return -audio


def noise(audio: np.ndarray, share: float, draw: np.random.Generator) -> np.ndarray:
    """White noise of `share` of the signal's standard deviation."""
    return audio + share * audio.std() * draw.standard_normal(len(audio), np.float32)


def gain(audio: np.ndarray, decibels: float) -> np.ndarray:
    """Louder, or softer; cut at full scale."""
    return np.clip(audio * 10 ** (decibels / 20), -1, 1)


def lowpass(audio: np.ndarray, hertz: float) -> np.ndarray:
    """julius's filter: a sinc of eight zero crossings to either side under a Hann window."""
    cutoff = hertz / SAMPLE_RATE
    reach = int(4 / cutoff)
    kernel = np.sinc(2 * cutoff * np.arange(-reach, reach + 1)) * np.hanning(2 * reach + 1)
    padded = np.pad(audio, reach, mode="edge")
    return oaconvolve(padded, np.float32(kernel / kernel.sum()), "valid")


def highpass(audio: np.ndarray, hertz: float) -> np.ndarray:
    """What `lowpass` takes away."""
    return audio - lowpass(audio, hertz)


def delay(audio: np.ndarray, milliseconds: float) -> np.ndarray:
    """Mean of the signal and half of it so much later."""
    late = int(milliseconds * SAMPLE_RATE / 1000)
    return (audio + 0.5 * np.pad(audio, (late, 0))[: len(audio)]) / 2


def pitch(audio: np.ndarray, cents: int, draw: np.random.Generator) -> np.ndarray:
    """Time stretch and resampling; the stretch takes a seed, since its phases can be random."""
    ratio = 2 ** (cents / 1200)
    stretch = python_stretch.Signalsmith.Stretch(int(draw.integers(2**31)))
    stretch.preset(1, SAMPLE_RATE)
    stretch.setTimeFactor(1 / ratio)
    stretched = stretch.process(audio[np.newaxis])[0]
    return np.clip(fit(resample(stretched, ratio * SAMPLE_RATE, SAMPLE_RATE), len(audio)), -1, 1)


COMBS = (1116, 1188, 1277, 1356, 1422, 1491, 1557, 1617)  # samples at 44,100 Hz
ALLPASSES = (225, 341, 441, 556)
SPREAD = 12  # by which the right side's delays are longer and shorter in turns


def reverb(audio: np.ndarray, reverberance: float, damping: float, room: float) -> np.ndarray:
    """SoX's ``reverb`` (Freeverb), of which left and right are mixed to mono again.

    Eight combs side by side with a low-pass in their loops, then four all-passes in a row. All of
    it is linear, so it is computed on the spectrum; the signal is faded by a million on its way
    there, lest the tail come round again, and back.

    Parameters
    ----------
    audio : ndarray, float32 [samples]
    reverberance, damping, room : float
        Per cent, as the command takes them.
    """
    low, high = math.log(1 - 0.3), math.log(1 - 0.98)  # loop gains at 0 and at 100 %
    loop = 1 - math.exp(low + (high - low) * reverberance / 100)
    hold = 0.2 + 0.3 * damping / 100
    size = (0.1 + 0.9 * room / 100) * SAMPLE_RATE / 44_100
    samples = len(audio)
    fade = np.exp(-math.log(1e6) / samples * np.arange(samples))
    turns = np.exp(-2j * np.pi / samples * np.arange(samples))
    bins = np.arange(samples // 2 + 1)

    def late(delay: float) -> np.ndarray:
        """What a delay of so many samples does to each bin."""
        whole = int(delay + 0.5)
        return fade[1] ** whole * turns[bins * whole % samples]

    dull = loop * (1 - hold) / (1 - hold * late(1))
    wet = np.zeros(len(bins), complex)
    for spread in (0, SPREAD):
        spreads = [spread, -spread] * 4
        combs = [late(size * (n + more)) for n, more in zip(COMBS, spreads, strict=True)]
        side = sum(comb / (1 - dull * comb) for comb in combs)
        for n, more in zip(ALLPASSES, spreads, strict=False):
            allpass = late((n + more) * SAMPLE_RATE / 44_100)
            side *= (1.5 * allpass - 1) / (1 - 0.5 * allpass)
        wet += side / 2
    echoes = scipy.fft.irfft(scipy.fft.rfft(audio * fade) * wet, samples) / fade
    return np.clip(audio + 0.015 * echoes, -1, 1)


def augmented(audio: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """`audio` altered by chance, as the table above has it: float32 [samples]."""
    chances = iter(draw.random(7))
    if next(chances) < 0.8:
        audio = polarity(audio)
    if next(chances) < 0.01:
        audio = noise(audio, draw.uniform(0.0001, 0.01), draw)
    if next(chances) < 0.3:
        audio = gain(audio, draw.uniform(-20, -1))
    if next(chances) < 0.8:
        if draw.integers(2):
            audio = lowpass(audio, draw.uniform(2200, 4000))
        else:
            audio = highpass(audio, draw.uniform(200, 1200))
    if next(chances) < 0.3:
        audio = delay(audio, 50 * draw.integers(4, 10))
    if next(chances) < 0.6:
        audio = pitch(audio, draw.integers(-700, 701), draw)
    if next(chances) < 0.6:
        audio = reverb(audio, *draw.integers(100, size=3))
    return audio.astype(np.float32)


def views(audio: np.ndarray, seed: int, item: str) -> np.ndarray:
    """Two views of a track: float32 [2, 59049].

    Parameters
    ----------
    audio : ndarray, float32 [samples]
        The track, 59,049 samples or more.
    seed : int
        The config's seed.
    item : str
        What the draw is for: the track, and when.
    """
    draw = rng(seed, "clmr_open.views", item)
    segment = _excerpt(audio, SEGMENT, draw)
    return np.stack([augmented(_excerpt(segment, WINDOW, draw), draw) for _ in range(2)])


def _excerpt(audio: np.ndarray, samples: int, draw: np.random.Generator) -> np.ndarray:
    first = draw.integers(max(0, len(audio) - samples) + 1)
    return audio[first : first + samples]
