import numpy as np
import pandas as pd
import pytest
from brute_search import PROVENANCE, brute_force, embeddings, expect, rows_of, unit_vectors
from hypothesis import given, settings
from hypothesis import strategies as st

from musical_roots.errors import InputError
from musical_roots.search import cosines, matches
from musical_roots.search.vectors import (
    margin,
    nearly_unit_rows,
    pair_cosines,
    take,
    unit_cosines,
    unit_rows,
)
from musical_roots.tables import Embeddings, open_shards, write_shard


def test_planted_neighbour():
    """Vectors in a plane: the angle to the query gives rank and cosine."""
    angles = np.radians([50, 10, 80, 30])
    index = embeddings(np.c_[np.cos(angles), np.sin(angles)].astype(np.float16))
    query = embeddings(np.array([[1, 0]], np.float16), "q")
    table = matches(query, index, k=3)
    assert table["clip_id"].tolist() == index.clips["clip_id"][[1, 3, 0]].tolist()
    assert table["rank"].tolist() == [1, 2, 3]
    np.testing.assert_allclose(table["cosine"], np.cos(np.radians([10, 30, 50])), atol=1e-3)
    assert (table["query_clip_id"] == "q00000").all() and (table["encoder"] == "test").all()


def test_a_clip_and_its_copy_have_cosine_1():
    index = embeddings(unit_vectors(np.random.default_rng(0), 500, dim=512))
    table = matches(index, index, k=1)
    assert (table["clip_id"] == table["query_clip_id"]).all()
    assert (table["cosine"] == 1).all()


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    n_index=st.integers(1, 60),
    n_queries=st.integers(1, 12),
    distinct=st.integers(1, 12),
    k=st.integers(1, 70),
    chunk=st.integers(1, 13),
    block=st.integers(1, 61),
    cuts=st.lists(st.integers(0, 60), max_size=4),
    exclude=st.sampled_from(["none", "self", "track", "duplicates", "partner"]),
)
def test_equals_brute_force_however_it_is_cut(
    seed, n_index, n_queries, distinct, k, chunk, block, cuts, exclude
):
    draw = np.random.default_rng(seed)
    vectors = unit_vectors(draw, n_index, distinct=distinct)
    index = embeddings(vectors, cuts=sorted(min(cut, n_index) for cut in cuts))
    partners = index.clips["group_id"].take(draw.integers(n_index, size=n_queries)).array
    asked = vectors[draw.integers(n_index, size=n_queries)]
    queries = embeddings(asked, partner_group_id=partners)
    pairs = draw.integers([n_queries, n_index], size=(draw.integers(6), 2))
    targets = pd.DataFrame(
        {
            "query_clip_id": queries.clips["clip_id"].take(pairs[:, 0]).array,
            "clip_id": index.clips["clip_id"].take(pairs[:, 1]).array,
            "target": np.full(len(pairs), "original"),
        }
    )
    ours, theirs = {
        "none": ("", ""),
        "self": ("clip_id", "clip_id"),
        "track": ("track_id", "track_id"),
        "duplicates": ("group_id", "group_id"),
        "partner": ("partner_group_id", "group_id"),
    }[exclude]

    def left_out(i, row):
        return bool(ours) and queries.clips[ours][i] == index.clips[theirs][row]

    table = matches(queries, index, k, exclude, targets, chunk=chunk, block=block)
    assert rows_of(table[table["target"] == ""]) == expect(queries, index, k, left_out)
    orders, cosines = brute_force(queries, index, lambda i, row: False)
    ranks = {}
    for i, row in pairs:
        before = orders[i][: orders[i].index(row)]
        rank = 1 + sum(not left_out(i, other) for other in before)
        key = (queries.clips["clip_id"][i], index.clips["clip_id"][row])
        ranks[key] = (rank, cosines[i, row])
    reported = table[table["target"] == "original"]
    assert len(reported) == len(pairs)
    for row in reported.itertuples():
        assert (row.rank, row.cosine) == ranks[row.query_clip_id, row.clip_id]
    position = {clip_id: i for i, clip_id in enumerate(queries.clips["clip_id"])}
    order = [(position[row.query_clip_id], row.rank, row.target) for row in table.itertuples()]
    assert order == sorted(order)


