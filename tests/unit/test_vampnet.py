"""VampNet in a process of its own: as recorded once, and itself where it is installed."""

import gc
import json
import math
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from recorded_vampnet import PROMPTS, SETTINGS, equal, real, recording

from musical_roots.audio import rms
from musical_roots.errors import InputError
from musical_roots.generators import vampnet, vampnet_worker
from musical_roots.generators.base import VampSettings, load
from musical_roots.weights import checkpoints as weights
from musical_roots.weights.formats.vampnet import COARSE

RECORDED, REAL = "a recording of the worker", "the worker itself"


@pytest.fixture(params=[RECORDED, REAL])
def generator(request, untrained_vampnet, beside_vampnet):
    if request.param == REAL:
        return real(untrained_vampnet)
    return load("vampnet", beside_vampnet())


@pytest.fixture
def vamps(generator):
    """Every vamp that was recorded, by prompt, settings and seed."""
    return {
        asked: next(generator.vamp([PROMPTS[asked[0]]], SETTINGS[asked[1]], [asked[2]]))
        for asked in recording.asked()
    }


# What comes back


def test_a_vamp_is_as_long_as_its_prompt(generator, vamps):
    for (prompt, *_), vamp in vamps.items():
        frames = math.ceil(len(PROMPTS[prompt]) / 44_100 / generator.frame_s)
        assert vamp.audio.shape == PROMPTS[prompt].shape and vamp.audio.dtype == np.float32
        assert vamp.tokens.shape == vamp.kept.shape == (14, frames)
        assert vamp.kept.dtype == bool and np.issubdtype(vamp.tokens.dtype, np.integer)
        assert 0.01 < np.abs(vamp.audio).max() <= 1
    assert len(PROMPTS["square"]) % 768, "lengths should not be whole frames"


def test_a_round_trip_decodes_so_many_codebooks(generator):
    audio = PROMPTS["bursts"]
    few, all_ = (generator.reconstruct(audio, count) for count in recording.RECONSTRUCTED)
    for back in (few, all_):
        assert back.shape == audio.shape and back.dtype == np.float32
        assert rms(back) == pytest.approx(rms(audio), rel=1e-4)
    assert not np.allclose(few, all_)


def test_what_is_kept_is_the_prompts_and_the_rest_is_made_up(generator, vamps):
    for (prompt, *_), vamp in vamps.items():
        tokens = generator.tokens(PROMPTS[prompt])
        np.testing.assert_array_equal(vamp.tokens[vamp.kept], tokens[vamp.kept])
        assert (vamp.tokens != tokens)[~vamp.kept].mean() > 0.5
        assert vamp.kept.any()


def test_what_the_settings_ask_for_is_kept(vamps):
    for (prompt, name, seed), vamp in vamps.items():
        upper = SETTINGS[name].upper_codebook_mask
        first, rest = vamp.kept[0], vamp.kept[1:]
        frames = np.arange(len(first))
        if name == "periodic":
            # three frames in four, and then all is turned by some frames
            held = np.abs(frames[:, None] - frames[::4]).min(axis=1) <= 1
            turned = [np.roll(held, by) for by in range(4)]
            assert any((first[1:-1] == held[1:-1]).all() for held in turned), (prompt, seed)
        elif name == "everything but a gap":
            before, after = (math.ceil(s * 44_100 / 768) for s in (0.06, 0.04))
            held = (frames < before) | (frames >= len(frames) - after)
            np.testing.assert_array_equal(first, held)
        else:
            # the second burst sets in with sample 5501
            assert first[math.floor(5501 / 768) - 1 :][:2].all() and not first[3:6].any()
        # the first and the last frame are kept in the coarse codebooks, whatever the settings say
        edges = np.zeros_like(rest)
        edges[: COARSE - 1, [0, -1]] = True
        below = (np.arange(1, 14) < upper)[:, None]
        np.testing.assert_array_equal(rest, (below & first) | edges)


def test_a_vamp_depends_on_its_prompt_and_seed_alone(generator, vamps):
    asked = [("bursts", "periodic", 2), ("square", "periodic", 1)]
    for order in (asked, asked[::-1]):
        prompts, seeds = [PROMPTS[p] for p, *_ in order], [seed for *_, seed in order]
        together = generator.vamp(prompts, SETTINGS["periodic"], seeds)
        for one, vamp in zip(order, together, strict=True):
            assert equal(vamp, vamps[one])
    assert not equal(vamps["square", "periodic", 1], vamps["square", "periodic", 3])


