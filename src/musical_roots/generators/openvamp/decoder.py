"""From the frames that tokens stand for to frames that music has: a small network over time.

A quantiser errs in each frame by itself; the network looks at the frames around, and takes away
what does not go together: above all, harmonics that flicker. It hears nothing but the training
split. Blocks are ConvNeXt's (Liu et al. 2022), over time, as in Vocos (Siuzdak 2023).
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from musical_roots.seeding import rng

WIDTH, BLOCKS, KERNEL = 192, 4, 7
CROP, BATCH = 256, 16  # frames, crops a step
LEARNING_RATE = 2e-3
WARM_UP = 0.05  # of the steps


class Block(nn.Module):
    """A filter over time for each channel, then a small dense network: [n, frames, WIDTH]."""

    def __init__(self):
        super().__init__()
        self.filter = nn.Conv1d(WIDTH, WIDTH, KERNEL, padding=KERNEL // 2, groups=WIDTH)
        self.norm = nn.LayerNorm(WIDTH)
        self.widen = nn.Linear(WIDTH, 3 * WIDTH)
        self.narrow = nn.Linear(3 * WIDTH, WIDTH)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        filtered = self.norm(self.filter(x.mT).mT)
        return x + self.narrow(functional.gelu(self.widen(filtered)))


class Decoder(nn.Module):
    """Log-mel frames made better: [n, frames, mels] of the same shape.

    The new network changes nothing. It is trained to see all numbers of codebooks.
    """

    def __init__(self, mels: int):
        super().__init__()
        self.enter = nn.Linear(mels, WIDTH)
        self.blocks = nn.Sequential(*(Block() for _ in range(BLOCKS)))
        self.norm = nn.LayerNorm(WIDTH)
        self.leave = nn.Linear(WIDTH, mels)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        # log-mel frames lie between -9 and 1: brought to some -2 ... 2
        return frames + self.leave(self.norm(self.blocks(self.enter((frames + 4) / 3))))

    @torch.inference_mode()
    def refine(self, frames: np.ndarray) -> np.ndarray:
        """The same for one piece of music: [frames, mels], of the weights' precision."""
        return self(torch.from_numpy(frames).to(self.enter.weight)[None])[0].numpy()


def train(
    tracks: list[np.ndarray],
    tokens: list[np.ndarray],
    codebooks: np.ndarray,
    *,
    seed: int,
    steps: int,
    progress: Callable[[int], object] = lambda done: None,
) -> Decoder:
    """A decoder trained to bring quantised frames back: squared error, AdamW, draws from the seed.

    Parameters
    ----------
    tracks : list of ndarray, float32 [frames, mels]
        Log-mel frames of excerpts.
    tokens : list of ndarray, int [codebooks, frames]
        Of the same.
    codebooks : ndarray, float32 [codebooks, entries, mels]
        Three crops in four are made of all of them, the rest of a random number, coarsest first.
    seed : int
        The config's seed.
    steps : int
        0 gives the network that changes nothing.
    progress : callable
        Told of every step that is done.
    """
    model = Decoder(tracks[0].shape[1])
    _initialise(model, seed)
    optimiser = torch.optim.AdamW(model.parameters(), LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: rate(step, steps))
    long = [index for index, track in enumerate(tracks) if len(track) >= CROP]
    for step in range(steps if long else 0):
        chance = rng(seed, "openvamp.decoder", str(step))
        crops = []
        for index in chance.choice(long, BATCH):
            start = chance.integers(len(tracks[index]) - CROP + 1)
            some = chance.integers(1, len(codebooks) + 1)
            count = len(codebooks) if chance.random() < 0.75 else some
            rows = tokens[index][:count, start : start + CROP]
            given = sum(book[row] for book, row in zip(codebooks, rows, strict=False))
            crops.append((given, tracks[index][start : start + CROP]))
        given, wanted = torch.from_numpy(np.stack(crops, axis=1)).float()
        loss = functional.mse_loss(model(given), wanted)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        progress(1)
    return model.eval()


def rate(step: int, steps: int) -> float:
    """Share of the highest learning rate: up over the first steps, then down by a cosine."""
    warm = max(1, round(WARM_UP * steps))
    if step < warm:
        return (step + 1) / warm
    return 0.5 * (1 + np.cos(np.pi * (step - warm) / max(1, steps - warm)))


@torch.no_grad()
def _initialise(model: nn.Module, seed: int) -> None:
    for name, parameter in model.named_parameters():
        if name.startswith("leave") or name.endswith("bias"):
            parameter.zero_()
        elif parameter.ndim > 1:
            drawn = rng(seed, "openvamp.decoder.weights", name).standard_normal(parameter.shape)
            parameter.copy_(torch.from_numpy(drawn / np.sqrt(parameter[0].numel())))