def test_many_blocks_and_near_ties_at_full_size():
    """Cosines closer than float32 can tell: only the exact second look orders them."""
    draw = np.random.default_rng(0)
    vectors = unit_vectors(draw, 3000, dim=512, distinct=300)
    bits = vectors.view(np.uint16)
    bits[::3, 0] ^= 1  # the last bit of one component
    queries, index = embeddings(vectors[:40], "q"), embeddings(vectors, cuts=[100, 1999])
    table = matches(queries, index, k=25, block=256, chunk=16)
    assert rows_of(table) == expect(queries, index, 25)


def test_endless_ties_stay_within_k():
    vectors = np.repeat(unit_vectors(np.random.default_rng(0), 1), 5000, axis=0)
    queries, index = embeddings(vectors[:3], "q"), embeddings(vectors)
    table = matches(queries, index, k=4, block=512)
    assert table["clip_id"].tolist() == sorted(index.clips["clip_id"])[:4] * 3


def test_self_excludes_the_parent_too():
    index = embeddings(unit_vectors(np.random.default_rng(0), 20))
    parents = index.clips["clip_id"][:5].tolist()
    queries = embeddings(np.concatenate(index.vectors)[:5], "q", parent_clip_id=parents)
    assert matches(queries, index, k=1)["clip_id"].tolist() == parents
    table = matches(queries, index, k=20, exclude="self")
    assert len(table) == 5 * 19
    assert not (table["clip_id"] == np.repeat(parents, 19)).any()


def test_blank_keys_exclude_nothing():
    index = embeddings(
        unit_vectors(np.random.default_rng(0), 6), group_id=["", "", None, "a", "a", ""]
    )
    queries = embeddings(unit_vectors(np.random.default_rng(1), 3), "q", group_id=["", None, "a"])
    counts = matches(queries, index, k=6, exclude="duplicates").groupby("query_clip_id").size()
    assert counts.tolist() == [6, 6, 4]


def test_target_beyond_k_and_within_k():
    angles = np.radians([0, 10, 20, 30, 40])
    index = embeddings(np.c_[np.cos(angles), np.sin(angles)].astype(np.float16))
    query = embeddings(np.array([[1, 0]], np.float16), "q")
    ids = index.clips["clip_id"]
    targets = pd.DataFrame(
        {
            "query_clip_id": "q00000",
            "clip_id": [ids[4], ids[0]],
            "target": ["random", "original"],
        }
    )
    table = matches(query, index, k=2, targets=targets)
    assert table["rank"].tolist() == [1, 1, 2, 5]
    assert table["target"].tolist() == ["", "original", "", "random"]
    assert table["clip_id"].tolist() == ids[[0, 0, 1, 4]].tolist()
    assert table["cosine"].iloc[-1] == pytest.approx(np.cos(np.radians(40)), abs=1e-3)


def test_excluded_target_has_the_rank_it_would_have():
    angles = np.radians([0, 10, 20, 30, 40, 50])
    index = embeddings(
        np.c_[np.cos(angles), np.sin(angles)].astype(np.float16), track_id=list("aababb")
    )
    query = embeddings(np.array([[1, 0]], np.float16), "q", track_id=["a"])
    targets = pd.DataFrame(
        {
            "query_clip_id": ["q00000"],
            "clip_id": [index.clips["clip_id"][3]],
            "target": ["original"],
        }
    )
    table = matches(query, index, k=9, exclude="track", targets=targets)
    assert table["target"].tolist() == ["", "", "original", ""]
    assert table["rank"].tolist() == [1, 2, 2, 3]


