"""aisfx against its package's own numbers, its treble, and its weights on their way to us."""

import hashlib
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from musical_roots import mel
from musical_roots.audio import resample
from musical_roots.encoders import aisfx
from musical_roots.encoders.base import load
from musical_roots.errors import InputError
from musical_roots.weights import checkpoints as published
from musical_roots.weights.formats import aisfx as layout
from musical_roots.weights.torch_pickle import NoCheckpoint

DATA = Path(__file__).parents[1] / "data"
sys.path.insert(0, str(DATA))

import make_aisfx_golden  # noqa: E402

GOLDEN = np.load(DATA / "aisfx_golden.npz")
CLIPS = np.stack(list(make_aisfx_golden.clips().values()))
TOLERANCE = 1e-5  # of a vector's length; we are within 3e-6
WANTED = GOLDEN["embeddings"].reshape(-1, 512)


def excerpts(encoder):
    """What the network says of the package's two excerpts of each clip: [2 * clips, 512]."""
    spectrograms = [aisfx.log_mel(clip) for clip in CLIPS]
    return encoder._network(np.stack([p for s in spectrograms for p in (s[:100], s[31:])]))


def errors(features, wanted=WANTED):
    return np.linalg.norm(features - wanted, axis=1) / np.linalg.norm(wanted, axis=1)


@pytest.fixture(scope="module")
def encoder(weights):
    return load("aisfx", weights("aisfx"))


# The numbers


def test_features_are_the_packages(encoder):
    assert hashlib.sha256(CLIPS.tobytes()).hexdigest() == GOLDEN["audio_sha256"]
    assert list(make_aisfx_golden.clips()) == list(GOLDEN["names"])
    assert errors(excerpts(encoder)).max() < TOLERANCE


def test_a_clip_is_seen_at_once(encoder):
    spectrogram = aisfx.log_mel(CLIPS[0])
    assert spectrogram.shape == (aisfx.FRAMES, aisfx.BANDS)
    said = encoder.encode(CLIPS[:1])
    np.testing.assert_array_equal(said, encoder._network(spectrogram[None]))
    assert 1e-3 < errors(said, GOLDEN["embeddings"][:1].mean(axis=1))[0] < 0.3


def test_torch_says_the_same(weights, encoder):
    by_torch = aisfx._by_torch(encoder.layers, encoder.settings)
    spectrograms = np.stack([aisfx.log_mel(clip) for clip in CLIPS[:4]])
    assert errors(by_torch(spectrograms), encoder.encode(CLIPS[:4])).max() < TOLERANCE


@pytest.mark.parametrize("mistake", ["batch norm", "loudest", "periodic", "reflected", "Slaney"])
def test_a_mistake_would_be_caught(weights, monkeypatch, mistake):
    if mistake == "batch norm":
        monkeypatch.setattr(aisfx, "BATCH_NORM_EPS", 1e-3)
    if mistake == "loudest":
        monkeypatch.setattr(aisfx, "LOUDEST", 9.46)
    if mistake == "periodic":
        monkeypatch.setattr(aisfx, "HANN", np.hanning(2049)[:-1].astype(np.float32))
    if mistake == "reflected":
        pad, modes = np.pad, {1: "reflect", 3: "constant"}  # of audio, and of spectrograms
        monkeypatch.setattr(np, "pad", lambda x, by: pad(x, by, modes[x.ndim]))
    if mistake == "Slaney":
        slaney = mel.filters(44_100, 2048, 96)
        monkeypatch.setattr(aisfx, "MEL", slaney / slaney.sum(axis=0))
    wrong = excerpts(load("aisfx", weights("aisfx")))
    assert errors(wrong).max() > 10 * TOLERANCE


def test_bf16_stays_near(weights, encoder):
    features = load("aisfx", weights("aisfx"), precision="bf16").encode(CLIPS[:4])
    assert features.dtype == np.float32
    wanted = encoder.encode(CLIPS[:4])
    lengths = np.linalg.norm(features, axis=1) * np.linalg.norm(wanted, axis=1)
    cosines = (features * wanted).sum(axis=1) / lengths
    assert cosines.min() > 0.999 and errors(features, wanted).min() > 1e-4


