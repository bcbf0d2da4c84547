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

import math
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from musical_roots import seeding
from musical_roots.encoders import mel
from musical_roots.encoders.base import Encoder, Settings
from musical_roots.errors import InputError
from musical_roots.weights import RANDOM, files, torch_pickle

VERSION = "clap-1"  # raise the number whenever features change
SAMPLE_RATE, SAMPLES, N_FFT, HOP, BANDS = 48_000, 480_000, 1024, 480, 64
MEL = mel.filters(SAMPLE_RATE, N_FFT, BANDS, 50, 14_000)
DIM = 512
COMPUTED = ("relative_position_index", "num_batches_tracked")  # buffers of transformers' network
HEADS, WINDOW, PATCHES, TAGS = (4, 8, 16, 32), 8, 64, 527


@dataclass(frozen=True)
class Size:
    """A published network: whose it is, channels of its first stage, blocks of each stage."""

    name: str
    encoder: str
    width: int
    blocks: tuple[int, int, int, int]

    @property
    def widths(self) -> list[int]:
        """Channels of each stage."""
        return [self.width << stage for stage in range(4)]


TINY = Size("HTSAT-tiny", "clap", 96, (2, 2, 6, 2))
BASE = Size("HTSAT-base", "clap_music", 128, (2, 2, 12, 2))


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


# The published files


def published_shapes(size: Size) -> dict[str, tuple[int, ...]]:
    """Trained tensors of the audio branch by their published names, without ``module.``."""
    tensors = {"bn0.running_mean": (BANDS,), "bn0.running_var": (BANDS,)}
    layers = {
        "bn0": (BANDS,),
        "patch_embed.proj": (size.width, 1, 4, 4),
        "patch_embed.norm": (size.width,),
        "norm": (size.widths[-1],),
    }
    for stage, width in enumerate(size.widths):
        for i in range(size.blocks[stage]):
            block = f"layers.{stage}.blocks.{i}"
            tensors[f"{block}.attn.relative_position_bias_table"] = (225, HEADS[stage])
            layers[f"{block}.norm1"] = layers[f"{block}.norm2"] = (width,)
            layers[f"{block}.attn.qkv"] = (3 * width, width)
            layers[f"{block}.attn.proj"] = (width, width)
            layers[f"{block}.mlp.fc1"] = (4 * width, width)
            layers[f"{block}.mlp.fc2"] = (width, 4 * width)
        if stage < 3:
            layers[f"layers.{stage}.downsample.norm"] = (4 * width,)
            tensors[f"layers.{stage}.downsample.reduction.weight"] = (2 * width, 4 * width)
    for name, shape in layers.items():
        tensors |= {f"{name}.weight": shape, f"{name}.bias": shape[:1]}
    projection = {"0.weight": (DIM, size.widths[-1]), "2.weight": (DIM, DIM)}
    projection |= {"0.bias": (DIM,), "2.bias": (DIM,)}
    return {f"audio_branch.{name}": shape for name, shape in tensors.items()} | {
        f"audio_projection.{name}": shape for name, shape in projection.items()
    }


