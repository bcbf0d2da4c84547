"""Three-second clips made by code, for tests against golden values. Needs numpy alone."""

import numpy as np

SAMPLE_RATE = 16_000
SAMPLES = 48_000


def clips(seed: int = 2019) -> dict[str, np.ndarray]:
    """Clips by name, float32 [48000] at 16 kHz, full scale 1.

    They are rounded to the 16-bit grid, so that every numpy on every machine makes the same ones.
    """
    rng = np.random.Generator(np.random.PCG64(seed))
    t = np.arange(SAMPLES) / SAMPLE_RATE
    noise = rng.standard_normal(SAMPLES)
    beats = np.exp(-12 * (t % 0.5))  # 120 a minute
    chord = sum(np.sin(2 * np.pi * f * t) for f in (220.0, 277.18, 329.63, 440.0)) / 4
    chirp = np.sin(2 * np.pi * (60 * t + (7000 - 60) / 6 * t**2))
    melody = np.array([262, 330, 392, 523, 392, 330, 294, 349, 440, 587, 440, 349])
    phase = np.cumsum(np.repeat(melody, SAMPLES // len(melody))) / SAMPLE_RATE
    plucked = sum(np.sin(2 * np.pi * k * phase) / k for k in range(1, 9)) * np.exp(-6 * (t % 0.25))
    sounds = {
        "chirp": 0.8 * chirp,
        "chord": 0.9 * chord,
        "drums": 0.7 * noise * beats / 4,
        "fade": 0.9 * chord * np.linspace(1, 0, SAMPLES) ** 4,
        "impulse": np.where(np.arange(SAMPLES) == 24_000, 1.0, 0.0),
        "melody": 0.4 * plucked,
        "mix": 0.3 * plucked + 0.05 * noise * beats + 0.2 * chord,
        "noise": 0.1 * noise,
        "quiet_noise": 0.0005 * noise,
        "quiet_tone": 0.001 * np.sin(2 * np.pi * 440 * t),
        "silence": np.zeros(SAMPLES),
        "square": 0.99 * np.sign(np.sin(2 * np.pi * 110.3 * t)),
    }
    return {
        name: (np.round(np.clip(sound, -1, 1) * 32767) / 32768).astype(np.float32)
        for name, sound in sounds.items()
    }
