"""Pages: one table, or a few, as one HTML file that needs nothing else."""

import base64
from pathlib import Path

import jinja2
import pandas as pd

from musical_roots.tables import write_text

TEMPLATE = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(
    """{% macro cell(kind, value) %}
{% if kind == "sound" %}
<audio controls preload="metadata" src="{{ value }}"></audio>
{%- else %}
{{ value -}}
{% endif %}
{% endmacro %}
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ title }}</title>
<style>
body { font: 15px/1.45 system-ui, sans-serif; margin: 1.5rem; color: #1a1a1a; background: #fff; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
p { max-width: 46rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .6rem; border-bottom: 1px solid #ddd; }
th, td { text-align: left; vertical-align: top; }
th { position: sticky; top: 0; background: #f4f4f4; }
td.number { text-align: right; } td.long { min-width: 16rem; }
tr:hover td { background: #f7fafc; }
.holds { color: #00683d; font-weight: 600; } .does_not_hold { color: #b00020; font-weight: 600; }
.not_comparable { color: #666; }
</style>
</head>
<body>
<h1>{{ title }}</h1>
{% for paragraph in text %}
<p>{{ paragraph }}</p>
{% endfor %}
{% for heading, columns, rows in sections %}
{% if heading %}
<h2>{{ heading }}</h2>
{% endif %}
<div class="wide"><table>
<thead><tr>{% for column in columns %}<th>{{ column }}</th>{% endfor %}</tr></thead>
<tbody>
{% for row in rows %}
<tr>{% for kind, value in row %}<td class="{{ kind }}">{{ cell(kind, value) }}</td>{% endfor %}</tr>
{% endfor %}
</tbody>
</table></div>
{% endfor %}
</body>
</html>
"""
)
LONG = 60  # characters, of a text that wants a wide column
VERDICTS = {"holds", "does_not_hold", "not_comparable"}


def write_page(path: Path, title: str, text: list[str], tables: dict[str, pd.DataFrame]) -> None:
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
    """
    sections = [
        (
            heading,
            [column.replace("_", " ") for column in table],
            [_row(row) for row in table.values],
        )
        for heading, table in tables.items()
    ]
    write_text(TEMPLATE.render(title=title, text=text, sections=sections), path)


def _row(values) -> list[tuple[str, str]]:
    return [_cell(value) for value in values]


def _cell(value) -> tuple[str, str]:
    """CSS class and text of a cell; autoescaping follows in the template. Bytes are an MP3."""
    if isinstance(value, bytes):
        return "sound", f"data:audio/mpeg;base64,{base64.b64encode(value).decode()}"
    if isinstance(value, float):
        return "number", "" if pd.isna(value) else f"{value:.4g}"
    if isinstance(value, int):
        return "number", f"{value:d}"
    text = str(value)
    return (text if text in VERDICTS else "long" if len(text) > LONG else "", text)
