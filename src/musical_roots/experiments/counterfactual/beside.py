"""What lies beside a truth by retraining: taken by a study that the truth speaks of, or empty."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from musical_roots.tables import read_table

COLUMNS = {
    "dose": ["measure", "dose", "mean", "low", "high", "n_tracks", "n_networks", "rho", "p_trend"],
    "lengths": [
        *("steps", "batch", "train_loss", "control_loss", "gap"),
        *("setting", "own_track", "n_outputs"),
    ],
}


def taken(files: Mapping[str, Path | None], told: Mapping) -> dict[str, pd.DataFrame]:
    """The tables that lie beside a truth.

    Parameters
    ----------
    files : mapping
        Keys of `COLUMNS` -> where the table lies; None where there is none.
    told : mapping
        What was told of the truth when it was taken (`truth.taken`): `matches`.

    Returns
    -------
    dict of str to DataFrame
        By the keys of `files`; without rows where the table is not there, or the truth speaks of
        another study.

    Raises
    ------
    InputError
        If a table lacks a column.
    """
    return {
        name: read_table(path, COLUMNS[name])[COLUMNS[name]]
        if path and told["matches"]
        else pd.DataFrame(columns=COLUMNS[name])
        for name, path in files.items()
    }
