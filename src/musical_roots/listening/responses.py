"""Answers of listeners: a folder of sessions, as tables.

A file is one session of one person (`session.Session`). What does not count is set aside by name,
and the rest counts; no file is changed or moved.
"""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from musical_roots.errors import InputError
from musical_roots.listening.session import MAX_BYTES, SIMULATED, Session, parse
from musical_roots.tables import plain

ITS_OWN = ".snakemake_timestamp"  # Snakemake's, in a folder that it made
ANSWERS = {
    **{"file": str, "arm": str, "listener_id": str, "session": int, "trial_id": str},
    **{"choice": str, "confidence": float, "order": str, "seconds": float},
    **{"decided": float, "heard_x": int, "heard_a": int, "heard_b": int},
}
SESSIONS = {
    **{"file": str, "arm": str, "listener_id": str, "session": int, "answers": int},
    **{"headphones_correct": float, "headphones_trials": float, "minutes": float},
}
SET_ASIDE = {"file": str, "listener_id": str, "what": str, "why": str}


@dataclass(frozen=True)
class Responses:
    """Answers that count, and what does not.

    Attributes
    ----------
    answers : DataFrame
        A row an answer: the columns of `ANSWERS`. `session` counts a listener's from 1.
    sessions : DataFrame
        A row a file that counts: the columns of `SESSIONS`.
    set_aside : DataFrame
        A row a file, or an answer, that does not: the columns of `SET_ASIDE`.
    """

    answers: pd.DataFrame
    sessions: pd.DataFrame
    set_aside: pd.DataFrame


def read_folder(
    folder: Path | str, studies: dict[str, dict], trials: pd.DataFrame, simulated: bool
) -> Responses:
    """Read every file of answers in a folder, and in the folders in it.

    Parameters
    ----------
    folder : path
    studies : dict
        Arm -> manifest (`page.manifest`).
    trials : DataFrame
        arm, trial_id: of all arms.
    simulated : bool
        Whether answers of simulated listeners count; among people's they are set aside.

    Raises
    ------
    InputError
        If there is no such folder. Whatever is wrong with a file is in `set_aside` instead.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder of answers; mend listening.responses")
    read, aside = [], []
    for path in sorted(one for one in folder.rglob("*") if one.is_symlink() or not one.is_dir()):
        if path.name == ITS_OWN:
            continue
        name = _told(path.relative_to(folder))
        try:
            session, unfit = parse(_text(path), studies)
        except InputError as error:
            aside.append((name, "", "file", str(error)))
            continue
        if session.listener_id.startswith(SIMULATED) and not simulated:
            aside.append((name, session.listener_id, "file", "is of a simulated listener"))
            continue
        read.append((name, session))
        aside += [
            (name, session.listener_id, f"answer {place + 1} of the file", why)
            for place, why in sorted(unfit.items())
        ]
    known = {arm: set(part.trial_id) for arm, part in trials.groupby("arm")}
    answers, sessions = [], []
    for number, name, session in _one_person_each(read, aside):
        counted = list(_counted(name, session, known.get(session.arm, set()), aside))
        about = {"file": name, "arm": session.arm, "listener_id": session.listener_id}
        about["session"] = number
        answers += [about | one for one in counted]
        sessions.append(about | _about(session, len(counted)))
    order = ["file", "what"]
    return Responses(
        _frame(answers, ANSWERS),
        _frame(sessions, SESSIONS),
        _frame(aside, SET_ASIDE).sort_values(order, kind="stable", ignore_index=True),
    )


def _told(path: Path) -> str:
    """A file's name, fit for a table: a spreadsheet takes none for a formula."""
    name = plain(path.as_posix())
    return f"./{name}" if name.startswith(("=", "+", "-", "@")) else name


def _text(path: Path) -> bytes:
    """A file's content, unless it is none of a session."""
    if path.name.startswith("."):
        raise InputError("a hidden file, such as one that was not written to its end")
    if not path.is_file():
        raise InputError("no file: a link to nothing or to a folder, or a device")
    if path.suffix != ".json":
        raise InputError("not a .json file")
    size = path.stat().st_size
    if size > MAX_BYTES:  # is not read
        raise InputError(f"has {size} bytes, more than the {MAX_BYTES} that a session may")
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})") from error


def _one_person_each(read: list[tuple[str, Session]], aside: list) -> list:
    """Sessions with their numbers, the first first; a second person with one id is set aside."""
    kept: dict[tuple[str, str], list[tuple[str, Session]]] = {}
    numbered = []
    for name, session in sorted(read, key=lambda one: (one[1].started, one[0])):
        mine = kept.setdefault((session.arm, session.listener_id), [])
        why = next(filter(None, (_clash(name, session, *other) for other in mine)), "")
        if why:
            aside.append((name, session.listener_id, "file", why))
            continue
        mine.append((name, session))
        numbered.append((len(mine), name, session))
    return sorted(numbered, key=lambda one: one[1])


def _clash(name: str, session: Session, other_name: str, other: Session) -> str:
    """Why two sessions cannot both be of the one person that their id names; "" if they can."""
    if session == other:
        return f"the same session as {other_name}"
    twice = {one.trial_id for one in session.trials} & {one.trial_id for one in other.trials}
    if session.started < other.finished or twice:
        what = "trials" if twice else "time"
        return (
            f"its listener_id is that of {other_name}, at the same {what}: two people with one id, "
            "or one who began anew; give one of two people another id"
        )
    return ""


def _counted(name: str, session: Session, known: set[str], aside: list):
    """Answers that count: to trials of this study, the first to each."""
    seen: set[str] = set()
    for place, answer in enumerate(session.trials):
        why = ""
        if answer.trial_id not in known:
            why = f"trial_id {answer.trial_id} is not in this study"
        elif answer.trial_id in seen:
            why = f"trial_id {answer.trial_id} is answered twice; the first answer counts"
        if why:
            aside.append((name, session.listener_id, f"answer {place + 1} that is fit", why))
            continue
        seen.add(answer.trial_id)
        heard = {f"heard_{clip}": plays for clip, plays in answer.heard}
        yield answer.model_dump(exclude={"heard", "at"}) | heard


def _about(session: Session, answers: int) -> dict:
    test = session.headphones
    return {
        "answers": answers,
        "headphones_correct": test.correct if test else None,
        "headphones_trials": test.trials if test else None,
        "minutes": (session.finished - session.started).total_seconds() / 60,
    }


def _frame(rows: list, columns: dict[str, type]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=list(columns)).astype(columns)
