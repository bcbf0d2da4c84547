from pathlib import Path

import pandas as pd
import pytest

from musical_roots import claims
from musical_roots.errors import InputError

CONFIG = Path(__file__).parents[2] / "config"
EXPECTED = sorted(CONFIG.glob("expected*.yaml"))
NUMBERS = {path.stem: pd.read_csv(path) for path in (CONFIG / "paper").glob("*.csv")}
TABLES = {"robustness": pd.DataFrame({"encoder": ["a", "a", "b"], "value": [0.2, 0.6, 0.5]})}
FIELDS = {
    "claim": "c",
    "statement": "s",
    "source": "us",
    "certainty": "ours",
    "table": "robustness",
    "select": 'encoder == "a"',
    "column": "value",
    "relation": "at least",
    "expected": 0.4,
    "reason": "r",
}


def claim(**changes) -> claims.Claim:
    return claims.Claim.model_validate(FIELDS | changes)


@pytest.mark.parametrize(
    ("changes", "obtained", "verdict"),
    [
        ({}, 0.4, "holds"),
        ({"reduce": "min"}, 0.2, "does_not_hold"),
        ({"reduce": "min", "tolerance": 0.21}, 0.2, "holds"),
        ({"reduce": "max", "relation": "at most"}, 0.6, "does_not_hold"),
        ({"relation": "equals", "expected": 0.45, "tolerance": 0.1}, 0.4, "holds"),
        ({"relation": "equals", "expected": 0.45, "tolerance": 0.01}, 0.4, "does_not_hold"),
        ({"minus": 'encoder == "b"', "expected": 0.0}, -0.1, "does_not_hold"),
        ({"relation": "above", "expected": 0.3}, 0.4, "holds"),
        ({"select": 'encoder == "b"', "relation": "above", "expected": 0.5}, 0.5, "does_not_hold"),
    ],
)
def test_verdicts(changes, obtained, verdict):
    row = claims.check([claim(**changes)], TABLES).iloc[0]
    assert row.obtained == pytest.approx(obtained)
    assert row.verdict == verdict


@pytest.mark.parametrize(
    "changes",
    [{"select": 'encoder == "clmr"'}, {"minus": 'encoder == "clmr"'}, {"table": "influence"}],
)
def test_what_the_study_lacks_is_not_comparable(changes):
    row = claims.check([claim(**changes)], TABLES).iloc[0]
    assert row.verdict == "not_comparable"
    assert pd.isna(row.obtained)


LEVELS = pd.DataFrame(
    {
        "encoder": ["a"] * 3 + ["b"] * 3,
        "level": [1, 2, 3, 1, 2, 4],
        "value": [0.5, 0.6, 0.9, 0.4, 0.3, 0.0],
        "n": [1, 1, 2, 1, 1, 1],
    }
)


@pytest.mark.parametrize(
    ("changes", "obtained"),
    [
        ({"reduce": "min"}, 0.1),
        ({"reduce": "max"}, 0.3),
        ({"reduce": "mean"}, 0.2),
    ],
)
def test_pairs_are_taken_where_both_have_a_row(changes, obtained):
    both = claim(minus='encoder == "b"', pair=["level"], **changes)
    assert claims.check([both], {"robustness": LEVELS}).obtained[0] == pytest.approx(obtained)


def test_without_a_pair_in_common_nothing_can_be_compared():
    apart = claim(select="level == 3", minus="level == 4", pair=["level"])
    assert claims.check([apart], {"robustness": LEVELS}).verdict[0] == "not_comparable"


def test_a_mean_may_be_weighted_and_blank_numbers_are_none():
    weighted = claims.check([claim(weight="n")], {"robustness": LEVELS})
    assert weighted.obtained[0] == pytest.approx((0.5 + 0.6 + 2 * 0.9) / 4)
    blank = {"robustness": LEVELS.assign(value=float("nan"))}
    assert claims.check([claim()], blank).verdict[0] == "not_comparable"


@pytest.mark.parametrize("control", ["random", "mfcc"])
@pytest.mark.parametrize(
    ("recall", "verdict"), [(0.41, "holds"), (0.4, "does_not_hold"), (None, "not_comparable")]
)
def test_our_own_clmr_is_held_against_controls(control, recall, verdict, every_claim):
    recalls = {"clmr_open": recall, "random": 0.2, "mfcc": 0.2} | {control: 0.4}
    table = pd.DataFrame(recalls.items(), columns=["encoder", "recall_at_1"]).dropna()
    found = claims.check(every_claim, {"retrieval": table}).set_index("claim")
    assert found.verdict[f"clmr_open_beats_{control}"] == verdict
    assert found.certainty[f"clmr_open_beats_{control}"] == "ours"


