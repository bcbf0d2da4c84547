"""CLAP against laion-clap's own numbers, and published files of it on their way to us."""

import sys
from pathlib import Path

import librosa
import numpy as np
import pytest
import torch

from musical_roots import mel
from musical_roots.encoders import clap, laion_clap
from musical_roots.encoders.base import Encoder, Settings, load
from musical_roots.errors import InputError
from musical_roots.weights import checkpoints as weights
from musical_roots.weights import files, torch_pickle
from musical_roots.weights.formats import clap as layout

DATA = Path(__file__).parents[1] / "data"
sys.path.insert(0, str(DATA))

import make_clap_golden  # noqa: E402

GOLDEN = np.load(DATA / "clap_golden.npz")
TOLERANCE = 1e-5  # of embeddings of unit length; we are within 1e-7
NAMES = ("clap", "clap_music")
FILE = "630k-audioset-best.pt"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Checkpoint folder with the random weights that the golden values are of."""
    folder = tmp_path_factory.mktemp("clap") / "checkpoints"
    for name in NAMES:
        weights.fetch_random(name, folder, make_clap_golden.SEED)
    return folder


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A random HTSAT-tiny as it would be published."""
    path = tmp_path_factory.mktemp("published") / FILE
    layout.write_random(path, make_clap_golden.SEED, "clap")
    return path


@pytest.fixture(scope="module")
def sounds(tmp_path_factory):
    music = make_clap_golden.recording(tmp_path_factory.mktemp("recordings"))
    sounds = make_clap_golden.clips(music)
    assert list(sounds) == list(GOLDEN["names"])
    return sounds


@pytest.fixture(scope="module")
def encoders(folder):
    return {name: load(name, folder) for name in NAMES}


def embed(encoder, *clips):
    """Of unit length, clip by clip, for clips of several lengths."""
    features = np.concatenate([encoder.encode(clip[None]) for clip in clips])
    return features / np.linalg.norm(features, axis=1, keepdims=True)


def off(encoder, sounds, names):
    """How far from laion-clap's own embeddings, at most."""
    rows = [list(sounds).index(name) for name in names]
    ours = embed(encoder, *(sounds[name] for name in names))
    return np.abs(ours - GOLDEN[encoder.name][rows]).max()


# The numbers


@pytest.mark.parametrize("name", NAMES)
def test_embeddings_are_laion_claps(encoders, sounds, name):
    assert off(encoders[name], sounds, list(sounds)) < TOLERANCE


@pytest.mark.parametrize("name", NAMES)
def test_half_precision_is_close(folder, sounds, name):
    low = load(name, folder, precision="bf16")
    cosines = (embed(low, *sounds.values()) * GOLDEN[name]).sum(axis=1)
    assert 0.9999 < cosines.min() < 1 - 1e-6


TRAPS = {
    "bands from 0 Hz": ("three", "chirp"),
    "bands of HTK": ("three", "chirp"),
    "no 16 bits": ("three_quiet", "quiet_tone"),
    "rounded, not cut, to 16 bits": ("three_quiet", "quiet_tone"),
    "zeros in place of repeats": ("three", "short"),
    "repeats that are broken off": ("three", "seven"),
    "zeros around the clip": ("three", "ten"),
    "natural logarithm": ("three",),
}


@pytest.mark.parametrize("trap", TRAPS)
def test_a_wrong_front_end_would_be_caught(encoders, sounds, monkeypatch, trap):
    def broken_off(self, batch):
        return np.resize(batch, (1, self.window))

    if trap == "bands from 0 Hz":
        monkeypatch.setattr(clap, "MEL", mel.filters(48_000, 1024, 64, 0, 14_000))
    elif trap == "bands of HTK":
        htk = librosa.filters.mel(sr=48_000, n_fft=1024, n_mels=64, fmin=50, fmax=14_000, htk=True)
        monkeypatch.setattr(clap, "MEL", np.ascontiguousarray(htk.T))
    elif trap == "no 16 bits":
        monkeypatch.setattr(torch.Tensor, "trunc", lambda samples: samples)
    elif trap == "rounded, not cut, to 16 bits":
        monkeypatch.setattr(torch.Tensor, "trunc", torch.Tensor.round)
    elif trap == "zeros in place of repeats":
        monkeypatch.setattr(clap.Clap, "heard", Encoder.heard)
    elif trap == "repeats that are broken off":
        monkeypatch.setattr(clap.Clap, "heard", broken_off)
    elif trap == "zeros around the clip":
        stft = torch.stft
        monkeypatch.setattr(
            torch, "stft", lambda *args, **kwargs: stft(*args, **kwargs, pad_mode="constant")
        )
    else:
        monkeypatch.setattr(torch.Tensor, "log10", torch.Tensor.log)
    for name in TRAPS[trap]:
        assert off(encoders["clap"], sounds, [name]) > 2 * TOLERANCE


