import numpy as np
import pandas as pd
import pytest

from musical_roots import perturbed
from musical_roots.errors import InputError


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
    chosen = perturbed.choose_queries(clips, tracks, 7, seed=0, context_s=1.5)
    assert len(chosen) == 7
    assert chosen.track_id.value_counts().tolist() == [2, 2, 1, 1, 1]
    assert chosen.start_s.between(1.5, 18 - 4.5).all()


def test_queries_do_not_depend_on_the_order_of_clips():
    clips, tracks = corpus()
    shuffled = clips.sample(frac=1, random_state=1)
    one, other = (
        perturbed.choose_queries(c, tracks, 7, seed=0, context_s=1.5) for c in (clips, shuffled)
    )
    pd.testing.assert_frame_equal(one, other)
    assert not one.equals(perturbed.choose_queries(clips, tracks, 7, seed=1, context_s=1.5))


def test_more_queries_than_clips_takes_them_all():
    clips, tracks = corpus()
    assert len(perturbed.choose_queries(clips, tracks, 1000, seed=0, context_s=1.5)) == 5 * 4


def test_no_room_for_context_is_said():
    clips, tracks = corpus(clips=1)
    with pytest.raises(InputError, match=r"1\.5 s of music on both sides"):
        perturbed.choose_queries(clips, tracks, 5, seed=0, context_s=1.5)


def test_the_other_track_is_no_near_duplicate():
    clips, _ = corpus()
    others = perturbed.other_track(clips, clips, "floor", seed=0)
    group = clips.set_index("clip_id").group_id
    assert (group[others].to_numpy() != clips.group_id.to_numpy()).all()
    assert len(set(others)) > 5


def test_one_track_alone_has_no_other():
    clips, _ = corpus(tracks=2)
    with pytest.raises(InputError, match="nothing to compare"):
        perturbed.other_track(clips, clips, "floor", seed=0)


def two_queries_at_two_levels():
    clips, _ = corpus()
    queries = clips.iloc[[1, 8]].reset_index(drop=True)
    return queries, perturbed.perturbed_clips(queries, "pitch", "semitones", [5, 0], ["0400"] * 2)


def test_perturbed_clips_are_named_by_what_they_hold():
    queries, made = two_queries_at_two_levels()
    assert made.clip_id.is_unique
    assert made.level.tolist() == [0, 0, 5, 5]
    alone = perturbed.perturbed_clips(queries, "pitch", "semitones", [5], ["0400", "0400"])
    assert alone.clip_id.tolist() == made.clip_id.tolist()[2:]


def test_targets_name_the_original_and_a_random_clip():
    _, made = two_queries_at_two_levels()
    pairs = perturbed.targets(made, dict.fromkeys(made.parent_clip_id, "0400"))
    assert pairs.target.value_counts().to_dict() == {"original": 4, "random": 4}
    original = pairs[pairs.target == "original"].set_index("query_clip_id").clip_id
    assert np.array_equal(original[made.clip_id], made.parent_clip_id)
