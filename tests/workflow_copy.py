"""A copy of the workflow to run in, so that tests leave the user's results alone."""

import shutil
from pathlib import Path

ROOT = Path(__file__).parents[1]
PARTS = ("Snakefile", "workflow", "config", "profiles", "notebooks", "envs", "docs", "benchmarks")
PARTS += ("pyproject.toml", "CITATION.cff", "tests/results")


def copied(folder: Path, *more: str) -> None:
    """Copy what a run needs, and more, into a folder."""
    leave = shutil.ignore_patterns("__pycache__", "node_modules", "_build")
    for part in (*PARTS, *more):
        (folder / part).parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, folder / part, ignore=leave, dirs_exist_ok=True)
        else:
            shutil.copy(ROOT / part, folder / part)
    (folder / "models").symlink_to(ROOT / "models")  # too large for a copy each
