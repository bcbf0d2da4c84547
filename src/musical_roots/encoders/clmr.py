"""CLMR: a convolutional network on raw samples, trained to tell which excerpts are of one track.

Spijkervet & Burgoyne (2021), "Contrastive learning of musical representations". Its encoder is
SampleCNN (Lee et al. 2018): eleven blocks of convolution over time, batch norm and ReLU; the first
takes every third sample, the next nine keep the maximum of three, so that 3^10 samples (2.678 s)
become one vector of 512. Features are what comes out of the last ReLU. They are never negative, so
cosines lie in [0, 1], and even unlike music has a high one.

A clip of 3 s is longer than what is heard: `Settings.part` says which part that is.

The numbers are the original's, but got faster on a CPU (`_Pooling`):

- Batch norm becomes part of the convolution before it.
- Six neighbouring outputs of a filter of three cost 8 products instead of 18, by Toom and Cook's
  algorithm (Winograd's F(6, 3)). Rounding grows to some 4e-6 of the features.
- What is pooled is never written to memory before it is pooled.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.lib.stride_tricks import sliding_window_view

from musical_roots.encoders.base import Encoder, Settings
from musical_roots.weights import files

VERSION = "clmr-1"  # raise the number whenever features change
SAMPLE_RATE, WINDOW = 22_050, 3**10
CHANNELS = (1, 128, 128, 128, 256, 256, 256, 256, 256, 256, 512, 512)
BLOCKS = range(len(CHANNELS) - 1)
BATCH_NORM_EPS = 1e-5

TILE = 6  # outputs that share their products; two groups of three to pool
POINTS = (0, 1, -1, 2, -2, 0.5, -0.5)  # where Toom and Cook evaluate; and at infinity
AT_ONCE = 56  # tiles that stay in a core's cache


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
        self._network = network(tensors, settings)

    def span(self, samples: int) -> tuple[int, int]:
        """Part of a clip that is heard, as `Settings.part` wants it. See `Encoder.span`."""
        spare = max(0, samples - self.window)
        first = {"start": 0, "centre": spare // 2, "end": spare}[self.settings.part]
        return first, samples - spare

    def encode(self, batch: np.ndarray) -> np.ndarray:
        """Output of the last ReLU, float32 [n, 512]. See `Encoder.encode`.

        On a CPU in single precision whatever the settings say: half of it is no faster.
        """
        return self._network(self.heard(batch))


class Clmr1550(Clmr):
    """Release 1.0: trained on MagnaTagATune for 1,550 epochs, of smaller batches."""

    name = "clmr_1550"


class ClmrOpen(Clmr):
    """The same network, trained by `clmr_training` on this corpus's own train split."""

    name = "clmr_open"


def network(tensors: files.Tensors, settings: Settings) -> Callable[[np.ndarray], np.ndarray]:
    """The encoder itself, from float32 [n, 59049] to float32 [n, 512], with these weights."""
    blocks = _folded(tensors)
    return _Torch(blocks, settings) if settings.device == "cuda" else _Numpy(blocks)


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


# On a CPU


