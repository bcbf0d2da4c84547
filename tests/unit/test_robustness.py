import numpy as np
import pandas as pd
import pytest

from musical_roots import seeding, statistics
from musical_roots.experiments import robustness

COLUMNS = ["query_clip_id", "rank", "clip_id", "track_id", "cosine", "target", "encoder"]


def perturbed_and_matches():
    """Two queries at two levels: unchanged they find themselves, at level 5 they do not."""
    # original, and what a perturbed copy of it finds first in its place
    queries = {("t0", "0001"): ("t0", "0003"), ("t1", "0102"): ("t4", "0400")}
    clips, rows = [], []
    for level in (0.0, 5.0):
        for (track, original), other in queries.items():
            name = f"{original} at {level:g}"
            clips.append((name, track, "pitch", "", level, "semitones"))
            first = (track, original) if level == 0 else other
            rank, cosine = (1, 1.0) if level == 0 else (20, 0.5)
            for at, (of_track, clip), value, target in [
                (1, first, max(cosine, 0.9), ""),
                (rank, (track, original), cosine, "original"),
                (25, ("t4", "0400"), 0.1, "random"),
            ]:
                rows.append((name, at, clip, of_track, value, target, "mfcc"))
    columns = ["clip_id", "track_id", "kind", "generator", "level", "unit"]
    return pd.DataFrame(clips, columns=columns), pd.DataFrame(rows, columns=COLUMNS)


def test_summary_against_numbers_worked_by_hand():
    clips, matches = perturbed_and_matches()
    table = robustness.summarise("pitch", matches, clips, 100, 0.95, seed=0)
    same, shifted = table.to_dict("records")
    assert (same["level"], shifted["level"]) == (0, 5)
    assert (same["n_queries"], same["n_tracks"]) == (2, 2)
    assert (same["cosine_mean"], same["recall_at_1"], same["median_rank"]) == (1.0, 1.0, 1.0)
    assert (shifted["cosine_mean"], shifted["cosine_floor"]) == pytest.approx((0.5, 0.1))
    found = [shifted[f"recall_at_{k}"] for k in (1, 5, 10, 50)]
    assert found == [0, 0, 0, 1]
    assert (shifted["mrr"], shifted["median_rank"]) == (1 / 20, 20)
    # query of t0 finds a clip of t0 first, query of t1 one of t4
    assert shifted["track_recall_at_1"] == 0.5


def ranked(ranks, tracks, generators=None):
    """Queries at one level whose original has these ranks."""
    names = [f"q{number:02d}" for number in range(len(ranks))]
    clips = pd.DataFrame({"clip_id": names, "track_id": tracks, "kind": "splice_training"})
    clips = clips.assign(generator=generators or "", level=50.0, unit="%")
    found = pd.DataFrame({"query_clip_id": names, "rank": ranks, "clip_id": "o", "track_id": "x"})
    rows = [
        found.assign(rank=1, cosine=0.9, target=""),
        found.assign(cosine=np.linspace(0, 0.5, len(ranks)), target="original"),
        found.assign(rank=90, cosine=0.1, target="random"),
    ]
    return clips, pd.concat(rows, ignore_index=True).assign(encoder="mfcc")


def test_intervals_of_recall_are_those_of_the_shares_by_track():
    ranks = [1, 1, 2, 4, 5, 6, 9, 10, 11, 60]
    tracks = list("aabbccddee")
    clips, matches = ranked(ranks, tracks)
    (row,) = robustness.summarise("splice_outside", matches, clips, 500, 0.9, 3).to_dict("records")
    assert [row[f"recall_at_{k}"] for k in (1, 5, 10)] == [0.2, 0.5, 0.8]
    assert (row["kind"], row["n_queries"], row["n_tracks"]) == ("splice_outside", 10, 5)
    for k in (1, 5, 10):
        chance = seeding.rng(3, "robustness.bootstrap", "mfcc splice_outside 50")
        low, high = statistics.cluster_bootstrap(
            np.array(ranks) <= k, tracks, resamples=500, confidence=0.9, rng=chance
        )
        assert (row[f"recall_at_{k}_low"], row[f"recall_at_{k}_high"]) == (low, high)
        assert low <= row[f"recall_at_{k}"] <= high and low < high


def test_each_generator_has_a_row():
    clips, matches = ranked([1, 1, 7, 7], list("abab"), ["one", "one", "other", "other"])
    table = robustness.summarise("splice_vamp", matches, clips, 50, 0.9, 0)
    assert table.set_index("generator").recall_at_5.to_dict() == {"one": 1, "other": 0}


def test_a_renamed_kind_is_drawn_as_it_was(monkeypatch):
    asked = []
    monkeypatch.setattr(
        robustness, "rng", lambda *words: asked.append(words) or seeding.rng(*words)
    )
    clips, matches = ranked([1, 2], list("ab"))
    robustness.summarise("mix", matches, clips.assign(level=-30.0), 5, 0.9, 0)
    assert asked == [(0, "robustness.bootstrap", "mfcc mashup -30")]
