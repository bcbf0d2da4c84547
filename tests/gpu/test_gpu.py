"""What a GPU computes is what the CPU does. Skipped where there is none."""

import numpy as np
import pytest
import tiny_openvamp
import torch

from musical_roots import embed
from musical_roots.devices import settle
from musical_roots.encoders import clmr, clmr_training, clmr_views
from musical_roots.encoders.base import ENCODERS, load
from musical_roots.generators import base as generators
from musical_roots.generators.base import VampSettings
from musical_roots.generators.openvamp import model, steps, training
from musical_roots.seeding import rng

if not torch.cuda.is_available():
    pytest.skip("no CUDA device", allow_module_level=True)

# laion_clap and VampNet compute in processes of their own
OURS = [name for name in ENCODERS if name != "laion_clap"]
LEAST = {"fp32": 0.999999, "bf16": 0.9999}  # cosine
HEARD_RAW = ("clmr", "clmr_1550", "clmr_open")  # samples in bf16 have 8 bits: .999


def clips(rate, count=8):
    """Music of ours, float32 [count, 3 s]."""
    return np.stack([tiny_openvamp.music(3, seed, rate) for seed in range(count)])


def cosines(one, other):
    return np.vecdot(one, other) / np.linalg.norm(one, axis=1) / np.linalg.norm(other, axis=1)


@pytest.mark.parametrize("precision", LEAST)
@pytest.mark.parametrize("name", OURS)
def test_embeddings_are_those_of_the_cpu(weights, name, precision):
    here = load(name, weights(name))
    there = load(name, weights(name), device="cuda", precision=precision)
    music = clips(here.sample_rate)
    features = there.encode(music)
    assert features.dtype == np.float32
    least = 0.999 if precision == "bf16" and name in HEARD_RAW else LEAST[precision]
    assert cosines(features, here.encode(music)).min() > least


def test_clmrs_projector_says_the_same(weights):
    how = {"features": "projector"}
    there, here = (load("clmr", weights("clmr"), device=d, **how) for d in ("cuda", "cpu"))
    music = clips(here.sample_rate)
    assert cosines(there.encode(music), here.encode(music)).min() > LEAST["fp32"]


@pytest.mark.parametrize("name", ["clap", "clap_music", "clmr"])
def test_a_clip_takes_no_more_memory_than_its_encoder_says(weights, name):
    encoder = load(name, weights(name), device="cuda")
    music = clips(encoder.sample_rate, 32)
    before = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    encoder.encode(music)
    peak = torch.cuda.max_memory_allocated() - before
    assert peak < len(music) * encoder.clip_bytes


def test_a_batch_too_large_for_the_gpu_is_halved(weights, monkeypatch):
    encoder = load("clmr", weights("clmr"), device="cuda")
    music = clips(encoder.sample_rate, 64)
    whole, encode, tried = encoder.encode(music), encoder.encode, []
    monkeypatch.setattr(encoder, "encode", lambda batch: tried.append(len(batch)) or encode(batch))
    torch.cuda.empty_cache()
    room = torch.cuda.memory_reserved() + 8 * encoder.clip_bytes
    torch.cuda.set_per_process_memory_fraction(room / torch.cuda.mem_get_info()[1])
    try:
        halved = embed._in_memory(encoder, music)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert tried[:2] == [64, 32]
    assert cosines(halved, whole).min() > LEAST["fp32"]


def test_vamps_repeat_and_keep_what_they_should(tmp_path):
    generator = generators.load("openvamp", tiny_openvamp.save(tmp_path), "cuda")
    prompt, settings = tiny_openvamp.music(2), VampSettings(periodic_prompt=4, steps=8)
    one, again, other = generator.vamp(3 * [prompt], settings, [3, 3, 4])
    assert np.array_equal(one.tokens, again.tokens)
    assert one.audio.tobytes() == again.audio.tobytes()
    assert not np.array_equal(one.tokens, other.tokens)
    tokens = generator.tokens(prompt)
    assert np.array_equal(one.tokens[one.kept], tokens[one.kept])
    assert np.isfinite(one.audio).all()


