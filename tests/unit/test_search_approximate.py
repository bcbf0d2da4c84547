"""Approximate search: one contract with the exact one, and nothing left of what is removed."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from drawn_lists import DIM, INDEX, PROVENANCE, QUERIES, built, drawn

from musical_roots.errors import InputError
from musical_roots.search import codes, exact, inverted, planning
from musical_roots.search.approximate import Approximate
from musical_roots.tables import Embeddings

pytestmark = pytest.mark.usefixtures("one_thread")
EVERYTHING = {"reach": inverted.ALL, "depth": 10_000}  # so that nothing can be missed


def parts_of(held, cuts=(0, 700, 1500, 2000)):
    """The same lists, filled part by part."""
    empty = inverted.train(INDEX, held.about["quantiser"], seed=3)
    rows = np.arange(len(INDEX))
    return [
        inverted.with_clips(empty, INDEX.where((rows >= low) & (rows < high)))
        for low, high in pairwise(cuts)
    ]


def content(held):
    import faiss

    return faiss.serialize_index(held.lists).tobytes()


def test_a_list_is_as_far_as_its_centre_and_half_of_what_its_members_are_from_that(held):
    inside = codes.ivf(held.lists)
    members, queries = (
        np.ascontiguousarray(codes.turn(held.lists, some.rows(0, len(some))))
        for some in (INDEX, QUERIES)
    )
    _, number = inside.quantizer.search(members, 1)
    once = len(members[0]) - codes.coded_twice(held.lists) * (held.about["quantiser"] == "pq")
    centres = inside.quantizer.reconstruct_n(0, inside.nlist)[:, :once]
    apart = np.square(members[:, :once] - centres[number[:, 0]]).sum(axis=1)
    inner = pd.Series(apart).groupby(number[:, 0]).mean().reindex(range(inside.nlist))
    square = np.square(queries[:, None, :once] - centres).sum(axis=2)
    told, _ = inverted._distances(held, queries)
    np.testing.assert_allclose(told, np.sqrt(square + inner.to_numpy() / 2), rtol=0.02)
    assert inner.mean() > 0.1


def test_no_list_is_beyond_all():
    assert np.sqrt(2**2 + 1 / 2) < inverted.CLOSEST * inverted.ALL


def test_as_many_lists_are_within_reach_as_were_asked_for(held):
    reaches = planning._reaches(held, QUERIES)
    vectors = inverted._unit(QUERIES, np.arange(len(QUERIES)))
    times = inverted.times_as_far(held, vectors)
    found = [
        ((times <= reach) | (times == times.min(axis=1, keepdims=True))).sum(axis=1).mean()
        for reach in reaches.values()
    ]
    np.testing.assert_allclose(found, list(reaches), atol=0.1)


@pytest.mark.parametrize("exclude", ["none", "self", "track", "duplicates"])
@pytest.mark.parametrize("share", [1.0, 0.3])
def test_where_nothing_is_missed_it_is_the_exact_search(held, exclude, share):
    """Matches, ranks of targets, exclusions and masks: the same table, to the last bit."""
    own = INDEX.where(np.arange(len(INDEX)) % 97 == 0)
    only = np.random.default_rng(2).random(len(INDEX)) < share
    ids = own.clips["clip_id"]
    targets = pd.DataFrame(
        {
            "query_clip_id": [ids[0], ids[0], ids[3]],
            "clip_id": [INDEX.clips["clip_id"][5], INDEX.clips["clip_id"][900], ids[2]],
            "target": ["original", "random", "original"],
        }
    )
    found = Approximate(held, **EVERYTHING).matches(own, INDEX, 20, exclude, targets, only)
    pd.testing.assert_frame_equal(found, exact.matches(own, INDEX, 20, exclude, targets, only))


def test_cosines_and_order_are_exact_whatever_is_missed(held):
    found = Approximate(held, reach=0, depth=60).matches(QUERIES, INDEX, 20)
    every = exact.matches(QUERIES, INDEX, len(INDEX))
    keys = ["query_clip_id", "clip_id"]
    both = found.merge(every, on=keys, suffixes=("", "_exact"))
    assert len(both) == len(found) == 20 * len(QUERIES)
    assert (both["cosine"] == both["cosine_exact"]).all()
    assert (both["rank"] <= both["rank_exact"]).all()
    assert both.groupby("query_clip_id", sort=False)["rank_exact"].is_monotonic_increasing.all()
    assert len(found) > 0 and not found["cosine"].equals(every["cosine"])


def test_more_lists_miss_less(held):
    truth = exact.matches(QUERIES, INDEX, 10)
    found = [
        planning.recalls(Approximate(held, reach, 400).matches(QUERIES, INDEX, 10), truth, 10)
        for reach in (0, inverted.ALL)
    ]
    assert found[0].mean() < found[1].mean()
    assert found[1].mean() > 0.95


@pytest.mark.parametrize(("quantiser", "depth"), [("pq", 15), ("rabitq", 400), ("sq", 15)])
def test_codes_say_what_is_near(quantiser, depth):
    truth = exact.matches(QUERIES, INDEX, 10)
    search = Approximate(built(quantiser), inverted.ALL, depth)
    assert planning.recalls(search.matches(QUERIES, INDEX, 10), truth, 10).mean() > 0.95


@pytest.mark.parametrize("quantiser", codes.QUANTISERS)
def test_all_lists_within_reach_are_looked_into_and_no_others(quantiser):
    import faiss

    index = drawn(0, 400, 16)
    held = built(quantiser, index)
    lists = faiss.downcast_InvertedLists(codes.ivf(held.lists).invlists)
    vectors = inverted._unit(QUERIES, np.arange(len(QUERIES)))
    times = inverted.times_as_far(held, vectors)
    assert times.shape == (len(QUERIES), held.about["lists"]) == (100, 128)
    assert ((times <= 1).sum(axis=1) == inverted.NEAREST).all()
    for reach in (0, 0.98, 1.04, inverted.ALL):
        found = inverted.nearest(held, vectors, len(index), reach)
        near = (times <= reach) | (times == times.min(axis=1, keepdims=True))
        assert near.sum(axis=1).min() >= 1
        assert reach in (0, inverted.ALL) or np.ptp(near.sum(axis=1)) > 3
        for query in range(0, len(QUERIES), 9):
            inside = [
                faiss.rev_swig_ptr(lists.get_ids(int(number)), lists.list_size(int(number)))
                for number in np.flatnonzero(near[query])
            ]
            assert set(found[query]) - {-1} == set(np.concatenate(inside).tolist())


def test_nothing_to_look_for(held):
    assert inverted.nearest(held, np.empty((0, DIM), np.float32), 5, 0.0).shape == (0, 5)


def test_the_nearest_list_is_the_one_that_holds_a_clip(held):
    """By far most often: else a clip itself could be missed where its list alone is looked into."""
    own = INDEX.where(np.arange(len(INDEX)) % 7 == 0)
    vectors = inverted._unit(own, np.arange(len(own)))
    ids = inverted.nearest(held, vectors, 30, 0)
    mine = inverted.ids_of(own.clips["clip_id"])
    assert (ids == mine[:, None]).any(axis=1).mean() > 0.9


def test_the_strongest_components_are_coded_twice():
    """What is left of them is a tenth of what one code leaves, or less."""
    import faiss

    index = drawn(0, 20, 100, spread=0.2)  # near their centres: codes are of what these leave
    held = built("pq", index)
    unit = inverted._unit(index, np.arange(len(index)))
    turned = codes.turn(held.lists, unit)
    twice = codes.coded_twice(held.lists)
    assert twice == 16 and turned.shape[1] == DIM + twice
    np.testing.assert_array_equal(turned[:, DIM:], turned[:, :twice])
    inside = codes.ivf(held.lists)
    _, number = inside.quantizer.search(turned, 1)
    centres = inside.quantizer.reconstruct_n(0, inside.nlist)[number[:, 0]]
    assert not centres[:, DIM:].any()
    coded = codes.code(held.lists, turned, "pq") - centres
    values = inside.pq.decode(inside.pq.compute_codes(coded))
    parts = 0, values[:, :twice], values[:, :twice] + values[:, DIM:]
    left = [np.square((turned - centres)[:, :twice] - part).mean() for part in parts]
    assert left[2] < left[1] / 10 < left[0] / 100
    # of normal numbers 16 values leave .0095 of the variance (Max 1960), of few that were seen more
    assert np.square(values - coded)[:, :DIM].mean() < 0.013 * np.square(coded[:, :DIM]).mean()
    # whatever turns them among themselves leaves lengths as they are: all components are coded
    np.testing.assert_allclose(np.vecdot(turned[:, :DIM], turned[:, :DIM]), 1, atol=1e-5)
    assert isinstance(held.lists, faiss.IndexPreTransform)


def test_a_query_whose_lists_hold_too_little_is_searched_for_exactly(held):
    """All that its one list holds is its own track's."""
    own = INDEX.where(np.arange(len(INDEX)) % 97 == 0)
    found = Approximate(held, reach=0, depth=5).matches(own, INDEX, 400, "track")
    expected = exact.matches(own, INDEX, 400, "track")
    assert len(found) == len(expected)
    mine = found.merge(expected, on=["query_clip_id", "clip_id", "rank", "cosine"])
    assert len(mine) == len(expected)


