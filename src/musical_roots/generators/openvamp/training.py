"""Training of the network on the tokens of some tracks.

Crops of random tracks, of which a random share of tokens is masked: the cosine of a uniform number,
as in VampNet. Cross entropy at the masked places, AdamW, every draw from the seed.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from musical_roots.devices import settle
from musical_roots.errors import InputError
from musical_roots.generators.openvamp.codec import Codec
from musical_roots.generators.openvamp.decoder import rate
from musical_roots.generators.openvamp.model import (
    MaskedTransformer,
    Size,
    described,
    initialise,
    load,
)
from musical_roots.generators.openvamp.steps import masked_loss, step_of
from musical_roots.provenance import trained_here
from musical_roots.seeding import rng
from musical_roots.tables import read_table
from musical_roots.weights import files
from musical_roots.weights.shipped import take

VERSION = "openvamp-1"  # raise the number whenever training gives other weights
CROP = 256  # frames: 5.1 s
LEARNING_RATE = 1e-3  # at its highest
WATCHED, WATCH_EVERY = 32, 25  # crops, steps
CROPS = 256  # that a trained network is measured on
CURVE = ["step", "train_loss", "control_loss"]


def train(
    tokens: Mapping[str, np.ndarray],
    control: Mapping[str, np.ndarray],
    size: Size,
    *,
    seed: int,
    steps: int,
    batch_size: int,
    learning_rate: float = LEARNING_RATE,
    device: str,
    precision: str,
    progress: Callable[[int], object] = lambda done: None,
) -> tuple[MaskedTransformer, pd.DataFrame]:
    """A network trained on some tracks.

    On one CPU and number of threads it repeats to the bit; a GPU adds up in another order, and
    `steps.py` says how else a step differs there. Crops and masks are the same everywhere.

    Parameters
    ----------
    tokens : mapping of str to ndarray, int [codebooks, frames]
        track_id to tokens; a longer track is drawn more often.
    control : mapping
        Tracks that the loss is watched on; may be empty.
    size : Size
    seed : int
        The config's seed.
    steps, batch_size : int
        Each step sees `batch_size` crops of 256 frames.
    learning_rate : float
        At its highest: it rises over the first steps, and falls to 0 by a cosine.
    device : {"cpu", "cuda"}
    precision : {"fp32", "bf16"}
        Of the products; weights and loss are float32 in either.
    progress : callable
        Told of every step that is done, on a GPU of every one that is sent there.

    Returns
    -------
    model : MaskedTransformer
        For use, on the CPU.
    curve : DataFrame
        step, train_loss (mean since the row before), control_loss (nats a masked token).

    Raises
    ------
    InputError
        If no track is as long as a crop.
    """
    model, learn = learner(
        tokens,
        size,
        seed=seed,
        steps=steps,
        batch_size=batch_size,
        learning_rate=learning_rate,
        device=device,
        precision=precision,
    )
    rows, losses = [], []
    for step in range(1, steps + 1):
        losses.append(learn(step))
        if step % WATCH_EVERY == 0 or step == steps:
            watched = evaluate(model, control, seed, WATCHED)["loss"]
            rows.append((step, np.mean([loss.item() for loss in losses]), watched))
            losses = []
        progress(1)
    curve = pd.DataFrame(rows, columns=CURVE)
    return model.cpu().eval(), curve


def learner(
    tokens: Mapping[str, np.ndarray],
    size: Size,
    *,
    seed: int,
    steps: int,
    batch_size: int,
    learning_rate: float = LEARNING_RATE,
    device: str,
    precision: str,
    fuse: bool = False,
) -> tuple[MaskedTransformer, Callable[[int], torch.Tensor]]:
    """A network that has learned nothing yet, and what takes a step of its training.

    Parameters
    ----------
    tokens, size, seed, steps, batch_size, learning_rate, device, precision
        As of `train`.
    fuse : bool
        As of `steps.step_of`: for many networks.

    Returns
    -------
    model : MaskedTransformer
        On its device.
    learn : callable
        Given the number of a step, 1 to `steps`, one after another: it changes the model, and gives
        the loss before that.

    Raises
    ------
    InputError
        If no track is as long as a crop.
    """
    tokens = longer_than_a_crop(tokens)
    if not tokens:
        raise InputError(
            f"openvamp: no training track has {CROP} frames (5.1 s); add longer tracks"
        )
    model = MaskedTransformer(size)
    initialise(model, seed)
    model.to(device).train()
    take_step = step_of(model, (batch_size, size.codebooks, CROP), precision, fuse)

    def learn(step: int) -> torch.Tensor:
        batch = masked_crops(tokens, batch_size, rng(seed, "openvamp.batch", str(step)))
        return take_step(*batch, learning_rate * rate(step - 1, steps))

    return model, learn


def longer_than_a_crop(tokens: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The tracks that a crop can be cut from, in the order of their names."""
    return {track: tokens[track] for track in sorted(tokens) if tokens[track].shape[1] > CROP}


