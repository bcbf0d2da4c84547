"""musicnn: convolutional networks trained to tag music, and an untrained one as a control.

Pons & Serra (2019), "musicnn: Pre-trained convolutional neural networks for music audio tagging".
A network sees the log-mel spectrogram of 3 s. Its front end is five banks of filters, each pooled
over frequency by its maximum; three layers of convolution over time follow. The features are the
maximum and the mean over time of all 753 channels: the input of the network's dense layers.

The numbers are the original's (golden values: tests/data/make_musicnn_golden.py), but got faster:

- A bank is a few large matrix products, over windows of the spectrogram that all networks share.
- Bias, ReLU and batch norm come after the maximum over frequency. They are monotonic; where the
  batch norm's scale is negative, the filter's sign is turned.
- Training has driven many filters to zero (497 of 561 in the network trained on MSD). A channel
  that no spectrogram can move by `STILL` is held at its value for silence: what the original says
  of it is rounding error.
"""

import hashlib
from pathlib import Path

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from musical_roots import mel, seeding
from musical_roots.encoders.base import Encoder, Settings
from musical_roots.weights import files
from musical_roots.weights.manifest import SOURCES

VERSION = "musicnn-1"  # raise the number whenever features change
BATCH_NORM_EPS = 1e-3
SAMPLE_RATE, N_FFT, HOP, BANDS, FRAMES = 16_000, 512, 256, 96, 187
MEL = mel.filters(SAMPLE_RATE, N_FFT, BANDS)

# Convolutions in TensorFlow's order: frames, mel bands (or channels) in, channels out.
FRONT = ((7, 38, 204), (7, 67, 204), (128, 1, 51), (64, 1, 51), (32, 1, 51))
MIDDLE = ((7, 561, 64), (7, 64, 64), (7, 64, 64))

STILL = 1e-4  # a quarter of what single precision costs the original
LOUDEST = 9.0  # above the log-mel value of the largest float16
AT_ONCE = 16  # bands or filters whose responses stay in a core's cache


def _layer(kind: str, i: int) -> str:
    return f"{kind}_{i}" if i else kind  # TensorFlow numbers from the second on


