"""A study in ten lines: what was asked, the answer, its number, and what could have been found.

Each line is made from the results tables alone. "cannot tell" is an answer: nothing was found, and
too little would have been found had it been there, or nobody has answered, or nothing is known.
The numbers are those of the encoder that knows songs best by same-track retrieval; where an answer
would be yes by any encoder, all that have learned something are named. None has a say that is
untrained, or of random weights.
"""

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from musical_roots.generators.base import FULL
from musical_roots.short_answers import controls, influence, questions
from musical_roots.short_answers.judged import UNKNOWN, Answer, Missing
from musical_roots.study.race import GENERATOR as RACED
from musical_roots.study.sections import CLAIMS, INFLUENCE, LISTENING, PAST, ROBUSTNESS

COLUMNS = [
    *("section", "role", "question", "answer", "number", "power", "finding"),
    *("generator", "table", "figure"),
]
POSITIVE, NEGATIVE = "positive control", "negative control"


@dataclass(frozen=True)
class Question:
    """A question, and how its answer is read.

    Attributes
    ----------
    section : str
        Of the report.
    question : str
    read : callable
        From tables and a generator to an `Answer`.
    table : str
        That it is read off.
    figure : str
        What the figure beside it draws, of `musical_roots.figures.FIGURES`; "" for none.
    role : str
        Of a question whose answer is known, whether it must be yes or no.
    outputs : bool
        Whether it is asked of each generator's outputs.
    """

    section: str
    question: str
    read: Callable[[dict[str, pd.DataFrame], str], Answer]
    table: str
    figure: str = ""
    role: str = ""
    outputs: bool = False


ASKED = [
    Question(
        LISTENING,
        "Do people hear as similar what encoders put near?",
        questions.listeners,
        "listening_model",
        "listening_agreement",
    ),
    Question(
        ROBUSTNESS,
        "Is a clip found after it was changed a little?",
        questions.changed_clips,
        "robustness",
        "robustness",
    ),
    Question(
        INFLUENCE,
        "Are planted copies found?",
        controls.planted_copies,
        "coded_index",
        "planted",
        POSITIVE,
        outputs=True,
    ),
    Question(
        INFLUENCE,
        "Is the prompt's own track found?",
        controls.own_track,
        "songs",
        "coded_index",
        POSITIVE,
        outputs=True,
    ),
    Question(
        INFLUENCE,
        "Is music accused that the generator never heard?",
        controls.control_music,
        "calibration",
        "calibration",
        NEGATIVE,
        outputs=True,
    ),
    Question(
        INFLUENCE,
        "Is training music nearer than the prompt, more than music never heard?",
        questions.nearer_than_prompt,
        "prompt_vs_training",
        "prompt_vs_training",
        outputs=True,
    ),
    Question(
        INFLUENCE,
        "Does any output come nearer to other training tracks than chance?",
        questions.more_than_chance,
        "calibration",
        "exceedance",
        outputs=True,
    ),
    Question(
        INFLUENCE,
        "Do a few songs take most of the matches, more than by chance?",
        questions.few_songs,
        "concentration",
        "concentration",
        outputs=True,
    ),
    Question(
        PAST,
        "Does what resembles an output tell what influenced it?",
        influence.resemblance,
        "race",
        "race",
    ),
    Question(CLAIMS, "Does what the paper claims hold here?", questions.claims, "claims_tally"),
]


def short_answers(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """A row a question, and a generator where it is about outputs.

    Parameters
    ----------
    tables : dict
        Name -> results table. What is missing leaves a question without an answer.

    Returns
    -------
    DataFrame
        `COLUMNS`: section of the report, role ("positive control", "negative control" or ""),
        question, answer ("yes", "no", "cannot tell"), number, power and finding (texts),
        generator, table, figure (what it draws).
    """
    calibration = tables.get("calibration")
    made = [] if calibration is None else list(dict.fromkeys(calibration.generator))
    whole = [name for name in made if name.partition(" (")[0] not in FULL]
    answered = [
        _row(asked, tables, generator)
        for asked in ASKED
        for generator in (whole if asked.outputs else [RACED if asked.section == PAST else ""])
    ]
    return pd.DataFrame(answered, columns=COLUMNS)


def _row(asked: Question, tables: dict[str, pd.DataFrame], generator: str) -> dict[str, str]:
    try:
        found = asked.read(tables, generator)
    except Missing as missing:
        found = Answer(UNKNOWN, f"this study does not say: {missing}", "", "")
    return {
        "section": asked.section,
        "role": asked.role,
        "question": asked.question,
        "answer": found.answer,
        "number": found.number,
        "power": found.power,
        "finding": found.finding,
        "generator": generator,
        "table": found.table or asked.table,
        "figure": asked.figure,
    }


def in_lines(answered: pd.DataFrame) -> str:
    """The same for a terminal: two lines a question, the answer first."""
    answered = answered.fillna("")  # a column that is blank throughout is read as numbers
    several = answered.generator[answered.section == INFLUENCE].nunique() > 1
    lines = []
    for row in answered.itertuples():
        whose = f"{row.generator}: " if several and row.section == INFLUENCE else ""
        role = f" ({row.role})" if row.role else ""
        lines.append(f"{row.answer.upper():<12} {whose}{row.question}{role}")
        lines.append(" " * 13 + "; ".join(text for text in (row.number, row.power) if text))
    return "\n".join(lines)
