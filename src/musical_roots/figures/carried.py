"""What a picture was drawn from, carried in the picture: so it can be held against a run.

A PNG keeps the numbers of its table as compressed text, which viewers pass over. Pixels cannot be
compared between machines: fonts and their rasteriser differ.
"""

import io
from pathlib import Path

import pandas as pd
from PIL import Image
from PIL.PngImagePlugin import PngInfo

KEY, DIGITS = "musical-roots table", 4


def carry(table: pd.DataFrame, columns: list[str] | None = None) -> PngInfo:
    """Text of a PNG: the numbers of a table, to four digits.

    Parameters
    ----------
    table : DataFrame
    columns : list of str, optional
        Those that are drawn; all, if not given.
    """
    there = [name for name in columns or table.columns if name in table]
    text = table[there].round(DIGITS).to_csv(index=False, lineterminator="\n")
    info = PngInfo()
    info.add_itxt(KEY, text, zip=True)
    return info


def carried(path: Path) -> pd.DataFrame | None:
    """The numbers that a PNG was drawn from; None, if it carries none."""
    with Image.open(path) as picture:
        text = picture.text.get(KEY)
    return None if text is None else pd.read_csv(io.StringIO(text))
