"""Reads what ``torch.save`` wrote, and runs nothing of it.

A pickle is a program that calls whatever it names. Here it can name makers of dictionaries and
tensors, and dtypes. Any other name becomes a class of its own that takes whatever a pickle does to
it and does nothing. A pickle cannot change what outlives its reading.

Why not torch.load? CLAP's published files hold more than tensors (numpy's scalars, objects of
classes), so ``weights_only=True`` refuses them, and ``weights_only=False`` would run whatever code
a file names. Even with an unpickler of ours torch.load would read tar files, run TorchScript, and
write patches of source code.

Formats (torch/serialization.py): a zip file with a pickle and one record a storage; before torch
1.6 five pickles in a row, and the storages after them. The tar files of before 2017 and TorchScript
archives, which hold programs, are refused.
"""

import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
import torch

MAGIC = 0x1950A86A20F9469CFC6C  # what the first of the five pickles holds
DTYPES = {
    "BFloat16Storage": torch.bfloat16,
    "BoolStorage": torch.bool,
    "ByteStorage": torch.uint8,
    "CharStorage": torch.int8,
    "ComplexDoubleStorage": torch.complex128,
    "ComplexFloatStorage": torch.complex64,
    "DoubleStorage": torch.float64,
    "FloatStorage": torch.float32,
    "HalfStorage": torch.float16,
    "IntStorage": torch.int32,
    "LongStorage": torch.int64,
    "ShortStorage": torch.int16,
    "UntypedStorage": torch.uint8,
}


class NoCheckpoint(ValueError):
    """What is wrong with a file; whoever asked for it knows where the right one is."""


