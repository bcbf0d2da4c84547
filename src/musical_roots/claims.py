"""Hold each claim of config/expected.yaml against the results.

A claim reads one number off one table: rows selected by a pandas query, one column, reduced to a
number; optionally minus the same of other rows. What the study has no rows for is not comparable.

An entry of the file may stand for many claims: one for each row of the paper's published numbers
(config/paper), for each of some values, and again for encoders and generators that the paper lacks,
which then tests no claim of the paper. Its texts hold {names} of columns and values.
"""

from itertools import product
from pathlib import Path
from typing import Literal

import pandas as pd
import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from musical_roots import yaml_files
from musical_roots.errors import InputError

# what the paper's numbers call by other names
CALLED = {"CLAP": "clap", "CLMR": "clmr", "full": "vampnet", "small_training_set": "vampnet_small"}
MARKS = "<!-- claims -->", "<!-- end of claims -->"
ASKED_OF_OURS = "musical-roots, asking what the paper says"
COLUMNS = [
    *("claim", "source", "certainty", "expected", "obtained", "tolerance", "verdict", "relation"),
    *("tests_paper", "statement", "reason"),
    *("table", "select", "minus", "column", "reduce", "unit", "rows"),
]
# Column -> what its numbers are, where they are not cosines or shares of 0 to 1.
UNITS = {
    "chose_nearer_percent": "% of answers",
    "loss": "nats a masked token",
    "log_magnitude": "log magnitude",
    "cosine_mean": "cosine",
    "value": "cosine",
    "difference": "cosine",
    "gini": "Gini coefficient, 0 to 1",
    "sign_flip_p": "p, 0 to 1",
    "ks_rejected": "share of halves, 0 to 1",
    "lds": "rank correlation",
    "random_low_models": "nats a made-up token",
}
SHARE = "share, 0 to 1"


class Claim(BaseModel):
    """One claim.

    Attributes
    ----------
    claim, statement, source : str
        Its name, the sentence, and who says so.
    certainty : str
        Where the source says so: P the paper's text or a table of it, F read off its figure 1
        ("P, F": a sentence, read as the figure shows it), A authors' other text or code, I our
        inference from these, or "ours": our own expectation, or the paper's question asked of what
        the paper lacks.
    table, select, column, reduce : str
        Where the number is: a table in the study's ``tables``, a pandas query, a column, a
        reduction.
    weight : str
        Column by which a mean is weighted.
    minus : str, optional
        A second query; its number is taken off the first.
    pair : list of str
        Columns by whose values both are paired before they are reduced.
    relation : str
        ``at least``, ``above``, ``at most`` or ``equals``.
    expected, tolerance : float
        What is expected, and by how much it may be missed.
    reason : str
        Why that tolerance, and what differs here from the source by design.
    """

    model_config = ConfigDict(extra="forbid")

    claim: str
    statement: str
    source: str
    certainty: Literal["P", "F", "P, F", "A", "I", "ours"]
    table: str
    select: str
    minus: str | None = None
    pair: list[str] = []
    column: str
    reduce: Literal["min", "max", "mean"] = "mean"
    weight: str = ""
    relation: Literal["at least", "above", "at most", "equals"]
    expected: float
    tolerance: float = 0.0
    reason: str

    @property
    def tests_paper(self) -> bool:
        """Whether it is the paper that is tested."""
        return self.certainty != "ours"

    @property
    def unit(self) -> str:
        """Of what is expected and obtained."""
        return UNITS.get(self.column, SHARE)


class Entry(Claim):
    """One claim of the file, or many.

    Attributes
    ----------
    numbers, where : str
        A table of config/paper, and a pandas query: each of its rows is a claim.
    each : dict
        Name -> values: each combination is a claim.
    also : dict
        Name -> other values, of what the paper lacks: claims of ours.
    expected, tolerance : float or str
        A number, or an expression of the columns of `numbers`.
    """

    numbers: str = ""
    where: str = ""
    each: dict[str, list[str | int | float]] = {}
    also: dict[str, list[str | int | float]] = {}
    expected: float | str
    tolerance: float | str = 0.0


