"""Pages: one table, or a few, as one HTML file that needs nothing else."""

import os
from functools import cache
from pathlib import Path

import jinja2
import pandas as pd
from markupsafe import Markup

from musical_roots.arrays import write_text
from musical_roots.shown import shown, with_control

WEB = Path(__file__).parent / "web"
CSS, JS = ("page.css", "tables.css"), ("datatables.min.js", "tables.js")


@cache
def template(name: str) -> jinja2.Template:
    """A page of `web`."""
    loader = jinja2.FileSystemLoader(WEB)
    web = jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    return web.get_template(name)


def bundled(names: tuple[str, ...]) -> Markup:
    """Files of `web`, to stand in a page."""
    return Markup("\n".join((WEB / name).read_text("utf-8") for name in names))


def write_page(
    path: Path,
    title: str,
    text: list[str],
    tables: dict[str, pd.DataFrame],
    files: dict[str, Path] | None = None,
) -> None:
    """Write a page.

    Parameters
    ----------
    path : Path
        The HTML file.
    title : str
    text : list of str
        Paragraphs above the tables.
    tables : dict
        Heading -> table; an empty heading shows none.
    files : dict, optional
        Heading -> the table's own file, which the page names and whose name says what is shown of
        it first.
    """
    files = files or {}
    sections = []
    for heading, table in tables.items():
        file = files.get(heading)
        where = os.path.relpath(file, path.parent) if file else ""
        sections.append(shown(table, file.stem if file else "", heading, where))
    parts = {"css": bundled(CSS), "js": bundled(JS), "control": with_control(sections)}
    page = template("page.html").render(title=title, text=text, sections=sections, **parts)
    write_text(page, path)
