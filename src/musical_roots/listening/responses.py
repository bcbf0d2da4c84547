"""Answers of listeners: what a file of them holds, and what is wrong with those that do not count.

A file is one session of one person, as JSON. Nothing in it is free text: an id holds no character
with which a formula or a script begins. What does not count is set aside by name, and the rest
counts; no file is changed or moved.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import pandas as pd
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator

from musical_roots.errors import InputError
from musical_roots.tables import plain

SCHEMA = 1
MAX_BYTES = 1 << 20  # some 3,000 answers; a session has less than 200
SIMULATED = "simulated-"  # begins the id of whom `simulated` makes up
ID = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
Id = Annotated[str, Field(pattern=ID)]
Plays = Annotated[int, Field(ge=1, le=10_000)]  # a choice is possible when all were heard in full

ANSWERS = {
    **{"file": str, "arm": str, "listener_id": str, "session": int, "trial_id": str},
    **{"choice": str, "confidence": float, "order": str, "seconds": float},
    **{"heard_x": int, "heard_a": int, "heard_b": int},
}
SESSIONS = {
    **{"file": str, "arm": str, "listener_id": str, "session": int, "answers": int},
    **{"headphones_correct": float, "headphones_trials": float, "minutes": float},
}
SET_ASIDE = {"file": str, "listener_id": str, "what": str, "why": str}


class Part(BaseModel):
    """No unknown fields, no silent conversions, no numbers that are none."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, frozen=True)


class Heard(Part):
    """How often each clip of a trial was heard in full."""

    x: Plays
    a: Plays
    b: Plays


class Answer(Part):
    """One answer: which of A and B is more like X."""

    trial_id: Id
    choice: Literal["a", "b"] = Field(description="A or B of the trial, wherever it was shown.")
    # 1 guessed to 4 sure; null where the page does not ask
    confidence: Annotated[int, Field(ge=1, le=4)] | None
    order: Literal["ab", "ba"] = Field(description="Which was shown first.")
    seconds: Annotated[float, Field(ge=0, le=86_400)] = Field(
        description="From when the trial was shown until it was answered."
    )
    heard: Heard
    at: AwareDatetime


class Headphones(Part):
    """The headphone test (Woods et al. 2017)."""

    passed: bool
    correct: Annotated[int, Field(ge=0, le=100)]
    trials: Annotated[int, Field(ge=1, le=100)]

    @model_validator(mode="after")
    def _possible(self):
        if self.correct > self.trials:
            raise ValueError(f"{self.correct} correct of {self.trials}")
        return self


class Session(Part):
    """One session of one person."""

    version: Literal[SCHEMA] = Field(alias="schema")
    study_id: Id
    arm: Id
    listener_id: Id = Field(description="Pseudonymous: of no use to find the person with.")
    consent: Literal[True]
    started: AwareDatetime
    finished: AwareDatetime
    headphones: Headphones | None = Field(description="null where the page has no such test.")
    trials: Annotated[list[Answer], Field(min_length=1, max_length=3000)]

    @model_validator(mode="after")
    def _in_order(self):
        if self.finished < self.started:
            raise ValueError("finished before it was started")
        return self


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


def parse(text: bytes, studies: dict[str, str]) -> tuple[Session, dict[int, str]]:
    """A session from the text of a file, and the answers in it that are not fit to be counted.

    Parameters
    ----------
    text : bytes
    studies : dict
        Arm -> study_id, of the studies whose answers are wanted.

    Returns
    -------
    session : Session
        With the answers that are fit.
    unfit : dict
        Place of an answer in the file -> what is wrong with it. A collector refuses all if there
        is any.

    Raises
    ------
    InputError
        If the session as a whole is not fit; the message says why.
    """
    if len(text) > MAX_BYTES:
        raise InputError(f"has {len(text)} bytes, more than the {MAX_BYTES} that a session may")
    try:
        session, unfit = Session.model_validate_json(text), {}
    except ValidationError as error:
        session, unfit = _without_unfit(text, error)
    if session.arm not in studies:
        raise InputError(f"arm {session.arm} is not in this study")
    if session.study_id != studies[session.arm]:
        raise InputError(
            f"study_id {session.study_id} is of another study; this one's is {studies[session.arm]}"
        )
    return session, unfit


def _without_unfit(text: bytes, error: ValidationError) -> tuple[Session, dict[int, str]]:
    """The session without the answers that are wrong, if nothing else is."""
    unfit: dict[int, str] = {}
    for detail in error.errors(include_url=False, include_input=False):
        place = detail["loc"]
        if len(place) < 2 or place[0] != "trials":
            raise InputError(_explain(place, detail)) from error
        unfit.setdefault(place[1], _explain(place[2:], detail))
    values = json.loads(text)
    answers = values["trials"]
    values["trials"] = [one for place, one in enumerate(answers) if place not in unfit]
    if not values["trials"]:
        raise InputError(f"no answer is fit to be counted: {unfit[0]}") from error
    return Session.model_validate_json(json.dumps(values)), unfit


def _explain(place: tuple, detail: dict) -> str:
    key = ".".join(str(part) for part in place)
    if detail["type"] == "json_invalid":
        return "not readable as JSON: cut off or damaged"
    if detail["type"] == "missing":
        return f"field {key} is missing"
    if detail["type"] == "extra_forbidden":
        return f"field {plain(key)[:64]!r} is unknown"
    return ": ".join(filter(None, [key, detail["msg"].removeprefix("Value error, ")]))


def read_folder(
    folder: Path | str, studies: dict[str, str], trials: pd.DataFrame, simulated: bool
) -> Responses:
    """Read every file of answers in a folder, and in the folders in it.

    Parameters
    ----------
    folder : path
    studies : dict
        Arm -> study_id.
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
    for path in sorted(one for one in folder.rglob("*") if one.is_file()):
        if path.name.startswith("."):
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
