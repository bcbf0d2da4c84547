"""CLMR: a convolutional network on raw samples, trained to tell which excerpts are of one track.

Spijkervet & Burgoyne (2021), "Contrastive learning of musical representations". Its encoder is
SampleCNN (Lee et al. 2018): eleven blocks of convolution over time, batch norm and ReLU; the first
takes every third sample, the next nine keep the maximum of three, so that 3^10 samples (2.678 s)
become one vector of 512. `Settings.features` says which features are given:

- ``encoder``: what comes out of the last ReLU, 512. They are never negative, so cosines lie in
  [0, 1], and even unlike music has a high one. CLMR's authors judge these.
- ``projector``: what the projector makes of them, 64: two linear layers with a ReLU between, on
  which the training objective works. Cosines lie in [-1, 1]. The training of `clmr_training` keeps
  no projector.

A clip of 3 s is longer than what is heard: `Settings.part` says which part that is.

The numbers are the original's; batch norm has become part of the convolution before it.
"""

from pathlib import Path

import numpy as np
import torch

from musical_roots.encoders.base import Encoder, Settings
from musical_roots.errors import InputError
from musical_roots.weights import files
from musical_roots.weights.formats.clmr import CHANNELS, PROJECTOR, shapes

VERSION = "clmr-2"  # raise the number whenever features change
SAMPLE_RATE, WINDOW = 22_050, 3**10
BLOCKS = range(len(CHANNELS) - 1)
BATCH_NORM_EPS = 1e-5


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
        told = f"{VERSION}-{settings.part}"
        if settings.features == "projector":
            tensors |= _projector(path)
            told += "-projector"
        self.plumbing = files.is_random(path)
        self.settings, self.features = settings, settings.features
        self.fingerprint = f"{told}-{files.digest(tensors)[:16]}"
        self._network = Network(tensors, settings)
        self.dim = self._network.dim

    def span(self, samples: int) -> tuple[int, int]:
        """Part of a clip that is heard, as `Settings.part` wants it. See `Encoder.span`."""
        spare = max(0, samples - self.window)
        first = {"start": 0, "centre": spare // 2, "end": spare}[self.settings.part]
        return first, samples - spare

    def encode(self, batch: np.ndarray) -> np.ndarray:
        """Output of the encoder, float32 [n, 512], or projector, [n, 64]. See `Encoder.encode`.

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
    """The network with these weights, as far as the features that are asked for.

    Batch norms are folded into convolutions.
    """

    def __init__(self, tensors: files.Tensors, settings: Settings):
        self.on_cpu = settings.device == "cpu"
        half = settings.precision == "bf16" and not self.on_cpu
        self.to = {"device": settings.device, "dtype": torch.bfloat16 if half else torch.float32}
        self.blocks = [
            [torch.from_numpy(part).to(**self.to) for part in block] for block in _folded(tensors)
        ]
        # in single precision whatever the rest is in: it is a thousandth of the work
        self.projector = [
            torch.from_numpy(tensors[name]).to(settings.device)
            for name in PROJECTOR
            if settings.features == "projector"
        ]
        self.dim = len(self.projector[-1]) if self.projector else CHANNELS[-1]

    def __call__(self, clips: np.ndarray) -> np.ndarray:
        """float32 [n, dim] of [n, 59049].

        On a CPU clip by clip: no clip depends on the others, and what a layer makes of one is
        still in the cache when the next layer reads it.
        """
        features = np.empty((len(clips), self.dim), np.float32)
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
            x = x[:, :, 0].float()
            for i, kernel in enumerate(self.projector):
                x = torch.nn.functional.linear(x.relu() if i else x, kernel)
            return x.cpu().numpy()


def _projector(path: Path) -> files.Tensors:
    tensors, _ = files.read(path)
    if not tensors.keys() >= PROJECTOR.keys():
        raise InputError(
            f"{path} has no projector of CLMR's; set encoders.{path.stem}.features to encoder, or, "
            "if the published file has one, delete this and fetch it again"
        )
    return {name: tensors[name] for name in PROJECTOR}


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
