"""The pages of docs/ say what there is, their links lead somewhere, their site needs no other."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from copied import YAML

from musical_roots import config
from musical_roots.experiments.tiers import TIERS
from musical_roots.study import Study

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.glob("*.md"))
STUDY = Study(config.read([ROOT / "config/config.yaml"]))


@pytest.mark.parametrize("page", [*PAGES, ROOT / "ARTIFACT.md"], ids=lambda page: page.stem)
def test_links_lead_somewhere(page):
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text())
    inside = [link for link in links if not link.startswith(("http:", "https:"))]
    for link in inside:
        assert (page.parent / link).exists(), link


def test_every_page_is_in_the_table_of_contents():
    listed = re.search(
        r"```\{toctree\}\n:hidden:\n\n(.*?)```", (DOCS / "index.md").read_text(), re.S
    )
    assert sorted([*listed[1].split(), "index"]) == [page.stem for page in PAGES]


@pytest.mark.parametrize("page", ["your_model", "verdict", "questions", "limits"])
def test_what_a_page_names_is_made(page):
    text = (DOCS / f"{page}.md").read_text()
    made = {Path(path).stem for path in STUDY.asked_tables}
    made |= {"recordings", "rejected", "claims", "credits"}
    named = set(re.findall(r"`(?:tables/|corpus/)?(\w+)\.csv", text))
    assert named <= made, named - made
    for path in re.findall(r"`((?:docs|notebooks|config|tests|src)/[\w/.]+\.\w+)`", text):
        assert (ROOT / path).is_file() or path == "config/mine.yaml", path


def test_columns_that_a_verdict_is_read_by_are_said_in_results():
    known = (ROOT / "results/README.md").read_text()
    for column in ("power_at_05", "false_positives_at_05", "q_competition_<view>"):
        assert column in known
        assert any(column in page.read_text() for page in PAGES), column


def test_tiers_are_told_as_the_code_has_them():
    text = (DOCS / "verdict.md").read_text()
    for tier, rule in TIERS.items():
        assert f"| {tier} | {rule} |" in text


def test_the_config_for_a_model_of_ones_own_is_taken(tmp_path):
    (text,) = YAML.findall((DOCS / "your_model.md").read_text())
    for folder in ("music", "outputs"):
        (tmp_path / folder).mkdir()
        text = text.replace(f"/{folder}", str(tmp_path / folder))
    (tmp_path / "music/credits.csv").write_text("path,split\n")
    (tmp_path / "mine.yaml").write_text(text)
    study = Study(config.read([ROOT / "config/config.yaml", tmp_path / "mine.yaml"]))
    assert study.generators == ["external"] and study.attributed == ["external"]
    assert study.results == "results/mine"
    assert yaml.safe_load(text)["generation"] == {"duration_s": 6}


def test_the_site_asks_nothing_of_any_other(tmp_path):
    pytest.importorskip("myst_parser", reason="made with: make setup")
    words = ["-q", "-W", "--keep-going", "-b", "html", str(DOCS), str(tmp_path / "site")]
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", *words], capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    site = list((tmp_path / "site").rglob("*.html"))
    assert {page.stem for page in PAGES} <= {page.stem for page in site}
    for page in site:
        text = page.read_text()
        assert not re.search(r'<(script|img|iframe)[^>]* src="(https?:)?//', text), page
        assert not re.search(r'<link(?![^>]*rel="(canonical|license)")[^>]*"(https?:)?//', text)
    styles = [path.read_text() for path in (tmp_path / "site").rglob("*.css")]
    assert styles and not any(re.search(r"(@import|url\()\W*(https?:)?//", text) for text in styles)
