"""CLMR: a convolutional network on raw samples, trained to tell which excerpts are of one track.

Spijkervet & Burgoyne (2021), "Contrastive learning of musical representations". Its encoder is
SampleCNN (Lee et al. 2018): eleven blocks of convolution over time, batch norm and ReLU; the first
takes every third sample, the next nine keep the maximum of three, so that 3^10 samples (2.678 s)
become one vector of 512. Features are what comes out of the last ReLU. They are never negative, so
cosines lie in [0, 1], and even unlike music has a high one.

A clip of 3 s is longer than what is heard: `Settings.part` says which part that is.

The numbers are the original's; batch norm has become part of the convolution before it.
"""

from pathlib import Path

import numpy as np
import torch

from musical_roots.encoders.base import Encoder, Settings
from musical_roots.weights import files

VERSION = "clmr-2"  # raise the number whenever features change
SAMPLE_RATE, WINDOW = 22_050, 3**10
CHANNELS = (1, 128, 128, 128, 256, 256, 256, 256, 256, 256, 512, 512)
BLOCKS = range(len(CHANNELS) - 1)
BATCH_NORM_EPS = 1e-5


def shapes() -> dict[str, tuple[int, ...]]:
    """Tensors of a converted file: convolution 0 and batch norm 1 of each block."""
    found = {}
    for i, into, out in zip(BLOCKS, CHANNELS[:-1], CHANNELS[1:], strict=True):
        found[f"sequential.{i}.0.weight"] = (out, into, 3)
        found[f"sequential.{i}.0.bias"] = (out,)
        for part in ("weight", "bias", "running_mean", "running_var"):
            found[f"sequential.{i}.1.{part}"] = (out,)
    return found


class Clmr(Encoder):
    """Release 2.0: trained on MagnaTagATune for 10,000 epochs."""

    name = "clmr"
    sample_rate = SAMPLE_RATE
    window = WINDOW
    dim = CHANNELS[-1]
    clip_bytes = 40_000_000

    def __init__(self, checkpoints: Path, settings: Settings):
        path = Path(checkpoints) / f"{self.name}.safetensors"
        tensors = files.load(path, shapes())
        self.plumbing = files.is_random(path)
        self.settings = settings
        self.fingerprint = f"{VERSION}-{settings.part}-{files.digest(tensors)[:16]}"
        self._network = Network(tensors, settings)

    def span(self, samples: int) -> tuple[int, int]:
        """Part of a clip that is heard, as `Settings.part` wants it. See `Encoder.span`."""
        spare = max(0, samples - self.window)
        first = {"start": 0, "centre": spare // 2, "end": spare}[self.settings.part]
        return first, samples - spare

    def encode(self, batch: np.ndarray) -> np.ndarray:
        """Output of the last ReLU, float32 [n, 512]. See `Encoder.encode`.

        On a CPU in single precision whatever the settings say: bf16 leaves 8 bits of a sample.
        """
        return self._network(self.heard(batch))


class Clmr1550(Clmr):
    """Release 1.0: trained on MagnaTagATune for 1,550 epochs, of smaller batches."""

    name = "clmr_1550"


class ClmrOpen(Clmr):
    """The same network, trained by `clmr_training` on this corpus's own train split."""

    name = "clmr_open"


class Network:
    """The encoder itself with these weights, batch norms folded into convolutions."""

    def __init__(self, tensors: files.Tensors, settings: Settings):
        self.on_cpu = settings.device == "cpu"
        half = settings.precision == "bf16" and not self.on_cpu
        self.to = {"device": settings.device, "dtype": torch.bfloat16 if half else torch.float32}
        self.blocks = [
            [torch.from_numpy(part).to(**self.to) for part in block] for block in _folded(tensors)
        ]

    def __call__(self, clips: np.ndarray) -> np.ndarray:
        """float32 [n, 512] of [n, 59049].

        On a CPU clip by clip: no clip depends on the others, and what a layer makes of one is
        still in the cache when the next layer reads it.
        """
        features = np.empty((len(clips), CHANNELS[-1]), np.float32)
        size = 1 if self.on_cpu else max(len(clips), 1)
        for at in range(0, len(clips), size):
            features[at : at + size] = self._features(clips[at : at + size])
        return features

    def _features(self, clips: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            x = torch.from_numpy(clips).to(**self.to)[:, None]
            for i, (kernel, bias) in enumerate(self.blocks):
                stride, padding = (1, 1) if i else (3, 0)
                x = torch.conv1d(x, kernel, bias, stride, padding)
                if i not in (BLOCKS[0], BLOCKS[-1]):
                    x = torch.max_pool1d(x, 3)
                x = x.relu_()
            return x[:, :, 0].float().cpu().numpy()


def _folded(tensors: files.Tensors) -> list[tuple[np.ndarray, np.ndarray]]:
    """Kernel [out, in, 3] and bias [out] of each block with its batch norm, float64."""
    blocks = []
    for i in BLOCKS:
        kernel, bias, gamma, beta, mean, variance = (
            np.float64(tensors[f"sequential.{i}.{part}"])
            for part in (
                *("0.weight", "0.bias"),
                *("1.weight", "1.bias", "1.running_mean", "1.running_var"),
            )
        )
        scale = gamma / np.sqrt(variance + BATCH_NORM_EPS)
        blocks.append((kernel * scale[:, None, None], (bias - mean) * scale + beta))
    return blocks
