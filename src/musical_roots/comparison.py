"""Tables of two runs, held against each other: what differs by more than a tolerance."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from musical_roots.errors import InputError
from musical_roots.tables import read_table


@dataclass(frozen=True)
class Difference:
    """What two tables of one name do not have in common.

    Attributes
    ----------
    cells : int
        Compared.
    differ : int
        Of them beyond the tolerance.
    worst : str
        Where the largest difference is, and what stands there in either table; "" for none.
    lacking : tuple of str
        Tables, columns and rows that one of the two lacks.
    """

    cells: int = 0
    differ: int = 0
    worst: str = ""
    lacking: tuple[str, ...] = ()

    @property
    def same(self) -> bool:
        """Whether nothing differs."""
        return not self.differ and not self.lacking

    def __str__(self) -> str:
        parts = list(self.lacking)
        if self.differ:
            parts.append(f"{self.differ} of {self.cells} cells differ, most: {self.worst}")
        return "; ".join(parts) or "same"


def folders(one: Path, other: Path, rtol: float, atol: float) -> dict[str, Difference]:
    """The tables of two runs, by name.

    Parameters
    ----------
    one, other : path
        Folders of results, or their folders ``tables``.
    rtol, atol : float
        Two numbers agree where they are no farther apart than ``atol + rtol * |other|``.

    Raises
    ------
    InputError
        If a folder holds no table.
    """
    there = [_tables(Path(folder)) for folder in (one, other)]
    found = {}
    for name in sorted(there[0] | there[1]):
        paths = [tables.get(name) for tables in there]
        if None in paths:
            found[name] = Difference(lacking=(f"only in {one if paths[0] else other}",))
        else:
            found[name] = tables(*map(read_table, paths), rtol, atol)
    return found


def _tables(folder: Path) -> dict[str, Path]:
    inner = folder / "tables"
    found = {path.stem: path for path in (inner if inner.is_dir() else folder).glob("*.csv")}
    if not found:
        raise InputError(f"{folder}: no tables are there; name a run's folder of results")
    return found


def tables(
    one: pd.DataFrame, other: pd.DataFrame, rtol: float, atol: float, by_column: dict | None = None
) -> Difference:
    """Two tables: rows are matched, and their cells compared.

    Rows are told apart by as few columns as do it, from the left, of text and of numbers that both
    tables have the same of, such as levels; where that is not enough, by their order.

    Parameters
    ----------
    one, other : DataFrame
    rtol, atol : float
        As of `folders`.
    by_column : dict, optional
        Column -> another `atol`.

    Returns
    -------
    Difference
    """
    lacking = [
        f"column {name} only in the {which}"
        for which, mine, its in (("first", one, other), ("second", other, one))
        for name in mine
        if name not in its
    ]
    columns = [name for name in one if name in other]
    texts = [name for name in columns if _is_text(one[name]) or _is_text(other[name])]
    one, other = (_plain(table[columns], texts) for table in (one, other))
    keys = _keys(one, other, texts)
    one, other = (_indexed(table, keys) for table in (one, other))
    for which, alone in (
        ("first", one.index.difference(other.index)),
        ("second", other.index.difference(one.index)),
    ):
        if len(alone):
            lacking.append(f"{len(alone)} rows only in the {which}, such as {_row(one, alone[0])}")
    both = one.index.intersection(other.index)
    one, other = one.loc[both], other.loc[both]
    allowed = dict.fromkeys(one, atol) | (by_column or {})
    return _cells(one, other, texts, rtol, allowed, tuple(lacking))


def _is_text(column: pd.Series) -> bool:
    return not pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column)


def _plain(table: pd.DataFrame, texts: list[str]) -> pd.DataFrame:
    """Texts as str, "" for none; all else as float64."""
    words = {name: table[name].astype(object).fillna("").astype(str) for name in texts}
    rest = {name: table[name].astype(float) for name in table if name not in texts}
    return pd.DataFrame(words | rest, index=table.index)[list(table)]


def _keys(one: pd.DataFrame, other: pd.DataFrame, texts: list[str]) -> list[str]:
    keys = []
    for name in one:
        if keys and not any(table.duplicated(keys).any() for table in (one, other)):
            break
        # what follows rounding is no key
        if name in texts or set(one[name].dropna()) == set(other[name].dropna()):
            keys.append(name)
    return keys


def _indexed(table: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """With the keys as its index, and the number of a row among those of equal keys."""
    turn = table.groupby(keys, dropna=False).cumcount() if keys else np.arange(len(table))
    index = pd.MultiIndex.from_frame(table[keys].assign(row=turn))
    return table.drop(columns=keys).set_axis(index)


def _cells(one, other, texts, rtol, atol, lacking) -> Difference:
    """Of two tables with the same rows and columns."""
    differ, worst, most = 0, "", -1.0
    for name in one:
        if name in texts:
            apart = np.where(one[name] == other[name], 0.0, np.inf)
            beyond = apart > 0
        else:
            apart = (one[name] - other[name]).abs().to_numpy()
            known = one[name].notna().to_numpy(), other[name].notna().to_numpy()
            apart = np.where(known[0] & known[1], apart, np.where(known[0] == known[1], 0, np.inf))
            beyond = apart > atol[name] + rtol * other[name].abs().fillna(0).to_numpy()
        differ += int(beyond.sum())
        if beyond.any() and apart[beyond].max() > most:
            row = int(np.argmax(np.where(beyond, apart, -1)))
            most = apart[row]
            cells = f"{one[name].iloc[row]} and {other[name].iloc[row]}"
            worst = f"{name} {cells} at {_row(one, one.index[row])}"
    return Difference(one.size, differ, worst, lacking)


def _row(table: pd.DataFrame, at: tuple) -> str:
    named = dict(zip(table.index.names, at, strict=True))
    if len(named) > 1 and not table.index.get_level_values("row").any():
        del named["row"]
    return ", ".join(f"{name} {value}" for name, value in named.items() if value != "")
