"""aisfx as its package carries it: one checkpoint of torch in the wheel.

``aisfx/models/checkpoint.pth`` is a pair: a state dict, and the classes of the nine libraries of
sounds that it was trained on. Of the state dict, the encoder is
``embedding_net.conv_block{1..4}.{conv|bn}{1|2}.*``; ``fc.*``, the classifiers, are left out. A
converted file holds the encoder's tensors, without ``embedding_net.``: `shapes`.
"""

import tempfile
import zipfile
from pathlib import Path

import numpy as np

from musical_roots.weights import files

CHECKPOINT, ENCODER = "aisfx/models/checkpoint.pth", "embedding_net."
CHANNELS = (1, 64, 128, 256, 512)


def shapes() -> dict[str, tuple[int, ...]]:
    """Tensors of a converted file: two convolutions a block, each with its batch norm."""
    found = {}
    for block in range(1, len(CHANNELS)):
        out = CHANNELS[block]
        for layer, into in ((1, CHANNELS[block - 1]), (2, out)):
            found[f"conv_block{block}.conv{layer}.weight"] = (out, into, 3, 3)
            for part in ("weight", "bias", "running_mean", "running_var"):
                found[f"conv_block{block}.bn{layer}.{part}"] = (out,)
    return found


def convert(path: Path, _name: str) -> files.Converted:
    """The encoder's tensors; `path` is the wheel.

    Raises
    ------
    ValueError
        If it is another network.
    """
    from musical_roots.weights import torch_pickle  # torch: two seconds that `shapes` does not want

    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(path) as wheel:
        content = torch_pickle.read(wheel.extract(CHECKPOINT, folder))
        yield _converted(content), False


def _converted(content: object) -> files.Tensors:
    state = content[0] if isinstance(content, tuple) and content else None
    if not isinstance(state, dict):
        raise ValueError("it holds no state dict")
    tensors = {}
    for name, shape in shapes().items():
        tensor = state.get(ENCODER + name)
        if tensor is None:
            raise ValueError(f"it is no encoder of aisfx: it has no tensor {ENCODER}{name}")
        if tuple(tensor.shape) != shape:
            raise ValueError(
                f"it is no encoder of aisfx: tensor {ENCODER}{name} has shape "
                f"{tuple(tensor.shape)}, not {shape}"
            )
        tensors[name] = tensor.numpy().astype(np.float32)
    return tensors
