"""Tables of a page in a real browser: sorted, filtered, searched, with more columns on demand."""

import json
import shutil
import subprocess
from pathlib import Path

import pandas as pd
import pytest

from musical_roots.listening.files import WEB
from musical_roots.pages import write_page

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
SCRIPT = Path(__file__).with_name("tables.mjs")
MODULES = WEB / "node_modules"
pytestmark = [
    pytest.mark.skipif(not CHROMIUM, reason="no chromium: apt-get install chromium"),
    pytest.mark.skipif(not shutil.which("node"), reason="no node: apt-get install nodejs npm"),
    pytest.mark.skipif(not (MODULES / "playwright-core").is_dir(), reason="make browser"),
]
ROWS = 90


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (360, "dark")])
def test_a_reader_sorts_filters_searches_and_asks_for_columns(tmp_path, width, scheme):
    columns = {f"c{n}": [0.5] * ROWS for n in range(5)}
    table = pd.DataFrame(
        {"encoder": ["musicnn", "random"] * (ROWS // 2)}
        | {"what": [f"row {n}" for n in range(ROWS)], "level": range(ROWS, 0, -1)}
        | {**columns, "more": 1}
    )
    write_page(tmp_path / "page.html", "Tables", ["Said."], {"": table})
    words = ["node", SCRIPT, MODULES, CHROMIUM, tmp_path / "page.html", str(width), scheme]
    done = subprocess.run(words, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen["errors"] == [] and seen["outside"] == [] and seen["violations"] == []
    assert seen["overflow"] <= 0
    assert (seen["first"], seen["columns"], seen["columns_then"]) == (25, 8, 9)
    assert f"row {ROWS - 1}" in seen["least"]
    assert len(seen["filtered"]) == 25 and all("random" in row for row in seen["filtered"])
    assert seen["found"] and all("row 7" in row for row in seen["found"])
    assert len(seen["found"]) == sum(n % 2 for n in [7, *range(70, 80)])
    assert seen["sticky"]
