import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import soundfile

from musical_roots import embed, unit_vectors
from musical_roots.encoders.base import Encoder
from musical_roots.errors import InputError
from musical_roots.tables import open_shards


class Energy(Encoder):
    """Mean square of each of four parts of a clip."""

    name, sample_rate, window, dim, fingerprint = "energy", 8_000, 24_000, 4, "1"

    def encode(self, batch):
        parts = self.heard(batch).reshape(len(batch), 4, -1)
        return (parts**2).mean(axis=2)


@pytest.fixture
def clips(tmp_path):
    noise = np.random.default_rng(0).normal(scale=0.1, size=8_000 * 40)
    soundfile.write(tmp_path / "a.wav", noise, 8_000)
    starts = np.arange(0, 36, 3.0)
    return pd.DataFrame({"path": str(tmp_path / "a.wav"), "start_s": starts, "duration_s": 3.0})


@pytest.mark.parametrize("batch", [1, 5, 12, 100])
def test_features_do_not_depend_on_the_batch(clips, batch):
    done = []
    features = embed.encode(clips, Energy(), batch, done.append)
    assert np.array_equal(features, embed.encode(clips, Energy(), 3))
    assert sum(done) == len(clips)


def test_an_empty_list_gives_no_features(clips):
    assert embed.encode(clips.head(0), Energy()).shape == (0, 4)


def test_a_file_that_went_away_is_named(clips):
    with pytest.raises(InputError, match=r"gone\.wav"):
        embed.encode(clips.assign(path="gone.wav"), Energy())


def test_features_that_are_not_finite_are_refused(clips):
    class Broken(Energy):
        def encode(self, batch):
            return np.where(np.arange(4) == 2, np.nan, super().encode(batch))

    with pytest.raises(InputError, match=r"a\.wav at 0\.0 s"):
        embed.encode(clips, Broken())


def test_statistics_of_shards_are_those_of_the_whole():
    features = np.random.default_rng(0).normal(3, 2, size=(100, 5)).astype(np.float32)
    whole = unit_vectors.fit([features], standardise=True)
    assert np.allclose(whole, unit_vectors.fit([features[:7], features[7:]], standardise=True))
    assert np.allclose(whole[0], features.mean(axis=0), atol=1e-5)
    assert np.allclose(whole[1], features.std(axis=0), atol=1e-5)


def test_without_standardising_only_the_length_changes():
    features = np.random.default_rng(0).normal(size=(10, 5)).astype(np.float32)
    vectors = unit_vectors.of(features, unit_vectors.fit([features], standardise=False))
    expected = features / np.linalg.norm(features, axis=1, keepdims=True)
    assert np.allclose(vectors, expected, atol=1e-3)


def test_vectors_have_unit_length_and_a_row_of_zeros_stays():
    features = np.array([[3.0, 4.0], [0.0, 0.0]], dtype=np.float32)
    vectors = unit_vectors.of(features, np.array([[0.0, 0.0], [1.0, 1.0]]))
    assert vectors.dtype == np.float16
    assert vectors.tolist() == pytest.approx(np.array([[0.6, 0.8], [0.0, 0.0]]), abs=1e-3)


def test_a_dimension_that_never_varies_is_only_centred():
    features = np.array([[1.0, 5.0], [3.0, 5.0]], dtype=np.float32)
    assert unit_vectors.fit([features], standardise=True).tolist() == [[2.0, 5.0], [1.0, 1.0]]


def test_rounding_in_a_dimension_is_not_blown_up():
    generator = np.random.default_rng(0)
    features = generator.normal(size=(50, 6)).astype(np.float32)
    features[:, 2] = 7 + 1e-6 * generator.normal(size=50)
    scale = unit_vectors.fit([features], standardise=True)[1]
    assert scale[2] == 1.0
    assert (scale[[0, 1, 3, 4, 5]] != 1.0).all()


def test_no_training_clips_is_said():
    with pytest.raises(InputError, match="no training clips"):
        unit_vectors.fit([np.empty((0, 3), np.float32)], standardise=True)


def test_the_digest_changes_with_the_statistics():
    one = np.zeros((2, 3))
    assert unit_vectors.digest(one) == unit_vectors.digest(one.copy())
    assert unit_vectors.digest(one) != unit_vectors.digest(one + 1e-9)


class Centred(Energy):
    """Hears the middle second."""

    window = 8_000

    def span(self, samples):
        return (samples - self.window) // 2, self.window


def test_the_span_that_was_heard_is_in_the_table(clips):
    made_by = json.loads(json.dumps(embed.made_by(Centred(), clips)))
    heard = embed.heard(clips, made_by)
    assert np.allclose(heard.heard_start_s, clips.start_s + 1)
    assert (heard.heard_s == 1).all()
    assert made_by["encoder"] == "energy"
    assert len(embed.heard(clips.head(0), made_by)) == 0


def test_random_weights_are_named_so():
    encoder = Energy()
    encoder.plumbing = True
    assert embed.made_by(encoder, pd.DataFrame({"duration_s": [3.0]}))["encoder"] == (
        "energy (random weights: plumbing only)"
    )


