"""Which song comes first, where views do not agree."""

import numpy as np
import pytest

from musical_roots.trace import ranking


def first(*views):
    made = ranking.ranked(*views)
    return made.sort_values(["score", "standing"], ascending=False).index[0]


def scores(count, **best):
    draw = np.random.default_rng(count).uniform(0, 0.1, count)
    for place, value in best.items():
        draw[int(place[1:])] = value
    return draw


def test_one_view_alone_is_its_own_order():
    values = scores(30, _4=1, _7=0.5)
    made = ranking.ranked([values])
    order = made.sort_values(["score", "standing"], ascending=False).index
    assert order.tolist() == np.argsort(-values).tolist()
    assert (made.harmony_rank == 0).all()


@pytest.mark.parametrize("place", [3, 9])
def test_what_either_view_puts_first_and_far_out_comes_first(place):
    other = 9 if place == 3 else 3
    # both put one first: that which stands out more counts
    sound, harmony = scores(40, **{f"_{place}": 1.0}), scores(40, **{f"_{other}": 0.12})
    sound[other] = harmony[place] = 0.0
    assert first([sound], harmony) == place
    assert first([harmony], sound) == place


def test_what_both_put_second_comes_before_what_one_puts_first():
    sound, harmony = scores(40, _1=1.0, _2=0.9), scores(40, _3=1.0, _2=0.9)
    sound[3] = harmony[1] = 0.0
    made = ranking.ranked([sound], harmony)
    assert made.score[2] == 1.0 == made.score[1]  # two halves, and one whole
    assert first([sound], harmony) == 2


def test_encoders_count_as_one_view():
    one, other = scores(40, _5=1.0), scores(41, _5=1.0)[:40]
    assert ranking.ranked([one, other]).score[5] == 1.0


def test_equal_scores_are_no_error():
    made = ranking.ranked([np.zeros(5)], np.zeros(5))
    assert np.isfinite(made.to_numpy()).all()
    assert len(ranking.ranked([np.zeros(1)])) == 1
