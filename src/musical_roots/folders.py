"""Audio files under a folder: which are read, and which cannot be, with the reason."""

import logging
import os
from collections import Counter
from pathlib import Path

from musical_roots.audio import SUFFIXES

log = logging.getLogger("musical_roots")

# well known as audio or video; those that `audio` reads are taken all the same
SOUND = frozenset(
    f".{name}"
    for kinds in (
        ("3g2", "3gp", "aa", "aac", "aax", "ac3", "aif", "aifc", "aiff", "alac", "amr", "ape"),
        ("asf", "au", "avi", "bwf", "caf", "dff", "dsf", "dts", "eac3", "flac", "flv", "m2a"),
        ("m4a", "m4b", "m4p", "m4r", "m4v", "mka", "mkv", "mov", "mp1", "mp2", "mp3", "mp4"),
        ("mpa", "mpc", "mpeg", "mpg", "mpga", "oga", "ogg", "ogv", "ogx", "opus", "ra", "rf64"),
        ("rm", "shn", "snd", "spx", "tak", "tta", "vob", "voc", "w64", "wav", "wave", "weba"),
        ("webm", "wma", "wmv", "wv"),
    )
    for name in kinds
)
NOT_READ = "suffix not read; convert it to FLAC or WAV"


def audio_files(root: Path | str) -> tuple[list[str], dict[str, str]]:
    """Audio files at any depth, and what else looks like audio but cannot be read.

    A link to a folder is followed once: what it leads to is not taken again by another way. How
    many other files there are, and with which suffixes, is told to the log.

    Parameters
    ----------
    root : path
        A folder.

    Returns
    -------
    files : list of str
        Paths relative to `root`, with forward slashes, sorted; by suffix, not by content.
    problems : dict
        {path relative to `root`: why it, or all that lies in it, is not read}.
    """
    root = Path(root)
    found, problems = _files(root)
    files, others = [], Counter()
    for path in found:
        suffix = os.path.splitext(path)[1].strip().lower()
        if suffix in SUFFIXES and as_listed(path) != path:
            # a table cannot hold the name, so no later stage could open the file by it
            problems[path] = "its name is not valid UTF-8; rename it"
        elif suffix in SUFFIXES and not is_file(root / path):  # to open it may hang
            problems[path] = "a pipe, socket or device, not a file; remove it"
        elif suffix in SUFFIXES:
            files.append(path)
        elif suffix in SOUND:
            problems[path] = NOT_READ
        else:
            others[suffix or "no suffix"] += 1
    if others:
        told = ", ".join(f"{suffix} {count}" for suffix, count in others.most_common(8))
        log.info("%s: %d files that are no audio are left alone (%s)", root, others.total(), told)
    return sorted(files), problems


def _files(root: Path) -> tuple[list[str], dict[str, str]]:
    """All files; links and folders that cannot be followed."""
    files: list[str] = []
    problems: dict[str, str] = {}
    entered: set[str] = set()
    above = {str(parent) for parent in root.resolve().parents}

    def relative(path: str) -> str:
        return Path(path).relative_to(root).as_posix()

    def refused(error: OSError) -> None:
        problems[relative(error.filename)] = (
            f"a folder that cannot be read ({error.strerror}); mend its permissions, or move it out"
        )

    # real folders first: a link must not take their files' names from them
    starts = [str(root)]
    while starts:
        links: list[str] = []
        for start in starts:
            for place, folders, names in os.walk(start, onerror=refused):
                real = os.path.realpath(place)
                if real in entered:
                    folders.clear()
                    continue
                entered.add(real)
                paths = [os.path.join(place, name) for name in folders]
                links += [path for path in paths if os.path.islink(path)]
                for path in (os.path.join(place, name) for name in names):
                    if os.path.islink(path) and not os.path.exists(path):
                        problems[relative(path)] = "a link that leads to no file; mend or remove it"
                    else:
                        files.append(relative(path))
        starts = []
        for link in sorted(links):
            real = os.path.realpath(link)
            if real in above:
                problems[relative(link)] = (
                    "a link to a folder that holds this one: not followed; remove it"
                )
            else:
                starts.append(link)
    return files, problems


def is_file(path: Path | str) -> bool:
    """Whether there is such a file, or may be: whoever may not look is told so when it is read."""
    try:
        return Path(path).is_file()
    except PermissionError:
        return True
    except OSError:  # a name too long for one
        return False


def as_listed(path: str) -> str:
    """A path as a table can hold it, where it is not UTF-8 to be read by a person alone."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")
