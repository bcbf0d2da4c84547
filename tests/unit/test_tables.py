import json

import numpy as np
import pandas as pd
import pytest

from musical_roots import tables
from musical_roots.errors import InputError


def shard(folder, name="000", fingerprint="a", rows=3, dim=4):
    vectors = np.arange(rows * dim, dtype=np.float16).reshape(rows, dim)
    clips = pd.DataFrame({"clip_id": [f"{name}{row}" for row in range(rows)]})
    clips["track_id"] = clips["group_id"] = "t"
    tables.write_shard(folder / f"{name}.npy", vectors, clips, {"fingerprint": fingerprint})
    return folder / f"{name}.npy", vectors


def test_a_carriage_return_makes_no_row(tmp_path):
    """Python 3.11.2 writes it bare; where there is none, the file is as it was."""
    table = pd.DataFrame({"path": ["a\rb.wav", "", "c.wav"], "value": [1.5, 2, np.nan]})
    tables.write_table(table, tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_bytes().count(b"\n") == 4
    pd.testing.assert_frame_equal(tables.read_table(tmp_path / "t.csv"), table)
    assert b'"a\rb.wav"' in (tmp_path / "t.csv").read_bytes()
    tables.write_table(table.iloc[1:], tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_text() == "path,value\n,2.0\nc.wav,\n"


def test_plain_text_holds_nothing_that_breaks_a_table():
    breaks = "".join(map(chr, [*range(32), *range(127, 160), 0x2028, 0x2029, 0xD800, 0xDFFF]))
    assert tables.plain(f" {breaks}a{breaks}b\u00a0é 夜\n") == "a b\u00a0é 夜"
    assert tables.plain(breaks) == ""


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_table_comes_back_as_it_went(tmp_path, suffix):
    awkward = ["plain", "a, b", 'a "b"', "two\nlines", "音楽", "NA", "007"]
    table = pd.DataFrame({"title": awkward, "track_id": [f"{n:016d}" for n in range(7)]})
    table["value"] = np.linspace(0, 1, 7)
    tables.write_table(table, tmp_path / f"t.{suffix}")
    back = tables.read_table(tmp_path / f"t.{suffix}")
    assert back.title.tolist() == awkward
    assert back.track_id.tolist() == table.track_id.tolist()
    assert back.value.tolist() == table.value.tolist()


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_the_same_table_gives_the_same_bytes(tmp_path, suffix):
    table = pd.DataFrame({"x": [0.1, 1e-12], "y": ["a", ""]})
    for name in "ab":
        tables.write_table(table, tmp_path / f"{name}.{suffix}")
    assert (tmp_path / f"a.{suffix}").read_bytes() == (tmp_path / f"b.{suffix}").read_bytes()


def test_empty_text_is_empty_not_missing(tmp_path):
    (tmp_path / "t.csv").write_text("artist,level\n,1\nNone,2\n")
    assert tables.read_table(tmp_path / "t.csv").artist.tolist() == ["", "None"]


def test_a_bad_table_is_named(tmp_path):
    with pytest.raises(InputError, match="no such table"):
        tables.read_table(tmp_path / "t.csv")
    (tmp_path / "t.csv").write_text("a\n1\n")
    with pytest.raises(InputError, match=r"t\.csv: column b is missing"):
        tables.read_table(tmp_path / "t.csv", ["a", "b"])
    (tmp_path / "t.parquet").write_bytes(b"PAR1 but not really")
    with pytest.raises(InputError, match="not a readable table"):
        tables.read_table(tmp_path / "t.parquet")


def test_shards_open_as_one(tmp_path):
    one, first = shard(tmp_path, "000")
    two, second = shard(tmp_path, "001")
    both = tables.open_shards([one, two])
    assert len(both) == 6
    assert both.clips.clip_id.tolist() == ["0000", "0001", "0002", "0010", "0011", "0012"]
    whole = np.concatenate([first, second]).astype(np.float32)
    for start, stop in [(0, 6), (2, 4), (3, 6), (5, 5)]:
        assert np.array_equal(both.rows(start, stop), whole[start:stop])


def test_rows_that_a_mask_picks_keep_their_vectors(tmp_path):
    one, first = shard(tmp_path, "000")
    two, second = shard(tmp_path, "001", rows=4)
    both, whole = tables.open_shards([one, two]), np.concatenate([first, second])
    for rows in ([1, 3, 6], [0, 1, 2], [5], [], range(7)):
        mask = np.isin(np.arange(7), list(rows))
        part = both.where(mask)
        assert len(part) == len(rows)
        assert part.clips.clip_id.tolist() == both.clips.clip_id[mask].tolist()
        assert part.clips.index.tolist() == list(range(len(rows)))
        assert np.array_equal(part.rows(0, 9), whole[mask])
        assert part.provenance == both.provenance
    assert len(both) == 7, "the whole is as it was"


@pytest.mark.parametrize("length", [6, 8])
def test_a_mask_of_another_length_is_refused(tmp_path, length):
    one, two = shard(tmp_path, "000")[0], shard(tmp_path, "001", rows=4)[0]
    with pytest.raises((IndexError, ValueError)):
        tables.open_shards([one, two]).where(np.ones(length, bool))


def test_rows_of_two_sets_stand_one_after_the_other(tmp_path):
    one, first = shard(tmp_path, "000")
    two, second = shard(tmp_path, "001", rows=2)
    before, after = tables.open_shards([one]), tables.open_shards([two])
    both = before.with_rows(after.where(np.array([False, True])))
    assert both.clips.clip_id.tolist() == ["0000", "0001", "0002", "0011"]
    assert both.clips.index.tolist() == [0, 1, 2, 3]
    assert np.array_equal(both.rows(0, 4), np.concatenate([first, second[1:]]))
    assert len(before) == 3
    assert len(before.with_rows(after.where(np.zeros(2, bool)))) == 3


def test_shards_of_two_fingerprints_are_never_mixed(tmp_path):
    paths = [shard(tmp_path, "000", "old")[0], shard(tmp_path, "001", "new")[0]]
    with pytest.raises(InputError, match="fingerprint new"):
        tables.open_shards(paths)


def test_a_damaged_shard_is_named(tmp_path):
    path, _ = shard(tmp_path)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(InputError, match=r"000\.npy: not readable"):
        tables.open_shards([path])


def test_sidecar_says_what_made_the_shard(tmp_path):
    path, _ = shard(tmp_path)
    assert json.loads(path.with_suffix(".json").read_text()) == {"dim": 4, "fingerprint": "a"}
