from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from safetensors.numpy import load_file

from musical_roots.study.models import READS
from musical_roots.weights import checkpoints as published
from musical_roots.weights import files


@pytest.fixture(scope="session")
def checkpoints() -> Path:
    """Folder with the published weights, fetched once a checkout."""
    folder = Path(__file__).parents[1] / "resources" / "checkpoints"
    published.fetch("musicnn", folder)
    return folder


@pytest.fixture(scope="session")
def weights(checkpoints, tmp_path_factory) -> Callable[[str], Path]:
    """Name of an encoder -> folder to load it from.

    Weights that no package registry carries are random, in the published format; those that the
    workflow would train are as random.
    """
    folder = tmp_path_factory.mktemp("random-weights")

    @cache
    def of(name: str) -> Path:
        if name == "clmr_open":
            (file,) = published.fetch_random("clmr", tmp_path_factory.mktemp("clmr"), seed=1)
            files.save(folder / "clmr_open.safetensors", load_file(file), {"source": "tests"})
        elif name in published.SOURCES and published.SOURCES[name].random:
            published.fetch_random(name, folder, seed=0)
        else:
            if READS.get(name, name) in published.SOURCES:
                published.fetch(READS.get(name, name), checkpoints)
            return checkpoints
        return folder

    return of
