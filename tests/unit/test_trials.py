import pandas as pd
import pytest

from musical_roots.listening.trials import COLUMNS, practice, trials


def pairs(x=30, encoders=("mfcc", "mel")):
    rows = [
        {
            **{"encoder": encoder, "x_clip_id": f"x{n:02d}", "x_kind": "training"},
            **{"a_clip_id": f"{encoder} near{n}{turn}", "b_clip_id": f"{encoder} far{n}{turn}"},
            **{"a_cosine": 0.9, "b_cosine": 0.1, "a_rank": 1, "b_rank": 9, "a_bin": None},
            **{"b_bin": None, "gap_stratum": 1, "a_drawn": "rank_1", "b_drawn": "rank_10"},
        }
        for encoder in encoders
        for n in range(x)
        for turn in range(2)
    ]
    return pd.DataFrame(rows)


@pytest.fixture(scope="module")
def ours():
    return trials(pairs(), "ours", 20, 0.1, 0.1, mixed=True, seed=0)


def test_every_pair_is_a_trial_once(ours):
    tests = ours[ours.kind == "test"]
    assert list(ours) == COLUMNS and len(tests) == 120
    asked = tests[["x_clip_id", "a_clip_id", "b_clip_id"]].apply(frozenset, axis=1)
    assert set(asked) == set(
        pairs()[["x_clip_id", "a_clip_id", "b_clip_id"]].apply(frozenset, axis=1)
    )
    assert ours.trial_id.is_unique


def test_a_tenth_are_catch_trials_and_a_tenth_come_twice(ours):
    for _, block in ours.groupby("block"):
        kinds = block.kind.value_counts()
        assert len(block) <= 20 and kinds["repeat"] == 2
        assert kinds["catch_identical"] == kinds["catch_absurd"] == 1
        assert block.position.tolist() == list(range(1, len(block) + 1))


def test_of_a_catch_trial_the_nearer_one_is_right(ours):
    for row in ours[ours.kind.str.startswith("catch")].itertuples():
        right, wrong = (row.a_clip_id, row.b_clip_id)[:: 1 if row.nearer == "a" else -1]
        if row.kind == "catch_identical":
            assert right == row.x_clip_id and "far" in wrong
        else:
            assert wrong == "noise" and "near" in right


def test_the_nearer_one_is_so_and_on_both_sides_alike(ours):
    tests = ours[ours.kind == "test"]
    near = tests.a_clip_id.where(tests.nearer == "a", tests.b_clip_id)
    assert near.str.contains("near").all()
    assert 40 < (tests.nearer == "a").sum() < 80
    higher = (tests.a_cosine > tests.b_cosine).map({True: "a", False: "b"})
    assert (higher == tests.nearer).all()
    assert ((tests.a_drawn == "rank_1") == (tests.a_rank == 1)).all()


def test_a_repeat_is_the_same_trial_later_in_the_session(ours):
    by_id = ours.set_index("trial_id")
    repeats = ours[ours.kind == "repeat"]
    assert len(repeats) > 0 and (ours[ours.kind != "repeat"].repeats == "").all()
    for row in repeats.itertuples():
        first = by_id.loc[row.repeats]
        same = ["x_clip_id", "a_clip_id", "b_clip_id", "nearer", "block", "encoder"]
        assert [getattr(row, key) for key in same] == first[same].tolist()
        assert first.kind == "test" and row.position - first.position >= 4


def test_a_session_of_the_papers_arm_is_of_one_encoder():
    paper = trials(pairs(), "paper", 10, 0, 0, mixed=False, seed=0)
    assert (paper.groupby("block").encoder.nunique() == 1).all()
    assert set(paper.kind) == {"test"} and paper.groupby("block").size().max() == 10
    assert (paper.groupby("block").x_clip_id.nunique() >= 9).all()


def test_the_order_of_pairs_changes_nothing_and_the_seed_does():
    made = trials(pairs(), "ours", 20, 0.1, 0.1, mixed=True, seed=0)
    turned = trials(pairs().iloc[::-1], "ours", 20, 0.1, 0.1, mixed=True, seed=0)
    tests = [one[one.kind == "test"].trial_id.tolist() for one in (made, turned)]
    assert sorted(tests[0]) == sorted(tests[1])
    assert made.block[made.kind == "test"].tolist() == turned.block[turned.kind == "test"].tolist()
    other = trials(pairs(), "ours", 20, 0.1, 0.1, mixed=True, seed=1)
    assert made.trial_id.tolist() != other.trial_id.tolist()


def test_no_pairs_are_no_trials():
    assert trials(pairs().head(0), "paper", 10, 0, 0, mixed=False, seed=0).empty


def test_practice_is_one_of_each_kind_of_catch_trial(ours):
    same, absurd = practice(ours).itertuples()
    assert same.a_clip_id == same.x_clip_id and absurd.b_clip_id == "noise"
    assert [same.trial_id, absurd.trial_id] == ["practice-1", "practice-2"]
