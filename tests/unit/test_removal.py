"""What outputs lose without the track that a method names, and how well that is known."""

import numpy as np
import pandas as pd
import pytest
from test_race import as_scores

from musical_roots.experiments.counterfactual import race, removal


def test_what_many_outputs_name_is_known_as_well_as_its_halves_tell():
    """One track is named for all outputs, which share what their losses hang on by chance."""
    names, count = [f"v{row}" for row in range(30)], {"outputs": 0, "models": 0}
    made = pd.DataFrame({"output_id": names, "prompt_group_id": names, "setting": "periodic"})
    made["prompt_split"] = "train"
    tracks = pd.DataFrame({"track_id": list("abcdef"), "artist": list("abcdef")})
    tracks["duration_s"] = np.arange(60.0, 66.0)
    for draw in range(120):
        chance = np.random.default_rng(draw)
        shared = chance.normal(size=(40, 1)) * chance.gamma(4, size=30)
        truth = race.Truth(
            chance.random((40, 6)) < 0.5, shared + 0.1 * chance.normal(size=(40, 30)),
            np.arange(6), pd.Index(tracks.track_id), pd.Index(names), 40,
        )  # fmt: skip
        one = as_scores("one", np.eye(6)[np.zeros(30, int)], made, tracks=tracks.track_id)
        (row,) = removal.removal(one, truth, made, tracks, "tracks", 100, 0.95, draw).to_dict(
            "records"
        )
        count["outputs"] += not row["random_low"] <= 0 <= row["random_high"]
        count["models"] += not row["random_low_models"] <= 0 <= row["random_high_models"]
    assert count["outputs"] > 60 and 1 <= count["models"] <= 14, count


def test_where_each_track_was_left_out_tracks_are_drawn():
    """Eight outputs name two tracks: by tracks all may be of one, by outputs that is too rare."""
    names, outs = pd.Index(list("abcd")), pd.Index([f"v{row}" for row in range(8)])
    made = pd.DataFrame({"output_id": outs, "prompt_group_id": outs, "setting": "periodic"})
    made["prompt_split"] = "train"
    tracks = pd.DataFrame({"track_id": names, "artist": names, "duration_s": [1.0, 2, 3, 4]})
    named = np.repeat([0, 3], 4)
    loss = np.zeros((4, 8))
    loss[named, np.arange(8)] = np.where(named == 0, 3.0, 12.0)
    truth = race.Truth(~np.eye(4, dtype=bool), loss, np.arange(4), names, outs, 4)
    scores = as_scores("true", np.eye(4)[named], made, tracks=names)
    (row,) = removal.removal(scores, truth, made, tracks, "left_out", 500, 0.95, 1).to_dict(
        "records"
    )
    assert row["named"] == pytest.approx((3 + 12) / 2 * 3 / 4)  # less the mean of all four
    assert row["named_less_random"] == pytest.approx((3 + 12) / 2)
    assert [row["random_low_models"], row["random_high_models"]] == pytest.approx([3, 12])
    assert 3 < row["random_low"] < 7.5 < row["random_high"] < 12
    assert row["largest"] == row["largest_low"] == row["largest_high"] == 1
    half = as_scores("half", np.eye(4)[np.repeat([0, 1], 4)], made, tracks=names)
    (row,) = removal.removal(half, truth, made, tracks, "left_out", 500, 0.95, 1).to_dict("records")
    assert row["largest"] == 0.5 and 0 < row["largest_low"] < 0.5 < row["largest_high"] < 1


def test_near_duplicates_are_named_together_and_are_none_of_the_others():
    names, outs = pd.Index(list("abcd")), pd.Index(["v0", "v1"])
    made = pd.DataFrame({"output_id": outs, "prompt_group_id": outs, "setting": "periodic"})
    made["prompt_split"] = "train"
    tracks = pd.DataFrame({"track_id": names, "artist": names, "duration_s": [1.0, 2, 3, 4]})
    inside = np.array([[0, 0, 1, 1], [1, 1, 0, 1], [1, 1, 1, 0]], bool)  # a and b are one
    loss = np.array([[9.0, 9.0], [3.0, 3.0], [0.0, 0.0]])
    truth = race.Truth(inside, loss, np.array([0, 0, 1, 2]), names, outs, 3)
    halves = removal.by_halves(truth)
    (row,) = removal.removal(halves, truth, made, tracks, "left_out", 50, 0.95, 1).to_dict(
        "records"
    )
    assert (row["n_outputs"], row["largest"]) == (2, 1.0)
    assert row["named"] == pytest.approx(9 - 4)
    assert row["named_less_random"] == pytest.approx(9 - (3 + 0) / 2)


def test_a_match_has_an_artist_with_as_many_tracks():
    names = pd.Index(["a", "b", "c", "d"])
    tracks = pd.DataFrame({"track_id": names, "artist": ["x", "x", "y", "z"]})
    tracks["duration_s"] = [100.0, 300.0, 101.0, 102.0]
    truth = race.Truth(np.eye(4, dtype=bool), np.zeros((4, 1)), np.arange(4), names, names[:1], 4)
    assert removal.matched(truth, tracks).tolist() == [1, 0, 3, 2]