def test_mel_bands_are_librosas():
    theirs = librosa.filters.mel(sr=48_000, n_fft=1024, n_mels=64, fmin=50, fmax=14_000)
    np.testing.assert_array_equal(clap.MEL, theirs.T)


def test_a_clip_is_repeated_whole(encoders):
    clip = np.float32([[0.1, 0.2, 0.3]])
    heard = encoders["clap"].heard(np.tile(clip, 50_000))
    assert heard.shape == (1, 480_000)
    np.testing.assert_array_equal(heard[:, :450_000], np.tile(clip, 150_000))
    assert not heard[:, 450_000:].any()


def test_different_music_has_different_embeddings(encoders, sounds):
    for encoder in encoders.values():
        embeddings = embed(encoder, *(sounds[name] for name in ("short", "seven", "chirp")))
        assert (embeddings @ embeddings.T)[np.triu_indices(3, 1)].max() < 0.99


def test_random_weights_are_called_so(encoders):
    for name, encoder in encoders.items():
        assert encoder.plumbing and encoder.label == f"{name} (random weights: plumbing only)"


# The published files


@pytest.fixture
def content(published):
    """What is in the published file, for a test to change."""
    return torch_pickle.read(published)


@pytest.fixture
def holding(published, monkeypatch):
    """Has the published file hold other content."""

    def holding(content):
        monkeypatch.setattr(torch_pickle, "read", lambda _: content)
        return published

    return holding


@pytest.mark.parametrize("laid_out", ["as published", "bare", "without module."])
def test_each_published_layout_is_read(folder, content, holding, laid_out):
    state = content["state_dict"]
    state["module.text_branch.embeddings.word_embeddings.weight"] = torch.zeros(3, 2)
    if laid_out == "without module.":
        content = {name.removeprefix("module."): tensor for name, tensor in state.items()}
    elif laid_out == "bare":
        content = state
    [(tensors, _)] = layout.convert(holding(content), "clap")
    converted = files.load(folder / "clap.safetensors", layout.shapes(layout.TINY))
    assert files.digest(tensors) == files.digest(converted)


@pytest.mark.parametrize(
    "edit, complaint",
    [
        (lambda s: s.pop("module.audio_projection.2.bias"), r"lacks .*'audio_projection\.2\.bias'"),
        (
            lambda s: s.update({"module.audio_branch.fusion_model.x": torch.zeros(1)}),
            r"holds the tensor 'audio_branch\.fusion_model\.x', which an HTSAT-tiny has not",
        ),
        (
            lambda s: s.update({"module.audio_branch.norm.weight": torch.zeros(7)}),
            r"shape of the tensor 'audio_branch\.norm\.weight' is not that",
        ),
        (
            lambda s: s.update({"module.audio_branch.logmel_extractor.melW": torch.zeros(513, 64)}),
            "other mel bands",
        ),
        (lambda s: s.clear(), r"lacks the tensor .* and \d+ more"),
    ],
)
def test_a_file_of_something_else_is_refused(content, holding, edit, complaint):
    edit(content["state_dict"])
    with pytest.raises(ValueError, match=complaint):
        list(layout.convert(holding(content), "clap"))


@pytest.mark.parametrize("content", [[1, 2], {"state_dict": 3}, {0: 1, "audio_branch.x": object()}])
def test_a_file_of_no_tensors_is_refused(holding, content):
    with pytest.raises(ValueError, match="lacks"):
        list(layout.convert(holding(content), "clap"))


def test_half_precision_in_a_file_is_read(content, holding):
    name = "audio_projection.2.bias"
    content["state_dict"][f"module.{name}"] = torch.full((512,), 0.5, dtype=torch.bfloat16)
    [(tensors, _)] = layout.convert(holding(content), "clap")
    np.testing.assert_array_equal(tensors["audio_projection.linear2.bias"], np.full(512, 0.5, "f4"))


def test_the_other_network_is_refused(published):
    with pytest.raises(ValueError, match="is an HTSAT-tiny, for the encoder clap; "):
        list(layout.convert(published, "clap_music"))


def network_of_zeros(size):
    shapes = layout.shapes(size).items()
    return clap._network({name: np.zeros(shape, np.float32) for name, shape in shapes}, size)


@pytest.mark.parametrize("size", layout.SIZES.values(), ids=str)
def test_converted_tensors_are_all_that_transformers_has(size):
    state = network_of_zeros(size).state_dict()
    trained = {name: t.shape for name, t in state.items() if not name.endswith(clap.COMPUTED)}
    assert layout.shapes(size) == trained


def test_the_layouts_mel_bands_are_the_front_ends():
    np.testing.assert_array_equal(layout.MEL, clap.MEL)
    assert layout.DIM == clap.DIM


