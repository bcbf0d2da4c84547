"""The study's front page: the answers first, then every figure in the order of the paper."""

import base64
import os
import re
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from types import SimpleNamespace

import jinja2
import pandas as pd
from docutils.core import publish_parts
from markupsafe import Markup

from musical_roots.arrays import write_text
from musical_roots.pages import CSS, JS, bundled, template
from musical_roots.short_answers import NEGATIVE, POSITIVE
from musical_roots.shown import Shown, shown, with_control
from musical_roots.study import sections
from musical_roots.study.figures import Figure
from musical_roots.study.pages import Page
from musical_roots.study.titles import title
from musical_roots.tables import read_table

ORDER = [
    *(sections.LISTENING, sections.ROBUSTNESS, sections.GENERATION, sections.INFLUENCE),
    *(sections.PAST, sections.ENCODERS, sections.CLAIMS, sections.CORPUS, sections.PROVENANCE),
]
PAST = ("race", "dose", "lengths")  # figures and pages that go past the paper
# Where pages are linked that are no pages of tables, by their name; the first that fits.
OTHERS = {
    "experiment_a|listening": sections.LISTENING,
    "experiment_b|robustness|perturb": sections.ROBUSTNESS,
    "experiment_c": sections.INFLUENCE,
    "claims|questions": sections.CLAIMS,
    "listen_to": sections.GENERATION,
    "your_own": sections.CORPUS,
    "": sections.PROVENANCE,
}
TOLD = {
    sections.LISTENING: "The paper let people compare clips. An encoder is a network that turns a"
    " clip into numbers; two clips are near if their numbers point the same way (cosine).",
    sections.ROBUSTNESS: "Clips are changed on purpose, and searched for: does the search still"
    " find the clip that was changed?",
    sections.GENERATION: "The generator takes a piece of music, the prompt, keeps a part of it and"
    " makes up the rest: a vamp. What it learned from is known, so answers can be checked.",
    sections.INFLUENCE: "Vamps are searched for among the music that the generator learned from."
    " Control music, which it never heard, says what such a search finds by chance.",
    sections.PAST: "To resemble is not to influence. Here the generator is trained anew without"
    " some of its music, and what changes is held against what resembles.",
    sections.ENCODERS: "Which encoder knows a song when it hears another part of it, and how its"
    " cosines lie.",
}
ROWS = 200  # of a table under a figure; its file has them all
WANTED = {POSITIVE: "yes", NEGATIVE: "no"}  # what the answer to a control must be


@dataclass(frozen=True)
class Picture:
    """A figure on the front page.

    Attributes
    ----------
    name, title : str
    image : str
        The picture itself, as an address.
    caption : Markup
        Paragraphs.
    table : Shown
        What it draws.
    """

    name: str
    title: str
    image: str
    caption: Markup
    table: Shown


@dataclass
class Section:
    """A part of the front page: what is asked there, its figures, and pages of tables."""

    name: str
    told: str
    answers: list[dict] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)
    pages: list[tuple[str, str]] = field(default_factory=list)

    @property
    def anchor(self) -> str:
        """Its name in an address."""
        return re.sub(r"[^a-z]+", "-", self.name.lower()).strip("-")


def write_front(
    path: Path,
    config: dict,
    answered: pd.DataFrame,
    figures: dict[str, Figure],
    pages: dict[str, Page],
    written: list[Path],
    captions: Path,
) -> None:
    """Write the page.

    Parameters
    ----------
    path : Path
        The HTML file, in the study's folder.
    config : dict
        Of the run, which captions quote.
    answered : DataFrame
        Of `short_answers.short_answers`.
    figures, pages : dict
        Of the study.
    written : list of Path
        Pages to link to, those of `pages` and others.
    captions : Path
        Folder of the figures' captions.
    """
    more = [figure.section for figure in figures.values()]
    more += [page.section for page in pages.values()]
    made = {name: Section(name, TOLD.get(name, "")) for name in dict.fromkeys([*ORDER, *more])}
    for name, figure in figures.items():
        where = sections.PAST if figure.draws in PAST else figure.section
        made[where].pictures.append(_picture(name, figure, config, captions, path.parent))
    links = {page.stem: os.path.relpath(page, path.parent) for page in written}
    for page in written:
        where = section_of(page.stem, pages.get(page.stem))
        made[where].pages.append((links[page.stem], _heading(page)))
    tables = {Path(one).stem: name for name, page in pages.items() for one in page.tables}
    for row in answered.fillna("").to_dict("records"):
        made[row["section"]].answers.append(_linked(row, figures, tables, links))
    shown_here = [
        section for section in made.values() if section.pictures or section.pages or section.answers
    ]
    every = [picture.table for section in shown_here for picture in section.pictures]
    parts = {"css": bundled((*CSS, "front.css")), "js": bundled(JS), "control": with_control(every)}
    about = {"config": config, "sections": shown_here}
    write_text(template("front.html").render(**about, **parts), path)


def section_of(name: str, page: Page | None) -> str:
    """Where a page is linked: one of tables, or of sounds, claims or what made the results."""
    if name in PAST:
        return sections.PAST
    if page:
        return page.section
    return next(section for part, section in OTHERS.items() if re.search(part, name))


def _heading(page: Path) -> str:
    """The title of a page."""
    found = re.search(r"<title>(.*?)</title>", page.read_text("utf-8"), re.DOTALL)
    if page.parent.name == "notebooks":
        return f"Notebook: {page.stem.replace('_', ' ')}"
    return unescape(found[1].strip()) if found else page.stem


def _linked(row: dict, figures: dict[str, Figure], tables: dict, links: dict[str, str]) -> dict:
    """An answer with where its figure and its table are."""
    drawn = [
        name
        for name, figure in figures.items()
        if figure.draws == row["figure"] and figure.generator in ("", row["generator"])
    ]
    page = links.get(tables.get(row["table"], ""), "")
    file = f"tables/{row['table']}.csv"
    return row | {
        "anchor": drawn[0] if drawn else "",
        "page": page or file,
        "role_wants": WANTED.get(row["role"], ""),
    }


def _picture(name: str, figure: Figure, config: dict, captions: Path, folder: Path) -> Picture:
    table = read_table(figure.table)
    if figure.generator and "generator" in table:
        table = table[table.generator.str.partition(" (")[0] == figure.generator]
    file = os.path.relpath(figure.table, folder)
    heading = title(figure.draws, figure.generator, name)
    cut = shown(table, Path(figure.table).stem, "", file, ROWS).brief()
    text = (captions / f"{figure.draws}.rst").read_text("utf-8")
    return Picture(name, heading, _image(folder / "figures" / name), caption(text, config), cut)


def _image(stem: Path) -> str:
    """The smaller of a figure's two files."""
    kinds = {".svg": "image/svg+xml", ".png": "image/png"}
    file = min((stem.with_suffix(kind) for kind in kinds), key=lambda one: one.stat().st_size)
    return f"data:{kinds[file.suffix]};base64,{base64.b64encode(file.read_bytes()).decode()}"


def caption(text: str, config: dict) -> Markup:
    """A caption of the workflow's report as HTML: Jinja that quotes the config, then docutils."""
    whole = jinja2.Template(text).render(snakemake=SimpleNamespace(config=config))
    settings = {"file_insertion_enabled": False, "raw_enabled": False, "report_level": 5}
    parts = publish_parts(whole, writer="html5", settings_overrides=settings)
    return Markup(parts["body"])
