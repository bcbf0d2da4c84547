"""Shares and their intervals: known values, and how often they hold the truth."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from musical_roots.experiments.listening.power import Design, central, study
from musical_roots.proportions import holm, pigeonhole_weights, two_way, two_way_p, wilson


def test_wilson_is_that_of_the_books():
    # Newcombe, Statistics in Medicine 1998, table I
    assert wilson(81, 263, 0.95) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(15, 148, 0.95) == pytest.approx((0.0624, 0.1605), abs=5e-5)
    assert wilson(0, 20, 0.95) == pytest.approx((0, 0.1611), abs=5e-5)
    assert wilson(1, 29, 0.95) == pytest.approx((0.0061, 0.1718), abs=5e-5)


def test_wilson_of_nothing_says_nothing():
    assert np.isnan(wilson(0, 0, 0.95)).all()
    with pytest.raises(ValueError, match="3 of 2"):
        wilson(3, 2, 0.95)


@given(st.integers(0, 50), st.integers(1, 50), st.floats(0.5, 0.99))
def test_wilson_holds_the_share_and_stays_within_bounds(yes, more, confidence):
    low, high = wilson(yes, yes + more, confidence)
    assert 0 <= low <= yes / (yes + more) + 1e-12 and yes / (yes + more) <= high + 1e-12 <= 1.1
    assert high <= 1


def test_two_way_is_the_sum_of_both_ways_less_both():
    yes = np.array([1, 1, 0, 1, 0, 0, 1, 1.0])
    one, other = np.array(list("aabbccdd")), np.array(list("xyxyxyxy"))
    r = yes - yes.mean()
    by_one = 4 / 3 * (r.reshape(4, 2).sum(1) ** 2).sum()
    by_other = 2 * ((r[::2].sum()) ** 2 + (r[1::2].sum()) ** 2)
    both = 8 / 7 * (r**2).sum()
    variance = max(by_one + by_other - both, by_one, by_other) / 64
    assert variance > yes.mean() * (1 - yes.mean()) / 8  # else it would be that
    low, high = two_way(yes, one, other, 0.95)
    half = 12.7062047 * np.sqrt(variance) / (yes.mean() * (1 - yes.mean()))  # t, 1 degree
    middle = np.log(yes.mean() / (1 - yes.mean()))
    assert low == pytest.approx(1 / (1 + np.exp(half - middle)))
    assert high == pytest.approx(1 / (1 + np.exp(-half - middle)))


def test_two_way_of_clusters_that_are_all_alike_is_no_point():
    """Every listener and every X at one half: independent answers are uncertain all the same."""
    yes, one, other = [1, 0] * 5, list("aabbccddee"), list("vvwwxxyyzz")
    low, high = two_way(yes, one, other, 0.95)
    half = 2.7764451 * np.sqrt(0.025) / 0.25  # t, 4 degrees
    assert (low, high) == pytest.approx((1 / (1 + np.exp(half)), 1 / (1 + np.exp(-half))))
    assert two_way([1, 0, 1, 0], list("aabb"), list("xxyy"), 0.95)[0] < 0.1


def test_a_p_value_is_that_of_the_interval():
    draw = np.random.default_rng(8)
    one, other = np.arange(60) // 6, np.arange(60) % 6
    for share in (0.5, 0.7, 0.8):
        yes = draw.random(60) < share
        p = two_way_p(yes, one, other)
        low, high = two_way(yes, one, other, 1 - p)  # just touches one half
        assert min(abs(low - 0.5), abs(high - 0.5)) < 1e-9
    assert np.isnan(two_way_p([1] * 6, list("aabbcc"), list("xyxyxy")))


def test_holm_is_that_of_the_books():
    # R: p.adjust(c(.01, .04, .03, .005), "holm")
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, np.nan, 0.6]) == pytest.approx([1, np.nan, 1], nan_ok=True)
    assert len(holm([])) == 0


def test_two_way_of_one_cluster_or_of_one_answer_alone():
    assert np.isnan(two_way([1, 0], ["a", "a"], ["x", "y"], 0.95)).all()
    assert two_way([1] * 6, list("aabbcc"), list("xyxyxy"), 0.95) == wilson(2, 2, 0.95)


@given(st.permutations(range(24)))
def test_two_way_does_not_hang_on_the_order(order):
    draw = np.random.default_rng(3)
    yes, one, other = draw.random(24) < 0.6, np.arange(24) // 4, np.arange(24) % 6
    order = np.array(order)
    shuffled = two_way(yes[order], one[order], other[order], 0.9)
    assert shuffled == pytest.approx(two_way(yes, one, other, 0.9))


@pytest.mark.parametrize("design", [Design(15, 90, 10), Design(60, 30, 10)])
def test_two_way_holds_the_truth_as_often_as_it_says_and_pooling_does_not(design):
    times, held, pooled = 400, 0, 0
    logit = central(0.7, np.hypot(0.4, 0.8))
    for number in range(times):
        yes, listener, x = study(design, logit, 0.4, 0.8, np.random.default_rng(number))
        low, high = two_way(yes, listener, x, 0.95)
        held += low <= 0.7 <= high
        low, high = wilson(yes.sum(), len(yes), 0.95)
        pooled += low <= 0.7 <= high
    assert 0.91 < held / times < 0.985
    assert pooled / times < 0.9


def test_pigeonhole_weights_are_products_of_draws_and_one_in_the_mean():
    one, other = np.repeat(np.arange(30), 4), np.tile(np.arange(8), 15)
    weights = pigeonhole_weights(one, other, 4000, np.random.default_rng(1))
    assert weights.shape == (4000, 120)
    assert weights.mean() == pytest.approx(1, abs=0.02)
    same = weights[:, one == 3]
    assert (same[(same > 0).any(axis=1)].max(axis=1) >= 1).all()


def test_pigeonhole_spread_is_that_of_clusters():
    # all of an X alike: the mean of 10 X's, so its spread is sqrt(p (1 - p) / 10), not / 200
    x, listener = np.tile(np.arange(10), 20), np.repeat(np.arange(20), 10)
    yes = (x < 5).astype(float)
    weights = pigeonhole_weights(listener, x, 4000, np.random.default_rng(2))
    means = (weights @ yes) / weights.sum(axis=1)
    assert means.std() == pytest.approx(np.sqrt(0.25 / 10), rel=0.06)
