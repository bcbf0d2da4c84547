"""CLMR as its authors published it: a SampleCNN in a checkpoint of one of three layouts.

- A PyTorch Lightning checkpoint: ``state_dict["model.encoder.sequential.{block}.{0|1}.*"]``.
- A state dict: ``encoder.sequential.{block}.{0|1}.*``.
- An older one, blocks counted from 1: ``encoder.conv{block}.{0|1}.*`` (the branch v1 of CLMR still
  reads it).

Any of them may lie in a zip, as release 2.0 does, alone or beside its optimiser. Which of the
layouts a release has could not be seen here. A dense layer is left out.

Beside the encoder lies the projector that it was trained with, ``projector.{0|2}.weight``: two
linear layers without bias, a ReLU between them. Where it is another one, or is missing, the file is
converted without it.

A converted file holds ``sequential.{block}.{0|1}.*``, `shapes`, and ``projector.{0|2}.weight``,
`PROJECTOR`.
"""

import io
import re
import tempfile
import zipfile
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch

from musical_roots import seeding
from musical_roots.weights import RANDOM, files, torch_pickle

CHANNELS = (1, 128, 128, 128, 256, 256, 256, 256, 256, 256, 512, 512)
PROJECTOR = {"projector.0.weight": (512, 512), "projector.2.weight": (64, 512)}
NO_DATASET = "none: random weights"  # in a file that `_write_lightning` writes
PUBLISHED = re.compile(r"(model\.)?encoder\.(sequential\.|conv)(\d+)\.([01])\.(\w+)")
OF_PROJECTOR = re.compile(r"(?:model\.)?(projector\..+)")


def shapes() -> dict[str, tuple[int, ...]]:
    """Tensors of a converted file: convolution 0 and batch norm 1 of each block."""
    found = {}
    for i, (into, out) in enumerate(pairwise(CHANNELS)):
        found[f"sequential.{i}.0.weight"] = (out, into, 3)
        found[f"sequential.{i}.0.bias"] = (out,)
        for part in ("weight", "bias", "running_mean", "running_var"):
            found[f"sequential.{i}.1.{part}"] = (out,)
    return found


def convert(path: Path, _name: str) -> files.Converted:
    """The tensors of ``clmr.safetensors`` and its like, whichever layout the file has.

    Raises
    ------
    ValueError
        If it is another network.
    """
    with tempfile.TemporaryDirectory() as folder:
        content = torch_pickle.read(_unpacked(Path(path), Path(folder)))
        yield _converted(content), _is_random(content)


def _converted(content: object) -> files.Tensors:
    if isinstance(content, dict) and "pytorch-lightning_version" in content:
        content = content.get("state_dict")
    if not isinstance(content, dict):
        raise ValueError("it holds no state dict")
    names = {str(name): PUBLISHED.fullmatch(str(name)) for name in content}
    tensors = {}
    for name, found in names.items():
        # Lightning holds the encoder twice
        if found and (found[1] or f"model.{name}" not in content):
            block = int(found[3]) - (found[2] == "conv")
            tensors[f"sequential.{block}.{found[4]}.{found[5]}"] = content[name]
    if missing := [name for name in shapes() if name not in tensors]:
        raise ValueError(
            f"it is no SampleCNN of CLMR: it has no tensor encoder.{missing[0]}"
            + f" (and lacks {len(missing) - 1} more)" * (len(missing) > 1)
        )
    for name, shape in shapes().items():
        if tuple(tensors[name].shape) != shape:
            raise ValueError(
                f"it is no SampleCNN of CLMR: tensor encoder.{name} has shape "
                f"{tuple(tensors[name].shape)}, not {shape}"
            )
    tensors |= _projector(content)
    return {name: tensor.numpy().astype(np.float32) for name, tensor in _ordered(tensors)}


def _ordered(tensors: dict) -> list[tuple[str, torch.Tensor]]:
    wanted = [*shapes(), *(name for name in PROJECTOR if name in tensors)]
    return [(name, tensors[name]) for name in wanted]


