import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from musical_roots import statistics
from musical_roots.seeding import rng
from musical_roots.statistics import (
    cluster_bootstrap,
    mean_reciprocal_rank,
    median_rank,
    recall_at,
)

RANKS = [1, 2, 4, 10, math.inf]
BAD_RANKS = [[], [[1, 2]], [0, 1], [1, math.nan], [-3]]


def test_known_answers():
    assert recall_at(RANKS, 1) == 0.2
    assert recall_at(RANKS, 4) == 0.6
    assert recall_at(RANKS, 1000) == 0.8
    assert mean_reciprocal_rank(RANKS) == pytest.approx((1 + 1 / 2 + 1 / 4 + 1 / 10) / 5)
    assert median_rank(RANKS) == 4
    assert median_rank([1, 2]) == 1.5
    assert median_rank([1, math.inf]) == math.inf


def test_perfect_retrieval():
    assert recall_at([1, 1], 1) == mean_reciprocal_rank([1, 1]) == median_rank([1, 1]) == 1


@pytest.mark.parametrize("metric", [mean_reciprocal_rank, median_rank, lambda r: recall_at(r, 5)])
@pytest.mark.parametrize("ranks", BAD_RANKS)
def test_bad_ranks_raise(metric, ranks):
    with pytest.raises(ValueError, match="ranks must be"):
        metric(ranks)


def test_bad_k_raises():
    with pytest.raises(ValueError, match="k must be"):
        recall_at([1], 0)


@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=30), st.randoms())
def test_order_of_ranks_does_not_matter(ranks, random):
    shuffled = random.sample(ranks, len(ranks))
    for metric in (mean_reciprocal_rank, median_rank, lambda r: recall_at(r, 10)):
        assert metric(shuffled) == pytest.approx(metric(ranks), rel=1e-12)


@given(st.lists(st.integers(1, 100), min_size=1, max_size=30))
def test_recall_never_falls_with_k_and_bounds_the_reciprocal_rank(ranks):
    recalls = [recall_at(ranks, k) for k in range(1, 101)]
    assert recalls == sorted(recalls) and recalls[-1] == 1
    assert recalls[0] <= mean_reciprocal_rank(ranks) + 1e-12


def interval(*values, resamples=1000, confidence=0.95, **how):
    return cluster_bootstrap(*values, resamples=resamples, confidence=confidence, **how)


def draw_clustered(seed, tracks=30, clips=8):
    """Values whose true mean is 0 and whose clips resemble those of their track."""
    draw = rng(seed, "test.clustered")
    values = draw.normal(size=(tracks, 1)) + 0.3 * draw.normal(size=(tracks, clips))
    return values.ravel(), np.repeat(np.arange(tracks), clips)


def test_coverage_needs_the_clusters():
    runs, clustered, naive = 400, 0, 0
    for seed in range(runs):
        values, tracks = draw_clustered(seed)
        low, high = interval(values, tracks, resamples=300, rng=rng(seed, "test"))
        clustered += low <= 0 <= high
        rows = np.arange(len(values))  # as if every clip were drawn on its own
        low, high = interval(values, rows, resamples=300, rng=rng(seed, "test"))
        naive += low <= 0 <= high
    assert 0.90 <= clustered / runs <= 0.98
    assert naive / runs < 0.70


def test_mean_has_the_same_interval_by_either_path():
    values, tracks = draw_clustered(0)
    by_sums = interval(values, tracks, rng=rng(1, "test"))
    by_values = interval(values, tracks, lambda x: x.mean(), rng=rng(1, "test"))
    assert by_sums == pytest.approx(by_values, rel=1e-12)


def test_any_statistic_and_unequal_clusters():
    values, tracks = [1.0, 1.0, 1.0, 9.0], ["a", "a", "a", "b"]
    found = interval(values, tracks, np.median, rng=rng(0, "test"))
    assert found == (1, 9)


