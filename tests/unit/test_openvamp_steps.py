"""The two ways of openvamp's training step are one, and a recorded step is the one recorded."""

import shutil
import sysconfig

import numpy as np
import other_device
import pytest
import torch
from tiny_openvamp import SIZE

from musical_roots.generators.openvamp import model, steps, training
from musical_roots.seeding import rng

SHAPE = (3, SIZE.codebooks, training.CROP)
RATES = (1e-3, 5e-3, 2e-3, 0.0, 1e-3)


def network() -> model.MaskedTransformer:
    made = model.MaskedTransformer(SIZE)
    model.initialise(made, 0)
    return made


def batch(step: int) -> tuple[np.ndarray, np.ndarray]:
    draws = np.random.default_rng(step)
    tracks = {"a": draws.integers(SIZE.entries, size=(SIZE.codebooks, 300))}
    return training.masked_crops(tracks, SHAPE[0], rng(step, "test"))


def losses(take_step: steps.Step) -> list[float]:
    return [take_step(*batch(step), rate).item() for step, rate in enumerate(RATES)]


def test_the_loss_at_all_places_is_that_at_masked_places():
    crops, masked = batch(0)
    ours, other = network(), network()
    loss, _, _ = steps.masked_loss(ours, crops, masked, "fp32")
    everywhere = steps.loss_everywhere(
        other, torch.from_numpy(crops), torch.from_numpy(masked), "fp32"
    )
    loss.backward()
    everywhere.backward()
    assert everywhere.item() == pytest.approx(loss.item(), rel=1e-6)
    for one, two in zip(ours.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(one.grad, two.grad, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize(("precision", "within"), [("fp32", 1e-5), ("bf16", 1e-2)])
def test_a_static_step_takes_the_steps_of_the_plain_one(precision, within):
    plain = losses(steps.step_of(network(), SHAPE, precision))
    assert losses(steps.StaticStep(network(), SHAPE, precision)) == pytest.approx(plain, rel=within)
    assert len(set(plain)) == len(plain)


@pytest.mark.filterwarnings("ignore:Torchinductor does not")
@pytest.mark.skipif(not steps._compiles(), reason="no compiler: apt install g++ python3-dev")
def test_many_networks_in_bf16_take_fused_steps_on_a_cpu():
    plain = losses(steps.step_of(network(), SHAPE, "bf16"))
    fused = steps.step_of(network(), SHAPE, "bf16", fuse=True)
    assert fused.loss_of is steps.fused()
    assert losses(fused) == pytest.approx(plain, rel=1e-2)


@pytest.mark.parametrize("lacking", ["bf16", "a compiler", "headers"])
def test_where_something_is_lacking_steps_on_a_cpu_are_plain(monkeypatch, tmp_path, lacking):
    monkeypatch.setattr(shutil, "which", lambda name: None if lacking == "a compiler" else name)
    monkeypatch.setattr(sysconfig, "get_path", lambda name: tmp_path)
    if lacking != "headers":
        (tmp_path / "Python.h").touch()
    precision = "fp32" if lacking == "bf16" else "bf16"
    assert steps._compiles() == (lacking == "bf16")
    taken = steps.step_of(network(), SHAPE, precision, fuse=True)
    assert not isinstance(taken, steps.StaticStep)


def test_at_rate_0_weights_stay():
    """So that the steps before a recording leave no trace in them."""
    made = network()
    static = steps.StaticStep(made, SHAPE, "fp32")
    losses(static)
    before = {name: value.clone() for name, value in made.state_dict().items()}
    static.rate.zero_()
    static.compute()
    assert all(torch.equal(value, before[name]) for name, value in made.state_dict().items())


def test_a_recorded_step_begins_where_it_was_and_takes_the_same_steps():
    plain = losses(steps.step_of(network(), SHAPE, "fp32"))
    with other_device.found():
        made = network().to("cuda")
        recorded = steps.step_of(made, SHAPE, "fp32")
        weights = made.tensors()
        assert losses(recorded) == pytest.approx(plain, rel=1e-5)
    assert all(np.array_equal(value, weights[name]) for name, value in network().tensors().items())


def test_what_waits_for_the_gpu_cannot_be_recorded(monkeypatch):
    def waiting(made, crops, masked, precision):
        return torch.cat(made(crops, masked)).mean()  # picks masked places out

    monkeypatch.setattr(steps, "loss_everywhere", waiting)
    with other_device.found(), pytest.raises(RuntimeError, match="not permitted when stream is"):
        steps.step_of(network().to("cuda"), SHAPE, "fp32")
