"""Short answers say yes and no where the tables do, and "cannot tell" where power lacks."""

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from musical_roots import cli
from musical_roots.short_answers import ASKED, in_lines, short_answers
from musical_roots.short_answers.questions import difference
from musical_roots.study.sections import INFLUENCE
from musical_roots.tables import read_table, write_table
from musical_roots.weights import PLUMBING

OUTPUTS = {"encoder": "musicnn", "generator": "openvamp"}
NOISE, CHANCE = "Does any output come nearer", "Do a few songs take"


def study(**changed) -> dict[str, pd.DataFrame]:
    """Tables of a small study, with what a test changes in all rows of one: table__column."""
    known = {"value": 0.9, "low": 0.8, "high": 1.0, "n": 21, "codebooks": 8}
    planted = {"measure": "planted_at_05", **known}
    shares = {"setting": "all", "prompt_track": "excluded", "prompts": "train", "size_matched": 0.1}
    gini = {"granularity": "song", "n_items": 50}
    found = {"source": "all", "in_words": "Said."}
    rows = {
        "retrieval": [{"encoder": "musicnn", "recall_at_1": 0.8}],
        "simulated_model": [{"encoder": "musicnn"}],
        "simulated_coverage": [
            {"design": "ours", "method": "model", "agreement": 0.6, "told_from_chance": 0.87}
            | {"told_from_chance_low": 0.82, "told_from_chance_high": 0.91}
        ],
        "robustness": [
            {"encoder": "musicnn", "kind": "pitch", "level": level, "unit": "semitones"}
            | {"recall_at_1": share, "n_queries": 48}
            | {"recall_at_1_low": share - 0.1, "recall_at_1_high": share + 0.1}
            for level, share in ((0, 1.0), (-3, 0.7), (3, 0.8), (12, 0.1))
        ],
        "coded_index": [
            OUTPUTS | planted | {"index": index} for index in ("train", "coded_train")
        ],
        "planted": [
            OUTPUTS | {"kind": "codec", "level": 8, "power": 0.1, "power_at_05": 0.9, "n_planted": 21}
        ],
        "songs": [
            OUTPUTS | {"granularity": "song", "setting": "all", "aggregation": "maximum"}
            | {"n_outputs": 100, "prompt_first": 0.3}
        ],
        "calibration": [
            OUTPUTS | {"prompt_track": prompt_track, "discoveries": 0, "fdr": 0.05}
            | {"n_outputs": 200, "false_positives_at_05": 0.03, "n_null_tracks": 67}
            | {"smallest_p": 1 / 68}
            for prompt_track in ("included", "excluded")
        ],
        "calibration_curve": [
            OUTPUTS | {"source": "control", "p": 0.05, "share": 0.03, "low": 0.0, "high": 0.1}
        ],
        "prompt_vs_training": [
            OUTPUTS | shares | {"index": index, "nearer_share": share}
            | {"nearer_low": share - 0.05, "nearer_high": share + 0.05}
            for index, share in (("train_equal", 0.9), ("control", 0.7))
        ],
        "concentration": [
            OUTPUTS | gini | {"source": source, "index": index, "gini": value}
            | {"gini_low": value - 0.02, "gini_high": value + 0.02}
            for source, index, value in (
                ("outputs", "train_equal", 0.7),
                ("outputs", "control", 0.6),
                ("control", "train_equal", 0.5),
            )
        ],
        "race": [],
        "race_findings": [{"question": "What?", "finding": "There is no truth."}],
        "claims_tally": [
            found | {"claims": "the paper's", "n_claims": 600, "n_tested": 0, "n_hold": 0},
            found | {"claims": "the paper's questions: ours", "n_claims": 30}
            | {"n_tested": 20, "n_hold": 15},
        ],
    }  # fmt: skip
    tables = {name: pd.DataFrame(table) for name, table in rows.items()}
    for where, value in changed.items():
        table, column = where.split("__")
        tables[table][column] = value
    return tables


def said(tables: dict[str, pd.DataFrame], words: str) -> pd.Series:
    answered = short_answers(tables)
    return answered[answered.question.str.contains(words, regex=False)].iloc[0]


def test_there_are_six_to_ten_answers_with_controls_of_both_kinds_among_them():
    answered = short_answers(study())
    assert 6 <= len(answered) <= 10
    assert set(answered.answer) <= {"yes", "no", "cannot tell"}
    assert (answered.number != "").all()
    assert answered.role.value_counts()[["positive control", "negative control"]].tolist() == [2, 1]


@pytest.mark.parametrize(
    ("words", "changed", "answer"),
    [
        ("Is a clip found", {}, "yes"),
        ("Is a clip found", {"robustness__recall_at_1_low": 0.4}, "cannot tell"),
        ("Is a clip found", {"robustness__recall_at_1_high": 0.4, "robustness__recall_at_1_low": 0.2}, "no"),
        ("planted", {}, "yes"),
        ("planted", {"coded_index__high": 0.4, "coded_index__low": 0.1}, "no"),
        ("prompt's own track", {}, "yes"),
        ("prompt's own track", {"songs__prompt_first": 0.02}, "cannot tell"),
        ("accused", {}, "no"),
        ("accused", {"calibration__false_positives_at_05": 0.2}, "cannot tell"),
        ("accused", {"calibration__false_positives_at_05": 0.2, "calibration_curve__low": 0.1}, "yes"),
        ("nearer than the prompt", {}, "yes"),
        ("nearer than the prompt", {"prompt_vs_training__nearer_share": 0.8}, "no"),
        ("come nearer to other", {}, "cannot tell"),
        ("come nearer to other", {"planted__power": 0.9}, "no"),
        ("come nearer to other", {"calibration__discoveries": 3}, "yes"),
        ("a few songs", {}, "yes"),
        ("a few songs", {"concentration__gini": 0.6}, "no"),
        ("influenced it", {}, "cannot tell"),
        ("the paper claims", {}, "cannot tell"),
        ("the paper claims", {"claims_tally__n_tested": 5, "claims_tally__n_hold": 5}, "yes"),
        ("the paper claims", {"claims_tally__n_tested": 5, "claims_tally__n_hold": 4}, "no"),
        ("people hear", {}, "cannot tell"),
    ],
)  # fmt: skip
def test_the_answer_is_what_the_tables_say(words, changed, answer):
    assert said(study(**changed), words).answer == answer
