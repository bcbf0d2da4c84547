"""CLMR against a plain SampleCNN, and its published files on their way to us."""

import io
import sys
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from musical_roots import embed
from musical_roots.encoders import clmr
from musical_roots.encoders.base import PLUMBING, Settings, load
from musical_roots.encoders.clmr_training import SampleCNN
from musical_roots.errors import InputError
from musical_roots.weights import checkpoints, files
from musical_roots.weights.formats import clmr as layout

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS), str(TESTS / "data")]

import other_device  # noqa: E402
import synthetic_audio  # noqa: E402
from plain_clmr import plain_clmr, plain_encode, plain_projector  # noqa: E402

RTOL = 1e-5  # of a feature vector's norm
NAMES = ("clmr", "clmr_1550")


@pytest.fixture(scope="module")
def clips():
    """Music of ours and noise, float32 [4, 66150]: 3 s."""
    tones = np.concatenate(list(synthetic_audio.clips().values()))[: 3 * 66_150].reshape(3, -1)
    noise = np.random.default_rng(0).standard_normal((1, 66_150)) / 10
    return np.concatenate([tones, noise]).astype(np.float32)


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """Random checkpoints of both published layouts."""
    folder = tmp_path_factory.mktemp("published")
    paths = {"clmr": folder / "clmr.zip", "clmr_1550": folder / "clmr_1550.pt"}
    for name, path in paths.items():
        layout.write_random(path, 1, name)
    return paths


