"""A text in Markdown as one HTML file that needs nothing else."""

from pathlib import Path

import jinja2
import mistune

from musical_roots.arrays import write_text
from musical_roots.pages import bundled

TEMPLATE = jinja2.Environment(autoescape=True, trim_blocks=True).from_string(
    """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ title }}</title>
<style>{{ css }}
main { max-width: 46rem; }</style>
</head>
<body>
<main>
{{ body | safe }}
</main>
</body>
</html>
"""
)
# what stands in a table is text, not HTML
MARKDOWN = mistune.create_markdown(escape=True)


def write_prose(text: str, path: Path) -> None:
    """Write Markdown as an HTML page; its first line is its title. HTML in it is shown as text."""
    title = text.splitlines()[0].lstrip("# ")
    write_text(TEMPLATE.render(title=title, css=bundled(("page.css",)), body=MARKDOWN(text)), path)