def shapes(narrow: int = 1) -> dict[str, tuple[int, ...]]:
    """Shape of each tensor of a network, or of one with so many times fewer filters a layer."""
    layers = FRONT + MIDDLE
    filters = [-(-count // narrow) for *_, count in layers]
    into = [bands for _, bands, _ in FRONT] + [
        sum(filters[: len(FRONT)]),
        *filters[len(FRONT) : -1],
    ]
    convolutions = [
        (frames, *sizes) for (frames, *_), *sizes in zip(layers, into, filters, strict=True)
    ]
    shapes = {}
    for i, (frames, bands, channels) in enumerate(convolutions):
        shapes[f"{_layer('conv2d', i)}/kernel"] = (frames, bands, 1, channels)
        shapes[f"{_layer('conv2d', i)}/bias"] = (channels,)
    for i, channels in enumerate((1, *(channels for *_, channels in convolutions))):
        for name in ("gamma", "beta", "moving_mean", "moving_variance"):
            shapes[f"{_layer('batch_normalization', i)}/{name}"] = (channels,)
    return shapes


SHAPES = shapes()


def log_mel(clip: np.ndarray) -> np.ndarray:
    """The spectrogram that musicnn was trained on: log10(10^4 mel power + 1).

    Parameters
    ----------
    clip : ndarray, float32 [47872]
        16 kHz.

    Returns
    -------
    ndarray, float32 [187, 96]
        Frames at a hop of 16 ms, the first centred on sample 0; mel bands up to 8 kHz.
    """
    # the original keeps its mel power in half precision
    power = (mel.power(clip, N_FFT, HOP) @ MEL).astype(np.float16).astype(np.float32)
    return np.log10(10_000 * power + 1)


class Musicnn(Encoder):
    """The networks trained on MagnaTagATune (MTT) and on the Million Song Dataset (MSD).

    The features are those of MTT, then those of MSD, each as the original's dense layer reads
    them: the maximum and the mean over time of channel 0, of channel 1, and so on to 752. Some
    dimensions are the same for every clip (see `STILL`).
    """

    name = "musicnn"
    sample_rate = SAMPLE_RATE
    window = (FRAMES - 1) * HOP + N_FFT // 2
    standardise = True

    def __init__(self, checkpoints: Path, settings: Settings):
        self.settings = settings
        names = SOURCES["musicnn"].converted
        self._set([files.load(Path(checkpoints) / name, SHAPES) for name in names])

    def _set(self, networks: list[files.Tensors]) -> None:
        filters = [t.size for tensors in networks for n, t in tensors.items() if n.endswith("bias")]
        self.dim = 2 * sum(filters)
        hashes = " ".join(files.digest(tensors) for tensors in networks)
        self.fingerprint = f"{VERSION}-{hashlib.sha256(hashes.encode()).hexdigest()[:16]}"
        self._front = [_Bank(networks, i) for i in range(len(FRONT))]
        self._middles = [[_Middle(tensors, i) for i in range(5, 8)] for tensors in networks]

    def encode(self, batch: np.ndarray) -> np.ndarray:
        """Pooled channels: float32 [n, dim]. See `Encoder.encode`."""
        clips = self.heard(batch)
        features = np.empty((len(clips), self.dim), np.float32)
        # clip by clip: products of one shape, so that no clip's numbers depend on the others
        for i, clip in enumerate(clips):
            features[i] = self._features(log_mel(clip).T)
        return features

    def _features(self, spectrogram: np.ndarray) -> np.ndarray:
        banks = [np.split(bank(spectrogram), len(self._middles)) for bank in self._front]
        pooled = []
        for front, (first, *others) in zip(zip(*banks, strict=True), self._middles, strict=True):
            front = np.concatenate(front)
            layers = [first(front)]
            for convolution in others:
                layers.append(convolution(layers[-1]) + layers[-1])
            channels = np.concatenate([front, *layers])
            pooled += [np.stack([channels.max(axis=1), channels.mean(axis=1)], axis=1).ravel()]
        return np.concatenate(pooled)


class RandomMusicnn(Musicnn):
    """One network of the same architecture that has learned nothing: a control for the trained.

    Each layer has an eighth of the filters, for a fourth of the work. With all of them it finds a
    little more: the control makes the trained networks look a little better than it should.

    Filters are normal with a variance of 2 / fan-in (He et al. 2015), biases zero. The input is
    normalised as the trained networks do it, to a mean and a variance of about 2; further batch
    norms do nothing. Every tensor is drawn from the config's seed and its own name.
    """

    name = "random"
    narrow = 8  # times fewer filters

    def __init__(self, checkpoints: Path, settings: Settings):
        self.settings = settings
        tensors = {}
        for tensor, shape in shapes(self.narrow).items():
            layer, kind = tensor.split("/")
            if kind == "kernel":
                draw = seeding.rng(settings.seed, "encoders.random", tensor)
                tensors[tensor] = draw.standard_normal(shape) * np.sqrt(2 / np.prod(shape[:-1]))
            elif layer == "batch_normalization" and kind.startswith("moving"):
                tensors[tensor] = np.full(shape, 2.0)
            else:
                tensors[tensor] = np.full(shape, float(kind in ("gamma", "moving_variance")))
        self._set([{name: np.float32(tensor) for name, tensor in tensors.items()}])


class _Bank:
    """One convolution of the front end, of all networks: maximum over bands, ReLU, batch norm."""

    def __init__(self, networks: list[files.Tensors], i: int):
        frames, bands, _ = FRONT[i]
        self.padding = (0, 0), ((frames - 1) // 2, frames // 2)  # TensorFlow's "same"
        inside = sliding_window_view(np.pad(np.ones(FRAMES), self.padding[1]), FRAMES)
        kernels, signs, offsets, scales, shifts = [], [], [], [], []
        for tensors in networks:
            # in double precision, for the batch norm of the input becomes part of what follows it
            kernel = np.float64(tensors[f"{_layer('conv2d', i)}/kernel"][:, :, 0])
            input_scale, input_shift = _batch_norm(tensors, 0)
            scale, shift = _batch_norm(tensors, i + 1)
            sign = np.where(scale < 0, -1.0, 1.0)
            kernels.append(kernel * input_scale * sign)
            signs.append(sign)
            # zeros are padded after the input's batch norm, so its shift ends where the clip ends
            bias = tensors[f"{_layer('conv2d', i)}/bias"][:, None]
            offsets.append(bias + input_shift * (kernel.sum(axis=1).T @ inside))
            scales.append(scale)
            shifts.append(shift)
        kernel, scale = np.concatenate(kernels, axis=-1), np.concatenate(scales)
        swing = LOUDEST * np.abs(kernel).sum(axis=(0, 1)) * np.abs(scale)
        self.moving = np.flatnonzero(swing > STILL)
        self.respond = (_Timbral if bands > 1 else _Temporal)(kernel[:, :, self.moving])
        self.offset = np.float32(np.concatenate(offsets))
        self.sign, self.scale, self.shift = (
            np.float32(column)[:, None]
            for column in (np.concatenate(signs), scale, np.concatenate(shifts))
        )

    def __call__(self, spectrogram: np.ndarray) -> np.ndarray:
        """float32 [networks * channels, 187] of a log-mel spectrogram [96, 187]."""
        loudest = np.zeros((len(self.sign), FRAMES), np.float32)
        loudest[self.moving] = self.respond(np.pad(spectrogram, self.padding))
        return np.maximum(loudest * self.sign + self.offset, 0) * self.scale + self.shift


class _Temporal:
    """Filters over time alone, kernel [frames, 1, filters]."""

    def __init__(self, kernel: np.ndarray):
        self.kernel = np.ascontiguousarray(kernel[:, 0].T, dtype=np.float32)

    def __call__(self, padded: np.ndarray) -> np.ndarray:
        """Loudest response of any band: float32 [filters, 187]."""
        windows = sliding_window_view(padded, FRAMES, axis=1)
        loudest = np.full((len(self.kernel), FRAMES), -np.inf, np.float32)
        for start in range(0, BANDS, AT_ONCE):
            responses = self.kernel @ np.ascontiguousarray(windows[start : start + AT_ONCE])
            np.maximum(loudest, responses.max(axis=0), out=loudest)
        return loudest


class _Timbral:
    """Filters over time and bands, kernel [frames, bands, filters].

    Over the bands they are products of spectra: 96 bins make a circular convolution whose first
    97 - bands values are the ones that do not wrap around. Less than half of the plain work.
    """

    def __init__(self, kernel: np.ndarray):
        _, bands, filters = kernel.shape
        spectrum = np.fft.rfft(kernel, n=BANDS, axis=1).conj().transpose(1, 2, 0)
        real, imaginary = spectrum.real, spectrum.imag
        # complex products in real numbers: [bins, 2, filters, 2 * frames]
        rows = [np.concatenate(row, -1) for row in ((real, -imaginary), (imaginary, real))]
        kernel = np.stack(rows, axis=1).astype(np.float32)
        parts = (kernel[:, :, start : start + AT_ONCE] for start in range(0, filters, AT_ONCE))
        self.parts = [part.reshape(len(part), -1, part.shape[-1]) for part in parts]
        units = np.eye(len(kernel))
        inverse = np.stack([np.fft.irfft(units, BANDS), np.fft.irfft(1j * units, BANDS)], axis=1)
        self.inverse = np.float32(inverse[:, :, : BANDS - bands + 1].reshape(2 * len(kernel), -1).T)

    def __call__(self, padded: np.ndarray) -> np.ndarray:
        """Loudest response at any height: float32 [filters, 187]."""
        spectrum = np.fft.rfft(padded, axis=0)
        spectrum = np.stack([spectrum.real, spectrum.imag], axis=1)
        windows = sliding_window_view(spectrum, FRAMES, axis=-1).reshape(len(spectrum), -1, FRAMES)
        loudest = []
        for part in self.parts:
            products = (part @ windows).reshape(self.inverse.shape[1], -1)
            responses = (self.inverse @ products).reshape(len(self.inverse), -1, FRAMES)
            loudest.append(responses.max(axis=0))
        return np.concatenate(loudest)


class _Middle:
    """One convolution over time: ReLU, batch norm."""

    def __init__(self, tensors: files.Tensors, i: int):
        kernel = tensors[f"{_layer('conv2d', i)}/kernel"][:, :, 0]
        self.frames, channels, _ = kernel.shape
        self.kernel = np.ascontiguousarray(kernel.transpose(0, 2, 1).reshape(-1, channels))
        self.bias = tensors[f"{_layer('conv2d', i)}/bias"][:, None]
        self.scale, self.shift = (np.float32(part)[:, None] for part in _batch_norm(tensors, i + 1))

    def __call__(self, channels: np.ndarray) -> np.ndarray:
        """float32 [channels out, 187] of [channels in, 187]."""
        padded = np.pad(channels, ((0, 0), (self.frames // 2, self.frames // 2)))
        products = (self.kernel @ padded).reshape(self.frames, len(self.bias), -1)
        convolved = sum(products[k, :, k : k + FRAMES] for k in range(self.frames)) + self.bias
        return np.maximum(convolved, 0) * self.scale + self.shift


def _batch_norm(tensors: files.Tensors, i: int) -> tuple[np.ndarray, np.ndarray]:
    """Scale and shift, float64, of the batch norm number `i`."""
    gamma, beta, mean, variance = (
        np.float64(tensors[f"{_layer('batch_normalization', i)}/{name}"])
        for name in ("gamma", "beta", "moving_mean", "moving_variance")
    )
    scale = gamma / np.sqrt(variance + BATCH_NORM_EPS)
    return scale, beta - mean * scale
