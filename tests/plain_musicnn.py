"""musicnn written down plainly: torch modules, librosa's mel, one clip at a time or all at once.

What our encoder is held against, for its numbers (tests) and its speed (benchmarks).
"""

from functools import cache
from pathlib import Path

import librosa
import numpy as np
import torch
from safetensors.torch import load_file
from torch import nn

FRONT = ((7, 38, 204), (7, 67, 204), (128, 1, 51), (64, 1, 51), (32, 1, 51))
FILES = ("musicnn-mtt.safetensors", "musicnn-msd.safetensors")


class Convolution(nn.Module):
    """Convolution over time and bands ("same" in time, "valid" in bands), ReLU, batch norm."""

    def __init__(self, frames: int, bands: int, channels: int):
        super().__init__()
        self.pad = nn.ZeroPad2d((0, 0, (frames - 1) // 2, frames // 2))
        self.conv = nn.Conv2d(1, channels, (frames, bands))
        self.norm = nn.BatchNorm2d(channels, eps=1e-3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[n, channels, time, bands out] of [n, 1, time, bands]."""
        return self.norm(torch.relu(self.conv(self.pad(x))))


class PlainMusicnn(nn.Module):
    """One network, as the original's models.py builds it."""

    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm2d(1, eps=1e-3)
        self.front = nn.ModuleList(Convolution(*shape) for shape in FRONT)
        self.middle = nn.ModuleList(Convolution(7, bands, 64) for bands in (561, 64, 64))
        self.pool_norm = nn.BatchNorm1d(1506, eps=1e-3)
        self.dense = nn.Linear(1506, 200)
        self.dense_norm = nn.BatchNorm1d(200, eps=1e-3)
        self.out = nn.Linear(200, 50)

    def forward(self, spectrograms: torch.Tensor) -> torch.Tensor:
        """Features [n, 1506] of log-mel spectrograms [n, 187, 96]: max, mean of each channel."""
        x = self.norm(spectrograms[:, None])
        front = torch.cat([convolution(x).amax(dim=3) for convolution in self.front], dim=1)
        layers = [front.transpose(1, 2)]
        for convolution in self.middle:
            y = convolution(layers[-1][:, None])[..., 0].transpose(1, 2)
            layers.append(y + layers[-1] if len(layers) > 1 else y)
        channels = torch.cat(layers, dim=2)
        return torch.stack([channels.amax(dim=1), channels.mean(dim=1)], dim=2).flatten(1)

    def tags(self, features: torch.Tensor) -> torch.Tensor:
        """Likelihood of 50 tags, [n, 50], of features [n, 1506]."""
        penultimate = self.dense_norm(torch.relu(self.dense(self.pool_norm(features))))
        return torch.sigmoid(self.out(penultimate))


@cache
def networks(checkpoints: Path | str, device: str = "cpu") -> list[PlainMusicnn]:
    """The MTT and the MSD network."""
    return [_load(Path(checkpoints) / file).to(device) for file in FILES]


def spectrogram(clip: np.ndarray) -> np.ndarray:
    """The original's log-mel spectrogram, float32 [187, 96], of a clip at 16 kHz."""
    power = librosa.feature.melspectrogram(y=clip, sr=16_000, n_fft=512, hop_length=256, n_mels=96)
    return np.log10(10_000 * power.T.astype(np.float16).astype(np.float32) + 1)[:187]


def plain_encode(checkpoints: Path | str, clip: np.ndarray, device: str = "cpu") -> np.ndarray:
    """Features, float32 [3012], of a clip, float32 [48000] at 16 kHz."""
    return plain_encode_all(checkpoints, clip[None], device)[0]


@torch.inference_mode()
def plain_encode_all(checkpoints: Path | str, clips: np.ndarray, device: str = "cpu") -> np.ndarray:
    """Features, float32 [n, 3012], of clips, float32 [n, 48000], in one batch."""
    x = torch.from_numpy(np.stack([spectrogram(clip) for clip in clips])).to(device)
    features = [network(x) for network in networks(checkpoints, device)]
    return torch.cat(features, dim=1).cpu().numpy()


@torch.inference_mode()
def tags(checkpoints: Path | str, features: np.ndarray) -> np.ndarray:
    """Tags of both networks, float32 [2, n, 50], of features [n, 3012]."""
    halves = torch.from_numpy(np.asarray(features)).split(1506, dim=1)
    pairs = zip(networks(checkpoints), halves, strict=True)
    return np.stack([network.tags(half).numpy() for network, half in pairs])


def _load(path: Path) -> PlainMusicnn:
    tensors = load_file(path)
    network = PlainMusicnn().eval()
    norms = [network.norm, *(c.norm for c in (*network.front, *network.middle))]
    for i, norm in enumerate([*norms, network.pool_norm, network.dense_norm]):
        names = {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean"}
        for ours, theirs in (names | {"running_var": "moving_variance"}).items():
            layer = f"batch_normalization_{i}" if i else "batch_normalization"
            getattr(norm, ours).data.copy_(tensors[f"{layer}/{theirs}"])
    for i, convolution in enumerate((*network.front, *network.middle)):
        layer = f"conv2d_{i}" if i else "conv2d"
        convolution.conv.weight.data.copy_(tensors[f"{layer}/kernel"].permute(3, 2, 0, 1))
        convolution.conv.bias.data.copy_(tensors[f"{layer}/bias"])
    for layer, name in ((network.dense, "dense"), (network.out, "dense_1")):
        layer.weight.data.copy_(tensors[f"{name}/kernel"].T)
        layer.bias.data.copy_(tensors[f"{name}/bias"])
    return network