def read(paths: list[Path], numbers: dict[str, pd.DataFrame]) -> list[Claim]:
    """Claims of YAML files.

    Parameters
    ----------
    paths : list of Path
    numbers : dict
        The paper's published numbers: name, such as ``table1``, -> table.

    Raises
    ------
    InputError
        If a file does not parse, a claim has a wrong key or value, or two have one name.
    """
    claims, names = [], set()
    for path in paths:
        for claim in _read(path, numbers):
            if claim.claim in names:
                raise InputError(f"{path}: two claims are called {claim.claim}; rename one")
            names.add(claim.claim)
            claims.append(claim)
    return claims


def _read(path: Path, numbers: dict[str, pd.DataFrame]) -> list[Claim]:
    try:
        entries = yaml_files.load(path.read_text(encoding="utf-8"))
        return [one for entry in entries for one in _claims(Entry.model_validate(entry), numbers)]
    except ValidationError as error:  # a ValueError, too
        detail = error.errors()[0]
        key = ".".join(map(str, detail["loc"]))
        raise InputError(f"{path}: {error.title} key {key}: {detail['msg']}; mend it") from error
    except (OSError, TypeError, yaml.YAMLError) as error:
        raise InputError(f"{path}: not a readable list of claims: {error}") from error
    except (KeyError, ValueError, SyntaxError, pd.errors.UndefinedVariableError) as error:
        raise InputError(f"{path}: a claim names what is not there: {error}; mend it") from error


def _claims(entry: Entry, numbers: dict[str, pd.DataFrame]) -> list[Claim]:
    """The claims that an entry stands for: those of the paper first."""
    ours = {"certainty": "ours", "source": ASKED_OF_OURS}
    lists = [(entry.each, {})]
    if entry.also:
        lists.append((entry.each | entry.also, ours))
    rows = _rows(entry, numbers)
    fields = entry.model_dump(exclude={"numbers", "where", "each", "also"})
    return [
        Claim.model_validate(_filled(fields, dict(zip(values, chosen, strict=True)), row) | changed)
        for values, changed in lists
        for chosen in product(*values.values())
        for row in rows
    ]


def _rows(entry: Entry, numbers: dict[str, pd.DataFrame]) -> list[dict]:
    """Rows of the paper's numbers, in the names of this project."""
    if not entry.numbers:
        return [{}]
    table = numbers[entry.numbers].replace(CALLED)
    return (table.query(entry.where) if entry.where else table).to_dict("records")


