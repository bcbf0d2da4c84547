"""VampNet as recorded once, and itself where it is installed."""

import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from musical_roots.generators import vampnet
from musical_roots.generators.base import Generator, Vamp, load
from musical_roots.weights import checkpoints as weights

DATA = Path(__file__).parent / "data"
sys.path.insert(0, str(DATA))

import make_vampnet_recording as recording  # noqa: E402

WORKER = DATA / "recorded_vampnet_worker.py"
PROMPTS, SETTINGS = recording.prompts(), recording.settings()


@cache
def real(untrained: Path, name: str = "vampnet") -> Generator:
    """VampNet itself, started once."""
    if not (recording.PACKAGES / "vampnet").is_dir():
        pytest.skip(
            "VampNet is on no registry, and not in resources/vampnet (envs/vampnet.txt): what it "
            "answered once stands in for it (tests/data/vampnet_recording.npz)"
        )
    packages = untrained.parent / "vampnet"
    if not packages.exists():
        packages.symlink_to(recording.PACKAGES)
    return load(name, untrained)


def save(folder: Path, seed: int, wanted: tuple[str, ...] = vampnet.WEIGHTS) -> None:
    """Writes random weights into a folder, and beside it what `VampNet` takes for its packages."""
    for name in wanted:
        weights.fetch_random(name, folder, seed)
    for name in vampnet.PACKAGES:
        (folder.parent / "vampnet" / name).mkdir(parents=True)


def save_small(folder: Path, seed: int) -> None:
    """The same of vampnet_small."""
    save(folder, seed, vampnet.VampNetSmall.weights)


def equal(one: Vamp, other: Vamp) -> bool:
    pairs = zip(vars(one).values(), vars(other).values(), strict=True)
    return all(np.array_equal(a, b) for a, b in pairs)
