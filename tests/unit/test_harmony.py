"""Harmony: the same chords in another key, on another instrument, are found and placed."""

import numpy as np
import pandas as pd
import pytest

from musical_roots import harmony
from musical_roots.trace import report

RATE = 11_025
CHORD_S = 1.5


def tune(seed, shift=0, partials=3, chords=20):
    """Random chords, a fixed time each: the same for a seed, whatever the key and the timbre."""
    draw, parts = np.random.default_rng(seed), []
    time = np.arange(int(RATE * CHORD_S)) / RATE
    for _ in range(chords):
        notes = draw.choice(12, 3, replace=False) + 48 + shift
        hertz = 440 * 2.0 ** ((notes - 57) / 12)
        tones = [
            np.sin(2 * np.pi * f * n * time) / n for f in hertz for n in range(1, 1 + partials)
        ]
        parts.append(np.sum(tones, axis=0) * 0.05)
    return np.concatenate(parts).astype(np.float32)


@pytest.fixture(scope="module")
def gallery():
    return harmony.Gallery(
        {f"t{seed}": harmony.pitch_classes(tune(seed), RATE) for seed in range(8)}
    )


def test_pitch_classes_are_told_apart_by_split():
    rows = {name: np.full((2, 12), ord(name)) for name in "abcd"}
    split = pd.Series({"b": "control", "a": "train", "c": "train", "x": "train"})
    train, control = harmony.of_splits(rows, split)
    assert list(train) == ["a", "c"] and list(control) == ["b"]
    assert train["c"] is rows["c"]


def test_short_files_are_held_against_parts_of_control_tracks(gallery):
    """Of few windows the most similar quarter is one: by chance that is more similar."""
    control = {f"c{seed}": harmony.pitch_classes(tune(seed), RATE) for seed in range(100, 120)}
    asked = [harmony.pitch_classes(tune(seed, chords=6), RATE) for seed in range(200, 230)]
    scores = np.array([gallery.similar(rows)[0].max() for rows in asked])
    whole = harmony.null(control, gallery, 1).similarity
    parts = harmony.null(control, gallery, 1, rows=len(asked[0])).similarity
    assert np.quantile(scores, 0.5) > np.quantile(whole, 0.7)
    assert np.quantile(parts, 0.25) < np.quantile(scores, 0.5) < np.quantile(parts, 0.75)
    held = report.Harmony(gallery, control, 1, whole.to_numpy())
    np.testing.assert_array_equal(held.null(len(asked[0])), parts)
    np.testing.assert_array_equal(held.null(1000), whole)


def test_a_note_is_its_own_pitch_class():
    time = np.arange(4 * RATE) / RATE
    for semitones in range(12):
        note = np.sin(2 * np.pi * 220 * 2.0 ** (semitones / 12) * time)
        assert (harmony.pitch_classes(note, RATE).argmax(axis=1) == semitones).all()


def test_level_changes_little():
    whole = tune(1)
    rows = harmony.pitch_classes(whole, RATE)
    quiet = harmony.pitch_classes(0.1 * whole, RATE)
    assert np.sum(rows * quiet, axis=1).mean() > 0.95
    assert len(rows) == pytest.approx(len(whole) / RATE / harmony.ROW_S, abs=1)


@pytest.mark.parametrize("shift", [-4, 0, 3])
def test_a_remake_in_another_key_names_its_original(gallery, shift):
    remade = harmony.pitch_classes(tune(2, shift, partials=6), RATE)
    similarity, semitones = gallery.similar(remade)
    assert similarity.argmax() == 2
    assert semitones[2] == shift
    assert similarity[2] > 0.2 + np.delete(similarity, 2).max()


def test_seconds_are_aligned(gallery):
    late = harmony.pitch_classes(tune(2, 3, partials=6)[round(9 * RATE) :], RATE)
    start_s, from_s, similarity = gallery.place(late, "t2", 3)
    assert from_s - start_s == pytest.approx(9, abs=harmony.ROW_S)
    assert similarity > 0.8


def test_what_is_short_or_silent_is_no_error(gallery):
    assert harmony.pitch_classes(np.zeros(100, np.float32), RATE).shape == (0, 12)
    silent = harmony.pitch_classes(np.zeros(5 * RATE, np.float32), RATE)
    assert (silent == 0).all()
    assert (gallery.similar(silent)[0] == 0).all()
    short = harmony.pitch_classes(tune(2)[: 2 * RATE], RATE)  # less than a window
    assert gallery.similar(short)[0].argmax() == 2


def test_the_null_is_each_control_tracks_most_similar(gallery):
    control = {name: gallery.rows[name] for name in ("t3", "t5")}
    found = harmony.null(control, gallery, seed=1)
    assert found.track_id.tolist() == ["t3", "t5"]
    assert found.similarity.to_numpy() == pytest.approx(1, abs=1e-5)
