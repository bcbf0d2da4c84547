import pandas as pd
import pytest

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
            clips.append((name, track, "pitch", level, "semitones"))
            first = (track, original) if level == 0 else other
            rank, cosine = (1, 1.0) if level == 0 else (20, 0.5)
            for at, (of_track, clip), value, target in [
                (1, first, max(cosine, 0.9), ""),
                (rank, (track, original), cosine, "original"),
                (25, ("t4", "0400"), 0.1, "random"),
            ]:
                rows.append((name, at, clip, of_track, value, target, "mfcc"))
    columns = ["clip_id", "track_id", "kind", "level", "unit"]
    return pd.DataFrame(clips, columns=columns), pd.DataFrame(rows, columns=COLUMNS)


def test_summary_against_numbers_worked_by_hand():
    clips, matches = perturbed_and_matches()
    table = robustness.summarise(matches, clips, 100, 0.95, seed=0)
    same, shifted = table.to_dict("records")
    assert (same["level"], shifted["level"]) == (0, 5)
    assert same["n_queries"] == 2
    assert (same["cosine_mean"], same["recall_at_1"], same["median_rank"]) == (1.0, 1.0, 1.0)
    assert (shifted["cosine_mean"], shifted["cosine_floor"]) == pytest.approx((0.5, 0.1))
    assert (shifted["recall_at_1"], shifted["recall_at_10"], shifted["recall_at_50"]) == (0, 0, 1)
    assert (shifted["mrr"], shifted["median_rank"]) == (1 / 20, 20)
    # query of t0 finds a clip of t0 first, query of t1 one of t4
    assert shifted["track_recall_at_1"] == 0.5