def test_a_prompt_without_a_seed_of_its_own_is_an_error(generator):
    with pytest.raises(ValueError, match="shorter"):
        list(generator.vamp(list(PROMPTS.values()), SETTINGS["periodic"], [1]))


def test_a_vamp_is_handed_out_when_it_is_there(beside_vampnet):
    generator = load("vampnet", beside_vampnet())
    never_recorded = np.zeros(9, np.float32)
    vamps = generator.vamp([PROMPTS["square"], never_recorded], SETTINGS["periodic"], [1, 1])
    next(vamps)
    with pytest.raises(InputError, match="the recording lacks this request"):
        next(vamps)


def test_what_a_generator_says_of_itself(generator):
    assert (generator.name, generator.sample_rate) == ("vampnet", 44_100)
    assert generator.frame_s == 768 / 44_100
    assert generator.plumbing, "random weights should be called so"
    assert generator.fingerprint.startswith(f"{vampnet.VERSION}-")


def test_the_recording_is_what_the_worker_says(untrained_vampnet, beside_vampnet):
    recorded, itself = load("vampnet", beside_vampnet()), real(untrained_vampnet)
    for prompt in PROMPTS.values():
        np.testing.assert_array_equal(recorded.tokens(prompt), itself.tokens(prompt))
    for prompt, name, seed in recording.asked():
        one, other = (
            next(generator.vamp([PROMPTS[prompt]], SETTINGS[name], [seed]))
            for generator in (recorded, itself)
        )
        np.testing.assert_array_equal(one.tokens, other.tokens)
        np.testing.assert_array_equal(one.kept, other.kept)
        np.testing.assert_allclose(one.audio, other.audio, atol=1e-5)


def test_a_long_prompt_is_kept_beside_each_cut(untrained_vampnet):
    generator = real(untrained_vampnet)
    prompt = np.resize(PROMPTS["bursts"], round(10.5 * 44_100))
    settings = VampSettings(periodic_prompt=0, prefix_s=0.1, steps=2)
    vamp = next(generator.vamp([prompt], settings, [0]))
    asked_for = math.ceil(0.1 / generator.frame_s)
    # nothing is asked for in the second ten seconds, so nothing is kept there
    assert np.flatnonzero(vamp.kept[0]).tolist() == [*range(asked_for), 574]
    np.testing.assert_array_equal(vamp.tokens[vamp.kept], generator.tokens(prompt)[vamp.kept])
    assert vamp.audio.shape == prompt.shape


@pytest.mark.parametrize("audio", [np.zeros(0), np.zeros((2, 9)), np.float32(0)])
def test_a_prompt_that_is_not_mono_audio_is_an_input_error(beside_vampnet, audio):
    generator = load("vampnet", beside_vampnet())
    with pytest.raises(InputError, match=r"mono and not empty; this one has shape \("):
        generator.tokens(audio)


# The process


def test_the_process_ends_with_the_generator(beside_vampnet):
    generator = load("vampnet", beside_vampnet())
    process = generator._process
    assert process.poll() is None
    del generator
    gc.collect()
    assert process.poll() == 0


def test_a_worker_that_cannot_start_says_why(beside_vampnet):
    with pytest.raises(InputError, match=r"VampNet has stopped: ImportError: no such luck; see"):
        load("vampnet", beside_vampnet("raise ImportError('no such luck')"))


def test_a_worker_that_dies_says_why(beside_vampnet):
    ready = json.dumps({"sample_rate": 44_100, "hop": 768})
    code = f"print({ready!r}, flush=True)\nexit('out of memory')"
    generator = load("vampnet", beside_vampnet(code))
    for _ in range(2):  # and says so again
        with pytest.raises(InputError, match=r"VampNet has stopped: out of memory; see"):
            generator.tokens(PROMPTS["square"])


def test_a_worker_that_is_killed_says_so(beside_vampnet):
    code = (
        "import os, sys; print('a warning', file=sys.stderr, flush=True); os.kill(os.getpid(), 9)"
    )
    with pytest.raises(InputError, match="VampNet has stopped: killed by signal 9; see"):
        load("vampnet", beside_vampnet(code))


