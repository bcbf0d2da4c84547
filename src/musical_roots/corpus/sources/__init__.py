"""Where recordings come from. One contract: a source is a function that gives a recordings table.

The table has one row an audio file and the columns `COLUMNS`, all text:

- ``root``: folder that the file lies under; ``path``: relative to it, with forward slashes;
- ``title``, ``artist``, ``album``, ``licence``, ``attribution``: what is known, without control
  characters, else empty (never so for title and artist: an unknown title is the file's name, an
  unknown artist is named after the file, so that no two are taken for one);
- ``split``: ``train`` or ``control`` where the choice is made already, else empty;
- ``source``: such as ``folder`` or ``debian:wesnoth-music``;
- ``problem``: why the file cannot be used, where the source knows already, else empty.

A file that is missing or damaged raises nothing here: `tracks.probe` lists it with the reason. A
path that leaves its root raises: such a manifest is wrong or hostile.
"""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from musical_roots.corpus.sources.base import COLUMNS, DESCRIPTION
from musical_roots.corpus.sources.datasets import fma, mtg_jamendo
from musical_roots.corpus.sources.packages import debian
from musical_roots.corpus.sources.tree import folder
from musical_roots.errors import InputError

__all__ = ["COLUMNS", "DESCRIPTION", "debian", "fma", "folder", "mtg_jamendo", "recordings"]


def recordings(
    source: str,
    root: Path | str,
    metadata: Path | str | None = None,
    tracks: Path | str | None = None,
    packages: Iterable[str] = (),
) -> pd.DataFrame:
    """The recordings of a source, by its name in the config; each takes what concerns it.

    Raises
    ------
    InputError
        If there are none, or what the source itself raises.
    """
    if source == "debian":
        table = debian(packages, tracks, root)
    elif source == "folder":
        table = folder(root, metadata)
    else:
        table = {"fma": fma, "mtg_jamendo": mtg_jamendo}[source](root)
    if table.empty:
        raise InputError(f"{root}: no audio files; mend corpus.folder.root in the config")
    return table
