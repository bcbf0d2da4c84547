"""Data sets in their own layout: the Free Music Archive's, and MTG-Jamendo's."""

import csv
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath

import pandas as pd

from musical_roots.corpus.sources.base import inside, recordings
from musical_roots.errors import InputError

FMA_SIZES = ["small", "medium", "large", "full"]


def fma(root: Path | str, size: str | None = None) -> pd.DataFrame:
    """A local copy of the Free Music Archive data set (Defferrard et al., ISMIR 2017).

    Parameters
    ----------
    root : path
        Folder with ``fma_metadata/tracks.csv`` and ``fma_<size>/000/000002.mp3``.
    size : {"small", "medium", "large", "full"}, optional
        Which ``fma_<size>`` to take; the smallest there is if not given. All but full are clips
        of just under 30 s (29.98 s): lower the least duration of a track for them.

    Returns
    -------
    DataFrame
        Recordings, sorted by path.

    Raises
    ------
    InputError
        If the layout is not that one.
    """
    root = Path(root)
    table = root / "fma_metadata" / "tracks.csv"
    sizes = [size] if size else FMA_SIZES
    size = next((name for name in sizes if (root / f"fma_{name}").is_dir()), None)
    if size is None or not table.is_file():
        wanted = "fma_metadata/tracks.csv and fma_small (or medium, large, full)"
        raise InputError(f"{root}: {wanted} not found; unpack both archives of FMA there")
    fields = {
        "subset": ("set", "subset"),
        "title": ("track", "title"),
        "artist": ("artist", "name"),
        "album": ("album", "title"),
        "licence": ("track", "license"),
    }
    tracks = _fma_tracks(table, fields)
    kept = FMA_SIZES[: FMA_SIZES.index(size) + 1]
    if size != "full":
        tracks = tracks[tracks["subset"].isin(kept)]
    return recordings(
        {
            "root": root,
            "path": f"fma_{size}/{row['track'] // 1000:03d}/{row['track']:06d}.mp3",
            **{name: row[name] for name in ("title", "artist", "album", "licence")},
            "attribution": f"{row['title']} by {row['artist']} (Free Music Archive)",
            "source": f"fma_{size}",
        }
        for row in tracks.sort_values("track").to_dict("records")
    )


def _fma_tracks(table: Path, fields: Mapping[str, tuple[str, str]]) -> pd.DataFrame:
    """Column track, its number, and `fields`: name -> the two rows of its header."""
    try:
        # the header is two rows of a multi-index, then a row with only the first column's name
        with open(table, encoding="utf-8", newline="") as file:
            rows = csv.reader(file)
            header = list(zip(next(rows, []), next(rows, []), strict=False))
        missing = [" ".join(field) for field in fields.values() if field not in header]
        if missing:
            raise ValueError(f"no column {', '.join(missing)}")
        names = {0: "track"} | {header.index(field): name for name, field in fields.items()}
        tracks = pd.read_csv(
            table, skiprows=3, header=None, usecols=sorted(names), dtype=str, keep_default_na=False
        ).rename(columns=names)
        return tracks.astype({"track": int})
    except (OSError, ValueError, csv.Error) as error:
        raise InputError(
            f"{table}: not FMA's table of tracks ({error}); fetch fma_metadata.zip again"
        ) from error


def mtg_jamendo(root: Path | str) -> pd.DataFrame:
    """A local copy of the MTG-Jamendo data set (Bogdanov et al., ML4MD 2019).

    Parameters
    ----------
    root : path
        Checkout of its repository, with ``data/autotagging.tsv`` or ``data/raw_30s.tsv`` and,
        where there, ``data/raw.meta.tsv`` (names) and ``audio_licenses.txt``. The audio
        (``14/214.mp3`` or ``14/214.low.mp3``) lies in ``audio``, ``raw_30s/audio``, ``audio-low``,
        ``raw_30s/audio-low`` or right under `root`.

    Returns
    -------
    DataFrame
        Recordings, sorted by path.

    Raises
    ------
    InputError
        If the layout is not that one, or a path leaves `root`.
    """
    root = Path(root)
    names = ["autotagging.tsv", "raw_30s.tsv", "raw.tsv"]
    places = [folder / name for name in names for folder in (root / "data", root)]
    table = next((path for path in places if path.is_file()), None)
    if table is None:
        wanted = "data/autotagging.tsv or data/raw_30s.tsv"
        raise InputError(f"{root}: {wanted} not found; clone the mtg-jamendo-dataset there")
    described = {
        row["TRACK_ID"]: row for row in _tabbed(table.with_name("raw.meta.tsv"), ["TRACK_ID"])
    }
    licences = _jamendo_licences(root / "audio_licenses.txt")
    rows = []
    for number, row in enumerate(_tabbed(table, ["TRACK_ID", "ARTIST_ID", "ALBUM_ID", "PATH"]), 2):
        if not row.get("PATH"):
            raise InputError(f"{table}, row {number}: no PATH; fetch the table again")
        known = described.get(row["TRACK_ID"], {})
        attribution, licence = licences.get(row["PATH"], ("", ""))
        rows.append(
            {
                "root": root,
                "path": inside(root, _jamendo_path(root, row["PATH"]), table, number),
                "title": known.get("TRACK_NAME") or row["TRACK_ID"],
                "artist": known.get("ARTIST_NAME") or row["ARTIST_ID"],
                "album": known.get("ALBUM_NAME") or row["ALBUM_ID"],
                "licence": licence,
                "attribution": attribution,
                "source": "mtg_jamendo",
            }
        )
    return recordings(sorted(rows, key=lambda row: row["path"]))


def _tabbed(path: Path, required: Iterable[str]) -> Iterator[dict[str, str]]:
    """Rows of a table of MTG-Jamendo: its last column has tabs, its names unmatched quotes."""
    if not path.is_file():
        return
    with open(path, encoding="utf-8", errors="replace", newline="") as file:
        header = file.readline().rstrip("\r\n").split("\t")
        for line in file:
            row = dict(zip(header, line.rstrip("\r\n").split("\t"), strict=False))
            if missing := [name for name in required if name not in row]:
                raise InputError(f"{path}: no {', '.join(missing)} in a row; fetch the table again")
            yield row


def _jamendo_licences(path: Path) -> dict[str, tuple[str, str]]:
    """{path: (attribution, licence)} of ``audio_licenses.txt``: three lines a track."""
    if not path.is_file():
        return {}
    lines = [line.strip() for line in path.read_text("utf-8", "replace").splitlines()]
    blocks = zip(lines, lines[1:], lines[2:], strict=False)
    return {
        track: (attribution, licence.removeprefix("Available under "))
        for track, attribution, licence in blocks
        if licence.startswith("Available under ")
    }


def _jamendo_path(root: Path, path: str) -> str:
    low = str(PurePosixPath(path).with_suffix(".low.mp3"))
    places = [f"{folder}{path}" for folder in ("audio/", "raw_30s/audio/", "")]
    places += [f"{folder}{low}" for folder in ("audio-low/", "raw_30s/audio-low/", "audio/", "")]
    return next((place for place in places if (root / place).is_file()), places[0])
