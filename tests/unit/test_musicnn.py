"""musicnn against the original's numbers, and its weights."""

import hashlib
import json
import shutil
import sys
from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from musical_roots import mel
from musical_roots.encoders import handcrafted, musicnn
from musical_roots.encoders.base import load
from musical_roots.errors import InputError
from musical_roots.weights import files, tf_checkpoint

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS), str(TESTS / "data")]

from synthetic_audio import clips  # noqa: E402

GOLDEN = np.load(TESTS / "data" / "musicnn_golden.npz")
CLIPS = np.stack(list(clips().values()))
# TensorFlow itself, in single precision, is this far from its network in double precision. Where
# a mel power lies on a step of half precision, one last bit makes some 1e-3 of the largest, 143.
RTOL, ATOL = 1e-4, 4e-4
MTT = "musicnn-mtt.safetensors"


@pytest.fixture(scope="module")
def encoder(checkpoints):
    return load("musicnn", checkpoints)


@pytest.fixture(scope="module")
def features(encoder):
    return encoder.encode(CLIPS)


@pytest.fixture(scope="module")
def golden():
    """The original's features in our order, [clips, 3012]."""
    assert hashlib.sha256(CLIPS.tobytes()).hexdigest() == GOLDEN["audio_sha256"]
    pooled = np.stack([GOLDEN["max_pool"], GOLDEN["mean_pool"]], axis=-1)
    return pooled.transpose(1, 0, 2, 3).reshape(len(CLIPS), -1)


# The numbers


def test_features_are_the_originals(features, golden):
    np.testing.assert_allclose(features, golden, rtol=RTOL, atol=ATOL)
    error = np.linalg.norm(features - golden, axis=1) / np.linalg.norm(golden, axis=1)
    assert error.max() < 1e-5


def test_tags_are_the_originals(features, checkpoints):
    plain = pytest.importorskip("plain_musicnn", reason="needs torch")
    tags = plain.tags(checkpoints, features)
    np.testing.assert_allclose(tags, GOLDEN["tags"], atol=1e-5)


def test_features_are_the_plain_ports(features, checkpoints):
    plain = pytest.importorskip("plain_musicnn", reason="needs torch")
    ported = np.stack([plain.plain_encode(checkpoints, clip) for clip in CLIPS[::3]])
    np.testing.assert_allclose(features[::3], ported, rtol=RTOL, atol=ATOL)


def test_given_the_same_spectrogram_we_are_within_1e_4_of_double_precision(encoder, checkpoints):
    plain = pytest.importorskip("plain_musicnn", reason="needs torch")
    torch = pytest.importorskip("torch")
    networks = [deepcopy(network).double() for network in plain.networks(checkpoints)]
    for clip in CLIPS[::3]:
        spectrogram = plain.spectrogram(clip)
        with torch.inference_mode():
            x = torch.from_numpy(spectrogram[None]).double()
            exact = torch.cat([network(x) for network in networks], dim=1)[0].numpy()
        np.testing.assert_allclose(encoder._features(spectrogram.T), exact, rtol=1e-5, atol=1e-4)


def test_the_wrong_batch_norm_eps_would_be_caught(checkpoints, golden, monkeypatch):
    monkeypatch.setattr(musicnn, "BATCH_NORM_EPS", 1e-5)
    wrong = load("musicnn", checkpoints).encode(CLIPS[:1])
    assert not np.allclose(wrong, golden[:1], rtol=10 * RTOL, atol=10 * ATOL)


@pytest.mark.parametrize("mistake", ["no float16", "natural logarithm", "one sample late", "HTK"])
def test_a_wrong_front_end_would_be_caught(encoder, golden, monkeypatch, mistake):
    def wrong(clip):
        if mistake == "one sample late":
            clip = np.pad(clip, (1, 0))[:-1]
        bands = librosa.filters.mel(sr=16_000, n_fft=512, n_mels=96, htk=True).T
        power = mel.power(clip, 512, 256) @ (bands if mistake == "HTK" else musicnn.MEL)
        power = power if mistake == "no float16" else power.astype(np.float16).astype(np.float32)
        log = np.log if mistake == "natural logarithm" else np.log10
        return log(10_000 * power + 1)

    librosa = pytest.importorskip("librosa")
    monkeypatch.setattr(musicnn, "log_mel", wrong)
    features = encoder.encode(CLIPS)
    assert not np.allclose(features, golden, rtol=RTOL, atol=ATOL)


def test_mel_filters_and_spectrograms_are_librosas():
    librosa = pytest.importorskip("librosa")
    for rate, n_fft, bands in ((16_000, 512, 96), (22_050, 2048, 128)):
        theirs = librosa.filters.mel(sr=rate, n_fft=n_fft, n_mels=bands)
        np.testing.assert_array_equal(mel.filters(rate, n_fft, bands), theirs.T)
    for clip in CLIPS:
        theirs = librosa.feature.melspectrogram(
            y=clip, sr=16_000, n_fft=512, n_mels=96, hop_length=256
        )
        ours = mel.power(clip[:47_872], 512, 256) @ musicnn.MEL
        np.testing.assert_allclose(ours, theirs.T[:187], rtol=1e-5, atol=1e-7)


def test_mfcc_and_slopes_are_librosas():
    librosa = pytest.importorskip("librosa")
    clip = np.concatenate(list(clips().values()))[100_000 : 100_000 + handcrafted.Mfcc.window]
    theirs = librosa.feature.mfcc(y=clip, sr=22_050, n_mfcc=20)[:, :128]
    ours = handcrafted.log_mel(clip) @ handcrafted.DCT
    np.testing.assert_allclose(ours, theirs.T, atol=1e-2)
    theirs = librosa.feature.delta(ours.T)[:, 4:-4].T
    np.testing.assert_allclose(handcrafted.slopes(ours), theirs, atol=1e-3)


