"""Tables in pages: what is shown of them, that text is escaped, that no other file is asked for."""

import base64
import hashlib
import json
import re
import shutil
import subprocess
import tarfile

import numpy as np
import pandas as pd
import pytest

from musical_roots.pages import WEB, write_page
from musical_roots.shown import MOST, SHORT, control, shown
from musical_roots.tables import write_table
from musical_roots.weights import PLUMBING


def written(tmp_path, *args, **more) -> str:
    write_page(tmp_path / "page.html", *args, **more)
    return (tmp_path / "page.html").read_text()


def test_text_is_escaped_and_numbers_are_short(tmp_path):
    table = pd.DataFrame(
        {"some_title": ["<b>&", "two"], "cosine": [1 / 3, np.nan], "rank": [1, 20]}
    )
    text = written(tmp_path, "A & B", ["what <it> is"], {"Part": table})
    assert ">some title</th>" in text
    assert "&lt;b&gt;&amp;" in text
    assert "<td><b>" not in text
    assert "0.3333<" in text
    assert '<td class="number"></td>' in text
    assert "what &lt;it&gt; is" in text


def test_verdicts_stand_out(tmp_path):
    text = written(tmp_path, "t", [], {"": pd.DataFrame({"verdict": ["does_not_hold"]})})
    assert '<td class="does_not_hold">does_not_hold</td>' in text


def test_bytes_become_a_player_that_needs_no_other_file(tmp_path):
    text = written(tmp_path, "t", [], {"": pd.DataFrame({"vamp": [b"ID3 not really"]})})
    assert "<audio controls" in text
    assert base64.b64encode(b"ID3 not really").decode() in text


def test_a_page_asks_for_no_other_file(tmp_path):
    text = written(tmp_path, "t", [], {"": pd.DataFrame({"a": [1]})})
    assert not re.search(r"<(script|link|img)[^>]*(src|href)=", text)
    styles = re.search(r"<style>(.*?)</style>", text, re.DOTALL)[1]
    assert "@import" not in styles and "url(" not in styles


def test_a_table_names_its_own_file_and_says_what_of_it_is_here(tmp_path):
    table = pd.DataFrame({"n": range(MOST + 5), "nothing": np.nan})
    file = tmp_path / "tables/many.csv"
    write_table(table, file)
    text = written(tmp_path / "pages", "t", [], {"": table}, {"": file})
    assert 'href="../tables/many.csv"' in text
    assert f"{MOST + 5:,} rows, of which the first {MOST:,} are here" in text
    assert text.count("<tr><td") == MOST
    assert "Blank throughout, and left out: nothing." in " ".join(text.split())


def test_rows_of_a_network_that_learned_nothing_are_marked(tmp_path):
    names = ["musicnn", "random", f"clap ({PLUMBING})", "random: max"]
    assert [control(name) for name in names] == [False, True, True, True]
    table = pd.DataFrame({"encoder": names, "value": 1.0})
    marks = [mark for mark, _ in shown(table).rows]
    assert marks == [False, True, True, True]
    text = written(tmp_path, "t", [], {"": table})
    assert text.count('<tr class="control">') == 3
    assert "has learned nothing" in text
    assert "has learned nothing" not in written(tmp_path, "t", [], {"": table[:1]})


def test_pairs_of_views_are_marked_whichever_is_the_control():
    table = pd.DataFrame({"one": ["mel", "random", "mel"], "other": ["random", "mel", "mfcc"]})
    assert [mark for mark, _ in shown(table, "agreement").rows] == [True, True, False]


def test_few_columns_come_first_and_blank_ones_not_at_all():
    columns = [*SHORT["planted"].split(), "discoveries", "generator"]
    table = pd.DataFrame({name: ["x", "y"] for name in columns} | {"unit": ["", ""]})
    made = shown(table, "planted")
    assert made.blank == ["unit"]
    first = [column.name for column in made.columns if column.first]
    assert first == [
        name.replace("_", " ") for name in columns if name not in ("unit", "discoveries")
    ]
    assert [column.name for column in made.brief().columns] == first
    assert all(len(row) == len(first) for _, row in made.brief().rows)
    alone = shown(table.assign(generator="openvamp"), "planted").brief()
    assert "generator" not in [column.name for column in alone.columns]


def test_a_table_without_rows_shows_its_columns():
    made = shown(pd.DataFrame(columns=["method", "lds"]), "race")
    assert [column.name for column in made.columns] == ["method", "lds"]
    assert made.rows == [] and made.n_rows == 0


def test_one_can_choose_among_few_words_but_not_among_numbers_or_names():
    table = pd.DataFrame(
        {"kind": ["a", "b"] * 20, "level": [1.0, 2.0] * 20, "title": [str(n) for n in range(40)]}
    )
    assert [column.choice for column in shown(table).columns] == [True, False, False]


def test_verdicts_are_ordered_by_the_smallest_p_of_what_has_learned_something():
    table = pd.DataFrame(
        {"output_id": list("abc"), "p_musicnn": [0.5, 0.3, 0.2]}
        | {"p_token_share": [0.1, np.nan, 0.9], "p_random": [0.9, 0.01, 0.9]}
    )  # fmt: skip
    order = [row[0][1] for _, row in shown(table, "outputs").rows]
    assert order == ["a", "c", "b"]
    assert [row[0][1] for _, row in shown(table, "other").rows] == ["a", "b", "c"]


@pytest.mark.skipif(not shutil.which("npm"), reason="npm is not installed")
def test_datatables_is_the_file_that_the_lock_names(tmp_path):
    """The package, as npm gives it, has the lock's hash, and pages its very file."""
    lock = json.loads((WEB / "package-lock.json").read_text())["packages"]
    lock = lock["node_modules/datatables.net"]
    words = ["npm", "pack", f"datatables.net@{lock['version']}", "--ignore-scripts", "--silent"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True)
    packed = list(tmp_path.glob("*.tgz"))
    if done.returncode or not packed:
        pytest.skip(f"npm cannot fetch datatables.net: {done.stderr.strip()[-200:]}")
    digest = base64.b64encode(hashlib.sha512(packed[0].read_bytes()).digest()).decode()
    assert f"sha512-{digest}" == lock["integrity"]
    with tarfile.open(packed[0]) as package:
        file = package.extractfile("package/js/dataTables.min.js").read()
        licence = package.extractfile("package/License.txt").read().decode()
    assert file == (WEB / "datatables.min.js").read_bytes()
    assert licence.strip() in (WEB / "licences.txt").read_text()
