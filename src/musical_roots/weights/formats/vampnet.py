"""VampNet as its authors publish it: codec, coarse model and coarse-to-fine model, a file each.

Each is what audiotools' ``BaseModel.save(package=False)`` writes: a dictionary with ``state_dict``
and, under ``metadata``, the ``kwargs`` that its class is made with, from which the shapes follow
(`codec_shapes`, `transformer_shapes`). A converted file holds the tensors under their own names,
and the kwargs as one more: JSON in bytes. Files that we write with random weights say so under
``metadata``.
"""

import io
import json
import math
from pathlib import Path

import numpy as np
import torch

from musical_roots import seeding
from musical_roots.weights import RANDOM, files, torch_pickle

KWARGS = "kwargs"  # the converted file's tensor with the arguments
CALLED = {
    "vampnet_codec": "the codec",
    "vampnet_coarse": "the coarse model",
    "vampnet_c2f": "the coarse-to-fine model",
}
CODEBOOK_SIZE, CODEBOOK_DIM, CODEBOOKS, COARSE = 16, 4, 14, 4

# as small as they can be with the published hop, and the published split of codebooks
TINY_CODEC = {
    "encoder_dim": 2,
    "encoder_rates": [2, 4, 8, 12],
    "decoder_dim": 32,
    "decoder_rates": [12, 8, 4, 2],
    "n_codebooks": CODEBOOKS,
    "codebook_size": CODEBOOK_SIZE,
    "codebook_dim": CODEBOOK_DIM,
    "quantizer_dropout": True,
    "sample_rate": 44_100,
}
TINY_COARSE = {
    "n_heads": 2,
    "n_layers": 2,
    "r_cond_dim": 0,
    "n_codebooks": COARSE,
    "n_conditioning_codebooks": 0,
    "latent_dim": CODEBOOK_DIM,
    "embedding_dim": 16,
    "vocab_size": CODEBOOK_SIZE,
    "flash_attn": False,
    "noise_mode": "mask",
    "dropout": 0.1,
}
TINY_FINE = TINY_COARSE | {"n_codebooks": CODEBOOKS, "n_conditioning_codebooks": COARSE}


def convert(path: Path, name: str) -> files.Converted:
    """The tensors of `name`.safetensors, from `codec.pth`, `coarse.pth` or `c2f.pth`.

    Raises
    ------
    ValueError
        If it is laid out otherwise, or is another network than `name`.
    """
    tensors, kwargs, random = _published(path)
    part = name.replace("_small", "")
    if _part(tensors, kwargs) != part:
        raise ValueError(f"it is not {CALLED[part]}")
    yield _converted(tensors, kwargs), random


def _published(path: Path) -> tuple[dict[str, torch.Tensor], dict, bool]:
    """Tensors, arguments, and whether we wrote the file ourselves, with random weights."""
    content = torch_pickle.read(path)
    content = content if isinstance(content, dict) else {}
    state, metadata = content.get("state_dict"), content.get("metadata")
    kwargs = metadata.get("kwargs") if isinstance(metadata, dict) else None
    if not isinstance(state, dict) or not isinstance(kwargs, dict):
        raise ValueError("it holds no state_dict, or no metadata with kwargs")
    if other := [name for name, tensor in state.items() if not torch.is_tensor(tensor)]:
        raise ValueError(f"its {other[0]!r} is not a tensor")
    return state, kwargs, metadata.get("name") == RANDOM


def _part(tensors: dict, kwargs: dict) -> str | None:
    """Which network this is, by its name in the manifest; None if it is none of VampNet's."""
    if "decoder_rates" in kwargs and "encoder.block.0.bias" in tensors:
        return "vampnet_codec"
    # codebooks that a masked transformer is told and does not predict
    told = kwargs.get("n_conditioning_codebooks")
    if "embedding.special.MASK" not in tensors or told is None:
        return None
    return "vampnet_c2f" if told else "vampnet_coarse"


def _converted(tensors: dict[str, torch.Tensor], kwargs: dict) -> files.Tensors:
    # a class that the pickle names comes as a placeholder: json refuses that with a TypeError
    text = json.dumps(kwargs, sort_keys=True).encode()
    converted = {name: tensor.float().numpy() for name, tensor in tensors.items()}
    return converted | {KWARGS: np.frombuffer(text, np.uint8)}


# Random weights


def write_random(path: Path, seed: int, name: str) -> None:
    """Writes a tiny network that has learned nothing, laid out as the published one of this name.

    Every tensor is drawn from the seed and its own name, evenly about zero: the same numbers on
    every machine.
    """
    model = name.removeprefix("vampnet_")
    part = model.removeprefix("small_")
    kwargs = {"codec": TINY_CODEC, "coarse": TINY_COARSE, "c2f": TINY_FINE}[part]
    shapes = codec_shapes(kwargs) if part == "codec" else transformer_shapes(kwargs)
    state = {name: torch.from_numpy(_drawn(seed, model, name, s)) for name, s in shapes.items()}
    content = io.BytesIO()  # a path would leave its name in the file
    torch.save({"state_dict": state, "metadata": {"kwargs": kwargs, "name": RANDOM}}, content)
    Path(path).write_bytes(content.getvalue())