def test_shards_in_another_order_and_cut_give_the_same_table(held):
    turned = Embeddings(
        INDEX.clips.iloc[::-1].reset_index(drop=True),
        np.split(np.concatenate(INDEX.vectors)[::-1], [11, 800]),
        PROVENANCE,
    )
    search = Approximate(held, reach=0.9, depth=100)
    once = search.matches(QUERIES, INDEX, 10)
    pd.testing.assert_frame_equal(search.matches(QUERIES, turned, 10), once)
    trained = inverted.train(turned, held.about["quantiser"], seed=3)
    assert trained.about == held.about


def test_ranks_beyond_what_is_re_ranked_are_estimated(held, monkeypatch):
    monkeypatch.setattr("musical_roots.search.approximate.SAMPLE", 1000)
    rows = np.arange(0, len(INDEX), 97)
    ids = QUERIES.clips["clip_id"]
    targets = pd.DataFrame(
        {
            "query_clip_id": np.repeat(ids.to_numpy(object)[:10], len(rows)),
            "clip_id": np.tile(INDEX.clips["clip_id"].to_numpy(object)[rows], 10),
            "target": "original",
        }
    )
    nearest = exact.matches(QUERIES.where(np.arange(len(QUERIES)) < 10), INDEX, 3)
    targets = pd.concat([targets, nearest[["query_clip_id", "clip_id"]].assign(target="near")])
    some = QUERIES.where(np.arange(len(QUERIES)) < 10)
    found = Approximate(held, inverted.ALL, 100).matches(some, INDEX, 10, targets=targets)
    true = exact.matches(some, INDEX, 10, targets=targets)
    keys = ["query_clip_id", "clip_id", "target"]
    both = found.merge(true, on=keys, suffixes=("", "_exact"))
    both = both[both["target"] != ""]
    assert len(both) == len(targets) and (both["cosine"] == both["cosine_exact"]).all()
    near = both[both["rank_exact"] <= 10]
    assert (near["rank"] - near["rank_exact"]).abs().max() <= 1
    far = both[both["rank_exact"] > 200]
    # a sample of half of 2,000 rows: its error is some 2 % of them at the most, one SD
    assert (far["rank"] - far["rank_exact"]).abs().max() < 0.1 * len(INDEX)
    assert abs((far["rank"] - far["rank_exact"]).mean()) < 0.03 * len(INDEX)
    assert not (far["rank"] == far["rank_exact"]).all()


