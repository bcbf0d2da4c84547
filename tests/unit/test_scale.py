"""docs/scale.md says what benchmarks/scale.py makes of what was measured."""

import sys
from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))


def test_the_page_shows_what_the_tables_give():
    import scale

    text = (ROOT / "docs/scale.md").read_text()
    assert scale.as_markdown(scale.rows(scale.measured())) in text
    assert scale.assumptions() in text
    assert scale.searches() in text


def test_costs_are_in_proportion_to_clips():
    import scale

    table = scale.rows(scale.measured())
    assert (table["1B"] / table["5M"]).tolist() == pytest.approx([200] * len(table))
    paper = pd.read_csv(ROOT / "benchmarks/paper_scale.csv").set_index("what")
    hours = table[(table.what == "encode with clap") & (table.unit == "core-hours")]["5M"].item()
    one = paper.cpu_s_an_item["encode with clap, fp32"]
    assert hours == pytest.approx(one * 5_000_000 / 3600)


def test_the_page_is_whole():
    text = (ROOT / "docs/scale.md").read_text()
    parts = ("Exact or approximate", "Which engine, and why", "What changes in the statistics")
    for part in (*parts, "Export"):
        assert text.count(f"## {part}\n") == 1
    assert text.count("-->") == 6
