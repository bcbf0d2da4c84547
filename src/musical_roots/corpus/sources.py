"""Where recordings come from. One contract: a source is a function that gives a recordings table.

The table has one row an audio file and the columns `COLUMNS`, all text:

- ``root``: folder that the file lies under; ``path``: relative to it, with forward slashes;
- ``title``, ``artist``, ``album``, ``licence``, ``attribution``: what is known, else empty (never
  so for the artist: an unknown one is named after its file, so that no two are taken for one);
- ``split``: ``train`` or ``control`` where the choice is made already, else empty;
- ``source``: such as ``folder`` or ``debian:wesnoth-music``;
- ``problem``: why the file cannot be used, where the source knows already, else empty.

A file that is missing or damaged raises nothing here: `tracks.probe` lists it with the reason. A
path that leaves its root raises: such a manifest is wrong or hostile.
"""

import csv
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath

import pandas as pd
import soundfile

from musical_roots.audio import SUFFIXES
from musical_roots.errors import InputError

DESCRIPTION = ["title", "artist", "album", "licence", "attribution"]
COLUMNS = ["root", "path", *DESCRIPTION, "split", "source", "problem"]
SPLITS = {"", "train", "control"}
NAMELESS = {"", "unknown", "unknown artist", "various", "various artists", "va"}
FMA_SIZES = ["small", "medium", "large", "full"]


