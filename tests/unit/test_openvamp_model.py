"""openvamp's network, its training, and its sampling."""

import sys
from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
import torch
from plain_openvamp import plain_fill, plain_openvamp, plain_train
from tiny_openvamp import SIZE

from musical_roots.errors import InputError
from musical_roots.generators.base import VampSettings
from musical_roots.generators.openvamp import model, sampling, training
from musical_roots.seeding import rng

DATA = Path(__file__).parents[1] / "data"
sys.path.insert(0, str(DATA))
import make_openvamp_golden  # noqa: E402

KEEP_ALL = VampSettings(periodic_prompt=1, upper_codebook_mask=4)


def network(seed: int = 0) -> model.MaskedTransformer:
    made = model.MaskedTransformer(SIZE)
    model.initialise(made, seed)
    return made.eval()


def doubled(network: torch.nn.Module) -> torch.nn.Module:
    return deepcopy(network).double()


def some_tokens(frames: int = 40, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, SIZE.entries, (SIZE.codebooks, frames))


# -- the network -----------------------------------------------------------------------------------


def test_only_what_is_masked_is_computed_and_it_is_right():
    """Logits at masked places equal those that a network without the shortcut gives."""
    made, tokens = network(), torch.from_numpy(some_tokens())[None]
    masked = torch.rand(tokens.shape, generator=torch.Generator().manual_seed(0)) < 0.4
    with torch.no_grad():
        shown = tokens.masked_fill(masked, SIZE.entries)
        frames = sum(embed(shown[:, c]) for c, embed in enumerate(made.embeddings))
        hidden = made.encoder(frames)
        for c, logits in enumerate(made(tokens, masked)):
            assert torch.equal(logits, made.classifiers[c](hidden)[masked[:, c]])
            assert len(logits) == masked[:, c].sum()


def test_a_masked_token_is_not_seen_and_a_known_one_is():
    made, tokens = network(), torch.from_numpy(some_tokens())[None]
    masked = torch.zeros(tokens.shape, dtype=torch.bool)
    masked[:, :, 10:20] = True
    with torch.no_grad():
        before = torch.cat(made(tokens, masked))
        hidden, known = tokens.clone(), tokens.clone()
        hidden[:, 2, 15] = (hidden[:, 2, 15] + 1) % SIZE.entries
        known[:, 2, 30] = (known[:, 2, 30] + 1) % SIZE.entries
        assert torch.equal(torch.cat(made(hidden, masked)), before)
        assert not torch.equal(torch.cat(made(known, masked)), before)


@pytest.mark.parametrize("name", make_openvamp_golden.SIZES)
def test_it_computes_what_x_transformers_does_under_its_names(name):
    golden = np.load(DATA / "openvamp_golden.npz")
    network = make_openvamp_golden.network(make_openvamp_golden.SIZES[name])
    ours = make_openvamp_golden.said(network.encoder)
    assert ours["names"].tolist() == golden[f"{name}/names"].tolist()
    for array in ("made", "gradient"):
        np.testing.assert_allclose(ours[array], golden[f"{name}/{array}"], rtol=0, atol=1e-5)


# -- training --------------------------------------------------------------------------------------


def pattern(length: int, shift: int) -> np.ndarray:
    """A melody of 8 frames that comes again and again: what a network can learn."""
    notes = np.random.default_rng(7).integers(0, SIZE.entries, (SIZE.codebooks, 8))
    return np.stack([np.resize(np.roll(row, shift), length) for row in notes])


def trained(seed=0, steps=600):
    tracks = {f"{shift}": pattern(400, shift) for shift in range(8)}
    return training.train(
        tracks,
        {"held": pattern(300, 3)},
        SIZE,
        seed=seed,
        steps=steps,
        batch_size=4,
        device="cpu",
        precision="fp32",
        learning_rate=5e-3,  # a network this small wants more than the default
    )


@pytest.fixture(scope="module")
def learned():
    return trained()


def test_what_can_be_learned_is_learned(learned):
    made, curve = learned
    chance = np.log(SIZE.entries)
    assert curve.train_loss.iloc[0] < 1.2 * chance
    assert curve.train_loss.iloc[-1] < 0.3 * chance
    said = training.evaluate(made, {"new": pattern(300, 5)}, seed=1, count=16)
    assert said["accuracy"] > 0.8
    assert said["accuracy_coarsest"] > 0.8
    noise = training.evaluate(made, {"noise": some_tokens(300)}, seed=1, count=16)
    assert noise["accuracy"] < 0.1
    assert noise["loss"] > chance


