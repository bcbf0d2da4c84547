"""Tables that people write, and the files that they name: metadata, manifests of tracks, outputs.

Spreadsheets and editors change more than the eye sees: a byte-order mark, semicolons for commas,
commas at the end of a row, another case, the other Unicode form of an accent. What has but one
meaning is read; all else is refused in one line that names the row or the column. A table that the
package itself wrote is read by `tables.read_table`.
"""

import csv
import difflib
import io
import logging
import os
import unicodedata
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from musical_roots.errors import InputError
from musical_roots.tables import plain

log = logging.getLogger("musical_roots")

SPLITS = ("", "train", "control")
SEPARATORS = (",", ";", "\t")
# nearer than this to a known name, an unknown one is taken for a slip: promt_path, license
ALIKE = 0.79


def read(
    path: Path | str, required: Iterable[str], optional: Iterable[str] = (), family: str = ""
) -> list[tuple[int, dict[str, str]]]:
    """Rows of a table that people write: all text, so that a track called 01 stays 01.

    Parameters
    ----------
    path : path
        UTF-8 text with a header, its fields apart by commas, semicolons or tabs.
    required, optional : iterables of str
        Columns that are known. Others are left out, and the log says so once.
    family : str
        An unknown column that begins so is refused: it is meant to be known.

    Returns
    -------
    list of (int, dict)
        Number of the row, as a spreadsheet counts, and known column -> text without space around
        it and without control characters. Blank rows are left out.

    Raises
    ------
    InputError
        If the table is missing, empty, not UTF-8, or has unbalanced quotes; if a row has more or
        fewer fields than the header; if a column is required and missing, stands twice, or is a
        known one misspelt; if a split is neither train nor control.
    """
    path = Path(path)
    required, known = list(required), [*required, *optional]
    records = _records(path, known)
    first = next(number for number, record in enumerate(records) if any(map(plain, record)))
    header = [name.strip() for name in records[first]]
    while header and not header[-1]:
        header.pop()
    _check_header(path, header, required, known, family)
    rows = []
    for number, record in enumerate(records[first + 1 :], first + 2):
        fields = [plain(field) for field in record]
        if not any(fields):
            continue
        if any(fields[len(header) :]) or len(fields) < len(header):
            raise InputError(
                f"{path}, row {number}: fields: {len(fields)}, columns in the header: "
                f"{len(header)}; quote a field that holds the separator, and write a field, if a "
                "blank one, for each column"
            )
        row = {name: field for name, field in zip(header, fields, strict=False) if name in known}
        if row.get("split", "") not in SPLITS:
            raise InputError(
                f"{path}, row {number}: split {row['split']!r} is not known; write train, control, "
                "or leave it empty"
            )
        rows.append((number, row))
    if not rows:
        raise InputError(f"{path}: no rows under its header; add some, or leave the table out")
    return rows


def _records(path: Path, known: list[str]) -> list[list[str]]:
    if not path.is_file():
        raise InputError(f"{path}: no such table; mend its path in the config")
    try:
        # utf-8-sig: spreadsheets put a byte-order mark before the first column's name
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path}: not a readable table (byte {error.start} is not UTF-8 text); save it as "
            "'CSV UTF-8'"
        ) from error
    except OSError as error:
        raise InputError(f"{path}: not a readable table ({error}); mend it") from error
    if not text.strip():
        raise InputError(f"{path}: not a readable table (it is empty); mend it, or leave it out")
    separator = _separator(text, path, known)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    records: list[list[str]] = []
    try:
        records.extend(reader)
    except csv.Error as error:
        raise InputError(
            f"{path}: not a readable table (row {len(records) + 1}: {error}); mend its quotes: a "
            "field in quotes ends with one, and a quote inside it stands twice"
        ) from error
    return records


def _separator(text: str, path: Path, known: list[str]) -> str:
    """What parts the most known columns; of equals what the suffix says."""
    first = text.lstrip("\r\n").splitlines()[0]
    usual = "\t" if path.suffix.lower() == ".tsv" else ","

    def found(separator: str) -> tuple[int, bool]:
        header = next(csv.reader([first], delimiter=separator))
        return sum(_folded(name) in known for name in header), separator == usual

    return max(SEPARATORS, key=found)


def _folded(name: str) -> str:
    return "_".join(unicodedata.normalize("NFKC", name).casefold().replace("-", " ").split())


def _check_header(
    path: Path, header: list[str], required: list[str], known: list[str], family: str
) -> None:
    unknown = [name for name in header if name not in known]
    for name in unknown:
        meant = _meant(name, [column for column in known if column not in header])
        meant = _folded(name) if _folded(name) in known else meant
        if family and not meant and _folded(name).startswith(family):
            meant = " or ".join(column for column in known if column.startswith(family))
        if meant:
            raise InputError(f"{path}: column {name!r} is not known; call it {meant}, or remove it")
    if again := [name for name in known if header.count(name) > 1]:
        raise InputError(f"{path}: column {again[0]} stands twice; remove one")
    if missing := [name for name in required if name not in header]:
        lacking, there = ", ".join(missing), ",".join(header)[:80]
        raise InputError(
            f"{path}: column {lacking} is missing; the header is {there!r}: name it there"
        )
    if unknown := [name for name in unknown if name]:
        log.info("%s: not used are the columns %s", path, ", ".join(unknown))


def _meant(name: str, lacking: list[str]) -> str:
    """The known column that a name is a slip for, if one is: artist_id is none for artist."""
    near = difflib.get_close_matches(_folded(name), lacking, 1, ALIKE)
    return near[0] if near and _folded(name).count("_") <= near[0].count("_") else ""


class Namer:
    """Finds the file that a table means: the one of that name, else the one of much the same.

    Names are much the same if they differ in case, in the Unicode form of a letter (NFC, NFD), in
    space around a part, in control characters, or in which slash stands between parts.
    """

    def __init__(self, root: Path | str):
        self.root = Path(root)
        self._listed: dict[Path, dict[str, list[str]]] = {}

    def find(self, name: str) -> str:
        """`name`, as the file system spells it, relative to the root if it was; else as it is.

        Raises
        ------
        InputError
            If it could be one of several.
        """
        if "\\" in name and os.path.lexists(self.root / name):
            return name
        found = PurePosixPath()
        for part in PurePosixPath(name.replace("\\", "/")).parts:
            alike = self._alike(self.root / found).get(_same(part), [])
            if part in alike or part in ("/", "..") or os.path.lexists(self.root / found / part):
                found /= part
            elif len(alike) == 1:
                found /= alike[0]
            elif alike:
                several = " or ".join(repr(str(found / other)) for other in sorted(alike))
                raise InputError(f"{name!r} could be {several}; write it as the file is called")
            else:
                return name
        return found.as_posix() if name else ""

    def _alike(self, place: Path) -> dict[str, list[str]]:
        if place not in self._listed:
            listed: dict[str, list[str]] = {}
            try:
                for name in os.listdir(place):
                    listed.setdefault(_same(name), []).append(name)
            except OSError:
                pass  # not there, or not to be read: then nothing in it is found
            self._listed[place] = listed
        return self._listed[place]


def _same(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", plain(name)).casefold())
