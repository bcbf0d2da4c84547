"""Large files over HTTP: what has arrived is kept, and the next attempt asks for the rest."""

import errno
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from tqdm import tqdm

BLOCK = 1 << 20
TIMEOUT_S = 60
TRIES = 3  # in a row that bring nothing new


class DownloadError(Exception):
    """Why a download failed, in a few words."""


def download(url: str, part: Path, size_bytes: int | None = None) -> None:
    """Get a file into `part`, from where an earlier attempt has left it.

    Parameters
    ----------
    url : str
        ``http:`` or ``https:``.
    part : path
        Where it grows. On failure it stays, for the next attempt.
    size_bytes : int, optional
        Size of the whole file, where it is known.

    Raises
    ------
    DownloadError
        If the server has no such file or one of another size, or the connection keeps breaking.
    """
    stuck = 0
    while True:
        before = _size(part)
        try:
            return _attempt(url, part, size_bytes)
        except (OSError, HTTPException) as error:
            if getattr(error, "errno", None) == errno.ENOSPC:
                raise
            stuck = 0 if _size(part) > before else stuck + 1
            refused = isinstance(error, HTTPError) and error.code < 500
            if refused or stuck == TRIES:
                raise DownloadError(str(error) or type(error).__name__) from error


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
        if response.status != 206:
            have = 0  # this server always sends the whole file
        elif not response.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
            raise HTTPException("the server sent another part than was asked for")
        length = response.headers["Content-Length"]
        total = size_bytes if length is None else have + int(length)
        if size_bytes not in (None, total):
            raise DownloadError(f"the server has {total} bytes, not {size_bytes}: another version")
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