@pytest.mark.parametrize("there", [False, True])
def test_torch_is_imported_where_a_gpu_may_be(tmp_path, there):
    driver = tmp_path / "driver"
    if there:
        driver.touch()
    code = f"import sys; from musical_roots import devices; devices.DRIVERS = [{str(driver)!r}]; "
    code += "import musical_roots.encoders.aisfx; print('torch' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == str(there)


# The treble


def test_nothing_above_8_khz_reaches_the_other(weights, encoder):
    dull = load("aisfx_8k", weights("aisfx_8k"))
    assert dull.fingerprint != encoder.fingerprint
    clip = CLIPS[list(GOLDEN["names"]).index("noise")]
    # faded in and out, for a click is of all frequencies
    whistle = np.sin(2 * np.pi * 12_000 / 44_100 * np.arange(len(clip))) * np.hanning(len(clip))
    both = np.stack([clip, clip + np.float32(whistle / 3)])
    there, without = (encoder.encode(both)[i : i + 1] for i in (1, 0))
    assert errors(there, without)[0] > 0.1
    there, without = (dull.encode(resample(part, 44_100, 16_000)[None]) for part in both[::-1])
    assert errors(there, without)[0] < 1e-4


def test_the_other_is_the_same_network_on_audio_of_a_lower_rate(weights, encoder):
    dull, low = load("aisfx_8k", weights("aisfx_8k")), CLIPS[:2, : aisfx.Aisfx8k.window]
    brought = np.stack([resample(clip, 16_000, 44_100) for clip in low])
    assert brought.shape[1] == encoder.window
    np.testing.assert_array_equal(dull.encode(low), encoder.encode(brought))


# The weights


def wheel(folder, content):
    """A wheel with what torch saves of `content`."""
    torch.save(content, folder / "checkpoint.pth")
    with zipfile.ZipFile(folder / "aisfx.whl", "w") as archive:
        archive.write(folder / "checkpoint.pth", layout.CHECKPOINT)
    return folder / "aisfx.whl"


def state(**changes):
    zeros = {name: torch.zeros(shape) for name, shape in layout.shapes().items()}
    return {layout.ENCODER + name: tensor for name, tensor in (zeros | changes).items()}


def test_what_is_not_the_encoders_is_left_out(tmp_path):
    content = state() | {"fc.0.0.weight": torch.zeros(256, 512)}
    ((tensors, random),) = layout.convert(wheel(tmp_path, (content, {"prosfx": (0, 78)})), "aisfx")
    assert {name: tensor.shape for name, tensor in tensors.items()} == layout.shapes()
    assert not random


@pytest.mark.parametrize(
    "content, complaint",
    [
        (state(), "no state dict"),
        (({}, {}), "no tensor embedding_net.conv_block1.conv1.weight"),
        ((state(**{"conv_block4.bn2.bias": torch.zeros(7)}), {}), r"bn2.bias has shape \(7,\)"),
    ],
)
def test_another_network_is_refused(tmp_path, content, complaint):
    with pytest.raises(ValueError, match=complaint):
        list(layout.convert(wheel(tmp_path, content), "aisfx"))


def test_another_file_is_an_input_error(tmp_path):
    path = wheel(tmp_path, (state(), {}))
    with pytest.raises(InputError, match="another version"):
        published.fetch("aisfx", tmp_path / "checkpoints", local=path)
    path = wheel(tmp_path, ({}, {}))
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    with pytest.raises(InputError, match="cannot be converted: it is no encoder of aisfx"):
        published.fetch("aisfx", tmp_path / "checkpoints", local=path, sha256=sha256)


def test_a_checkpoint_that_is_none_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "aisfx.whl", "w") as archive:
        archive.writestr(layout.CHECKPOINT, b"nothing")
    with pytest.raises(NoCheckpoint):
        list(layout.convert(tmp_path / "aisfx.whl", "aisfx"))
