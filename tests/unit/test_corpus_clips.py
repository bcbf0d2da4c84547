"""The grid of clips."""

import numpy as np
import pandas as pd
import pytest
import soundfile

from musical_roots.corpus import clips, recordings
from musical_roots.errors import InputError

RATE = 8000
GRID = {"duration_s": 3.0, "hop_s": 3.0, "silence_lufs": -50.0, "per_track": 24, "seed": 0}


def track(folder, name, samples):
    soundfile.write(folder / f"{name}.wav", samples, RATE)
    return {
        "track_id": name,
        "group_id": name,
        "split": "control" if name == "b" else "train",
        "root": str(folder),
        "path": f"{name}.wav",
    }


def cut(tracks, **settings):
    return clips.cut(tracks, **GRID | settings)


@pytest.fixture
def tracks(tmp_path):
    draw = np.random.default_rng(0)
    lengths = {"a": 31.4, "b": 12.0, "c": 2.9, "d": 9.0}
    sounds = {name: draw.normal(0, 0.1, int(s * RATE)) for name, s in lengths.items()}
    sounds["d"][: 6 * RATE] = 0
    return pd.DataFrame([track(tmp_path, name, sounds[name]) for name in sounds])


def test_recordings_to_train_on_come_by_side(tracks):
    tracks["split"] = ["train", "control", "train", "neither"]
    told = []
    train, control = recordings.splits(tracks, RATE // 2, told.append)
    assert {name: len(audio) for name, audio in train.items()} == {"a": 125_600, "c": 11_600}
    assert {name: len(audio) for name, audio in control.items()} == {"b": 48_000}
    assert told == [1, 1, 1]


def test_grid_drops_partial_and_silent_clips(tracks):
    found = cut(tracks)
    assert found.columns.tolist() == clips.COLUMNS
    starts = found.groupby("track_id")["start_s"].agg(list)
    assert starts["a"] == [3.0 * k for k in range(10)]
    assert starts["b"] == [0, 3, 6, 9]
    assert "c" not in starts
    assert starts["d"] == [6]
    assert found["role"].tolist() == found["split"].tolist()
    assert found["clip_id"].is_unique
    assert found["loudness_lufs"].between(-40, 0).all()


def test_overlapping_grid_counts_in_milliseconds(tracks):
    found = cut(tracks[tracks["track_id"] == "b"], duration_s=2.5, hop_s=0.7, per_track=99)
    assert found["start_s"].tolist() == [round(0.7 * k, 3) for k in range(14)]


def test_per_track_is_drawn_per_track_and_seed(tracks):
    few = cut(tracks, per_track=3, seed=1)
    assert few.groupby("track_id").size().to_dict() == {"a": 3, "b": 3, "d": 1}
    shards = [cut(tracks.iloc[[k]], per_track=3, seed=1) for k in (2, 3, 1, 0)]
    joined = pd.concat([shard for shard in shards if len(shard)])
    joined = joined.sort_values(["track_id", "start_s"], ignore_index=True)
    pd.testing.assert_frame_equal(joined, few)
    assert cut(tracks, per_track=3, seed=2)["clip_id"].tolist() != few["clip_id"].tolist()


def test_no_tracks_give_an_empty_list(tracks):
    assert cut(tracks.iloc[:0]).columns.tolist() == clips.COLUMNS


def test_too_short_clips_are_refused(tracks):
    with pytest.raises(InputError, match=r"0\.5 s"):
        cut(tracks, duration_s=0.3)


def test_clip_id_is_stable_and_says_what_the_clip_holds():
    name = clips.clip_id("0123456789abcdef", 3.0, 3.0)
    assert name == "fcfc241dde33e3e6"
    assert name == clips.clip_id("0123456789abcdef", 3, 2.9999999)
    others = [
        ("0123456789abcdef", 3.001, 3.0),
        ("x", 3.0, 3.0),
        ("0123456789abcdef", 3, 3, "noise:5"),
    ]
    assert len({name, *(clips.clip_id(*other) for other in others)}) == 4


def test_a_track_more_moves_no_other_to_another_part():
    names = pd.Series([f"{number * 2654435761 % 2**64:016x}" for number in range(200)])
    parts = [clips.in_part(names, part, 7) for part in range(7)]
    assert (sum(part.astype(int) for part in parts) == 1).all()
    assert all(part.any() for part in parts)
    more = pd.concat([pd.Series(["00000000000000ff"]), names], ignore_index=True)
    for part, before in enumerate(parts):
        assert clips.in_part(more, part, 7)[1:].tolist() == before.tolist()
    assert clips.in_part(names.head(0), 0, 7).tolist() == []
