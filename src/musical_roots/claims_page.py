"""The page of claims: a tally, then claim by claim what was expected and what was obtained."""

from pathlib import Path

import jinja2
import pandas as pd
from markupsafe import Markup

from musical_roots import cost
from musical_roots.arrays import write_text
from musical_roots.claims import ASKED_OF_OURS

WEB = Path(__file__).parent / "web"
MARKS = {
    "P": "the paper's text or a table of it",
    "F": "read off its figure 1",
    "P, F": "a sentence of the paper, read as its figure 1 shows it",
    "A": "its authors' other text or code",
    "I": "our inference from the paper",
    "ours": "our own, or the paper's question asked of what it lacks: no test of the paper",
}
VERDICTS = {
    "holds": "holds",
    "does_not_hold": "does not hold",
    "not_comparable": "could not be tested here",
}


def write(path: Path, verdicts: pd.DataFrame, tally: pd.DataFrame, tables: dict) -> None:
    """Write the page.

    Parameters
    ----------
    path : Path
        The HTML file.
    verdicts, tally : DataFrame
        Of `claims.check` and `claims.tally`.
    tables : dict
        Table -> command that makes it, figures (their names), jobs, minutes and mb of `costs`;
        what is not there is not told of.
    """
    web = jinja2.Environment(
        loader=jinja2.FileSystemLoader(WEB), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    files = {name: Markup((WEB / name).read_text("utf-8")) for name in ("page.css", "claims.js")}
    told = tally[tally.source == "all"].set_index("claims").in_words
    page = web.get_template("claims.html").render(
        css=files["page.css"],
        js=files["claims.js"],
        tally=tally.to_dict("records"),
        groups=[
            (name, told[name], *_tested(part)) for name, part in _groups(verdicts, list(told.index))
        ],
        tables=tables,
        marks=MARKS,
        verdicts=VERDICTS,
        sources=list(dict.fromkeys(verdicts.source)),
    )
    write_text(page, path)


def costs(tables: dict, benchmarks: Path) -> dict:
    """`tables`, each with jobs, minutes and mb of its timed jobs: keys command, figures, timed."""
    return {
        name: one
        | dict(zip(("jobs", "minutes", "mb"), cost.of_jobs(benchmarks, one["timed"]), strict=True))
        for name, one in tables.items()
    }


def number(value: float) -> str:
    """A number as people read it.

    Examples
    --------
    >>> number(0.33333), number(-12.0), number(0.0)
    ('0.333', '-12', '0')
    """
    return f"{value:.3g}"


def expected(row) -> str:
    """What a claim expects, in words."""
    words = {"equals": "", "at least": "at least ", "at most": "at most ", "above": "above "}
    missed = f" ± {number(row.tolerance)}" if row.tolerance else ""
    return f"{words[row.relation]}{number(row.expected)}{missed}"


def _groups(verdicts: pd.DataFrame, names: list[str]) -> list[tuple[str, pd.DataFrame]]:
    """The claims by whose they are, in the order and the words of the tally."""
    paper, asked = verdicts.tests_paper == "yes", verdicts.source == ASKED_OF_OURS
    parts = verdicts[paper], verdicts[asked], verdicts[~paper & ~asked]
    return list(zip(names, parts, strict=True))


def _tested(part: pd.DataFrame) -> tuple[list[dict], dict[str, list[dict]]]:
    """Claims that could be tested; by source, those that could not."""
    rows = [_shown(row) for row in part.itertuples()]
    lacking: dict[str, list[dict]] = {}
    for row in rows:
        if row["verdict"] == "not_comparable":
            lacking.setdefault(row["source"], []).append(row)
    return [row for row in rows if row["verdict"] != "not_comparable"], lacking


def _shown(row) -> dict:
    obtained = "" if pd.isna(row.obtained) else number(row.obtained)
    minus = "" if pd.isna(row.minus) else row.minus
    return row._asdict() | {"wanted": expected(row), "got": obtained, "minus": minus}
