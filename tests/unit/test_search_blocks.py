"""Products by torch, and in bfloat16, propose what those by numpy do: matches are the same."""

import numpy as np
import pandas as pd
import pytest
from brute_search import embeddings, expect, rows_of, unit_vectors

from musical_roots.search import matches
from musical_roots.search.blocks import DENSE, LARGE, Gpu, Host, Narrow, blocks


@pytest.mark.parametrize("exclude", ["none", "track"])
def test_by_torch_it_finds_the_same(exclude):
    """What a GPU would compute, computed by torch on the CPU: targets, masks, near ties."""
    draw = np.random.default_rng(0)
    vectors = unit_vectors(draw, 900, dim=64, distinct=200)
    vectors.view(np.uint16)[::3, 0] ^= 1
    queries, index = embeddings(vectors[:40]), embeddings(vectors, cuts=[100, 700])
    ids = index.clips["clip_id"]
    pairs = {"query_clip_id": ids[[0, 1, 2, 2]], "clip_id": ids[[5, 800, 2, 7]].array}
    targets, only = pd.DataFrame(pairs).assign(target="original"), draw.random(900) < 0.7
    found = [
        matches(queries, index, 12, exclude, targets, only, block=block, device=device)
        for block, device in ((None, None), (None, "cpu"), (128, "cpu"))
    ]
    pd.testing.assert_frame_equal(found[1], found[0])
    pd.testing.assert_frame_equal(found[2], found[0])


@pytest.fixture
def narrow(monkeypatch):
    """Every search asks bfloat16 first, as a large one does where the processor multiplies it.

    It says of how many queries they were.
    """
    monkeypatch.setattr("musical_roots.search.blocks.LARGE", 1)
    monkeypatch.setattr("musical_roots.devices.multiplies_bf16", lambda: True)
    queries, begin = [], Narrow.__init__
    monkeypatch.setattr(
        Narrow, "__init__", lambda self, unit: queries.append(len(unit)) or begin(self, unit)
    )
    return queries


@pytest.mark.parametrize("exclude", ["none", "track"])
@pytest.mark.parametrize("block", [None, 130])
def test_in_bfloat16_it_finds_the_same(narrow, exclude, block):
    """Neighbours lie closer to each other than bfloat16 tells."""
    draw = np.random.default_rng(0)
    vectors = unit_vectors(draw, 20_000, dim=16)
    vectors[::7] = vectors[draw.integers(0, 20_000, size=len(vectors[::7]))]
    queries, index = embeddings(vectors[:40]), embeddings(vectors, cuts=[100, 1999])
    only = draw.random(20_000) < 0.7
    ids = index.clips["clip_id"]
    pairs = {"query_clip_id": ids[[0, 1]], "clip_id": ids[[5, 800]].array, "target": "original"}
    for targets in (None, pd.DataFrame(pairs)):  # ranks of targets are told by float32 alone
        found = matches(queries, index, 25, exclude, targets, only, block=block, chunk=15)
        expected = matches(queries, index, 25, exclude, targets, only, device="cpu")
        pd.testing.assert_frame_equal(found, expected)
    assert narrow == [15, 15, 10, 15, 10]


@pytest.mark.parametrize("k", [3, 5, 8])
def test_what_bfloat16_rounds_off_loses_nothing(narrow, k):
    """A query's copies come last: both are rounded down, and what came before them is not."""
    vectors = np.zeros((3005, 8), np.float16)
    vectors[:, :2] = [0.9985, 0.0547]  # rounded, 1.0 and .055: product .9999 with the query
    vectors[-5:, :2] = [0.9975, 0.0698]  # rounded, .996 and .07: product .997 with their like
    queries, index = embeddings(vectors[-1:], "q"), embeddings(vectors)
    table = matches(queries, index, k, block=1000)
    assert rows_of(table) == expect(queries, index, k)
    assert (table["cosine"][: min(k, 5)] == 1).all()


def test_what_bfloat16_rounds_is_within_its_margin():
    """The worst there is: every number lies halfway between two of bfloat16, all the same way."""
    worst = np.full((1, 64), (1 + 2.0**-8) / 8, np.float32)  # 1 / 8 once it is rounded
    others = np.random.default_rng(0).normal(size=(500, 64)).astype(np.float32)
    rows = np.concatenate([worst, others])
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    on = Narrow(rows)
    found = on.product(rows).double().numpy()
    wrong = np.abs(found - rows.astype(np.float64) @ rows.T.astype(np.float64))
    assert 2.0**-8 < wrong.max() <= on.rounding


@pytest.mark.parametrize("level", [-0.5, 0.3])
def test_products_that_may_reach_a_level_are_in_float32(level):
    """Many of them, so that all are, or few; what is left out stays out."""
    rows = np.random.default_rng(0).normal(size=(400, 64)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    on, some = Narrow(rows[:50]), np.arange(0, 50, 3)
    product = on.product(rows)
    allowed = np.arange(400) % 5 > 0
    on.leave_out(product, np.array([3, 6]), np.array([3, 9]), allowed)
    found = on.of(product, some, np.full(len(some), level, np.float32))
    wide = rows[some] @ rows.T
    wide[:, ~allowed] = wide[1, 3] = wide[2, 9] = -np.inf
    high = wide >= level
    np.testing.assert_allclose(found[high], wide[high], rtol=0, atol=1e-6)
    assert (found[~high] < level).all()
    assert ((wide > -np.inf).mean() > DENSE) and (high.mean() > DENSE) == (level < 0)


def test_bfloat16_is_for_large_searches_alone(monkeypatch):
    asked = []
    monkeypatch.setattr("musical_roots.devices.multiplies_bf16", lambda: asked.append(1) or True)
    unit = np.ones((10, 64), np.float32)
    few, many = 1000, -(-LARGE // unit.size)
    assert type(blocks(unit, None, few)) is Host and not asked
    assert type(blocks(unit, None, many)) is Narrow
    assert type(blocks(unit, "cpu", many)) is Gpu
    monkeypatch.setattr("musical_roots.devices.multiplies_bf16", lambda: False)
    assert type(blocks(unit, None, many)) is Host
