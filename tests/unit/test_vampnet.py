"""VampNet in a process of its own: as recorded once, and itself where it is installed."""

import gc
import json
import logging
import math
import pickle
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from musical_roots.audio import rms
from musical_roots.errors import InputError
from musical_roots.generators import vampnet, vampnet_weights, vampnet_worker
from musical_roots.generators.base import VampSettings, load
from musical_roots.weights import checkpoints as weights
from musical_roots.weights.manifest import SOURCES

DATA = Path(__file__).parents[1] / "data"
sys.path.insert(0, str(DATA))

import make_vampnet_recording as recording  # noqa: E402

RECORDED, REAL = "a recording of the worker", "the worker itself"
PROMPTS, SETTINGS = recording.prompts(), recording.settings()
COARSE = slice(vampnet_weights.COARSE)
LICENCE = "CC BY-NC-SA 4.0"


@pytest.fixture(scope="module")
def trained_on_nothing(tmp_path_factory):
    """Checkpoint folder with the random weights that the recording is of."""
    folder = tmp_path_factory.mktemp("weights") / "checkpoints"
    for name in vampnet.WEIGHTS:
        weights.fetch_random(name, folder, recording.SEED)
    return folder


@pytest.fixture
def beside(trained_on_nothing, tmp_path, monkeypatch):
    """Checkpoint folder with random weights, with something called VampNet beside it.

    Its worker is a recording, or what `code` says.
    """

    def beside(code=None):
        (tmp_path / "checkpoints").symlink_to(trained_on_nothing)
        for name in vampnet.PACKAGES:
            (tmp_path / "vampnet" / name).mkdir(parents=True)
        worker = DATA / "recorded_vampnet_worker.py"
        if code is not None:
            worker = tmp_path / "worker.py"
            worker.write_text(code)
        monkeypatch.setattr(vampnet, "WORKER", worker)
        return tmp_path / "checkpoints"

    return beside


@cache
def real(trained_on_nothing):
    """VampNet itself, started once."""
    if not (recording.PACKAGES / "vampnet").is_dir():
        pytest.skip("VampNet is not installed in resources/vampnet (envs/vampnet.txt)")
    packages = trained_on_nothing.parent / "vampnet"
    if not packages.exists():
        packages.symlink_to(recording.PACKAGES)
    return load("vampnet", trained_on_nothing)


@pytest.fixture(params=[RECORDED, REAL])
def generator(request, trained_on_nothing, beside):
    return load("vampnet", beside()) if request.param == RECORDED else real(trained_on_nothing)


@pytest.fixture
def vamps(generator):
    """Every vamp that was recorded, by prompt, settings and seed."""
    return {
        asked: next(generator.vamp([PROMPTS[asked[0]]], SETTINGS[asked[1]], [asked[2]]))
        for asked in recording.asked()
    }


def equal(one, other):
    pairs = zip(vars(one).values(), vars(other).values(), strict=True)
    return all(np.array_equal(a, b) for a, b in pairs)


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
        edges[: vampnet_weights.COARSE - 1, [0, -1]] = True
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


def test_a_vamp_is_handed_out_when_it_is_there(beside):
    generator = load("vampnet", beside())
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


def test_the_recording_is_what_the_worker_says(trained_on_nothing, beside):
    recorded, itself = load("vampnet", beside()), real(trained_on_nothing)
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


def test_a_long_prompt_is_kept_beside_each_cut(trained_on_nothing):
    generator = real(trained_on_nothing)
    prompt = np.resize(PROMPTS["bursts"], round(10.5 * 44_100))
    settings = VampSettings(periodic_prompt=0, prefix_s=0.1, steps=2)
    vamp = next(generator.vamp([prompt], settings, [0]))
    asked_for = math.ceil(0.1 / generator.frame_s)
    # nothing is asked for in the second ten seconds, so nothing is kept there
    assert np.flatnonzero(vamp.kept[0]).tolist() == [*range(asked_for), 574]
    np.testing.assert_array_equal(vamp.tokens[vamp.kept], generator.tokens(prompt)[vamp.kept])
    assert vamp.audio.shape == prompt.shape


