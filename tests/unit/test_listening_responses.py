"""Answers of listeners: what is counted, and what is set aside, by name."""

import json

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from musical_roots.errors import InputError
from musical_roots.listening.responses import ANSWERS, SESSIONS, read_folder
from musical_roots.listening.session import MAX_BYTES, SCHEMA, parse

TRIALS = pd.DataFrame({"arm": "paper", "trial_id": ["t1", "t2", "t3"]})


def manifest(study_id, headphones="required"):
    asked = {"headphones": headphones, "quiet_tones": [1] * 6, "headphones_to_pass": 5}
    trials = [{"trial_id": trial, "least_s": 8.1} for trial in TRIALS.trial_id]
    return {"study_id": study_id, "asked": asked, "trials": trials}


STUDIES = {"paper": manifest("abc123"), "ours": manifest("def456")}


def answer(trial="t1", **changes):
    heard = {"x": 1, "a": 1, "b": 2}
    made = {"trial_id": trial, "choice": "a", "confidence": None, "order": "ab", "seconds": 12.5}
    made["decided"] = 2.0
    return made | {"heard": heard, "at": "2026-11-26T10:01:00Z"} | changes


def session(**changes):
    return {
        **{"schema": SCHEMA, "study_id": "abc123", "arm": "paper", "listener_id": "p1"},
        **{"consent": True, "started": "2026-11-26T10:00:00Z", "finished": "2026-11-26T10:05:00Z"},
        "headphones": {"passed": True, "correct": 6, "trials": 6},
        "trials": [answer("t1"), answer("t2", choice="b")],
    } | changes


def without(key):
    return {name: value for name, value in session().items() if name != key}


@pytest.fixture
def folder(tmp_path):
    """A folder of answers; files by name, of text or of what becomes JSON."""

    def write(**files):
        for name, value in files.items():
            text = value if isinstance(value, bytes) else json.dumps(value).encode()
            (tmp_path / f"{name}.json").write_bytes(text)
        return tmp_path

    return write


def read(folder):
    return read_folder(folder, STUDIES, TRIALS, simulated=False)


def test_good_answers_are_counted(folder):
    found = read(folder(one=session(), two=session(listener_id="p2")))
    assert found.set_aside.empty
    assert list(found.answers) == list(ANSWERS) and list(found.sessions) == list(SESSIONS)
    assert list(found.answers.choice) == ["a", "b", "a", "b"]
    assert list(found.sessions.minutes) == [5, 5]
    assert list(found.answers.heard_b) == [2] * 4


BAD_FILES = {
    "a field is missing": (without("study_id"), "field study_id is missing"),
    "a field is unknown": (session(age=33), "field 'age' is unknown"),
    "of another study": (session(study_id="zzz"), "study_id zzz is of another study"),
    "of another arm's study": (session(study_id="def456"), "is of another study"),
    "of no arm": (session(arm="third"), "arm third is not in this study"),
    "of another form": (session(schema=1), "schema"),
    "no consent": (session(consent=False), "consent"),
    "a type is wrong": (session(headphones="yes"), "headphones"),
    "true is no number": (
        session(headphones={"passed": True, "correct": True, "trials": 6}),
        "headphones.correct",
    ),
    "more correct than asked": (
        session(headphones={"passed": True, "correct": 7, "trials": 6}),
        "7 correct of 6",
    ),
    "finished before": (session(finished="2026-11-26T09:00:00Z"), "finished before"),
    "a time without a zone": (session(started="2026-11-26T10:00:00"), "started"),
    "script in a text": (session(listener_id="<script>alert(1)</script>"), "listener_id"),
    "script in a field": (session(**{"<script>": 1}), "field '<script>' is unknown"),
    "a formula": (session(listener_id="=HYPERLINK(1)"), "listener_id"),
    "another formula": (session(listener_id="-1+1"), "listener_id"),
    "one bad answer, and finished before": (
        session(trials=[answer("t1"), answer("t2", choice="c")], finished="2026-11-26T09:00:00Z"),
        "finished before",
    ),
    "no answers": (session(trials=[]), "trials: there is no answer"),
    "no headphone test": (session(headphones=None), "this study has a headphone test"),
    "passed with none correct": (
        session(headphones={"passed": True, "correct": 0, "trials": 6}),
        "passed is True, with 0 correct",
    ),
    "failed with all correct": (
        session(headphones={"passed": False, "correct": 6, "trials": 6}),
        "passed is False, with 6 correct",
    ),
    "more tones than there are": (
        session(headphones={"passed": True, "correct": 5, "trials": 100}),
        "100 trials, not 6",
    ),
    "answers of one who was sent away": (
        session(headphones={"passed": False, "correct": 4, "trials": 6}),
        "sends away",
    ),
    "no answer is fit": (session(trials=[answer(choice="c")]), "no answer is fit"),
    "cut off": (json.dumps(session()).encode()[:-20], "cut off or damaged"),
    "empty": (b"", "cut off or damaged"),
    "not text": (b"\xff\xfe\x00", "cut off or damaged"),
    "nested without end": (b"[" * 100_000, "cut off or damaged"),
    "a list": (b"[1, 2]", "object"),
    "not a number": (json.dumps(session()).replace("12.5", "NaN").encode(), "no answer is fit"),
}


