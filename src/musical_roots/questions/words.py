"""Numbers of a table as words."""

import re

import pandas as pd

MARKS = re.compile(r"([\\`*_\[\]<>#|])")  # that mean something in Markdown
RAW = ("mel", "mfcc")  # computed from the audio; nothing is learned
UNTRAINED = "random"


def share(value: float) -> str:
    """A share, as a percentage of three digits."""
    return f"{100 * value:.3g} %"


def spread(row: pd.Series, value: str, low: str, high: str) -> str:
    """A share with its interval."""
    return f"{share(row[value])} ({100 * row[low]:.3g} to {100 * row[high]:.3g})"


def listed(parts: list[str]) -> str:
    """Parts as a list within a sentence."""
    *first, last = parts
    return f"{', '.join(first)} and {last}" if first else last


def shares(values: pd.Series) -> str:
    """Shares by name, the largest first."""
    ordered = values.sort_values(ascending=False, kind="stable")
    return listed([f"{name} {share(value)}" for name, value in ordered.items()])


def plain(encoder: str) -> str:
    """An encoder's name without a remark on its weights."""
    return encoder.partition(" (")[0]


def kind(encoder: str) -> str:
    """What an encoder is: trained, raw, or untrained."""
    name = plain(encoder)
    return "raw" if name in RAW else "untrained" if name == UNTRAINED else "trained"


def quoted(text: str) -> str:
    """A title or name as it stands, in Markdown."""
    return MARKS.sub(r"\\\1", text)


def full(table: pd.DataFrame) -> pd.DataFrame:
    """Rows of the first generator: its smaller twin comes after it."""
    return table[table.generator == table.generator.iloc[0]] if len(table) else table
