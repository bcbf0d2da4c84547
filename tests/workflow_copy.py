"""A copy of the workflow to run in, so that tests leave the user's results alone; what it made."""

import shutil
from pathlib import Path

ROOT = Path(__file__).parents[1]
PARTS = ("Snakefile", "workflow", "config", "profiles", "notebooks", "envs", "docs", "benchmarks")
PARTS += ("pyproject.toml", "CITATION.cff", "tests/results")
# what any two runs differ in (results/README.md): when, where, and what jobs took
DIFFERING = ("report.html", "pages/provenance.html", "benchmarks/", "logs/", "config.json")
DIFFERING += ("ro-crate-metadata.json", "pages/claims.html")


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


def contents(results: Path, *differing: str) -> dict[str, bytes]:
    """Every result that must be the same in every run, but for more that may differ."""
    files = {str(path.relative_to(results)): path for path in sorted(results.rglob("*"))}
    return {
        name: path.read_bytes()
        for name, path in files.items()
        if path.is_file() and not name.startswith((*DIFFERING, *differing))
    }
