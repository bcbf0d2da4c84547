"""Weights as they lie in the checkpoint folder and in results/models: safetensors with their hash.

A file says of itself where its weights are from, and carries the hash of its tensors: a damaged one
is never used.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as serialised

from musical_roots.atomic import atomic
from musical_roots.errors import InputError
from musical_roots.weights.manifest import SOURCES

Tensors = dict[str, np.ndarray]
Converted = Iterator[tuple[Tensors, bool]]  # of each file, and whether the weights are random


def load(path: Path | str, shapes: dict[str, tuple[int, ...]]) -> Tensors:
    """Tensors of a converted file, each there and of the shape that the encoder expects.

    Parameters
    ----------
    path : path
        A converted file, as `fetch` wrote it.
    shapes : dict of str to tuple of int
        What the encoder needs.

    Raises
    ------
    InputError
        If the file is missing, damaged, or holds another network.
    """
    tensors, _ = read(path)
    for name, shape in shapes.items():
        if name not in tensors:
            raise InputError(f"{path} has no tensor {name!r}; {_anew(path)}")
        if tensors[name].shape != shape:
            raise InputError(
                f"{path}: tensor {name!r} has shape {tensors[name].shape}, not {shape}; "
                f"{_anew(path)}"
            )
    return {name: tensors[name] for name in shapes}


def read(path: Path | str) -> tuple[Tensors, dict]:
    """All tensors of a converted file, and what was said of them.

    Raises
    ------
    InputError
        If the file is missing or damaged.
    """
    return _read(_there(path))


def save(path: Path | str, tensors: Tensors, about: dict) -> None:
    """Writes tensors as `load` reads them, atomically.

    Parameters
    ----------
    path : path
        The file; its folder is made if missing.
    tensors : dict of str to ndarray
    about : dict
        What there is to say of them: how they were made.
    """
    about = {**about, "tensors_sha256": digest(tensors)}
    # one key: safetensors writes several in a random order, and a file should repeat to the bit
    content = serialised(tensors, {"musical_roots": json.dumps(about)})
    with atomic(path) as temporary:
        temporary.write_bytes(content)


def is_random(path: Path | str) -> bool:
    """Whether a converted file holds random weights in the place of published ones."""
    return _inside(_there(path), _metadata).get("random", False)


def digest(tensors: Tensors) -> str:
    """SHA-256 of tensors: names, dtypes, shapes and bytes, whatever their order."""
    sha256 = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        sha256.update(f"{name} {tensor.dtype.str} {tensor.shape}\0".encode())
        sha256.update(np.ascontiguousarray(tensor).tobytes())
    return sha256.hexdigest()


def about_of(path: Path) -> dict | None:
    """Where a converted file comes from; None if there is none, or it is damaged."""
    try:
        return _read(path)[1] if path.is_file() else None
    except InputError:
        return None


def _there(path: Path | str) -> Path:
    path = Path(path)
    if not path.is_file():
        name = _published_as(path)
        mend = (
            f"fetch it with: python -m musical_roots weights fetch --name {name} --checkpoints "
            f"{path.parent}"
            if name
            else f"the workflow trains it: snakemake --cores 2 results/models/{path.name}"
        )
        raise InputError(f"{path} is missing; {mend}")
    return path


def _published_as(path: Path) -> str | None:
    """The entry of the manifest that a converted file is of; None if it was trained here."""
    names = (name for name, source in SOURCES.items() if path.name in source.converted)
    return next(names, None)


def _anew(path: Path | str) -> str:
    """What to do about a converted file that is there, and wrong."""
    if _published_as(Path(path)):
        return "delete it and fetch it again"
    return "delete it and run the workflow, which trains it, or copy it again from where it was"


def _read(path: Path) -> tuple[Tensors, dict]:
    def everything(file):
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        return tensors, _metadata(file)

    tensors, about = _inside(path, everything)
    if about.get("tensors_sha256") != digest(tensors):
        raise InputError(f"{path} is damaged (wrong hash); {_anew(path)}")
    return tensors, about


def _inside(path: Path, read: Callable):
    try:
        with safe_open(path, framework="numpy") as file:
            return read(file)
    except (SafetensorError, ValueError, OSError) as error:
        raise InputError(f"{path} is damaged ({error}); {_anew(path)}") from error


def _metadata(file) -> dict:
    return json.loads((file.metadata() or {}).get("musical_roots", "{}"))
