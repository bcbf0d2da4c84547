"""TRAK by the package dattri: gradients of single crops, projected at random.

The score of an output o and a track is the mean over the output's masks and the track's crops of
``p(o)' (X'X)^-1 p(crop) (1 - q)``, times the track's share of training. There p is the projected
gradient of the log odds of hidden tokens, q the geometric mean of their probabilities, and X has
the projected gradients of all crops as rows.

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
from torch.utils.data import DataLoader, TensorDataset
from tqdm import tqdm

from musical_roots.experiments.counterfactual.gradients import COLUMNS
from musical_roots.experiments.counterfactual.losses import Hidden
from musical_roots.generators.openvamp.model import MaskedTransformer
from musical_roots.generators.openvamp.steps import loss_everywhere
from musical_roots.seeding import rng

trak.tqdm = partial(tqdm, disable=None)  # dattri tells of its progress: on a terminal alone


class Loss(torch.nn.Module):
    """Mean loss at the hidden places of one crop, in a form that `torch.func` can follow."""

    def __init__(self, model: MaskedTransformer):
        super().__init__()
        self.model = model

    def forward(self, tokens: torch.Tensor, masked: torch.Tensor) -> torch.Tensor:
        """Both [codebooks, frames]."""
        return loss_everywhere(self.model, tokens[None], masked[None], "fp32")


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
        Crops whose gradients are in memory at once.
    seed : int
        The config's seed; the projection is drawn from it.

    Returns
    -------
    DataFrame
        As of `gradients.by_gradients`.
    """
    found = attributed(
        Loss(model),
        *(_batches(asked, batch) for asked in (tracks, outputs)),
        dimensions=max(1, min(dimensions, len(tracks) // 2)),
        seed=seed,
    )
    index, columns = ([one.of for one in asked] for asked in (tracks, outputs))
    of_crops = pd.DataFrame(found.double().numpy(), index=index, columns=columns)
    of_tracks = of_crops.groupby(level=0, sort=False).mean().T.groupby(level=0, sort=False).mean()
    table = (of_tracks * share[of_tracks.columns]).stack().rename_axis(["output_id", "track_id"])
    return table.rename("score").reset_index().assign(method="trak")[COLUMNS]


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
    projection = {"proj_dim": dimensions, "proj_seed": drawn, "proj_type": "rademacher"}
    task = AttributionTask(log_odds, loss, loss.state_dict())
    attributor = trak.TRAKAttributor(task, probability, projection)
    with sdpa_kernel(SDPBackend.MATH):  # the only attention that goes through vmap
        attributor.cache(train)
        return attributor.attribute(made).detach()


def _batches(asked: list[Hidden], batch: int) -> DataLoader:
    tokens = torch.from_numpy(np.stack([one.tokens for one in asked]).astype(np.int64))
    masked = torch.from_numpy(np.stack([one.masked for one in asked]))
    return DataLoader(TensorDataset(tokens, masked), batch_size=batch)
