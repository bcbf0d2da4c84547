"""Training of a CLMR of our own: the same network, objective and augmentations, on any tracks.

Spijkervet & Burgoyne (2021), "Contrastive learning of musical representations", after Chen et al.
(2020), "A simple framework for contrastive learning of visual representations" (SimCLR). Of each
track in a batch there are two views (`clmr_views`). The network and a projector, which is thrown
away afterwards, learn to find a view's partner among all views of the batch. Temperature, projector
and optimiser are those of CLMR's ``config/config.yaml``.

The network's layers are long products of matrices, in bfloat16 where that is asked for, and most of
a step is spent there (`_Convolution`). On a CPU the two views go through them in two threads.
"""

import ctypes
import math
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.nn import functional

from musical_roots.devices import settle
from musical_roots.encoders.base import Settings
from musical_roots.encoders.clmr import BLOCKS, CHANNELS, WINDOW, Network, shapes
from musical_roots.encoders.clmr_views import views
from musical_roots.errors import InputError
from musical_roots.provenance import trained_here
from musical_roots.seeding import rng
from musical_roots.weights import files

TEMPERATURE = 0.5
PROJECTED = 64
CONTROL_EVERY = 10  # steps


class _Convolution(torch.autograd.Function):
    """Filters of three over time (or of one), as a product of long matrices for each tap.

    Time comes first and the clips of the batch second, so that the neighbour in time of every row
    is `clips` rows away.
    """

    @staticmethod
    def forward(ctx, rows: torch.Tensor, kernel: torch.Tensor, clips: int) -> torch.Tensor:
        """[time * clips, out] of [time * clips, in] and [taps, in, out]."""
        kernel = kernel.to(rows.dtype).contiguous()
        ctx.save_for_backward(rows, kernel)
        ctx.clips = clips
        return _filtered(rows, kernel, clips)

    @staticmethod
    def backward(ctx, at_output: torch.Tensor):
        (rows, kernel), clips = ctx.saved_tensors, ctx.clips
        turned = kernel.flip(0).mT.contiguous()
        at_rows = _filtered(at_output, turned, clips) if ctx.needs_input_grad[0] else None
        at_kernel = [rows.T @ at_output]
        if len(kernel) == 3:
            before, after = rows[:-clips].T @ at_output[clips:], rows[clips:].T @ at_output[:-clips]
            at_kernel = [before, *at_kernel, after]
        return at_rows, torch.stack(at_kernel), None


def _filtered(rows: torch.Tensor, kernel: torch.Tensor, clips: int) -> torch.Tensor:
    if len(kernel) == 1:
        return rows @ kernel[0]
    out = rows @ kernel[1]
    out[clips:].addmm_(rows[:-clips], kernel[0])
    out[:-clips].addmm_(rows[clips:], kernel[2])
    return out


class SampleCNN(nn.Module):
    """The encoder in a form that can be trained; its tensors have their published names.

    A convolution's bias stays zero: the batch norm after it would take it away again.
    """

    def __init__(self, dtype: torch.dtype = torch.float32):
        super().__init__()
        self.dtype = dtype
        self.sequential = nn.ModuleList(
            nn.ModuleList([nn.Conv1d(into, out, 3), nn.BatchNorm1d(out)])
            for into, out in pairwise(CHANNELS)
        )
        for convolution, _ in self.sequential:
            nn.init.zeros_(convolution.bias).requires_grad_(False)

    def forward(self, clips: torch.Tensor) -> torch.Tensor:
        """[n, 512] of [n, 59049], by the batch's own statistics; the running ones take note."""
        n = len(clips)
        x = clips.view(n, -1, 3).transpose(0, 1).reshape(-1, 3).to(self.dtype)
        for i, (convolution, norm) in enumerate(self.sequential):
            kernel = convolution.weight.permute(2, 1, 0)
            if i == BLOCKS[0]:  # hears each sample once: one tap of three channels
                kernel = kernel.transpose(0, 1)
            elif i == BLOCKS[-1]:  # one step of time is left, with zeros on both sides
                kernel = kernel[1:2]
            x = norm(_Convolution.apply(x, kernel, n))
            if i not in (BLOCKS[0], BLOCKS[-1]):
                # to torch's eye an image, its channels last: nothing is copied
                image = x.view(1, -1, n, x.shape[1]).permute(0, 3, 1, 2)
                image = functional.max_pool2d(image, (3, 1))
                x = image.permute(0, 2, 3, 1).reshape(-1, x.shape[1])
            x = x.relu()
        return x.to(torch.promote_types(x.dtype, torch.float32))