def test_channels_held_still_would_not_have_moved(checkpoints, features, monkeypatch):
    monkeypatch.setattr(musicnn, "STILL", -1.0)
    everything = load("musicnn", checkpoints).encode(CLIPS[:3])
    np.testing.assert_allclose(features[:3], everything, rtol=1e-5, atol=1e-4)


def test_the_untrained_network_is_alive():
    random = load("random", "nowhere")
    features = random.encode(CLIPS)
    assert random.dim == features.shape[1] == 194
    assert (features.std(axis=0) > 1e-2).mean() > 0.95
    assert np.abs(features).max() < 1e3


# The weights


def test_missing_weights_say_how_to_get_them(tmp_path):
    with pytest.raises(InputError, match=r"musicnn-mtt\.safetensors is missing; fetch"):
        load("musicnn", tmp_path)


@pytest.mark.parametrize(
    "change, complaint",
    [
        (lambda tensors: tensors.pop("conv2d_3/bias"), "no tensor 'conv2d_3/bias'"),
        (
            lambda tensors: tensors.update({"conv2d/bias": np.zeros(7, np.float32)}),
            r"'conv2d/bias' has shape \(7,\), not \(204,\)",
        ),
    ],
)
def test_another_network_in_the_file_is_an_input_error(checkpoints, tmp_path, change, complaint):
    rewrite(checkpoints, tmp_path, change)
    with pytest.raises(InputError, match=complaint):
        load("musicnn", tmp_path)


def test_the_fingerprint_changes_with_the_weights(checkpoints, tmp_path, encoder):
    def nudge(tensors):
        tensors["conv2d/bias"] = tensors["conv2d/bias"] + np.float32(1e-3)

    rewrite(checkpoints, tmp_path, nudge)
    assert load("musicnn", tmp_path).fingerprint != encoder.fingerprint


def test_the_fingerprint_changes_with_the_front_end(checkpoints, encoder, monkeypatch):
    monkeypatch.setattr(musicnn, "VERSION", "musicnn-next")
    assert load("musicnn", checkpoints).fingerprint != encoder.fingerprint


def rewrite(checkpoints, folder, change):
    """Copies the converted files into `folder`, with changed tensors and hashes that fit them."""
    shutil.copytree(checkpoints, folder, dirs_exist_ok=True)
    tensors, about = files._read(folder / MTT)
    change(tensors)
    about["tensors_sha256"] = files.digest(tensors)
    save_file(tensors, folder / MTT, {"musical_roots": json.dumps(about)})


# The TensorFlow checkpoint


def block(*entries):
    """A LevelDB block of (shared, fresh key, value) entries, and its trailer."""
    body = b"".join(bytes([s, len(k), len(v)]) + k + v for s, k, v in entries)
    return body + (0).to_bytes(4, "little") + (1).to_bytes(4, "little"), b"\0" + b"crc!"


def bundle():
    """Index and data of a checkpoint with a float matrix, a float scalar and an int64 counter."""
    matrix = bytes([8, 1, 18, 8, 18, 2, 8, 2, 18, 2, 8, 3, 32, 0, 40, 24, 53]) + b"crc!"
    scalar = bytes([8, 1, 18, 0, 32, 24, 40, 4])
    counter = bytes([8, 9, 18, 0, 32, 28, 40, 8])
    table, trailer = block(
        (0, b"", bytes([8, 1])), (0, b"net/a", matrix), (4, b"b", scalar), (4, b"c", counter)
    )
    listing, _ = block((0, b"z", bytes([0, len(table)])))
    footer = bytes([0, 0, len(table) + 5, len(listing)]).ljust(40, b"\0")
    magic = (0xDB4775248B80FB57).to_bytes(8, "little")
    index = table + trailer + listing + trailer + footer + magic
    return index, np.arange(9, dtype="<f4").tobytes()


def test_a_checkpoint_is_read():
    variables = tf_checkpoint.read(*bundle())
    assert set(variables) == {"net/a", "net/b"}
    np.testing.assert_array_equal(variables["net/a"], [[0, 1, 2], [3, 4, 5]])
    assert variables["net/b"].shape == () and variables["net/b"] == 6


def test_a_checkpoint_that_is_none_is_refused():
    index, data = bundle()
    for wrong in (b"", b"short", index[:-1], index[10:], b"x" * len(index)):
        with pytest.raises(ValueError, match=r"not a TensorFlow V2 checkpoint|cut short"):
            tf_checkpoint.read(wrong, data)
    with pytest.raises(ValueError, match="data shard is cut short"):
        tf_checkpoint.read(index, data[:20])


def test_the_untrained_network_is_the_same_with_fewer_filters(tmp_path):
    full, narrow = musicnn.shapes(), musicnn.shapes(8)
    assert full.keys() == narrow.keys() == musicnn.SHAPES.keys()
    kernels = [name for name in full if name.endswith("kernel")]
    for name in kernels:
        assert narrow[name][0] == full[name][0]  # frames
        assert narrow[name][3] == -(-full[name][3] // 8)
    assert narrow["conv2d_5/kernel"][1] == sum(narrow[name][3] for name in kernels[:5])
    assert narrow["conv2d_6/kernel"][1] == narrow["conv2d_5/kernel"][3]
    control = load("random", tmp_path)
    assert control.dim == 2 * sum(narrow[name][3] for name in kernels)
    assert control.encode(np.zeros((1, control.window), "f4")).shape == (1, control.dim)