def test_buffers_of_a_random_file_are_transformers(published):
    tensors, random = layout.read(published, layout.TINY)
    assert random
    network = network_of_zeros(layout.TINY).audio_model.audio_encoder
    for stage in range(3):
        ours, theirs = f"audio_branch.layers.{stage}.blocks.1", network.layers[stage].blocks[1]
        index = theirs.attention.self.relative_position_index.numpy()
        np.testing.assert_array_equal(tensors[f"{ours}.attn.relative_position_index"], index)
        side = 64 >> stage
        mask = theirs.get_attn_mask(side, side, torch.float32, "cpu").numpy()
        np.testing.assert_array_equal(tensors[f"{ours}.attn_mask"], mask)


def test_random_weights_change_with_the_seed():
    name, shape = "audio_projection.0.bias", (512,)
    one, other = (layout._drawn(seed, name, shape) for seed in (1, 2))
    assert (one != other).all()


def test_the_fingerprint_changes_with_the_front_end(folder, encoders, monkeypatch):
    monkeypatch.setattr(clap, "VERSION", "clap-next")
    monkeypatch.setattr(clap, "_network", lambda *_: torch.nn.Identity())
    assert load("clap", folder).fingerprint != encoders["clap"].fingerprint
    assert encoders["clap_music"].fingerprint != encoders["clap"].fingerprint


def test_missing_weights_say_how_to_get_them(tmp_path):
    with pytest.raises(InputError, match=r"clap_music\.safetensors is missing; fetch"):
        load("clap_music", tmp_path)


# laion-clap in a process of its own. Here a stand-in takes its place, for the package is not part
# of the environment: tests/data/make_clap_golden.py runs the real one.

STAND_IN = """
from types import SimpleNamespace

import numpy as np


class CLAP_Module:
    def __init__(self, enable_fusion, device, amodel):
        print("laion-clap prints")
        assert (enable_fusion, device, amodel) == (False, "cpu", "HTSAT-tiny")
        self.model = self

    def load_state_dict(self, tensors, strict):
        assert "audio_branch.tscam_conv.weight" in tensors
        return SimpleNamespace(missing_keys=["text_branch.x"], unexpected_keys=[])

    def get_audio_embedding_from_data(self, x):
        assert x.dtype == np.float32 and len(x) == 1
        return np.full((1, 512), x.sum() + x.shape[1])
"""


@pytest.fixture
def beside(published, tmp_path):
    """Checkpoint folder with the published file, and a laion-clap beside it that is `code`."""

    def beside(code):
        package = tmp_path / "laion-clap" / "laion_clap"
        package.mkdir(parents=True)
        (package / "__init__.py").write_text(code)
        (tmp_path / "checkpoints").mkdir()
        (tmp_path / "checkpoints" / FILE).symlink_to(published)
        return tmp_path / "checkpoints"

    return beside


def test_clips_reach_laion_clap_and_embeddings_come_back(beside):
    encoder = load("laion_clap", beside(STAND_IN))
    assert encoder.plumbing
    ramp = np.float32([[1], [2], [3]]) * np.ones((1, 500_000), np.float32)
    np.testing.assert_array_equal(encoder.encode(ramp[:, :10])[:, 0], [20, 30, 40])
    np.testing.assert_array_equal(encoder.encode(ramp)[:, 511], [960_000, 1_440_000, 1_920_000])
    assert encoder.encode(np.zeros((1, 0), np.float32))[0, 0] == 480_000
    assert encoder.encode(np.zeros((0, 9), np.float32)).shape == (0, 512)


def test_a_laion_clap_that_fails_says_why(beside):
    with pytest.raises(InputError, match="laion-clap has stopped: ImportError: no such luck"):
        load("laion_clap", beside("raise ImportError('no such luck')"))


def test_a_laion_clap_that_dies_says_why(beside):
    encoder = load("laion_clap", beside(STAND_IN.replace("len(x) == 1", "len(x) == 2, 'too few'")))
    with pytest.raises(InputError, match="laion-clap has stopped: AssertionError: too few"):
        encoder.encode(np.zeros((3, 480_000), np.float32))


def test_laion_clap_says_what_it_lacks(beside, tmp_path):
    with pytest.raises(InputError, match=r"laion-clap is missing.* -m pip install --no-deps"):
        load("laion_clap", tmp_path / "checkpoints")
    folder = beside("")
    (folder / FILE).unlink()
    with pytest.raises(InputError, match=rf"{FILE} is missing: laion-clap reads the published"):
        load("laion_clap", folder)
    (folder / FILE).write_bytes(b"no checkpoint")
    with pytest.raises(InputError, match="not a checkpoint"):
        load("laion_clap", folder)


def test_weights_that_laion_clap_does_not_want_are_an_input_error(beside, monkeypatch):
    folder = beside(STAND_IN)
    monkeypatch.setattr(laion_clap.LaionClap, "size", layout.BASE)
    (folder / "music_audioset_epoch_15_esc_90.14.pt").symlink_to(folder / FILE)
    with pytest.raises(InputError, match="not what laion-clap needs: it is an HTSAT-tiny"):
        laion_clap.LaionClap(folder, Settings())