# bf16 has 8 bits
@pytest.mark.parametrize("precision, within", [("fp32", 1e-3), ("bf16", 2e-2)])
def test_openvamps_losses_are_those_of_the_cpu(precision, within):
    draws, size = np.random.default_rng(0), tiny_openvamp.SIZE
    tokens = {f"{i}": draws.integers(size.entries, size=(size.codebooks, 400)) for i in range(4)}
    how = {"seed": 0, "steps": training.WATCH_EVERY + 5, "batch_size": 4}
    _, here = training.train(tokens, tokens, size, device="cpu", precision="fp32", **how)
    how |= {"device": settle("cuda"), "precision": precision}
    _, there = training.train(tokens, tokens, size, **how)
    np.testing.assert_allclose(there, here, rtol=0, atol=within)


def network(size):
    made = model.MaskedTransformer(size)
    model.initialise(made, 0)
    return made


@pytest.mark.parametrize("fuse", [False, True])
@pytest.mark.parametrize("precision, within", [("fp32", 1e-3), ("bf16", 2e-2)])
def test_openvamps_recorded_steps_are_those_of_the_cpu_one_by_one(precision, within, fuse):
    settle("cuda")
    size, rates = model.Size(codebooks=8, entries=256, width=192, layers=4), (1e-3, 2e-3, 0, 1e-3)
    shape, draws = (16, size.codebooks, training.CROP), np.random.default_rng(0)
    tokens = {"a": draws.integers(size.entries, size=(size.codebooks, 400))}
    batches = [training.masked_crops(tokens, shape[0], rng(0, "test", f"{i}")) for i in range(4)]
    here, made = steps.step_of(network(size), shape, "fp32"), network(size).to("cuda")
    there = steps.step_of(made, shape, precision, fuse)
    before = network(size).tensors()
    assert all(np.array_equal(value, before[name]) for name, value in made.tensors().items())
    wanted = [here(*batch, rate).item() for batch, rate in zip(batches, rates, strict=True)]
    losses = [there(*batch, rate) for batch, rate in zip(batches, rates, strict=True)]
    np.testing.assert_allclose([loss.item() for loss in losses], wanted, rtol=0, atol=within)


def clmr_tracks():
    return {f"{i}": tiny_openvamp.music(4, i, clmr.SAMPLE_RATE) for i in range(6)}


# Each step starts from the CPU's weights: two of Adam's steps make a per cent of 1e-8
@pytest.mark.parametrize(
    "precision, first, later, least", [("fp32", 1e-4, 1e-3, 0.999), ("bf16", 2e-2, 0.1, 0.5)]
)
def test_clmrs_losses_and_gradients_are_those_of_the_cpu_one_by_one(precision, first, later, least):
    tracks = list(clmr_tracks().values())[:4]

    def trained_by(device, dtype):
        model = clmr_training._Model(dtype)
        clmr_training._initialise(model, seed=0)
        return model, [p for p in model.to(device).parameters() if p.requires_grad]

    def step(model, parameters, batch, device):
        loss = clmr_training._step(model, parameters, torch.from_numpy(batch).to(device))
        return loss, torch.cat([p.grad.flatten().double().cpu() for p in parameters]).numpy()

    here, parameters = trained_by("cpu", torch.float32)
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    device = settle("cuda")
    there, parameters_there = trained_by(device, dtype)
    optimiser = torch.optim.Adam(parameters, 3e-4)
    for number in range(3):
        views = [clmr_views.views(track, 0, f"test {number}") for track in tracks]
        there.load_state_dict(here.state_dict())
        loss, gradient = step(here, parameters, np.stack(views, axis=1), "cpu")
        same, gradient_there = step(there, parameters_there, np.stack(views, axis=1), device)
        assert same == pytest.approx(loss, abs=later if number else first), number
        assert cosines(gradient[None], gradient_there[None]) > least, number
        optimiser.step()


@pytest.mark.parametrize("precision", LEAST)
def test_clmrs_training_repeats_to_the_bit(precision):
    how = {"seed": 0, "steps": 3, "batch_size": 4, "precision": precision}
    how |= {"device": settle("cuda")}
    tensors, curve = clmr_training.train(clmr_tracks(), clmr_tracks(), **how)
    again, curve_again = clmr_training.train(clmr_tracks(), clmr_tracks(), **how)
    assert curve.equals(curve_again)
    for name, tensor in tensors.items():
        np.testing.assert_array_equal(again[name], tensor, name)
