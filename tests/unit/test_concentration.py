"""Concentration of counts in closed form, and corrections for hubs against plain loops."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm, skew

from musical_roots.concentration import (
    centred,
    csls,
    effective_number,
    gini,
    k_occurrence,
    local_similarity,
    lorenz,
    mutual_proximity,
    nearest,
    top_share,
)
from musical_roots.seeding import rng

MEASURES = [gini, effective_number, top_share, lambda counts: top_share(counts, 0.3)]
COUNTS = st.lists(st.integers(0, 1000), min_size=1, max_size=40).filter(any)


# -- counts ----------------------------------------------------------------------------------------


def test_k_occurrence_counts_those_never_found_too():
    assert k_occurrence([[0, 2], [2, 3], [2, 0]], 6).tolist() == [2, 0, 3, 1, 0, 0]
    assert k_occurrence([], 3).tolist() == [0, 0, 0]


@pytest.mark.parametrize("n", [1, 2, 7, 100])
def test_gini_in_closed_form(n):
    one_has_all = np.zeros(n)
    one_has_all[n // 2] = 3
    assert gini(np.full(n, 4)) == pytest.approx(0, abs=1e-12)
    assert gini(one_has_all) == pytest.approx(1 - 1 / n)
    # of 1 to n: mean |x - y| is (n**2 - 1) / 3n, twice the mean is n + 1
    assert gini(np.arange(1, n + 1)) == pytest.approx((n - 1) / (3 * n))


def test_gini_of_known_distributions():
    draw = rng(0, "test.gini")
    assert gini(draw.exponential(size=100_000)) == pytest.approx(0.5, abs=0.01)
    assert gini(draw.random(100_000)) == pytest.approx(1 / 3, abs=0.01)
    assert gini(draw.pareto(5, size=100_000) + 1) == pytest.approx(1 / (2 * 5 - 1), abs=0.01)


@given(COUNTS)
def test_gini_is_half_the_mean_difference_over_the_mean(counts):
    differences = np.abs(np.subtract.outer(counts, counts))
    expected = differences.mean() / (2 * np.mean(counts))
    assert gini(counts) == pytest.approx(expected, abs=1e-12)


@given(COUNTS)
def test_lorenz_is_convex_from_0_to_1_and_gini_twice_its_distance(counts):
    curve = lorenz(counts)
    assert curve.shape == (len(counts) + 1,)
    assert curve[0] == 0
    assert curve[-1] == pytest.approx(1)
    assert (np.diff(curve) >= 0).all()
    assert (np.diff(curve, 2) >= -1e-12).all()
    below = np.linspace(0, 1, len(curve)) - curve
    assert gini(counts) == pytest.approx(2 * np.trapezoid(below, dx=1 / len(counts)), abs=1e-12)


def test_lorenz_of_three():
    assert lorenz([6, 1, 3]) == pytest.approx([0, 0.1, 0.4, 1])


def test_top_share_takes_one_item_at_least():
    counts = [5, 1, 1, 1, 1, 1, 0, 0, 0, 0]
    assert top_share(counts) == 0.5
    assert top_share(counts, 0.3) == 0.7
    assert top_share(counts, 1.0) == 1
    assert top_share(np.ones(300)) == pytest.approx(0.01)


def test_effective_number_of_equal_counts_is_their_number():
    assert effective_number([7, 7, 7, 0, 0]) == pytest.approx(3)
    assert effective_number([0, 9, 0]) == 1
    assert effective_number([2, 1, 1]) == pytest.approx(16 / 6)


@given(COUNTS)
def test_measures_stay_within_their_bounds(counts):
    n = len(counts)
    assert -1e-12 <= gini(counts) <= 1 - 1 / n + 1e-12
    assert 1 - 1e-12 <= effective_number(counts) <= np.count_nonzero(counts) + 1e-9
    assert max(counts) / sum(counts) - 1e-12 <= top_share(counts) <= 1


@given(COUNTS, st.floats(1e-3, 1e3), st.randoms())
def test_neither_scale_nor_order_matters(counts, scale, random):
    other = [scale * count for count in random.sample(counts, len(counts))]
    for measure in MEASURES:
        assert measure(other) == pytest.approx(measure(counts), rel=1e-9, abs=1e-9)


@given(st.lists(st.integers(0, 1000), min_size=2, max_size=40).filter(any))
def test_giving_to_the_most_found_concentrates(counts):
    richest, poorest = int(np.argmax(counts)), int(np.argmin(counts))
    if counts[poorest] == 0 or richest == poorest:
        return
    moved = list(counts)
    moved[richest] += 1
    moved[poorest] -= 1
    assert gini(moved) > gini(counts)
    assert effective_number(moved) < effective_number(counts)


@pytest.mark.parametrize("measure", [lorenz, *MEASURES])
@pytest.mark.parametrize(
    ("counts", "reason"),
    [
        ([], "of shape"),
        ([[1, 2]], "of shape"),
        ([0, 0], "not all 0"),
        ([2, -1], "0 or more"),
        ([1, np.nan], "0 or more"),
    ],
)
def test_bad_counts_raise(measure, counts, reason):
    with pytest.raises(ValueError, match=reason):
        measure(counts)


# -- neighbours ------------------------------------------------------------------------------------


def test_nearest_takes_the_most_similar_and_of_equal_ones_the_first():
    similarity = np.array([[0.1, 0.9, 0.5, 0.7], [0.5, 0.5, 0.5, 0.5], [0.2, 0.3, 0.2, 0.3]])
    found = nearest(similarity, 2)
    assert [set(row) for row in found.tolist()] == [{1, 3}, {0, 1}, {1, 3}]
    assert set(nearest(similarity, 3)[2].tolist()) == {0, 1, 3}
    assert nearest(similarity, 9).shape == (3, 4)


def test_centred_vectors_are_of_unit_length_and_without_the_mean():
    vectors = rng(0, "test.centred").normal(size=(50, 8)) + 3
    moved = centred(vectors, vectors.mean(axis=0))
    np.testing.assert_allclose(np.linalg.norm(moved, axis=1), 1)
    expected = vectors[7] - vectors.mean(axis=0)
    np.testing.assert_allclose(moved[7], expected / np.linalg.norm(expected))
    assert np.isfinite(centred(vectors, vectors[0])).all(), "one that is the mean itself"


def cosines(seed, rows=7, columns=9, dim=5):
    draw = rng(seed, "test.cosines")
    one, other = draw.normal(size=(rows, dim)), draw.normal(size=(columns, dim))
    one, other = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (one, other))
    return one @ other.T


@pytest.mark.parametrize("k", [1, 3, 7])
def test_csls_equals_a_plain_loop(k):
    similarity = cosines(0)
    found = csls(similarity, local_similarity(similarity, k), local_similarity(similarity.T, k))
    for i, row in enumerate(similarity):
        for j, column in enumerate(similarity.T):
            of_row, of_column = sorted(row)[-k:], sorted(column)[-k:]
            expected = 2 * row[j] - sum(of_row) / k - sum(of_column) / k
            assert found[i, j] == pytest.approx(expected, abs=1e-12)


def test_mutual_proximity_equals_a_plain_loop():
    similarity = cosines(1)
    of_rows = similarity.mean(axis=1), similarity.std(axis=1)
    of_columns = similarity.mean(axis=0), similarity.std(axis=0)
    found = mutual_proximity(similarity, of_rows, of_columns)
    for i, row in enumerate(similarity):
        for j, column in enumerate(similarity.T):
            # the probability that another is further, for both
            for_row = norm(row.mean(), row.std()).cdf(row[j])
            for_column = norm(column.mean(), column.std()).cdf(row[j])
            assert found[i, j] == pytest.approx(for_row * for_column, rel=1e-9)


@given(st.integers(0, 2**32))
def test_corrections_of_a_symmetric_matrix_are_symmetric(seed):
    similarity = cosines(seed)
    similarity = similarity.T @ similarity
    local, moments = local_similarity(similarity, 3), (similarity.mean(1), similarity.std(1))
    for corrected in (
        csls(similarity, local, local),
        mutual_proximity(similarity, moments, moments),
    ):
        np.testing.assert_allclose(corrected, corrected.T, atol=1e-12)


@pytest.mark.parametrize("correction", ["csls", "mutual proximity", "centring"])
def test_a_point_near_to_all_is_less_of_a_hub_once_corrected(correction):
    """Points of a cone in 50 dimensions; the first stands on its axis, near to all others."""
    vectors, k = rng(0, "test.hub").normal(size=(200, 50)), 5
    vectors[:, 0] += 4
    vectors[0] = np.eye(50)[0]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    plain = vectors @ vectors.T
    if correction == "centring":
        moved = centred(vectors, vectors.mean(axis=0))
        corrected = moved @ moved.T
    elif correction == "csls":
        np.fill_diagonal(plain, -np.inf)
        corrected = csls(plain, *2 * [local_similarity(plain, k)])
    else:
        others = plain[~np.eye(200, dtype=bool)].reshape(200, 199)
        corrected = mutual_proximity(plain, *2 * [(others.mean(axis=1), others.std(axis=1))])
    before, after = (
        k_occurrence(nearest(np.where(np.eye(200), -np.inf, similarity), k), 200)
        for similarity in (plain, corrected)
    )
    assert before[0] == before.max() > 100, "most have it among their nearest"
    assert after[0] < before[0] / 2
    assert skew(after) < 0.7 * skew(before)
    assert gini(after) < gini(before)
