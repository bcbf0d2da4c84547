import numpy as np
import pandas as pd
import pytest

from musical_roots.errors import InputError
from musical_roots.experiments.retrieval import same_track
from musical_roots.tables import Embeddings


def embeddings(angles, tracks, groups=None):
    """Unit vectors in the plane."""
    angles = np.radians(angles)
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float16)
    ids = [f"{i:016x}" for i in range(len(vectors))]
    clips = pd.DataFrame({"clip_id": ids, "track_id": tracks, "group_id": groups or tracks})
    return Embeddings(clips, [vectors], {"encoder": "plane", "fingerprint": "1", "dim": 2})


def test_known_answer():
    # a finds a, twice; b finds a; c has no second clip and is not asked
    row = same_track(embeddings([0, 1, 5, 90, 60], list("aabbc")), 100, 0.95, 0)
    assert row["n_clips"] == 4
    assert row["n_tracks"] == 2
    assert row["recall_at_1"] == 0.5
    assert row["recall_low"] == 0
    assert row["recall_high"] == 1
    assert row["chance"] == 0.25


def test_a_near_duplicate_is_the_same_song():
    row = same_track(embeddings([0, 1, 90, 91], list("abcd"), list("aacc")), 100, 0.95, 0)
    assert row["recall_at_1"] == 1


def test_a_clip_never_finds_itself():
    row = same_track(embeddings([0, 90, 0.5, 90.5], list("aabb")), 100, 0.95, 0)
    assert row["recall_at_1"] == 0


def test_tracks_of_one_clip_are_an_input_error():
    with pytest.raises(InputError, match="per_track"):
        same_track(embeddings([0, 90], list("ab")), 100, 0.95, 0)