@pytest.fixture(scope="module")
def every_claim():
    return claims.read(EXPECTED, NUMBERS)


# -- many claims in one entry ----------------------------------------------------------------------


def entry(tmp_path, **changes):
    import yaml

    path = tmp_path / "expected.yaml"
    path.write_text(yaml.safe_dump([FIELDS | changes]))
    return path


def test_an_entry_is_a_claim_for_each_number_and_value(tmp_path):
    path = entry(
        tmp_path,
        claim="c_{encoder}_{k}_{kind}",
        certainty="P",
        select='encoder == "{encoder}" and kind == "{kind}" and level == {level}',
        column="recall_at_{k}",
        numbers="some",
        where="k < 10",
        each={"kind": ["x", "y"]},
        expected="percent / 100",
        tolerance="0.5 * percent / 100",
    )
    some = {"encoder": ["CLAP", "CLMR"], "level": [-3, 6], "k": [1, 5], "percent": [20.0, 50.0]}
    some = pd.concat([pd.DataFrame(some), pd.DataFrame(some).assign(k=10)])
    made = claims.read([path], {"some": some})
    assert [one.claim for one in made] == ["c_clap_1_x", "c_clmr_5_x", "c_clap_1_y", "c_clmr_5_y"]
    assert made[1].select == 'encoder == "clmr" and kind == "x" and level == 6'
    assert made[1].column == "recall_at_5"
    assert (made[1].expected, made[1].tolerance) == (0.5, 0.25)
    assert all(one.tests_paper for one in made)


def test_what_is_asked_of_others_tests_no_claim_of_the_paper(tmp_path):
    path = entry(
        tmp_path,
        claim="c_{encoder}",
        certainty="P",
        source="Barnett et al. 2024",
        select='encoder == "{encoder}"',
        each={"encoder": ["clap"]},
        also={"encoder": ["a", "b"]},
    )
    verdicts = claims.check(claims.read([path], {}), TABLES)
    # what could be tested first
    assert verdicts.claim.tolist() == ["c_a", "c_b", "c_clap"]
    assert verdicts.tests_paper.tolist() == ["no", "no", "yes"]
    assert verdicts.certainty.tolist() == ["ours", "ours", "P"]
    assert verdicts.verdict.tolist() == ["holds", "holds", "not_comparable"]
    assert verdicts.source.str.contains("Barnett").tolist() == [False, False, True]


def test_the_tally_says_whose_claims_were_tested():
    three = [
        claim(certainty="P", source="table 1"),
        claim(certainty="P", source="table 2", expected=0.9),
        claim(certainty="F", source="table 2", select='encoder == "clmr"'),
        claim(source=claims.ASKED_OF_OURS, select='encoder == "clmr"'),
    ]
    table = claims.tally(claims.check(three, TABLES))
    counted = table[["source", "n_claims", "n_tested", "n_hold"]].values.tolist()
    assert counted == [
        ["all", 3, 2, 1],
        ["table 1", 1, 1, 1],
        ["table 2", 2, 1, 0],
        ["all", 1, 0, 0],
        ["all", 0, 0, 0],
    ]
    assert table.in_words[0].startswith("2 of 3 could be tested here: 1 hold, 1 do not.")
    assert table.in_words[3].startswith("None of 1 could be tested here")


def test_a_claim_that_cannot_be_read_off_is_named(tmp_path):
    with pytest.raises(InputError, match="claim c: cannot select"):
        claims.check([claim(select="colour == 1")], TABLES)
    path = tmp_path / "expected.yaml"
    for text in ("- {claim: c, certainty: perhaps}", "claims", "[1"):
        path.write_text(text)
        with pytest.raises(InputError, match=r"expected\.yaml"):
            claims.read([path], {})
    for wrong in (
        {"numbers": "table9"},
        {"numbers": "table1", "where": "colour == 1"},
        {"numbers": "table1", "expected": "percent / 100"},
        {"statement": "{nothing}"},
    ):
        with pytest.raises(InputError, match=r"expected\.yaml"):
            claims.read([entry(tmp_path, **wrong)], NUMBERS)
    with pytest.raises(InputError, match="two claims are called c"):
        claims.read([entry(tmp_path), entry(tmp_path)], NUMBERS)
