import numpy as np
import pandas as pd
import pytest

from musical_roots.errors import InputError
from musical_roots.listening import stimuli
from musical_roots.tables import Embeddings

MIDDLES = {1: 0.9, 2: 0.7, 3: 0.5, 4: 0.0}


def embeddings(vectors, tracks, encoder="mfcc"):
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    clips = pd.DataFrame(
        {
            "clip_id": [f"{n:04d}" for n in range(len(unit))],
            "track_id": tracks,
            "group_id": [f"g{track}" for track in tracks],
        }
    )
    return Embeddings(clips, [unit.astype(np.float16)], {"encoder": encoder, "dim": unit.shape[1]})


def fan(angles, tracks):
    """Clips on a circle: the cosine of two is that of the angle between them."""
    return embeddings(np.stack([np.cos(angles), np.sin(angles)], axis=1), tracks)


@pytest.fixture
def crowd():
    """Sixty tracks of ten clips in a few dimensions: clips of every cosine."""
    vectors = np.random.default_rng(0).normal(size=(600, 3))
    return embeddings(vectors, [f"t{n // 10:02d}" for n in range(600)])


def groups(index, pairs):
    group = index.clips.set_index("clip_id").group_id
    return pairs[["x_clip_id", "a_clip_id", "b_clip_id"]].apply(lambda ids: ids.map(group))


def test_clips_of_each_bin_are_those_of_the_known_cosine():
    # X at angle 0; one clip in the middle of each bin, one between two bins; across from them as
    # many of X's own track
    angles = np.arccos([1.0, 0.9, 0.7, 0.5, 0.0, 0.8])
    angles = np.concatenate([angles, -angles[1:5]])
    made = fan(angles, list("xabcdz") + ["x"] * 4)
    pairs, told = stimuli.by_bins(made, MIDDLES, 10, 0.02, seed=0)
    of_x = pairs[pairs.x_clip_id == "0000"]
    assert told["x_used"] <= 10 and len(of_x) == 6
    assert [(row.a_bin, row.b_bin) for row in of_x.itertuples()] == [
        *((1, 2), (1, 3), (1, 4), (2, 3), (2, 4), (3, 4))
    ]
    clip_of = {(row.a_bin, row.a_clip_id) for row in of_x.itertuples()}
    clip_of |= {(row.b_bin, row.b_clip_id) for row in of_x.itertuples()}
    assert clip_of == {(1, "0001"), (2, "0002"), (3, "0003"), (4, "0004")}
    rank_of = dict(zip(of_x.b_bin, of_x.b_rank, strict=True))
    assert of_x.a_rank.iloc[0] == 1 and rank_of == {2: 3, 3: 4, 4: 5}
    assert of_x.a_cosine.iloc[0] == pytest.approx(0.9, abs=1e-3)


def test_an_x_with_an_empty_bin_gives_way_to_another_and_is_counted(crowd):
    pairs, told = stimuli.by_bins(crowd, MIDDLES, 5, 0.02, seed=0)
    assert told["x_complete"] == told["x_used"] == 5 and len(pairs) == 30
    assert told["x_tried"] >= 5
    never = {**MIDDLES, 1: 1.1}
    pairs, told = stimuli.by_bins(crowd, never, 5, 0.02, seed=0)
    assert told["x_complete"] == 0 and told["empty_bin_1"] == told["x_tried"] == 600
    assert told["x_used"] == 5 and len(pairs) == 15 and set(pairs.a_bin) == {2, 3}


def test_no_trial_has_two_clips_of_a_track(crowd):
    tracks = pd.DataFrame({"track_id": crowd.clips.track_id.unique()})
    tracks["artist"] = [f"artist {n // 2}" for n in range(len(tracks))]
    x = stimuli.choose_x({"training": crowd.clips}, 40, 0)
    vectors = stimuli.vectors(x, crowd, None)
    ours = stimuli.by_ranks(x, vectors, crowd, tracks, 3, 0)
    paper, _ = stimuli.by_bins(crowd, MIDDLES, 10, 0.02, seed=0)
    for pairs in (ours, paper):
        assert len(pairs) > 30
        assert (groups(crowd, pairs).nunique(axis=1) == 3).all()
    strata = ours.gap_stratum.value_counts()
    assert len(ours) == 120 and set(strata) == {30}