def test_filled_in_parts_and_merged_it_has_the_bytes_of_one_filled_in_turn(held):
    merged = inverted.merged(parts_of(held))
    assert content(merged) == content(held)
    pd.testing.assert_frame_equal(merged.clips, held.clips)


def test_a_part_that_came_later_adds_itself_alone(held):
    first = inverted.merged(parts_of(held)[:2])
    later = inverted.with_clips(first, INDEX)  # what it holds already is passed over
    assert content(later) == content(held) and len(later) == len(INDEX)
    assert len(first) == 1500, "what was given is left as it was"


@pytest.mark.parametrize("tracks", [["ctrack3"], ["ctrack199"], ["ctrack0", "ctrack77"]])
def test_what_is_removed_is_in_no_answer_and_no_file(held, tracks, tmp_path):
    gone = INDEX.clips["track_id"].isin(tracks)
    left = INDEX.where(~gone.to_numpy())
    inverted.write(inverted.without_clips(held, INDEX.clips["clip_id"][gone]), tmp_path / "x.faiss")
    again = inverted.read(tmp_path / "x.faiss")
    asked = INDEX.where(gone.to_numpy())  # with its own vectors
    found = Approximate(again, **EVERYTHING).matches(asked, left, 5)
    assert not found["clip_id"].isin(asked.clips["clip_id"]).any()
    pd.testing.assert_frame_equal(found, exact.matches(asked, left, 5))
    ids = inverted.ids_of(INDEX.clips["clip_id"][gone])
    for file in tmp_path.iterdir():
        told = file.read_bytes()
        for clip_id, number in zip(INDEX.clips["clip_id"][gone], ids, strict=True):
            assert clip_id.encode() not in told
            assert int(number).to_bytes(8, "little") not in told
    present = (tmp_path / "x.faiss").read_bytes()
    kept = inverted.ids_of(left.clips["clip_id"])
    assert all(int(number).to_bytes(8, "little") in present for number in kept[:50])


@pytest.mark.parametrize("quantiser", codes.QUANTISERS)
def test_no_code_of_what_is_removed_stays_behind(quantiser):
    """Removed from the end, the lists are those that never held it: byte by byte."""
    early = np.arange(len(INDEX)) < 1900
    empty = inverted.train(INDEX, quantiser, seed=3)
    never = inverted.with_clips(empty, INDEX.where(early))
    once = inverted.with_clips(never, INDEX.where(~early))
    assert len(once) == 2000
    removed = inverted.without_clips(once, INDEX.clips["clip_id"][~early])
    assert content(removed) == content(never)


