"""Model cards say what the files that they are made from say."""

import pandas as pd
import pytest

from musical_roots.cards import ROWS, card

ABOUT = {
    "source": "trained here, seed 7",
    "trained_on": ["b", "a"],
    "steps": 100,
    "batch": 4,
    "precision": "bf16",
    "processor": "Some Processor",
}
TRACKS = pd.DataFrame(
    {
        "track_id": ["a", "b", "c"],
        "artist": ["Ann", "Ann", "Cid"],
        "title": ["One", "Two", "Three"],
        "licence": ["CC-BY-3.0", "GPL-2.0", "GPL-2.0"],
        "duration_s": [1800.0, 3600.0, 7200.0],
        "attribution": ["'One' by Ann", "'Two' by Ann", "'Three' by Cid"],
    }
)


def lines(name="openvamp", **tables) -> list[str]:
    return card(name, ABOUT, TRACKS, "make it", tables).splitlines()


def test_it_says_how_the_weights_came_about(monkeypatch):
    assert "trained by the run that wrote this card" in "\n".join(lines())
    monkeypatch.setitem(ABOUT, "taken_from", "models/openvamp")
    said = "\n".join(lines())
    assert "taken from models/openvamp, where an earlier run trained them" in said
    assert "trained by the run" not in said


def test_only_what_was_heard_is_counted_and_credited():
    text = "\n".join(lines())
    assert "2, 1.5 h, 1 artists" in text
    assert "CC-BY-3.0 (1), GPL-2.0 (1)" in text
    assert text.endswith("- 'One' by Ann\n- 'Two' by Ann")
    assert "Cid" not in text


def test_it_says_how_to_make_the_model_again():
    text = " ".join(" ".join(lines()).split())
    for said in ["trained with | `make it`", "on | Some Processor", "precision | bf16", "seed | 7"]:
        assert said in text


@pytest.mark.parametrize(
    ("name", "seen"),
    [("openvamp", "4 crops a step |"), ("clmr_open", "4 tracks a step, two views")],
)
def test_a_step_is_counted_in_what_the_model_sees(name, seen):
    assert f"steps | 100, {seen}" in " ".join(" ".join(lines(name)).split())


def test_of_a_long_curve_some_rows_are_shown_the_first_and_the_last_among_them():
    curve = pd.DataFrame({"step": range(25, 1001, 25), "train_loss": 1.5})
    text = lines(Loss=curve)
    start = text.index("## Loss") + 4  # heading, empty line, names, rule
    shown = [int(line.split("|")[1]) for line in text[start : start + ROWS]]
    assert (shown[0], shown[-1], len(set(shown))) == (25, 1000, ROWS)
    assert text[start + ROWS] == ""


def test_other_tables_are_shown_whole():
    text = lines(Quality=pd.DataFrame({"split": ["train"] * 30, "loss": [0.123456] * 30}))
    assert sum("0.1235" in line for line in text) == 30


def test_a_generators_card_says_what_its_vamps_are():
    text = card("openvamp", ABOUT, TRACKS, "make it", {}, vamps="208, digest of their tokens ab")
    assert "| its vamps | 208, digest of their tokens ab |" in " ".join(text.split())
    assert "its vamps" not in "\n".join(lines())
