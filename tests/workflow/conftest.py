"""The study in a folder of its own, killed or run."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from workflow_copy import ROOT, copied


class Study:
    """A folder with a copy of the workflow, in which stages can be run."""

    def __init__(self, folder: Path):
        self.folder = folder
        copied(folder)

    def snakemake(self, *words: str, timeout: float = 900) -> subprocess.CompletedProcess:
        """Run snakemake; its output is one text in `stdout`, what failed again at its end."""
        done = subprocess.run(
            self.command(*words), **self.surroundings(), text=True, timeout=timeout
        )
        failed = re.findall(r"^Error in rule .*?(?=^\[\w{3} \w{3})", done.stdout, re.M | re.S)
        done.stdout += "\n".join(each[-1500:] for each in failed)
        return done

    def kill(self, made: float, seconds: float, *words: str, timeout: float = 900) -> None:
        """Run snakemake, and kill it and its jobs once so many files are made, and a little later.

        `made` counts as `made()` does; `seconds` go by between that and the kill.
        """
        surroundings = self.surroundings() | {"stdout": subprocess.DEVNULL}  # a pipe would be full
        run = subprocess.Popen(self.command(*words), **surroundings, start_new_session=True)
        deadline = time.monotonic() + timeout
        while self.made() < made and run.poll() is None and time.monotonic() < deadline:
            time.sleep(0.1)
        time.sleep(seconds)
        with contextlib.suppress(ProcessLookupError):  # it has ended by itself
            os.killpg(run.pid, signal.SIGKILL)
        run.wait()

    def made(self) -> int:
        """How many files Snakemake has written down as made, in all runs here."""
        kept = self.folder / ".snakemake/metadata"
        return sum(path.is_file() for path in kept.rglob("*"))

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "snakemake", "--cores", "2", *words]

    def surroundings(self) -> dict:
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        environment = {**os.environ, "PATH": path}
        environment.pop("MUSICAL_ROOTS_RUN", None)
        return {
            "cwd": self.folder,
            "env": environment,
            "stdout": subprocess.PIPE,
            "stderr": subprocess.STDOUT,
        }

    def overlay(self, text: str) -> str:
        """Write an overlay of the config; its path."""
        (self.folder / "config/overlay.yaml").write_text(text)
        return "config/overlay.yaml"


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return Study(tmp_path / "study")


@pytest.fixture(scope="session")
def new_study(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Study]:
    return lambda name: Study(tmp_path_factory.mktemp(name) / "study")


@pytest.fixture(scope="session")
def cache() -> Path:
    """The repository's own cache of packages and weights, so that tests fetch them once."""
    return ROOT / "resources"
