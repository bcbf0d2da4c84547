"""How `make docs` makes a site of these pages: it asks nothing of any other site."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]

project = "musical-roots"
version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
extensions = ["myst_parser"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"musical-roots {version}"
html_show_sourcelink = html_copy_source = html_show_sphinx = False
html_show_copyright = False
# of links to files of the repository that are no pages here: tests/docs follows them
suppress_warnings = ["myst.xref_missing"]
