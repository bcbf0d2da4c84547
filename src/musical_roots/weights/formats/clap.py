"""CLAP as laion-clap publishes it: HTSAT-tiny and HTSAT-base, as ``torch.save`` wrote them.

A file is a dictionary with ``state_dict`` beside ``epoch``, ``name`` and more, or a state dict
alone. Names may begin with ``module.``; what follows is

- ``audio_branch.*``, the HTS-AT: its trained tensors (`published_shapes`), what can be computed
  (`UNTRAINED`: the front end's filters, indices, masks) and a head that is not needed here;
- ``audio_projection.{0|2}.*``, two dense layers;
- ``text_branch.*``, ``text_projection.*``, ``*_transform.*`` and ``logit_scale_*``: passed over.

A converted file holds what was trained of the first two, under the names of transformers'
`ClapAudioModelWithProjection`.
"""

import math
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from musical_roots import mel, seeding
from musical_roots.weights import RANDOM, files, torch_pickle

DIM, N_FFT, BANDS = 512, 1024, 64
MEL = mel.filters(48_000, N_FFT, BANDS, 50, 14_000)
HEADS, WINDOW, PATCHES, TAGS = (4, 8, 16, 32), 8, 64, 527


@dataclass(frozen=True)
class Size:
    """A published network: its encoder, channels of its first stage, blocks of each stage."""

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
SIZES = {size.encoder: size for size in (TINY, BASE)}


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


def read(path: Path, size: Size) -> tuple[files.Tensors, bool]:
    """What a published file holds of the audio branch, and whether its weights are random.

    Returns
    -------
    tensors : dict of str to ndarray
        By published name, without ``module.``.
    random : bool
        Whether `write_random` wrote the file.

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


def convert(path: Path, name: str) -> files.Converted:
    """The tensors of `name`.safetensors; `name` is "clap" (HTSAT-tiny) or "clap_music" (base)."""
    tensors, random = read(path, SIZES[name])
    trained = {tensor: tensors[tensor] for tensor in published_shapes(SIZES[name])}
    yield _renamed(trained), random


def write_random(path: Path, seed: int, name: str) -> None:
    """Writes a network of `name`'s size that has learned nothing, laid out as the published one.

    The text branch is left out. Every tensor is drawn from the seed and its own name; dense layers
    keep the variance of what passes through them.
    """
    size = SIZES[name]
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
