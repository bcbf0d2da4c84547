"""How a training track moved an output, by gradients at the weights that made it.

Each function scores every pair of output and track, higher for more influence. None trains anew:
all ask how the network would change.

- gradient_cosine: cosine of the two gradients;
- gradient_dot: their product, times the track's share of training: TracIn at the last weights;
- unlearning: the output is unlearnt by some steps uphill on its loss; the score is how much loss on
  the track rises, times the track's share. Wang et al. step by an estimate of the inverse Fisher
  information; here steps are of plain gradients, and of one length for all outputs.

References
----------
Pruthi et al. (2020), "Estimating training data influence by tracing gradient descent".
Wang et al. (2024), "Data attribution for text-to-image models by unlearning synthesized images".
Choi et al. (2025), "Large-scale training data attribution for music generative models via
unlearning".
"""

from collections.abc import Callable, Iterable, Mapping

import numpy as np
import pandas as pd
import torch
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from musical_roots.experiments.counterfactual.losses import (
    AT_ONCE,
    Hidden,
    losses,
    masks_within,
)
from musical_roots.generators.openvamp.model import MaskedTransformer
from musical_roots.generators.openvamp.steps import masked_loss
from musical_roots.generators.openvamp.training import CROP, longer_than_a_crop
from musical_roots.seeding import rng

COLUMNS = ["method", "output_id", "track_id", "score"]


def shares(tokens: Mapping[str, np.ndarray]) -> pd.Series:
    """Of all crops in training, the share that is expected to be of each track: track_id -> float.

    Parameters
    ----------
    tokens : mapping of str to ndarray, int [codebooks, frames]
        That the network was trained on.
    """
    long = longer_than_a_crop(tokens)
    room = pd.Series({track: long[track].shape[1] - CROP for track in long}, dtype=float)
    return room / room.sum()


def covering(tokens: Mapping[str, np.ndarray], every: int, seed: int) -> list[Hidden]:
    """Crops that follow each other through each track: an output may owe most to one passage.

    Parameters
    ----------
    tokens : mapping of str to ndarray, int [codebooks, frames]
        A track that is not longer than a crop is left out.
    every : int
        Frames from the start of one crop to the next; a crop has 256.
    seed : int
        The config's seed: where the first crop starts, and what is hidden.
    """
    asked = []
    for track, whole in longer_than_a_crop(tokens).items():
        chance = rng(seed, "counterfactual.covering", track)
        room = whole.shape[1] - CROP
        everywhere = np.ones((len(whole), CROP), bool)
        for start in range(int(chance.integers(min(every, room + 1))), room + 1, every):
            mask = next(masks_within(everywhere, 1, chance))
            asked.append(Hidden(track, whole[:, start : start + CROP], mask))
    return asked


def gradient(model: MaskedTransformer, asked: list[Hidden]) -> torch.Tensor:
    """Gradient of the mean loss at the hidden places of some crops: float32 [parameters].

    Parameters
    ----------
    model : MaskedTransformer
    asked : list of Hidden
        All of one length.
    """
    parameters = list(model.parameters())
    total, places = torch.zeros(sum(value.numel() for value in parameters)), 0
    for first in range(0, len(asked), AT_ONCE):
        part = asked[first : first + AT_ONCE]
        tokens = np.stack([one.tokens for one in part]).astype(np.int64)
        masked = np.stack([one.masked for one in part])
        loss = masked_loss(model, tokens, masked, "fp32")[0]
        total += parameters_to_vector(torch.autograd.grad(loss, parameters)) * int(masked.sum())
        places += int(masked.sum())
    return total / places


def by_gradients(
    model: MaskedTransformer,
    outputs: list[Hidden],
    tracks: list[Hidden],
    share: pd.Series,
    progress: Callable[[int], object] = lambda done: None,
) -> pd.DataFrame:
    """Scores gradient_cosine and gradient_dot.

    Parameters
    ----------
    model : MaskedTransformer
        That made the outputs.
    outputs, tracks : list of Hidden
        What its loss is taken of: see `losses`.
    share : Series
        Of `shares`.
    progress : callable
        Told of every output that is done.

    Returns
    -------
    DataFrame
        method, output_id, track_id, score.
    """
    asked = by_id(tracks)
    gradients = torch.stack([gradient(model, crops) for crops in asked.values()])
    lengths, names, tables = gradients.norm(dim=1), list(asked), []
    for output, masks in by_id(outputs).items():
        own = gradient(model, masks)
        dot = gradients @ own
        tables.append(scores("gradient_cosine", output, names, dot / lengths / own.norm()))
        tables.append(scores("gradient_dot", output, names, dot.numpy() * share[names]))
        progress(1)
    return pd.concat(tables, ignore_index=True)


def by_unlearning(
    model: MaskedTransformer,
    outputs: list[Hidden],
    tracks: list[Hidden],
    share: pd.Series,
    *,
    steps: int,
    length: float,
    progress: Callable[[int], object] = lambda done: None,
) -> pd.DataFrame:
    """Score unlearning.

    Parameters
    ----------
    model, outputs, tracks, share, progress
        As of `by_gradients`. The model's weights are what they were when all is done.
    steps : int
        Uphill, of each output.
    length : float
        Of a step, as a share of the length of the vector of all weights.

    Returns
    -------
    DataFrame
        As of `by_gradients`.
    """
    weights = parameters_to_vector(model.parameters()).detach().clone()
    before, tables = losses(model, tracks).set_index("of").loss, []
    for output, masks in by_id(outputs).items():
        for _ in range(steps):
            uphill = gradient(model, masks)
            _move(model, uphill * (length * weights.norm() / uphill.norm()))
        risen = losses(model, tracks).set_index("of").loss - before
        vector_to_parameters(weights.clone(), model.parameters())
        tables.append(scores("unlearning", output, risen.index, risen * share[risen.index]))
        progress(1)
    return pd.concat(tables, ignore_index=True)


def by_id(asked: list[Hidden]) -> dict[str, list[Hidden]]:
    """What is asked of each output or track, in the order in which they come."""
    found: dict[str, list[Hidden]] = {}
    for one in asked:
        found.setdefault(one.of, []).append(one)
    return found


def scores(method: str, output: str, tracks: Iterable[str], values: Iterable) -> pd.DataFrame:
    """Scores of one output, a row a track."""
    table = {"method": method, "output_id": output, "track_id": list(tracks)}
    return pd.DataFrame(table | {"score": np.asarray(values, float)}, columns=COLUMNS)


def _move(model: torch.nn.Module, by: torch.Tensor) -> None:
    weights = parameters_to_vector(model.parameters()).detach()
    vector_to_parameters(weights + by, model.parameters())
