"""How unusual a value is: against known answers, and by simulation where chance is promised."""

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import false_discovery_control

from musical_roots.seeding import rng
from musical_roots.statistics import conformal_p, exceedance, sign_flip

# few different values, so that many tie
SCORES = st.lists(st.integers(-5, 5), min_size=1, max_size=20)


# -- exceedance ------------------------------------------------------------------------------------


def test_exceedance_counts_what_is_at_or_above():
    values = [0.5, 0.25, 0.5, 1.0]
    thresholds = [0.0, 0.25, 0.3, 0.5, 0.75, 1.0, 1.1]
    assert exceedance(values, thresholds).tolist() == [1, 1, 0.75, 0.75, 0.25, 0.25, 0]


@given(SCORES, SCORES)
def test_exceedance_never_rises_and_equals_its_definition(values, thresholds):
    shares = exceedance(values, sorted(thresholds))
    assert (np.diff(shares) <= 0).all()
    expected = [np.mean(np.array(values) >= threshold) for threshold in sorted(thresholds)]
    assert shares == pytest.approx(expected, abs=1e-12)


def test_exceedance_of_nothing_raises():
    with pytest.raises(ValueError, match="must not be empty"):
        exceedance([], [0.5])


# -- conformal p-values ----------------------------------------------------------------------------


def test_one_value_a_cluster_is_the_ordinary_conformal_p():
    null = [0.1, 0.2, 0.3, 0.4]
    p = conformal_p([0.5, 0.4, 0.25, 0.1, 0.0], null, list("abcd"))
    assert p.tolist() == [1 / 5, 2 / 5, 3 / 5, 1, 1]


@given(SCORES, SCORES)
def test_one_value_a_cluster_equals_its_definition(scores, null):
    p = conformal_p(scores, null, range(len(null)))
    expected = [(1 + np.sum(np.array(null) >= score)) / (len(null) + 1) for score in scores]
    assert p == pytest.approx(expected, rel=1e-12)


def test_a_cluster_counts_by_the_share_of_its_values():
    null, clusters = [1, 3, 2, 2, 2, 9], ["a", "a", "b", "b", "b", "c"]
    # of a, b and c reach 3: a half, nothing, all
    assert conformal_p([3], null, clusters) == pytest.approx([(1 + 0.5 + 0 + 1) / 4])


@given(SCORES, SCORES, st.integers(1, 60))
def test_copies_of_a_clusters_values_change_nothing(scores, null, times):
    clusters = np.arange(len(null)) // 2
    many = [np.repeat(column, np.where(clusters == 0, times, 1)) for column in (null, clusters)]
    assert conformal_p(scores, *many) == pytest.approx(conformal_p(scores, null, clusters))


@given(SCORES, SCORES, st.integers(1, 5), st.randoms())
def test_order_and_bounds_of_conformal_p(scores, null, size, random):
    clusters = [f"track{i // size}" for i in range(len(null))]
    p = conformal_p(scores, null, clusters)
    order = random.sample(range(len(null)), len(null))
    shuffled = conformal_p(scores, [null[i] for i in order], [clusters[i] for i in order])
    assert shuffled == pytest.approx(p, rel=1e-12)
    assert (p >= 1 / (len(set(clusters)) + 1)).all()
    assert (p <= 1).all()
    ranked = p[np.argsort(scores, kind="stable")]
    assert (np.diff(ranked) <= 0).all(), "a higher score is never less unusual"


def test_extremes_reach_the_bounds():
    null, clusters = [0.1, 0.2, 0.2, 0.3, 0.3, 0.3, 0.3], [0, 1, 1, 2, 2, 2, 2]
    p = conformal_p([0.4, 0.0, -math.inf, math.inf], null, clusters)
    assert p.tolist() == [1 / 4, 1, 1, 1 / 4]


def test_exchangeable_clusters_give_no_more_small_p_than_promised():
    """Tracks of unequal numbers of alike values; clips taken for tracks break the promise."""
    runs, levels = 4000, np.array([0.1, 0.2, 0.5])
    clusters = np.repeat(np.arange(9), [1, 2, 3, 4, 6, 8, 20, 30, 40])
    by_clusters, by_rows = np.empty(runs), np.empty(runs)
    for run in range(runs):
        draw = rng(run, "test.exchangeable")
        null = draw.normal(size=9)[clusters] + 0.1 * draw.normal(size=len(clusters))
        score = [draw.normal() + 0.1 * draw.normal()]
        by_clusters[run] = conformal_p(score, null, clusters)[0]
        by_rows[run] = conformal_p(score, null, range(len(null)))[0]
    shares = (by_clusters[:, None] <= levels).mean(axis=0)
    error = np.sqrt(levels * (1 - levels) / runs)
    assert (shares <= levels + 3 * error).all()
    assert (shares > levels / 2).all(), "and not for being never small"
    assert (by_rows <= 0.1).mean() > 0.15


