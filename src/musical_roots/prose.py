"""A text in Markdown as one HTML file that needs nothing else."""

from pathlib import Path

import jinja2
import mistune

from musical_roots.tables import write_text

TEMPLATE = jinja2.Environment(autoescape=True, trim_blocks=True).from_string(
    """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{{ title }}</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; }
body { margin: 1.5rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2rem; }
a { text-underline-offset: .15em; }
</style>
</head>
<body>
{{ body | safe }}
</body>
</html>
"""
)
# what stands in a table is text, not HTML
MARKDOWN = mistune.create_markdown(escape=True)


def write_prose(text: str, path: Path) -> None:
    """Write Markdown as an HTML page; its first line is its title. HTML in it is shown as text."""
    title = text.splitlines()[0].lstrip("# ")
    write_text(TEMPLATE.render(title=title, body=MARKDOWN(text)), path)