def test_a_batch_too_large_for_the_device_is_halved(clips):
    class Small(Energy):
        def encode(self, batch):
            if len(batch) > 3:
                raise RuntimeError("CUDA out of memory. Tried to allocate 2 GiB")
            return super().encode(batch)

    assert np.array_equal(embed.encode(clips, Small(), 12), embed.encode(clips, Energy()))

    class Broken(Energy):
        def encode(self, batch):
            raise RuntimeError("an illegal memory access was encountered")

    with pytest.raises(RuntimeError, match="illegal"):
        embed.encode(clips, Broken())


def test_a_bad_file_stops_nothing_and_is_listed(clips):
    some = clips.assign(clip_id=[f"c{row}" for row in range(len(clips))])
    some.loc[4, "path"] = "gone.wav"
    unheard = []
    features = embed.encode(some, Energy(), 3, unheard=unheard)
    assert [clip["clip_id"] for clip in unheard] == ["c4"] and "gone.wav" in unheard[0]["why"]
    assert np.isnan(features[4]).all()
    rest = np.arange(len(clips)) != 4
    assert np.array_equal(features[rest], embed.encode(clips, Energy())[rest])
    statistics = unit_vectors.fit([features], standardise=True)
    assert np.array_equal(statistics, unit_vectors.fit([features[rest]], standardise=True))
    vectors = unit_vectors.of(features, statistics)
    assert (vectors[4] == 0).all() and np.isfinite(vectors).all()


def test_where_no_file_can_be_read_the_disk_is_to_blame(clips):
    some = clips.assign(clip_id="c", path="gone.wav")
    with pytest.raises(InputError, match=r"gone\.wav"):
        embed.encode(some, Energy(), unheard=[])


def test_features_are_kept_for_the_same_clips_code_and_weights_alone(clips, tmp_path):
    some = clips.assign(clip_id=[f"c{row}" for row in range(len(clips))])
    path = tmp_path / "000.npy"

    def about(clips=some, code="1", encoder=None):
        made_by = embed.made_by(encoder or Energy(), clips)
        return made_by | {"made_from": embed.made_from(clips, code)}

    def write(**more):
        features = embed.encode(some, Energy())
        np.save(path, features)
        told = about() | {"sha256": embed.sha256(features)} | more
        path.with_suffix(".json").write_text(json.dumps(told))

    assert not embed.kept(path, about())
    write()
    assert embed.kept(path, about())
    other = Energy()
    other.fingerprint = "2"
    for changed in (
        about(some.head(11)),
        about(some.assign(clip_id="x")),
        about(code="2"),
        about(code=""),
        about(encoder=other),
    ):
        assert not embed.kept(path, changed)
    write(unheard=[{"clip_id": "c1", "why": "gone"}])
    assert not embed.kept(path, about())  # it may be there again
    write()
    np.save(path, np.load(path) + 1)
    assert not embed.kept(path, about())


def test_a_list_of_shards_changes_when_a_shard_does(tmp_path):
    for suffix, content in ((".parquet", b"clips"), (".json", b"{}")):
        (tmp_path / f"000{suffix}").write_bytes(content)
    np.save(tmp_path / "000.npy", np.zeros((3, 4), np.float16))
    first = embed.shard_list([tmp_path / "000.npy"])
    assert (first.clips[0], len(first)) == (3, 1)
    assert embed.shard_list([tmp_path / "000.npy"]).equals(first)
    (tmp_path / "000.json").write_bytes(b"{ }")
    assert embed.shard_list([tmp_path / "000.npy"]).sha256[0] != first.sha256[0]
    (tmp_path / "000.parquet").unlink()
    with pytest.raises(InputError, match="000"):
        embed.shard_list([tmp_path / "000.npy"])


def test_unit_vectors_come_with_the_clips_of_their_features_and_without_pandas(clips, tmp_path):
    features, clips = embed.encode(clips, Energy()), clips.assign(clip_id="c", track_id="t")
    about = {"fingerprint": "1", "encoder": "energy", "made_from": "x"}
    embed.write_features(tmp_path / "raw.npy", features, about, [])
    fitted = unit_vectors.fit([features], standardise=True)
    np.save(tmp_path / "fitted.npy", fitted)
    code = (
        "import sys; from musical_roots import cli; cli.main(); sys.exit('pandas' in sys.modules)"
    )
    words = f"embed vectors --raw-features {tmp_path}/raw.npy --statistics {tmp_path}/fitted.npy"
    words += f" --out {tmp_path}/made/000.npy"
    call = [sys.executable, "-c", code, *words.split()]

    run = subprocess.run(call, capture_output=True, text=True)
    assert run.returncode == 2 and "raw.parquet: no such file" in run.stderr
    clips.to_parquet(tmp_path / "raw.parquet")
    assert subprocess.run(call).returncode == 0
    made = open_shards([tmp_path / "made/000.npy"])
    assert made.clips.equals(clips)
    np.testing.assert_array_equal(made.vectors[0], unit_vectors.of(features, fitted))
    fingerprint = f"1+{unit_vectors.digest(fitted)}"
    assert made.provenance == {"encoder": "energy", "fingerprint": fingerprint, "dim": 4}
