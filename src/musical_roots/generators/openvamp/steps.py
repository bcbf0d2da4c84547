"""A step of the network's training: loss, gradient, AdamW.

On a CPU logits are computed at masked places alone. On a GPU so many small operations wait for
each other that computing them costs less than starting them, and picking places out waits for the
GPU each time: there the step computes logits everywhere, on tensors that stay where they are, and
is recorded once as a CUDA graph, which starts as a whole. Where many networks are trained, what is
small in it is fused first, which takes a minute and pays for itself; on a CPU, too, where products
in bf16 leave it the larger part.
"""

import shutil
import sysconfig
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from musical_roots.generators.openvamp.model import MaskedTransformer

BETAS, LONGEST = (0.9, 0.95), 1.0  # AdamW's; norm that a gradient is clipped to
WARM_UP = 3  # steps before a recording, in which libraries and optimiser set themselves up

Step = Callable[[np.ndarray, np.ndarray, float], torch.Tensor]


def step_of(
    model: MaskedTransformer, shape: tuple[int, ...], precision: str, fuse: bool = False
) -> Step:
    """What takes a step of training on the model's device.

    Parameters
    ----------
    model : MaskedTransformer
        Changed by every step.
    shape : tuple of int
        Of the crops of each step: n, codebooks, frames.
    precision : {"fp32", "bf16"}
        Of the products.
    fuse : bool
        Fuse what is small: the same step but for rounding. On a CPU in bf16 alone, and where there
        is what that takes: a compiler, and Python's headers.

    Returns
    -------
    callable
        Given crops (int64) and masked (bool) of that shape, and a learning rate, it changes the
        model and gives the loss before that, in nats a masked token. On a GPU it waits for nothing.
    """
    if next(model.parameters()).is_cuda:
        return recorded(StaticStep(model, shape, precision, fuse))
    if fuse and precision == "bf16" and _compiles():
        return StaticStep(model, shape, precision, fuse)
    return _plain_step(model, precision)


def _compiles() -> bool:
    """Whether torch.compile has what it takes on a CPU."""
    headers = Path(sysconfig.get_path("include"), "Python.h")
    return shutil.which("g++") is not None and headers.is_file()


def _plain_step(model: MaskedTransformer, precision: str) -> Step:
    optimiser = torch.optim.AdamW(model.parameters(), betas=BETAS, fused=True)

    def step(crops: np.ndarray, masked: np.ndarray, rate: float) -> torch.Tensor:
        loss, _, _ = masked_loss(model, crops, masked, precision)
        optimiser.param_groups[0]["lr"] = rate
        _update(model, optimiser, loss)
        return loss.detach()

    return step


class StaticStep:
    """A step whose every tensor stays where it is, and that waits for nothing.

    Attributes
    ----------
    crops, masked, rate, loss : Tensor
        What `compute` reads and writes.
    """

    def __init__(
        self, model: MaskedTransformer, shape: tuple[int, ...], precision: str, fuse: bool = False
    ):
        device = next(model.parameters()).device
        self.model, self.precision = model, precision
        self.loss_of = fused() if fuse else loss_everywhere
        self.crops = torch.zeros(shape, dtype=torch.int64, device=device)
        self.masked = torch.ones(shape, dtype=torch.bool, device=device)
        self.rate, self.loss = torch.zeros((), device=device), torch.zeros((), device=device)
        self.optimiser = torch.optim.AdamW(
            model.parameters(), self.rate, betas=BETAS, fused=True, capturable=device.type == "cuda"
        )

    def __call__(self, crops: np.ndarray, masked: np.ndarray, rate: float) -> torch.Tensor:
        _put(crops, self.crops)
        _put(masked, self.masked)
        self.rate.fill_(rate)
        self.compute()
        return self.loss.clone()

    def compute(self) -> None:
        """The step itself; at rate 0 weights stay as they are."""
        loss = self.loss_of(self.model, self.crops, self.masked, self.precision)
        _update(self.model, self.optimiser, loss)
        self.loss.copy_(loss.detach())


def recorded(step: StaticStep) -> StaticStep:
    """The same step, from now on a CUDA graph; weights and optimiser are as before.

    Graphs of several steps may run side by side, each on a stream of its own.
    """
    step.rate.zero_()
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the optimiser could be recorded, and is not
        for _ in range(WARM_UP):
            step.compute()
    torch.cuda.current_stream().wait_stream(side)
    step.optimiser.zero_grad()  # gradients of the recording get a memory of their own
    graph = torch.cuda.CUDAGraph()
    # on a stream of its own: graphs that were recorded on one share a workspace of cuBLAS
    with torch.cuda.graph(graph, stream=side):
        step.compute()
    for state in step.optimiser.state.values():
        for tensor in state.values():
            tensor.zero_()
    step.compute = graph.replay
    return step


def _put(values: np.ndarray, into: torch.Tensor) -> None:
    new = torch.from_numpy(values)
    # from other memory the copy would wait for all steps before it
    into.copy_(new.pin_memory() if into.is_cuda else new, non_blocking=True)


def _update(model: MaskedTransformer, optimiser: torch.optim.Optimizer, loss: torch.Tensor) -> None:
    optimiser.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), LONGEST)
    optimiser.step()


def masked_loss(
    model: MaskedTransformer, crops: np.ndarray, masked: np.ndarray, precision: str
) -> tuple[torch.Tensor, list[torch.Tensor], list[torch.Tensor]]:
    """Mean cross entropy over the masked places; for each codebook logits there, and the tokens.

    Crops are int64, masked bool, both [n, codebooks, frames].
    """
    device = next(model.parameters()).device
    crops, masked = torch.from_numpy(crops).to(device), torch.from_numpy(masked).to(device)
    with _products(device, precision):
        logits = model(crops, masked)
    wanted = [crops[:, c][masked[:, c]] for c in range(crops.shape[1])]
    return functional.cross_entropy(torch.cat(logits).float(), torch.cat(wanted)), logits, wanted


def loss_everywhere(
    model: MaskedTransformer, crops: torch.Tensor, masked: torch.Tensor, precision: str
) -> torch.Tensor:
    """The same mean of logits at all places, each weighted by whether it is masked."""
    with _products(crops.device, precision):
        logits = model.everywhere(crops, masked)
    each = functional.cross_entropy(logits.float().flatten(0, 2), crops.flatten(), reduction="none")
    return (each * masked.flatten()).sum() / masked.sum()


@cache
def fused() -> Callable[..., torch.Tensor]:
    """`loss_everywhere` by torch.compile: one for all networks of a size."""
    return torch.compile(loss_everywhere, fullgraph=True, dynamic=False)


def _products(device: torch.device, precision: str) -> torch.autocast:
    """Matrix products in bf16, if it is that; nothing is kept from one step for the next."""
    on = precision == "bf16"
    return torch.autocast(device.type, torch.bfloat16, enabled=on, cache_enabled=False)
