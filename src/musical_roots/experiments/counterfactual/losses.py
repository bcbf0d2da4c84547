"""What a model says of outputs and tracks: the mean loss at places that are hidden from it.

The places are the same for every model. Of an output only made-up tokens are hidden, and what was
kept of its prompt is shown; of a track some crops are asked.
"""

import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from torch.nn import functional

from musical_roots.arrays import read_arrays
from musical_roots.generators.openvamp.model import MaskedTransformer
from musical_roots.generators.openvamp.training import CROP, longer_than_a_crop
from musical_roots.seeding import rng

AT_ONCE = 16  # crops


class Hidden(NamedTuple):
    """Tokens of which some are hidden: of what (its id), int [codebooks, frames], bool likewise."""

    of: str
    tokens: np.ndarray
    masked: np.ndarray


def hidden_of_outputs(outputs: pd.DataFrame, seed: int, masks: int) -> list[Hidden]:
    """What is asked of outputs: some masks of each; of one that is all its prompt's, nothing.

    Parameters
    ----------
    outputs : DataFrame
        output_id, tokens_path.
    seed : int
        The config's seed.
    masks : int
        Of each output.
    """
    asked = []
    for row in outputs.itertuples():
        file = read_arrays([row.tokens_path])
        chance = rng(seed, "counterfactual.mask", row.output_id)
        tokens, masked = file["tokens"], masks_within(~file["kept"], masks, chance)
        asked += [Hidden(row.output_id, tokens, mask) for mask in masked]
    return asked


def hidden_of_tracks(tokens: Mapping[str, np.ndarray], seed: int, masks: int) -> list[Hidden]:
    """What is asked of tracks: some crops of 256 frames of each, each with a mask.

    Parameters
    ----------
    tokens : mapping of str to ndarray, int [codebooks, frames]
        A track that is not longer than a crop is left out: no model learns from it.
    seed, masks
        As of `hidden_of_outputs`.
    """
    asked = []
    for track, all_of_it in longer_than_a_crop(tokens).items():
        chance = rng(seed, "counterfactual.crop", track)
        starts = chance.integers(all_of_it.shape[1] - CROP + 1, size=masks)
        everywhere = np.ones((len(all_of_it), CROP), bool)
        for start, mask in zip(starts, masks_within(everywhere, masks, chance), strict=True):
            asked.append(Hidden(track, all_of_it[:, start : start + CROP], mask))
    return asked


def masks_within(
    places: np.ndarray, count: int, chance: np.random.Generator
) -> Iterator[np.ndarray]:
    """Masks that hide some of some places.

    The share hidden is the cosine of a number between 0 and pi / 2, as in training; each mask has
    its own stretch of that range.

    Parameters
    ----------
    places : ndarray, bool [codebooks, frames]
    count : int
    chance : Generator

    Yields
    ------
    ndarray, bool [codebooks, frames]
        One place at least is hidden; where there is none, no mask comes.
    """
    where = np.flatnonzero(places)
    if not len(where):
        return
    for number in range(count):
        share = np.cos((number + chance.random()) / count * np.pi / 2)
        mask = np.zeros(places.size, bool)
        mask[chance.permutation(where)[: max(1, round(share * len(where)))]] = True
        yield mask.reshape(places.shape)


def losses(model: MaskedTransformer, asked: list[Hidden]) -> pd.DataFrame:
    """Mean loss at the hidden places of each thing that is asked after, in float32.

    Parameters
    ----------
    model : MaskedTransformer
        For use.
    asked : list of Hidden

    Returns
    -------
    DataFrame
        of (its id), loss (nats a hidden token, over all of its masks), n_tokens (hidden in all);
        in the order of `asked`.
    """
    by_length = sorted(range(len(asked)), key=lambda place: asked[place].tokens.shape[1])
    sums = np.zeros(len(asked))
    for _, same in itertools.groupby(by_length, lambda place: asked[place].tokens.shape[1]):
        places = list(same)
        for first in range(0, len(places), AT_ONCE):
            batch = places[first : first + AT_ONCE]
            sums[batch] = _sums(model, [asked[place] for place in batch])
    table = pd.DataFrame({"of": [one.of for one in asked], "loss": sums})
    table["n_tokens"] = [int(one.masked.sum()) for one in asked]
    table = table.groupby("of", sort=False, as_index=False).sum()
    return table.assign(loss=table.loss / table.n_tokens)


@torch.inference_mode()
def _sums(model: MaskedTransformer, asked: list[Hidden]) -> np.ndarray:
    """Summed loss at the hidden places of some crops of one length: float64 [crops]."""
    device = next(model.parameters()).device
    tokens = np.stack([one.tokens for one in asked]).astype(np.int64)
    tokens = torch.from_numpy(tokens).to(device)
    masked = torch.from_numpy(np.stack([one.masked for one in asked])).to(device)
    sums = torch.zeros(len(asked), dtype=torch.float64, device=device)
    for book, logits in enumerate(model(tokens, masked)):
        wanted = tokens[:, book][masked[:, book]]
        each = functional.cross_entropy(logits.float(), wanted, reduction="none")
        sums.index_add_(0, masked[:, book].nonzero()[:, 0], each.double())
    return sums.cpu().numpy()


def of_models(
    models: Iterable[tuple[str, MaskedTransformer]], outputs: list[Hidden], tracks: list[Hidden]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Losses of outputs and of tracks under each of some models.

    Returns
    -------
    losses : DataFrame
        model, output_id, loss (nats a hidden made-up token), n_tokens.
    track_losses : DataFrame
        model, track_id, loss.
    """
    of_outputs, of_tracks = [], []
    for name, model in models:
        of_outputs.append(losses(model, outputs).assign(model=name))
        of_tracks.append(losses(model, tracks).assign(model=name))
    one, other = (pd.concat(tables, ignore_index=True) for tables in (of_outputs, of_tracks))
    one = one.rename(columns={"of": "output_id"})[["model", "output_id", "loss", "n_tokens"]]
    return one, other.rename(columns={"of": "track_id"})[["model", "track_id", "loss"]]