@pytest.mark.parametrize("audio", [np.zeros(0), np.zeros((2, 9)), np.float32(0)])
def test_a_prompt_that_is_not_mono_audio_is_an_input_error(beside, audio):
    generator = load("vampnet", beside())
    with pytest.raises(InputError, match=r"mono and not empty; this one has shape \("):
        generator.tokens(audio)


# The process


def test_the_process_ends_with_the_generator(beside):
    generator = load("vampnet", beside())
    process = generator._process
    assert process.poll() is None
    del generator
    gc.collect()
    assert process.poll() == 0


def test_a_worker_that_cannot_start_says_why(beside):
    with pytest.raises(InputError, match=r"VampNet has stopped: ImportError: no such luck; see"):
        load("vampnet", beside("raise ImportError('no such luck')"))


def test_a_worker_that_dies_says_why(beside):
    ready = json.dumps({"sample_rate": 44_100, "hop": 768})
    generator = load("vampnet", beside(f"print({ready!r}, flush=True)\nexit('out of memory')"))
    for _ in range(2):  # and says so again
        with pytest.raises(InputError, match=r"VampNet has stopped: out of memory; see"):
            generator.tokens(PROMPTS["square"])


def test_a_worker_that_is_killed_says_so(beside):
    code = (
        "import os, sys; print('a warning', file=sys.stderr, flush=True); os.kill(os.getpid(), 9)"
    )
    with pytest.raises(InputError, match="VampNet has stopped: killed by signal 9; see"):
        load("vampnet", beside(code))


def test_a_codec_for_another_rate_is_an_input_error(beside):
    ready = json.dumps({"sample_rate": 22_050, "hop": 768})
    with pytest.raises(InputError, match=r"vampnet_codec.* is a codec for 22050 Hz, not 44100"):
        load("vampnet", beside(f"print({ready!r}, flush=True)"))


@pytest.mark.parametrize("missing", vampnet.PACKAGES)
def test_a_missing_package_says_how_to_get_it(beside, tmp_path, missing):
    folder = beside()
    (tmp_path / "vampnet" / missing).rmdir()
    with pytest.raises(InputError) as error:
        load("vampnet", folder)
    assert f"{tmp_path / 'vampnet' / missing} is missing" in str(error.value)
    command = f"python -m pip install --no-deps --target {tmp_path / 'vampnet'} -r envs/vampnet.txt"
    assert str(error.value).endswith(command)


def test_another_interpreter_can_be_named(beside, tmp_path, monkeypatch):
    folder = beside()
    monkeypatch.setenv(vampnet.PYTHON, str(tmp_path / "no-python"))
    with pytest.raises(InputError, match=rf"{vampnet.PYTHON} names .*no-python, which does not"):
        load("vampnet", folder)
    other = tmp_path / "python"
    other.write_text(f'#!/bin/sh\necho "this is $0" >&2\nexec {sys.executable} -c "exit(1)"\n')
    other.chmod(0o755)
    monkeypatch.setenv(vampnet.PYTHON, str(other))
    with pytest.raises(InputError, match=f"VampNet has stopped: this is {other}"):
        load("vampnet", folder)


def test_other_weights_than_the_recordings_are_refused(beside, tmp_path):
    folder = beside()
    folder.unlink()
    for name in vampnet.WEIGHTS:
        weights.fetch_random(name, folder, recording.SEED + 1)
    with pytest.raises(InputError, match="the recording was made with other weights"):
        load("vampnet", folder)


def test_a_recording_answers_nothing_but_what_was_recorded(beside):
    generator = load("vampnet", beside())
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


# The published files

FILES = {name: SOURCES[name].file for name in vampnet.WEIGHTS}


