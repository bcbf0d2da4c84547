"""What must be true of the race of attribution methods, with and without a truth."""

import json
import os
from pathlib import Path

import pandas as pd
import pytest

from musical_roots.experiments.counterfactual import bounds
from musical_roots.study import Study
from musical_roots.tables import read_table

RESULTS = Path(os.environ.get("MUSICAL_ROOTS_RESULTS", "results"))


@pytest.fixture
def race(config) -> pd.DataFrame:
    if not Study(config).race.encoders:
        pytest.skip("no vamps of openvamp are asked after in this study's config")
    return read_table(RESULTS / "tables/race.csv")


def test_a_race_without_a_truth_says_why_and_no_more(race):
    told = read_table(RESULTS / "tables/race_findings.csv").finding
    reason = json.loads((RESULTS / "counterfactual/truth/about.json").read_text())["reason"]
    assert race.empty or not reason
    if reason:
        assert told.tolist() == [reason]
    assert read_table(RESULTS / "tables/removal.csv").empty == race.empty


def test_negative_controls_of_the_race_find_nothing(race):
    """Random scores, members of halves exchanged, and models of other music, where there are any.

    Of the last, one draw, no more is asked than that nothing is found: less than 0 is no find. Of a
    truth that is there, and of 20 models at least: fewer tell little. One that is known is in
    tests/unit/test_race_stages.py.
    """
    race = race[race.n_models >= 20]
    other = race[race.method == bounds.OTHER_MODELS]
    assert (other.kind == "control").all() and (other.low_models <= 0).all(), other
    nothing = race[race.method.isin([bounds.RANDOM, bounds.EXCHANGED])]
    assert (nothing.kind == "control").all()
    assert nothing.groupby("design").method.nunique().ge(2).all()
    assert ((nothing.low_models <= 0) & (nothing.high_models >= 0)).all(), nothing


def test_measures_of_the_race_are_in_range_and_in_their_intervals(race):
    assert race.lds.between(-1, 1).all()
    known = race.low.notna()  # of one prompt there is no interval
    assert known.eq(race.high.notna()).all()
    race = race[known]
    assert (race.low <= race.lds + 1e-6).all() and (race.lds <= race.high + 1e-6).all()
    named = race.dropna(subset="top_agreement")
    assert (named.top_agreement <= named.top_in_five + 1e-6).all()
    assert named.top_in_five.between(0, 1 + 1e-6).all()
