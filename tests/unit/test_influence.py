"""What an output resembles: which clips compete, what is nearest, and what that is read beside."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from musical_roots import statistics
from musical_roots.experiments import competition, indexes, influence, token_evidence
from musical_roots.seeding import rng
from musical_roots.study.clip_sets import ARMS, INDEXES
from musical_roots.tables import Embeddings

PROVENANCE = {"encoder": "test", "fingerprint": "abc", "dim": 2}


def clip_list(train=6, control=4):
    """Two clips a track: those of the train split, then those of the control split."""
    count = train + control
    return pd.DataFrame(
        {
            "clip_id": [f"c{number}" for number in range(count)],
            "track_id": [f"t{number // 2}" for number in range(count)],
            "group_id": [f"g{number // 2}" for number in range(count)],
            "split": ["train"] * train + ["control"] * control,
        }
    )


def on_a_circle(clips, degrees):
    """Embeddings in a plane: the cosine of two is that of the angle between them."""
    angles = np.radians(np.asarray(degrees, float))
    vectors = np.c_[np.cos(angles), np.sin(angles)].astype(np.float16)
    return Embeddings(clips.astype("str"), [vectors], PROVENANCE)


def vamp_clips(**columns):
    """Two clips each of two vamps: the prompt of v0 is in the corpus, that of v1 is not."""
    clips = {
        "clip_id": ["q00", "q01", "q10", "q11"],
        "track_id": ["t0", "t0", "t9", "t9"],
        "group_id": ["g0", "g0", "g9", "g9"],
        "split": ["train", "train", "control", "control"],
        "parent_clip_id": ["c0", "c1", "p0", "p1"],
        "output_id": ["v0", "v0", "v1", "v1"],
        "setting": ["x", "x", "y", "y"],
    }
    return pd.DataFrame(clips | columns)


# -- indexes ---------------------------------------------------------------------------------------


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 30), st.integers(0, 30), st.integers(0, 100), st.randoms())
def test_indexes_are_of_equal_size_and_each_of_its_own_split(train, control, seed, random):
    clips = clip_list(train, control)
    indexes = influence.equal_indexes(clips, seed)
    of_train = (clips.split == "train").to_numpy()
    assert indexes.clip_id.tolist() == clips.clip_id.tolist()
    assert indexes.train.tolist() == of_train.tolist()
    assert indexes.train_equal.sum() == indexes.control.sum() == min(train, control)
    assert not (indexes.train_equal & ~of_train).any()
    assert not (indexes.control & of_train).any()
    shuffled = clips.iloc[random.sample(range(len(clips)), len(clips))]
    again = influence.equal_indexes(shuffled, seed).sort_values("clip_id", ignore_index=True)
    pd.testing.assert_frame_equal(again, indexes.sort_values("clip_id", ignore_index=True))


def test_another_seed_draws_another_training_index():
    one, other = (influence.equal_indexes(clip_list(40, 20), seed) for seed in (0, 1))
    assert not one.train_equal.equals(other.train_equal)
    assert one.control.equals(other.control), "all of the smaller split"


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 5), min_size=1, max_size=9), st.integers(0, 100), st.randoms())
def test_indexes_of_equal_size_have_as_many_artists(counts, seed, random):
    """Artists of one to five clips; the first ones are in train."""
    counts = [*counts, 3]
    train = random.randrange(1, len(counts))
    owner = np.repeat(np.arange(len(counts)), counts)
    clips = clip_list(len(owner), 0).assign(
        track_id=[f"t{one}" for one in owner],
        split=np.where(owner < train, "train", "control"),
    )
    blocks = pd.Series({track: f"b{track}" for track in clips.track_id.unique()})
    indexes = influence.equal_indexes(clips, seed, blocks=blocks)
    held = {
        name: clips.track_id[indexes[name].to_numpy()].nunique()
        for name in ("train_equal", "control")
    }
    assert set(held.values()) == {min(train, len(counts) - train)}
    assert indexes.train_equal.sum() == indexes.control.sum()
    shuffled = clips.iloc[random.sample(range(len(clips)), len(clips))]
    again = influence.equal_indexes(shuffled, seed, blocks=blocks)
    pd.testing.assert_frame_equal(
        again.sort_values("clip_id", ignore_index=True),
        indexes.sort_values("clip_id", ignore_index=True),
    )


def test_without_a_source_either_index_wins_as_often_however_many_artists_a_split_has():
    """Artists are places that nothing else hangs on; those of one split are three times as many."""
    won = []
    for draw in range(200):
        chance = np.random.default_rng(draw)
        clips = clip_list(48, 48)
        number = np.arange(48)
        train, control = np.repeat(np.arange(24), 2), 24 + number // 6
        owner = pd.Series([f"a{one}" for one in [*train, *control]])
        clips = clips.assign(track_id=owner)
        place = dict(zip(owner.unique(), chance.normal(size=(32, 3)), strict=True))
        at = np.stack([place[one] for one in owner]) + 0.1 * chance.normal(size=(96, 3))
        far = np.linalg.norm(at - chance.normal(size=3), axis=1)
        blocks = pd.Series({name: name for name in owner})
        equal = influence.equal_indexes(clips, draw, blocks=blocks)
        either = [far[equal[name].to_numpy()].min() for name in ("train_equal", "control")]
        won.append(either[0] < either[1])
    assert 80 <= sum(won) <= 120, sum(won)


def test_the_small_index_holds_the_train_clips_of_its_tracks_alone():
    clips = clip_list(6, 4)
    small = pd.DataFrame({"track_id": ["t0", "t1", "t2"], "small": [False, True, False]})
    indexes = influence.equal_indexes(clips, 0, small)
    assert indexes.clip_id[indexes.train_small].tolist() == ["c2", "c3"]
    assert not (indexes.train_small & ~indexes.train).any()
    rest = indexes.drop(columns="train_small")
    pd.testing.assert_frame_equal(rest, influence.equal_indexes(clips, 0))


# -- matches ---------------------------------------------------------------------------------------


@pytest.fixture
def asked():
    """Corpus at 0, 10, ... 90 degrees; vamps near c0, c1, and near c4 and the control clip c7."""
    clips = clip_list()
    corpus = on_a_circle(clips, 10 * np.arange(10))
    prompts = clips.iloc[:2]
    outside = {"clip_id": ["p0", "p1"], "track_id": "t9", "group_id": "g9", "split": "control"}
    parents = on_a_circle(
        pd.concat([prompts, pd.DataFrame(outside)], ignore_index=True), [0, 10, 48, 61]
    )
    queries = on_a_circle(vamp_clips(), [2, 14, 43, 68])
    return queries, corpus, influence.equal_indexes(clips, 0), parents


def found(table, index, prompt_track, query, target=""):
    part = table[
        (table["index"] == index)
        & (table.prompt_track == prompt_track)
        & (table.query_clip_id == query)
    ]
    part = part[part.target == target]
    return list(zip(part["rank"], part.clip_id, strict=True))


def test_each_index_finds_its_own_clips_with_and_without_the_prompts_track(asked):
    queries, corpus, indexes, parents = asked
    both = {"wanted": ("train", "control"), "prompt_tracks": ("included", "excluded")}
    table = influence.attribute(queries, corpus, indexes, 2, parents, **both)
    assert found(table, "train", "included", "q00") == [(1, "c0"), (2, "c1")]
    assert found(table, "train", "excluded", "q00") == [(1, "c2"), (2, "c3")], "not of g0"
    assert found(table, "control", "included", "q00") == [(1, "c6"), (2, "c7")]
    assert found(table, "train", "included", "q10") == [(1, "c4"), (2, "c5")]
    assert found(table, "train", "excluded", "q10") == [(1, "c4"), (2, "c5")]
    assert found(table, "control", "excluded", "q11") == [(1, "c7"), (2, "c6")]
    ordinary = table[table.target == ""]
    assert set(ordinary.clip_id[ordinary["index"] == "train"]) <= set(
        indexes.clip_id[indexes.train]
    )
    assert set(ordinary.clip_id[ordinary["index"] == "control"]) <= set(
        indexes.clip_id[indexes.control]
    )


def test_parents_are_reported_wherever_they_are_and_are_no_match_unless_of_that_index(asked):
    queries, corpus, indexes, parents = asked
    both = {"wanted": ("train", "control"), "prompt_tracks": ("included", "excluded")}
    table = influence.attribute(queries, corpus, indexes, 3, parents, **both)
    for index, prompt_track, query, expected in [
        ("train", "included", "q00", (1, "c0")),
        ("train", "included", "q01", (1, "c1")),
        ("train", "excluded", "q01", (1, "c1")),  # where it would stand: its group is left out
        ("control", "included", "q01", (1, "c1")),
        ("train", "included", "q10", (2, "p0")),  # c4 is nearer than the prompt at 48 degrees
        ("train", "included", "q11", (1, "p1")),
        ("control", "included", "q10", (1, "p0")),
        ("control", "included", "q11", (2, "p1")),  # c7
    ]:
        assert found(table, index, prompt_track, query, "parent") == [expected]
    assert not table.clip_id[table.target == ""].isin(["p0", "p1"]).any()
    of_parent = table[(table.target == "parent") & (table.query_clip_id == "q10")]
    np.testing.assert_allclose(of_parent.cosine, np.cos(np.radians(5)), atol=2e-3)
    assert len(table[table.target == "parent"]) == 4 * 4


def test_parents_do_not_change_what_is_found(asked):
    queries, corpus, indexes, parents = asked
    without = influence.attribute(queries, corpus, indexes, 3)
    table = influence.attribute(queries, corpus, indexes, 3, parents)
    assert set(without.target) == {""}
    pd.testing.assert_frame_equal(table[table.target == ""].reset_index(drop=True), without)


def test_a_query_whose_parent_nobody_has_gets_no_row_for_it(asked):
    queries, corpus, indexes, parents = asked
    some = parents.where((parents.clips.clip_id != "p1").to_numpy())
    table = influence.attribute(queries, corpus, indexes, 1, some)
    assert table.query_clip_id[table.target == "parent"].tolist() == ["q00", "q01", "q10"]


# -- the nearest of each vamp ----------------------------------------------------------------------


def match_rows(*rows, **columns):
    names = ["query_clip_id", "rank", "clip_id", "cosine", "target"]
    table = pd.DataFrame(rows, columns=names).assign(
        encoder="test", index="train", prompt_track="included"
    )
    return table.assign(**columns)


def test_best_is_the_best_of_all_clips_of_a_vamp():
    matches = match_rows(
        ("q00", 1, "c2", 0.5, ""),
        ("q00", 2, "c3", 0.4, ""),
        ("q01", 1, "c4", 0.7, ""),
        ("q01", 1, "c1", 0.99, "parent"),
        ("q10", 1, "c5", 0.6, ""),
        ("q11", 1, "c6", 0.6, ""),
    )
    table = influence.best(matches, vamp_clips()).set_index("output_id")
    assert table.loc["v0", ["query_clip_id", "clip_id", "cosine"]].tolist() == ["q01", "c4", 0.7]
    assert table.loc["v0", ["cluster", "split", "setting"]].tolist() == ["g0", "train", "x"]
    assert table.clip_id["v1"] == "c5", "of equal cosines the first clip_id"
    assert len(table) == 2


def test_best_does_not_depend_on_the_order_of_rows_and_keeps_indexes_and_prompt_tracks_apart():
    rows = [(f"q{n % 2}{n % 3 % 2}", 1, f"c{n}", round(0.1 * (n % 4), 1), "") for n in range(12)]
    one = match_rows(*rows)
    parts = [
        one,
        one.assign(prompt_track="excluded", cosine=one.cosine / 2),
        one.assign(index="control"),
    ]
    matches = pd.concat([*parts, one.assign(encoder="other")], ignore_index=True)
    table = influence.best(matches, vamp_clips())
    assert len(table) == 4 * 2
    assert not table.duplicated(["encoder", "index", "prompt_track", "output_id"]).any()
    shuffled = influence.best(matches.sample(frac=1, random_state=0), vamp_clips())
    pd.testing.assert_frame_equal(shuffled, table)
    halved = table.cosine[table.prompt_track == "excluded"].to_numpy()
    assert np.array_equal(2 * halved, table.cosine[table.encoder == "other"])


def test_a_row_may_be_of_a_clip_and_a_track_that_is_not_known_is_its_own_cluster():
    clips = vamp_clips(group_id=["", "", "g9", "g9"]).drop(columns="setting")
    rows = [(clip, 1, "c2", 0.5, "") for clip in clips.clip_id]
    of_clips = influence.best(match_rows(*rows), clips, "clip_id")
    assert of_clips.output_id.tolist() == ["q00", "q01", "q10", "q11"]
    assert of_clips.cluster.tolist() == ["q00", "q01", "g9", "g9"]
    assert set(of_clips.setting) == {""}
    of_vamps = influence.best(match_rows(*rows), clips)
    assert of_vamps.cluster.tolist() == ["v0", "g9"]


def test_nothing_of_the_prompts_artist_can_be_found_where_it_is_left_out():
    corpus, clips = on_a_circle(clip_list(), range(10)), vamp_clips(parent_clip_id="")
    queries = on_a_circle(clips, [0, 1, 5, 6])
    indexes = influence.equal_indexes(clip_list(), 0)
    # t0 and t1 are of one artist, with t3 of the control split; the prompt of v1 is not known
    blocks = pd.Series({"t0": "A", "t1": "A", "t2": "B", "t3": "A", "t4": "C"})
    arms = ("included", "excluded", "artist_excluded")
    found = influence.attribute(
        queries, corpus, indexes, 9, wanted=("train", "control"), prompt_tracks=arms, blocks=blocks
    )
    of_v0 = found[found.query_clip_id == "q00"].groupby(["index", "prompt_track"]).track_id.agg(set)
    assert of_v0["train", "included"] == {"t0", "t1", "t2"}
    assert of_v0["train", "excluded"] == {"t1", "t2"}
    assert of_v0["train", "artist_excluded"] == {"t2"}
    assert of_v0["control", "excluded"] == {"t3", "t4"}
    assert of_v0["control", "artist_excluded"] == {"t4"}
    of_v1 = found[found.query_clip_id == "q10"].groupby(["index", "prompt_track"]).track_id.agg(set)
    assert of_v1["train", "artist_excluded"] == of_v1["train", "included"] == {"t0", "t1", "t2"}
    assert "artist_block" not in found


# -- exceedance ------------------------------------------------------------------------------------


def nearest_table(cosines, encoder="test", index="train", prompt_track="included"):
    units = [f"u{number}" for number in range(len(cosines))]
    table = pd.DataFrame({"output_id": units, "cluster": units, "cosine": cosines})
    return table.assign(encoder=encoder, index=index, prompt_track=prompt_track)


def exceedance_of(passed=None):
    outputs = [
        nearest_table([0.9, 0.6, 0.5, 0.4]),
        nearest_table([0.8, 0.6, 0.4, 0.2], prompt_track="excluded"),
        nearest_table([0.7, 0.5], prompt_track="excluded", index="control"),
        nearest_table([0.75, 0.55], prompt_track="excluded", index="train_equal"),
        nearest_table([0.1, 0.2], encoder="other", prompt_track="excluded"),
    ]
    control = pd.concat([nearest_table([0.5, 0.3]), nearest_table([0.3], encoder="other")])
    passed = control if passed is None else passed
    return influence.exceedance(pd.concat(outputs), passed, control, 50, 0.9, seed=0)


CURVE = ["source", "index", "prompt_track"]


def test_exceedance_of_each_source_against_numbers_worked_by_hand():
    table = exceedance_of(nearest_table([0.4, 0.2]))
    mine = table[table.encoder == "test"]
    sizes = mine.groupby(CURVE, sort=False).n.first().to_dict()
    assert sizes == {
        ("outputs", "train", "excluded"): 4,
        ("outputs", "train", "included"): 4,
        ("outputs", "train_equal", "excluded"): 2,
        ("outputs", "control", "excluded"): 2,
        ("control", "train", "included"): 2,
        ("control_roundtrip", "train", "included"): 2,
    }
    for curve, part in mine.groupby(CURVE):
        assert len(part) == influence.THRESHOLDS
        assert (part.threshold.iloc[0], part.threshold.iloc[-1]) == (0.2, 0.9)
        assert part.share.is_monotonic_decreasing
        assert part.share.iloc[0] == 1
        assert (part.low <= part.share).all(), curve
        assert (part.share <= part.high).all(), curve
    at = mine[(mine.threshold - 0.55).abs() < 1e-3].groupby(CURVE).share.first()
    assert at["outputs", "train", "excluded"] == 0.5
    assert at["outputs", "train", "included"] == 0.5
    assert at["outputs", "control", "excluded"] == 0.5
    assert at["control", "train", "included"] == 0
    assert at["control_roundtrip", "train", "included"] == 0
    at_last = mine[mine.threshold == 0.9].set_index(CURVE).share
    assert at_last["outputs", "train", "included"] == 0.25
    assert at_last.sum() == 0.25


def test_an_encoder_has_its_own_thresholds_and_only_the_sources_it_holds():
    table = exceedance_of()
    assert "control_roundtrip" not in set(table.source), "the codec is not known"
    other = table[table.encoder == "other"]
    assert set(other[CURVE].itertuples(index=False, name=None)) == {
        ("outputs", "train", "excluded"),
        ("control", "train", "included"),
    }
    assert (other.threshold.min(), other.threshold.max()) == pytest.approx((0.1, 0.3))


def test_a_band_is_drawn_by_the_name_that_its_curve_had_in_0_1():
    """So that its numbers are those of 0.1."""
    table = exceedance_of().set_index(["encoder", *CURVE])
    band = table.loc[("test", "outputs", "train", "included")]
    part = nearest_table([0.9, 0.6, 0.5, 0.4])
    expected = statistics.cluster_bootstrap(
        part.cosine.to_numpy()[:, None] >= band.threshold.to_numpy(),
        part.cluster,
        resamples=50,
        confidence=0.9,
        rng=rng(0, "influence.exceedance", "test vamp_train_own_kept"),
    )
    np.testing.assert_array_equal([band.low, band.high], expected)


# -- prompts against the training set --------------------------------------------------------------


def test_prompt_against_training_by_hand():
    """v0 is nearer to the training set than to its prompt, v1 and v2 are not."""
    clips = vamp_clips()
    more = {"clip_id": "q20", "track_id": "t5", "group_id": "g5", "split": "train"}
    more |= {"parent_clip_id": "c9", "output_id": "v2", "setting": "y"}
    clips = pd.concat([clips, pd.DataFrame([more])], ignore_index=True)
    matches = match_rows(
        ("q00", 1, "c2", 0.9, ""),
        ("q00", 4, "c0", 0.6, "parent"),
        ("q01", 1, "c3", 0.5, ""),
        ("q01", 1, "c1", 0.8, "parent"),
        ("q10", 1, "c4", 0.3, ""),
        ("q10", 1, "p0", 0.7, "parent"),
        ("q11", 1, "c4", 0.4, ""),
        ("q11", 7, "p1", 0.2, "parent"),
        ("q20", 1, "c4", 0.4, ""),
        ("q20", 1, "c9", 0.4, "parent"),  # as near is not nearer
    )
    indexes = influence.equal_indexes(clip_list(6, 4), 0)
    table = influence.prompt_against_training(matches, clips, indexes, 50, 0.95, seed=0)
    table = table.set_index(["setting", "prompts"])
    assert set(table.index) == {
        ("all", "train"),
        ("all", "control"),
        ("x", "train"),
        ("y", "control"),
        ("y", "train"),
    }
    columns = ["n_outputs", "best_mean", "prompt_mean", "nearer_share", "size_matched"]
    # six clips in the training set: 3 of them before c0, none before c1
    assert table.loc[("x", "train"), columns].tolist() == pytest.approx([1, 0.9, 0.8, 1, 0.25])
    assert table.loc[("y", "control"), columns].tolist() == pytest.approx([1, 0.4, 0.7, 0, 0.5])
    expected = [2, 0.65, 0.6, 0.5, 0.125]
    assert table.loc[("all", "train"), columns].tolist() == pytest.approx(expected)
    bounds = ["nearer_low", "nearer_high", "size_matched_low", "size_matched_high"]
    assert table.loc[("all", "train"), bounds].tolist() == pytest.approx([0, 1, 0, 0.25])
    assert table.loc[("x", "train"), bounds].isna().all(), "one prompt gives no interval"


def test_size_matched_counts_clips_of_the_index_that_is_asked_for():
    matches = match_rows(("q00", 1, "c6", 0.9, ""), ("q00", 3, "c0", 0.6, "parent"))
    indexes = influence.equal_indexes(clip_list(6, 4), 0)
    for index, expected in (("train", 2 / 6), ("train_equal", 2 / 4), ("control", 2 / 4)):
        table = influence.prompt_against_training(
            matches.assign(index=index), vamp_clips(), indexes, 9, 0.95, seed=0
        )
        assert table.size_matched.tolist() == pytest.approx([expected] * 2)
        assert (table["index"] == index).all()


def test_without_prompts_there_is_nothing_to_compare():
    matches = match_rows(("q00", 1, "c2", 0.9, ""))
    indexes = influence.equal_indexes(clip_list(), 0)
    assert influence.prompt_against_training(matches, vamp_clips(), indexes, 9, 0.95, 0).empty


def test_words_of_a_search_are_defined_once():
    assert tuple(competition.SIDES) == indexes.EQUAL == indexes.INDEXES[1:]
    assert INDEXES is token_evidence.INDEXES is indexes.INDEXES
    assert tuple(indexes.EXCLUDE) == ARMS
    assert influence.EXCLUDE is token_evidence.EXCLUDE is indexes.EXCLUDE
