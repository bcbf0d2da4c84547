"""What things look like, in every figure: one colour an encoder, another family for sources.

Encoders have Okabe and Ito's palette. Sources of music (train, control, held-out) have colours that
no encoder has, by Tol's muted scheme. What is neither, ways to count or numbers in an order, has
shades of cividis, from dark to light. All are told apart without red, green or blue cones
(tests/unit/test_looks.py), and markers or dashes repeat the distinction.
"""

import textwrap
from collections.abc import Mapping
from zlib import crc32

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure

LOOKS = {
    "musicnn": {"color": "#0072B2", "marker": "o"},
    "mfcc": {"color": "#E69F00", "marker": "s"},
    "mel": {"color": "#009E73", "marker": "^"},
    "aisfx": {"color": "#000000", "marker": "*"},
    "aisfx_8k": {"color": "#000000", "marker": "2", "linestyle": "--"},
    "random": {"color": "#7F7F7F", "marker": "x", "linestyle": "--"},
    "clap": {"color": "#D55E00", "marker": "D"},
    "clap_music": {"color": "#D55E00", "marker": "d", "linestyle": "--"},
    "laion_clap": {"color": "#D55E00", "marker": "+", "linestyle": ":"},
    "clmr": {"color": "#CC79A7", "marker": "v"},
    "clmr_1550": {"color": "#CC79A7", "marker": "1", "linestyle": "--"},
    "clmr_open": {"color": "#56B4E9", "marker": "P"},
    # views by the generator's tokens stand among encoders
    "token_share": {"color": "#117733", "marker": "p"},
    "ngram_overlap": {"color": "#117733", "marker": "h", "linestyle": "--"},
}
# of encoders that are not ours to know, by their names
OTHERS = [("#AA4499", "X"), ("#6699CC", "<"), ("#B0B0B0", ">")]
NAMES = {
    "random": "random (untrained musicnn)",
    "mfcc": "MFCC",
    "aisfx_8k": "aisfx, up to 8 kHz",
    "clap": "CLAP",
    "clap_music": "CLAP, music",
    "laion_clap": "CLAP by laion-clap",
    "clmr": "CLMR",
    "clmr_1550": "CLMR, 1550 epochs",
    "clmr_open": "CLMR of ours",
    "token_share": "token share",
    "ngram_overlap": "n-gram overlap",
}
UNTRAINED = "random"
TRAIN, CONTROL, HELD_OUT, UNKNOWN = "#332288", "#999933", "#882255", "#663300"
NEUTRAL = "0.45"  # what is neither encoder nor source, alone
INTERVAL = {"capsize": 2, "ms": 4, "lw": 1}
CHARACTERS_AN_INCH = 12  # of a headline


def look(encoder: str) -> dict:
    """Label and style of an encoder's line; a remark in its label, as on its weights, stays."""
    name, bracket, remark = encoder.partition(" (")
    color, marker = OTHERS[crc32(name.encode()) % len(OTHERS)]
    style = LOOKS.get(name, {"color": color, "marker": marker})
    return {"label": NAMES.get(name, name) + bracket + remark, **style}


def title(encoder: str) -> str:
    """What an encoder's panel is called."""
    return look(encoder)["label"]


def panel_title(encoder: str) -> str:
    """The same in lines, and the untrained network is called the control that it is."""
    told = title(encoder).replace(" (", "\n(")
    return f"{told}\ncontrol" if is_control(encoder) else told


def short(encoder: str) -> str:
    """What an encoder is called in a sentence; a remark, as on its weights, stays."""
    return "the untrained control" if is_control(encoder) else title(encoder)


def is_control(encoder: str) -> bool:
    """Whether it is the untrained network."""
    return encoder.partition(" (")[0] == UNTRAINED


def mark_control(axis: Axes, encoder: str) -> None:
    """A panel of the untrained network is on grey."""
    if is_control(encoder):
        axis.set_facecolor("0.95")


def tint(color: str, strength: float) -> str:
    """A colour, mixed with white: 1 is the colour itself."""
    return to_hex(strength * np.array(to_rgb(color)) + 1 - strength)


def shades(count: int) -> list[str]:
    """Colours from dark to light for what has an order, or is neither encoder nor source."""
    places = np.linspace(0, 0.82, count) if count > 1 else [0.0]
    return [to_hex(matplotlib.colormaps["cividis"](place)) for place in places]


def headline(figure: Figure, told: str, **look_of) -> None:
    """What is seen, above a figure, in lines that fit its width; lines of `told` stay apart."""
    width = int(CHARACTERS_AN_INCH * figure.get_figwidth())
    told = told.replace(" %", "\u00a0%")  # a number and its unit are on one line
    lines = [line for part in told.split("\n") for line in textwrap.wrap(part, width)]
    figure.suptitle("\n".join(lines), **{"fontsize": 10, "fontweight": "bold"} | look_of)


def add_line(figure: Figure, told: str) -> None:
    """A line below the headline, as it is."""
    above = figure.get_suptitle()
    if not above:
        figure.suptitle(told, fontsize=10)
    for text in figure.texts:  # a second suptitle would lose the looks of the first
        if above and text.get_text() == above:
            text.set_text(f"{above}\n{told}")


def percent(share: float) -> str:
    """A share in words."""
    return f"{100 * share:.0f} %"


def span(values: pd.Series, form: str = "{:.0%}") -> str:
    """The smallest to the largest of some numbers: "3 to 9 %"."""
    low, high = (form.format(value).replace("%", "") for value in (values.min(), values.max()))
    unit = " %" if "%" in form else ""
    return f"{low}{unit}" if low == high else f"{low} to {high}{unit}"


def each(values: Mapping[str, float] | pd.Series, form: str = "{:.0%}") -> str:
    """Numbers of encoders in words, the highest first: "musicnn 68 %, MFCC 45 %"."""
    ordered = sorted(values.items(), key=lambda item: -item[1])
    told = (f"{short(name)} {form.format(value).replace('%', ' %')}" for name, value in ordered)
    return ", ".join(told)


def trained(encoders: list[str]) -> list[str]:
    """Those that are not the untrained control; all, if nothing else is there."""
    return [encoder for encoder in encoders if not is_control(encoder)] or encoders


def legend(figure: Figure, axes, columns: int, size: float = 8) -> None:
    """One legend below, of what some panels name, each name once."""
    named = {}
    for axis in np.atleast_1d(axes).ravel():
        handles, labels = axis.get_legend_handles_labels()
        named |= dict(zip(labels, handles, strict=True))
    if named:
        figure.legend(
            named.values(),
            named.keys(),
            loc="outside lower center",
            ncols=columns,
            frameon=False,
            fontsize=size,
        )


def bars(axis: Axes, places, lines: pd.DataFrame, names: tuple[str, str, str], **look_of) -> None:
    """Points with intervals; `names` are the columns of the middle and the ends."""
    middle, low, high = (lines[name] for name in names)
    ends = np.clip([middle - low, high - middle], 0, None)
    axis.errorbar(places, middle, ends, **INTERVAL | look_of)


def nothing(size: tuple[float, float], told: str) -> Figure:
    """A figure that is a sentence."""
    figure = Figure(figsize=size, layout="constrained")
    width = int(CHARACTERS_AN_INCH * size[0])
    figure.text(0.5, 0.5, textwrap.fill(told, width), ha="center", va="center")
    return figure