def test_an_index_of_other_clips_is_refused(held):
    search = Approximate(held, 0.0, 100)
    fewer = INDEX.where(np.arange(len(INDEX)) > 0)
    with pytest.raises(InputError, match=r"holds clip c00000, which the embeddings lack"):
        search.matches(QUERIES, fewer, 5)
    more = INDEX.with_rows(QUERIES)
    with pytest.raises(InputError, match=r"lacks clip q00000 of the embeddings"):
        search.matches(QUERIES, more, 5)
    # what cannot be matched may be there: as a target
    only = np.arange(len(more)) < len(INDEX)
    found = search.matches(QUERIES, more, 5, only=only)
    pd.testing.assert_frame_equal(found, search.matches(QUERIES, INDEX, 5))
    with pytest.raises(InputError, match="occurs twice"):
        search.matches(QUERIES, INDEX.with_rows(INDEX), 5)
    other = Embeddings(INDEX.clips, INDEX.vectors, PROVENANCE | {"fingerprint": "xyz"})
    with pytest.raises(InputError, match="fingerprint"):
        search.matches(QUERIES, other, 5)
    with pytest.raises(InputError, match="index of fingerprint abc, clips of fingerprint xyz"):
        inverted.with_clips(held, other)


def test_parts_that_do_not_belong_together_are_refused(held):
    one, other, _ = parts_of(held)
    with pytest.raises(InputError, match="occurs twice"):
        inverted.merged([one, one])
    apart = inverted.with_clips(inverted.train(INDEX, held.about["quantiser"], seed=4), QUERIES)
    with pytest.raises(InputError, match="not trained together"):
        inverted.merged([one, apart])
    assert len(one) == 700 and len(other) == 800


def test_bad_input_is_named(held, tmp_path):
    with pytest.raises(InputError, match="quantiser: 'flat' is unknown"):
        inverted.train(INDEX, "flat", 0)
    with pytest.raises(InputError, match="cannot be trained on 0 clips"):
        inverted.train(INDEX.where(np.zeros(len(INDEX), bool)), "sq", 0)
    with pytest.raises(InputError, match="index without a plan"):
        Approximate(held)
    inverted.write(
        replace(held, about=held.about | {"version": "inverted-1"}), tmp_path / "x.faiss"
    )
    with pytest.raises(InputError, match=r"x.faiss: made by another version of this code; make it"):
        inverted.read(tmp_path / "x.faiss")
    (tmp_path / "x.faiss").write_bytes(b"no index")
    with pytest.raises(InputError, match=r"x\.faiss: not a readable index"):
        inverted.read(tmp_path / "x.faiss")
    bad = Embeddings(INDEX.clips, [np.concatenate(INDEX.vectors) * np.float16(3)], PROVENANCE)
    with pytest.raises(InputError, match="not of unit length"):
        inverted.train(bad, "sq", 0)


@pytest.mark.parametrize("count", [1, 2, 49, 50, 1000, 100_000, 5_000_000])
def test_lists_are_a_power_of_two_and_can_be_trained(count):
    lists = inverted.number_of_lists(count)
    assert lists & (lists - 1) == 0 and 1 <= lists <= inverted.MOST_LISTS
    assert lists == 1 or lists * inverted.FEWEST_PER_LIST <= count
    assert inverted.number_of_lists(5_000_000) == 4096


@pytest.mark.parametrize("quantiser", codes.QUANTISERS)
def test_clips_that_are_all_alike_are_found(quantiser):
    one = np.repeat(INDEX.vectors[0][:1], 20, axis=0)
    alike = Embeddings(INDEX.clips[:20], [one], PROVENANCE)
    held = built(quantiser, alike)
    assert np.isfinite(inverted.times_as_far(held, one.astype(np.float32))).all()
    found = Approximate(held, reach=0, depth=20).matches(alike, alike, 5)
    pd.testing.assert_frame_equal(found, exact.matches(alike, alike, 5))


@pytest.mark.parametrize("quantiser", codes.QUANTISERS)
def test_few_clips_are_enough_and_fewer_are_refused(quantiser):
    """Fewer than there are dimensions; too few for a code are named."""
    few = INDEX.where(np.arange(len(INDEX)) < 20)
    search = Approximate(built(quantiser, few), **EVERYTHING)
    pd.testing.assert_frame_equal(search.matches(QUERIES, few, 5), exact.matches(QUERIES, few, 5))
    with pytest.raises(InputError, match="15 clips"):
        inverted.train(INDEX.where(np.arange(len(INDEX)) < 15), quantiser, seed=3)
