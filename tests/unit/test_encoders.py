"""What every encoder promises, whoever adds it."""

import subprocess
import sys

import numpy as np
import other_device
import pytest

from musical_roots.encoders.base import ENCODERS, PLUMBING, load
from musical_roots.errors import InputError
from musical_roots.weights.checkpoints import SOURCES

# The oracle laion_clap is another package in another process: test_clap.py has its numbers.
OURS = [name for name in ENCODERS if name != "laion_clap"]


@pytest.fixture(scope="module", params=OURS)
def encoder(request, weights):
    return load(request.param, weights(request.param))


@pytest.fixture
def batch(encoder):
    rng = np.random.default_rng(0)
    t = np.arange(encoder.window) / encoder.sample_rate  # as long as it can hear
    tones = [np.sin(2 * np.pi * f * t) for f in (110, 440.5, 3000)]
    noise = rng.standard_normal((2, encoder.window)) * [[0.1], [0.0005]]
    return np.float32([*tones, *noise, np.sin(2 * np.pi * 440 * t) * np.linspace(0, 1, t.size)])


def test_features_are_finite_float32_of_the_promised_shape(encoder, batch):
    features = encoder.encode(batch)
    assert features.shape == (len(batch), encoder.dim)
    assert features.dtype == np.float32
    assert np.isfinite(features).all()


def test_name_is_the_key_and_the_window_holds_most_of_three_seconds(encoder):
    assert ENCODERS[encoder.name]
    assert 2.6 < encoder.window / encoder.sample_rate <= 10


def test_the_span_lies_in_the_clip_and_in_the_window(encoder):
    for samples in (0, 1, encoder.window - 1, encoder.window, 2 * encoder.window + 1):
        first, count = encoder.span(samples)
        assert 0 <= first <= first + count <= samples
        assert count == min(samples, encoder.window)


def test_a_second_encoder_says_the_same(encoder, batch, weights):
    again = load(encoder.name, weights(encoder.name))
    assert again.fingerprint == encoder.fingerprint
    np.testing.assert_array_equal(again.encode(batch[:2]), encoder.encode(batch[:2]))


def test_a_row_does_not_depend_on_its_batch(encoder, batch):
    features = encoder.encode(batch)
    np.testing.assert_array_equal(encoder.encode(batch[::-1])[::-1], features)
    np.testing.assert_array_equal(encoder.encode(batch[3:]), features[3:])
    for clip, row in zip(batch, features, strict=True):
        np.testing.assert_array_equal(encoder.encode(clip[None])[0], row)


def test_different_sounds_have_different_features(encoder, batch):
    features = encoder.encode(batch)
    distances = np.linalg.norm(features[:, None] - features, axis=2)
    assert distances[~np.eye(len(batch), dtype=bool)].min() > 1e-2 * np.linalg.norm(features[0])


def test_silence_is_heard(encoder):
    assert np.isfinite(encoder.encode(np.zeros((1, encoder.window), np.float32))).all()


def test_short_input_is_filled_up_and_long_input_is_cut(encoder, batch):
    short = batch[:2, : encoder.window // 2 - 1]
    assert encoder.heard(short).shape == (2, encoder.window)
    np.testing.assert_array_equal(encoder.encode(short), encoder.encode(encoder.heard(short)))
    longer = np.concatenate([batch[:2], batch[2:4]], axis=1)
    first, count = encoder.span(longer.shape[1])
    heard = longer[:, first : first + count]
    np.testing.assert_array_equal(encoder.encode(longer), encoder.encode(heard))


def test_an_empty_batch_and_an_empty_clip_are_fine(encoder):
    assert encoder.encode(np.zeros((0, encoder.window), np.float32)).shape == (0, encoder.dim)
    assert encoder.encode(np.zeros((1, 0), np.float32)).shape == (1, encoder.dim)


def test_the_window_is_what_is_heard(encoder, batch):
    end = batch[:2].copy()
    end[:, -encoder.sample_rate // 100 :] = 0
    assert (encoder.encode(end) != encoder.encode(batch[:2])).any()


def test_a_single_clip_without_a_batch_is_refused(encoder):
    with pytest.raises(ValueError, match="a batch is"):
        encoder.encode(np.zeros(encoder.window, np.float32))


def test_fingerprints_are_of_one_encoder_each(weights):
    assert len({load(name, weights(name)).fingerprint for name in OURS}) == len(OURS)


def test_random_weights_in_the_place_of_trained_ones_are_named(encoder):
    stands_in = encoder.name in SOURCES and SOURCES[encoder.name].random
    assert encoder.plumbing == stands_in
    assert (PLUMBING in encoder.label) == stands_in
    assert encoder.label.startswith(encoder.name)


def test_a_device_that_is_not_there_is_an_input_error(weights):
    with pytest.raises(InputError, match=r"encode\.device"):
        load("clmr", weights("clmr"), device="cuda")
    assert load("clmr", weights("clmr"), device="auto").settings.device == "cpu"


@pytest.mark.parametrize("name, largest", [("clap_music", 4096 * 512), ("clmr", 128 * 3**9)])
def test_a_batch_fits_a_gpu_and_its_layers_31_bits(weights, name, largest):
    for free in (1 << 20, 24 << 30, 192 << 30):
        with other_device.found(free):
            encoder = load(name, weights(name), device="cuda")
            clips = encoder.batch_size()
        assert clips == 1 or clips * encoder.clip_bytes <= free // 2
        assert 0 < clips * largest < 2**31
    assert clips > 32


def test_the_seed_changes_random_weights_and_their_fingerprint(checkpoints):
    one, other = load("random", checkpoints, seed=1), load("random", checkpoints, seed=2)
    clip = np.random.default_rng(0).standard_normal((1, one.window)).astype(np.float32) / 10
    assert one.fingerprint != other.fingerprint
    assert (one.encode(clip) != other.encode(clip)).any()


def test_an_unknown_encoder_is_an_input_error(tmp_path):
    with pytest.raises(InputError, match=r"unknown.*musicnn"):
        load("musicn", tmp_path)


def test_encoders_start_without_heavy_imports():
    loads = "; ".join(f"load({name!r}, '.')" for name in ("mfcc", "mel", "random"))
    code = f"import sys; from musical_roots.encoders.base import load; {loads}; "
    code += "print({'torch', 'librosa', 'numba'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"
