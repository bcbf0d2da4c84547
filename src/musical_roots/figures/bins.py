"""The figure of the paper's bins: a panel an encoder."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from musical_roots.figures.looks import look, title

COLUMNS = 3
RANDOM, BIN, PAPER = "0.55", "#F0E442", "#D55E00"
ROOM = 1.22  # above the highest step, for the numbers of the bins


def bins(table: pd.DataFrame) -> Figure:
    """How the cosines of the nearest and of random pairs lie, and the bins among them."""
    encoders = list(dict.fromkeys(table.encoder))
    columns = min(COLUMNS, len(encoders))
    rows = -(-len(encoders) // columns)
    figure = Figure(figsize=(3.3 * columns + 0.4, 2.3 * rows + 0.8), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    there = table[table.share.isna() | (table.share > 0)]
    limits = there.low.min() - 0.05, max(1.0, there.high.max()) + 0.05
    for axis, encoder in zip(axes, encoders, strict=False):
        _panel(axis, table[table.encoder == encoder])
        axis.set(title=title(encoder), xlim=limits)
    for axis in axes[len(encoders) :]:
        axis.set_axis_off()
    for axis in axes[: len(encoders) : columns]:
        axis.set_ylabel("share, in steps of .02")
    for axis in axes[max(0, len(encoders) - columns) : len(encoders)]:
        axis.set_xlabel("cosine")
    handles = [
        Line2D([], [], color="0.1", label="nearest clips"),
        Line2D([], [], color=RANDOM, ls="--", label="random pairs"),
        Patch(color=BIN, alpha=0.6, label="bins 1 to 4"),
    ]
    if table.of.str.startswith("paper_").any():
        handles.append(Line2D([], [], color=PAPER, ls=":", label="the paper's centres"))
    figure.legend(handles=handles, loc="outside lower center", ncols=4, frameon=False)
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
    for row in table[table.of.str.startswith("bin_")].itertuples():
        axis.axvspan(row.low, row.high, color=BIN, alpha=0.6, lw=0, zorder=0)
        centre = (row.low + row.high) / 2
        axis.text(centre, 0.985 * top, row.of[-1], ha="center", va="top", fontsize=8)
    for row in table[table.of.str.startswith("paper_")].itertuples():
        axis.axvline((row.low + row.high) / 2, color=PAPER, ls=":", lw=1.2)
    axis.axvline(1, color="0.3", lw=0.8)  # no cosine is beyond
    axis.set_ylim(0, top)