def _filled(fields: dict, values: dict, row: dict) -> dict:
    """Fields of one claim: with its values in its texts, and its expressions worked out."""
    values = row | values
    made = {
        key: text.format_map(values) if isinstance(text, str) else text
        for key, text in fields.items()
    }
    for key in ("expected", "tolerance"):
        if isinstance(made[key], str):
            made[key] = float(pd.DataFrame([values]).eval(made[key]).iloc[0])
    return made


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
        claim, source, certainty, expected, obtained, tolerance, verdict (``holds``,
        ``does_not_hold``, ``not_comparable``), relation, tests_paper (yes, no), statement, reason;
        where it comes from: table, select, minus, column, reduce, unit, rows (that are picked).
        What could be tested comes first.
    """
    rows = []
    for claim in claims:
        parts = _selected(claim, tables)
        obtained = _obtained(claim, parts)
        told = {"obtained": obtained, "verdict": _verdict(claim, obtained)}
        told |= {"tests_paper": "yes" if claim.tests_paper else "no", "unit": claim.unit}
        told |= {"minus": claim.minus or "", "rows": sum(map(len, parts))}
        rows.append(claim.model_dump() | told)
    table = pd.DataFrame(rows, columns=COLUMNS)
    lacking = table.verdict == "not_comparable"
    return pd.concat([table[~lacking], table[lacking]], ignore_index=True)


def tally(verdicts: pd.DataFrame) -> pd.DataFrame:
    """How many claims could be tested, and how many hold: of the paper first.

    Parameters
    ----------
    verdicts : DataFrame
        Of `check`.

    Returns
    -------
    DataFrame
        claims (whose they are), source ("all" first), n_claims, n_tested, n_hold, in_words.
    """
    paper = verdicts.tests_paper == "yes"
    asked = verdicts.source == ASKED_OF_OURS
    rows = []
    for whose, part in (
        ("the paper's", verdicts[paper]),
        ("the paper's questions, asked of what it lacks: no test of the paper", verdicts[asked]),
        ("our own", verdicts[~paper & ~asked]),
    ):
        by_source = part.groupby("source", sort=False) if part.source.nunique() > 1 else []
        for source, some in [("all", part), *by_source]:
            tested, hold = (some.verdict != "not_comparable").sum(), (some.verdict == "holds").sum()
            said = _in_words(len(some), tested, hold) if source == "all" else ""
            rows.append([whose, source, len(some), tested, hold, said])
    columns = ["claims", "source", "n_claims", "n_tested", "n_hold", "in_words"]
    return pd.DataFrame(rows, columns=columns)


def as_markdown(told: pd.DataFrame) -> str:
    """`tally` as a table for a text: whose claims, from where, how many, tested, held."""
    rows = ["| whose claims | from | claims | could be tested here | hold | do not |"]
    rows.append("|:--|:--|--:|--:|--:|--:|")
    for row in told.itertuples():
        source = "all of these" if row.source == "all" else row.source
        counts = row.n_claims, row.n_tested, row.n_hold, row.n_tested - row.n_hold
        rows.append(f"| {row.claims} | {source} | {' | '.join(map(str, counts))} |")
    return "\n".join(rows)


def within(text: str, told: pd.DataFrame) -> str:
    """A text with `as_markdown` between its marks, in place of what stood there.

    Raises
    ------
    InputError
        If the text does not hold both marks.
    """
    start, end = MARKS
    if text.count(start) != 1 or text.count(end) != 1:
        raise InputError(f"the text lacks {start} and {end}, once each; write them where it goes")
    before, after = text.split(start)[0], text.split(end)[1]
    return f"{before}{start}\n\n{as_markdown(told)}\n\n{end}{after}"


def _in_words(claims: int, tested: int, hold: int) -> str:
    if not tested:
        return f"None of {claims} could be tested here: the study lacks what they are about."
    said = f"{tested} of {claims} could be tested here: {hold} hold, {tested - hold} do not."
    if tested == claims:
        return said
    return f"{said} Of the other {claims - tested} the study lacks what they are about."


def _selected(claim: Claim, tables: dict[str, pd.DataFrame]) -> list[pd.DataFrame]:
    """Rows with the columns that a claim needs, where its number is known: of `select`, of `minus`.

    Nothing where the study lacks the table.
    """
    if claim.table not in tables:
        return []
    needed = [*claim.pair, claim.column, *([claim.weight] if claim.weight else [])]
    queries = [claim.select, *([claim.minus] if claim.minus is not None else [])]
    parts = []
    for query in queries:
        try:
            parts.append(tables[claim.table].query(query)[needed].dropna())
        except (KeyError, ValueError, SyntaxError, pd.errors.UndefinedVariableError) as error:
            raise InputError(f"claim {claim.claim}: cannot select {query!r}: {error}") from error
    return parts


def _obtained(claim: Claim, parts: list[pd.DataFrame]) -> float | None:
    if claim.pair and len(parts) == 2:
        one, other = (part.groupby(claim.pair)[claim.column].mean() for part in parts)
        differences = (one - other).dropna()
        return None if differences.empty else float(differences.agg(claim.reduce))
    numbers = [_number(part, claim) for part in parts]
    if not numbers or None in numbers:
        return None
    return numbers[0] - sum(numbers[1:])


def _number(rows: pd.DataFrame, claim: Claim) -> float | None:
    if rows.empty:
        return None
    values = rows[claim.column]
    if claim.weight:
        weights = rows[claim.weight]
        return float((values * weights).sum() / weights.sum())
    return float(values.agg(claim.reduce))


def _verdict(claim: Claim, obtained: float | None) -> str:
    if obtained is None:
        return "not_comparable"
    over, under = obtained - claim.expected, claim.expected - obtained
    if claim.relation == "above":
        return "holds" if over > claim.tolerance else "does_not_hold"
    missed = {"at least": under, "at most": over, "equals": abs(over)}[claim.relation]
    return "holds" if missed <= claim.tolerance else "does_not_hold"
