"""A plan of an approximate search: what it says is so, and it is the cheapest that was wanted."""

import numpy as np
import pandas as pd
import pytest
from drawn_lists import INDEX, QUERIES

from musical_roots.search import exact, inverted, planning
from musical_roots.search.approximate import Approximate

pytestmark = pytest.mark.usefixtures("one_thread")
PLANNED = {"trial_queries": 100, "resamples": 200, "confidence": 0.95, "seed": 5}


def test_a_plan_says_what_a_search_then_finds(held):
    planned = planning.plan(held, QUERIES, INDEX, 0.8, exclude="none", **PLANNED)
    told = planned.about["plan"]
    assert told["reached"] and told["probed"] < held.about["lists"]
    truth = exact.matches(QUERIES, INDEX, 50)
    search = Approximate(planned)
    assert (search.reach, search.depth) == (told["reach"], told["depth"])
    half = ~planning._half(QUERIES.clips["track_id"], 5)
    assert told["n_queries"] == half.sum()
    for k in planning.AT:
        mine = planning.recalls(search.matches(QUERIES, INDEX, 50), truth, k)
        measured = mine[QUERIES.clips["clip_id"][half]].mean()
        # where fewer are asked for, others may be left of those whose codes are equally near
        assert measured == pytest.approx(told[f"recall_at_{k}"], abs=2e-3)
        assert told[f"recall_at_{k}_low"] <= measured <= told[f"recall_at_{k}_high"]


def test_a_plan_is_the_cheapest_of_all_that_could_be_tried(held, monkeypatch):
    """It stops trying where lists alone are more work: what it does not try could not be it."""
    monkeypatch.setattr(planning, "RERANK", 1)

    def planned():
        tried = []
        with monkeypatch.context() as patched:
            whole = planning._Trial.recalls
            patched.setattr(
                planning._Trial,
                "recalls",
                lambda self, reach: tried.append(reach) or whole(self, reach),
            )
            told = planning.plan(held, QUERIES, INDEX, 0.3, exclude="none", **PLANNED)
        return told.about["plan"], len(tried)

    stopped, few = planned()
    work = planning._Trial.work
    monkeypatch.setattr(  # lists alone are never too much
        planning._Trial, "work", lambda self, *how: 0 if how[1] == 1 else work(self, *how)
    )
    monkeypatch.setattr(planning, "DEPTHS", (1, *planning.DEPTHS))
    whole, all_of_them = planned()
    assert whole == stopped and few < all_of_them == len(planning._counts(held.about["lists"]))


def test_cosines_of_a_trial_are_exact_and_computed_once(held, monkeypatch):
    some = QUERIES.where(np.arange(len(QUERIES)) < 10)
    truth = exact.matches(some, INDEX, 50)
    trial = planning._Trial(held, some, INDEX, truth, "none")
    asked, count = [], planning.pairs_cosines
    monkeypatch.setattr(
        planning, "pairs_cosines", lambda *given: asked.append(len(given[1])) or count(*given)
    )
    draw = np.random.default_rng(0)
    for _ in range(3):
        query, row = draw.integers(0, 10, 500), draw.integers(0, len(INDEX), 500)
        expected = count(some, query, INDEX, row)
        np.testing.assert_array_equal(trial._cosines(query, row), expected)
        np.testing.assert_array_equal(trial._cosines(query[::-1], row[::-1]), expected[::-1])
    assert asked[1::2] == [0, 0, 0] and all(asked[::2])


def test_more_recall_costs_more(held):
    plans = [
        planning.plan(held, QUERIES, INDEX, recall, exclude="none", **PLANNED).about["plan"]
        for recall in (0.5, 0.99)
    ]
    assert plans[0]["probed"] < plans[1]["probed"]


def test_a_plan_that_cannot_be_kept_says_so(held, monkeypatch):
    monkeypatch.setattr(planning, "DEPTHS", (1, 2))
    told = planning.plan(held, QUERIES, INDEX, 0.99, exclude="none", **PLANNED).about["plan"]
    assert not told["reached"] and told["recall_at_50"] <= 2 / 50


def test_halves_of_a_plan_share_no_track():
    tracks = QUERIES.clips["track_id"]
    half = planning._half(tracks, 1)
    assert not set(tracks[half]) & set(tracks[~half])
    assert len(set(tracks[half])) == len(set(tracks[~half])) == 10


def test_plans_are_told_in_a_table_and_survive_the_disk(held, tmp_path):
    planned = planning.plan(held, QUERIES, INDEX, 0.8, exclude="none", **PLANNED)
    inverted.write(planned, tmp_path / "whole.faiss")
    again = inverted.read(tmp_path / "whole.faiss")
    assert again.about == planned.about
    table = planning.told([again])
    assert table["recall_at_50"].tolist() == [planned.about["plan"]["recall_at_50"]]
    assert table["quantiser"].tolist() == [held.about["quantiser"]]
    search = Approximate.open(tmp_path / "whole.faiss")
    pd.testing.assert_frame_equal(
        search.matches(QUERIES, INDEX, 10), Approximate(planned).matches(QUERIES, INDEX, 10)
    )
