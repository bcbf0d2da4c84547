"""One run a folder, and one study a folder of results."""

import errno
import fcntl
import os
from collections.abc import Callable
from pathlib import Path
from typing import IO

from musical_roots.arrays import read_json, write_json
from musical_roots.errors import InputError

# what flock answers where a file system has no locks
NO_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP)


def hold_lock(path: Path | str, warn: Callable[[str], object]) -> IO:
    """Take the lock of a folder. The kernel drops it with its holder: a killed run leaves none.

    Parameters
    ----------
    path : path
        The lock's file; made if missing, with its folder.
    warn : callable
        Told in one line where the file system has no locks; the run goes on without.

    Returns
    -------
    file
        Open for as long as the lock is held.

    Raises
    ------
    InputError
        If another run holds it.
    """
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    handle = open(path, "w")  # noqa: SIM115  closed with its holder
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        handle.close()
        raise InputError(
            "another run is at work in this folder; wait for it, or use another folder"
        ) from error
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
        warn(
            f"{path}: this file system has no locks ({os.strerror(error.errno)}); see to it that "
            "one run at a time is at work here"
        )
    return handle


def claim_results(results: Path | str, configfiles: list[str], corpus: dict) -> None:
    """Keep a folder of results for the study that made it.

    Who edits a config and runs it again may replace what it made; another config may not replace
    the corpus, and with it hours of work, without a word.

    Parameters
    ----------
    results : path
        The study's folder.
    configfiles : list of str
        Config files of this run.
    corpus : dict
        What its corpus depends on (`Study.corpus_of`).

    Raises
    ------
    InputError
        If the folder holds the study of other config files, with another corpus, or what says so
        cannot be read.
    """
    owner = Path(results) / "study.json"
    mine = {"configfiles": configfiles, "corpus": corpus}
    theirs = mine
    if owner.is_file():
        try:
            theirs = read_json(owner)
        except ValueError:
            theirs = None
        if not isinstance(theirs, dict) or theirs.keys() != mine.keys():
            raise InputError(f"{owner}: it does not say whose study this is; remove it")
    if theirs["configfiles"] != configfiles and theirs["corpus"] != corpus:
        other = " ".join(theirs["configfiles"])
        raise InputError(
            f"{results} holds the study of {other}, whose corpus this run would replace; give this "
            "study a folder of its own (results: results/mine in its config, or --config "
            f"results=results/mine), or, to replace the other, remove {owner}"
        )
    if theirs is mine or theirs["configfiles"] == configfiles:
        write_json(mine, owner)
