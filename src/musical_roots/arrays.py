"""Read and write arrays, JSON and text: atomically.

Beside `tables.py`, for stages that have no table: pandas takes longer to load than they to run.
"""

import json
import shutil
import tokenize
import zipfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from musical_roots.atomic import atomic
from musical_roots.errors import InputError

# what numpy raises on a damaged file, but for OSError
DAMAGED = (ValueError, EOFError, SyntaxError, tokenize.TokenError, zipfile.BadZipFile)


def write_text(text: str, path: Path | str) -> None:
    """Write a text file, atomically."""
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(value: object, path: Path | str) -> None:
    """Write JSON with sorted keys, atomically."""
    write_text(json.dumps(value, indent=1, sort_keys=True) + "\n", path)


def read_json(path: Path | str) -> dict:
    """Read a JSON file."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


def copy(path: Path | str, to: Path | str) -> None:
    """Copy a file, atomically.

    Raises
    ------
    InputError
        If it is missing.
    """
    if not Path(path).is_file():
        raise InputError(f"{path}: no such file; run the stage that makes it, or mend the path")
    with atomic(to) as temporary:
        shutil.copyfile(path, temporary)


def write_array(array: np.ndarray, path: Path | str) -> None:
    """Write a .npy file, atomically."""
    with atomic(path) as temporary, open(temporary, "wb") as file:
        np.save(file, array)


def write_arrays(arrays: dict[str, np.ndarray], path: Path | str) -> None:
    """Write named arrays as a compressed .npz file, atomically."""
    with atomic(path) as temporary, open(temporary, "wb") as file:
        np.savez_compressed(file, **arrays)


def read_array(path: Path | str, mapped: bool = False) -> np.ndarray:
    """Read a .npy file, or map it into memory.

    Raises
    ------
    InputError
        If it is missing, or damaged.
    """
    try:
        return np.load(path, mmap_mode="r" if mapped else None)
    except (OSError, *DAMAGED) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path}: not readable ({reason}); delete it and run again") from error


def read_arrays(paths: Iterable[Path | str]) -> dict[str, np.ndarray]:
    """Read named arrays of several .npz files as one mapping, in the order of their names."""
    found = {}
    for path in paths:
        try:
            with np.load(path) as file:
                found |= dict(file)
        except (OSError, *DAMAGED) as error:
            reason = " ".join(str(error).split())
            raise InputError(f"{path}: not readable ({reason}); delete it and run again") from error
    return dict(sorted(found.items()))


def write_vectors(stem: Path | str, vectors: np.ndarray, provenance: dict) -> None:
    """Write `stem`.npy and `stem`.json: a shard of embeddings (`tables.py`) but for its clips."""
    stem = Path(stem)
    write_array(vectors, stem.with_suffix(".npy"))
    write_json(provenance | {"dim": int(vectors.shape[1])}, stem.with_suffix(".json"))
