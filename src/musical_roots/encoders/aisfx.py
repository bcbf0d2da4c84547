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

Of 3 s the package's own steps (half of what is seen) leave the end unheard. Here two excerpts are
seen, from the first frame on and to the last, and the features are their mean.

The numbers are the original's; batch norm has become part of the convolution before it. In bf16
only the network computes so, never the front end; cosines with fp32 stay above .999.
"""

from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import pad

from musical_roots.audio import resample
from musical_roots.encoders.base import Encoder, Settings
from musical_roots.weights import files
from musical_roots.weights.formats.aisfx import CHANNELS, shapes

VERSION = "aisfx-1"  # raise the number whenever features change
SAMPLE_RATE, SECONDS, N_FFT, HOP, BANDS = 44_100, 3, 2048, 1024, 96
FRAMES = -(-SECONDS * SAMPLE_RATE // HOP) + 1
SEEN = 100  # frames of an excerpt
LOUDEST = 9.457798957824707  # log-mel value
BATCH_NORM_EPS = 1e-5


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


def log_mel(clips: torch.Tensor) -> torch.Tensor:
    """The spectrogram that aisfx was trained on: log10(10^4 mel power + 1), 1 at its loudest.

    Parameters
    ----------
    clips : Tensor, float32 [n, 132300]
        44.1 kHz, full scale 1; what is louder is cut.

    Returns
    -------
    Tensor, float32 [n, 131, 96]
        Frames at a hop of 23 ms, the first centred on sample 0; mel bands up to 22.05 kHz.
    """
    clips = pad(clips.clamp(-1, 1), (0, -clips.shape[1] % HOP))
    hann = torch.hann_window(N_FFT, periodic=False, device=clips.device)
    how = {"window": hann, "pad_mode": "constant", "return_complex": True}
    spectrum = torch.stft(clips, N_FFT, HOP, **how)
    power = spectrum.real.square() + spectrum.imag.square()
    bands = power.transpose(1, 2) @ torch.from_numpy(MEL).to(clips.device)
    return (10_000 * bands + 1).log10() / LOUDEST


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
        # a sixth faster on a CPU with channels last
        how = {"device": settings.device, "memory_format": torch.channels_last}
        self._layers = [
            (torch.from_numpy(kernel).to(**how), torch.from_numpy(bias).to(settings.device))
            for kernel, bias in _folded(tensors)
        ]

    def encode(self, batch: np.ndarray) -> np.ndarray:
        """Pooled channels of the last block, float32 [n, 512]. See `Encoder.encode`."""
        heard = [resample(clip, self.sample_rate, SAMPLE_RATE) for clip in self.heard(batch)]
        if not heard:
            return np.zeros((0, self.dim), np.float32)
        clips = torch.from_numpy(np.stack(heard)).to(self.settings.device)
        # clip by clip on a CPU, so that no clip's numbers depend on the others
        parts = clips.split(1 if self.settings.device == "cpu" else len(clips))
        with torch.inference_mode():
            return torch.cat([self._features(part) for part in parts]).cpu().numpy()

    def _features(self, clips: torch.Tensor) -> torch.Tensor:
        spectrograms = log_mel(clips)
        excerpts = torch.cat([spectrograms[:, :SEEN], spectrograms[:, -SEEN:]])
        low = self.settings.precision == "bf16"
        with torch.autocast(clips.device.type, torch.bfloat16, enabled=low):
            first, last = self._network(excerpts).float().chunk(2)
        return (first + last) / 2

    def _network(self, spectrograms: torch.Tensor) -> torch.Tensor:
        x = spectrograms[:, None]
        for i, (kernel, bias) in enumerate(self._layers):
            x = torch.conv2d(x, kernel, bias, padding=1).relu_()
            if i in (1, 3, 5):  # the first three blocks
                x = torch.max_pool2d(x, 2)
        return x.mean(dim=3).amax(dim=2)


class Aisfx8k(Aisfx):
    """What of its features is not owed to the treble: the clip comes at 16 kHz, so that nothing
    above 8 kHz is heard (soxr fades from 7.3 kHz on), and is brought to the network's rate."""

    name = "aisfx_8k"
    sample_rate = 16_000
    window = SECONDS * sample_rate


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
