"""The one exception that a user is meant to read, and the lines that several places say."""

import errno
import math
import os
from pathlib import Path

NO_ROOM = (errno.ENOSPC, errno.EDQUOT)  # the disk itself is full, or the user's share of it


class InputError(Exception):
    """Bad input: config, audio, manifest, checkpoint, or a download that is not what it should be.

    The message is one line that names the file or key, what is wrong, and the mend. The command
    line prints it without a traceback and exits with status 2.
    """

    def __init__(self, message: str):
        super().__init__(" ".join(str(message).split()))


def is_disk_full(error: BaseException) -> bool:
    """Whether an error says that there is no room left to write."""
    return getattr(error, "errno", None) in NO_ROOM


def says_disk_full(text: str) -> bool:
    """Whether another program says, in English, that there is no room left to write."""
    return any(os.strerror(number) in text for number in NO_ROOM)


def disk_full(path: Path | str, need_bytes: int | None = None) -> InputError:
    """What to say where there is no room for `path`; `need_bytes` more are wanted, if known."""
    room = f"{math.ceil(need_bytes / 1e6)} MB" if need_bytes else "room"
    return InputError(f"{path}: the disk is full; free {room} and run again")