def test_a_codec_for_another_rate_is_an_input_error(beside_vampnet):
    ready = json.dumps({"sample_rate": 22_050, "hop": 768})
    with pytest.raises(InputError, match=r"vampnet_codec.* is a codec for 22050 Hz, not 44100"):
        load("vampnet", beside_vampnet(f"print({ready!r}, flush=True)"))


@pytest.mark.parametrize("missing", vampnet.PACKAGES)
def test_a_missing_package_says_how_to_get_it(beside_vampnet, tmp_path, missing):
    folder = beside_vampnet()
    (tmp_path / "vampnet" / missing).rmdir()
    with pytest.raises(InputError) as error:
        load("vampnet", folder)
    assert f"{tmp_path / 'vampnet' / missing} is missing" in str(error.value)
    command = f"python -m pip install --no-deps --target {tmp_path / 'vampnet'} -r envs/vampnet.txt"
    assert str(error.value).endswith(command)


def test_another_interpreter_can_be_named(beside_vampnet, tmp_path, monkeypatch):
    folder = beside_vampnet()
    monkeypatch.setenv(vampnet.PYTHON, str(tmp_path / "no-python"))
    with pytest.raises(InputError, match=rf"{vampnet.PYTHON} names .*no-python, which does not"):
        load("vampnet", folder)
    other = tmp_path / "python"
    other.write_text(f'#!/bin/sh\necho "this is $0" >&2\nexec {sys.executable} -c "exit(1)"\n')
    other.chmod(0o755)
    monkeypatch.setenv(vampnet.PYTHON, str(other))
    with pytest.raises(InputError, match=f"VampNet has stopped: this is {other}"):
        load("vampnet", folder)


def test_other_weights_than_the_recordings_are_refused(beside_vampnet, tmp_path):
    folder = beside_vampnet()
    folder.unlink()
    for name in vampnet.WEIGHTS:
        weights.fetch_random(name, folder, recording.SEED + 1)
    with pytest.raises(InputError, match="the recording was made with other weights"):
        load("vampnet", folder)


def test_a_recording_answers_nothing_but_what_was_recorded(beside_vampnet):
    generator = load("vampnet", beside_vampnet())
    settings = replace(SETTINGS["periodic"], temperature=1.1)
    with pytest.raises(InputError, match="the recording lacks this request"):
        next(generator.vamp([PROMPTS["square"]], settings, [1]))


# The worker's own parts


def test_the_filter_is_that_of_torchaudio():
    rng = np.random.default_rng(0)
    x, a, b = rng.standard_normal((1, 1, 50)), np.array([2, -1, 0.5]), np.array([1, 0.3, 0.2])
    said = vampnet_worker.lfilter(*(torch.tensor(part) for part in (x, a, b)), clamp=False)
    y = np.zeros(52)  # its first two are the past
    past = np.concatenate([np.zeros(2), x[0, 0]])
    for n in range(2, 52):
        y[n] = (b @ past[n - 2 : n + 1][::-1] - a[1:] @ y[n - 2 : n][::-1]) / a[0]
    np.testing.assert_allclose(said[0, 0], y[2:], atol=1e-12)
    clamped = vampnet_worker.lfilter(*(torch.tensor(part) for part in (9 * x, a, b)))
    assert clamped.abs().max() == 1


def test_a_second_vampnet_has_its_own_models_and_the_codec_of_the_first(beside_vampnet):
    said = 'import sys, json; print(json.dumps({"sample_rate": 44100, "hop": 768}), flush=True)\n'
    folder = beside_vampnet(said + "open(sys.argv[1] + '/../told', 'a').write(str(sys.argv[2:5]))")
    first, second = load("vampnet", folder), load("vampnet_small", folder)
    for generator in (first, second):
        generator._process.wait()
    assert (second.name, second.frame_s) == ("vampnet_small", first.frame_s)
    assert second.label == "vampnet_small (random weights: plumbing only)"
    assert first.fingerprint != second.fingerprint
    told = (folder.parent / "told").read_text()
    names = [Path(word.strip("[]'")).stem for word in told.replace("][", "], [").split(", ")]
    assert names == [*vampnet.WEIGHTS, *vampnet.VampNetSmall.weights]
