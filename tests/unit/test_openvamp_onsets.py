"""Onsets are librosa's own."""

import os
import subprocess
import sys

import librosa
import numpy as np
import pytest

from musical_roots.generators.openvamp import onsets
from musical_roots.generators.openvamp.codec import HOP, SAMPLE_RATE


def bursts(seed: int) -> np.ndarray:
    """Noise and tones that begin here and there: 4 s."""
    rng = np.random.default_rng(seed)
    audio = rng.normal(scale=0.001, size=4 * SAMPLE_RATE)
    for start in rng.integers(0, len(audio) - 4000, rng.integers(1, 25)):
        length = rng.integers(500, 4000)
        fall = np.exp(-np.arange(length) / rng.uniform(100, 2000))
        tone = np.sin(np.arange(length) * rng.uniform(0.02, 0.6)) + rng.normal(size=length)
        audio[start : start + length] += rng.uniform(0.01, 1) * fall * tone
    return audio.astype(np.float32)


@pytest.mark.parametrize("hop", [HOP, 512])  # another rate: other windows
def test_they_are_where_librosa_finds_them(hop):
    counts = []
    for seed in range(40):
        audio = bursts(seed)
        wanted = librosa.onset.onset_detect(y=audio, sr=SAMPLE_RATE, hop_length=hop, backtrack=True)
        assert onsets.onsets(audio, SAMPLE_RATE, hop).tolist() == wanted.tolist(), seed
        counts.append(len(wanted))
    assert min(counts) > 0 and max(counts) > 8


def test_peaks_are_librosas_on_any_envelope():
    for seed in range(300):
        rng = np.random.default_rng(seed)
        strength = rng.random(rng.integers(1, 120)).astype(np.float32) ** rng.integers(1, 6)
        rate = SAMPLE_RATE / HOP
        near, around = 0.03 * SAMPLE_RATE // HOP, 0.1 * SAMPLE_RATE // HOP
        how = {"pre_max": near, "post_max": 1, "pre_avg": around, "post_avg": around + 1}
        wanted = librosa.util.peak_pick(strength, **how, delta=onsets.DELTA, wait=near)
        assert onsets.peaks(strength, rate).tolist() == wanted.tolist(), seed


@pytest.mark.parametrize("audio", [np.zeros(24000, np.float32), np.zeros(1, np.float32)])
def test_nothing_begins_in_silence(audio):
    assert onsets.onsets(audio, SAMPLE_RATE, HOP).tolist() == []


def test_nothing_is_compiled(tmp_path):
    """What numba compiles for two processes at once may crash both."""
    code = "import numpy as np; from musical_roots.generators.openvamp.onsets import onsets;"
    code += " onsets(np.sin(np.arange(48000) ** 1.3).astype('f4'), 24000, 480)"
    env = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", code], check=True, env=env)
    assert list(tmp_path.rglob("*.nbc")) == []
