"""Hold each claim of config/expected.yaml against the results.

A claim reads one number off one table: rows selected by a pandas query, one column, reduced to a
number; optionally minus the same of other rows. What the study has no rows for is not comparable.
"""

from pathlib import Path
from typing import Literal

import pandas as pd
import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from musical_roots.errors import InputError


class Claim(BaseModel):
    """One claim.

    Attributes
    ----------
    claim, statement, source : str
        Its name, the sentence, and who says so.
    certainty : str
        The mark of how surely it is known that the source says so: A, Q, S, I or "ours".
    table, select, column, reduce : str
        Where the number is: a table in the study's ``tables``, a pandas query, a column, a
        reduction.
    minus : str, optional
        A second query; its number is taken off the first.
    relation : str
        ``at least``, ``above``, ``at most`` or ``equals``.
    expected, tolerance : float, optional
        What is expected, and by how much it may be missed. Without `expected` the source gives no
        number.
    """

    model_config = ConfigDict(extra="forbid")

    claim: str
    statement: str
    source: str
    certainty: Literal["A", "Q", "S", "I", "ours"]
    table: str
    select: str
    minus: str | None = None
    column: str
    reduce: Literal["min", "max", "mean"] = "mean"
    relation: Literal["at least", "above", "at most", "equals"]
    expected: float
    tolerance: float = 0.0


def read(path: Path) -> list[Claim]:
    """Claims of a YAML file.

    Raises
    ------
    InputError
        If the file does not parse, or a claim has a wrong key or value.
    """
    try:
        entries = yaml.safe_load(path.read_text(encoding="utf-8"))
        return [Claim.model_validate(entry) for entry in entries]
    except (OSError, TypeError, yaml.YAMLError) as error:
        raise InputError(f"{path}: not a readable list of claims: {error}") from error
    except ValidationError as error:
        detail = error.errors()[0]
        key = ".".join(map(str, detail["loc"]))
        raise InputError(f"{path}: {error.title} key {key}: {detail['msg']}; mend it") from error


def check(claims: list[Claim], tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Verdict on each claim.

    Parameters
    ----------
    claims : list of Claim
    tables : dict
        Table name, such as ``robustness``, -> table.

    Returns
    -------
    DataFrame
        claim, statement, source, certainty, relation, expected, obtained, tolerance, verdict
        (``holds``, ``does_not_hold``, ``not_comparable``).
    """
    rows = []
    for claim in claims:
        obtained = _obtained(claim, tables)
        shown = claim.model_dump(
            include={
                "claim",
                "statement",
                "source",
                "certainty",
                "relation",
                "expected",
                "tolerance",
            }
        )
        rows.append(shown | {"obtained": obtained, "verdict": _verdict(claim, obtained)})
    order = "claim source certainty expected obtained tolerance verdict relation statement"
    return pd.DataFrame(rows, columns=order.split())


def _obtained(claim: Claim, tables: dict[str, pd.DataFrame]) -> float | None:
    if claim.table not in tables:
        return None
    value = _number(tables[claim.table], claim.select, claim)
    if claim.minus is None or value is None:
        return value
    other = _number(tables[claim.table], claim.minus, claim)
    return None if other is None else value - other


def _number(table: pd.DataFrame, select: str, claim: Claim) -> float | None:
    try:
        values = table.query(select)[claim.column]
    except (KeyError, ValueError, SyntaxError, pd.errors.UndefinedVariableError) as error:
        raise InputError(f"claim {claim.claim}: cannot select {select!r}: {error}") from error
    return None if values.empty else float(values.agg(claim.reduce))


def _verdict(claim: Claim, obtained: float | None) -> str:
    if obtained is None:
        return "not_comparable"
    over, under = obtained - claim.expected, claim.expected - obtained
    if claim.relation == "above":
        return "holds" if over > claim.tolerance else "does_not_hold"
    missed = {"at least": under, "at most": over, "equals": abs(over)}[claim.relation]
    return "holds" if missed <= claim.tolerance else "does_not_hold"