def test_the_control_loss_is_that_of_the_control_tracks(learned):
    made, curve = learned
    held = training.evaluate(made, {"held": pattern(300, 3)}, 0, training.WATCHED)
    assert curve.control_loss.iloc[-1] == pytest.approx(held["loss"], rel=1e-4)
    assert curve.step.tolist() == list(range(25, 601, 25))


def test_training_repeats_to_the_bit_and_hangs_on_the_seed():
    one, two, other = (trained(seed, steps=3)[0].tensors() for seed in (1, 1, 2))
    assert all(np.array_equal(one[name], two[name]) for name in one)
    assert any(not np.array_equal(one[name], other[name]) for name in one)


def test_crops_are_of_the_tracks_and_masks_of_every_density():
    tracks = {"a": pattern(300, 0), "b": some_tokens(257)}
    crops, masked = training.masked_crops(tracks, 200, rng(0, "test"))
    assert crops.shape == masked.shape == (200, SIZE.codebooks, training.CROP)
    for crop in crops[:20]:
        assert any(
            np.array_equal(track[:, start : start + training.CROP], crop)
            for track in tracks.values()
            for start in range(track.shape[1] - training.CROP + 1)
        )
    shares = masked.mean(axis=(1, 2))
    assert shares.min() < 0.1
    assert shares.max() > 0.95
    assert shares.mean() == pytest.approx(2 / np.pi, abs=0.05)  # of a cosine


def test_short_tracks_are_refused():
    how = {"seed": 0, "steps": 1, "batch_size": 4, "device": "cpu", "precision": "fp32"}
    with pytest.raises(InputError, match=r"no training track has 256 frames"):
        training.train({"a": pattern(200, 0)}, {}, SIZE, **how)


# -- masks -----------------------------------------------------------------------------------------


def kept(frames=12, onsets=(), seed=0, **settings) -> np.ndarray:
    settings = VampSettings(**{"periodic_prompt": 0, "upper_codebook_mask": 4} | settings)
    chance = rng(seed, "test")
    return sampling.kept(settings, 4, frames, 0.5, np.array(onsets, int), chance)


def test_masks_keep_what_they_say():
    nothing = np.zeros((4, 12), bool)
    assert np.array_equal(kept(), nothing)
    ends = nothing.copy()
    ends[:, :2] = ends[:, -3:] = True
    assert np.array_equal(kept(prefix_s=1.0, suffix_s=1.4), ends)
    onset = nothing.copy()
    onset[:, 3:7] = True
    assert np.array_equal(kept(onsets=[5], onset_mask_width=2), onset)
    assert np.array_equal(kept(onsets=[5]), nothing)
    coarse = nothing.copy()
    coarse[:1] = True
    assert np.array_equal(kept(periodic_prompt=1, upper_codebook_mask=1), coarse)
    assert np.array_equal(kept(periodic_prompt=1, upper_codebook_mask=0), nothing)
    assert kept(periodic_prompt=1, upper_codebook_mask=9).all()


@pytest.mark.parametrize(("period", "width"), [(2, 1), (3, 1), (7, 1), (7, 3), (5, 2)])
def test_a_periodic_prompt_keeps_every_so_many_frames_from_a_drawn_one_on(period, width):
    firsts = set()
    for seed in range(40):
        (row,) = np.unique(
            kept(10 * period, seed=seed, periodic_prompt=period, periodic_prompt_width=width),
            axis=0,
        )
        assert row.sum() == 10 * width
        assert np.array_equal(row, np.roll(row, period))
        firsts.add(row[:period].tobytes())
    assert len(firsts) == period


# -- sampling --------------------------------------------------------------------------------------


def filled(learned, keep, seed=0, tokens=None, **settings) -> np.ndarray:
    tokens = pattern(keep.shape[1], 0) if tokens is None else tokens
    return sampling.fill(learned[0], tokens, keep, VampSettings(**settings), rng(seed, "test"))


def test_kept_tokens_stay_the_others_are_never_looked_at(learned):
    keep = np.random.default_rng(0).random((4, 64)) < 0.3
    tokens = some_tokens(64)
    made = filled(learned, keep, tokens=tokens, steps=5)
    assert np.array_equal(made[keep], tokens[keep])
    assert made.min() >= 0
    assert made.max() < SIZE.entries
    other = np.where(keep, tokens, 0)
    assert np.array_equal(filled(learned, keep, tokens=other, steps=5), made)
    assert np.array_equal(filled(learned, np.ones((4, 64), bool), tokens=tokens), tokens)


@pytest.mark.parametrize("steps", [1, 2, 12, 1000])
def test_nothing_is_left_masked_whatever_the_number_of_steps(learned, steps):
    keep = np.zeros((4, 16), bool)
    made = filled(learned, keep, steps=steps)
    assert made.shape == (4, 16)
    assert 0 <= made.min() <= made.max() < SIZE.entries


