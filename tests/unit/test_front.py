"""The front page: answers first, then figures in the order of the paper, nothing from outside."""

import re

import pandas as pd
import pytest

from musical_roots import config as configuration
from musical_roots.figures import FIGURES
from musical_roots.front import ORDER, caption, section_of, write_front
from musical_roots.short_answers import ASKED, COLUMNS
from musical_roots.study import Study, sections
from musical_roots.study.figures import Figure
from musical_roots.study.pages import Page
from musical_roots.study.titles import TITLES
from musical_roots.tables import write_table

CAPTION = "Of {{ snakemake.config['draws'] }} draws, **bold** <b>&.\n\n.. include:: /etc/passwd\n"


@pytest.fixture
def page(tmp_path) -> str:
    """A front page of two figures, two pages and two answers."""
    study = tmp_path / "results"
    table = pd.DataFrame({"encoder": ["mel", "random"], "generator": ["a", "b"], "lds": [0.1, 0.2]})
    for name in ("robustness", "race"):
        write_table(table, study / f"tables/{name}.csv")
        (study / "figures").mkdir(exist_ok=True)
        (study / f"figures/{name}.svg").write_text("<svg/>")
        (study / f"figures/{name}.png").write_bytes(b"larger than that")
        (tmp_path / f"{name}.rst").write_text(CAPTION)
    figures = {
        "race": Figure("race", f"{study}/tables/race.csv", sections.INFLUENCE, "a"),
        "robustness": Figure("robustness", f"{study}/tables/robustness.csv", sections.ROBUSTNESS),
    }
    pages = {"robust": Page("Said", sections.ROBUSTNESS, (f"{study}/tables/robustness.csv",), "")}
    for name in ("robust", "claims"):
        path = study / f"pages/{name}.html"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"<title>Page &amp; {name}</title>")
    rows = [
        (sections.ROBUSTNESS, "", "Found?", "yes", "1 %", "", "Words <i>.", "", "robustness"),
        (sections.PAST, "positive control", "Told?", "no", "2 %", "more", "", "a", "race"),
    ]
    answered = pd.DataFrame([(*row, row[-1]) for row in rows], columns=COLUMNS)
    about = {"draws": 7, "corpus": {"source": "folder"}, "seed": 3}
    written = [study / f"pages/{name}.html" for name in ("robust", "claims")]
    write_front(study / "index.html", about, answered, figures, pages, written, tmp_path)
    return (study / "index.html").read_text()


def test_it_opens_with_the_answers_and_goes_on_as_the_paper_does(page):
    places = [page.index(f'id="{name}"') for name in ("answers", "robustness", "race", "appendix")]
    assert places == sorted(places)
    assert page.index("Found?") < page.index("Told?") < page.index("<figure")
    assert ORDER.index(sections.LISTENING) < ORDER.index(sections.ROBUSTNESS)
    assert ORDER.index(sections.ROBUSTNESS) < ORDER.index(sections.INFLUENCE)
    assert ORDER.index(sections.INFLUENCE) < ORDER.index(sections.PAST)


def test_answers_link_to_their_figure_and_table_and_a_failed_control_is_seen(page):
    assert '<a href="#robustness">figure</a>' in page
    assert '<a href="pages/robust.html">table</a>' in page
    assert '<a href="#race">figure</a>' in page
    assert '<a href="tables/race.csv">table</a>' in page, "no page shows it"
    assert re.search(r'class="answer no">\s*no', page)
    assert re.search(r'class="answer ">\s*yes', page), "yes to a question is neither good nor bad"
    assert "2 %; more." in page and "Words &lt;i&gt;." in page


def test_a_figure_has_its_title_caption_and_table(page):
    assert page.count("<figure id=") == 2
    assert f"<h3>{TITLES['robustness']}</h3>" in page.replace("&#39;", "'")
    assert "Of 7 draws, <strong>bold</strong> &lt;b&gt;&amp;." in page
    assert "root:" not in page
    assert page.count('<tr class="control">') == 1, "of a generator's figure its rows alone"
    assert page.count("<summary>The table</summary>") == 2


def test_pages_that_are_no_tables_are_linked_by_their_title(page):
    assert '<a href="pages/claims.html">Page &amp; claims</a>' in page
    assert section_of("listen_to_openvamp", None) == sections.GENERATION
    assert section_of("listen_to_perturbed", None) == sections.ROBUSTNESS
    assert section_of("race", None) == sections.PAST
    assert section_of("anything else", None) == sections.PROVENANCE


def test_it_asks_for_nothing_outside_but_what_a_reader_clicks(page):
    assert set(re.findall(r'src="(.{5})', page)) == {"data:"}
    assert not re.findall(r'href="(?!#|pages/|tables/|figures/|report\.html|config\.json)', page)


def test_captions_read_no_files():
    assert "root:" not in caption(CAPTION, {"draws": 1})


def test_every_figure_says_what_is_seen():
    drawn = {figure.draws for figure in Study(configuration.load({})).figures.values()}
    assert drawn | set(FIGURES) <= set(TITLES)
    assert {asked.figure for asked in ASKED} - {""} <= set(TITLES)


def test_every_section_of_the_study_has_its_place():
    study = Study(configuration.load({}))
    there = {figure.section for figure in study.figures.values()}
    there |= {page.section for page in study.pages.values()}
    assert there | {asked.section for asked in ASKED} <= set(ORDER)