def test_one_cluster_gives_no_interval():
    assert np.isnan(interval([1.0, 2.0], ["a", "a"], rng=rng(0, "test"))).all()
    low, high = interval([[1.0, 5.0], [2.0, 6.0]], ["a", "a"], rng=rng(0, "test"))
    assert low.shape == high.shape == (2,)
    assert np.isnan([low, high]).all()


@pytest.mark.parametrize("columns", [1, 3])
def test_each_column_has_the_interval_that_it_has_alone(columns):
    values, tracks = draw_clustered(0)
    shared = np.stack([values**power for power in range(1, columns + 1)], axis=1)
    low, high = interval(shared, tracks, rng=rng(1, "test"))
    assert low.shape == high.shape == (columns,)
    for column in range(columns):
        alone = interval(shared[:, column], tracks, rng=rng(1, "test"))
        assert (low[column], high[column]) == pytest.approx(alone, rel=1e-12)


def test_columns_of_truths_are_shares():
    """What an exceedance curve's band is made of: no share leaves [0, 1], or rises."""
    values, tracks = draw_clustered(0)
    thresholds = np.linspace(values.min(), values.max() + 1, 9)
    low, high = interval(values[:, None] >= thresholds, tracks, rng=rng(0, "test"))
    assert (low[0], high[0], low[-1], high[-1]) == (1, 1, 0, 0)
    assert (np.diff(low) <= 0).all()
    assert (np.diff(high) <= 0).all()


def test_wider_confidence_is_wider():
    values, tracks = draw_clustered(0)
    inner = interval(values, tracks, confidence=0.5, rng=rng(0, "test"))
    outer = interval(values, tracks, confidence=0.99, rng=rng(0, "test"))
    assert outer[0] < inner[0] < values.mean() < inner[1] < outer[1]


@given(st.integers(0, 2**32), st.sampled_from([np.mean, np.median]))
def test_order_of_rows_does_not_matter(seed, statistic):
    values, tracks = draw_clustered(seed, tracks=5, clips=3)
    order = rng(seed, "test.order").permutation(len(values))
    same = {"statistic": statistic, "resamples": 20}
    here = interval(values, tracks, rng=rng(0, "test"), **same)
    there = interval(values[order], tracks[order], rng=rng(0, "test"), **same)
    assert here == pytest.approx(there, abs=1e-12)


@pytest.mark.parametrize(
    ("values", "clusters", "options"),
    [
        ([], [], {}),
        ([1.0, 2.0], ["a"], {}),
        ([[1.0], [2.0]], [["a"], ["b"]], {}),
        ([1.0, math.nan], ["a", "b"], {}),
        ([1.0, 2.0], ["a", "b"], {"resamples": 0}),
        ([1.0, 2.0], ["a", "b"], {"confidence": 1.0}),
        ([1.0, 2.0], ["a", "b"], {"confidence": 95}),
        ([[1.0, 2.0], [3.0, 4.0]], ["a", "b"], {"statistic": np.median}),
        ([[1.0, math.nan], [3.0, 4.0]], ["a", "b"], {}),
    ],
)
def test_bad_bootstrap_input_raises(values, clusters, options):
    with pytest.raises(ValueError):
        interval(values, clusters, rng=rng(0, "test"), **options)


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize(("rows", "clusters"), [(7, 3), (40, 9), (41, 9)])
@pytest.mark.parametrize("known", [np.mean, np.median])
def test_the_bootstrap_knows_mean_and_median_without_drawing_rows(
    rows, clusters, known, tied, monkeypatch
):
    monkeypatch.setattr(statistics, "AT_ONCE", 50 * rows)  # some resamples at a time
    draw = np.random.default_rng(rows)
    values, of = draw.random(rows).round(1 if tied else 9), draw.integers(clusters, size=rows)
    how = {"resamples": 200, "confidence": 0.9}
    quick = cluster_bootstrap(values, of, known, rng=np.random.default_rng(1), **how)
    plain = cluster_bootstrap(values, of, lambda v: known(v), rng=np.random.default_rng(1), **how)
    assert quick == pytest.approx(plain, rel=1e-12)