@pytest.fixture
def published(tmp_path):
    """Writes a random published file, its content changed by `edit`."""

    def published(name, edit=lambda content: None):
        path = tmp_path / FILES[name]
        weights._imported(SOURCES[name].random)(path, 1)
        content = torch.load(path, weights_only=True)
        edit(content)
        torch.save(content, path)
        return path

    return published


@pytest.mark.parametrize("name", vampnet.WEIGHTS)
def test_tensors_and_arguments_are_converted_as_they_were(published, tmp_path, name):
    path = published(name, lambda content: content["metadata"].update(epoch=7, tags=["best"]))
    (file,) = weights.fetch(name, tmp_path / "checkpoints", path)
    tensors = load_file(file)
    kwargs = json.loads(bytes(tensors.pop(vampnet_weights.KWARGS)))
    content = torch.load(path, weights_only=True)
    assert kwargs == content["metadata"]["kwargs"]
    assert tensors.keys() == content["state_dict"].keys()
    for key, tensor in content["state_dict"].items():
        np.testing.assert_array_equal(tensors[key], tensor.numpy())
    assert not weights.is_random(file)


@pytest.mark.parametrize("name", vampnet.WEIGHTS)
def test_the_fingerprint_changes_with_each_weight_and_argument(beside, tmp_path, name):
    folder = beside('print(\'{"sample_rate": 44100, "hop": 768}\', flush=True)')
    files = {path.name: load_file(path) for path in folder.iterdir()}
    folder.unlink()

    def fingerprint(change):
        for file, tensors in files.items():
            changed = {key: np.array(tensor) for key, tensor in tensors.items()}
            if file.startswith(name) and change:
                changed[change].flat[-3] += 1
            weights.save(folder / file, changed, {"source": "tests"})
        generator = load("vampnet", folder)
        assert not generator.plumbing
        return generator.fingerprint

    bias = next(key for key in files[f"{name}.safetensors"] if key.endswith(".bias"))
    said = [fingerprint(change) for change in (None, bias, vampnet_weights.KWARGS, None)]
    assert len(set(said)) == 3 and said[0] == said[3]


@pytest.mark.parametrize(
    "name, edit, complaint",
    [
        ("vampnet_codec", lambda c: c.pop("metadata"), "holds no state_dict, or no metadata"),
        ("vampnet_codec", lambda c: c["metadata"].pop("kwargs"), "no metadata with kwargs"),
        ("vampnet_coarse", lambda c: c.pop("state_dict"), "holds no state_dict"),
        ("vampnet_c2f", lambda c: c["state_dict"].update(more=3), "its 'more' is not a tensor"),
        ("vampnet_codec", lambda c: c["state_dict"].clear(), "is not the codec"),
        ("vampnet_coarse", lambda c: c["state_dict"].clear(), "is not the coarse model"),
        (
            "vampnet_c2f",
            lambda c: c["metadata"]["kwargs"].update(rates=torch.zeros(1)),
            "Tensor is not JSON serializable",
        ),
    ],
)
def test_a_file_that_is_laid_out_otherwise_is_refused(published, tmp_path, name, edit, complaint):
    with pytest.raises(InputError) as error:
        weights.fetch(name, tmp_path / "checkpoints", published(name, edit))
    line = str(error.value)
    assert f"{FILES[name]} cannot be converted: " in line and complaint in line
    assert "or mend generators.vampnet.checkpoint" in line
    assert not list((tmp_path / "checkpoints").iterdir())


@pytest.mark.parametrize("name", vampnet.WEIGHTS)
@pytest.mark.parametrize("other", vampnet.WEIGHTS)
def test_one_model_is_not_taken_for_another(published, tmp_path, name, other):
    path = published(other)
    if name == other:
        assert weights.fetch(name, tmp_path / "checkpoints", path)
    else:
        with pytest.raises(InputError, match=f"{FILES[other]} cannot be converted: it is not the"):
            weights.fetch(name, tmp_path / "checkpoints", path)


