"""Tables of two runs: what is the same, and what is said of what is not."""

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from musical_roots import cli
from musical_roots.comparison import folders, tables
from musical_roots.errors import InputError

TABLE = pd.DataFrame(
    {
        "encoder": ["mel", "mel", "mfcc", "mfcc"],
        "level": [-3.0, 3.0, -3.0, 3.0],
        "recall": [0.5, 0.25, 0.125, np.nan],
        "verdict": ["holds", "fails", "holds", None],
    }
)
WITHIN = {"rtol": 1e-3, "atol": 1e-6}


def changed(row: int, column: str, value) -> pd.DataFrame:
    table = TABLE.copy()
    table.loc[row, column] = value
    return table


def test_a_table_is_the_same_as_itself_in_any_order_of_its_rows_and_columns():
    assert tables(TABLE, TABLE, **WITHIN).same
    other = TABLE.iloc[[2, 0, 3, 1]][["recall", "level", "verdict", "encoder"]]
    found = tables(TABLE, other.reset_index(drop=True), **WITHIN)
    assert found.same and str(found) == "same"
    assert found.cells == 8  # encoder and level say which row


@pytest.mark.parametrize(("value", "differ"), [(0.25024, 0), (0.25026, 1), (0.0, 1), (np.nan, 1)])
def test_a_number_may_differ_by_the_tolerance_and_no_more(value, differ):
    assert tables(changed(1, "recall", value), TABLE, **WITHIN).differ == differ


def test_a_small_number_may_differ_by_the_absolute_tolerance():
    tiny = changed(1, "recall", 1e-7)
    assert tables(tiny, changed(1, "recall", 0.0), **WITHIN).same
    assert not tables(tiny, changed(1, "recall", 0.0), rtol=1e-3, atol=0).same


def test_the_largest_difference_is_named_with_its_place():
    other = changed(1, "recall", 0.26)
    other.loc[0, "recall"] = 0.7
    found = tables(TABLE, other, **WITHIN)
    said = "2 of 8 cells differ, most: recall 0.5 and 0.7 at encoder mel, level -3.0"
    assert str(found) == said


def test_a_word_that_is_a_result_is_a_cell():
    found = tables(TABLE, changed(0, "verdict", "fails"), **WITHIN)
    assert "1 of 8 cells differ, most: verdict holds and fails at encoder mel, level -3.0" in str(
        found
    )


def test_rows_and_columns_that_one_lacks_are_named():
    other = TABLE.drop(columns="verdict").assign(more=1)
    said = tables(TABLE, other[other.encoder == "mel"], **WITHIN).lacking
    assert said[0] == "column verdict only in the first"
    assert said[1] == "column more only in the second"
    assert said[2] == "2 rows only in the first, such as encoder mfcc, level -3.0"
    wider = pd.concat([TABLE, TABLE.assign(encoder="clap")])
    assert "4 rows only in the second, such as encoder clap" in str(tables(TABLE, wider, **WITHIN))


def test_numbers_that_follow_rounding_do_not_tell_rows_apart():
    """Thresholds that come of data are results, and levels are not."""
    curve = pd.DataFrame({"encoder": "mel", "threshold": [0.1, 0.2], "share": [0.5, 0.25]})
    found = tables(curve, curve.assign(threshold=[0.1, 0.20001]), **WITHIN)
    assert found.same
    assert tables(curve, curve.assign(share=[0.5, 0.3]), **WITHIN).differ == 1


def test_empty_tables_and_single_rows():
    assert tables(TABLE.head(0), TABLE.head(0), **WITHIN).same
    assert tables(TABLE.head(0), TABLE.head(1), **WITHIN).lacking
    alone = pd.DataFrame({"loss": [0.5]})
    assert "most: loss 0.5 and 0.6" in str(tables(alone, alone + 0.1, **WITHIN))


@pytest.fixture
def runs(tmp_path):
    """Two runs: one table that they share, and one that the second lacks."""
    for run in ("one", "other"):
        (tmp_path / run / "tables").mkdir(parents=True)
        TABLE.to_csv(tmp_path / run / "tables/robustness.csv", index=False)
    TABLE.to_csv(tmp_path / "one/tables/songs.csv", index=False)
    return tmp_path / "one", tmp_path / "other"


def test_folders_are_compared_table_by_table(runs):
    found = folders(*runs, **WITHIN)
    assert found["robustness"].same
    assert str(found["songs"]) == f"only in {runs[0]}"
    assert folders(runs[0] / "tables", runs[0], **WITHIN)["songs"].same
    with pytest.raises(InputError, match=r"nowhere: no tables are there; name a run's folder"):
        folders(runs[0], runs[0] / "nowhere", **WITHIN)


def test_the_command_says_a_line_a_table_and_its_status_whether_any_differ(runs):
    def compare(*words):
        done = CliRunner().invoke(cli.stages, ["report", "compare", *map(str, words)])
        return done.exit_code, done.output.splitlines()

    same = ["robustness: same", "songs: same", "2 of 2 tables are the same"]
    assert compare(runs[0], runs[0]) == (0, same)
    (runs[1] / "tables/songs.csv").write_bytes((runs[0] / "tables/songs.csv").read_bytes())
    changed(0, "recall", 0.5004).to_csv(runs[1] / "tables/robustness.csv", index=False)
    status, said = compare(*runs)
    assert status == 1 and said[0].startswith("robustness: 1 of 8 cells differ, most: recall 0.5 ")
    assert said[1:] == ["songs: same", "1 of 2 tables are the same"]
    assert compare(*runs, "--rtol", 1e-3)[0] == 0
