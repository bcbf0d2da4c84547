"""Models retrained on some of the tracks, each kept in a file.

Network, steps and batches are those of the study's generator. A file says what it was trained on
and how: one that is there and is the very same is not trained again, so a killed run goes on where
it was, and outputs of another day can be asked of the same models.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from musical_roots.devices import settle
from musical_roots.experiments.counterfactual.halves import seed_of
from musical_roots.generators.openvamp.codec import Codec
from musical_roots.generators.openvamp.model import MaskedTransformer, Size, described, load
from musical_roots.generators.openvamp.training import VERSION, learner
from musical_roots.provenance import trained_here
from musical_roots.weights import files
from musical_roots.weights.shipped import difference

SIDE_BY_SIDE = 8  # models at once on a GPU, which one of this size does not fill


def retrained(
    members: pd.DataFrame,
    tokens: Mapping[str, np.ndarray],
    codec: Codec,
    folder: Path,
    *,
    width: int,
    layers: int,
    seed: int,
    steps: int,
    batch: int,
    device: str,
    precision: str,
    progress: Callable[[int], object] = lambda done: None,
) -> Iterator[tuple[str, MaskedTransformer]]:
    """Each model of a table, trained now, or read from its file.

    Parameters
    ----------
    members : DataFrame
        Of `halves.members`.
    tokens : mapping of str to ndarray, int [codebooks, frames]
        Of the train split, and of the control split where models learn from that.
    codec : Codec
        What the tokens are of.
    folder : path
        For the files, named by their models.
    width, layers, seed, steps, batch, device, precision
        As of `training.train_file`; seed is the config's.
    progress : callable
        Told of every step of a model that is done, or need not be.

    Yields
    ------
    name : str
    model : MaskedTransformer
        For use, on the device.

    Raises
    ------
    InputError
        If no track of a half is as long as a crop, or there is no such device.
    """
    size, device = Size(*codec.codebooks.shape[:2], width, layers), settle(device)
    how = {"codec": codec.digest(), "steps": steps, "batch": batch, "precision": precision}
    how |= described(size) | {"version": VERSION, "tokens": files.digest(dict(tokens))}
    models = {
        folder / f"{name}.safetensors": (seed_of(seed, number), inside)
        for name, number, inside in _inside(members)
    }
    abouts = {path: trained_here(*told, device, **how) for path, told in models.items()}
    for paths in _together(list(models), device):
        lacking = [path for path in paths if difference(path, abouts[path])]
        progress(steps * (len(paths) - len(lacking)))
        learners = {}
        for path in lacking:
            its_seed, inside = models[path]
            heard = {track: tokens[track] for track in inside}
            its = {"seed": its_seed, "steps": steps, "batch_size": batch, "precision": precision}
            learners[path] = learner(heard, size, device=device, fuse=True, **its)
        learn_side_by_side([learn for _, learn in learners.values()], steps, device, progress)
        for path, (model, _) in learners.items():
            files.save(path, model.tensors(), abouts[path])
        for path in paths:
            yield path.stem, load(path)[0].to(device)


def learn_side_by_side(
    learners: list[Callable[[int], object]],
    steps: int,
    device: str,
    progress: Callable[[int], object] = lambda done: None,
) -> None:
    """Let each learn all of its steps, a step in turn; on a GPU the steps of several overlap.

    Parameters
    ----------
    learners : list of callable
        Of `training.learner`.
    steps : int
    device : {"cpu", "cuda"}
    progress : callable
        Told of every step.
    """
    cuda = device == "cuda" and bool(learners)
    if cuda:
        torch.cuda.synchronize()  # what was recorded was written on other streams
    streams = [torch.cuda.Stream() if cuda else None for _ in learners]
    for step in range(1, steps + 1):
        for learn, stream in zip(learners, streams, strict=True):
            with torch.cuda.stream(stream) if cuda else contextlib.nullcontext():
                learn(step)
            progress(1)
    if cuda:
        torch.cuda.synchronize()


def part(members: pd.DataFrame, shard: int, shards: int) -> pd.DataFrame:
    """The rows of one part of the models."""
    return members[members.model.isin(members.model.unique()[shard::shards])]


def _together(paths: list[Path], device: str) -> Iterator[list[Path]]:
    count = SIDE_BY_SIDE if device == "cuda" else 1
    for first in range(0, len(paths), count):
        yield paths[first : first + count]


def _inside(members: pd.DataFrame) -> Iterator[tuple[str, int, list[str]]]:
    for name, rows in members.groupby("model", sort=False):
        yield name, int(rows.seed_number.iloc[0]), rows.track_id[rows.inside].tolist()
