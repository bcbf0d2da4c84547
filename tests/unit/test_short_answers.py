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

LOWER, MORE = {"robustness__recall_at_1_low": 0.2}, {"calibration_curve__low": 0.1}
ALIKE_SHARES = {
    f"prompt_vs_training__nearer_{part}": value
    for part, value in (("share", 0.8), ("low", 0.78), ("high", 0.82))
}
ALIKE_GINIS = {
    f"concentration__gini{part}": value
    for part, value in (("", 0.6), ("_low", 0.58), ("_high", 0.62))
}
OUTPUTS = {"encoder": "musicnn", "generator": "openvamp"}


def study(**changed) -> dict[str, pd.DataFrame]:
    """Tables of a small study, with what a test changes in all rows of one: table__column."""
    known = {"value": 0.9, "low": 0.8, "high": 1.0, "n": 21, "codebooks": 8}
    planted = {"measure": "planted_at_05", "setting": None, **known}
    hidden = {"kind": "codec", "level": 8, "n_planted": 21, "power": 0.1, "power_at_05": 0.9}
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
        "planted": [OUTPUTS | hidden],
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
        ("Is a clip found", {"robustness__recall_at_1_high": 0.4, **LOWER}, "no"),
        ("planted", {}, "yes"),
        ("planted", {"coded_index__high": 0.4, "coded_index__low": 0.1}, "no"),
        ("prompt's own track", {}, "yes"),
        ("prompt's own track", {"songs__prompt_first": 0.02}, "cannot tell"),
        ("accused", {}, "no"),
        ("accused", {"calibration__false_positives_at_05": 0.2}, "cannot tell"),
        ("accused", {"calibration__false_positives_at_05": 0.2, **MORE}, "yes"),
        ("nearer than the prompt", {}, "yes"),
        ("nearer than the prompt", ALIKE_SHARES, "no"),
        ("come nearer to other", {}, "cannot tell"),
        ("come nearer to other", {"planted__power": 0.9}, "no"),
        ("come nearer to other", {"calibration__discoveries": 3}, "yes"),
        ("a few songs", {}, "yes"),
        ("a few songs", ALIKE_GINIS, "no"),
        ("influenced it", {}, "cannot tell"),
        ("the paper claims", {}, "cannot tell"),
        ("the paper claims", {"claims_tally__n_tested": 5, "claims_tally__n_hold": 5}, "yes"),
        ("the paper claims", {"claims_tally__n_tested": 5, "claims_tally__n_hold": 4}, "no"),
        ("people hear", {}, "cannot tell"),
    ],
)  # fmt: skip
def test_the_answer_is_what_the_tables_say(words, changed, answer):
    assert said(study(**changed), words).answer == answer


def test_a_number_never_comes_without_its_interval_or_what_it_is_of():
    answered = short_answers(study()).set_index("question")
    for question, row in answered[answered.section == INFLUENCE].iterrows():
        assert "[" in row.number or " of " in row.number, question


def test_what_nothing_was_found_of_says_what_would_have_been_found():
    assert "10 % would be" in said(study(), "come nearer to other").power
    assert "would not show" in said(study(), "a few songs").power
    assert "87 % [82, 91]" in said(study(), "people hear").power


@pytest.mark.parametrize("control", ["random", f"clap ({PLUMBING})"])
def test_a_network_that_learned_nothing_has_no_say(control):
    tables = study()
    for name in ("calibration", "planted", "concentration", "songs"):
        more = tables[name].assign(encoder=control)
        if name == "calibration":
            more["discoveries"] = 100
        tables[name] = pd.concat([tables[name], more])
    assert said(tables, "come nearer to other").answer == "cannot tell"
    alone = study(calibration__encoder=control, calibration__discoveries=100)
    answer = said(alone, "come nearer to other")
    assert answer.answer == "cannot tell" and "learned anything" in answer.number


