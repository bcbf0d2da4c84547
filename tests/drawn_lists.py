"""Clips of tracks that lie around a centre, queries for them, and lists that hold them."""

import numpy as np
import pandas as pd

from musical_roots.search import inverted
from musical_roots.tables import Embeddings

DIM = 32
PROVENANCE = {"encoder": "test", "fingerprint": "abc", "dim": DIM}


def drawn(seed, tracks, clips, name="c", spread=0.5):
    """Embeddings of tracks whose clips lie around a centre; clip_ids in no order of the rows."""
    draw = np.random.default_rng(seed)
    centres = np.repeat(draw.normal(size=(tracks, DIM)), clips, axis=0)
    vectors = centres + spread * draw.normal(size=centres.shape)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    n = len(vectors)
    clips = {
        "clip_id": [f"{name}{(row * 7919) % 99991:05d}" for row in range(n)],
        "track_id": [f"{name}track{row // clips}" for row in range(n)],
        "group_id": [f"{name}group{row // (2 * clips)}" for row in range(n)],
    }
    table = pd.DataFrame(clips).astype("str")
    return Embeddings(table, np.split(vectors.astype(np.float16), [n // 3]), PROVENANCE)


INDEX = drawn(0, 200, 10)
QUERIES = drawn(1, 20, 5, name="q", spread=2.0)


def built(quantiser, index=INDEX):
    return inverted.with_clips(inverted.train(index, quantiser, seed=3), index)
