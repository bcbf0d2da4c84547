"""Figures of how unevenly matches fall: over songs, and on hubs."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from musical_roots.figures.looks import (
    CONTROL,
    HELD_OUT,
    TRAIN,
    headline,
    legend,
    look,
    mark_control,
    panel_title,
    short,
    span,
    trained,
)

NULLS = {  # source, index
    ("outputs", "train_equal"): ("outputs in the training set", TRAIN, "-"),
    ("outputs", "control"): ("outputs in the control index", CONTROL, "--"),
    ("control", "train_equal"): ("control music in the training set", HELD_OUT, ":"),
}
QUERIES = {"train": "training clips", "outputs": "outputs", "control": "control music"}
CORRECTIONS = {"csls": "CSLS"}


def concentration(table: pd.DataFrame) -> Figure:
    """Lorenz curves of matches over clips, songs and artists, beside two nulls."""
    encoders = list(dict.fromkeys(table.encoder))
    granularities = list(dict.fromkeys(table.granularity))
    size = (2.4 * len(encoders) + 0.6, 2.2 * len(granularities) + 1.2)
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(
        len(granularities), len(encoders), squeeze=False, sharex=True, sharey=True
    )
    gini = {}
    for granularity, row in zip(granularities, axes, strict=True):
        for encoder, axis in zip(encoders, row, strict=True):
            axis.plot([0, 1], [0, 1], color="0.3", lw=0.8, ls=":")
            mine = table[(table.encoder == encoder) & (table.granularity == granularity)]
            for place, (key, (label, color, style)) in enumerate(NULLS.items()):
                part = mine[(mine[["source", "index"]] == key).all(axis=1)]
                axis.plot(part["items"], part.matches, color=color, ls=style, label=label)
                found = 1 - 2 * np.trapezoid(part.matches, part["items"])
                gini[key, granularity, encoder] = found
                axis.text(0.04, 0.92 - 0.11 * place, f"Gini {found:.2f}", color=color, fontsize=7)
            axis.grid(alpha=0.25)
            mark_control(axis, encoder)
        row[0].set_ylabel(f"share of matches, by {granularity}")
    for encoder, top, bottom in zip(encoders, axes[0], axes[-1], strict=True):
        top.set_title(panel_title(encoder), fontsize=9)
        bottom.set_xlabel("share of them, least found first", fontsize=8)
    legend(figure, axes[0][0], min(3, len(encoders)))
    headline(figure, _over(gini, trained(encoders), granularities))
    return figure


def _over(gini: dict, encoders: list[str], granularities: list[str]) -> str:
    of = "song" if "song" in granularities else granularities[0]
    ours, other, music = (
        span(pd.Series([gini[key, of, encoder] for encoder in encoders]), "{:.2f}") for key in NULLS
    )
    return (
        f"How unevenly matches fall on {of}s (Gini, 0 is even): outputs {ours}, outputs among "
        f"control music {other}, control music {music}"
    )


def hubness(table: pd.DataFrame) -> Figure:
    """Skewness of the k-occurrence, as it is and after three corrections."""
    asked = list(dict.fromkeys(table["queries"]))
    corrections = list(dict.fromkeys(table.correction))
    encoders = list(dict.fromkeys(table.encoder))
    figure = Figure(figsize=(3.4 * len(asked), 3.8), layout="constrained")
    axes = np.atleast_1d(figure.subplots(1, len(asked), sharey=True))
    for queries, axis in zip(asked, axes, strict=True):
        for encoder in encoders:
            part = table[(table["queries"] == queries) & (table.encoder == encoder)]
            part = part.set_index("correction").reindex(corrections)
            axis.plot(range(len(corrections)), part.skewness, **look(encoder))
        names = [CORRECTIONS.get(name, name).replace(" ", "\n") for name in corrections]
        axis.set_xticks(range(len(corrections)), names, fontsize=8)
        axis.set_title(f"{QUERIES[queries]} as queries", fontsize=9)
        axis.set_xlabel("correction of hubs", fontsize=8)
        axis.axhline(0, color="0.3", lw=0.8)
        axis.grid(alpha=0.25)
    axes[0].set_ylabel("skewness of how often a clip is found\n(0: no hubs)", fontsize=8)
    legend(figure, axes[0], 5)
    plain = table[table.correction == "none"]
    shown = plain[plain.encoder.isin(trained(encoders))]
    most = shown.loc[shown.skewness.idxmax()]
    told = f"A few clips are found by most {QUERIES[most['queries']]}: skewness up to "
    headline(figure, f"{told}{most.skewness:.1f} ({short(most.encoder)})")
    return figure