def train_file(
    out: Path,
    tokens: Mapping[str, np.ndarray],
    control: Mapping[str, np.ndarray],
    codec: Codec,
    *,
    width: int,
    layers: int,
    seed: int,
    steps: int,
    batch: int,
    device: str,
    precision: str,
    shipped: Path | None,
    progress: Callable[[int], object],
) -> pd.DataFrame:
    """Train a network, and write its file, which says how it was trained and on which tracks.

    Where a file of this very training is there already, it is taken.

    Parameters
    ----------
    out : path
        The file, safetensors.
    codec : Codec
        What the tokens are of; the file names it.
    width, layers : int
        Of the transformer.
    batch : int
        `batch_size` of `train`; so are the others, but device may be "auto".
    shipped : path or None
        Folder where it may lie: see `weights.shipped.take`.

    Returns
    -------
    DataFrame
        The curve of `train`, `closed`; of a file that is taken, as the run that trained it did.

    Raises
    ------
    InputError
        As `train` does, or if there is no such device.
    """
    size = Size(*codec.codebooks.shape[:2], width, layers)
    how = {"device": settle(device), "precision": precision}
    about = trained_here(seed, tokens, codec=codec.digest(), steps=steps, batch=batch, **how)
    about |= described(size) | {"version": VERSION}
    known = f"{out.stem}_training.csv"
    if take(shipped, out, about, (known,)):
        curve = read_table(shipped / known, CURVE)
        if "crops" in curve:  # closed by the run that trained it
            return curve
        trained, _ = load(out)
    else:
        trained, curve = train(
            *(tokens, control, size),
            **{"seed": seed, "steps": steps, "batch_size": batch, "progress": progress} | how,
        )
        files.save(out, trained.tensors(), about)
    return closed(curve, trained, {"train": tokens, "control": control}, seed)


def closed(
    curve: pd.DataFrame,
    model: MaskedTransformer,
    tokens: Mapping[str, Mapping[str, np.ndarray]],
    seed: int,
) -> pd.DataFrame:
    """A curve that ends in what `quality` says of the trained model.

    Parameters
    ----------
    curve : DataFrame
        Of `train`: its last row is of a few crops, and of a step's own batches.
    model : MaskedTransformer
        Trained.
    tokens : mapping
        "train" and "control" to tokens of their tracks.
    seed : int
        The config's seed.

    Returns
    -------
    DataFrame
        `CURVE`, and crops: of how many control_loss is; of the last row, which has the last step
        once more, train_loss is of as many, too.
    """
    losses = {
        f"{split}_loss": evaluate(model, part, seed)["loss"] for split, part in tokens.items()
    }
    last = {"step": curve.step.iloc[-1], **losses, "crops": CROPS}
    watched = curve[CURVE].assign(crops=WATCHED)
    return pd.concat([watched, pd.DataFrame([last])], ignore_index=True)


