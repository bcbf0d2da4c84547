"""What several test modules start from: a published file, VampNet untrained, lists, a corpus."""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import drawn_lists
import pandas as pd
import pytest
import recorded_vampnet
import small_weights
import tiny_openvamp
from threadpoolctl import threadpool_limits

from musical_roots import audio
from musical_roots.corpus.clips import clip_id
from musical_roots.generators import vampnet
from musical_roots.search import codes
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

    entry = Source(
        url="https://nowhere.invalid/small",
        file=wheel.name,
        size_bytes=wheel.stat().st_size,
        sha256=small_weights.sha256(wheel),
        licence="ISC",
        citation="nobody",
        converted=("a.safetensors", "b.safetensors"),
        format="small",
    )

    def source(**changes):
        monkeypatch.setitem(SOURCES, "small", replace(entry, **changes))

    monkeypatch.setitem(sys.modules, entry.module, small_weights)
    monkeypatch.setattr(weights, "download", lambda *_: pytest.fail("tried to download"))
    source()
    return source


@pytest.fixture(scope="session")
def untrained_vampnet(tmp_path_factory) -> Path:
    """Checkpoint folder with the random weights that the recording of VampNet is of."""
    folder = tmp_path_factory.mktemp("weights") / "checkpoints"
    for name in dict.fromkeys(vampnet.WEIGHTS + vampnet.VampNetSmall.weights):
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


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Four tracks of 8 s, two a split, with clips of 1 s every second: (clips, tracks)."""
    folder = tmp_path_factory.mktemp("corpus")
    clips, tracks = [], []
    for number, split in enumerate(["train", "train", "control", "control"]):
        path = folder / f"{number}.wav"
        audio.write(path, tiny_openvamp.music(8, number), 24_000)
        track = f"{number:016d}"
        tracks.append({"track_id": track, "duration_s": 8.0})
        clips += [
            {
                "clip_id": clip_id(track, start, 1.0),
                "track_id": track,
                "group_id": track,
                "split": split,
                "path": str(path),
                "start_s": float(start),
                "duration_s": 1.0,
            }
            for start in range(8)
        ]
    return pd.DataFrame(clips), pd.DataFrame(tracks)


@pytest.fixture(scope="module")
def one_thread():
    """So little is trained in lists here that threads wait for each other longer than they work."""
    import faiss  # noqa: F401  # whose threads are limited only if it is there

    with threadpool_limits(1):
        yield


@pytest.fixture(scope="module", params=codes.QUANTISERS)
def held(request, one_thread):
    """Lists that hold `drawn_lists.INDEX`, of each code."""
    return drawn_lists.built(request.param)
