"""The committed reference tables, against those of another run: what moved beyond tolerance.

``reference/tolerances.yaml`` names the tables, the columns that are kept of them, and by how much a
number of each may differ. Where a run was made on another processor, cosines differ in the sixth
place, and a share or p-value by a clip that lies on an edge: tolerances are as wide as that.
"""

from pathlib import Path

import pandas as pd
import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from musical_roots import yaml_files
from musical_roots.comparison import Difference, tables
from musical_roots.errors import InputError
from musical_roots.tables import read_table, write_table

NAME = "tolerances.yaml"
DIGITS = 6  # significant ones that are kept


class Kept(BaseModel):
    """How a table is kept.

    Attributes
    ----------
    columns : list of str
        All, if none is named.
    drop : list of str
        Columns that are not kept.
    atol : dict
        Column -> how far apart two numbers may be; of others `Tolerances.atol`.
    """

    model_config = ConfigDict(extra="forbid")

    columns: list[str] = []
    drop: list[str] = []
    atol: dict[str, float] = {}


class Tolerances(BaseModel):
    """What is held against the reference, and how narrowly.

    Attributes
    ----------
    rtol, atol : float
        Two numbers agree where they are no farther apart than ``atol + rtol * |reference|``.
    columns : dict
        Column of any table -> its `atol`.
    tables : dict
        Table -> `Kept`.
    """

    model_config = ConfigDict(extra="forbid")

    rtol: float
    atol: float
    columns: dict[str, float]
    tables: dict[str, Kept]


def read(reference: Path) -> Tolerances:
    """The tolerances of a folder of reference tables.

    Raises
    ------
    InputError
        If they cannot be read.
    """
    path = reference / NAME
    try:
        return Tolerances.model_validate(yaml_files.load(path.read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError, ValidationError) as error:
        first = str(error).splitlines()[0]
        raise InputError(f"{path}: not readable as tolerances ({first}); mend it") from error


def keep(results: Path, reference: Path) -> list[str]:
    """Write a run's tables as the reference; their names.

    Raises
    ------
    InputError
        If the run lacks one.
    """
    asked = read(reference)
    for name, how in asked.tables.items():
        table = kept(read_table(results / "tables" / f"{name}.csv"), how)
        write_table(table, reference / f"{name}.csv")
    return list(asked.tables)


def kept(table: pd.DataFrame, how: Kept) -> pd.DataFrame:
    """Of a table what the reference keeps, its numbers cut to `DIGITS`."""
    table = table[how.columns or [name for name in table if name not in how.drop]]
    numbers = table.select_dtypes("float").map(lambda one: float(f"{one:.{DIGITS}g}"))
    return table.assign(**{name: numbers[name] for name in numbers})


def moved(results: Path, reference: Path) -> dict[str, Difference]:
    """Each reference table against the run's of its name.

    Parameters
    ----------
    results, reference : Path
        A run's folder; a folder of reference tables.

    Raises
    ------
    InputError
        If the reference cannot be read.
    """
    asked, found = read(reference), {}
    for name in asked.tables:
        made = results / "tables" / f"{name}.csv"
        if made.is_file():
            found[name] = held(read_table(made), read_table(reference / made.name), name, asked)
        else:
            found[name] = Difference(lacking=(f"only in {reference}",))
    return found


def held(made: pd.DataFrame, expected: pd.DataFrame, name: str, asked: Tolerances) -> Difference:
    """One table against its reference; columns that the reference lacks are no matter.

    Parameters
    ----------
    made, expected : DataFrame
        Of the run; of the reference.
    name : str
        Of the table.
    asked : Tolerances
    """
    here = made[[column for column in made if column in expected]]
    by_column = asked.columns | asked.tables[name].atol
    wide = {column: by_column[column] for column in expected if column in by_column}
    return tables(here, expected, asked.rtol, asked.atol, wide)


def told(found: dict[str, Difference]) -> list[str]:
    """A line a table that moved, and one of all."""
    lines = [f"moved: {name}: {one}" for name, one in found.items() if not one.same]
    alike = len(found) - len(lines)
    cells = sum(one.cells for one in found.values())
    return [*lines, f"{alike} of {len(found)} reference tables are as before ({cells} cells)"]