def read(path: Path | str) -> object:
    """What was saved: containers, numbers and strings as they were, tensors, and placeholders.

    Parameters
    ----------
    path : path
        A file of ``torch.save``, of any version since 2017.

    Returns
    -------
    object
        Tensors are on the CPU, want no gradients, and share memory where they shared it. Those of
        a zip file are views of the file itself: they cost nothing until they are read, and writing
        to them leaves the file as it is. Numpy's scalars and arrays are placeholders, too.

    Raises
    ------
    NoCheckpoint
        If the file is cut short, damaged, or something else.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            if file.read(4) == b"PK\3\4":
                return _read_zip(path)
            file.seek(0)
            if not _is_legacy(file):
                raise NoCheckpoint("it is not a checkpoint of torch.save")
            return _read_legacy(file, path.stat().st_size)
    except (NoCheckpoint, FileNotFoundError):
        raise
    except Exception as error:  # what a damaged or hostile file leads to is anyone's guess
        reason = f"{type(error).__name__}: {error}"[:200]
        raise NoCheckpoint(f"it is cut short or damaged ({reason})") from error


class _Storage(NamedTuple):
    data: torch.Tensor  # uint8, one dimension
    dtype: torch.dtype


Opener = Callable[[str, torch.dtype, int], torch.Tensor]  # key, dtype, number of elements


def _read_zip(path: Path) -> object:
    mapped = np.memmap(path, np.uint8, mode="c")
    with zipfile.ZipFile(path) as archive:
        names = set(archive.namelist())
        folders = [name.split("/")[0] for name in names if name.split("/")[1:] == ["data.pkl"]]
        if len(folders) != 1:
            raise NoCheckpoint("it is a zip file, but not one of torch.save")
        folder = folders[0]
        if f"{folder}/constants.pkl" in names:
            raise NoCheckpoint("it is a TorchScript archive, which holds a program")
        byteorder = f"{folder}/byteorder"
        if byteorder in names and archive.read(byteorder) != b"little":
            raise NoCheckpoint("it is big-endian; load and save it on a little-endian machine")

        def opener(key: str, dtype: torch.dtype, numel: int) -> torch.Tensor:
            record, size = archive.getinfo(f"{folder}/data/{key}"), numel * dtype.itemsize
            if record.compress_type != zipfile.ZIP_STORED:
                raise ValueError("its records are compressed")
            at = record.header_offset
            name_size, extra_size = struct.unpack("<2H", mapped[at + 26 : at + 30])
            at += 30 + name_size + extra_size
            data = mapped[at : at + min(size, record.file_size)]
            if len(data) != size:
                raise ValueError(f"storage {key} has {len(data)} bytes, not {size}")
            # a file that was packed anew may be out of step with its numbers
            aligned = data.ctypes.data % dtype.itemsize == 0
            return torch.from_numpy(data if aligned else data.copy())

        with archive.open(f"{folder}/data.pkl") as file:
            return _Unpickler(file, opener).load()


def _is_legacy(file: BinaryIO) -> bool:
    try:
        return _Unpickler(file).load() == MAGIC
    except Exception:  # not a pickle
        return False


def _read_legacy(file: BinaryIO, file_size: int) -> object:
    """What follows the magic number."""
    storages: dict[str, _Storage] = {}

    def opener(key: str, dtype: torch.dtype, numel: int) -> torch.Tensor:
        size = numel * dtype.itemsize
        if sum(len(storage.data) for storage in storages.values()) + size > file_size:
            raise ValueError(f"storage {key} is larger than the file")
        storages[key] = _Storage(torch.empty(size, dtype=torch.uint8), dtype)
        return storages[key].data

    _Unpickler(file).load()  # version of the format
    _Unpickler(file).load()  # the machine that wrote it
    saved = _Unpickler(file, opener).load()
    keys = _Unpickler(file).load()
    if sorted(keys) != sorted(storages):
        raise ValueError("its list of storages is not that of its tensors")
    for key in keys:
        data, dtype = storages[key]
        (numel,) = struct.unpack("<q", file.read(8))
        if numel * dtype.itemsize != len(data) or file.readinto(data.numpy()) != len(data):
            raise EOFError(f"storage {key} ends too early")
    return saved


class _Unpickler(pickle.Unpickler):
    """Resolves names to what is harmless, and persistent ids to storages."""

    def __init__(self, file: BinaryIO, opener: Opener | None = None):
        super().__init__(file, encoding="latin1")  # for strings of Python 2
        self.opener, self.storages = opener, {}

    def find_class(self, module: str, name: str) -> object:
        if f"{module}.{name}" in _MAKERS:
            return _Maker(_MAKERS[f"{module}.{name}"])
        if module.split(".")[0] == "torch" and name in DTYPES:
            return DTYPES[name]
        if module == "torch" and isinstance(dtype := vars(torch).get(name), torch.dtype):
            return dtype
        return type("Inert", (_Inert,), {})  # a new one, for classes can be changed

    def persistent_load(self, saved: tuple) -> object:
        kind, *details = saved
        if kind == "module":  # a class with its source code, which is nothing to us
            return details[0]
        if kind != "storage":
            raise ValueError(f"unknown kind of persistent id: {kind!r}")
        dtype, key, _location, numel, *view = details
        if view not in ([], [None]):
            raise ValueError("its storages are views of each other")
        if key not in self.storages:
            self.storages[key] = _Storage(self.opener(key, dtype, numel), dtype)
        return self.storages[key]


class _Inert:
    """Stands for whatever else is in a pickle."""

    def __new__(cls, *_, **__):
        return super().__new__(cls)

    def __call__(self, *_, **__):
        return self

    def _ignore(*_, **__):
        return None

    __init__ = __setstate__ = __setitem__ = append = extend = add = _ignore


class _Maker:
    """A function that a pickle may call, and not change."""

    __slots__ = ("_make",)

    def __init__(self, make: Callable):
        self._make = make

    def __call__(self, *args):
        return self._make(*args)

    def __setstate__(self, _):
        pass


class _Dict(dict):
    """An ordered dictionary; its attributes are left out."""

    __slots__ = ()

    def __setstate__(self, _):
        pass


def _tensor(storage, offset, size, stride, _grad=False, _hooks=None, metadata=None):
    if metadata:
        raise ValueError("a tensor is a conjugate or negative view")
    return storage.data.view(storage.dtype).as_strided(size, stride, offset)  # inside it, or error


def _tensor_v3(storage, offset, size, stride, _grad, _hooks, dtype, metadata=None):
    return _tensor(storage._replace(dtype=dtype), offset, size, stride, metadata=metadata)


def _parameter(data, *_):
    return data


def _with_attributes(make, _cls, args, _state):
    return make(*args)


_MAKERS = {
    "collections.OrderedDict": _Dict,
    "torch.Size": torch.Size,
    "torch._tensor._rebuild_from_type_v2": _with_attributes,
    "torch._utils._rebuild_parameter": _parameter,
    "torch._utils._rebuild_parameter_with_state": _parameter,
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_tensor_v3": _tensor_v3,
}
