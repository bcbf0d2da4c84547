"""The exact search on a GPU finds what it finds on the CPU. Skipped where there is none."""

import numpy as np
import pandas as pd
import pytest
import torch

from musical_roots.search.approximate import searching
from musical_roots.search.exact import matches
from musical_roots.tables import Embeddings

if not torch.cuda.is_available():
    pytest.skip("no CUDA device", allow_module_level=True)


def test_matches_and_ranks_are_those_of_the_cpu():
    draw = np.random.default_rng(0)
    vectors = draw.normal(size=(150_000, 64))
    vectors[::500] = vectors[3]  # many ties
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    ids = [f"c{row:06}" for row in range(len(vectors))]
    clips = pd.DataFrame({"clip_id": ids, "track_id": ids, "group_id": ids}).astype("str")
    about = {"encoder": "test", "fingerprint": "x", "dim": 64}
    index = Embeddings(clips, np.split(vectors.astype(np.float16), [70_000]), about)
    queries = index.where(np.arange(len(index)) % 1500 == 0)
    asked = queries.clips["clip_id"]
    targets = pd.DataFrame({"query_clip_id": asked, "clip_id": ids[::1500], "target": "original"})
    settings = queries, index, 50, "self", targets, draw.random(len(index)) < 0.9
    pd.testing.assert_frame_equal(searching(None, "cuda")(*settings), matches(*settings))
