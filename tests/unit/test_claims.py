from pathlib import Path

import pandas as pd
import pytest

from musical_roots import claims
from musical_roots.errors import InputError

EXPECTED = Path(__file__).parents[2] / "config" / "expected.yaml"
TABLES = {"robustness": pd.DataFrame({"encoder": ["a", "a", "b"], "value": [0.2, 0.6, 0.5]})}


def claim(**changes) -> claims.Claim:
    fields = {
        "claim": "c",
        "statement": "s",
        "source": "us",
        "certainty": "ours",
        "table": "robustness",
        "select": 'encoder == "a"',
        "column": "value",
        "relation": "at least",
        "expected": 0.4,
    }
    return claims.Claim.model_validate(fields | changes)


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


@pytest.mark.parametrize("control", ["random", "mfcc"])
@pytest.mark.parametrize(
    ("recall", "verdict"), [(0.41, "holds"), (0.4, "does_not_hold"), (None, "not_comparable")]
)
def test_our_own_clmr_is_held_against_controls(control, recall, verdict):
    recalls = {"clmr_open": recall, "random": 0.2, "mfcc": 0.2} | {control: 0.4}
    table = pd.DataFrame(recalls.items(), columns=["encoder", "recall_at_1"]).dropna()
    found = claims.check(claims.read(EXPECTED), {"retrieval": table}).set_index("claim")
    assert found.verdict[f"clmr_open_beats_{control}"] == verdict
    assert found.certainty[f"clmr_open_beats_{control}"] == "ours"


def test_a_claim_that_cannot_be_read_off_is_named(tmp_path):
    with pytest.raises(InputError, match="claim c: cannot select"):
        claims.check([claim(select="colour == 1")], TABLES)
    path = tmp_path / "expected.yaml"
    path.write_text("- {claim: c, certainty: perhaps}")
    with pytest.raises(InputError, match=r"expected\.yaml"):
        claims.read(path)
    path.write_text("claims")
    with pytest.raises(InputError, match=r"expected\.yaml"):
        claims.read(path)
