"""Everything stays on the device that it was given: tried with one that is none."""

import sys
from threading import get_ident

import numpy as np
import other_device
import pytest
import tiny_openvamp
import torch

from musical_roots.encoders import clmr_training
from musical_roots.encoders.base import ENCODERS, load
from musical_roots.generators import base as generators
from musical_roots.generators.base import VampSettings
from musical_roots.generators.openvamp import training

# laion_clap and VampNet compute in processes of their own
OURS = [name for name in ENCODERS if name != "laion_clap"]
ON_TORCH = ("aisfx", "aisfx_8k", "clap", "clap_music", "clmr", "clmr_1550", "clmr_open")


def test_the_device_is_one():
    here = torch.ones(2, 3)
    with other_device.found():
        there = here.to("cuda")
        made = torch.arange(3, device=there.device)
        assert there.device == made.device == other_device.CUDA
        assert (there + made).cpu().tolist() == [[1, 2, 3], [1, 2, 3]]
        assert there[:, 1:].add_(1).is_cuda and there.sum().item() == 10
        with pytest.raises(RuntimeError, match="same device"):
            there + here
        with pytest.raises(RuntimeError, match="numpy"):
            there.numpy()
        assert other_device.threads == {get_ident()} and not other_device.unwaited
        here.to("cuda", non_blocking=True)
        there.copy_(here, non_blocking=True)
        assert len(other_device.unwaited) == 2
    assert here.sum() == 6


@pytest.mark.parametrize("name, precision", [*((name, "fp32") for name in OURS), ("clmr", "bf16")])
def test_an_encoder_stays_on_its_device(weights, name, precision):
    here = load(name, weights(name))
    clips = np.random.default_rng(0).standard_normal((1, here.window // 3)).astype(np.float32) / 10
    with other_device.found():
        there = load(name, weights(name), device="auto", precision=precision)
        features = there.encode(clips)
        assert there.encode(clips[:0]).shape == (0, here.dim)
    assert bool(other_device.done) == (name in ON_TORCH)
    assert there.settings.device == ("cuda" if "torch" in sys.modules else "cpu")
    wanted = here.encode(clips)
    assert features.dtype == np.float32
    error = np.linalg.norm(features - wanted) / np.linalg.norm(wanted)
    assert error < (0.05 if precision == "bf16" else 1e-5)


def test_openvamp_stays_on_its_device(tmp_path):
    folder, prompt = tiny_openvamp.save(tmp_path), tiny_openvamp.music(0.7)
    settings = VampSettings(periodic_prompt=4, steps=3)
    (here,) = generators.load("openvamp", folder).vamp([prompt], settings, [3])
    with other_device.found():
        there = generators.load("openvamp", folder, "auto")
        assert next(there.model.parameters()).is_cuda
        (made,) = there.vamp([prompt], settings, [3])
    assert np.array_equal(made.tokens, here.tokens)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_openvamps_training_stays_on_its_device(precision):
    draws = np.random.default_rng(0)
    size = tiny_openvamp.SIZE
    tokens = {f"{i}": draws.integers(size.entries, size=(size.codebooks, 300)) for i in range(3)}
    how = {"seed": 0, "steps": 2, "batch_size": 2, "precision": precision}
    _, here = training.train(tokens, tokens, size, device="cpu", **how)
    with other_device.found():
        model, there = training.train(tokens, tokens, size, device="cuda", **how)
    assert other_device.done
    assert not next(model.parameters()).is_cuda
    np.testing.assert_allclose(there, here, rtol=1e-2 if precision == "bf16" else 1e-5)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_clmrs_training_stays_on_its_device(precision):
    draws = np.random.default_rng(0)
    tracks = {f"{i}": draws.standard_normal(60_000, np.float32) / 10 for i in range(3)}
    how = {"seed": 0, "steps": 1, "batch_size": 2, "precision": precision}
    _, here = clmr_training.train(tracks, tracks, device="cpu", **how)
    with other_device.found():
        tensors, there = clmr_training.train(tracks, tracks, device="cuda", **how)
    assert other_device.threads == {get_ident()} and not other_device.unwaited
    assert all(isinstance(tensor, np.ndarray) for tensor in tensors.values())
    np.testing.assert_allclose(there, here, rtol=0.05 if precision == "bf16" else 1e-4)
