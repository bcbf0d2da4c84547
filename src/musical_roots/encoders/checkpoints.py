"""Weights: where they are published, and how they come to lie in the checkpoint folder.

`SOURCES` is the manifest. A source is fetched once, held against its SHA-256, and converted to
safetensors; nothing of it is ever unpickled or run. A converted file carries the hash of its source
and of its own tensors, so a damaged one is never used.
"""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from musical_roots.encoders import tf_checkpoint
from musical_roots.errors import InputError

Tensors = dict[str, np.ndarray]

_OPTIMISER = ("Adam", "Adam_1", "beta1_power", "beta2_power")


@dataclass(frozen=True)
class Source:
    """A published file with the weights of one encoder.

    Attributes
    ----------
    url : str
        Where it is published: ``pypi:<requirement>`` is fetched by pip, which honours the user's
        own index.
    file, size_bytes, sha256 : str, int, str
        The published file.
    licence, citation : str
        Of the weights.
    converted : tuple of str
        Files that `convert` makes of it.
    convert : callable
        From the published file's path to the tensors of each converted file.
    """

    url: str
    file: str
    size_bytes: int
    sha256: str
    licence: str
    citation: str
    converted: tuple[str, ...]
    convert: Callable[[Path], Iterator[Tensors]]


def _musicnn(wheel: Path) -> Iterator[Tensors]:
    """Variables of the two musicnn networks, under TensorFlow's names, without the optimiser's."""
    with zipfile.ZipFile(wheel) as archive:
        for network in ("MTT_musicnn", "MSD_musicnn"):
            index = archive.read(f"musicnn/{network}/.index")
            data = archive.read(f"musicnn/{network}/.data-00000-of-00001")
            variables = tf_checkpoint.read(index, data)
            yield {n: v for n, v in variables.items() if n.rsplit("/", 1)[-1] not in _OPTIMISER}


SOURCES = {
    "musicnn": Source(
        url="pypi:musicnn==0.1.0",
        file="musicnn-0.1.0-py3-none-any.whl",
        size_bytes=29_292_476,
        sha256="f38a4890c648c1ddbb141c5d96d2b0a8cfcd36746002d896989f7b88beb65cfa",
        licence="ISC",
        citation="Pons & Serra (2019), musicnn: Pre-trained convolutional neural networks for "
        "music audio tagging",
        converted=("musicnn-mtt.safetensors", "musicnn-msd.safetensors"),
        convert=_musicnn,
    ),
}


def fetch(name: str, checkpoints: Path | str, local: Path | str | None = None) -> list[Path]:
    """Puts the converted weights of an encoder into the checkpoint folder, unless they lie there.

    Parameters
    ----------
    name : str
        A key of `SOURCES`.
    checkpoints : path
        The checkpoint folder; made if missing. A published file that lies in it is used.
    local : path, optional
        The published file, or a folder that holds it, for a machine without a network.

    Returns
    -------
    list of Path
        The converted files.

    Raises
    ------
    InputError
        If the file cannot be had, or is not what the manifest says.
    """
    source, folder = SOURCES[name], Path(checkpoints)
    converted = [folder / file for file in source.converted]
    if all(_is_whole(path, source) for path in converted):
        return converted
    folder.mkdir(parents=True, exist_ok=True)
    # beside its destination, so that a replace is atomic
    with tempfile.TemporaryDirectory(dir=folder, prefix=".fetch-") as scratch:
        published = _published(source, folder, local) or _download(source, Path(scratch))
        _verify(published, source)
        try:
            for path, tensors in zip(converted, source.convert(published), strict=True):
                _write(path, tensors, source, Path(scratch))
        except (ValueError, KeyError, zipfile.BadZipFile) as error:
            raise InputError(f"{published} cannot be converted: {error}") from error
    return converted


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
    path = Path(path)
    if not path.is_file():
        raise InputError(
            f"{path} is missing; fetch it with: python -m musical_roots weights "
            f"--encoder {path.stem.split('-')[0]} --checkpoints {path.parent}"
        )
    tensors, _ = _read(path)
    for name, shape in shapes.items():
        if name not in tensors:
            raise InputError(f"{path} has no tensor {name!r}; delete the file and fetch it again")
        if tensors[name].shape != shape:
            raise InputError(
                f"{path}: tensor {name!r} has shape {tensors[name].shape}, not {shape}; delete the "
                "file and fetch it again"
            )
    return {name: tensors[name] for name in shapes}


def digest(tensors: Tensors) -> str:
    """SHA-256 of tensors: names, dtypes, shapes and bytes, whatever their order."""
    sha256 = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        sha256.update(f"{name} {tensor.dtype.str} {tensor.shape}\0".encode())
        sha256.update(np.ascontiguousarray(tensor).tobytes())
    return sha256.hexdigest()


def _published(source: Source, folder: Path, local: Path | str | None) -> Path | None:
    """The published file where the user has put it, if anywhere."""
    if local is None:
        path = folder / source.file
        return path if path.is_file() else None
    path = Path(local)
    path = path / source.file if path.is_dir() else path
    if not path.is_file():
        raise InputError(f"{path} is missing; it should be {source.file} of {source.url}")
    return path


def _download(source: Source, folder: Path) -> Path:
    requirement = source.url.removeprefix("pypi:")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "--quiet"]
    wanted = ["--no-deps", "--only-binary", ":all:", "--dest", str(folder), requirement]
    run = subprocess.run([*pip, "download", *wanted], capture_output=True, text=True)
    path = folder / source.file
    if run.returncode or not path.is_file():
        reason = (run.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise InputError(
            f"{source.file} could not be downloaded by pip from {source.url} ({reason}); check the "
            f"network and pip's index, or put the file into the checkpoint folder"
        )
    return path


def _verify(path: Path, source: Source) -> None:
    size = path.stat().st_size
    if size != source.size_bytes:
        raise InputError(
            f"{path} has {size} bytes, not {source.size_bytes}: it is cut short or another "
            f"version; get {source.url} again"
        )
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    if sha256 != source.sha256:
        raise InputError(
            f"{path} has SHA-256 {sha256}, not {source.sha256}: it is damaged or another version; "
            f"get {source.url} again"
        )


def _write(path: Path, tensors: Tensors, source: Source, scratch: Path) -> None:
    about = {
        "source": source.url,
        "source_sha256": source.sha256,
        "tensors_sha256": digest(tensors),
        "licence": source.licence,
        "citation": source.citation,
    }
    temporary = scratch / path.name
    with temporary.open("wb") as file:
        # one key: safetensors writes several in a random order, and a file should repeat to the bit
        file.write(save(tensors, {"musical_roots": json.dumps(about)}))
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)


def _read(path: Path) -> tuple[Tensors, dict[str, str]]:
    """Tensors of a converted file, if it is whole, and where they come from."""
    try:
        with safe_open(path, framework="numpy") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            about = json.loads((file.metadata() or {}).get("musical_roots", "{}"))
    except (SafetensorError, ValueError, OSError) as error:
        raise InputError(f"{path} is damaged ({error}); delete it and fetch it again") from error
    if about.get("tensors_sha256") != digest(tensors):
        raise InputError(f"{path} is damaged (wrong hash); delete it and fetch it again")
    return tensors, about


def _is_whole(path: Path, source: Source) -> bool:
    """Whether a converted file lies there, undamaged and of this source."""
    try:
        return path.is_file() and _read(path)[1].get("source_sha256") == source.sha256
    except InputError:
        return False
