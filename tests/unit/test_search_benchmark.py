"""What benchmarks/search_scale.py is made of: synthetic vectors, effects, exponents."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from musical_roots.tables import Embeddings, open_shards

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import search_scale
import synthetic_vectors

DIM, TRACKS, CLIPS = 24, 60, 10


@pytest.fixture(scope="module")
def real() -> Embeddings:
    draw = np.random.default_rng(0)
    strength = 1 / np.arange(1, DIM + 1)
    centres = np.repeat(draw.normal(size=(TRACKS, DIM)) * strength, CLIPS, axis=0)
    vectors = 0.3 + centres + 0.3 * draw.normal(size=centres.shape) * strength
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    ids = [f"c{row:04}" for row in range(TRACKS * CLIPS)]
    clips = pd.DataFrame({"clip_id": ids, "track_id": [name[:4] for name in ids]}).astype("str")
    clips["group_id"] = clips["track_id"]
    about = {"encoder": "test", "fingerprint": "x", "dim": DIM}
    return Embeddings(clips, [vectors.astype(np.float16)], about)


def test_synthetic_vectors_have_spectrum_and_clusters_of_the_real_ones(real):
    model = synthetic_vectors.fitted(real)
    table = synthetic_vectors.beside(real, model).set_index("quantity")
    for name in ("median cosine of two clips of a track", "median cosine of two clips"):
        assert table["synthetic"][name] == pytest.approx(table["real"][name], abs=0.06)
    dimensions = table.loc["effective dimensions"]
    assert dimensions["synthetic"] == pytest.approx(dimensions["real"], rel=0.25)


def test_shards_hold_as_many_unit_vectors_as_asked_for(real, tmp_path, monkeypatch):
    monkeypatch.setattr(synthetic_vectors, "SHARD", 300)
    model = synthetic_vectors.fitted(real)
    paths = synthetic_vectors.shards(model, 700, tmp_path, real.provenance)
    made = open_shards(paths)
    assert [len(part) for part in made.vectors] == [300, 300, 100]
    assert made.clips["clip_id"].is_unique and made.clips["track_id"].nunique() == 70
    np.testing.assert_allclose(np.linalg.norm(made.rows(0, 700), axis=1), 1, atol=2e-3)


def test_effects_are_threshold_p_and_songs():
    rows = [("o1", 1, "a", 0.9), ("o1", 2, "b", 0.5), ("o2", 1, "b", 0.2), ("n1", 1, "a", 0.4)]
    rows += [("n2", 1, "a", 0.4), ("n3", 1, "c", 0.4)]
    found = pd.DataFrame(rows, columns=["query_clip_id", "rank", "track_id", "cosine"])
    told = search_scale.effects(found, pd.Series(["o1", "o2"]), pd.Series(["n1", "n2", "n3"]))
    assert told["p"].tolist() == [0.25, 1.0]
    assert told["threshold"] == 0.4 and told["songs"] == ["b", "a"]
    none = search_scale.compared(told, told)
    assert none["largest_change_of_p"] == none["threshold_less_exact"] == 0
    assert none["of_ten_top_songs"] == 2


def test_exponents_are_those_of_a_power():
    sizes = np.array([1e4, 1e5, 1e6])
    scale = pd.DataFrame({"clips": sizes, "how": "exact", "search_cpu_s": 3e-5 * sizes**0.5})
    scale = scale.assign(train_cpu_s=np.nan, fill_cpu_s=np.nan, search_own_mb=200.0)
    scale = scale.assign(index_mb=np.nan, hardware="one")
    other = scale.iloc[:1].assign(clips=1e7, search_cpu_s=9.0, hardware="another, left out")
    table = search_scale.growth(pd.concat([scale, other])).set_index("what")
    assert table["exponent"].to_dict() == {"search_cpu_s": 0.5, "search_own_mb": 0.0}
    assert (table["sizes"] == 3).all()