def _buffers(size: Size) -> files.Tensors:
    """What else of the audio branch a published file holds that can be computed."""
    angles = -2 * np.pi / N_FFT * (np.outer(np.arange(N_FFT // 2 + 1), np.arange(N_FFT)) % N_FFT)
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(N_FFT) / N_FFT)
    buffers = {
        "bn0.num_batches_tracked": np.int64(0),
        "spectrogram_extractor.stft.conv_real.weight": (np.cos(angles) * hann)[:, None],
        "spectrogram_extractor.stft.conv_imag.weight": (np.sin(angles) * hann)[:, None],
        "logmel_extractor.melW": MEL,
    }
    steps = np.stack(np.divmod(np.arange(WINDOW**2), WINDOW))
    steps = steps[:, :, None] - steps[:, None] + WINDOW - 1
    for stage, blocks in enumerate(size.blocks):
        side = PATCHES >> stage
        # windows that a shift has wrapped around the edge hold up to four regions
        region = np.digitize(np.arange(side), [side - WINDOW, side - WINDOW // 2])
        regions = (3 * region[:, None] + region).reshape(side // WINDOW, WINDOW, -1, WINDOW)
        regions = regions.swapaxes(1, 2).reshape(-1, WINDOW**2)
        for i in range(blocks):
            block = f"layers.{stage}.blocks.{i}"
            buffers[f"{block}.attn.relative_position_index"] = (
                steps[0] * (2 * WINDOW - 1) + steps[1]
            )
            if i % 2 and side > WINDOW:
                apart = regions[:, :, None] != regions[:, None]
                buffers[f"{block}.attn_mask"] = np.where(apart, -100.0, 0.0)
    return {
        f"audio_branch.{name}": np.asarray(buffer, np.float32 if buffer.dtype == float else None)
        for name, buffer in buffers.items()
    }


UNTRAINED = re.compile(
    r"audio_branch\.((tscam_conv|head|spectrogram_extractor|logmel_extractor)\.|.*"
    r"(attn_mask|relative_position_index|num_batches_tracked)$)"
)
OURS = {
    "audio_branch.": "audio_model.audio_encoder.",
    ".bn0.": ".batch_norm.",
    ".norm1.": ".layernorm_before.",
    ".norm2.": ".layernorm_after.",
    ".attn.proj.": ".attention.output.dense.",
    ".attn.": ".attention.self.",
    ".mlp.fc1.": ".intermediate.dense.",
    ".mlp.fc2.": ".output.dense.",
    "audio_projection.0.": "audio_projection.linear1.",
    "audio_projection.2.": "audio_projection.linear2.",
}


def _renamed(tensors: files.Tensors) -> files.Tensors:
    """Trained tensors under the names of transformers; queries, keys and values come apart."""
    renamed = {}
    for name, tensor in tensors.items():
        for theirs, ours in OURS.items():
            name = name.replace(theirs, ours)
        if ".qkv." in name:
            for part, third in zip(("query", "key", "value"), np.split(tensor, 3), strict=True):
                renamed[name.replace("qkv", part)] = third
        else:
            renamed[name] = tensor
    return renamed


def shapes(size: Size) -> dict[str, tuple[int, ...]]:
    """Tensors of a converted file: those of `ClapAudioModelWithProjection`."""
    empty = {name: np.broadcast_to(0, shape) for name, shape in published_shapes(size).items()}
    return {name: tensor.shape for name, tensor in _renamed(empty).items()}


def published(path: Path, size: Size) -> tuple[files.Tensors, bool]:
    """What a published file holds of the audio branch, and whether its weights are random.

    Returns
    -------
    tensors : dict of str to ndarray
        By published name, without ``module.``.
    random : bool
        Whether `random_tiny` or `random_base` wrote the file.

    Raises
    ------
    ValueError
        If it is another network, or was trained with another front end.
    """
    content = torch_pickle.read(path)
    content = content if isinstance(content, dict) else {}
    state = content.get("state_dict", content)
    tensors = {}
    for name, tensor in state.items() if isinstance(state, dict) else ():
        name = str(name).removeprefix("module.")
        if name.startswith(("audio_branch.", "audio_projection.")) and torch.is_tensor(tensor):
            tensors[name] = (tensor.float() if tensor.is_floating_point() else tensor).numpy()
    trained, other = published_shapes(size), BASE if size == TINY else TINY
    patches = tensors.get("audio_branch.patch_embed.proj.weight", np.zeros(0))
    if patches.shape[:1] == (other.width,):
        raise ValueError(
            f"it is an {other.name}, for the encoder {other.encoder}; "
            f"{size.encoder} needs an {size.name}"
        )
    if missing := [name for name in trained if name not in tensors]:
        raise ValueError(f"it lacks {_some(missing)} of an {size.name}")
    if unknown := [name for name in tensors.keys() - trained.keys() if not UNTRAINED.match(name)]:
        raise ValueError(f"it holds {_some(sorted(unknown))}, which an {size.name} has not")
    if misfits := [name for name, shape in trained.items() if tensors[name].shape != shape]:
        raise ValueError(f"the shape of {_some(misfits)} is not that of an {size.name}")
    bands = tensors.get("audio_branch.logmel_extractor.melW", MEL)
    if bands.shape != MEL.shape or not np.allclose(bands, MEL, rtol=1e-4, atol=1e-7):
        raise ValueError("it was trained with other mel bands than 64 from 50 Hz to 14 kHz")
    return tensors, content.get("name") == RANDOM


def _some(names: list[str]) -> str:
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    return f"the tensor {names[0]!r}{more}"


def convert_tiny(path: Path) -> files.Converted:
    """The tensors of ``clap.safetensors``, from `630k-audioset-best.pt` or one like it."""
    yield _converted(path, TINY)


def convert_base(path: Path) -> files.Converted:
    """The tensors of ``clap_music.safetensors``, from `music_audioset_epoch_15_esc_90.14.pt`."""
    yield _converted(path, BASE)


def _converted(path: Path, size: Size) -> tuple[files.Tensors, bool]:
    tensors, random = published(path, size)
    return _renamed({name: tensors[name] for name in published_shapes(size)}), random


def random_tiny(path: Path, seed: int) -> None:
    """Writes an HTSAT-tiny that has learned nothing, as `630k-audioset-best.pt` is laid out.

    The text branch is left out. Every tensor is drawn from the seed and its own name; dense layers
    keep the variance of what passes through them.
    """
    _write_random(path, seed, TINY)


def random_base(path: Path, seed: int) -> None:
    """As `random_tiny`: an HTSAT-base, as `music_audioset_epoch_15_esc_90.14.pt` is laid out."""
    _write_random(path, seed, BASE)


def _write_random(path: Path, seed: int, size: Size) -> None:
    drawn = published_shapes(size) | {
        "audio_branch.tscam_conv.weight": (TAGS, size.widths[-1], 2, 3),
        "audio_branch.tscam_conv.bias": (TAGS,),
        "audio_branch.head.weight": (TAGS, TAGS),
        "audio_branch.head.bias": (TAGS,),
        "audio_transform.sequential.0.weight": (DIM, DIM),
        "audio_transform.sequential.0.bias": (DIM,),
        "audio_transform.sequential.3.weight": (DIM, DIM),
        "audio_transform.sequential.3.bias": (DIM,),
    }
    tensors = {"logit_scale_a": np.float32(2.66), "logit_scale_t": np.float32(2.66)}
    tensors |= {name: _drawn(seed, name, shape) for name, shape in drawn.items()}
    tensors |= _buffers(size)
    state = {f"module.{name}": torch.from_numpy(np.array(t)) for name, t in tensors.items()}
    torch.save({"epoch": 0, "name": RANDOM, "state_dict": state}, path)


def _drawn(seed: int, name: str, shape: tuple[int, ...]) -> np.ndarray:
    normal = seeding.rng(seed, "clap.random", name).standard_normal(shape, np.float32)
    if name.endswith("bn0.running_mean"):  # decibels of music, about
        return 5 * normal - 20
    if name.endswith("bn0.running_var"):
        return (20 + 2 * normal) ** 2
    if name.endswith("relative_position_bias_table"):
        return normal / 2
    if len(shape) > 1:
        return normal / math.sqrt(math.prod(shape[1:]))
    return normal / 10 + name.endswith("weight")
