"""Music in Debian packages, as `corpus.debian` left it."""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from musical_roots import manifests
from musical_roots.corpus.sources.base import inside, recordings
from musical_roots.errors import InputError

REQUIRED = ["package", "path", "title", "artist", "licence", "attribution"]
OPTIONAL = ["album", "split"]


def debian(packages: Iterable[str], tracks: Path | str, unpacked_root: Path | str) -> pd.DataFrame:
    """Music in Debian packages, as `debian.unpack` left it.

    Parameters
    ----------
    packages : iterable of str
        Names of the packages to take.
    tracks : path
        Table with the columns package, path (inside the package), title, artist, licence,
        attribution, and, where wanted, album and split.
    unpacked_root : path
        Folder with one folder a package, named like it.

    Returns
    -------
    DataFrame
        Recordings, sorted by package and path.

    Raises
    ------
    InputError
        If `tracks` is no such table (`manifests.read`) or names a track twice, a package has no
        row in it, or a path leaves its package's folder.
    """
    wanted, rows = set(packages), []
    for number, row in track_rows(tracks):
        if row["package"] not in wanted:
            continue
        root = Path(unpacked_root) / row["package"]
        path = inside(root, row["path"], tracks, number)
        album = row.get("album") or row["package"]
        source = f"debian:{row['package']}"
        rows.append({**row, "root": root, "path": path, "album": album, "source": source})
    strangers = sorted(wanted - {row["package"] for row in rows})
    if strangers:
        raise InputError(
            f"{tracks}: no track of {', '.join(strangers)}; mend the name in "
            "corpus.debian.packages or add rows"
        )
    return recordings(sorted(rows, key=lambda row: (row["package"], row["path"])))


def track_rows(tracks: Path | str) -> list[tuple[int, dict[str, str]]]:
    """Rows of a manifest of tracks, with their numbers.

    Raises
    ------
    InputError
        If it is no such table, or names a track twice.
    """
    rows, seen = manifests.read(tracks, REQUIRED, OPTIONAL), {}
    for number, row in rows:
        track = row["package"], row["path"]
        if track in seen:
            raise InputError(
                f"{tracks}, row {number}: {row['path']} of {row['package']} stands in row "
                f"{seen[track]} already; remove one"
            )
        seen[track] = number
    return rows
