"""Scores by gradients: against closed forms where there are some, and what must hold of any."""

import numpy as np
import pandas as pd
import pytest
import torch
from tiny_openvamp import SIZE
from torch.utils.data import DataLoader, TensorDataset

from musical_roots.experiments.counterfactual import gradients, trak
from musical_roots.experiments.counterfactual.losses import Hidden, hidden_of_tracks, losses
from musical_roots.generators.openvamp import model, training

METHODS = ("gradient_cosine", "gradient_dot", "unlearning", "trak")


@pytest.fixture(scope="module")
def tokens():
    draws = np.random.default_rng(0)
    shape = {"a": 300, "b": 500, "c": 400, "short": 100}
    # each with some tokens of its own, so that tracks can be told apart
    return {
        name: draws.integers(8 * i, 8 * i + 24, (SIZE.codebooks, frames))
        for i, (name, frames) in enumerate(shape.items())
    }


@pytest.fixture(scope="module")
def network(tokens):
    how = {"seed": 0, "steps": 10, "batch_size": 4, "device": "cpu", "precision": "fp32"}
    return training.train(tokens, {}, SIZE, **how)[0]


@pytest.fixture(scope="module")
def tracks(tokens):
    return hidden_of_tracks(tokens, 0, 4)


@pytest.fixture(scope="module")
def share(tokens):
    return gradients.shares(tokens)


def score(method, network, outputs, tracks, share):
    if method == "trak":
        how = {"dimensions": 4, "batch": 5, "seed": 0}
        return trak.by_trak(network, outputs, tracks, share, **how)
    if method == "unlearning":
        how = {"steps": 2, "length": 0.01}
        return gradients.by_unlearning(network, outputs, tracks, share, **how)
    made = gradients.by_gradients(network, outputs, tracks, share)
    return made[made.method == method].reset_index(drop=True)


def wide(table: pd.DataFrame) -> pd.DataFrame:
    return table.pivot(index="output_id", columns="track_id", values="score")


def copies(tracks: list[Hidden]) -> list[Hidden]:
    """Outputs that are the tracks once more."""
    return [one._replace(of=f"copy of {one.of}") for one in tracks]


def test_a_share_is_of_the_places_where_a_crop_may_begin(share):
    room = np.array([300, 500, 400]) - training.CROP
    assert share.to_dict() == pytest.approx(dict(zip("abc", room / room.sum(), strict=True)))


def test_crops_follow_each_other_through_a_track(tokens):
    asked = gradients.by_id(gradients.covering(tokens, 64, seed=0))
    assert list(asked) == ["a", "b", "c"]  # the short one is not trained on
    for track, crops in asked.items():
        whole = tokens[track]
        assert len(crops) == pytest.approx((whole.shape[1] - training.CROP) / 64, abs=1)
        first = crops[0].tokens
        start = next(i for i in range(64) if (whole[:, i : i + training.CROP] == first).all())
        for number, one in enumerate(crops):
            at = start + 64 * number
            np.testing.assert_array_equal(one.tokens, whole[:, at : at + training.CROP])
            assert one.masked.shape == one.tokens.shape and one.masked.any()


@pytest.mark.parametrize("method", METHODS)
def test_every_output_has_a_score_for_every_track_that_was_learned_from(
    method, network, tracks, share
):
    table = score(method, network, copies(tracks), tracks, share)
    assert list(table.columns) == ["method", "output_id", "track_id", "score"]
    assert (table.method == method).all() and np.isfinite(table.score).all()
    assert sorted(zip(table.output_id, table.track_id, strict=True)) == [
        (f"copy of {one}", other) for one in "abc" for other in "abc"
    ]


@pytest.mark.parametrize("method", METHODS)
def test_a_copy_of_a_track_is_moved_by_it_most(method, network, tracks, share):
    even = share * 0 + 1 / len(share)
    found = wide(score(method, network, copies(tracks), tracks, even))
    assert found.idxmax(axis=1).to_dict() == {f"copy of {one}": one for one in "abc"}


