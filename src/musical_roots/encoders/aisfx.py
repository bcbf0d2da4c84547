"""aisfx: a convolutional network trained to sort sound effects, and the same without its treble.

Ma & Lerch (2022), "Representation learning for the automatic indexing of sound effects libraries".
Four blocks, each of two convolutions of 3 x 3 with batch norm and ReLU, see the log-mel spectrogram
of 2.3 s; the first three halve it. Features are the mean over bands and the maximum over time of
the last block's 512 channels. Music was not what it was trained on, nor was one track's likeness to
itself: it is the independent witness beside musicnn.

The front end is Essentia's as the package sets it, without Essentia (golden values:
tests/data/make_aisfx_golden.py):

- Samples beyond full scale are cut. Frames are centred, the first on sample 0; zeros lie beyond
  both ends. The last frame begins before the end and is centred beyond it.
- The Hann window is symmetric. Mel bands are HTK's, triangles in mel, and each weighs its bins to a
  sum of one.
- Log-mel values are divided by the largest that was seen in training.

Of 3 s the package's own steps (half of what is seen) leave the end unheard. Here the network, which
takes any number of frames, sees the clip at once: it finds the same track as often as the mean of
the package's two excerpts, from the first frame on and to the last (control tracks of the embedded
study: 83.2 and 83.4 % of clips), for little more than half of the work.

Of the package's excerpts the numbers are the original's; batch norm has become part of the
convolution before it. On a CPU numpy computes (`winograd.py`), a clip at a time; on a GPU, or in
bf16, torch does. In bf16 only the network computes so, never the front end; cosines with fp32 stay
above .999.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from musical_roots import devices
from musical_roots.audio import resample
from musical_roots.encoders.base import Encoder, Settings
from musical_roots.encoders.winograd import Convolution, FirstConvolution
from musical_roots.weights import files
from musical_roots.weights.formats.aisfx import CHANNELS, shapes

if devices.may_be_there():
    import torch  # noqa: F401  # `devices.settle` asks it, if it is there

VERSION = "aisfx-2"  # raise the number whenever features change
SAMPLE_RATE, SECONDS, N_FFT, HOP, BANDS = 44_100, 3, 2048, 1024, 96
FRAMES = -(-SECONDS * SAMPLE_RATE // HOP) + 1
LOUDEST = 9.457798957824707  # log-mel value
BATCH_NORM_EPS = 1e-5
POOLED = (1, 3, 5)  # layers after which both sides are halved
ALONE = 6  # layers that a spectrogram goes through alone on a CPU
HANN = np.hanning(N_FFT).astype(np.float32)

# Spectrograms, float32 [n, frames, 96] -> [n, 512].
Network = Callable[[np.ndarray], np.ndarray]


def _bands() -> np.ndarray:
    """HTK's mel bands up to half the sample rate, as Essentia weighs them: float32 [1025, 96]."""
    mels = np.linspace(0, _mel(SAMPLE_RATE / 2), BANDS + 2)
    low, centre, high = mels[:-2], mels[1:-1], mels[2:]
    bins = _mel(np.fft.rfftfreq(N_FFT, 1 / SAMPLE_RATE))[:, None]
    rising, falling = (bins - low) / (centre - low), (high - bins) / (high - centre)
    triangles = np.maximum(0, np.minimum(rising, falling))
    return (triangles / triangles.sum(axis=0)).astype(np.float32)


def _mel(hertz: float | np.ndarray) -> float | np.ndarray:
    return np.log1p(hertz / 700)  # HTK's but for a factor, which a triangle does not show


MEL = _bands()


def log_mel(clip: np.ndarray) -> np.ndarray:
    """The spectrogram that aisfx was trained on: log10(10^4 mel power + 1), 1 at its loudest.

    Parameters
    ----------
    clip : ndarray, float32 [132300]
        44.1 kHz, full scale 1; what is louder is cut.

    Returns
    -------
    ndarray, float32 [131, 96]
        Frames at a hop of 23 ms, the first centred on sample 0; mel bands up to 22.05 kHz.
    """
    half = N_FFT // 2
    padded = np.pad(clip.clip(-1, 1), (half, half - len(clip) % -HOP))
    spectrum = np.fft.rfft(sliding_window_view(padded, N_FFT)[::HOP] * HANN)
    power = np.square(spectrum.real) + np.square(spectrum.imag)
    return np.log10(10_000 * (power @ MEL) + 1) / np.float32(LOUDEST)


