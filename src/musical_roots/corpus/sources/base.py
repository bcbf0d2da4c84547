"""What every source gives: the recordings table. `sources` describes it."""

from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

import pandas as pd

from musical_roots.errors import InputError
from musical_roots.tables import plain

DESCRIPTION = ["title", "artist", "album", "licence", "attribution"]
COLUMNS = ["root", "path", *DESCRIPTION, "split", "source", "problem"]
NAMELESS = {"", "unknown", "unknown artist", "various", "various artists", "va"}


def recordings(rows: Iterable[Mapping]) -> pd.DataFrame:
    """The table of such rows: plain text; who or what has no name is named after its file."""
    table = pd.DataFrame(list(rows), columns=COLUMNS, dtype=object).fillna("").astype(str)
    table[DESCRIPTION] = table[DESCRIPTION].map(plain)
    paths = [PurePosixPath(path) for path in table["path"]]
    nameless = table["artist"].map(is_nameless).astype(bool)
    return table.assign(
        artist=table["artist"].where(~nameless, [plain(f"unknown ({path})") for path in paths]),
        title=table["title"].where(
            table["title"] != "", [plain(path.stem) or plain(path.name) for path in paths]
        ),
    )


def is_nameless(artist: str) -> bool:
    """Whether this names nobody: two such are not one artist."""
    return plain(artist).casefold() in NAMELESS


def inside(root: Path, path: str, manifest: Path | str, number: int) -> str:
    """`path`, tidied, if it stays under `root`, also through links."""
    tidy = PurePosixPath(path)
    inside = path and "\0" not in path and not tidy.is_absolute() and ".." not in tidy.parts
    if not inside or not (root / tidy).resolve().is_relative_to(root.resolve()):
        raise InputError(
            f"{manifest}, row {number}: {path!r} is not a path inside {root}; write it relative to "
            "that folder, without '..', and let no link lead out of it"
        )
    return tidy.as_posix()