def folder(root: Path | str, metadata: Path | str | None = None) -> pd.DataFrame:
    """Any tree of audio files.

    What `metadata` does not say is taken from the file's own tags; then the artist is the folder
    right under `root`, so that ``artist/album/01.ogg`` reads as it looks.

    Parameters
    ----------
    root : path
        The folder. Files with a suffix in `audio.SUFFIXES` are taken, at any depth; links to
        folders are not followed.
    metadata : path, optional
        CSV or TSV with a column ``path`` (relative to `root`) and any of title, artist, album,
        licence, attribution, split. Files that it does not name are taken too.

    Returns
    -------
    DataFrame
        Recordings, sorted by path.

    Raises
    ------
    InputError
        If the folder or the table is missing or unreadable, a path in it leaves `root` or stands
        there twice, or a split is neither train nor control.
    """
    root = Path(root)
    if not root.is_dir():
        raise InputError(f"{root}: no such folder; set corpus.folder.root to a folder of audio")
    described = {}
    if metadata is not None:
        for number, row in enumerate(_manifest(metadata, ["path"]), 2):
            path = _inside(root, row["path"], metadata, number)
            if path in described:
                raise InputError(f"{metadata}, row {number}: {path} stands twice; remove one")
            described[path] = row
    paths = sorted({*_walk(root), *described})
    return _table(_file(root, path, described.get(path, {}), metadata) for path in paths)


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
    # the header is two rows of a multi-index, then a row with only the first column's name
    with open(table, encoding="utf-8", newline="") as file:
        rows = csv.reader(file)
        header = list(zip(next(rows, []), next(rows, []), strict=False))
    missing = [" ".join(field) for field in fields.values() if field not in header]
    if missing:
        raise InputError(f"{table}: no column {', '.join(missing)}; fetch fma_metadata.zip again")
    numbers = {0: "track"} | {header.index(field): name for name, field in fields.items()}
    tracks = pd.read_csv(
        table, skiprows=3, header=None, usecols=sorted(numbers), dtype=str, keep_default_na=False
    ).rename(columns=numbers)
    kept = FMA_SIZES[: FMA_SIZES.index(size) + 1]
    if size != "full":
        tracks = tracks[tracks["subset"].isin(kept)]
    return _table(
        {
            "root": root,
            "path": f"fma_{size}/{int(row['track']) // 1000:03d}/{int(row['track']):06d}.mp3",
            **{name: row[name] for name in ("title", "artist", "album", "licence")},
            "attribution": f"{row['title']} by {row['artist']} (Free Music Archive)",
            "source": f"fma_{size}",
        }
        for row in tracks.sort_values("track", key=lambda ids: ids.astype(int)).to_dict("records")
    )


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
    described = {row["TRACK_ID"]: row for row in _tabbed(table.with_name("raw.meta.tsv"))}
    licences = _jamendo_licences(root / "audio_licenses.txt")
    rows = []
    for number, row in enumerate(_tabbed(table), 2):
        if not row.get("PATH"):
            raise InputError(f"{table}, row {number}: no PATH; fetch the table again")
        known = described.get(row["TRACK_ID"], {})
        attribution, licence = licences.get(row["PATH"], ("", ""))
        rows.append(
            {
                "root": root,
                "path": _inside(root, _jamendo_path(root, row["PATH"]), table, number),
                "title": known.get("TRACK_NAME") or row["TRACK_ID"],
                "artist": known.get("ARTIST_NAME") or row["ARTIST_ID"],
                "album": known.get("ALBUM_NAME") or row["ALBUM_ID"],
                "licence": licence,
                "attribution": attribution,
                "source": "mtg_jamendo",
            }
        )
    return _table(sorted(rows, key=lambda row: row["path"]))


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
        If a package has no row in `tracks`, a path leaves its package's folder, or a split is
        neither train nor control.
    """
    required = ["package", "path", "title", "artist", "licence", "attribution"]
    wanted, rows = set(packages), []
    for number, row in enumerate(_manifest(tracks, required), 2):
        if row["package"] not in wanted:
            continue
        root = Path(unpacked_root) / row["package"]
        path = _inside(root, row["path"], tracks, number)
        album = row.get("album") or row["package"]
        source = f"debian:{row['package']}"
        rows.append({**row, "root": root, "path": path, "album": album, "source": source})
    strangers = sorted(wanted - {row["package"] for row in rows})
    if strangers:
        raise InputError(
            f"{tracks}: no track of {', '.join(strangers)}; mend the name in "
            "corpus.debian.packages or add rows"
        )
    return _table(sorted(rows, key=lambda row: (row["package"], row["path"])))


def _table(rows: Iterable[Mapping]) -> pd.DataFrame:
    table = pd.DataFrame(list(rows), columns=COLUMNS, dtype=object).fillna("").astype(str)
    nameless = table["artist"].str.strip().str.casefold().isin(NAMELESS)
    return table.assign(
        artist=table["artist"].where(~nameless, "unknown (" + table["path"] + ")"),
        title=table["title"].where(
            table["title"] != "", [PurePosixPath(path).stem for path in table["path"]]
        ),
    )


def _file(root: Path, path: str, described: Mapping, metadata: Path | str | None) -> dict:
    """One row of `folder`: the metadata's word, else the file's tags, else its place."""
    row = {"root": root, "source": "folder"}
    try:
        path.encode()
    except UnicodeEncodeError:
        # a table cannot hold the name, so no later stage could open the file by it
        readable = os.fsencode(path).decode("utf-8", "backslashreplace")
        return row | {"path": readable, "problem": "its name is not valid UTF-8; rename it"}
    parents = PurePosixPath(path).parts[:-1]
    known = {"artist": parents[0] if parents else "", "album": parents[-1] if parents[1:] else ""}
    known |= {name: value for name, value in _tags(root / path).items() if value}
    known |= {name: described[name] for name in [*DESCRIPTION, "split"] if described.get(name)}
    return row | {"path": path} | known


def _walk(root: Path) -> Iterator[str]:
    for place, _, names in os.walk(root):
        for name in names:
            if os.path.splitext(name)[1].lower() in SUFFIXES:
                yield Path(place, name).relative_to(root).as_posix()


def _tags(path: Path) -> dict[str, str]:
    """Tags inside the file; none where it is damaged, or of a kind that libsndfile cannot read."""
    try:
        with soundfile.SoundFile(path) as file:
            tags = {"title": file.title, "artist": file.artist, "album": file.album}
            tags["licence"] = file.license
    except (soundfile.LibsndfileError, OSError, UnicodeError):
        return {}
    if tags["artist"].strip().casefold() in NAMELESS:
        del tags["artist"]
    return tags


def _manifest(path: Path | str, required: list[str]) -> list[dict[str, str]]:
    """Rows of a CSV or TSV that people write: all text, so that a track called 01 stays 01."""
    path = Path(path)
    separator = "\t" if path.suffix == ".tsv" else ","
    try:
        # utf-8-sig: spreadsheets put a byte-order mark before the first column's name
        table = pd.read_csv(
            path, sep=separator, dtype=str, keep_default_na=False, encoding="utf-8-sig"
        )
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not a readable table ({error}); mend it") from error
    missing = [name for name in required if name not in table.columns]
    if missing:
        raise InputError(f"{path}: column {', '.join(missing)} is missing; add it to the header")
    rows = table.to_dict("records")
    for number, row in enumerate(rows, 2):
        if row.get("split", "") not in SPLITS:
            raise InputError(
                f"{path}, row {number}: split {row['split']!r} is not known; write train, control, "
                "or leave it empty"
            )
    return rows


def _inside(root: Path, path: str, manifest: Path | str, number: int) -> str:
    """`path`, tidied, if it stays under `root`, also through links."""
    tidy = PurePosixPath(path)
    inside = path and "\0" not in path and not tidy.is_absolute() and ".." not in tidy.parts
    if not inside or not (root / tidy).resolve().is_relative_to(root.resolve()):
        raise InputError(
            f"{manifest}, row {number}: {path!r} is not a path inside {root}; write it relative to "
            "that folder, without '..', and let no link lead out of it"
        )
    return tidy.as_posix()


def _tabbed(path: Path) -> Iterator[dict[str, str]]:
    """Rows of a table of MTG-Jamendo: its last column has tabs, its names unmatched quotes."""
    if not path.is_file():
        return
    with open(path, encoding="utf-8", newline="") as file:
        header = file.readline().rstrip("\r\n").split("\t")
        for line in file:
            yield dict(zip(header, line.rstrip("\r\n").split("\t"), strict=False))


def _jamendo_licences(path: Path) -> dict[str, tuple[str, str]]:
    """{path: (attribution, licence)} of ``audio_licenses.txt``: three lines a track."""
    if not path.is_file():
        return {}
    lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
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