class Aisfx(Encoder):
    """The network that its package carries: X-Sequential-CE."""

    name = "aisfx"
    sample_rate = SAMPLE_RATE
    window = SECONDS * SAMPLE_RATE
    dim = CHANNELS[-1]

    def __init__(self, checkpoints: Path, settings: Settings):
        tensors = files.load(Path(checkpoints) / "aisfx.safetensors", shapes())
        self.settings = settings
        self.fingerprint = f"{VERSION}-{self.sample_rate}-{files.digest(tensors)[:16]}"
        plain = settings.device == "cpu" and settings.precision == "fp32"
        self.layers = _folded(tensors)
        self._network = (_by_numpy if plain else _by_torch)(self.layers, settings)

    def encode(self, batch: np.ndarray) -> np.ndarray:
        """Pooled channels of the last block, float32 [n, 512]. See `Encoder.encode`."""
        heard = [resample(clip, self.sample_rate, SAMPLE_RATE) for clip in self.heard(batch)]
        if not heard:
            return np.zeros((0, self.dim), np.float32)
        clips = np.stack([log_mel(clip) for clip in heard])
        return self._network(clips)


class Aisfx8k(Aisfx):
    """What of its features is not owed to the treble: the clip comes at 16 kHz, so that nothing
    above 8 kHz is heard (soxr fades from 7.3 kHz on), and is brought to the network's rate."""

    name = "aisfx_8k"
    sample_rate = 16_000
    window = SECONDS * sample_rate


def _by_numpy(layers: list[tuple[np.ndarray, np.ndarray]], settings: Settings) -> Network:
    """The network on a CPU in single precision.

    Spectrograms go through the first layers one by one, which are large, and through the others
    together, where kernels are.
    """
    first, *others = layers
    steps = [FirstConvolution(*first)]
    steps += [Convolution(*layer, pool=i in POOLED) for i, layer in enumerate(others, 1)]

    def through(steps: list[Network], x: np.ndarray) -> np.ndarray:
        for step in steps:
            x = step(x)
        return x

    def network(spectrograms: np.ndarray) -> np.ndarray:
        parts = np.split(spectrograms, len(spectrograms))
        small = np.concatenate([through(steps[:ALONE], part) for part in parts])
        return through(steps[ALONE:], small).mean(axis=2).max(axis=1)

    return network


def _by_torch(layers: list[tuple[np.ndarray, np.ndarray]], settings: Settings) -> Network:
    """The network on a GPU, or in bf16."""
    import torch  # which takes a second, and is not needed on a CPU

    device, low = settings.device, settings.precision == "bf16"
    how = {"device": device, "memory_format": torch.channels_last}
    steps = [
        (torch.from_numpy(kernel).to(**how), torch.from_numpy(bias).to(device))
        for kernel, bias in layers
    ]

    @torch.inference_mode()
    def network(spectrograms: np.ndarray) -> np.ndarray:
        if device == "cpu" and len(spectrograms) > 1:  # so that none's numbers depend on the others
            return np.concatenate(
                [network(part) for part in np.split(spectrograms, len(spectrograms))]
            )
        x = torch.from_numpy(spectrograms).to(device)[:, None]
        with torch.autocast(device, torch.bfloat16, enabled=low):
            for i, (kernel, bias) in enumerate(steps):
                x = torch.conv2d(x, kernel, bias, padding=1).relu_()
                x = torch.max_pool2d(x, 2) if i in POOLED else x
        return x.mean(dim=3).amax(dim=2).float().cpu().numpy()

    return network


def _folded(tensors: files.Tensors) -> list[tuple[np.ndarray, np.ndarray]]:
    """Kernel [out, in, 3, 3] and bias [out] of each convolution with its batch norm, float32."""
    layers = []
    for block in range(1, len(CHANNELS)):
        for layer in (1, 2):
            kernel = np.float64(tensors[f"conv_block{block}.conv{layer}.weight"])
            gamma, beta, mean, variance = (
                np.float64(tensors[f"conv_block{block}.bn{layer}.{part}"])
                for part in ("weight", "bias", "running_mean", "running_var")
            )
            scale = gamma / np.sqrt(variance + BATCH_NORM_EPS)
            folded = kernel * scale[:, None, None, None], beta - mean * scale
            layers.append(tuple(np.float32(part) for part in folded))
    return layers