@pytest.fixture(scope="module")
def converted(published):
    return {name: next(layout.convert(path, name))[0] for name, path in published.items()}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Checkpoint folder, as the command `weights --random` fills it; and a file of our training."""
    folder = tmp_path_factory.mktemp("checkpoints")
    for name in NAMES:
        checkpoints.fetch_random(name, folder, seed=1)
    return folder


def lightning(published):
    """What is inside the zip of release 2.0."""
    with zipfile.ZipFile(published["clmr"]) as archive:
        (name,) = archive.namelist()
        return torch.load(io.BytesIO(archive.read(name)), weights_only=True)


def distance(features, wanted):
    """Largest distance of a row from the row that is wanted, as a share of its norm."""
    return (np.linalg.norm(features - wanted, axis=1) / np.linalg.norm(wanted, axis=1)).max()


# The numbers


@pytest.mark.parametrize("name", NAMES)
def test_features_are_those_of_a_plain_network(folder, converted, clips, name):
    encoder = load(name, folder)
    network = plain_clmr(converted[name])
    first, count = encoder.span(clips.shape[1])
    heard = clips[:, first : first + count]
    plain = np.stack([plain_encode(network, clip) for clip in heard])
    exact = np.stack([plain_encode(network.double(), clip) for clip in heard])
    features = encoder.encode(clips)
    assert distance(features, plain) < RTOL
    assert distance(features, exact) < RTOL
    assert np.abs(features - exact).max() < RTOL * exact.max()


@pytest.mark.parametrize("name", NAMES)
def test_the_projector_is_a_plain_one(folder, converted, clips, name):
    encoder = load(name, folder, features="projector")
    whole = torch.nn.Sequential(plain_clmr(converted[name]), plain_projector(converted[name]))
    first, count = encoder.span(clips.shape[1])
    heard = clips[:, first : first + count]
    plain = np.stack([plain_encode(whole, clip) for clip in heard])
    exact = np.stack([plain_encode(whole.double(), clip) for clip in heard])
    features = encoder.encode(clips)
    assert features.shape == (4, 64) and features.dtype == np.float32
    assert distance(features, plain) < RTOL
    assert distance(features, exact) < RTOL


def test_the_projector_keeps_an_encoders_promises(folder, clips):
    encoder = load("clmr", folder, features="projector")
    features = encoder.encode(clips)
    assert encoder.dim == 64 and (features < 0).any() and (features > 0).any()
    np.testing.assert_array_equal(encoder.encode(clips[::-1])[::-1], features)
    np.testing.assert_array_equal(encoder.encode(clips[2:3])[0], features[2])
    assert encoder.encode(clips[:0]).shape == (0, 64)
    assert np.isfinite(encoder.encode(np.zeros((1, 66_150), np.float32))).all()


def test_what_a_gpu_projects_says_the_same(folder, clips):
    features = load("clmr", folder, features="projector").encode(clips)
    with other_device.found():
        there = load("clmr", folder, features="projector", device="cuda").encode(clips)
    assert distance(there, features) < RTOL


def test_negative_scales_of_batch_norm_are_no_trouble(converted, clips):
    tensors = dict(converted["clmr"])
    draw = np.random.default_rng(0)
    for i in clmr.BLOCKS:
        gamma = tensors[f"sequential.{i}.1.weight"]
        tensors[f"sequential.{i}.1.weight"] = gamma * np.float32(draw.choice([-1, 1], len(gamma)))
    heard = clips[:, : clmr.WINDOW]
    exact = np.stack([plain_encode(plain_clmr(tensors).double(), clip) for clip in heard])
    assert distance(clmr.Network(tensors, Settings())(heard), exact) < RTOL


def test_what_a_gpu_runs_says_the_same(converted, clips):
    heard = clips[:, : clmr.WINDOW]
    features = clmr.Network(converted["clmr"], Settings())(heard)
    with other_device.found():
        whole = clmr.Network(converted["clmr"], Settings(device="cuda"))(heard)
        half = clmr.Network(converted["clmr"], Settings(device="cuda", precision="bf16"))(heard)
    assert distance(whole, features) < RTOL
    assert half.dtype == np.float32
    assert distance(half, features) > RTOL
    cosines = np.vecdot(half, features) / np.linalg.norm(half, axis=1)
    assert (cosines / np.linalg.norm(features, axis=1) > 0.999).all()


def test_features_are_those_of_the_last_relu(folder, clips):
    encoder = load("clmr", folder)
    assert not encoder.standardise
    features = encoder.encode(clips)
    assert features.shape == (4, 512)
    assert features.min() == 0
    assert np.linalg.norm(features, axis=1).max() > 2  # not of unit length


@pytest.mark.parametrize("name", NAMES)
def test_a_random_network_is_alive(folder, clips, name):
    features = load(name, folder).encode(clips)
    assert 0.2 < (features > 0).mean() < 0.8
    assert features.mean() > 0.1 and features.max() < 100
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    assert (unit @ unit.T)[~np.eye(4, dtype=bool)].max() < 0.99


@pytest.mark.parametrize("mistake", ["eps", "tap", "scale"])
def test_a_mistake_would_be_caught(converted, clips, monkeypatch, mistake):
    exact = clmr.Network(converted["clmr"], Settings())(clips[:1, : clmr.WINDOW])
    tensors = dict(converted["clmr"])
    if mistake == "eps":
        monkeypatch.setattr(clmr, "BATCH_NORM_EPS", 1e-3)
    elif mistake == "tap":
        tensors["sequential.10.0.weight"] = np.roll(tensors["sequential.10.0.weight"], 1, axis=2)
    else:
        tensors["sequential.9.1.weight"] = tensors["sequential.9.1.weight"] * np.float32(1.001)
    wrong = clmr.Network(tensors, Settings())(clips[:1, : clmr.WINDOW])
    assert distance(wrong, exact) > 10 * RTOL


# What is heard


@pytest.mark.parametrize("part, first", [("start", 0), ("centre", 3550), ("end", 7101)])
def test_the_part_of_a_clip_that_is_heard(folder, clips, part, first):
    encoder = load("clmr", folder, part=part)
    assert encoder.span(66_150) == (first, 59_049)
    silenced = np.zeros_like(clips)
    silenced[:, first : first + 59_049] = clips[:, first : first + 59_049]
    np.testing.assert_array_equal(encoder.encode(silenced), encoder.encode(clips))
    for edge in (first, first + 59_048):  # the very first and the very last sample
        silenced[:, edge] += 0.5
        assert (encoder.encode(silenced) != encoder.encode(clips)).any(axis=1).all()
        silenced[:, edge] -= 0.5


@pytest.mark.parametrize("part", ["start", "centre", "end"])
def test_what_is_short_is_heard_whole(folder, clips, part):
    encoder = load("clmr", folder, part=part)
    for samples in (0, 1, 59_048, 59_049):
        assert encoder.span(samples) == (0, samples)
    padded = np.zeros((4, 59_049), np.float32)
    padded[:, :30_000] = clips[:, :30_000]
    np.testing.assert_array_equal(encoder.encode(clips[:, :30_000]), encoder.encode(padded))


def test_layers_do_not_mix_and_are_named(folder):
    known = [load("clmr", folder, features=layer) for layer in ("encoder", "projector")]
    assert "projector" in known[1].fingerprint
    assert known[0].fingerprint != known[1].fingerprint
    assert known[0].fingerprint == load("clmr", folder).fingerprint
    clips = pd.DataFrame({"duration_s": [3.0]})
    assert [embed.made_by(one, clips)["features"] for one in known] == ["encoder", "projector"]


def test_a_file_without_a_projector_gives_the_encoder_alone(published, tmp_path):
    plain = torch.load(published["clmr_1550"], weights_only=True)
    for number, change in enumerate(
        (
            lambda state: state.pop("projector.0.weight"),
            lambda state: state.update({"projector.2.weight": torch.zeros(128, 512)}),
            lambda state: state.update({"projector.0.bias": torch.zeros(512)}),
        )
    ):
        state, folder = dict(plain), tmp_path / str(number)
        change(state)
        folder.mkdir()
        torch.save(state, folder / "other.pt")
        [(tensors, _)] = layout.convert(folder / "other.pt", "clmr_1550")
        assert tensors.keys() == layout.shapes().keys()
        files.save(folder / "clmr_1550.safetensors", tensors, {"source": "a test"})
        assert load("clmr_1550", folder).dim == 512
        with pytest.raises(InputError) as refused:
            load("clmr_1550", folder, features="projector")
        said = str(refused.value)
        assert "\n" not in said and "no projector" in said
        assert "encoders.clmr_1550.features" in said


def test_parts_do_not_mix(folder):
    assert len({load("clmr", folder, part=p).fingerprint for p in ("start", "centre", "end")}) == 3


def test_a_row_does_not_depend_on_its_batch(folder, clips):
    encoder = load("clmr", folder)
    features = encoder.encode(clips)
    np.testing.assert_array_equal(encoder.encode(clips[::-1])[::-1], features)
    np.testing.assert_array_equal(encoder.encode(clips[2:3])[0], features[2])


# The files


def test_random_weights_are_named_so(folder):
    for name in NAMES:
        encoder = load(name, folder)
        assert encoder.plumbing and encoder.label == f"{name} ({PLUMBING})"
    assert load("clmr", folder).fingerprint != load("clmr_1550", folder).fingerprint


@pytest.mark.parametrize("name", NAMES)
def test_random_weights_from_a_file_are_named_so(published, tmp_path, name):
    checkpoints.fetch(name, tmp_path, published[name])
    assert load(name, tmp_path).label == f"{name} ({PLUMBING})"


def test_random_checkpoints_repeat_to_the_bit(published, tmp_path):
    layout.write_random(tmp_path / "again.zip", 1, "clmr")
    layout.write_random(tmp_path / "again.pt", 1, "clmr_1550")
    assert (tmp_path / "again.zip").read_bytes() == published["clmr"].read_bytes()
    assert (tmp_path / "again.pt").read_bytes() == published["clmr_1550"].read_bytes()
    layout.write_random(tmp_path / "other.pt", 2, "clmr_1550")
    assert (tmp_path / "other.pt").read_bytes() != published["clmr_1550"].read_bytes()


def test_random_checkpoints_are_laid_out_as_the_published(published):
    checkpoint = lightning(published)
    assert {"pytorch-lightning_version", "epoch", "global_step"} < checkpoint.keys()
    names = {"sequential.10.1.running_var", "sequential.0.0.weight"}
    assert {f"model.encoder.{name}" for name in names} < checkpoint["state_dict"].keys()
    assert checkpoint["state_dict"]["model.projector.2.weight"].shape == (64, 512)
    plain = torch.load(published["clmr_1550"], weights_only=True)
    assert {f"encoder.{name}" for name in names} < plain.keys()
    assert plain["projector.2.weight"].shape == (64, 512)


def test_all_layouts_are_read(published, converted, tmp_path):
    checkpoint = lightning(published)
    state = {n: t for n, t in checkpoint["state_dict"].items() if n.startswith("model.")}
    state["model.encoder.fc.weight"] = torch.zeros(50, 512)
    plain = {name.removeprefix("model."): tensor for name, tensor in state.items()}
    older = {}
    for name, tensor in plain.items():
        parts = name.split(".")
        if parts[1] == "sequential":
            parts[1:3] = [f"conv{int(parts[2]) + 1}"]
        older[".".join(parts)] = tensor
    assert "encoder.conv11.0.weight" in older
    for content in (checkpoint, {**checkpoint, "state_dict": state}, plain, older):
        torch.save(content, tmp_path / "layout.pt")
        [(tensors, _)] = layout.convert(tmp_path / "layout.pt", "clmr")
        assert tensors.keys() == layout.shapes().keys() | layout.PROJECTOR.keys()
        for name, tensor in tensors.items():
            assert tensor.dtype == np.float32
            np.testing.assert_array_equal(tensor, converted["clmr"][name])


def test_the_layouts_tensors_are_the_networks():
    state = SampleCNN().state_dict()
    trained = {n: t.shape for n, t in state.items() if not n.endswith("num_batches_tracked")}
    assert layout.shapes() == trained


def test_an_optimiser_in_the_zip_is_passed_over(published, converted, tmp_path):
    path = tmp_path / "both.zip"
    path.write_bytes(published["clmr"].read_bytes())
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("clmr_checkpoint_10000/clmr_checkpoint_10000_optim.pt", b"momentum")
    [(tensors, _)] = layout.convert(path, "clmr")
    assert files.digest(tensors) == files.digest(converted["clmr"])


def test_a_zip_may_hold_what_a_mac_adds(published, converted, tmp_path):
    with zipfile.ZipFile(published["clmr"]) as archive:
        (name,) = archive.namelist()
        content = archive.read(name)
    path = tmp_path / "mac.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("checkpoint.pt", content)
        archive.writestr("__MACOSX/._checkpoint.pt", b"nothing")
    [(tensors, _)] = layout.convert(path, "clmr")
    np.testing.assert_array_equal(
        tensors["sequential.3.0.weight"], converted["clmr"]["sequential.3.0.weight"]
    )
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("another.pt", content)
    with pytest.raises(ValueError, match=r"one \.pt file, and holds 2"):
        list(layout.convert(path, "clmr"))


def test_another_network_is_refused(published, tmp_path):
    plain = torch.load(published["clmr_1550"], weights_only=True)
    path = tmp_path / "other.pt"
    for change, complaint in (
        (
            lambda state: state.pop("encoder.sequential.4.1.bias"),
            r"encoder\.sequential\.4\.1\.bias$",
        ),
        (lambda state: state.clear(), r"encoder\.sequential\.0\.0\.weight \(and lacks 65 more\)"),
        (
            lambda state: state.update({"encoder.sequential.9.0.bias": torch.zeros(9)}),
            r"sequential\.9\.0\.bias has shape \(9,\), not \(512,\)",
        ),
    ):
        state = dict(plain)
        change(state)
        torch.save(state, path)
        with pytest.raises(ValueError, match=complaint):
            list(layout.convert(path, "clmr"))
    torch.save([1, 2], path)
    with pytest.raises(ValueError, match="no state dict"):
        list(layout.convert(path, "clmr"))


def test_our_own_is_loaded_from_its_file(folder, converted, tmp_path):
    with pytest.raises(
        InputError, match=r"clmr_open\.safetensors is missing; the workflow trains it"
    ):
        load("clmr_open", tmp_path)
    about = {"source": "a test"}
    files.save(tmp_path / "clmr_open.safetensors", converted["clmr"], about)
    encoder = load("clmr_open", tmp_path)
    assert encoder.label == "clmr_open"
    clip = np.random.default_rng(0).standard_normal((1, 66_150)).astype(np.float32) / 10
    exact = clmr.Network(converted["clmr"], Settings())(encoder.heard(clip))
    np.testing.assert_array_equal(encoder.encode(clip), exact)
