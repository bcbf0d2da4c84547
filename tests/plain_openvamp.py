"""openvamp's network, its training and its sampling written down plainly.

Attention as a product and a softmax, one vamp at a time, and, as VampNet's own code does it,
logits and draws at all places at every step, of which those at masked places are used. What ours
is held against, for its numbers (tests) and its speed (benchmarks).
"""

from collections.abc import Mapping

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from musical_roots.generators.base import VampSettings
from musical_roots.generators.openvamp import model, training
from musical_roots.generators.openvamp.decoder import rate
from musical_roots.seeding import rng

HEAD, ROTATED = 64, 32  # channels of a head; those of them that positions turn


class Norm(nn.Module):
    """Each frame brought to an RMS of 1, then each channel scaled by 1 + g."""

    def __init__(self, width: int):
        super().__init__()
        self.g = nn.Parameter(torch.zeros(width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (1 + self.g) * x / x.square().mean(dim=-1, keepdim=True).sqrt()


class Attention(nn.Module):
    """Attention of every frame to every frame, with rotary positions."""

    def __init__(self, width: int):
        super().__init__()
        self.norm = Norm(width)
        self.query, self.key, self.value, self.out = (
            nn.Linear(width, width, bias=False) for _ in range(4)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[n, frames, width] of the same shape."""
        x = self.norm(x)
        query, key, value = (
            part(x).unflatten(2, (-1, HEAD)).transpose(1, 2)
            for part in (self.query, self.key, self.value)
        )
        scores = turned(query) @ turned(key).mT / HEAD**0.5
        return self.out((scores.softmax(dim=-1) @ value).transpose(1, 2).flatten(2))


def turned(x: torch.Tensor) -> torch.Tensor:
    """Pairs of the first channels turned, by angles that grow with the frame: [..., frames, 64]."""
    speed = 10_000 ** (-torch.arange(0, ROTATED, 2).to(x) / ROTATED)
    angle = torch.arange(x.shape[-2], device=x.device)[:, None] * speed
    one, other = x[..., 0:ROTATED:2], x[..., 1:ROTATED:2]
    pairs = (one * angle.cos() - other * angle.sin(), other * angle.cos() + one * angle.sin())
    return torch.cat([torch.stack(pairs, dim=-1).flatten(-2), x[..., ROTATED:]], dim=-1)


class Dense(nn.Sequential):
    """The small network of each frame: [n, frames, width] of the same shape."""

    def __init__(self, width: int):
        super().__init__(
            Norm(width), nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )


class PlainOpenVamp(nn.Module):
    """Logits at all places of tokens [n, codebooks, frames]."""

    def __init__(self, size: model.Size):
        super().__init__()
        self.size = size
        self.embeddings = nn.ModuleList(
            nn.Embedding(size.entries + 1, size.width) for _ in range(size.codebooks)
        )
        self.blocks = nn.ModuleList(
            block(size.width) for _ in range(size.layers) for block in (Attention, Dense)
        )
        self.norm = Norm(size.width)
        self.classifiers = nn.ModuleList(
            nn.Linear(size.width, size.entries) for _ in range(size.codebooks)
        )

    def forward(self, tokens: torch.Tensor, masked: torch.Tensor) -> torch.Tensor:
        """[n, codebooks, frames, entries] of tokens and mask, [n, codebooks, frames]."""
        shown = torch.where(masked, self.size.entries, tokens)
        x = sum(embed(shown[:, c]) for c, embed in enumerate(self.embeddings))
        for block in self.blocks:
            x = x + block(x)
        x = self.norm(x)
        return torch.stack([classify(x) for classify in self.classifiers], dim=1)


def plain_openvamp(size: model.Size, tensors: Mapping[str, np.ndarray]) -> PlainOpenVamp:
    """The network with the weights of a file, or of `MaskedTransformer.tensors`."""
    network = PlainOpenVamp(size)
    names = {"norm.g": "encoder.final_norm.g"}
    parts = {"query": "to_q", "key": "to_k", "value": "to_v", "out": "to_out"}
    dense = {"1.weight": "ff.0.0.weight", "1.bias": "ff.0.0.bias"}
    dense |= {"3.weight": "ff.2.weight", "3.bias": "ff.2.bias"}
    for i in range(0, 2 * size.layers, 2):
        ours = f"encoder.layers.{i}"
        names[f"blocks.{i}.norm.g"] = f"{ours}.0.0.g"
        names |= {f"blocks.{i}.{p}.weight": f"{ours}.1.{q}.weight" for p, q in parts.items()}
        ours = f"encoder.layers.{i + 1}"
        names[f"blocks.{i + 1}.0.g"] = f"{ours}.0.0.g"
        names |= {f"blocks.{i + 1}.{p}": f"{ours}.1.{q}" for p, q in dense.items()}
    state = {name: tensors[names.get(name, name)] for name in network.state_dict()}
    network.load_state_dict({name: torch.tensor(value) for name, value in state.items()})
    return network.eval()


@torch.no_grad()
def plain_fill(
    network: PlainOpenVamp,
    tokens: np.ndarray,
    keep: np.ndarray,
    settings: VampSettings,
    rng: np.random.Generator,
) -> np.ndarray:
    """What `sampling.fill` gives."""
    tokens, masked = torch.from_numpy(tokens).long(), torch.from_numpy(~keep)
    at_start = int(masked.sum())
    for step in range(1, settings.steps + 1):
        now = int(masked.sum())
        if now == 0:
            break
        logits = network(tokens[None], masked[None])[0].double() / settings.temperature
        probabilities = logits.softmax(dim=-1)
        below = probabilities.cumsum(dim=-1)
        level = torch.zeros(masked.shape, dtype=torch.float64)
        level[masked] = torch.from_numpy(rng.random(now))
        level = level * below[..., -1]
        drawn = (below <= level[..., None]).sum(dim=-1).clamp(max=network.size.entries - 1)
        tokens = torch.where(masked, drawn, tokens)
        share = np.cos(step / settings.steps * np.pi / 2)
        left = 0 if step == settings.steps else min(max(int(share * at_start), 1), now - 1)
        chosen = probabilities.gather(-1, drawn[..., None])[..., 0].log()
        warmth = settings.mask_temperature * (1 - step / settings.steps)
        noise = torch.zeros(masked.shape, dtype=torch.float64)
        noise[masked] = torch.from_numpy(rng.gumbel(size=now))
        sure = torch.where(masked, chosen + warmth * noise, torch.inf)  # what is known stays
        unsure = sure.flatten().argsort()[:left]
        masked = (
            torch.zeros(masked.numel(), dtype=bool).index_fill(0, unsure, True).view(tokens.shape)
        )
    return tokens.numpy()


def plain_train(
    tokens: Mapping[str, np.ndarray],
    size: model.Size,
    *,
    seed: int,
    steps: int,
    batch_size: int,
    device: str = "cpu",
) -> list[float]:
    """Loss of each step of `training.train`."""
    ours = model.MaskedTransformer(size)
    model.initialise(ours, seed)
    network = plain_openvamp(size, ours.tensors()).train().to(device)
    optimiser = torch.optim.AdamW(network.parameters(), 1e-3, betas=(0.9, 0.95))
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: rate(step, steps))
    tokens, losses = dict(sorted(tokens.items())), []
    for step in range(1, steps + 1):
        chance = rng(seed, "openvamp.batch", str(step))
        drawn = training.masked_crops(tokens, batch_size, chance)
        crops, masked = (torch.from_numpy(part).to(device) for part in drawn)
        wanted = torch.where(masked, crops, -100)  # which cross_entropy leaves out
        loss = functional.cross_entropy(network(crops, masked).flatten(0, 2), wanted.flatten())
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        losses.append(loss.item())
    return losses