def test_without_the_partner_the_target_moves_up_by_the_partners_rows():
    """The other clip of a splice is nearest, with its near duplicate; then comes the target."""
    angles = np.radians([5, 10, 20, 30, 40])
    groups = ["other", "other", "own", "third", "third"]
    index = embeddings(np.c_[np.cos(angles), np.sin(angles)].astype(np.float16), group_id=groups)
    query = embeddings(
        np.array([[1, 0]], np.float16), "q", group_id=["own"], partner_group_id=["other"]
    )
    ids = index.clips["clip_id"]
    target = {"query_clip_id": ["q00000"], "clip_id": [ids[2]], "target": ["original"]}
    ranks = {
        exclude: matches(query, index, 2, exclude, pd.DataFrame(target))
        for exclude in ("none", "partner")
    }
    found = {name: table.set_index("target")["rank"]["original"] for name, table in ranks.items()}
    assert found == {"none": 3, "partner": 1}
    first = ranks["partner"][ranks["partner"]["target"] == ""]
    assert first["clip_id"].tolist() == [ids[2], ids[3]]
    bare = embeddings(np.array([[1, 0]], np.float16), "q")
    with pytest.raises(InputError, match="queries: column partner_group_id is missing"):
        matches(bare, index, k=1, exclude="partner")


