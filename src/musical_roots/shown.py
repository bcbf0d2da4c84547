"""A table as a page shows it: which columns first, in what order, and how much of it."""

import base64
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import compress

import pandas as pd

from musical_roots.study.hearing import UNTRAINED
from musical_roots.weights import PLUMBING

MOST = 1000  # rows of a page; the file has them all
LONG = 60  # characters, of a text that wants a wide column
FEW = 20  # values of a column that one can choose among
FIRST = 8  # columns of a table that is not in `SHORT`
WHO = ("encoder", "view", "one", "other", "method")  # columns that may name the untrained control
VERDICTS = {"holds", "does_not_hold", "not_comparable"}
# Columns that a reader sees first, by table; the others are a click away.
SHORT = {
    "robustness": "encoder kind level unit n_queries recall_at_1 recall_at_1_low recall_at_1_high"
    " recall_at_10",
    "calibration": "encoder generator prompt_track n_outputs discoveries p_at_05"
    " false_positives_at_05 smallest_p",
    "calibration_curve": "encoder source prompts prompt_track p share low high",
    "paired": "encoder generator prompt_track prompts difference low high sign_flip_p",
    "concentration": "encoder source index granularity gini gini_low gini_high top_1_percent_share",
    "coded_index": "encoder index measure prompts n value low high difference",
    "competition": "view prompt_track prompts setting fdr n_outputs discoveries lowest_q"
    " planted_power false_rate",
    "planted": "encoder kind level unit n_planted power power_at_05 perturbed_false_at_05",
    "prompt_vs_training": "encoder index prompt_track setting prompts nearer_share nearer_low"
    " nearer_high size_matched",
    "outputs": "prompt_split setting tier encoders title artist p_musicnn p_mfcc p_mel"
    " p_token_share",
    "claims": "claim statement expected obtained tolerance verdict tests_paper source",
    "paper_table2": "encoder index setting prompts measure statistic value low high paper_clap"
    " paper_clmr",
    "paper_table3": "encoder index setting prompts threshold_from threshold k share paper_share",
    "top_songs": "encoder index prompt_track setting prompts rank title artist share_of_vamps"
    " vamps_by_chance",
    "small_training_set": "encoder index prompt_track measure prompts setting full_mean small_mean"
    " difference low high",
    "race": "design method kind prompts setting lds low high top_agreement",
    "removal": "design method kind prompts named random matched named_less_random largest",
    "tracks": "title artist split duration_s licence attribution source",
    "hubness": "encoder queries correction n_queries skewness biggest_hub anti_hubs",
    "simulated_agreement": "arm encoder by group agreement answers low high p_holm",
    "listening_agreement": "arm encoder by group agreement answers low high p_holm",
    "simulated_coverage": "design x_clips listeners agreement method told_from_chance covered",
    "simulated_power": "x_clips listeners answers_each agreement method told_from_chance"
    " half_width",
}


@dataclass(frozen=True)
class Column:
    """A column as a page shows it.

    Attributes
    ----------
    name : str
        For people.
    first : bool
        Whether it is shown before anybody asks for more.
    choice : bool
        Whether it has few values, among which one can choose.
    """

    name: str
    first: bool
    choice: bool


@dataclass(frozen=True)
class Shown:
    """A table as a page shows it.

    Attributes
    ----------
    heading : str
        "" for none.
    columns : list of Column
    rows : list of (bool, list of (str, str))
        Whether a row is of the untrained control; and class and text of each cell.
    n_rows : int
        Of the file, which may have more.
    blank : list of str
        Columns without a value anywhere, which are left out.
    file : str
        Where the whole of it is, from the page; "" for nowhere.
    """

    heading: str
    columns: list[Column]
    rows: list[tuple[bool, list[tuple[str, str]]]]
    n_rows: int
    blank: list[str]
    file: str = ""

    def brief(self) -> "Shown":
        """The same without the columns that are not shown first."""
        first = [column.first for column in self.columns]
        rows = [(mark, list(compress(cells, first))) for mark, cells in self.rows]
        return replace(self, columns=list(compress(self.columns, first)), rows=rows, blank=[])


def shown(
    table: pd.DataFrame, name: str = "", heading: str = "", file: str = "", most: int = MOST
) -> Shown:
    """How a table is shown.

    Parameters
    ----------
    table : DataFrame
    name : str
        Of the table, by which its first columns and its order are known.
    heading, file : str
        As of `Shown`.
    most : int
        Rows at most.
    """
    blank = [column for column in table if _blank(table[column])]
    rows = _ordered(name, table).drop(columns=blank)
    if set(blank) == set(table):  # of a table without rows the columns are shown
        rows, blank = table, []
    first = _first(name, rows)
    columns = [
        Column(column.replace("_", " "), column in first, column in first and _choice(column, rows))
        for column in rows
    ]
    kept = rows.head(most)
    untrained = [column for column in WHO if column in kept]
    marks = kept[untrained].map(control).any(axis=1) if untrained else [False] * len(kept)
    cells = [[cell(value) for value in row] for row in kept.itertuples(index=False, name=None)]
    body = list(zip(map(bool, marks), cells, strict=True))
    return Shown(heading, columns, body, len(table), [c.replace("_", " ") for c in blank], file)


def control(name: object) -> bool:
    """Whether a name is that of a network that has learned nothing."""
    text = str(name)
    return text == UNTRAINED or text.startswith(f"{UNTRAINED}: ") or PLUMBING in text


def cell(value: object) -> tuple[str, str]:
    """CSS class and text of a cell; autoescaping follows in the template. Bytes are an MP3."""
    if isinstance(value, bytes):
        return "sound", f"data:audio/mpeg;base64,{base64.b64encode(value).decode()}"
    if isinstance(value, float):
        return "number", "" if pd.isna(value) else f"{value:.4g}"
    if isinstance(value, int) and not isinstance(value, bool):
        return "number", f"{value:d}"
    text = "" if value is None else str(value)
    return (text if text in VERDICTS else "long" if len(text) > LONG else "", text)


def _blank(column: pd.Series) -> bool:
    return bool((column.isna() | column.eq("")).all())


def _ordered(name: str, table: pd.DataFrame) -> pd.DataFrame:
    """Verdicts by the smallest p-value of what has learned something; all else as it stands."""
    if name != "outputs":
        return table
    p = [column for column in table if column.startswith("p_") and column != f"p_{UNTRAINED}"]
    return table.iloc[table[p].min(axis=1).argsort(kind="stable")]


def _first(name: str, table: pd.DataFrame) -> set[str]:
    """Columns that are shown first: a generator that is the only one says nothing."""
    wanted = [column for column in SHORT.get(name, "").split() if column in table]
    wanted = wanted or list(table)[:FIRST]
    several = "generator" in table and table.generator.nunique() > 1
    return set(wanted) | ({"generator"} if several else set())


def _choice(column: str, table: pd.DataFrame) -> bool:
    """Whether one can choose among its values: few words, that come more than once each."""
    values = table[column]
    if values.dtype.kind in "fi" and column not in ("k", "fdr"):
        return False
    texts = values.dropna().map(str)
    count = texts.nunique()
    return 1 < count <= FEW and count < len(texts) and texts.str.len().max() <= LONG


def with_control(tables: Iterable[Shown]) -> bool:
    """Whether some of the tables have rows of the untrained control, so that a page explains it."""
    return any(mark for table in tables for mark, _ in table.rows)
