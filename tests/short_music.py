"""Music that tests of perturbations make, and what they measure on it."""

import numpy as np

RATE = 44100
# A level of each kind that is neither its lowest nor its highest; 1 where none is named.
MIDDLE = {"mp3": 128, "opus": 64, "lowpass": 3000, "stretch": 7, "reverb": 0.5, "gain": 6}


def music(sample_rate=RATE, duration_s=1.0, seed=0):
    """A chord with a beat of noise bursts, peak below 1."""
    draws = np.random.default_rng(seed)
    time = np.arange(round(duration_s * sample_rate)) / sample_rate
    chord = sum(np.sin(2 * np.pi * hz * time) for hz in draws.uniform(100, 2000, 4))
    beat = draws.standard_normal(len(time)) * np.exp(-20 * (time % 0.25))
    return (0.08 * chord + 0.1 * beat).astype(np.float32)


def rms_db(samples):
    return 10 * np.log10(np.mean(np.square(samples, dtype=np.float64)))


def lag_s(samples, other, sample_rate):
    """How much later `other` is, by the peak of their cross-correlation."""
    size = 2 * len(samples)
    correlation = np.fft.irfft(np.fft.rfft(other, size) * np.fft.rfft(samples, size).conj())
    top = correlation.argmax()
    return (top if top < size // 2 else top - size) / sample_rate
