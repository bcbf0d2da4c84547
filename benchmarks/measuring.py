"""What both benchmarks measure with: music, seconds in turns, rows, and laion-clap."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from musical_roots.provenance import environment
from musical_roots.weights import checkpoints
from musical_roots.weights.formats import clap

ROOT = Path(__file__).parents[1]
WEIGHTS = ROOT / "resources/checkpoints"
LAION_CLAP = ROOT / "resources/laion-clap"  # if it lies there; else it is fetched for the moment
ROUNDS = 5


def music(seconds: float, rate: int, seed: int = 0) -> np.ndarray:
    """Synthetic chords over noise: float32 [samples]."""
    generator = np.random.default_rng(seed)
    at = np.arange(round(seconds * rate)) / rate
    tones = generator.uniform(80, 4000, 12)[:, None]
    swell = 1 + np.sin(2 * np.pi * generator.uniform(0.2, 3, 12)[:, None] * at)
    chords = (swell * np.sin(2 * np.pi * tones * at)).mean(axis=0)
    return (0.3 * chords + generator.normal(scale=0.02, size=len(at))).astype(np.float32)


def excerpts(rate: int, count: int) -> np.ndarray:
    """Music, float32 [count, 3 s]."""
    return np.stack([music(3, rate, seed) for seed in range(count)])


def cosines(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Row by row."""
    return np.vecdot(one, other) / np.linalg.norm(one, axis=1) / np.linalg.norm(other, axis=1)


def best(*sides: Callable[[], object], clock: Callable[[], float] = time.process_time) -> list:
    """Seconds that each side takes, of this process's CPU or by another clock.

    The best of a few rounds in turns.
    """
    seconds = [[] for _ in sides]
    for _ in range(ROUNDS):
        for side, spent in zip(sides, seconds, strict=True):
            start = clock()
            side()
            spent.append(clock() - start)
    return [min(spent) for spent in seconds]


def row(
    what: str, items: int, baseline_s: float, ours_s: float, hardware: str | None = None
) -> dict:
    """A row of a table; the hardware is this machine's processor if none is named."""
    return {
        "what": what,
        "baseline": round(items / baseline_s, 2),
        "ours": round(items / ours_s, 2),
        "ratio": round(baseline_s / ours_s, 3),
        "hardware": hardware or environment()["processor"],
    }


def beside_laion_clap(folder: Path, size: clap.Size) -> Path:
    """Checkpoint folder in `folder`, with laion-clap beside it.

    It holds the published weights where they lie in resources/checkpoints, else random ones.
    """
    if (LAION_CLAP / "laion_clap").is_dir():
        (folder / "laion-clap").symlink_to(LAION_CLAP)
    else:
        requirements = ROOT / "envs/laion-clap.txt"
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes"]
        target = ["--target", f"{folder}/laion-clap", "--requirement", str(requirements)]
        subprocess.run([*pip, *target], check=True)
    weights, name = folder / "checkpoints", size.encoder
    weights.mkdir()
    files = [f"{name}.safetensors", checkpoints.SOURCES[name].file]
    if all((WEIGHTS / file).is_file() for file in files):
        for file in files:
            (weights / file).symlink_to(WEIGHTS / file)
    else:
        checkpoints.fetch_random(name, weights, seed=0)
        clap.write_random(weights / files[1], 0, name)
    return weights
