"""The figure of the paper's bins: a panel an encoder."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from musical_roots.figures.looks import each, headline, look, mark_control, panel_title

COLUMNS = 3
RANDOM, BIN, PAPER = "0.45", "0.82", "0.1"
ROOM = 1.34  # above the highest step, for the numbers of the bins
TOUCHING = 0.09  # cosine between two of these


def bins(table: pd.DataFrame) -> Figure:
    """How the cosines of the nearest and of random pairs lie, and the bins among them."""
    encoders = list(dict.fromkeys(table.encoder))
    columns = min(COLUMNS, len(encoders))
    rows = -(-len(encoders) // columns)
    figure = Figure(figsize=(3.3 * columns + 0.4, 2.5 * rows + 1.2), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    there = table[table.share.isna() | (table.share > 0)]
    limits = there.low.min() - 0.05, max(1.0, there.high.max()) + 0.05
    for axis, encoder in zip(axes, encoders, strict=False):
        _panel(axis, table[table.encoder == encoder])
        axis.set(xlim=limits)
        axis.set_title(panel_title(encoder), fontsize=9)
        mark_control(axis, encoder)
    for axis in axes[len(encoders) :]:
        axis.set_axis_off()
    for axis in axes[: len(encoders) : columns]:
        axis.set_ylabel("share, in steps of .02")
    for axis in axes[max(0, len(encoders) - columns) : len(encoders)]:
        axis.set_xlabel("cosine")
    handles = [
        Line2D([], [], color="0.1", lw=1.4, label="nearest clips"),
        Line2D([], [], color=RANDOM, ls="--", label="random pairs"),
        Patch(color=BIN, label="bins 1 to 4"),
    ]
    if table.of.str.startswith("paper_").any():
        handles.append(Line2D([], [], color=PAPER, ls=":", label="the paper's centres"))
    figure.legend(handles=handles, loc="outside lower center", ncols=4, frameon=False)
    middles = table[table.of == "bin_3"].set_index("encoder")
    headline(
        figure,
        "Half of the nearest clips are nearer than a cosine of "
        + each((middles.low + middles.high) / 2, "{:.2f}"),
    )
    return figure


def _panel(axis: Axes, table: pd.DataFrame) -> None:
    lines = {
        "nearest": {"color": look(table.encoder.iloc[0]).get("color", "0.1"), "lw": 1.4},
        "random": {"color": RANDOM, "ls": "--", "lw": 1.2},
    }
    top = ROOM * table.share.max()
    for of, how in lines.items():
        part = table[table.of == of].sort_values("low")
        there = np.flatnonzero(part.share)
        part = part.iloc[there[0] : there[-1] + 1]
        edges = [*part.low, part.high.iloc[-1]]
        axis.stairs(part.share, edges, **how)
    below, last = 0, -np.inf
    rows = table[table.of.str.startswith("bin_")].sort_values("low")
    for row in rows.itertuples():
        axis.axvspan(row.low, row.high, color=BIN, lw=0, zorder=0)
        centre = (row.low + row.high) / 2
        # numbers of bins that all but touch stand below each other
        below = below + 1 if centre - last < TOUCHING else 0
        last = centre
        height = (0.985 - 0.09 * below) * top
        axis.text(centre, height, row.of[-1], ha="center", va="top", fontsize=8)
    for row in table[table.of.str.startswith("paper_")].itertuples():
        axis.axvline((row.low + row.high) / 2, color=PAPER, ls=":", lw=1.2)
    axis.axvline(1, color="0.3", lw=0.8)  # no cosine is beyond
    axis.set_ylim(0, top)
