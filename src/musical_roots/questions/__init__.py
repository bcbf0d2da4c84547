"""What readers of the paper ask: docs/questions.md, answered from a study's own tables.

The page asks each question and says how it is looked at, without a number. A run adds what its
tables say, and where to see it; what a run cannot tell, it says.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from musical_roots.errors import InputError
from musical_roots.questions import around, resemblance

Tables = dict[str, pd.DataFrame]
# a link to a neighbour in docs/, which the run's page is not
NEIGHBOUR = re.compile(r"\[([\w.]+)\]\(\1\)")
ANSWERED = (
    "Each question, how it is looked at, and what the tables of this run say to it. What they"
    " cannot tell is said, too."
)
HEADING = re.compile(r"^## +(.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Question:
    """What is needed to answer a question.

    Attributes
    ----------
    tell : callable
        Tables by name -> sentences.
    tables : tuple of str
        Names of tables; without one of them there is no answer.
    figures : tuple of str
        Beginnings of names of the figures in which the answer can be seen.
    """

    tell: Callable[[Tables], list[str]]
    tables: tuple[str, ...]
    figures: tuple[str, ...] = ()


# A heading of docs/questions.md -> how it is answered.
QUESTIONS = {
    "Do embeddings say more than raw audio?": Question(
        resemblance.embeddings, ("retrieval", "robustness", "planted"), ("robustness", "planted_of")
    ),
    "And lyrics?": Question(around.lyrics, ("tracks", "retrieval")),
    "Can it be validated without asking people?": Question(
        resemblance.without_people,
        ("calibration", "planted"),
        ("calibration_of", "planted_of", "race"),
    ),
    "What of other transformations than the paper's?": Question(
        resemblance.transformations, ("robustness",), ("robustness_extended",)
    ),
    "What of other kinds of generators?": Question(
        around.generators, ("outputs",), ("exceedance_of", "coded_index_of")
    ),
    "Why are some songs favoured?": Question(
        resemblance.favoured,
        ("hubness", "concentration", "top_songs", "tracks"),
        ("hubness_of", "concentration_of"),
    ),
    "Approximate search, or exact?": Question(around.exact, ("bins", "retrieval")),
    "100 million songs, or a billion clips?": Question(
        around.larger, ("paper_scale", "calibration"), ("calibration_of",)
    ),
    "Speech, and sound effects?": Question(around.speech, ("tracks", "rejected", "retrieval")),
    "Does it make better artists, and of whom not?": Question(
        around.artists, ("outputs", "evidence", "concentration", "tracks"), ("concentration_of",)
    ),
}


def answered(question: str, tables: Tables) -> list[str]:
    """What a run's tables say to a question, in sentences.

    Parameters
    ----------
    question : str
        A key of `QUESTIONS`.
    tables : dict of str to DataFrame
        By name, as in `tables/<name>.csv`; `tracks` and `rejected` of the corpus, `paper_scale`.
    """
    asked = QUESTIONS[question]
    lacking = [name for name in asked.tables if name not in tables]
    if lacking:
        return [f"This run made no table {', '.join(lacking)}: it cannot tell."]
    return asked.tell(tables)


def filled(page: Path, tables: dict[str, Path], figures: list[Path], read: Callable) -> str:
    """The page of questions with a run's answers, as Markdown.

    Parameters
    ----------
    page : Path
        Questions as headings of the second order, a paragraph or more under each.
    tables : dict of str to Path
        Tables by name.
    figures : list of Path
        Of the run; links are relative to a neighbour of their folder.
    read : callable
        Path -> table.

    Raises
    ------
    InputError
        If the page does not ask the very questions that are answered here.
    """
    head, *parts = HEADING.split(page.read_text(encoding="utf-8"))
    asked = parts[::2]
    if asked != list(QUESTIONS):
        odd = sorted(set(asked) ^ set(QUESTIONS)) or ["the order"]
        raise InputError(
            f"{page}: its headings are not those of musical_roots.questions.QUESTIONS "
            f"({', '.join(odd)}); mend one of them"
        )
    known = {name: read(path) for name, path in tables.items()}
    title = head.strip().splitlines()[0]
    written = [title, ANSWERED]
    for question, prose in zip(asked, parts[1::2], strict=True):
        told = " ".join(answered(question, known))
        seen = _links(QUESTIONS[question], tables, figures)
        written += [
            f"## {question}",
            NEIGHBOUR.sub(r"docs/\1", prose.strip()),
            f"**In this run.** {told}",
            seen,
        ]
    return "\n\n".join(part for part in written if part) + "\n"


def _links(question: Question, tables: dict[str, Path], figures: list[Path]) -> str:
    """Where an answer can be seen."""
    drawn = [path for path in figures if path.stem.startswith(question.figures)]
    drawn = drawn if question.figures else []
    folders = {path.stem: f"../{path.parent.name}/{path.name}" for path in drawn}
    shown = [f"[{name}]({target})" for name, target in folders.items()]
    told = [
        f"[{name}](../{tables[name].parent.name}/{tables[name].name})"
        for name in question.tables
        if name in tables and tables[name].parent.name in ("tables", "corpus")
    ]
    parts = [("Figures", shown), ("Tables", told)]
    return " ".join(f"{what}: {', '.join(links)}." for what, links in parts if links)
