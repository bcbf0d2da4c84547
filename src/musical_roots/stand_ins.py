"""Runs a worker in a process of its own, where modules that it never calls are stood in for.

laion-clap and VampNet import much that audio never needs. Their workers run among packages of their
own, perhaps by another interpreter, so they and this file import nothing of ours.
"""

import os
import runpy
import sys
import tempfile
from collections.abc import Iterable
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from unittest.mock import MagicMock


def command(python: str, absent: Iterable[str], worker: Path, *told: object) -> list[str]:
    """What starts `worker` in Python's isolated mode, with the words that it is told."""
    return [python, "-I", __file__, ",".join(absent), *map(str, [worker, *told])]


class Absent(ModuleType):
    """A module with whatever one asks of it, none of which does anything."""

    __path__ = ()

    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):
            raise AttributeError(name)
        return MagicMock(name=name)


class AbsentFinder(MetaPathFinder, Loader):
    """Finds the modules that are named, and what is in them, whether they are installed or not."""

    def __init__(self, absent: Iterable[str]):
        self.absent = tuple(absent)

    def find_spec(self, name: str, path: object, target: object = None) -> ModuleSpec | None:
        absent = any(f"{name}.".startswith(f"{module}.") for module in self.absent)
        return ModuleSpec(name, self) if absent else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return Absent(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        pass


if __name__ == "__main__":
    _, absent, *sys.argv = sys.argv
    sys.meta_path.insert(0, AbsentFinder(absent.split(",")))
    # what numba compiles it keeps beside the packages: where two processes do so at once, the file
    # that they leave may crash all who read it
    with tempfile.TemporaryDirectory() as compiled:
        os.environ["NUMBA_CACHE_DIR"] = compiled
        runpy.run_path(sys.argv[0], run_name="__main__")