@pytest.mark.parametrize("what", BAD_FILES)
def test_a_bad_file_is_set_aside_by_name_and_the_rest_counts(folder, what):
    bad, why = BAD_FILES[what]
    found = read(folder(good=session(listener_id="p2"), bad=bad))
    assert list(found.set_aside.file) == ["bad.json"]
    assert why in found.set_aside.why[0]
    assert list(found.sessions.file) == ["good.json"] and len(found.answers) == 2


BAD_ANSWERS = {
    "a field is missing": ({"trial_id": "t3"}, "field choice is missing"),
    "a field is unknown": (answer("t3", note="hm"), "field 'note' is unknown"),
    "a type is wrong": (answer("t3", seconds="12"), "seconds"),
    "no such choice": (answer("t3", choice="c"), "choice"),
    "no such confidence": (answer("t3", confidence=5), "confidence"),
    "negative time": (answer("t3", seconds=-1), "seconds"),
    "faster than the clips": (answer("t3", seconds=9.0), "heard in 7.00, less than they last"),
    "decided before it began": (answer("t3", decided=20.0), "less than they last"),
    "a clip was not heard": (answer("t3", heard={"x": 1, "a": 0, "b": 1}), "heard.a"),
    "of another study": (answer("t99"), "trial_id t99 is not in this study"),
    "answered twice": (answer("t1", choice="b"), "answered twice"),
    "a formula": (answer("=1+1"), "trial_id"),
    "no object": (7, "object"),
}


@pytest.mark.parametrize("what", BAD_ANSWERS)
def test_a_bad_answer_is_set_aside_and_the_rest_of_the_file_counts(folder, what):
    bad, why = BAD_ANSWERS[what]
    found = read(folder(one=session(trials=[answer("t1"), bad, answer("t2")])))
    assert list(found.set_aside.listener_id) == ["p1"] and why in found.set_aside.why[0]
    assert "answer 2" in found.set_aside.what[0]
    assert list(found.answers.trial_id) == ["t1", "t2"]
    assert list(found.answers.choice) == ["a", "a"]  # the first answer counts


def test_two_people_with_one_id_are_told_apart(folder):
    later = session(started="2026-11-26T11:00:00Z", finished="2026-11-26T11:05:00Z")
    found = read(folder(b_first=session(), a_later=later))
    assert list(found.sessions.file) == ["b_first.json"]
    assert found.set_aside.file[0] == "a_later.json"
    assert "two people with one id" in found.set_aside.why[0]


def test_a_second_session_of_one_person_counts(folder):
    times = {"started": "2026-11-27T10:00:00Z", "finished": "2026-11-27T10:05:00Z"}
    found = read(folder(one=session(), two=session(trials=[answer("t3")], **times)))
    assert found.set_aside.empty
    assert list(found.sessions.session) == [1, 2]


def test_two_sessions_at_one_time_are_two_people(folder):
    found = read(folder(one=session(), two=session(trials=[answer("t3")])))
    assert "at the same time" in found.set_aside.why[0] and len(found.answers) == 2


def test_a_file_twice_counts_once(folder):
    found = read(folder(one=session(), two=session()))
    assert list(found.set_aside.why) == ["the same session as one.json"]
    assert len(found.sessions) == 1