def chosen_rows(table, mask):
    """An index made of the rows that the mask picks, and nothing else."""
    clips = table.clips[mask].reset_index(drop=True)
    return Embeddings(clips, [np.concatenate(table.vectors)[mask]], table.provenance)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    n_index=st.integers(1, 60),
    share=st.sampled_from([0.0, 0.1, 0.5, 1.0]),
    distinct=st.integers(1, 12),
    k=st.integers(1, 70),
    chunk=st.integers(1, 13),
    block=st.integers(1, 61),
    exclude=st.sampled_from(["none", "self", "track", "duplicates"]),
)
def test_only_equals_a_search_over_these_rows_alone(
    seed, n_index, share, distinct, k, chunk, block, exclude
):
    draw = np.random.default_rng(seed)
    index = embeddings(unit_vectors(draw, n_index, distinct=distinct), cuts=[n_index // 3])
    only = draw.random(n_index) < share
    asked = draw.random(n_index) < 0.3
    queries = chosen_rows(index, asked)
    table = matches(queries, index, k, exclude, only=only, chunk=chunk, block=block)
    alone = matches(queries, chosen_rows(index, only), k, exclude)
    pd.testing.assert_frame_equal(table, alone)
    if not asked.any():
        return
    # a target outside of the mask ranks as if it were one of these rows
    row, query = draw.integers(n_index), draw.integers(asked.sum())
    target = {"query_clip_id": [queries.clips["clip_id"][query]]}
    target = pd.DataFrame(target | {"clip_id": [index.clips["clip_id"][row]], "target": ["parent"]})
    table = matches(queries, index, k, exclude, target, only, chunk=chunk, block=block)
    pd.testing.assert_frame_equal(table[table["target"] == ""].reset_index(drop=True), alone)
    with_it = chosen_rows(index, only | (np.arange(n_index) == row))
    reported = matches(queries, with_it, k, exclude, target)
    expected = reported[reported["target"] == "parent"]
    assert rows_of(table[table["target"] == "parent"]) == rows_of(expected)


def test_blocks_without_any_row_that_can_be_matched_are_passed_over():
    draw = np.random.default_rng(0)
    index, queries = embeddings(unit_vectors(draw, 100)), embeddings(unit_vectors(draw, 5), "q")
    only = np.zeros(100, bool)
    only[[3, 57, 58]] = True  # of ten blocks two hold any
    table = matches(queries, index, k=9, only=only, block=10)
    assert table.groupby("query_clip_id")["rank"].apply(list).tolist() == [[1, 2, 3]] * 5
    assert set(table["clip_id"]) == set(index.clips["clip_id"][only])
    assert matches(queries, index, k=9, only=np.zeros(100, bool), block=10).empty


def test_targets_rank_among_the_rows_that_can_be_matched():
    angles = np.radians([0, 10, 20, 30, 40])
    index = embeddings(np.c_[np.cos(angles), np.sin(angles)].astype(np.float16))
    query = embeddings(np.array([[1, 0]], np.float16), "q")
    ids = index.clips["clip_id"]
    targets = {"query_clip_id": "q00000", "clip_id": ids[[2, 3]], "target": ["outside", "inside"]}
    only = np.array([False, True, False, True, True])
    table = matches(query, index, k=1, targets=pd.DataFrame(targets), only=only)
    assert rows_of(table[["query_clip_id", "rank", "clip_id", "cosine", "target"]].round(2)) == [
        ("q00000", 1, ids[1], 0.98, ""),
        ("q00000", 2, ids[3], 0.87, "inside"),
        ("q00000", 2, ids[2], 0.94, "outside"),
    ]


@pytest.mark.parametrize("only", [np.ones(9, bool), np.ones((10, 1), bool), True])
def test_a_mask_of_another_shape_is_refused(only):
    index = embeddings(unit_vectors(np.random.default_rng(0), 10))
    with pytest.raises(ValueError, match=r"only must be of shape \[10\]"):
        matches(index, index, k=1, only=only)


@pytest.mark.parametrize(("n_queries", "n_index"), [(0, 5), (3, 0), (0, 0)])
def test_nothing_to_find(n_queries, n_index):
    draw = np.random.default_rng(0)
    full = matches(embeddings(unit_vectors(draw, 2)), embeddings(unit_vectors(draw, 2)), k=1)
    queries = embeddings(unit_vectors(draw, 5)[:n_queries], "q")
    table = matches(queries, embeddings(unit_vectors(draw, 5)[:n_index]), k=3, exclude="self")
    assert len(table) == 0
    assert table.dtypes.to_dict() == full.dtypes.to_dict()


def test_fewer_rows_than_k():
    draw = np.random.default_rng(0)
    table = matches(embeddings(unit_vectors(draw, 2), "q"), embeddings(unit_vectors(draw, 3)), k=50)
    assert table["rank"].tolist() == [1, 2, 3] * 2


def test_shards_on_disk(tmp_path):
    index = embeddings(unit_vectors(np.random.default_rng(0), 50))
    for name, rows in (("0", slice(0, 13)), ("1", slice(13, 13)), ("2", slice(13, 50))):
        clips = index.clips.iloc[rows].reset_index(drop=True)
        write_shard(tmp_path / name, index.vectors[0][rows], clips, PROVENANCE)
    opened = open_shards(sorted(tmp_path.glob("*.npy")))
    pd.testing.assert_frame_equal(matches(opened, opened, k=5), matches(index, index, k=5))


def test_the_disk_is_read_forwards(monkeypatch):
    """Where it holds more than memory does, what is looked at twice is not fetched row by row."""
    read = []
    monkeypatch.setattr(
        "musical_roots.search.vectors.take", lambda of, rows: read.append(rows) or take(of, rows)
    )
    draw = np.random.default_rng(0)
    vectors = unit_vectors(draw, 2000, dim=64)
    queries, index = embeddings(vectors[:300], "q"), embeddings(vectors, cuts=[700])
    matches(queries, index, k=4)
    assert len(read) > 1 and (np.diff(np.concatenate(read)) >= 0).all()
    read.clear()
    named = {"query_clip_id": queries.clips["clip_id"], "target": "original"}
    named["clip_id"] = index.clips["clip_id"].take(draw.permutation(300)).array
    matches(queries, index, k=1, targets=pd.DataFrame(named))
    assert len(read) > 1 and all((np.diff(rows) >= 0).all() for rows in read)


def test_bad_input_is_named():
    vectors = unit_vectors(np.random.default_rng(0), 10)
    index, queries = embeddings(vectors), embeddings(vectors, "q")
    with pytest.raises(InputError, match="exclude: 'genre' is unknown"):
        matches(queries, index, k=1, exclude="genre")
    other = embeddings(vectors, provenance=PROVENANCE | {"fingerprint": "xyz"})
    with pytest.raises(InputError, match=r"fingerprint abc, index of fingerprint xyz"):
        matches(queries, other, k=1)
    bare = Embeddings(index.clips.drop(columns="group_id"), index.vectors, index.provenance)
    with pytest.raises(InputError, match="index: column group_id is missing"):
        matches(queries, bare, k=1, exclude="duplicates")
    with pytest.raises(InputError, match="occurs twice"):
        matches(queries, embeddings(vectors, clip_id=["same"] * 10), k=1)
    target = {"query_clip_id": ["q00000"], "clip_id": ["nowhere"], "target": ["original"]}
    with pytest.raises(InputError, match="target clip nowhere is not in the index"):
        matches(queries, index, k=1, targets=pd.DataFrame(target))
    target |= {"query_clip_id": ["nobody"], "clip_id": ["c00000"]}
    with pytest.raises(InputError, match="target clip nobody is not in the queries"):
        matches(queries, index, k=1, targets=pd.DataFrame(target))
    for sizes in ({"k": 0}, {"k": 1, "block": 0}, {"k": 1, "chunk": 0}):
        with pytest.raises(ValueError, match="must be 1 or more"):
            matches(queries, index, **sizes)


@pytest.mark.parametrize("value", [0, np.nan, np.inf, 3])
def test_vectors_not_of_unit_length_are_refused(value):
    vectors = unit_vectors(np.random.default_rng(0), 10)
    damaged = vectors.copy()
    damaged[7] = value
    with pytest.raises(InputError, match=r"clip c55433 .*not of unit length"):
        matches(embeddings(vectors, "q"), embeddings(damaged), k=1, block=4)


def test_cosines_of_pairs_are_those_that_matches_reports():
    index = embeddings(unit_vectors(np.random.default_rng(5), 40), cuts=(3, 3, 29))
    found = matches(index, index, k=40)
    place = pd.Series(range(40), index.clips["clip_id"])
    pairs = cosines(
        index, place[found["query_clip_id"]].to_numpy(), place[found["clip_id"]].to_numpy()
    )
    np.testing.assert_array_equal(pairs, found["cosine"])
    assert cosines(index, np.empty(0, int), np.empty(0, int)).shape == (0,)


@pytest.mark.parametrize("longest", [1.0002, 1.003])
def test_length_decides_nothing(longest):
    """Nearly parallel rows whose lengths differ by more than their angles do."""
    draw = np.random.default_rng(4)
    query = unit_vectors(draw, 1, dim=64)
    rows = query.astype(np.float64) + 0.002 * draw.normal(size=(500, 64)) / 8
    rows *= (
        draw.uniform(2 - longest, longest, size=(500, 1)) / np.linalg.norm(rows, axis=1)[:, None]
    )
    queries, index = embeddings(query, "q"), embeddings(rows.astype(np.float16), cuts=[100, 300])
    assert rows_of(matches(queries, index, 20, block=128)) == expect(queries, index, 20)


def test_rows_are_left_as_they_are_unless_their_lengths_differ():
    index = embeddings(unit_vectors(np.random.default_rng(5), 50, dim=64))
    rows = index.rows(0, 50)
    assert nearly_unit_rows(rows, index, 0) is rows
    rows = rows * np.float32(1.001)
    assert np.abs(np.linalg.norm(nearly_unit_rows(rows, index, 0), axis=1) - 1).max() < 1e-6


def test_rows_are_taken_in_any_order_over_shards():
    index = embeddings(unit_vectors(np.random.default_rng(6), 60), cuts=[7, 7, 40])
    room = np.empty((30, 8), np.float32)
    for rows in ([59, 0, 7, 7, 39, 40], [8, 9, 30], [6], []):
        taken = take(index, np.array(rows, int), room)
        np.testing.assert_array_equal(taken, index.rows(0, 60)[np.array(rows, int)])
        assert not len(rows) or np.shares_memory(taken, room)


def test_float32_cosines_of_pairs_are_within_the_margin():
    draw = np.random.default_rng(7)
    queries, index = embeddings(unit_vectors(draw, 5), "q"), embeddings(unit_vectors(draw, 900))
    i, rows = draw.integers(5, size=700), np.sort(draw.integers(900, size=700))
    left = unit_rows(queries.rows(0, 5), queries, 0)
    exact = pair_cosines(queries.rows(0, 5), i, index.rows(0, 900), rows)
    assert np.abs(unit_cosines(left, i, index, rows) - exact).max() <= margin(8)
