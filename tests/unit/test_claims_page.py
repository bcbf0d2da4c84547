"""The page of claims: whose they are, what was found, and where each number comes from."""

import re

import pandas as pd
import pytest

from musical_roots import claims, claims_page, config, cost
from musical_roots.claims import Claim
from musical_roots.errors import InputError
from musical_roots.study import Study
from musical_roots.tables import read_table

FIELDS = {
    "statement": "More than half <are> found.",
    "source": "Barnett et al. 2024, section 5.1",
    "certainty": "P",
    "table": "robustness",
    "select": 'encoder == "a"',
    "column": "recall_at_1",
    "relation": "at least",
    "expected": 0.5,
    "reason": "An order.",
}
TABLES = {"robustness": pd.DataFrame({"encoder": ["a", "a", "b"], "recall_at_1": [0.6, 0.7, 0.2]})}


def claim(name, **changes):
    return Claim.model_validate(FIELDS | {"claim": name} | changes)


@pytest.fixture
def verdicts():
    ours = {"certainty": "ours", "source": "musical-roots"}
    return claims.check(
        [
            claim("found", minus='encoder == "b"', expected=0.0),
            claim("lacking", select='encoder == "clap"'),
            claim("asked", certainty="ours", source=claims.ASKED_OF_OURS),
            claim("of_ours", relation="at most", tolerance=0.01, **ours),
        ],
        TABLES,
    )


def test_a_verdict_says_where_its_number_comes_from(verdicts):
    row = verdicts.set_index("claim").loc["found"]
    assert (row.table, row.select, row.minus) == ("robustness", 'encoder == "a"', 'encoder == "b"')
    assert (row["column"], row["reduce"], row.unit, row.rows) == (
        "recall_at_1", "mean", "share, 0 to 1", 3,
    )  # fmt: skip
    assert verdicts.set_index("claim").rows["lacking"] == 0


def test_the_page(verdicts, tmp_path):
    verdicts.to_csv(tmp_path / "claims.csv", index=False)
    about = {"robustness": {"command": "snakemake it", "figures": ["robustness"], "jobs": 2}}
    about["robustness"] |= {"minutes": 1.5, "mb": 512.0}
    told = read_table(tmp_path / "claims.csv")
    claims_page.write(tmp_path / "c.html", told, claims.tally(verdicts), about)
    text = (tmp_path / "c.html").read_text()
    assert text.index("The paper") < text.index('id="found"') < text.index('id="asked"')
    assert text.index('id="asked"') < text.index('id="of_ours"')  # ours apart, and last
    assert "More than half &lt;are&gt; found." in text and "nan" not in text.lower()
    assert "at least 0" in text and "at most 0.5 ± 0.01" in text
    assert "2 timed jobs: 1.5 minutes, one after the other; the largest 0.5 GiB" in text
    assert 'href="../figures/robustness.svg"' in text and "snakemake it" in text
    assert "1 could not be tested here: Barnett et al. 2024, section 5.1" in text
    assert not re.findall(r'(?:src|href)="(?!data:|\.\./|#)', text)


def test_the_tally_goes_into_a_text_between_its_marks(verdicts):
    told, (start, end) = claims.tally(verdicts), claims.MARKS
    text = claims.within(f"before\n{start}\nstale\n{end}\nafter", told)
    assert text.startswith("before\n") and text.endswith("\nafter") and "stale" not in text
    assert "| the paper's | all of these | 2 | 1 | 1 | 0 |" in text
    assert claims.within(text, told) == text
    with pytest.raises(InputError, match="lacks <!-- claims -->"):
        claims.within("no marks", told)


def test_every_table_of_a_claim_has_its_figures_and_jobs():
    study = Study(config.load({}))
    names = {path.rpartition("/")[2].removesuffix(".csv") for path in study.tables()}
    assert set(study.claimed) == names
    assert study.claimed["robustness"]["figures"][0] == "robustness"
    drawn = {figure for one in study.claimed.values() for figure in one["figures"]}
    assert drawn <= set(study.figures)


def test_what_jobs_took(tmp_path):
    (tmp_path / "encode").mkdir()
    header = "s\th:m:s\tmax_rss\n"
    (tmp_path / "encode/mfcc-train-000.tsv").write_text(f"{header}30\t0:00:30\t100.5\n")
    (tmp_path / "encode/mfcc-train-001.tsv").write_text(f"{header}60\t0:01:00\t-\n")
    (tmp_path / "train.tsv").write_text(f"{header}6\t0:00:06\t400\n")
    assert cost.of_jobs(tmp_path, ["encode/*-train-[0-9]*.tsv"]) == (2, 1.5, 100.5)
    assert cost.of_jobs(tmp_path, ["*.tsv", "encode/*.tsv", "encode/mfcc*.tsv"])[0] == 3
    assert cost.of_jobs(tmp_path / "nowhere", ["*.tsv"]) == (0, 0.0, 0.0)
