"""The examples of a page of docs/, put into a copy of the repository."""

import os
import re
import subprocess
import sys
from pathlib import Path

from workflow_copy import copied

FILE = re.compile(r"^`([\w/.]+)`:\n\n```\w+\n(.*?)^```$", re.DOTALL | re.MULTILINE)
DIFF = re.compile(r"^```diff\n(.*?)^```$", re.DOTALL | re.MULTILINE)
YAML = re.compile(r"^```yaml\n(.*?)^```$", re.DOTALL | re.MULTILINE)


class Copy:
    """A copy of the repository, with what a page adds."""

    def __init__(self, folder: Path, page: Path):
        self.folder = folder
        copied(folder, "src", "tests")
        text = page.read_text(encoding="utf-8")
        self.added = [path for path, _ in FILE.findall(text)]
        for path, content in FILE.findall(text):
            assert not (folder / path).exists(), f"{path} is there already"
            (folder / path).write_text(content)
        for diff in DIFF.findall(text):
            apply(diff, folder)

    def run(self, *words: str, timeout: float = 600) -> subprocess.CompletedProcess:
        """Run a module of Python there; its output is one text in `stdout`."""
        paths = [str(self.folder / "src"), os.environ.get("PYTHONPATH", "")]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
        environment["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        environment.pop("MUSICAL_ROOTS_RUN", None)
        return subprocess.run(
            [sys.executable, "-m", *words],
            cwd=self.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout,
        )


def apply(diff: str, folder: Path) -> None:
    """Add what a diff adds, where its other lines stand, which they do once."""
    for part in re.split(r"^--- ", diff, flags=re.MULTILINE)[1:]:
        name, *hunks = re.split(r"\n@@\n", part)
        path = folder / name.strip()
        for hunk in hunks:
            lines = hunk.rstrip("\n").splitlines()
            before = "\n".join(line[1:] for line in lines if not line.startswith("+")) + "\n"
            after = "\n".join(line[1:] for line in lines) + "\n"
            text = path.read_text(encoding="utf-8")
            assert text.count(before) == 1, f"{name.strip()} does not have, once: {before}"
            path.write_text(text.replace(before, after), encoding="utf-8")