def test_gaps_in_what_was_learned_are_filled_in(learned):
    keep = np.zeros((4, 128), bool)
    keep[:, ::3] = True
    made = filled(learned, keep, steps=12, temperature=0.5)
    assert (made == pattern(128, 0))[~keep].mean() > 0.9  # by chance 1 in 64


def test_chance_comes_from_the_generator_alone(learned):
    keep = np.zeros((4, 32), bool)
    one, two, other = (filled(learned, keep, seed) for seed in (1, 1, 2))
    assert np.array_equal(one, two)
    assert not np.array_equal(one, other)


def test_no_last_bit_changes_a_vamp():
    """In double precision neither another number of threads does, nor another order of sums."""
    double, keep = doubled(network()), np.zeros((4, 64), bool)

    def fill(size: float = 0.0) -> np.ndarray:
        """With noise of some size on the logits."""
        noisy, noise = deepcopy(double), torch.Generator().manual_seed(0)
        noisy.register_forward_hook(
            lambda _, given, made: [x + size * torch.randn(x.shape, generator=noise) for x in made]
        )
        return filled([noisy], keep, steps=12)

    made, threads = fill(), torch.get_num_threads()
    torch.set_num_threads(3 - min(threads, 2))
    assert np.array_equal(fill(), made)
    torch.set_num_threads(threads)
    assert np.array_equal(fill(1e-12), made)
    assert not np.array_equal(fill(1e-2), made)


def test_a_doubled_network_is_no_other_one(both):
    """Its weights are those of float32; what it computes from them is nearer to the truth."""
    tokens, masked = torch.from_numpy(some_tokens())[None], torch.ones(1, 4, 40, dtype=torch.bool)
    network = doubled(both[0])
    assert all(np.array_equal(both[0].tensors()[name], t) for name, t in network.tensors().items())
    with torch.no_grad():
        single, double = (torch.cat(made(tokens, masked)) for made in (both[0], network))
    assert double.dtype == torch.float64
    assert 0 < (single - double).abs().max() < 1e-5


def test_tokens_are_drawn_as_often_as_they_are_probable():
    logits = torch.tensor([[0.5, 0.25, 0.25, 0.0]]).double().log().expand(4000, 4)
    drawn, confidence = sampling._draw(logits, rng(0, "test"))
    assert np.bincount(drawn, minlength=4) / 4000 == pytest.approx([0.5, 0.25, 0.25, 0], abs=0.03)
    assert np.exp(confidence) == pytest.approx(np.array([0.5, 0.25, 0.25, 0])[drawn])


# -- against the plain implementation --------------------------------------------------------------

DEEP = make_openvamp_golden.DEEP


@pytest.fixture(scope="module")
def both():
    """Our network and the plain one, of the same random weights, gains of the norms among them."""
    ours = make_openvamp_golden.network(DEEP)
    return ours, plain_openvamp(DEEP, ours.tensors())


def test_logits_are_those_of_the_plain_network(both):
    ours, plain = both
    tokens = torch.from_numpy(np.stack([some_tokens(200, seed) for seed in (0, 1)]))
    masked = torch.rand(tokens.shape, generator=torch.Generator().manual_seed(0)) < 0.6
    with torch.no_grad():
        logits, wanted = ours(tokens, masked), plain(tokens, masked)
    for c in range(DEEP.codebooks):
        torch.testing.assert_close(logits[c], wanted[:, c][masked[:, c]], rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    "settings", [{}, {"temperature": 0.7, "steps": 7}, {"mask_temperature": 0, "steps": 12}]
)
def test_vamps_are_those_of_the_plain_implementation(both, settings):
    keep, tokens = np.random.default_rng(0).random((4, 60)) < 0.2, some_tokens(60)
    settings, (network, plain) = VampSettings(**settings), map(doubled, both)
    ours = sampling.fill(network, tokens, keep, settings, rng(0, "test"))
    assert np.array_equal(ours, plain_fill(plain, tokens, keep, settings, rng(0, "test")))


@pytest.mark.parametrize(("precision", "within"), [("fp32", 1e-5), ("bf16", 1e-2)])
def test_losses_are_those_of_the_plain_training(precision, within):
    tracks = {"b": pattern(400, 3), "a": some_tokens(300)}
    common = {"seed": 0, "steps": 5, "batch_size": 2, "device": "cpu"}
    _, curve = training.train(tracks, {}, DEEP, precision=precision, **common)
    plain = plain_train(tracks, DEEP, **common)
    assert curve.train_loss.tolist() == pytest.approx([np.mean(plain)], rel=within)
    assert plain[-1] < plain[0]
