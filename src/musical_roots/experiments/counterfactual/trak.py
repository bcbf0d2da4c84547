"""TRAK by the package dattri: gradients of single crops, projected at random.

The score of an output o and a track is the mean over the track's crops of ``p(o)' (X'X)^-1 p(crop)
(1 - q)``, times the track's share of training. There p is the projected gradient of the log odds of
hidden tokens, q the geometric mean of their probabilities, and X has the projected gradients of all
crops as rows.

References
----------
Park et al. (2023), "TRAK: attributing model behavior at scale".
Deng et al. (2024), "dattri: a library for efficient data attribution".
"""

from collections.abc import Iterable
from functools import partial

import numpy as np
import pandas as pd
import torch
from dattri.algorithm import trak
from dattri.task import AttributionTask
from torch.func import functional_call
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.utils import parameters_to_vector
from torch.utils.data import DataLoader, TensorDataset
from tqdm import tqdm

from musical_roots.experiments.counterfactual.gradients import by_id, scores
from musical_roots.experiments.counterfactual.losses import Hidden
from musical_roots.generators.openvamp.model import MaskedTransformer
from musical_roots.generators.openvamp.steps import loss_everywhere
from musical_roots.seeding import rng

trak.tqdm = partial(tqdm, disable=None)  # dattri tells of its progress: on a terminal alone


class Loss(torch.nn.Module):
    """Mean loss at the hidden places of some rows, as a function of one vector of weights.

    dattri takes weights apart a tensor at a time, and gradients then cost a whole vector a tensor;
    here it sees one tensor alone.
    """

    def __init__(self, model: MaskedTransformer):
        super().__init__()
        self.weights = torch.nn.Parameter(parameters_to_vector(model.parameters()).detach())
        self.called = [_Everywhere(model)]  # in a list: its weights are not this module's

    def forward(self, tokens: torch.Tensor, masked: torch.Tensor) -> torch.Tensor:
        """Both [rows, codebooks, frames]."""
        shapes = {name: value.shape for name, value in self.called[0].named_parameters()}
        parts = self.weights.split([shape.numel() for shape in shapes.values()])
        named = zip(shapes.items(), parts, strict=True)
        weights = {name: part.view(shape) for (name, shape), part in named}
        return functional_call(self.called[0], weights, (tokens, masked))


class _Everywhere(torch.nn.Module):
    """The loss in a form that `torch.func` can follow: at all places, weighted by the mask."""

    def __init__(self, model: MaskedTransformer):
        super().__init__()
        self.model = model

    def forward(self, tokens: torch.Tensor, masked: torch.Tensor) -> torch.Tensor:
        return loss_everywhere(self.model, tokens, masked, "fp32")


def by_trak(
    model: MaskedTransformer,
    outputs: list[Hidden],
    tracks: list[Hidden],
    share: pd.Series,
    *,
    dimensions: int,
    batch: int,
    seed: int,
) -> pd.DataFrame:
    """Score trak of every pair of output and track.

    Parameters
    ----------
    model, outputs, tracks, share
        As of `gradients.by_gradients`.
    dimensions : int
        That gradients are projected to; of few crops, half as many as there are.
    batch : int
        Rows (crops, or masks of outputs) that are taken at once.
    seed : int
        The config's seed; the projection is drawn from it.

    Returns
    -------
    DataFrame
        As of `gradients.by_gradients`.
    """
    crops = [[one] for one in tracks]
    masks = by_id(outputs)
    found = attributed(
        Loss(model),
        *(_batches(rows, batch) for rows in (crops, list(masks.values()))),
        dimensions=max(1, min(dimensions, len(crops) // 2)),
        seed=seed,
    )
    names = [one.of for one in tracks]
    of_crops = pd.DataFrame(found.double().numpy(), index=names, columns=list(masks))
    of_tracks = of_crops.groupby(level=0, sort=False).mean()
    of_tracks = of_tracks.mul(share[of_tracks.index], axis=0)
    tables = [scores("trak", output, of_tracks.index, of_tracks[output]) for output in of_tracks]
    return pd.concat(tables, ignore_index=True)


def attributed(
    loss: torch.nn.Module,
    train: Iterable,
    made: Iterable,
    *,
    dimensions: int,
    seed: int,
) -> torch.Tensor:
    """TRAK's scores of single samples.

    Parameters
    ----------
    loss : Module
        Gives the loss of one sample: a mean of negative log probabilities.
    train, made : DataLoader
        Batches of what `loss` is called with.
    dimensions, seed
        As of `by_trak`.

    Returns
    -------
    Tensor, float32 [train samples, made samples]
    """

    def log_odds(weights, sample):
        log_probability = -functional_call(loss, weights, sample)
        return log_probability - torch.log1p(-torch.exp(log_probability))

    def probability(weights, sample):
        return torch.exp(-functional_call(loss, weights, sample))

    drawn = int(rng(seed, "counterfactual.projection").integers(2**31))
    projection = {"proj_dim": dimensions, "proj_seed": drawn, "proj_type": "normal"}
    task = AttributionTask(log_odds, loss, loss.state_dict())
    attributor = trak.TRAKAttributor(task, probability, projection)
    # the only attention that goes through vmap; and gradients need none of their own
    with sdpa_kernel(SDPBackend.MATH), torch.no_grad():
        attributor.cache(train)
        return attributor.attribute(made)


def _batches(samples: list[list[Hidden]], rows: int) -> DataLoader:
    """Batches of samples that have as many rows each, some rows in all."""
    tokens = [np.stack([one.tokens for one in sample]) for sample in samples]
    masked = [np.stack([one.masked for one in sample]) for sample in samples]
    tensors = torch.from_numpy(np.stack(tokens).astype(np.int64)), torch.tensor(np.stack(masked))
    return DataLoader(TensorDataset(*tensors), batch_size=max(1, rows // len(samples[0])))
