"""Files and folders that appear whole or not at all.

A run killed at any moment leaves the old one or the new one, never half of one.
"""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from musical_roots.errors import InputError, is_disk_full

BEGUN = re.compile(r"\..*\.(\d+)\.(?:part|old)")  # a name with the number of who writes there


@contextmanager
def atomic(path: Path | str) -> Iterator[Path]:
    """A temporary path beside `path` that takes its place when the block ends well.

    The block writes a file there. The folder of `path` is made if missing.

    Raises
    ------
    InputError
        If nothing may be written in that folder, or `path` is a folder itself.
    """
    path, temporary = _beside(path)
    if path.is_dir():
        raise InputError(f"{path}: is a folder, where a file is to be written; name another place")
    try:
        yield temporary
        settle(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: Path | str) -> Iterator[Path]:
    """A temporary folder beside `path` that takes its place when the block ends well.

    A folder that is there is replaced; for a moment there is none. Raises as `atomic`.
    """
    path, temporary = _beside(path)
    old = temporary.with_suffix(".old")
    shutil.rmtree(temporary, ignore_errors=True)  # a killed run's, whose number is ours now
    temporary.mkdir()
    try:
        yield temporary
        for file in temporary.rglob("*"):
            if file.is_file():
                _to_disk(file)
        if path.is_dir():
            os.rename(path, old)
        os.rename(temporary, path)
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def clear(folder: Path | str) -> None:
    """Delete what processes that no longer live had begun to write anywhere below a folder."""
    for place, folders, files in os.walk(folder):
        for name in [*folders, *files]:
            process = BEGUN.fullmatch(name)
            if not process or _lives(int(process[1])):
                continue
            if name in files:
                Path(place, name).unlink(missing_ok=True)
            else:
                shutil.rmtree(Path(place, name), ignore_errors=True)
                folders.remove(name)


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # another user's
        return True
    return True


def settle(part: Path, path: Path) -> None:
    """Let a file that is whole take the place of `path`, on the same disk."""
    _to_disk(part)
    os.replace(part, path)


def _beside(path: Path | str) -> tuple[Path, Path]:
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        may = os.access(path.parent, os.W_OK | os.X_OK)
    except OSError as error:
        if is_disk_full(error):
            raise
        may = False
    if not may:
        raise InputError(
            f"{path}: its folder cannot be made or written to; mend its permissions, or write "
            "elsewhere"
        )
    return path, path.with_name(f".{path.name}.{os.getpid()}.part")


def _to_disk(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
