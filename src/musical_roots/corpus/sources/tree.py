"""Any tree of audio files, with or without a table that describes them."""

from collections.abc import Mapping
from pathlib import Path, PurePosixPath

import pandas as pd

from musical_roots import audio, folders, manifests
from musical_roots.corpus.sources.base import DESCRIPTION, inside, is_nameless, recordings
from musical_roots.errors import InputError
from musical_roots.tables import plain


def folder(root: Path | str, metadata: Path | str | None = None) -> pd.DataFrame:
    """Any tree of audio files.

    What `metadata` does not say is taken from the file's own tags; then the artist is the folder
    right under `root`, so that ``artist/album/01.ogg`` reads as it looks.

    Parameters
    ----------
    root : path
        The folder. Files with a suffix in `audio.SUFFIXES` are taken, at any depth; what else
        `folders.audio_files` finds is listed with its problem.
    metadata : path, optional
        CSV or TSV with a column ``path`` (relative to `root`) and any of title, artist, album,
        licence, attribution, split. Files that it does not name are taken too; a file that it
        names and that is not there is listed, for `tracks.probe` to reject.

    Returns
    -------
    DataFrame
        Recordings, sorted by path.

    Raises
    ------
    InputError
        If the folder is missing, the table is not readable (`manifests.read`), or a path in it
        leaves `root`, stands there twice, or could be one of several files.
    """
    root = Path(root)
    if not root.is_dir():
        raise InputError(f"{root}: no such folder; set corpus.folder.root to a folder of audio")
    files, problems = folders.audio_files(root)
    described: dict[str, dict[str, str]] = {}
    if metadata is not None:
        described, numbers = _described(root, metadata, {*files, *problems})
    for path in described:
        if problems.get(path) == folders.NOT_READ:  # who names it wants it tried
            del problems[path]
        elif path not in problems and not folders.is_file(root / path):
            problems[path] = (
                f"no such file; mend its path in row {numbers[path]} of the metadata, or remove it"
            )
    return recordings(
        _recording(root, path, described.get(path, {}), problems.get(path, ""))
        for path in sorted({*files, *problems, *described})
    )


def _described(
    root: Path, metadata: Path | str, there: set[str]
) -> tuple[dict[str, dict[str, str]], dict[str, int]]:
    """Rows of the metadata, and their numbers, by the path of the file that each means."""
    namer, described, numbers = manifests.Namer(root), {}, {}
    for number, row in manifests.read(metadata, ["path"], [*DESCRIPTION, "split"]):
        try:
            path = namer.find(row["path"])
        except InputError as error:
            raise InputError(f"{metadata}, row {number}: {error}") from error
        if path not in there:
            path = inside(root, path, metadata, number)
        if path in described:
            raise InputError(
                f"{metadata}, row {number}: {path} stands twice, the first time in row "
                f"{numbers[path]}; remove one"
            )
        described[path], numbers[path] = row, number
    return described, numbers


def _recording(root: Path, path: str, described: Mapping[str, str], problem: str) -> dict:
    """One row: the metadata's word, else the file's tags, else its place."""
    parents = PurePosixPath(path).parts[:-1]
    known = {"artist": parents[0] if parents else "", "album": parents[-1] if parents[1:] else ""}
    if not problem:
        known |= {name: value for name, value in _tags(root / path).items() if plain(value)}
    known |= {name: described[name] for name in [*DESCRIPTION, "split"] if described.get(name)}
    place = {"root": root, "path": folders.as_listed(path), "source": "folder"}
    return place | {"problem": problem} | known


def _tags(path: Path) -> dict[str, str]:
    tags = audio.tags(path)
    return {name: tag for name, tag in tags.items() if name != "artist" or not is_nameless(tag)}
