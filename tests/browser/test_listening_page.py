"""The listening page in a real browser: whole sessions, whose answers the collector keeps."""

import json
import os
import shutil
import socket
import subprocess
import threading
import time
from pathlib import Path

import listening_study
import numpy as np
import pytest
import soundfile
import uvicorn

from musical_roots.listening import collector
from musical_roots.listening.files import WEB
from musical_roots.listening.session import parse
from musical_roots.listening.sound import HEADPHONES

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
SCRIPT = Path(__file__).with_name("session.mjs")
MODULES = WEB / "node_modules"
pytestmark = [
    pytest.mark.skipif(not CHROMIUM, reason="no chromium: apt-get install chromium"),
    pytest.mark.skipif(not shutil.which("node"), reason="no node: apt-get install nodejs npm"),
    pytest.mark.skipif(not (MODULES / "playwright-core").is_dir(), reason="make browser"),
]


@pytest.fixture
def study(tmp_path):
    """A study of a few short tones, as the workflow would make it: arm -> its folder."""

    def made(arm, questions=4, blocks=1):
        folder = tmp_path / arm
        asked = listening_study.some(arm, questions * blocks, questions)
        about = {"contact": "a@b.example", "consent": "<i>Board 1</i>", "confidence": arm == "ours"}
        names = {clip for one in "xab" for clip in asked[f"{one}_clip_id"]} | {"noise"}
        names |= {f"{HEADPHONES}-{n}" for n in range(1, 7)}
        (folder / "page/audio").mkdir(parents=True)
        for n, name in enumerate(sorted(names)):
            tone = 0.1 * np.sin(2 * np.pi * (200 + 20 * n) * np.arange(6000) / 44100)
            soundfile.write(folder / f"page/audio/{name}.flac", tone, 44100)
        listening_study.write(folder, arm, asked, **about)
        return folder

    return made


@pytest.fixture
def served():
    """Serves a study: (its address, folder of answers)."""
    running = []

    def serve(folder):
        kept = folder / "answers"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        app = collector.app(collector.Collector(folder, kept), None)
        server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error"))
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        running.append((server, thread))
        while not server.started:
            time.sleep(0.02)
        return f"http://127.0.0.1:{port}/", kept

    yield serve
    for server, thread in running:
        server.should_exit = True
        thread.join(10)


def session(address, by, width, ending):
    pictures = os.environ.get("PICTURES", "")  # a folder for screenshots, for a person to look at
    words = ["node", SCRIPT, MODULES, CHROMIUM, address, by, width, ending, pictures]
    done = subprocess.run(list(map(str, words)), capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("arm", "by", "width"),
    [("ours", "mouse", 1100), ("paper", "mouse", 360), ("ours", "keyboard", 360)],
)
def test_a_whole_session(study, served, arm, by, width):
    folder = study(arm)
    address, kept = served(folder)
    seen = session(address, by, width, "whole")
    assert seen["errors"] == [] and seen["outside"] == [] and seen["cookies"] == []
    assert "a@b.example" in seen["consent"] and "<i>Board 1</i>" in seen["consent"]
    assert seen["early"] == [], "a choice is possible before all was heard"
    assert seen["violations"] == [] and seen["overflow"] == []
    assert seen["resumed"] == "Question 3 of 4" and seen["retested"] == "Headphone test 3 of 6"
    (stored,) = seen["kept"]  # no answers
    assert set(stored) == {"listener_id", "block", "sent"}
    assert "Your answers have arrived" in seen["told"]
    (file,) = kept.glob("*.json")
    manifest = json.loads((folder / "manifest.json").read_text())
    answers, unfit = parse(file.read_bytes(), {arm: manifest})
    assert not unfit and answers.listener_id in seen["told"]
    assert [one.trial_id for one in answers.trials] == [t["trial_id"] for t in manifest["trials"]]
    assert {one.choice for one in answers.trials} == {"b"}
    assert {one.confidence for one in answers.trials} == ({3} if arm == "ours" else {None})
    assert answers.headphones.passed and answers.headphones.correct == 6


def test_who_fails_the_headphone_test_is_sent_away_and_counted(study, served):
    folder = study("paper")
    address, kept = served(folder)
    seen = session(address, "mouse", 800, "away")
    assert seen["errors"] == [] and seen["violations"] == []
    assert "The headphone test was not passed" in seen["told"]  # after a reload, too
    (file,) = kept.iterdir()
    manifest = json.loads((folder / "manifest.json").read_text())
    told, _ = parse(file.read_bytes(), {"paper": manifest})
    assert file.name == f"paper-{told.listener_id}-headphones.json" and told.trials == []
    assert told.headphones.correct == 4 and told.listener_id in seen["told"]


@pytest.mark.parametrize("ending", ["same", "other"])
def test_another_session_is_the_same_persons_only_where_they_say_so(study, served, ending):
    folder = study("paper", questions=2, blocks=2)
    address, kept = served(folder)
    seen = session(address, "mouse", 360, ending)
    assert seen["errors"] == [] and seen["violations"] == [] and seen["overflow"] == []
    assert "Was that you?" in seen["told"] and seen["first"] not in seen["told"]
    assert (seen["first"] == seen["second"]) == (ending == "same")
    assert ending == "same" or seen["kept"] == []  # nothing of the one before is left
    names = {f"paper-{seen['first']}-1.json", f"paper-{seen['second']}-2.json"}
    assert {file.name for file in kept.iterdir()} == names


def test_answers_that_cannot_be_sent_can_be_saved_and_sent_later(study, served):
    folder = study("paper", questions=2)
    address, kept = served(folder)
    seen = session(address, "mouse", 800, "unsent")
    assert [error for error in seen["errors"] if "ERR_FAILED" not in error] == []
    manifest = json.loads((folder / "manifest.json").read_text())
    saved, unfit = parse(seen["file"].encode(), {"paper": manifest})
    assert not unfit and seen["name"] == f"paper-{saved.listener_id}-1.json"
    assert saved.finished == saved.started  # the clock was set back
    (file,) = kept.iterdir()  # the second try
    assert parse(file.read_bytes(), {"paper": manifest})[0] == saved


@pytest.mark.parametrize("ending", ["left", "blocked"])
def test_who_leaves_leaves_nothing(study, served, ending):
    address, kept = served(study("ours", questions=2))
    seen = session(address, "mouse", 800, ending)
    assert seen["errors"] == [] and seen["kept"] == []
    assert seen["playing"] == [1, 0]
    assert list(kept.iterdir()) == []