def test_one_id_in_two_arms_is_no_clash(folder):
    trials = pd.concat([TRIALS, TRIALS.assign(arm="ours")])
    other = session(arm="ours", study_id="def456")
    found = read_folder(folder(one=session(), two=other), STUDIES, trials, simulated=False)
    assert found.set_aside.empty and len(found.sessions) == 2


def test_simulated_listeners_do_not_count_among_people(folder):
    path = folder(one=session(), two=session(listener_id="simulated-paper-0001"))
    found = read(path)
    assert list(found.set_aside.why) == ["is of a simulated listener"]
    assert list(found.sessions.listener_id) == ["p1"]
    assert len(read_folder(path, STUDIES, TRIALS, simulated=True).sessions) == 2


def test_a_huge_file_is_not_read(folder, monkeypatch):
    path = folder(good=session())
    with open(path / "huge.json", "wb") as file:
        file.truncate(100_000_000)  # takes no room
    found = read(path)
    assert found.set_aside.file[0] == "huge.json"
    assert f"100000000 bytes, more than the {MAX_BYTES}" in found.set_aside.why[0]
    assert len(found.sessions) == 1


AWAY = {"headphones": {"passed": False, "correct": 4, "trials": 6}, "trials": []}


def test_who_was_sent_away_counts_without_answers(folder):
    found = read(folder(one=session(), away=session(listener_id="p2", **AWAY)))
    assert found.set_aside.empty and set(found.answers.listener_id) == {"p1"}
    assert list(found.sessions.headphones_correct) == [4, 6]
    assert list(found.sessions.answers) == [0, 2]


@pytest.mark.parametrize(("headphones", "why"), [("recorded", "no answer"), ("none", "has no")])
def test_nobody_is_sent_away_where_the_test_sends_nobody_away(headphones, why):
    text = json.dumps(session(**AWAY)).encode()
    with pytest.raises(InputError, match=why):
        parse(text, {"paper": manifest("abc123", headphones)})


def test_a_study_without_a_headphone_test_takes_answers_without_one():
    text = json.dumps(session(headphones=None)).encode()
    found, unfit = parse(text, {"paper": manifest("abc123", "none")})
    assert len(found.trials) == 2 and not unfit
    failed = session(headphones={"passed": False, "correct": 2, "trials": 6})
    found, _ = parse(json.dumps(failed).encode(), {"paper": manifest("abc123", "recorded")})
    assert len(found.trials) == 2


def test_files_that_are_none_of_sessions_are_named(folder):
    path = folder(good=session())
    (path / "notes.txt").write_text("hm")
    (path / "=cmd.json").write_text("{")
    (path / ".cut.part").write_text("")
    (path / "gone.json").symlink_to(path / "nowhere.json")
    (path / ".snakemake_timestamp").write_text("")  # the workflow's own
    (path / "more").mkdir()
    (path / "more" / "two.json").write_text(json.dumps(session(listener_id="p2")))
    found = read(path)
    aside = dict(zip(found.set_aside.file, found.set_aside.why, strict=True))
    assert list(aside) == ["./=cmd.json", ".cut.part", "gone.json", "notes.txt"]  # no formula
    assert "hidden" in aside[".cut.part"] and "link to nothing" in aside["gone.json"]
    assert list(found.sessions.file) == ["good.json", "more/two.json"]


def test_no_folder_is_an_error(tmp_path):
    with pytest.raises(InputError, match="no such folder of answers"):
        read(tmp_path / "nowhere")


def test_an_empty_folder_gives_empty_tables(tmp_path):
    found = read(tmp_path)
    assert found.answers.empty and found.sessions.empty and found.set_aside.empty


@given(st.binary(max_size=300))
def test_no_bytes_break_the_reader(text):
    with pytest.raises(InputError):
        parse(text, STUDIES)


@given(
    st.sampled_from([*session(), "extra"]),
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=9), st.lists, max_leaves=5
    ),
)
def test_any_value_in_a_field_is_taken_or_refused_in_a_line(key, value):
    text = json.dumps(session(**{key: value})).encode()
    try:
        found, _ = parse(text, STUDIES)
    except InputError as error:
        assert "\n" not in str(error)
    else:
        assert key in ("headphones", "consent", "schema") or json.loads(text)[key] == value
        assert found.study_id == "abc123"