def test_the_cosine_of_a_gradient_with_itself_is_one(network, tracks, share):
    found = wide(score("gradient_cosine", network, copies(tracks), tracks, share)).to_numpy()
    np.testing.assert_allclose(np.diag(found), 1, atol=1e-5)
    np.testing.assert_allclose(found, found.T, atol=1e-5)
    assert (np.abs(found) < 1 + 1e-5).all()


def test_a_gradient_is_that_of_the_mean_loss(network, tracks):
    """By differences of the loss along a direction."""
    asked = tracks[:4]
    made, direction = model.MaskedTransformer(SIZE), gradients.gradient(network, asked)
    made.load_state_dict(network.state_dict())
    unit, step = direction / direction.norm(), 0.01
    values = []
    for sign in (1, -1):
        weights = torch.nn.utils.parameters_to_vector(network.parameters())
        torch.nn.utils.vector_to_parameters(weights + sign * step * unit, made.parameters())
        values.append(losses(made, asked).loss[0])
    assert (values[0] - values[1]) / (2 * step) == pytest.approx(direction.norm().item(), rel=0.01)


def test_a_small_step_of_unlearning_finds_what_the_product_of_gradients_says(
    network, tracks, share
):
    """To first order a step along a gradient raises a loss by the product of the two."""
    made = gradients.by_unlearning(network, copies(tracks), tracks, share, steps=1, length=1e-4)
    dots = score("gradient_dot", network, copies(tracks), tracks, share)
    found, wanted = (wide(table).to_numpy() for table in (made, dots))
    found, wanted = (each / np.abs(each).max(axis=1, keepdims=True) for each in (found, wanted))
    np.testing.assert_allclose(found, wanted, atol=0.05)


def test_unlearning_leaves_the_network_as_it_was(network, tracks, share):
    before = {name: value.clone() for name, value in network.state_dict().items()}
    score("unlearning", network, copies(tracks), tracks, share)
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name])


@pytest.mark.parametrize("method", METHODS)
def test_scores_of_an_output_do_not_hang_on_the_others(method, network, tracks, share):
    outputs = copies(tracks)
    alone = [one for one in outputs if one.of == "copy of b"]
    of_all = wide(score(method, network, outputs, tracks, share)).loc[["copy of b"]]
    pd.testing.assert_frame_equal(
        wide(score(method, network, alone, tracks, share)), of_all, rtol=1e-3, atol=1e-7
    )


# -- TRAK against its closed form ------------------------------------------------------------------


class Logistic(torch.nn.Module):
    """Loss of one answer, -1 or 1, by a linear model."""

    def __init__(self, weights):
        super().__init__()
        self.weights = torch.nn.Parameter(torch.tensor(weights, dtype=torch.float32))

    def forward(self, x, answer):
        return torch.nn.functional.softplus(-answer * (x @ self.weights))


def answers(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    draws = np.random.default_rng(seed)
    return draws.standard_normal((count, 3)), draws.choice([-1.0, 1.0], count)


def attributed(train, made, seed=0, dimensions=3):
    def loader(x, answer):
        return DataLoader(TensorDataset(torch.tensor(x).float(), torch.tensor(answer).float()), 7)

    loss = Logistic([0.5, -1.0, 2.0])
    how = {"dimensions": dimensions, "seed": seed}
    return trak.attributed(loss, loader(*train), loader(*made), **how).numpy()


def test_trak_of_a_logistic_model_is_its_closed_form():
    """A projection to as many dimensions as there are weights loses nothing, whatever is drawn."""
    (x, answer), (other, its) = train, made = answers(20, 0), answers(5, 1)
    rows, columns = x * answer[:, None], other * its[:, None]
    right = 1 / (1 + np.exp(-rows @ [0.5, -1.0, 2.0]))
    wanted = rows @ np.linalg.inv(rows.T @ rows) @ columns.T * (1 - right)[:, None]
    np.testing.assert_allclose(attributed(train, made, seed=1), wanted, rtol=0.01, atol=1e-4)


def test_the_projection_is_drawn_from_the_seed():
    train, made = answers(20, 0), answers(5, 1)
    once, again, other = (attributed(train, made, seed, dimensions=2) for seed in (1, 1, 2))
    np.testing.assert_array_equal(once, again)
    assert np.abs(once - other).max() > 1e-3