def projector() -> nn.Sequential:
    """What stands between features and loss: [n, 64] of [n, 512]."""
    features = CHANNELS[-1]
    return nn.Sequential(
        nn.Linear(features, features, bias=False),
        nn.ReLU(),
        nn.Linear(features, PROJECTED, bias=False),
    )


def nt_xent(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Cross entropy of finding each view's partner by cosine among the 2 n - 1 other views.

    Parameters
    ----------
    first, second : Tensor [n, dim]
        One view of each track, and the other.

    Returns
    -------
    Tensor, scalar
        log(2 n - 1) where all views are alike.
    """
    unit = functional.normalize(torch.cat([first, second]), dim=1)
    itself = torch.eye(len(unit), dtype=torch.bool, device=unit.device)
    similarity = (unit @ unit.T / TEMPERATURE).masked_fill(itself, -torch.inf)
    partner = torch.arange(len(unit), device=unit.device).roll(len(first))
    return functional.cross_entropy(similarity, partner)


def train(
    audio: Mapping[str, np.ndarray],
    control: Mapping[str, np.ndarray],
    *,
    seed: int,
    steps: int,
    batch_size: int,
    learning_rate: float = 3e-4,
    device: str,
    precision: str,
    progress: Callable[[int], object] = lambda done: None,
) -> tuple[files.Tensors, pd.DataFrame]:
    """A CLMR trained on some tracks: Adam, and every draw from the seed.

    On one CPU and number of threads it repeats to the bit; on one GPU it is meant to, which
    `tests/gpu` asks. What another processor adds up in another order grows: weights that differ by
    1e-8 give, two steps later, losses that differ by per cents.

    Parameters
    ----------
    audio : mapping of str to ndarray, float32 [samples]
        track_id to track, mono at 22,050 Hz.
    control : mapping of str to ndarray
        Tracks of which as many as a batch holds are drawn to watch the loss; may be empty.
    seed : int
        The config's seed.
    steps, batch_size : int
        Each step sees two views of `batch_size` tracks; a track comes once in an epoch.
    learning_rate : float
    device : {"cpu", "cuda"}
    precision : {"fp32", "bf16"}
        Of the network's layers; weights, statistics and loss are float32 in either.
    progress : callable
        Told of every step that is done.

    Returns
    -------
    tensors : dict of str to ndarray
        What `clmr_open.safetensors` holds.
    curve : DataFrame
        step (from 1), train_loss (of the step's batch), control_loss (every tenth step and the
        last, by the running statistics; NaN elsewhere).

    Raises
    ------
    InputError
        If there are fewer tracks than a batch holds.
    """
    audio, control = (
        {track: tracks[track] for track in sorted(tracks) if len(tracks[track]) >= WINDOW}
        for tracks in (audio, control)
    )
    if len(audio) < batch_size:
        raise InputError(
            f"clmr_open: a batch of {batch_size} tracks needs as many, and there are {len(audio)} "
            "of 2.7 s or more; lower the batch size or add tracks"
        )
    _keep_memory()
    model = _Model(torch.bfloat16 if precision == "bf16" else torch.float32)
    _initialise(model, seed)
    model.to(device)
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimiser = torch.optim.Adam(parameters, learning_rate)
    watched = rng(seed, "clmr_open.held_out").permutation(list(control))[:batch_size]
    watched = [views(control[track], seed, f"held out {track}") for track in watched]
    settings = Settings(device=device, precision=precision)
    rows = []
    with _threads() as pool:
        # a GPU takes kernels in one order, and two threads would make that a matter of chance
        each = pool.map if device == "cpu" else map
        for step, batch in enumerate(_batches(audio, seed, steps, batch_size, pool), 1):
            loss = _step(model, parameters, torch.from_numpy(batch).to(device), each)
            optimiser.step()
            watch = len(watched) > 0 and (step % CONTROL_EVERY == 0 or step == steps)
            control_loss = _control_loss(model, watched, settings) if watch else np.nan
            rows.append((step, loss, control_loss))
            progress(1)
    curve = pd.DataFrame(rows, columns=["step", "train_loss", "control_loss"])
    return model.tensors(), curve


def train_file(
    out: Path,
    audio: Mapping[str, np.ndarray],
    control: Mapping[str, np.ndarray],
    *,
    seed: int,
    steps: int,
    batch: int,
    device: str,
    precision: str,
    progress: Callable[[int], object],
) -> pd.DataFrame:
    """Train a CLMR, and write its file, which says how it was trained and on which tracks.

    Parameters
    ----------
    out : path
        The file, safetensors.
    batch : int
        `batch_size` of `train`; so are the others, but device may be "auto".

    Returns
    -------
    DataFrame
        The curve of `train`.

    Raises
    ------
    InputError
        As `train` does, or if there is no such device.
    """
    how = {"device": settle(device), "precision": precision}
    tensors, curve = train(
        audio, control, seed=seed, steps=steps, batch_size=batch, progress=progress, **how
    )
    files.save(out, tensors, trained_here(seed, audio, steps=steps, batch=batch, **how))
    return curve


class _Model(nn.Module):
    """Encoder and projector. The two views go through it side by side, with the same weights.

    So that they do not get into each other's way, each view has an encoder with running statistics
    of its own; what is kept is their mean.
    """

    def __init__(self, dtype: torch.dtype):
        super().__init__()
        self.encoders = nn.ModuleList([SampleCNN(dtype), SampleCNN(dtype)])
        for ours, theirs in zip(*(encoder.modules() for encoder in self.encoders), strict=True):
            theirs._parameters = ours._parameters
        self.projector = projector()

    def forward(self, clips: torch.Tensor, view: int) -> torch.Tensor:
        return self.projector(self.encoders[view](clips))

    def tensors(self) -> files.Tensors:
        """What a converted file holds."""
        first, second = (encoder.state_dict() for encoder in self.encoders)
        return {name: ((first[name] + second[name]) / 2).cpu().numpy() for name in shapes()}


def _step(
    model: _Model, parameters: list[nn.Parameter], batch: torch.Tensor, each: Callable = map
) -> float:
    """Loss of a batch, [2, n, 59049], with its gradient left in the parameters.

    `each` maps over the two views: as ``map`` does, or in threads.
    """
    projected = list(each(model, batch, (0, 1)))
    ends = [z.detach().requires_grad_() for z in projected]
    loss = nt_xent(*ends)
    loss.backward()
    gradients = each(lambda z, end: torch.autograd.grad(z, parameters, end.grad), projected, ends)
    for parameter, first, second in zip(parameters, *gradients, strict=True):
        parameter.grad = first + second
    return loss.item()


@contextmanager
def _threads() -> Iterator[ThreadPoolExecutor]:
    """Two threads that share torch's: one a view wastes less than two a product."""
    threads = torch.get_num_threads()
    torch.set_num_threads(max(1, threads // 2))
    try:
        with ThreadPoolExecutor(min(2, threads)) as pool:
            yield pool
    finally:
        torch.set_num_threads(threads)


def _batches(
    audio: Mapping[str, np.ndarray], seed: int, steps: int, size: int, pool: ThreadPoolExecutor
) -> Iterator[np.ndarray]:
    """Views of each step, float32 [2, size, 59049]."""
    per_epoch = len(audio) // size
    for step in range(steps):
        epoch, place = divmod(step, per_epoch)
        order = rng(seed, "clmr_open.order", f"{epoch}").permutation(list(audio))
        tracks = order[place * size : (place + 1) * size]
        pairs = pool.map(lambda t, step=step: views(audio[t], seed, f"{step} {t}"), tracks)
        yield np.stack(list(pairs), axis=1)


@torch.no_grad()
def _initialise(model: nn.Module, seed: int) -> None:
    """Filters and dense layers as torch draws them: uniform within 1 / sqrt(fan-in)."""
    for name, parameter in model.named_parameters():
        if parameter.ndim > 1:
            bound = 1 / math.sqrt(parameter[0].numel())
            drawn = rng(seed, "clmr_open.weights", name).uniform(-bound, bound, parameter.shape)
            parameter.copy_(torch.from_numpy(drawn))


@torch.no_grad()
def _control_loss(model: _Model, watched: list[np.ndarray], settings: Settings) -> float:
    encode = Network(model.tensors(), settings)
    features = (torch.from_numpy(encode(clips)) for clips in np.stack(watched, axis=1))
    return nt_xent(*(model.projector(h.to(settings.device)) for h in features)).item()


def _keep_memory() -> None:
    """Lets glibc keep for the next step what a step frees: to have it anew is a third of one."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        for option, value in (
            (-8, 1),  # M_ARENA_MAX: threads share what is kept
            (-4, 0),  # M_MMAP_MAX
            (-1, 2**31 - 1),  # M_TRIM_THRESHOLD
        ):
            libc.mallopt(ctypes.c_int(option), ctypes.c_int(value))
