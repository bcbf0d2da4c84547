"""Embeddings of drawn vectors, and what a search of them must find, by brute force in float64."""

import numpy as np
import pandas as pd

from musical_roots.tables import Embeddings

PROVENANCE = {"encoder": "test", "fingerprint": "abc", "dim": 8}


def unit_vectors(draw, n, dim=8, distinct=None):
    """Unit vectors [n, dim]; at most `distinct` different ones, so that many tie."""
    vectors = draw.normal(size=(distinct or n, dim))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors = vectors.astype(np.float16)
    return vectors[draw.integers(distinct, size=n)] if distinct else vectors


def embeddings(vectors, name="c", cuts=(), provenance=PROVENANCE, **columns):
    """Embeddings of shards cut at `cuts`; clip_ids do not stand in the order of the rows."""
    n = len(vectors)
    clips = pd.DataFrame(
        {
            "clip_id": [f"{name}{(i * 7919) % 99991:05d}" for i in range(n)],
            "track_id": [f"track{i // 4}" for i in range(n)],
            "group_id": [f"group{i // 8}" for i in range(n)],
        }
    ).astype("str")
    provenance = provenance | {"dim": vectors.shape[1]}
    return Embeddings(clips.assign(**columns), np.split(vectors, list(cuts)), provenance)


def whole(table):
    return np.concatenate(table.vectors).astype(np.float64)


def brute_force(queries, index, left_out):
    """Of each query: positions of its rows, best first, and all its cosines."""
    q, x = whole(queries), whole(index)
    norms = (q**2).sum(1)[:, None] * (x**2).sum(1)[None, :]
    cosines = (q @ x.T) / np.sqrt(norms)
    ids = index.clips["clip_id"].to_numpy(object)
    alphabetical = np.argsort(np.argsort(ids))
    orders = []
    for i in range(len(q)):
        order = np.lexsort((alphabetical, -cosines[i]))
        orders.append([row for row in order if not left_out(i, row)])
    return orders, cosines


def expect(queries, index, k, left_out=lambda i, row: False):
    orders, cosines = brute_force(queries, index, left_out)
    ids, asked = index.clips["clip_id"], queries.clips["clip_id"]
    return [
        (asked[i], rank, ids[row], cosines[i, row], "")
        for i, order in enumerate(orders)
        for rank, row in enumerate(order[:k], start=1)
    ]


def rows_of(table):
    columns = ["query_clip_id", "rank", "clip_id", "cosine", "target"]
    return list(table[columns].itertuples(index=False, name=None))
