"""Pages to hear, of a trace, and of claims, in a browser: they are whole, and each player plays."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from click.testing import CliRunner
from finished_study import RATE, of_tones, tune

from musical_roots import claims, claims_page, cli
from musical_roots.auditions import page
from musical_roots.auditions.vamps import Recurring, Row, Span
from musical_roots.claims import Claim

ROOT = Path(__file__).parents[2]
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
SCRIPT = Path(__file__).with_name("audition.mjs")
MODULES = ROOT / "src/musical_roots/listening/web/node_modules"
pytestmark = [
    pytest.mark.skipif(not CHROMIUM, reason="no chromium: apt-get install chromium"),
    pytest.mark.skipif(not shutil.which("node"), reason="no node: apt-get install nodejs npm"),
    pytest.mark.skipif(not (MODULES / "playwright-core").is_dir(), reason="make browser"),
]


def look(path, width, scheme):
    pictures = os.environ.get("PICTURES", "")  # a folder for screenshots, for a person to look at
    words = ["node", SCRIPT, MODULES, CHROMIUM, path.as_uri(), width, scheme, pictures]
    done = subprocess.run(list(map(str, words)), capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen["errors"] == [] and seen["outside"] == [] and seen["violations"] == []
    assert seen["wide"] <= 0, "the page is wider than the screen"
    return seen


@pytest.fixture
def heard(tmp_path):
    """A page of two vamps, and a song that recurs."""
    path = str(tmp_path / "tone.wav")
    tone = 0.1 * np.sin(2 * np.pi * 440 * np.arange(12 * 24000) / 24000)
    soundfile.write(path, tone, 24000)
    spans = {
        "Prompt": Span(path, 0.0, 6.0, "A title that is rather long", "An artist", facts=("seen",)),
        "Vamp": Span(path, 1.0, 6.0, inside=(3.0, 6.0), facts=("70% of its tokens are kept",)),
        "Nearest training clip": Span(path, 2.0, 3.0, "T", "A", facts=("cosine 0.900",)),
    }
    views = [("mfcc", "T", "A", 0.9, 0.5), ("random", "U", "B", 0.8, 0.25)]
    rows = [
        Row(f"o{number}", setting, prompts, "nothing found", 0.5, spans, views)
        for number, (setting, prompts) in enumerate([("keep", "train"), ("invent", "control")])
    ]
    recurring = [Recurring(Span(path, 5.0, 3.0, "T", "A"), 0.5, 0.1, 0.02, ("A (1)",), 0)]
    made = pd.DataFrame({"setting": ["keep", "invent"], "prompt_id": ["p0", "p1"]})
    page.write_vamps(tmp_path / "heard.html", "Vamps", ["Text."], made, rows, recurring, "mfcc")
    return tmp_path / "heard.html"


@pytest.mark.parametrize(
    ("width", "scheme"), [(360, "light"), (360, "dark"), (1300, "light"), (1300, "dark")]
)
def test_every_player_plays_and_one_at_a_time(heard, width, scheme):
    seen = look(heard, width, scheme)
    assert seen["players"] == 7 and seen["silent"] == [] and seen["together"] == 1
    assert seen["keys"] == [0, 1]  # Escape stops; 2 plays the second sound of the first row
    assert seen["filtered"] == {"setting": [2, 1], "prompts": [2, 1]}


@pytest.fixture(scope="module")
def traced(tmp_path_factory):
    """The page of a file that holds what a training track has, and of one that holds nothing."""
    folder = tmp_path_factory.mktemp("traced")
    study = of_tones(folder)
    copied, _ = soundfile.read(folder / "music/01.wav", dtype="float32")
    spliced = np.concatenate([tune(99, 6), copied[3 * RATE : 9 * RATE]])
    for name, samples in (
        ("spliced.wav", spliced),
        ("a_name_that_is_rather_long.wav", tune(98, 9)),
    ):
        soundfile.write(folder / name, samples, RATE)
    page = folder / "traced.html"
    words = [folder / "spliced.wav", folder / "a_name_that_is_rather_long.wav", "--study", study]
    words = ["trace", *words, "--html", page, "--jobs", 1]
    assert CliRunner().invoke(cli.stages, list(map(str, words))).exit_code == 0
    return page


@pytest.mark.parametrize(
    ("width", "scheme"), [(360, "light"), (360, "dark"), (1300, "light"), (1300, "dark")]
)
def test_both_sides_of_a_trace_play_one_at_a_time(traced, width, scheme):
    seen = look(traced, width, scheme)
    assert seen["audio"] >= 4 and seen["audio"] % 2 == 0
    assert seen["silent"] == [] and seen["together"] == 1


@pytest.mark.parametrize(("width", "scheme"), [(360, "light"), (1300, "dark")])
def test_claims_are_read_and_sifted(tmp_path, width, scheme):
    fields = {"statement": "More than half are found.", "table": "robustness", "reason": "So."}
    fields |= {"column": "recall_at_1", "relation": "at least", "expected": 0.5}
    asked = [
        Claim(claim=name, source="S", certainty="P", select=f'encoder == "{name}"', **fields)
        for name in ("a", "b", "c")
    ]
    table = pd.DataFrame({"encoder": ["a", "b"], "recall_at_1": [0.7, 0.2]})
    verdicts = claims.check(asked, {"robustness": table})
    claims_page.write(tmp_path / "claims.html", verdicts, claims.tally(verdicts), {})
    seen = look(tmp_path / "claims.html", width, scheme)
    assert seen["filtered"] == {"verdict": [3, 1], "source": [3, 3]}
