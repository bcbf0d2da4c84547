"""The audio fingerprint: the same recording is found, another is not."""

from functools import cache

import numpy as np
import pytest
import soundfile

from musical_roots import audio
from musical_roots.corpus import duplicates

RATE = 16000
SECONDS = 24


@cache
def note(step):
    time = np.arange(RATE // 2) / RATE
    overtones = np.arange(1, 8)[:, None]
    pitch = 110 * 2 ** (step / 12)
    sound = (np.sin(2 * np.pi * pitch * overtones * time) / overtones).sum(axis=0)
    return 0.05 * sound * np.exp(-6 * time)


@cache
def song(seed):
    """Random notes with overtones, and a little noise."""
    draw = np.random.default_rng(seed)
    out = draw.normal(0, 1e-3, (SECONDS + 1) * RATE)
    for first in range(0, SECONDS * RATE, RATE // 8):
        out[first : first + RATE // 2] += note(int(draw.integers(0, 36)))
    return out[: SECONDS * RATE].astype(np.float32)


@cache
def words_of(seed):
    return duplicates.fingerprint(song(seed), RATE)


def as_mp3(samples, path):
    soundfile.write(path, samples, RATE, compression_level=0.88, bitrate_mode="CONSTANT")
    return audio.read(path)


@pytest.fixture(scope="module")
def original():
    return song(1)


@pytest.mark.parametrize(
    "change, offset_s",
    [
        (lambda x, folder: as_mp3(x, folder / "a.mp3"), 0),
        (lambda x, _: (0.1 * x, RATE), 0),
        (lambda x, _: (x[int(2.3 * RATE) :], RATE), -2.3),
        (lambda x, _: (audio.resample(x, RATE, 48000), 48000), 0),
        (lambda x, _: (np.pad(x, (5 * RATE, 0)), RATE), 5),
        (lambda x, _: (x + np.random.default_rng(0).normal(0, 0.005, len(x)), RATE), 0),
        (lambda x, folder: as_mp3(0.5 * x[int(2.3 * RATE) :], folder / "a.mp3"), -2.3),
    ],
    ids=["mp3 64k", "gain", "trimmed", "resampled", "padded", "noise", "all"],
)
def test_the_same_recording_is_found(original, tmp_path, change, offset_s):
    changed, rate = change(original, tmp_path)
    prints = {f"other {seed}": words_of(seed) for seed in (2, 3)}
    prints["a"] = words_of(1)
    prints["b"] = duplicates.fingerprint(changed, rate)
    found = duplicates.pairs(prints, share=0.5)
    assert found[["track_a", "track_b"]].values.tolist() == [["a", "b"]]
    assert found["offset_s"][0] == pytest.approx(offset_s, abs=0.15)
    assert found["share"][0] > 0.8


def test_different_recordings_are_not_linked():
    prints = {str(seed): words_of(seed) for seed in range(8)}
    prints |= {"silence": duplicates.fingerprint(np.zeros(SECONDS * RATE, np.float32), RATE)}
    prints |= {"nothing": duplicates.fingerprint(np.zeros(0, np.float32), RATE)}
    prints |= {"sine": duplicates.fingerprint(np.sin(np.arange(SECONDS * RATE) / 10) / 2, RATE)}
    assert duplicates.pairs(prints, share=0.5).empty
    assert duplicates.pairs({}, share=0.5).empty


def test_a_shared_part_links_only_if_it_is_most_of_the_shorter_track(original):
    other = song(2)
    spliced = np.concatenate([original[: 12 * RATE], other[12 * RATE :]])
    prints = {
        name: duplicates.fingerprint(samples, RATE)
        for name, samples in {"a": original, "b": spliced}.items()
    }
    assert duplicates.pairs(prints, share=0.7).empty
    assert len(duplicates.pairs(prints, share=0.35)) == 1


def test_fingerprint_shape():
    words = words_of(1)
    assert words.dtype == np.uint32
    assert len(words) / SECONDS == pytest.approx(duplicates.WORDS_PER_S, rel=0.03)
    assert not duplicates.fingerprint(np.zeros(RATE, np.float32), RATE).any()


def test_groups_are_named_after_their_smallest_member():
    found = duplicates.groups(["d", "c", "b", "a", "e"], [("c", "e"), ("e", "b")])
    assert found == {"a": "a", "b": "b", "c": "b", "d": "d", "e": "b"}
    assert duplicates.groups(["a"], []) == {"a": "a"}