def test_the_encoder_is_the_one_that_knows_songs_best_whatever_it_finds():
    tables = study()
    tables["retrieval"] = pd.DataFrame({"encoder": ["musicnn", "mfcc"], "recall_at_1": [0.8, 0.5]})
    better = tables["songs"].assign(encoder="mfcc", prompt_first=0.9)
    tables["songs"] = pd.concat([better, tables["songs"]])
    row = said(tables, "prompt's own track")
    assert row.number.startswith("30 %") and "90 % by mfcc" in row.finding


def test_where_no_codec_is_known_copies_are_those_that_were_changed_otherwise():
    tables = study()
    del tables["coded_index"]
    row = said(tables, "planted")
    assert row.answer == "yes" and row.table == "planted" and "90 % [" in row.number


def test_a_table_that_is_missing_leaves_its_question_alone_without_an_answer():
    for name in study():
        tables = study()
        del tables[name]
        answered = short_answers(tables)
        if name != "calibration":  # which says what generators there are
            assert len(answered) == len(ASKED)
        assert len(in_lines(answered).splitlines()) == 2 * len(answered)


def test_each_generator_has_its_answers_but_for_the_smaller_twin():
    tables = study()
    for name, table in tables.items():
        if "generator" in table:
            more = [table.assign(generator=other) for other in ("external", "openvamp_small")]
            tables[name] = pd.concat([table, *more])
    answered = short_answers(tables)
    asked = answered[answered.section == INFLUENCE]
    assert set(asked.generator) == {"openvamp", "external"}
    assert asked.groupby("generator").size().nunique() == 1
    assert "external: Are planted" in in_lines(answered)


def race_rows(lds: float, half: float) -> pd.DataFrame:
    methods = {"mel: max": ("embedding", lds), "random: max": ("embedding", 0.9)}
    methods |= {
        "pairs": ("tokens", 0.6),
        "second seed": ("ceiling", 0.8),
        "prompt": ("baseline", 0.7),
    }
    return pd.DataFrame(
        [
            {"design": "tracks", "setting": "all", "method": method, "kind": kind}
            | {"prompts": prompts, "lds": value}
            | {"low": value - half, "high": value + half}
            | {"low_models": value - half, "high_models": value + half}
            for method, (kind, value) in methods.items()
            for prompts in ("train", "control")
        ]
    )  # fmt: skip


@pytest.mark.parametrize(
    ("lds", "half", "answer"),
    [(0.3, 0.1, "yes"), (0.3, 0.4, "cannot tell"), (0.0, 0.05, "no")],
)
def test_where_there_is_a_truth_resemblance_is_held_against_it(lds, half, answer):
    row = said(study() | {"race": race_rows(lds, half)}, "influenced it")
    assert row.answer == answer
    assert f"{lds:.2f}" in row.number and "mel: max" in row.number
    assert "0.80" in row.power and "0.60" in row.finding and "0.90" not in row.finding


def test_a_difference_is_as_wide_as_both_together():
    low, high = difference((0.5, 0.4, 0.6), (0.3, 0.2, 0.4))
    assert np.allclose([low, high], [0.2 - 0.02**0.5, 0.2 + 0.02**0.5])


def test_the_command_reads_a_folder_prints_and_writes_the_same(tmp_path):
    for name, table in study().items():
        if len(table):
            write_table(table, tmp_path / "tables" / f"{name}.csv")
    out = tmp_path / "short_answers.csv"
    words = ["report", "answers", str(tmp_path / "tables"), "--short-answers-out", str(out)]
    shown = CliRunner().invoke(cli.stages, words)
    assert shown.exit_code == 0, shown.output
    written = read_table(out)
    assert in_lines(written).splitlines() == shown.output.splitlines()
    write_table(written.assign(power=""), out)  # a tiny study can say nothing of its power
    assert "nan" not in in_lines(read_table(out))
    assert shown.output.startswith("CANNOT TELL  Do people hear")
