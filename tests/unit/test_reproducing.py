"""docs/reproducing.md says what was measured, and names what there is."""

import re
import sys
from pathlib import Path

import pandas as pd

from musical_roots import config
from musical_roots.study import Study
from musical_roots.weights.manifest import SOURCES

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))

TEXT = (ROOT / "docs/reproducing.md").read_text()


def test_costs_are_those_that_were_measured():
    from paper_scale import as_markdown

    table = pd.read_csv(ROOT / "benchmarks/paper_scale.csv")
    assert as_markdown(table) in TEXT
    assert f"at {table.gflops.iloc[0]:g} GFLOPS" in TEXT


def test_as_many_items_as_the_papers_config_asks_for():
    from paper_scale import CLIPS, counts

    asked = counts(config.read([ROOT / "config/config.yaml", ROOT / "config/paper.yaml"]))
    table = pd.read_csv(ROOT / "benchmarks/paper_scale.csv").set_index("what")["items"]
    assert asked["vamps"] == 2 * 1000 * 10
    assert table["perturb, and write"] == asked["perturbed"]
    assert table["encode with clap, fp32"] == CLIPS + asked["queries"]


def test_tables_and_figures_that_it_names_are_made():
    made = Study(config.read([ROOT / "config/config.yaml"]))
    named = set(re.findall(r"tables/(\w+)\.csv", TEXT)) - {"paper_table1"}  # of people's answers
    tables = {Path(path).stem for path in made.tables()}
    tables |= {"paper_encoders", "claims", "claims_tally"}
    assert named <= tables, named - tables
    figures = set(re.findall(r"figures/(\w+)\.svg", TEXT))
    assert figures <= set(made.figures), figures
    for path in re.findall(r"\]\((\.\./[^)]+)\)", TEXT):
        assert (ROOT / "docs" / path).exists(), path


def test_weights_are_told_with_size_and_licence():
    rows = re.findall(r"^\| `(\w+)` \| `([^`]+)` \| ([^|]+) \| ([^|]+) \|$", TEXT, re.MULTILINE)
    assert [row[0] for row in rows] == list(SOURCES)
    for name, file, size, licence in rows:
        known = SOURCES[name].size_bytes
        assert size == (f"{known / 1e6:,.0f} MB" if known else "not stated")
        assert (file, licence) == (SOURCES[name].file, SOURCES[name].licence)
