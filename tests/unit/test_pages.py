import base64

import numpy as np
import pandas as pd

from musical_roots.pages import write_page


def test_text_is_escaped_and_numbers_are_short(tmp_path):
    table = pd.DataFrame(
        {"some_title": ["<b>&", "two"], "cosine": [1 / 3, np.nan], "rank": [1, 20]}
    )
    write_page(tmp_path / "page.html", "A & B", ["what <it> is"], {"Part": table})
    text = (tmp_path / "page.html").read_text()
    assert "<th>some title</th>" in text
    assert "&lt;b&gt;&amp;" in text
    assert "<b>" not in text
    assert "0.3333<" in text
    assert "nan" not in text.lower()
    assert "what &lt;it&gt; is" in text


def test_verdicts_stand_out(tmp_path):
    write_page(tmp_path / "p.html", "t", [], {"": pd.DataFrame({"verdict": ["does_not_hold"]})})
    assert '<td class="does_not_hold">does_not_hold</td>' in (tmp_path / "p.html").read_text()


def test_bytes_become_a_player_that_needs_no_other_file(tmp_path):
    table = pd.DataFrame({"vamp": [b"ID3 not really"]})
    write_page(tmp_path / "p.html", "t", [], {"": table})
    text = (tmp_path / "p.html").read_text()
    assert "<audio controls" in text
    assert base64.b64encode(b"ID3 not really").decode() in text