class _Numpy:
    """The network, clip by clip: products of one shape, so that no clip depends on the others."""

    def __init__(self, blocks: list[tuple[np.ndarray, np.ndarray]]):
        (kernel, bias), *pooling, (last, last_bias) = blocks
        self.first = _single(np.concatenate([kernel[:, 0].T, bias[None]]))
        self.pooling = [_Pooling(kernel, bias) for kernel, bias in pooling]
        # one step of time is left, so the outer two of the filter's three taps hear zeros
        self.last, self.last_bias = _single(last[:, :, 1].T), _single(last_bias)

    def __call__(self, clips: np.ndarray) -> np.ndarray:
        """float32 [n, 512] of [n, 59049]."""
        features = np.empty((len(clips), len(self.last_bias)), np.float32)
        for i, clip in enumerate(clips):
            # beside the samples a one for the bias; where zeros are padded it is a zero too
            x = np.ones((WINDOW // 3, 4), np.float32)
            x[:, :3] = clip.reshape(-1, 3)
            x = self.pooling[0](x, self.first)
            for convolution in self.pooling[1:]:
                x = convolution(x)
            features[i] = np.maximum(x @ self.last + self.last_bias, 0)[0]
        return features


class _Pooling:
    """One block: convolution, maximum of three neighbours, ReLU.

    A tile of six outputs y = x * k of eight inputs is, read backwards, the product of two
    polynomials: both are evaluated at eight points, multiplied there, and interpolated. The
    evaluations are thin matrices; the products are eight matrices over channels.
    """

    def __init__(self, kernel: np.ndarray, bias: np.ndarray):
        self.spread = _single(np.linalg.inv(_powers(TILE + 2)).T)
        self.kernel = _single(np.einsum("pk,oik->pio", _powers(3), kernel))
        self.gather = _single(_powers(TILE).T)
        self.bias = _single(bias)

    def __call__(self, x: np.ndarray, before: np.ndarray | None = None) -> np.ndarray:
        """float32 [time / 3, channels out] of [time, channels in].

        With `before`, a matrix, ``relu(x @ before)`` instead of x: a layer that comes before.
        """
        tiles, channels = -(-len(x) // TILE), len(self.bias)
        padded = np.zeros((tiles * TILE + 2, x.shape[1]), np.float32)
        padded[1 : len(x) + 1] = x
        windows = sliding_window_view(padded, TILE + 2, axis=0)[::TILE].transpose(2, 0, 1)
        pooled = np.empty((tiles, TILE // 3, channels), np.float32)
        for at in range(0, tiles, AT_ONCE):
            inputs = windows[:, at : at + AT_ONCE]
            if before is not None:
                inputs = inputs @ before
                np.maximum(inputs, np.zeros_like(inputs), out=inputs)  # 0 alone: 3 times slower
            points = (self.spread @ inputs.reshape(TILE + 2, -1)).reshape(inputs.shape)
            products = points @ self.kernel
            products[1] += self.bias  # what is added at the point 1 is added to all outputs
            outputs = self.gather @ products.reshape(TILE + 2, -1)
            outputs = outputs.reshape(TILE // 3, 3, -1, channels)
            out = pooled[at : at + AT_ONCE].swapaxes(0, 1)
            np.max(outputs, axis=1, initial=0, out=out)
        return pooled.reshape(-1, channels)[: len(x) // 3]


def _single(array: np.ndarray) -> np.ndarray:
    """float32, row after row: products of anything else take half as long again."""
    return np.ascontiguousarray(array, dtype=np.float32)


def _powers(count: int) -> np.ndarray:
    """Powers 0 ... count - 1 of each of `POINTS`; of infinity only the last counts."""
    powers = np.vander(POINTS, count, increasing=True)
    return np.concatenate([powers, np.eye(count)[-1:]])


# On a GPU


class _Torch:
    """The network for whole batches."""

    def __init__(self, blocks: list[tuple[np.ndarray, np.ndarray]], settings: Settings):
        self.to = {
            "device": settings.device,
            "dtype": torch.bfloat16 if settings.precision == "bf16" else torch.float32,
        }
        self.blocks = [[torch.from_numpy(part).to(**self.to) for part in block] for block in blocks]

    def __call__(self, clips: np.ndarray) -> np.ndarray:
        """float32 [n, 512] of [n, 59049]."""
        with torch.inference_mode():
            x = torch.from_numpy(clips).to(**self.to)[:, None]
            for i, (kernel, bias) in enumerate(self.blocks):
                stride, padding = (1, 1) if i else (3, 0)
                x = torch.conv1d(x, kernel, bias, stride, padding)
                if i not in (BLOCKS[0], BLOCKS[-1]):
                    x = torch.max_pool1d(x, 3)
                x = x.relu_()
            return x[:, :, 0].float().cpu().numpy()
