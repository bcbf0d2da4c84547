import numpy as np
import pandas as pd
import pytest

from musical_roots.errors import InputError
from musical_roots.experiments import robustness


def corpus(tracks=5, clips=6):
    rows = [
        {
            "clip_id": f"{track:02d}{clip:02d}",
            "track_id": f"t{track}",
            "group_id": f"g{track // 2}",  # tracks 0 and 1 are near duplicates, and so on
            "split": "train",
            "start_s": 3.0 * clip,
            "duration_s": 3.0,
        }
        for track in range(tracks)
        for clip in range(clips)
    ]
    lengths = pd.DataFrame(
        {"track_id": [f"t{n}" for n in range(tracks)], "duration_s": 3.0 * clips}
    )
    return pd.DataFrame(rows), lengths


def test_queries_are_spread_over_tracks_and_have_context():
    clips, tracks = corpus()
    chosen = robustness.choose_queries(clips, tracks, 7, 1.5, seed=0)
    assert len(chosen) == 7
    assert chosen.track_id.value_counts().tolist() == [2, 2, 1, 1, 1]
    assert chosen.start_s.between(1.5, 18 - 4.5).all()


def test_queries_do_not_depend_on_the_order_of_clips():
    clips, tracks = corpus()
    shuffled = clips.sample(frac=1, random_state=1)
    one, other = (robustness.choose_queries(c, tracks, 7, 1.5, seed=0) for c in (clips, shuffled))
    pd.testing.assert_frame_equal(one, other)
    assert not one.equals(robustness.choose_queries(clips, tracks, 7, 1.5, seed=1))


def test_more_queries_than_clips_takes_them_all():
    clips, tracks = corpus()
    assert len(robustness.choose_queries(clips, tracks, 1000, 1.5, seed=0)) == 5 * 4


def test_no_room_for_context_is_said():
    clips, tracks = corpus(clips=1)
    with pytest.raises(InputError, match=r"1\.5 s of music on both sides"):
        robustness.choose_queries(clips, tracks, 5, 1.5, seed=0)


def test_the_other_track_is_no_near_duplicate():
    clips, _ = corpus()
    others = robustness.other_track(clips, clips, "floor", seed=0)
    group = clips.set_index("clip_id").group_id
    assert (group[others].to_numpy() != clips.group_id.to_numpy()).all()
    assert len(set(others)) > 5


def test_one_track_alone_has_no_other():
    clips, _ = corpus(tracks=2)
    with pytest.raises(InputError, match="nothing to compare"):
        robustness.other_track(clips, clips, "floor", seed=0)


def perturbed_and_matches():
    """Two queries at two levels: unchanged they find themselves, at level 5 they do not."""
    clips, _ = corpus()
    queries = clips.iloc[[1, 8]].reset_index(drop=True)
    copies = robustness.perturbed_clips(queries, "pitch", "semitones", [5, 0], ["0400", "0400"])
    rows = []
    for copy in copies.itertuples():
        rank, cosine = (1, 1.0) if copy.level == 0 else (20, 0.5)
        first = (
            copy.parent_clip_id if copy.level == 0 else {"t0": "0003", "t1": "0400"}[copy.track_id]
        )
        for clip, at, value, target in [
            (first, 1, 1.0 if rank == 1 else 0.9, ""),
            (copy.parent_clip_id, rank, cosine, "original"),
            ("0400", 25, 0.1, "random"),
        ]:
            rows.append((copy.clip_id, at, clip, value, target, "mfcc"))
    columns = ["query_clip_id", "rank", "clip_id", "cosine", "target", "encoder"]
    return clips, copies, pd.DataFrame(rows, columns=columns)


def test_perturbed_clips_are_named_by_what_they_hold():
    _, copies, _ = perturbed_and_matches()
    assert copies.clip_id.is_unique
    assert copies.level.tolist() == [0, 0, 5, 5]
    clips, _ = corpus()
    queries = clips.iloc[[1, 8]].reset_index(drop=True)
    alone = robustness.perturbed_clips(queries, "pitch", "semitones", [5], ["0400", "0400"])
    assert alone.clip_id.tolist() == copies.clip_id.tolist()[2:]


def test_summary_against_numbers_worked_by_hand():
    clips, copies, matches = perturbed_and_matches()
    table = robustness.summarise(matches, copies, clips, 100, 0.95, seed=0)
    same, shifted = table.to_dict("records")
    assert (same["level"], shifted["level"]) == (0, 5)
    assert same["n_queries"] == 2
    assert (same["cosine_mean"], same["recall_at_1"], same["median_rank"]) == (1.0, 1.0, 1.0)
    assert (shifted["cosine_mean"], shifted["cosine_floor"]) == pytest.approx((0.5, 0.1))
    assert (shifted["recall_at_1"], shifted["recall_at_10"], shifted["recall_at_50"]) == (0, 0, 1)
    assert (shifted["mrr"], shifted["median_rank"]) == (1 / 20, 20)
    # query of t0 finds clip 0003 of t0 first, query of t1 finds clip 0400 of t4
    assert shifted["track_recall_at_1"] == 0.5


def test_targets_name_the_original_and_a_random_clip():
    _, copies, _ = perturbed_and_matches()
    pairs = robustness.targets(copies, dict.fromkeys(copies.parent_clip_id, "0400"))
    assert pairs.target.value_counts().to_dict() == {"original": 4, "random": 4}
    original = pairs[pairs.target == "original"].set_index("query_clip_id").clip_id
    assert np.array_equal(original[copies.clip_id], copies.parent_clip_id)