def test_nobody_is_asked_one_question_twice(crowd):
    """Of a dozen clips the one at random is often the first or the tenth as well."""
    few = crowd.where(np.arange(len(crowd)) % 43 == 0)
    tracks = pd.DataFrame({"track_id": few.clips.track_id.unique()})
    tracks["artist"] = [f"artist {n}" for n in range(len(tracks))]
    x = stimuli.choose_x({"training": few.clips}, 14, 0)
    ours = stimuli.by_ranks(x, stimuli.vectors(x, few, None), few, tracks, 10, 0)
    asked = [(row.x_clip_id, *sorted((row.a_clip_id, row.b_clip_id))) for row in ours.itertuples()]
    assert len(set(asked)) == len(asked) > 10
    assert {"rank_10", "random"} <= {*ours.a_drawn, *ours.b_drawn}


def test_no_session_asks_one_question_for_two_encoders(crowd):
    tracks = pd.DataFrame({"track_id": crowd.clips.track_id.unique(), "artist": ""})
    x = stimuli.choose_x({"training": crowd.clips}, 10, 0)
    vectors = stimuli.vectors(x, crowd, None)
    twin = Embeddings(crowd.clips, crowd.vectors, crowd.provenance | {"encoder": "twin"})
    one, other = (stimuli.by_ranks(x, vectors, each, tracks, 4, 0) for each in (crowd, twin))
    found, counted = stimuli.together([one, other], 12, 4)
    assert not stimuli.asked_before(found).any() and stimuli.asked_before(one).sum() == 0
    counted = counted.set_index("encoder")
    assert list(counted) == stimuli.COUNT_COLUMNS[1:]
    assert counted.loc["mfcc", ["asked_of_another", "pairs"]].tolist() == [0, len(one)]
    assert counted.asked_of_another["twin"] == len(one) + len(other) - len(found) > 0
    assert (counted.x_wanted == 12).all() and (counted.pairs_wanted == 48).all()
    assert counted.x_used["mfcc"] == counted.x_training["mfcc"] == 10


def test_clips_that_are_equally_near_are_no_test():
    """Neither is the nearer one: whatever is chosen would agree, or not, by chance."""
    angles = np.arccos([1.0, 0.9, 0.9, 0.7, 0.5, 0.0])
    index = fan(angles * [1, 1, -1, 1, 1, 1], list("xabcde"))
    x = index.clips.head(1).assign(x_kind="training")
    places = [(place, None, "rank") for place in (1, 2, 3)]
    row = stimuli.cosines(stimuli.vectors(x, index, None), index)[0]
    made = stimuli._pairs(index, next(x.itertuples()), row, places, "training")
    assert row[1] == row[2]
    assert [(one["a_clip_id"], one["b_clip_id"]) for one in made] == [
        ("0001", "0003"),
        ("0002", "0003"),
    ]


