"""Which tracks each retrained model learns from."""

import pandas as pd
import pytest
from some_halves import CONTROL, DRAWN, NAMES, TRACKS, drawn, inside_of

from musical_roots.errors import InputError
from musical_roots.experiments.counterfactual import halves, truth


def test_models_are_halves_and_second_seeds():
    table = drawn()
    assert list(table) == list(truth.TABLES["members"]) == halves.COLUMNS
    assert table.model.nunique() == 6 + 2 + 3
    assert all(sorted(rows.track_id) == NAMES for _, rows in table.groupby("model"))
    twice = table[table.seed_number == 1]
    assert set(twice.half) == {0, 1} and set(twice.design) == {"tracks"}
    for half, rows in twice.groupby("half"):
        first = table[table.model == halves.name("tracks", half, 0)]
        assert rows.inside.tolist() == first.inside.tolist()


def test_a_half_is_a_half_of_the_playing_time_and_no_unit_is_cut():
    table = drawn(halves=40, artist_halves=40).merge(TRACKS, on="track_id")
    longest = {"tracks": 220, "artists": 240}  # of a group, of artists tied by a credit
    for (design, _), rows in table.groupby(["design", "model"]):
        seconds = rows.duration_s[rows.inside].sum()
        assert abs(seconds - rows.duration_s.sum() / 2) <= longest[design] / 2
        tied = {"tracks": ["gh"], "artists": ["gh", "abc"]}[design]
        is_inside = rows.set_index("track_id").inside
        assert all(is_inside[list(unit)].nunique() == 1 for unit in tied)
    often = table[table.design == "tracks"].groupby("track_id").inside.mean()
    assert ((often > 0.25) & (often < 0.75)).all()
    assert table[table.inside].groupby("model").track_id.agg("".join).nunique() > 20


def test_a_half_hangs_on_the_seed_and_its_number_alone():
    pd.testing.assert_frame_equal(drawn(), drawn())
    more = inside_of(drawn(halves=9, second_seeds=0, artist_halves=5))
    assert all(more[name] == inside for name, inside in inside_of(drawn(second_seeds=0)).items())
    assert inside_of(drawn(seed=4)) != inside_of(drawn())
    shuffled = halves.members(TRACKS.sample(frac=1, random_state=0), **DRAWN)
    assert {name: sorted(inside) for name, inside in inside_of(shuffled).items()} == inside_of(
        drawn()
    )


def test_of_one_artist_there_is_no_half():
    alone = TRACKS.assign(artist="One")
    with pytest.raises(InputError, match="of 1 artists in the train split there is no half"):
        halves.members(alone, **DRAWN)
    assert set(halves.members(alone, **(DRAWN | {"artist_halves": 0})).design) == {"tracks"}


def test_number_0_is_trained_by_the_configs_own_seed():
    assert halves.seed_of(3, 0) == 3
    assert halves.seed_of(3, 1) == halves.seed_of(3, 1) not in (3, halves.seed_of(4, 1))


def test_each_track_is_left_out_once_with_its_near_duplicates():
    table = drawn(left_out=True)
    alone = table[table.design == halves.LEFT_OUT]
    out = alone[~alone.inside].groupby("model").track_id.agg("".join)
    assert sorted(out) == ["a", "b", "c", "d", "e", "f", "gh"]
    assert all(sorted(rows.track_id) == NAMES for _, rows in alone.groupby("model"))
    assert set(alone.seed_number) == {0}


def test_halves_of_other_music_are_those_of_the_tracks_with_control_tracks_of_their_length():
    table = drawn(other_halves=5)
    other = table[table.design == halves.OTHER_MUSIC]
    assert other.model.tolist()[:: len(NAMES)] == [f"other_music-{half:03d}-0" for half in range(5)]
    place = {name.upper(): name for name in NAMES}  # g and h are of one length
    same = table[(table.design == "tracks") & (table.seed_number == 0) & (table.half < 5)]
    mine = other.assign(track_id=other.track_id.map(place))[["half", "track_id", "inside"]]
    pd.testing.assert_frame_equal(
        mine.reset_index(drop=True), same[mine.columns].reset_index(drop=True)
    )
    assert sorted(halves.train_tracks(table)) == NAMES
    without = table[table.design != halves.OTHER_MUSIC].reset_index(drop=True)
    pd.testing.assert_frame_equal(without, drawn())


def test_a_stand_in_is_of_about_the_length_and_stands_in_for_one():
    one = pd.DataFrame({"track_id": list("abc"), "duration_s": [100.0, 61.0, 60.0]})
    other = pd.DataFrame({"track_id": list("WXYZ"), "duration_s": [62.0, 300.0, 90.0, 58.0]})
    assert halves.stand_ins(one, other) == {"a": "Y", "b": "W", "c": "Z"}
    with pytest.raises(InputError, match=r"other_halves: 7 control tracks .* stand in for 8"):
        drawn(other_halves=1, control=CONTROL[:7])
    drawn(other_halves=0, control=CONTROL[:7])
