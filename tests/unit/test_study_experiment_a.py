"""What a config makes of Experiment A, as data."""

from pathlib import Path

import pytest

from musical_roots import config
from musical_roots.study import Study

ROOT = Path(__file__).parents[2]


def study(**sections) -> Study:
    return Study(config.load(sections))


def test_what_nobody_has_answered_is_called_simulated():
    made = study()
    tables = {name.rpartition("/")[2] for name in made.listening_tables()}
    assert "simulated_agreement.csv" in tables and "simulated_table1.csv" in tables
    assert all(name.startswith("simulated") for name in tables)
    shown = [name for name, one in made.figures.items() if "Experiment A" in one.section]
    assert len(shown) == 5 and all(name.startswith("simulated") for name in shown)
    assert made.pages["experiment_a_simulated"].text.startswith("Simulated: nobody")
    assert "experiment_a" not in made.pages
    assert made.answered_by["answered_by"] == "simulated listeners"


def test_our_sessions_share_their_tests_among_the_encoders():
    assert study().our_design() == {
        **{"ours_x": 60, "pairs": 2, "simulated_listeners": 90},
        "ours_answers": 5,  # 20 questions, less 2 catch trials and 2 repeats, of 3 encoders
    }
    alone = {"mel": {"activate": False}, "mfcc": {"activate": False}}
    assert study(encoders=alone).our_design()["ours_answers"] == 16


def test_peoples_answers_make_the_same_tables_by_other_names(tmp_path):
    simulated, heard = study(), study(listening={"responses": str(tmp_path)})
    assert heard.answer_tables().keys() == simulated.answer_tables().keys()
    assert heard.answer_tables()["table1"] == "results/tables/paper_table1.csv"
    assert heard.answer_tables()["model"] == "results/tables/listening_model.csv"
    assert "results/tables/listening_exceedance.csv" in heard.listening_tables()
    assert set(heard.listening_tables()) < set(heard.tables())
    assert heard.simulated_answers() == []
    assert heard.answered_by == {"responses": str(tmp_path), "answered_by": "people"}


def test_a_new_file_of_answers_is_noticed_whatever_it_is_called(tmp_path):
    def seen():
        return study(listening={"responses": str(tmp_path)}).answers_seen()

    before = seen()
    (tmp_path / "a {b} *.json").write_text("{}")
    after = seen()
    assert after != before and seen() == after


@pytest.mark.parametrize(
    "sections",
    [
        {"listening": {"activate": False}},
        {
            "encoders": {
                name: {"activate": name == "random"} for name in config.load({})["encoders"]
            }
        },
    ],
)
def test_experiment_a_can_be_left_out(sections):
    made = study(**sections)
    assert made.listening_tables() == [] and made.stimuli.arms == ()
    shown = [*made.figures.values(), *made.pages.values()]
    assert not [one for one in shown if "Experiment A" in one.section]