def masked_crops(
    tokens: Mapping[str, np.ndarray], count: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Crops of random tracks, and which of their tokens are masked.

    Parameters
    ----------
    tokens : mapping of str to ndarray, int [codebooks, frames]
        Tracks longer than a crop.
    count : int
    rng : Generator

    Returns
    -------
    crops : ndarray, int64 [count, codebooks, 256]
    masked : ndarray, bool of the same shape
    """
    tracks = list(tokens)
    room = np.array([tokens[track].shape[1] - CROP for track in tracks], float)
    drawn = rng.choice(len(tracks), size=count, p=room / room.sum())
    starts = [rng.integers(int(room[track]) + 1) for track in drawn]
    crops = [
        tokens[tracks[track]][:, start : start + CROP]
        for track, start in zip(drawn, starts, strict=True)
    ]
    crops = np.stack(crops).astype(np.int64)
    share = np.cos(rng.random((count, 1, 1)) * np.pi / 2)
    return crops, rng.random(crops.shape) < share


def evaluate(
    model: MaskedTransformer,
    tokens: Mapping[str, np.ndarray],
    seed: int,
    count: int = CROPS,
) -> dict[str, float]:
    """Loss and accuracy at masked places of random crops, the same ones for each model.

    Returns
    -------
    dict
        loss (nats a masked token), accuracy (share of masked tokens whose most probable guess is
        right), accuracy_coarsest (that of the first codebook), n_tokens; NaN without tracks.
    """
    tokens = longer_than_a_crop(tokens)
    if not tokens:
        names = ("loss", "accuracy", "accuracy_coarsest")
        return dict.fromkeys(names, float("nan")) | {"n_tokens": 0}
    crops, masked = masked_crops(tokens, count, rng(seed, "openvamp.watch"))
    was_training = model.training
    model.eval()
    sums = np.zeros(5)
    with torch.inference_mode():
        for first in range(0, count, 16):
            part = crops[first : first + 16], masked[first : first + 16]
            loss, logits, wanted = masked_loss(model, *part, "fp32")
            right = [
                (logit.argmax(dim=1) == want).cpu().numpy()
                for logit, want in zip(logits, wanted, strict=True)
            ]
            size = part[1].sum()
            sums += [loss.item() * size, sum(map(sum, right)), size, sum(right[0]), len(right[0])]
    model.train(was_training)
    return {
        "loss": sums[0] / sums[2],
        "accuracy": sums[1] / sums[2],
        "accuracy_coarsest": sums[3] / sums[4],
        "n_tokens": int(sums[2]),
    }


def qualities(
    models: Mapping[Path, Mapping[str, Mapping[str, np.ndarray]]], seed: int
) -> pd.DataFrame:
    """`quality` of some files of weights, each on tracks of its own, called by their names."""
    tables = []
    for path, tokens in models.items():
        trained, about = load(path)
        tables.append(quality(path.stem, trained, tokens, seed).assign(steps=about["steps"]))
    return pd.concat(tables, ignore_index=True)


def quality(
    name: str, model: MaskedTransformer, tokens: Mapping[str, Mapping[str, np.ndarray]], seed: int
) -> pd.DataFrame:
    """What `evaluate` says of the tracks of each split: the training set's own, and others.

    Returns
    -------
    DataFrame
        generator (`name`), split, loss, accuracy, accuracy_coarsest, n_tokens; n_tracks and
        n_frames of the split; parameters of the network.
    """
    rows = [
        {
            "generator": name,
            "split": split,
            **evaluate(model, tracks, seed),
            "n_tracks": len(tracks),
            "n_frames": sum(track.shape[1] for track in tracks.values()),
            "parameters": sum(value.numel() for value in model.parameters()),
        }
        for split, tracks in tokens.items()
    ]
    return pd.DataFrame(rows)