def _projector(content: dict) -> dict:
    """Its tensors, if it is the published one to the last: with a bias it says something else."""
    names = {name: OF_PROJECTOR.fullmatch(str(name)) for name in content}
    tensors = {found[1]: content[name] for name, found in names.items() if found}
    same = {name: tuple(tensor.shape) for name, tensor in tensors.items()} == PROJECTOR
    return tensors if same else {}


def _is_random(content: dict) -> bool:
    """Whether `write_random` wrote it."""
    hyperparameters = content.get("hyper_parameters")
    if isinstance(hyperparameters, dict) and hyperparameters.get("dataset") == NO_DATASET:
        return True
    return content.get("name") == RANDOM


def _unpacked(published: Path, folder: Path) -> Path:
    """The checkpoint itself: `published`, or what it is the archive of, put into `folder`."""
    if not zipfile.is_zipfile(published):
        return published
    with zipfile.ZipFile(published) as archive:
        names = [name for name in archive.namelist() if not name.startswith("__MACOSX/")]
        if any(name.endswith("data.pkl") for name in names):  # torch's own format is a zip too
            return published
        # release 2.0 was saved with its optimiser beside it
        inner = [n for n in names if n.endswith((".pt", ".ckpt")) and "_optim." not in n]
        if len(inner) != 1:
            raise ValueError(f"it should hold one .pt file, and holds {len(inner)}")
        path = folder / "checkpoint.pt"
        path.write_bytes(archive.read(inner[0]))
    return path


def write_random(path: Path, seed: int, name: str) -> None:
    """Writes a checkpoint that has learned nothing, laid out as the release of `name`.

    "clmr" is release 2.0: Lightning, in a zip. "clmr_1550" is release 1.0: a state dict, and beside
    its tensors a name that marks it.

    Filters are normal with a variance of 2 / fan-in (He et al. 2015). Those of all blocks but the
    first sum to zero, lest what all sounds share drown what they do not. Every tensor is drawn from
    the seed and its published name.
    """
    {"clmr": _write_lightning, "clmr_1550": _write_plain}[name](path, seed)


def _write_lightning(path: Path, seed: int) -> None:
    model = _random("clmr.random", seed, "model.")
    encoder = {k.removeprefix("model."): v for k, v in model.items() if "encoder" in k}
    checkpoint = {
        "epoch": 0,
        "global_step": 0,
        "pytorch-lightning_version": "1.3.8",
        "state_dict": encoder | model,
        "callbacks": {},
        "optimizer_states": [],
        "lr_schedulers": [],
        "hparams_name": "args",
        "hyper_parameters": {"seed": seed, "dataset": NO_DATASET, "supervised": 0},
    }
    content = io.BytesIO()
    torch.save(checkpoint, content)
    with zipfile.ZipFile(path, "w") as archive:
        # a name alone has a time of its own, and the file should repeat to the bit
        name = zipfile.ZipInfo("clmr_checkpoint_10000/clmr_checkpoint_10000.pt")
        archive.writestr(name, content.getvalue())


def _write_plain(path: Path, seed: int) -> None:
    content = io.BytesIO()  # a path would leave its name in the file
    torch.save(_random("clmr_1550.random", seed, "") | {"name": RANDOM}, content)
    Path(path).write_bytes(content.getvalue())


def _random(stage: str, seed: int, prefix: str) -> dict:
    """State dict of encoder and projector, torch tensors under their published names."""
    wanted = {f"{prefix}encoder.{name}": shape for name, shape in shapes().items()}
    wanted |= {f"{prefix}{name}": shape for name, shape in PROJECTOR.items()}
    state = {}
    for name, shape in wanted.items():
        drawn = seeding.rng(seed, stage, name).standard_normal(shape, np.float32)
        if len(shape) > 1:
            drawn *= np.sqrt(2 / np.prod(shape[1:]))
            if len(shape) == 3 and shape[1] > 1:
                drawn -= drawn.mean(axis=(1, 2), keepdims=True)
        elif name.endswith("running_var"):
            # about what music has there
            drawn = (1 + drawn / 10) ** 2 * (0.02 if ".sequential.0." in name else 1)
        else:
            drawn = drawn / 10 + name.endswith("1.weight")
        state[name] = torch.from_numpy(np.float32(drawn))
        if name.endswith("running_var"):
            state[name.replace("running_var", "num_batches_tracked")] = torch.tensor(0)
    return state
