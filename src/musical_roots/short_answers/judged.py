"""What a short answer is, and what all of them are judged and worded by."""

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from musical_roots.study.hearing import UNTRAINED
from musical_roots.weights import PLUMBING

YES, NO, UNKNOWN = "yes", "no", "cannot tell"
ENOUGH = 0.8  # power from which nothing found means that there is nothing
CHANCE = 0.05  # of p-values at or below .05, where nothing is


class Missing(Exception):
    """A table that an answer is read off is not there, or has no rows that could tell."""


@dataclass(frozen=True)
class Answer:
    """What the tables of a study say to a question.

    Attributes
    ----------
    answer : str
        "yes", "no" or "cannot tell".
    number : str
        The number that says so, with its interval, in a few words.
    power : str
        What would have shown, or how often; "" where the answer does not hang on it.
    finding : str
        The same in sentences, with every encoder that has learned something.
    table : str
        Name of the table that says so, where it is not the question's usual one.
    """

    answer: str
    number: str
    power: str
    finding: str
    table: str = ""


def rows(tables: dict[str, pd.DataFrame], name: str, **where) -> pd.DataFrame:
    """Rows of a table whose columns have these values.

    Raises
    ------
    Missing
        If there are none.
    """
    found = some(tables, name, **where)
    if found.empty:
        told = ", ".join(f"{column} {value}" for column, value in where.items())
        raise Missing(f"{name}.csv has no rows" + (f" of {told}" if told else ""))
    return found


def some(tables: dict[str, pd.DataFrame], name: str, **where) -> pd.DataFrame:
    """The same, but there may be none."""
    found = tables.get(name, pd.DataFrame(columns=list(where)))
    for column, value in where.items():
        found = found[found[column] == value]
    return found


def judged(low: float, high: float, limit: float) -> str:
    """Whether something is above a limit, by its interval."""
    return YES if low > limit else NO if high < limit else UNKNOWN


def trained(table: pd.DataFrame, column: str = "encoder") -> pd.DataFrame:
    """Rows of what has learned something: neither of the control nor of random weights.

    Raises
    ------
    Missing
        If there are none.
    """
    plumbing = table[column].str.contains(PLUMBING, regex=False)
    found = table[(table[column] != UNTRAINED) & ~plumbing]
    if found.empty:
        raise Missing("no encoder here has learned anything")
    return found


def ordered(tables: dict[str, pd.DataFrame], table: pd.DataFrame) -> pd.DataFrame:
    """Rows of trained encoders, first of the one that knows songs best.

    Which it is, says same-track retrieval on control tracks, that no answer is read off.
    """
    known = rows(tables, "retrieval").set_index("encoder").recall_at_1
    found = trained(table)
    return found.iloc[(-found.encoder.map(known).fillna(0)).argsort(kind="stable")]


def percent(share: float) -> str:
    """A share in percent."""
    return f"{100 * share:.0f} %"


def interval(low: float, high: float) -> str:
    """The interval of a share, in percent."""
    return f"[{100 * low:.0f}, {100 * high:.0f}]"


def shares(table: pd.DataFrame, value: str, low: str = "", high: str = "") -> str:
    """Shares in percent, with their intervals if asked for, each with its encoder."""

    def told(row) -> str:
        return percent(row[value]) + (f" {interval(row[low], row[high])}" if low else "")

    return enumerated(f"{told(row)} by {row.encoder}" for _, row in table.iterrows())


def enumerated(names: Iterable[str]) -> str:
    """one, two and three."""
    *names, last = names
    return f"{', '.join(names)} and {last}" if names else last