def test_clips_by_rank_are_those_that_a_sort_finds(crowd):
    tracks = pd.DataFrame({"track_id": crowd.clips.track_id.unique()})
    tracks["artist"] = [f"artist {n // 2}" for n in range(len(tracks))]
    artist = tracks.set_index("track_id").artist
    x = stimuli.choose_x({"training": crowd.clips}, 10, 0)
    vectors = stimuli.vectors(x, crowd, None)
    ours = stimuli.by_ranks(x, vectors, crowd, tracks, 10, 0)
    full = crowd.rows(0, 600).astype(np.float64)
    full /= np.linalg.norm(full, axis=1, keepdims=True)
    of = crowd.clips.reset_index().set_index("clip_id")
    for row in ours.itertuples():
        mine = of.loc[row.x_clip_id]
        near = pd.Series(full @ full[mine["index"]], crowd.clips.clip_id)
        others = near[(of.group_id != mine.group_id)].sort_values(ascending=False)
        theirs = of.loc[others.index].track_id.map(artist)
        foreign = others[theirs != artist[mine.track_id]]
        for side in "ab":
            clip, drawn = getattr(row, f"{side}_clip_id"), getattr(row, f"{side}_drawn")
            assert getattr(row, f"{side}_cosine") == pytest.approx(near[clip], abs=2e-6)
            assert abs(getattr(row, f"{side}_rank") - 1 - others.index.get_loc(clip)) <= 1
            if drawn.startswith("rank_"):
                wanted = foreign.iloc[int(drawn.removeprefix("rank_")) - 1]
                assert near[clip] == pytest.approx(wanted, abs=2e-6)
            same = artist[of.track_id[clip]] == artist[mine.track_id]
            assert same == (drawn == "same_artist")


def test_x_are_of_every_kind_and_one_kind_makes_up_for_another():
    lists = {
        kind: pd.DataFrame({"clip_id": [f"{kind}{n}" for n in range(count)], "track_id": "t"})
        for kind, count in {"training": 100, "vamp": 100, "perturbed": 5}.items()
    }
    kinds = stimuli.choose_x(lists, 60, 0).x_kind.value_counts()
    assert kinds["perturbed"] == 5 and sorted(kinds) == [5, 27, 28]
    assert (
        stimuli.choose_x({"training": lists["training"]}, 60, 0).x_kind.eq("training").sum() == 60
    )


def test_the_order_of_the_index_changes_nothing_and_the_seed_does(crowd):
    order = np.random.default_rng(1).permutation(600)
    clips = crowd.clips.iloc[order].reset_index(drop=True)
    again = Embeddings(clips, [crowd.vectors[0][order]], crowd.provenance)
    one, _ = stimuli.by_bins(crowd, MIDDLES, 5, 0.02, seed=3)
    other, _ = stimuli.by_bins(again, MIDDLES, 5, 0.02, seed=3)
    third, _ = stimuli.by_bins(crowd, MIDDLES, 5, 0.02, seed=4)
    pd.testing.assert_frame_equal(one, other)
    assert set(one.x_clip_id) != set(third.x_clip_id)


def test_the_order_of_clips_that_are_equally_near_changes_nothing():
    """As where a loop repeats, or a track begins with silence."""
    vectors = np.repeat(np.random.default_rng(0).normal(size=(12, 3)), 10, axis=0)
    index = embeddings(vectors, [f"t{n // 5:02d}" for n in range(120)])
    order = np.random.default_rng(1).permutation(120)
    clips = index.clips.iloc[order].reset_index(drop=True)
    again = Embeddings(clips, [index.vectors[0][order]], index.provenance)
    tracks = pd.DataFrame({"track_id": index.clips.track_id.unique()})
    tracks["artist"] = [f"artist {n // 4}" for n in range(len(tracks))]
    x = stimuli.choose_x({"training": index.clips}, 10, 0)
    one, other = (
        stimuli.by_ranks(x, stimuli.vectors(x, index, None), each, tracks, 10, 0)
        for each in (index, again)
    )
    assert {"same_artist", "random"} <= {*one.a_drawn, *one.b_drawn}
    pd.testing.assert_frame_equal(one, other)


def test_bins_that_are_missing_are_named():
    bins = pd.DataFrame({"encoder": "mfcc", "quantity": ["bin_1", "bin_2"], "value": [0.9, 0.8]})
    with pytest.raises(InputError, match="bins of mfcc: bin_3, bin_4 missing"):
        stimuli.centres(bins, "mfcc")


def test_an_x_that_was_not_embedded_is_named(crowd):
    with pytest.raises(InputError, match="clip nowhere is not embedded"):
        stimuli.vectors(pd.DataFrame({"clip_id": ["0001", "nowhere"]}), crowd, None)
