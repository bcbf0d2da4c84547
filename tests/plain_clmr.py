"""SampleCNN written down plainly: torch modules, one clip at a time, or all of them at once.

What our encoder is held against, for its numbers (tests) and its speed (benchmarks).
"""

from collections.abc import Mapping
from itertools import pairwise

import numpy as np
import torch
from torch import nn

CHANNELS = (1, 128, 128, 128, 256, 256, 256, 256, 256, 256, 512, 512)


def plain_clmr(tensors: Mapping[str, np.ndarray]) -> nn.Sequential:
    """The network, [n, 512] of [n, 1, 59049], with the weights of a converted file."""
    modules = []
    for i, (into, out) in enumerate(pairwise(CHANNELS)):
        stride, padding = (3, 0) if i == 0 else (1, 1)
        convolution, norm = nn.Conv1d(into, out, 3, stride, padding), nn.BatchNorm1d(out)
        for module, part in ((convolution, 0), (norm, 1)):
            prefix = f"sequential.{i}.{part}."
            names = [name.removeprefix(prefix) for name in tensors if name.startswith(prefix)]
            state = {name: torch.from_numpy(np.array(tensors[prefix + name])) for name in names}
            module.load_state_dict(state, strict=False)
        modules += [convolution, norm, nn.ReLU(), *([nn.MaxPool1d(3)] if 0 < i < 10 else [])]
    return nn.Sequential(*modules, nn.Flatten()).eval()


def plain_projector(tensors: Mapping[str, np.ndarray]) -> nn.Sequential:
    """What the network was trained with behind it, [n, 64] of [n, 512]."""
    first, second = nn.Linear(512, 512, bias=False), nn.Linear(512, 64, bias=False)
    projector = nn.Sequential(first, nn.ReLU(), second)
    names = [name for name in tensors if name.startswith("projector.")]
    state = {
        name.removeprefix("projector."): torch.from_numpy(np.array(tensors[name])) for name in names
    }
    projector.load_state_dict(state)
    return projector.eval()


def plain_trainable() -> nn.Sequential:
    """The network to be trained, [n, 512] of [n, 1, 1, 59049]: images of one row, channels last.

    Torch trains these about three times as fast on a CPU in bf16 as convolutions over time alone.
    """
    modules = []
    for i, (into, out) in enumerate(pairwise(CHANNELS)):
        stride, padding = (3, 0) if i == 0 else (1, 1)
        convolution = nn.Conv2d(into, out, (1, 3), (1, stride), (0, padding), bias=False)
        pooled = [nn.MaxPool2d((1, 3))] if 0 < i < 10 else []
        modules += [convolution, nn.BatchNorm2d(out), *pooled, nn.ReLU()]
    return nn.Sequential(*modules, nn.Flatten()).to(memory_format=torch.channels_last)


def plain_encode(network: nn.Module, clip: np.ndarray) -> np.ndarray:
    """Features, float32 [512], of what is heard of a clip, float32 [59049] at 22,050 Hz."""
    return plain_encode_all(network, clip[None])[0]


@torch.inference_mode()
def plain_encode_all(network: nn.Module, clips: np.ndarray) -> np.ndarray:
    """Features, float32 [n, 512], of clips, float32 [n, 59049], in one batch."""
    like = next(network.parameters())
    return network(torch.from_numpy(clips)[:, None].to(like)).cpu().numpy()
