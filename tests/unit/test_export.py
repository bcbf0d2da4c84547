"""What a vector database is given, and that LanceDB finds in it what our search does."""

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from musical_roots import embed, export, search, tables
from musical_roots.errors import InputError

DIM = 16


def shard(folder, name, count, seed, fingerprint="f"):
    drawn = np.random.default_rng(seed).normal(size=(count, DIM))
    drawn /= np.linalg.norm(drawn, axis=1, keepdims=True)
    ids = [f"{seed:02d}{row:014x}" for row in range(count)]
    clips = pd.DataFrame({"clip_id": ids, "track_id": [f"t{row % 3}" for row in range(count)]})
    clips = clips.assign(group_id=clips.track_id, split="train", start_s=1.5, duration_s=3.0)
    made_by = {"encoder": "synthetic", "fingerprint": fingerprint}
    path = folder / f"{name}.npy"
    tables.write_shard(path, drawn.astype(np.float16), clips, made_by)
    return path


@pytest.fixture
def tracks():
    rows = [(f"t{row}", f"Song {row}", "A & B", "Album", "CC0", "by A") for row in range(3)]
    names = ["track_id", "title", "artist", "album", "licence", "attribution"]
    return pd.DataFrame(rows, columns=names)


@pytest.fixture
def shards(tmp_path):
    return [shard(tmp_path, "a", 700, 1), shard(tmp_path, "b", 300, 2)]


def test_rows_are_clips_with_what_is_known_of_them(shards, tracks, tmp_path):
    assert export.write_parquet(shards, tracks, tmp_path / "out.parquet") == 1000
    there = pq.read_table(tmp_path / "out.parquet")
    assert there.schema.metadata[b"metric"] == b"cosine"
    row = there.slice(701, 1).to_pylist()[0]
    assert (row["clip_id"], row["song"], row["artist"]) == (f"02{1:014x}", "Song 1", "A & B")
    assert row["genre"] is None  # no source told
    vectors = np.array(there["vector"].to_pylist())
    assert vectors.shape == (1000, DIM)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    assert np.allclose(vectors[700:], np.load(shards[1]), atol=1e-3)


def test_a_genre_that_is_known_is_there(shards, tracks, tmp_path):
    export.write_parquet(shards, tracks.assign(genre="rock"), tmp_path / "out.parquet")
    assert set(pq.read_table(tmp_path / "out.parquet")["genre"].to_pylist()) == {"rock"}


def test_a_list_stands_for_its_shards(shards, tracks, tmp_path):
    tables.write_table(embed.shard_list(shards), tmp_path / "corpus.csv")
    for name, given in (("one", shards), ("other", [tmp_path / "corpus.csv"])):
        export.write_parquet(given, tracks, tmp_path / f"{name}.parquet")
    one, other = (pq.read_table(tmp_path / f"{name}.parquet") for name in ("one", "other"))
    assert one.equals(other)


def test_what_does_not_belong_together_is_refused(shards, tracks, tmp_path):
    other = shard(tmp_path, "c", 5, 3, fingerprint="g")
    with pytest.raises(InputError, match="fingerprint g"):
        export.write_parquet([*shards, other], tracks, tmp_path / "out.parquet")
    with pytest.raises(InputError, match="track t2"):
        export.write_parquet(shards, tracks.head(2), tmp_path / "out.parquet")
    assert not (tmp_path / "out.parquet").exists()


def found_by_lancedb(path, queries, k, folder):
    lancedb = pytest.importorskip("lancedb", reason="lancedb is not a dependency: pip install it")
    clips = lancedb.connect(folder).create_table("clips", pq.read_table(path))
    ask = [clips.search(query).distance_type("cosine").limit(k) for query in queries]
    return [[row["clip_id"] for row in one.select(["clip_id"]).to_list()] for one in ask]


def test_lancedb_finds_the_same_top_50(shards, tracks, tmp_path):
    asked = shard(tmp_path, "queries", 20, 9)
    export.write_parquet(shards, tracks, tmp_path / "out.parquet")
    queries = np.load(asked).astype(np.float32)
    theirs = found_by_lancedb(tmp_path / "out.parquet", queries, 50, tmp_path / "lance")
    found = search.matches(tables.open_shards([asked]), tables.open_shards(shards), k=50)
    ours = found.sort_values(["query_clip_id", "rank"]).groupby("query_clip_id").clip_id
    for row, (_, ids) in zip(theirs, ours, strict=True):
        # without an index it reads every row: recall is 1, but for places of equal cosine
        assert len(set(row) & set(ids)) >= 49
        assert row[:10] == list(ids)[:10]