@pytest.mark.parametrize(("null", "clusters"), [([], []), ([1.0], ["a", "b"]), ([[1.0]], [["a"]])])
def test_bad_null_raises(null, clusters):
    with pytest.raises(ValueError, match="null and clusters must be of one shape"):
        conformal_p([1.0], null, clusters)


# -- sign flips ------------------------------------------------------------------------------------


def enumerated(differences, clusters):
    """Share of all ways to flip clusters whose sum is as large."""
    labels = sorted(set(clusters))
    flips = [
        dict(zip(labels, signs, strict=True)) for signs in product([-1, 1], repeat=len(labels))
    ]
    sums = [sum(flip[c] * d for c, d in zip(clusters, differences, strict=True)) for flip in flips]
    return np.mean([total >= sum(differences) for total in sums])


@pytest.mark.parametrize(
    ("differences", "clusters"),
    [
        ([1, 2, 4], "abc"),  # the largest sum of eight
        ([1, 1, 1, -2], "aabc"),  # flipped with its cluster, or not at all
        ([3, -1, -1, -1], "abcd"),
        ([-2, -1], "ab"),
        ([1, -1], "ab"),
    ],
)
def test_few_clusters_agree_with_all_their_flips(differences, clusters):
    resamples = 20_000
    p = sign_flip(differences, list(clusters), resamples, rng=rng(0, "test"))
    expected = enumerated(differences, clusters)
    assert p == pytest.approx(expected, abs=4 * math.sqrt(0.25 / resamples) + 1 / resamples)


def test_all_flips_of_a_worked_example():
    """Three positive clusters: only the unflipped sum of eight is as large."""
    assert enumerated([1, 2, 4], "abc") == 1 / 8
    assert enumerated([-2, -1], "ab") == 1


def test_no_difference_is_no_evidence_and_the_smallest_p_is_one_of_all():
    assert sign_flip([0.0, 0.0, 0.0], list("abc"), 99, rng=rng(0, "test")) == 1
    assert sign_flip(np.ones(200), np.arange(200), 99, rng=rng(0, "test")) == 1 / 100


@given(st.integers(0, 2**32))
def test_either_side_of_0_is_seen_alike(seed):
    draw = rng(seed, "test.symmetric")
    differences, clusters = draw.normal(size=60), np.arange(60) // 3
    resamples = 500
    up = sign_flip(differences, clusters, resamples, rng=rng(0, "test"))
    down = sign_flip(-differences, clusters, resamples, rng=rng(0, "test"))
    # both count the sum itself, and the few flips that leave it as it is: one in 2**20
    assert up + down == pytest.approx(1 + 1 / (1 + resamples), abs=2 / (1 + resamples))


@given(st.integers(0, 2**32), st.integers(1, 6))
def test_order_of_differences_does_not_matter(seed, size):
    draw = rng(seed, "test.order")
    differences, clusters = draw.normal(size=12), np.arange(12) // size
    order = draw.permutation(12)
    one = sign_flip(differences, clusters, 50, rng=rng(0, "test"))
    assert sign_flip(differences[order], clusters[order], 50, rng=rng(0, "test")) == one


def test_p_of_sign_flips_is_uniform_if_nothing_differs():
    runs, by_clusters, by_rows = 600, [], []
    for run in range(runs):
        draw = rng(run, "test.null")
        differences = np.repeat(draw.normal(size=15), 4) + 0.1 * draw.normal(size=60)
        for found, clusters in ((by_clusters, np.arange(60) // 4), (by_rows, np.arange(60))):
            found.append(sign_flip(differences, clusters, 99, rng=rng(run, "test.flips")))
    for level in (0.05, 0.2, 0.5, 0.8):
        error = math.sqrt(level * (1 - level) / runs)
        assert np.mean(np.array(by_clusters) <= level) == pytest.approx(level, abs=3.5 * error)
    assert np.mean(np.array(by_rows) <= 0.05) > 0.1, "flipped one by one, too many look sure"


@pytest.mark.parametrize(("differences", "clusters"), [([], []), ([1.0], ["a", "b"])])
def test_bad_differences_raise(differences, clusters):
    with pytest.raises(ValueError, match="must be of one shape"):
        sign_flip(differences, clusters, 9, rng=rng(0, "test"))


# -- false discoveries -----------------------------------------------------------------------------

# Benjamini and Hochberg 1995, section 3.2
WORKED = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240]
WORKED += [0.4262, 0.5719, 0.6528, 0.7590, 1.0000]


def test_benjamini_and_hochberg_reject_the_four_that_they_say():
    q = false_discovery_control(WORKED)
    assert (q <= 0.05).tolist() == [True] * 4 + [False] * 11
    assert q[3] == pytest.approx(0.0095 * 15 / 4)
    # step-up: where a later p allows more, the earlier ones share it
    assert q[4] == pytest.approx(min(0.0201 * 15 / 5, 0.0278 * 15 / 6, 0.0298 * 15 / 7))
