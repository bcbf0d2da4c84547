"""What several test modules start from: a small published file, and VampNet without training."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import recorded_vampnet
import small_weights

from musical_roots.generators import vampnet
from musical_roots.weights import checkpoints as weights
from musical_roots.weights.manifest import SOURCES, Source


@pytest.fixture(scope="session")
def wheel(tmp_path_factory) -> Path:
    """The file that is published as small."""
    path = tmp_path_factory.mktemp("small") / "small-1.0-py3-none-any.whl"
    small_weights.publish(path, range(6))
    return path


@pytest.fixture
def source(wheel, monkeypatch) -> Callable:
    """Sets an entry called small in the manifest, with changes if wanted."""

    def source(**changes):
        entry = Source(
            url="https://nowhere.invalid/small",
            file=wheel.name,
            size_bytes=wheel.stat().st_size,
            sha256=small_weights.sha256(wheel),
            licence="ISC",
            citation="nobody",
            converted=("a.safetensors", "b.safetensors"),
            convert="small_weights:convert",
            random="small_weights:random",
        )
        monkeypatch.setitem(SOURCES, "small", replace(entry, **changes))

    monkeypatch.setattr(weights, "download", lambda *_: pytest.fail("tried to download"))
    source()
    return source


@pytest.fixture(scope="session")
def untrained_vampnet(tmp_path_factory) -> Path:
    """Checkpoint folder with the random weights that the recording of VampNet is of."""
    folder = tmp_path_factory.mktemp("weights") / "checkpoints"
    for name in vampnet.WEIGHTS:
        weights.fetch_random(name, folder, recorded_vampnet.recording.SEED)
    return folder


@pytest.fixture
def beside_vampnet(untrained_vampnet, tmp_path, monkeypatch) -> Callable:
    """Checkpoint folder with random weights, with something called VampNet beside it.

    Its worker is a recording, or what `code` says.
    """

    def beside_vampnet(code=None):
        (tmp_path / "checkpoints").symlink_to(untrained_vampnet)
        for name in vampnet.PACKAGES:
            (tmp_path / "vampnet" / name).mkdir(parents=True)
        worker = recorded_vampnet.WORKER
        if code is not None:
            worker = tmp_path / "worker.py"
            worker.write_text(code)
        monkeypatch.setattr(vampnet, "WORKER", worker)
        return tmp_path / "checkpoints"

    return beside_vampnet
