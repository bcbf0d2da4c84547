"""CLAP: two audio transformers that were trained to tell which caption belongs to which sound.

Wu et al. (2023), "Large-scale contrastive language-audio pretraining with feature fusion and
keyword-to-caption augmentation". An HTS-AT (Chen et al. 2022) sees the log-mel spectrogram of 10 s;
two dense layers project the mean of its tokens. Text is not needed here.

The network is transformers' `ClapAudioModelWithProjection`, the front end is that of laion-clap
1.1.7 to the letter, whose own numbers the tests hold it against (tests/data/make_clap_golden.py):

- Samples are rounded to 16 bits, towards zero.
- A clip shorter than 10 s is repeated as often as it fits whole; zeros follow.
- Frames are centred, and reflected at both ends. Mel bands go from 50 Hz to 14 kHz.

In bf16 only the network computes so, never the front end; cosines with fp32 stay above .9999.
"""

from pathlib import Path

import numpy as np
import torch

from musical_roots import mel
from musical_roots.encoders.base import Encoder, Settings
from musical_roots.errors import InputError
from musical_roots.weights import files
from musical_roots.weights.formats.clap import BASE, HEADS, TINY, Size, shapes

VERSION = "clap-1"  # raise the number whenever features change
SAMPLE_RATE, SAMPLES, N_FFT, HOP, BANDS = 48_000, 480_000, 1024, 480, 64
MEL = mel.filters(SAMPLE_RATE, N_FFT, BANDS, 50, 14_000)
DIM = 512
COMPUTED = ("relative_position_index", "num_batches_tracked")  # buffers of transformers' network


def log_mel(clips: torch.Tensor) -> torch.Tensor:
    """The spectrogram that CLAP was trained on.

    Parameters
    ----------
    clips : Tensor, float32 [n, 480000]
        48 kHz, full scale 1; what is louder is cut.

    Returns
    -------
    Tensor, float32 [n, 1001, 64]
        Frames at a hop of 10 ms, the first centred on sample 0; mel power in decibels re 1, at
        least -100.
    """
    clips = (clips.clamp(-1, 1) * 32767).trunc() / 32767
    hann = torch.hann_window(N_FFT, device=clips.device)
    spectrum = torch.stft(clips, N_FFT, HOP, window=hann, return_complex=True)
    power = spectrum.real.square() + spectrum.imag.square()
    bands = power.transpose(1, 2) @ torch.from_numpy(MEL).to(clips.device)
    return 10 * bands.clamp(min=1e-10).log10()


class Clap(Encoder):
    """HTSAT-tiny, trained on LAION-Audio-630K and AudioSet: `630k-audioset-best.pt`."""

    name = "clap"
    sample_rate = SAMPLE_RATE
    window = SAMPLES
    dim = DIM
    size = TINY

    def __init__(self, checkpoints: Path, settings: Settings):
        path = Path(checkpoints) / f"{self.name}.safetensors"
        tensors = files.load(path, shapes(self.size))
        self.settings = settings
        self.plumbing = files.is_random(path)
        self.fingerprint = f"{VERSION}-{files.digest(tensors)[:16]}"
        self._network = _network(tensors, self.size).to(settings.device)

    def heard(self, batch: np.ndarray) -> np.ndarray:
        """`batch` repeated as often as it fits whole, then zeros: float32 [n, 480000]."""
        clips = self._cut(batch)
        clips = np.tile(clips, (1, SAMPLES // max(1, clips.shape[1])))
        return np.pad(clips, ((0, 0), (0, SAMPLES - clips.shape[1])))

    def encode(self, batch: np.ndarray) -> np.ndarray:
        """Projected embeddings: float32 [n, 512]. See `Encoder.encode`.

        laion-clap goes on to divide each by its Euclidean length; here that is left to what stores
        or compares them.
        """
        clips = torch.from_numpy(self.heard(batch)).to(self.settings.device)
        if not len(clips):
            return np.zeros((0, DIM), np.float32)
        # clip by clip on a CPU, so that no clip's numbers depend on the others
        parts = clips.split(1 if clips.device.type == "cpu" else len(clips))
        with torch.inference_mode():
            return torch.cat([self._features(part) for part in parts]).cpu().numpy()

    def _features(self, clips: torch.Tensor) -> torch.Tensor:
        spectrograms = log_mel(clips)[:, None]
        low = self.settings.precision == "bf16"
        with torch.autocast(clips.device.type, torch.bfloat16, enabled=low):
            return self._network(input_features=spectrograms).audio_embeds.float()


class ClapMusic(Clap):
    """HTSAT-base, trained on music as well: `music_audioset_epoch_15_esc_90.14.pt`."""

    name = "clap_music"
    size = BASE


def _network(tensors: files.Tensors, size: Size) -> torch.nn.Module:
    import transformers  # takes seconds

    config = transformers.ClapAudioConfig(
        patch_embeds_hidden_size=size.width,
        depths=list(size.blocks),
        num_attention_heads=list(HEADS),
        hidden_size=size.widths[-1],
    )
    network = transformers.ClapAudioModelWithProjection(config).eval()
    tensors = {name: torch.from_numpy(tensor) for name, tensor in tensors.items()}
    said = network.load_state_dict(tensors, strict=False, assign=True)
    if said.unexpected_keys or any(not name.endswith(COMPUTED) for name in said.missing_keys):
        raise InputError(
            f"transformers {transformers.__version__} has another CLAP than 5.23.0; install what "
            "envs/main.lock names"
        )
    return network