def _drawn(seed: int, model: str, name: str, shape: tuple[int, ...]) -> np.ndarray:
    even = 2 * seeding.rng(seed, f"vampnet.random.{model}", name).random(shape, np.float32) - 1
    if shape == (1, 1, 1):  # the gain of what becomes sound: noise, and someone may listen
        return even / 100 + np.float32(0.03)
    if name.endswith(("codebook.weight", "MASK", "bias.weight")):  # tables
        return even
    if name.endswith(("lora_B", ".bias")):
        return even / 10
    if name.endswith(("weight_g", "alpha", "norm.weight", "norm_1.weight", "norm_3.weight")):
        return 1 + even / 10
    # keeps the variance of what passes through
    return even * np.float32(math.sqrt(3 / math.prod(shape[1:])))


def codec_shapes(kwargs: dict) -> dict[str, tuple[int, ...]]:
    """Tensors of the codec, LAC, by their published names."""
    shapes = {}

    def convolution(name: str, out: int, into: int, width: int) -> None:
        shapes[f"{name}.bias"] = (out,)
        shapes[f"{name}.weight_g"] = (out, 1, 1)
        shapes[f"{name}.weight_v"] = (out, into, width)

    def snake(name: str, channels: int) -> None:
        shapes[f"{name}.alpha"] = (1, channels, 1)

    channels = kwargs["encoder_dim"]
    convolution("encoder.block.0", channels, 1, 7)
    for i, stride in enumerate(kwargs["encoder_rates"], start=1):
        block = f"encoder.block.{i}.block"
        for layer in range(3):
            snake(f"{block}.{layer}.block.0", channels)
            convolution(f"{block}.{layer}.block.1", channels, channels, 7)
            snake(f"{block}.{layer}.block.2", channels)
            convolution(f"{block}.{layer}.block.3", channels, channels, 1)
        snake(f"{block}.3", channels)
        convolution(f"{block}.4", 2 * channels, channels, 2 * stride)
        channels *= 2
    last = len(kwargs["encoder_rates"]) + 1
    snake(f"encoder.block.{last}", channels)
    convolution(f"encoder.block.{last + 1}", channels, channels, 3)

    dim = kwargs["codebook_dim"]
    for i in range(kwargs["n_codebooks"]):
        convolution(f"quantizer.quantizers.{i}.in_proj", dim, channels, 1)
        convolution(f"quantizer.quantizers.{i}.out_proj", channels, dim, 1)
        shapes[f"quantizer.quantizers.{i}.codebook.weight"] = (kwargs["codebook_size"], dim)

    width = kwargs["decoder_dim"]
    convolution("decoder.model.0", width, channels, 7)
    for i, stride in enumerate(kwargs["decoder_rates"], start=1):
        block, narrow = f"decoder.model.{i}.block", width // 2
        snake(f"{block}.0", width)
        # a transposed convolution: its filters are counted on the way in
        convolution(f"{block}.1", width, narrow, 2 * stride)
        shapes[f"{block}.1.bias"] = (narrow,)
        for branch, size in enumerate((3, 7, 11)):
            for dilation in range(3):
                layer = f"{block}.2.mrf_blocks.{branch}.block.{dilation}.layer"
                for j in (0, 2):
                    snake(f"{layer}.{j}", narrow)
                    convolution(f"{layer}.{j + 1}", narrow, narrow, size)
        width = narrow
    last = len(kwargs["decoder_rates"]) + 1
    snake(f"decoder.model.{last}", width)
    convolution(f"decoder.model.{last + 1}", 1, width, 7)
    return shapes


def transformer_shapes(kwargs: dict) -> dict[str, tuple[int, ...]]:
    """Tensors of a masked transformer, VampNet's own part, by their published names."""
    dim, rank = kwargs["embedding_dim"], 8
    codebooks, latent = kwargs["n_codebooks"], kwargs["latent_dim"]
    logits = kwargs["vocab_size"] * (codebooks - kwargs["n_conditioning_codebooks"])
    shapes = {
        "embedding.special.MASK": (codebooks, latent),
        "embedding.out_proj.weight": (dim, codebooks * latent, 1),
        "embedding.out_proj.bias": (dim,),
        "transformer.norm.weight": (dim,),
        "classifier.layers.0.bias": (logits,),
        "classifier.layers.0.weight_g": (logits, 1, 1),
        "classifier.layers.0.weight_v": (logits, dim, 1),
        "transformer.layers.0.self_attn.relative_attention_bias.weight": (32, kwargs["n_heads"]),
    }
    for i in range(kwargs["n_layers"]):
        layer = f"transformer.layers.{i}"
        shapes |= {f"{layer}.{norm}.weight": (dim,) for norm in ("norm_1", "norm_3")}
        shapes[f"{layer}.self_attn.w_ks.weight"] = (dim, dim)
        adapted = {f"self_attn.{name}": (dim, dim) for name in ("w_qs", "w_vs", "fc")}
        adapted |= {"feed_forward.w_1": (4 * dim, dim), "feed_forward.w_2": (dim, 2 * dim)}
        for name, (out, into) in adapted.items():
            shapes[f"{layer}.{name}.weight"] = (out, into)
            shapes[f"{layer}.{name}.lora_A"] = (rank, into)
            shapes[f"{layer}.{name}.lora_B"] = (out, rank)
    return shapes