class Hostile:
    """Writes a file when it is unpickled by anything that runs what it reads."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return open, (str(self.marker), "w")


@pytest.mark.parametrize("where", ["tensors", "kwargs", "elsewhere"])
def test_nothing_in_a_hostile_file_is_run(published, tmp_path, where):
    hostile = Hostile(tmp_path / "marker")

    def edit(content):
        place = {"tensors": content["state_dict"], "kwargs": content["metadata"]["kwargs"]}
        place.get(where, content)["hostile"] = hostile

    path = published("vampnet_coarse", edit)
    if where == "elsewhere":  # it is passed over
        weights.fetch("vampnet_coarse", tmp_path / "checkpoints", path)
    else:
        with pytest.raises(InputError, match=r"coarse\.pth cannot be converted: "):
            weights.fetch("vampnet_coarse", tmp_path / "checkpoints", path)
    assert not hostile.marker.exists()
    pickle.loads(pickle.dumps(hostile)).close()
    assert hostile.marker.exists(), "it would have been noticed"


def test_the_licence_is_shown_before_the_file_is_used(published, tmp_path, monkeypatch, caplog):
    caplog.set_level(logging.INFO, "musical_roots")
    seen = []

    def convert(path):
        seen.append(caplog.text)
        return iter(())

    monkeypatch.setattr(vampnet_weights, "convert_codec", convert)
    with pytest.raises(InputError):
        weights.fetch("vampnet_codec", tmp_path / "checkpoints", published("vampnet_codec"))
    assert LICENCE in seen[0] and "arXiv:2307.04686" in seen[0]


def test_random_weights_repeat_to_the_bit_and_change_with_the_seed(tmp_path):
    for write in ("random_codec", "random_coarse", "random_fine"):
        paths = [tmp_path / f"{write}-{i}" for i in range(3)]
        for path, seed in zip(paths, (1, 1, 2), strict=True):
            getattr(vampnet_weights, write)(path, seed)
        one, same, other = (path.read_bytes() for path in paths)
        assert one == same != other


@pytest.mark.parametrize("name", vampnet.WEIGHTS)
def test_missing_and_damaged_weights_say_how_to_get_them(beside, trained_on_nothing, name):
    folder = beside()
    folder.unlink()
    folder.mkdir()
    for path in trained_on_nothing.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    path = folder / f"{name}.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(InputError, match=rf"{name}\.safetensors is damaged .*fetch it again"):
        load("vampnet", folder)
    path.unlink()
    with pytest.raises(InputError, match=rf"{name}\.safetensors is missing; .*--name {name} "):
        load("vampnet", folder)


def test_weights_that_do_not_fit_stop_the_worker(trained_on_nothing, tmp_path):
    real(trained_on_nothing)
    (tmp_path / "vampnet").symlink_to(recording.PACKAGES)
    for path in trained_on_nothing.iterdir():
        tensors = load_file(path)
        if path.stem == "vampnet_c2f":
            del tensors["transformer.norm.weight"]
        weights.save(tmp_path / "checkpoints" / path.name, tensors, {"source": "tests"})
    with pytest.raises(InputError, match=r"do not fit: VampNet lacks transformer\.norm\.weight"):
        load("vampnet", tmp_path / "checkpoints")


def test_untrained_adapters_may_be_left_out_and_only_answers_are_said(trained_on_nothing, tmp_path):
    real(trained_on_nothing)
    (tmp_path / "vampnet").symlink_to(recording.PACKAGES)
    for path in trained_on_nothing.iterdir():
        tensors = {key: t for key, t in load_file(path).items() if ".lora_" not in key}
        weights.save(tmp_path / "checkpoints" / path.name, tensors, {"source": "tests"})
    generator = load("vampnet", tmp_path / "checkpoints")
    one, other = (
        next(generator.vamp([PROMPTS["bursts"]], SETTINGS["onsets"], [1])) for _ in range(2)
    )
    assert equal(one, other)
    # VampNet prints the onsets that it finds
    generator._process.stdin.close()
    assert generator._process.stdout.read() == ""
