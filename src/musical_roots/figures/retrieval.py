"""The figure of retrieval: how often the nearest clip is of the same track."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from musical_roots.figures.looks import each, headline, look, panel_title


def retrieval(table: pd.DataFrame) -> Figure:
    """Share of clips whose nearest other clip is of their own track, with intervals and chance."""
    table = table.sort_values("recall_at_1", kind="stable")
    figure = Figure(figsize=(7, 0.42 * len(table) + 1.7), layout="constrained")
    axis = figure.subplots()
    for place, row in enumerate(table.itertuples()):
        bars = [
            [max(0, row.recall_at_1 - row.recall_low)],
            [max(0, row.recall_high - row.recall_at_1)],
        ]
        style = look(row.encoder) | {"linestyle": "none", "label": None}
        axis.errorbar([row.recall_at_1], [place], xerr=bars, ms=6, capsize=3, **style)
        axis.plot([row.chance] * 2, [place - 0.3, place + 0.3], color="0.3", lw=1, ls=":")
    names = [panel_title(name).replace("\ncontrol", ", control") for name in table.encoder]
    axis.set_yticks(range(len(table)), names, fontsize=8)
    axis.set(xlim=(-0.02, 1.02), ylim=(-0.6, len(table) - 0.4))
    axis.xaxis.set_major_formatter(PercentFormatter(1, 0))
    axis.set_xlabel("clips whose nearest other clip is of their own track (dotted: chance)")
    axis.grid(alpha=0.25, axis="x")
    told = each(table.set_index("encoder").recall_at_1.replace(np.nan, 0))
    headline(figure, f"How often the nearest clip is of the same track: {told}")
    return figure
