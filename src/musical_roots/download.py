"""Large files over HTTP: what has arrived is kept, and the next attempt asks for the rest."""

import hashlib
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path
from typing import TypeVar
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from tqdm import tqdm

from musical_roots.atomic import settle
from musical_roots.errors import InputError, disk_full, is_disk_full

BLOCK = 1 << 20
TIMEOUT_S = 60
TRIES = 3  # in a row that bring nothing new

Checked = TypeVar("Checked")


class DownloadError(Exception):
    """Why a download failed, in a few words.

    Attributes
    ----------
    refused : bool
        Whether the server has answered that it has no such file: asking again is of no use.
    """

    def __init__(self, reason: str, refused: bool = False):
        super().__init__(reason)
        self.refused = refused


def download(
    url: str, path: Path, check: Callable[[Path], Checked], size_bytes: int | None = None
) -> Checked:
    """Get a file, from where an earlier attempt has left it.

    Parameters
    ----------
    url : str
        ``http:``, ``https:`` or ``ftp:``; the last always gives the whole file.
    path : path
        Where it appears once it is whole and right. Until then it grows in `part_of` it, which
        stays on failure, for the next attempt.
    check : function
        Of the whole file, still under its other name; an InputError throws the file away.
    size_bytes : int, optional
        Size of the whole file, where it is known.

    Returns
    -------
    object
        What `check` says.

    Raises
    ------
    DownloadError
        If the server has no such file or one of another size, or the connection keeps breaking.
    InputError
        If the disk is full, or what `check` raises.
    """
    part = part_of(path)
    _get(url, part, size_bytes)
    try:
        checked = check(part)
    except InputError:
        part.unlink()  # there is nothing to resume
        raise
    settle(part, path)
    return checked


def part_of(path: Path) -> Path:
    """Where a file lies that is not whole yet."""
    return path.with_name(f"{path.name}.part")


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's content, as hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _get(url: str, part: Path, size_bytes: int | None) -> None:
    stuck = 0
    while True:
        before = _size(part)
        try:
            return _attempt(url, part, size_bytes)
        except (OSError, HTTPException) as error:
            if is_disk_full(error):
                raise disk_full(part, size_bytes and size_bytes - _size(part)) from error
            stuck = 0 if _size(part) > before else stuck + 1
            answered = isinstance(error, HTTPError)
            refused = answered and error.code < 500
            if refused or stuck == TRIES:
                reason = f"{error.code} {error.reason}" if answered else str(error)
                raise DownloadError(reason or type(error).__name__, refused) from error


def _attempt(url: str, part: Path, size_bytes: int | None) -> None:
    have = _size(part)
    if have == size_bytes:
        return
    if size_bytes is not None and have > size_bytes:
        have = 0
    headers = {"User-Agent": "musical-roots", "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    try:
        response = urlopen(Request(url, headers=headers), timeout=TIMEOUT_S)
    except HTTPError as error:
        if error.code != 416 or not have:
            raise
        if error.headers["Content-Range"] == f"bytes */{have}":
            return  # all of it was here
        part.unlink()
        return _attempt(url, part, size_bytes)
    with response:
        wanted = f"bytes {have}-"
        if response.status != 206:
            have = 0  # this server always sends the whole file
        elif not response.headers.get("Content-Range", wanted).startswith(wanted):
            raise HTTPException("the server sent another part than was asked for")
        length = response.headers["Content-Length"]
        total = size_bytes if length is None else have + int(length)
        if size_bytes not in (None, total):
            reason = f"the server has {total} bytes, not {size_bytes}: another version"
            raise DownloadError(reason, refused=True)
        with part.open("ab" if have else "wb") as file, _progress(part.stem, have, total) as bar:
            while block := response.read(BLOCK):
                file.write(block)
                bar.update(len(block))
    if total not in (None, _size(part)):
        raise HTTPException(f"the connection broke after {_size(part)} of {total} bytes")


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _progress(what: str, have: int, total: int | None) -> tqdm:
    """Lines of progress, on a terminal alone, as those of the command line."""
    shape = "{desc}: {n_fmt}B of {total_fmt}B, {percentage:.0f} %, {remaining} left\n"
    return tqdm(
        desc=what,
        initial=have,
        total=total,
        unit_scale=True,
        disable=None,
        mininterval=5,
        bar_format=shape,
    )
