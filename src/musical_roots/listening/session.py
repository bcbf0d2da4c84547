"""A session of answers, as JSON: what it holds, and what is wrong with one that does not count.

Nothing in it is free text: an id holds no character with which a formula or a script begins.
"""

import json
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator

from musical_roots.errors import InputError
from musical_roots.tables import plain

SCHEMA = 2
MAX_BYTES = 1 << 20  # some 3,000 answers; a session has less than 200
SIMULATED = "simulated-"  # begins the id of whom `simulated` makes up
ID = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
Id = Annotated[str, Field(pattern=ID)]
Plays = Annotated[int, Field(ge=1, le=10_000)]  # a choice is possible when all were heard in full


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
    decided: Annotated[float, Field(ge=0, le=86_400)] = Field(
        description="The last of them: from when all three had been heard."
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
    trials: Annotated[list[Answer], Field(max_length=3000)] = Field(
        description="None of whom the headphone test sent away."
    )

    @model_validator(mode="after")
    def _in_order(self):
        if self.finished < self.started:
            raise ValueError("finished before it was started")
        return self


def parse(text: bytes, studies: Mapping[str, dict]) -> tuple[Session, dict[int, str]]:
    """A session from the text of a file, and the answers in it that are not fit to be counted.

    Parameters
    ----------
    text : bytes
    studies : mapping
        Arm -> manifest (`page.manifest`), of the studies whose answers are wanted.

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
    study = studies[session.arm]
    if session.study_id != study["study_id"]:
        raise InputError(
            f"study_id {session.study_id} is of another study; this one's is {study['study_id']}"
        )
    _check_headphones(session, study["asked"])
    return _without_hasty(session, unfit, study["trials"])


def _without_unfit(text: bytes, error: ValidationError) -> tuple[Session, dict[int, str]]:
    """The session without the answers that are wrong, if nothing else is."""
    unfit: dict[int, str] = {}
    for detail in _details(error):
        place = detail["loc"]
        if len(place) < 2 or place[0] != "trials":
            raise InputError(_explain(place, detail)) from error
        unfit.setdefault(place[1], _explain(place[2:], detail))
    values = json.loads(text)
    answers = values["trials"]
    values["trials"] = [one for place, one in enumerate(answers) if place not in unfit]
    if not values["trials"]:
        raise InputError(f"no answer is fit to be counted: {unfit[0]}") from error
    try:
        return Session.model_validate_json(json.dumps(values)), unfit
    except ValidationError as again:  # what holds of a whole is asked after all its parts are fit
        detail = _details(again)[0]
        raise InputError(_explain(detail["loc"], detail)) from again


def _check_headphones(session: Session, asked: dict) -> None:
    """What the session says of the headphone test is what this study's page can send."""
    test, wanted = session.headphones, asked["headphones"]
    if (test is None) != (wanted == "none"):
        told = "no headphone test" if wanted == "none" else "a headphone test"
        raise InputError(f"headphones: this study has {told}")
    if test and test.trials != len(asked["quiet_tones"]):
        raise InputError(f"headphones: {test.trials} trials, not {len(asked['quiet_tones'])}")
    if test and test.passed != (test.correct >= asked["headphones_to_pass"]):
        raise InputError(f"headphones: passed is {test.passed}, with {test.correct} correct")
    away = wanted == "required" and not test.passed
    if away and session.trials:
        raise InputError("trials: none are asked of whom the headphone test sends away")
    if not away and not session.trials:
        raise InputError("trials: there is no answer")


def _without_hasty(
    session: Session, unfit: dict[int, str], trials: list[dict]
) -> tuple[Session, dict[int, str]]:
    """The session without answers that came before the three clips can have been heard."""
    least = {trial["trial_id"]: trial["least_s"] for trial in trials}
    places = (place for place in range(len(session.trials) + len(unfit)) if place not in unfit)
    heard, hasty = [], {}
    for place, answer in zip(places, session.trials, strict=True):
        took = answer.seconds - answer.decided
        if took + 1e-6 < least.get(answer.trial_id, 0.0):
            hasty[place] = f"seconds: three clips were heard in {took:.2f}, less than they last"
        else:
            heard.append(answer)
    if hasty and not heard:
        raise InputError(f"no answer is fit to be counted: {next(iter(hasty.values()))}")
    return session.model_copy(update={"trials": heard}), unfit | hasty


def _details(error: ValidationError) -> list[dict]:
    return error.errors(include_url=False, include_input=False)


def _explain(place: tuple, detail: dict) -> str:
    key = ".".join(str(part) for part in place)
    if detail["type"] == "json_invalid":
        return "not readable as JSON: cut off or damaged"
    if detail["type"] == "missing":
        return f"field {key} is missing"
    if detail["type"] == "extra_forbidden":
        return f"field {plain(key)[:64]!r} is unknown"
    return ": ".join(filter(None, [key, detail["msg"].removeprefix("Value error, ")]))
