"""The race of attribution methods against the truth by retraining."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from musical_roots.experiments.counterfactual.bounds import SECOND_SEED
from musical_roots.figures.looks import title

KINDS = {  # Okabe and Ito's palette
    "tokens": ("by the generator's own tokens", "#0072B2"),
    "gradient": ("by gradients", "#CC79A7"),
    "embedding": ("by an encoder", "#E69F00"),
    "baseline": ("baseline that hears nothing", "#000000"),
    "control": ("negative control", "#7F7F7F"),
}
DESIGNS = {"tracks": ("o", -0.14), "artists": ("s", 0.2)}  # marker, place in the row
CEILINGS = ("--", ":")


def race(table: pd.DataFrame) -> Figure:
    """LDS of every method with both intervals, by prompts; ceilings as lines across."""
    table = table[table.setting == "all"]
    listed = _methods(table)
    figure = Figure(figsize=(9, 1.6 + 0.17 * max(4, len(listed))), layout="constrained")
    if table.empty:
        figure.text(0.5, 0.5, "No truth by retraining speaks of these outputs.", ha="center")
        return figure
    axes = figure.subplots(1, 2, sharey=True)
    for prompts, axis in zip(("train", "control"), axes, strict=True):
        mine = table[table.prompts == prompts]
        for design in DESIGNS:
            _points(axis, mine[mine.design == design], listed, design)
        ceilings = mine[(mine.kind == "ceiling") & (mine.design == "tracks")]
        for row, style in zip(ceilings.itertuples(), CEILINGS, strict=False):
            place, told = ceiling(row.method, row.lds)
            axis.axvline(place, color="#D55E00", ls=style, lw=1, label=f"ceiling: {told}")
        axis.axvline(0, color="0.3", lw=0.8)
        axis.set(title=f"{prompts} prompts", xlabel="LDS")
        axis.grid(alpha=0.25, axis="x")
    named = [_name(*row) for row in listed.itertuples(index=False)]
    axes[0].set_yticks(range(len(listed)), named, fontsize=6)
    axes[0].set_ylim(len(listed) - 0.5, -0.5)
    _legend(figure, axes)
    return figure


def ceiling(method: str, lds: float) -> tuple[float, str]:
    """What can be reached by a ceiling's row, and what that is called.

    Of two seeds, which each have noise of their own, it is the square root of their correlation.
    """
    if method != SECOND_SEED:
        return lds, method
    return max(0.0, lds) ** 0.5, f"square root of {method}"


def _methods(table: pd.DataFrame) -> pd.DataFrame:
    """method, kind: from the best to the worst of each kind, in the order of `KINDS`."""
    rows = table[table.kind.isin(list(KINDS)) & (table.design == "tracks")]
    means = rows.groupby(["kind", "method"], sort=False).lds.mean().reset_index()
    order = means.kind.map(list(KINDS).index) if len(means) else means.kind
    means = means.assign(order=order).sort_values(["order", "lds"], ascending=[True, False])
    return means[["method", "kind"]].reset_index(drop=True)


def _name(method: str, kind: str) -> str:
    """What a method is called: an encoder as in every figure."""
    encoder, colon, how = method.partition(": ")
    name, comma, index = encoder.partition(", ")
    return title(name) + comma + index + colon + how if kind == "embedding" else method


def _points(axis: Axes, rows: pd.DataFrame, listed: pd.DataFrame, design: str) -> None:
    marker, offset = DESIGNS[design]
    rows = rows.set_index("method").reindex(listed.method)
    for kind, (label, color) in KINDS.items():
        mine = np.flatnonzero(listed.kind == kind)
        if not len(mine):
            continue
        part, places = rows.iloc[mine], mine + offset
        axis.hlines(places, part.low, part.high, color=color, lw=3, alpha=0.35)
        axis.hlines(places, part.low_models, part.high_models, color=color, lw=0.8)
        told = label if design == "tracks" else None
        face = color if design == "tracks" else "white"
        axis.plot(part.lds, places, marker, ms=3.5, color=color, mfc=face, ls="", label=told)


def _legend(figure: Figure, axes: np.ndarray) -> None:
    named = {}
    for axis in axes:
        handles, labels = axis.get_legend_handles_labels()
        named |= dict(zip(labels, handles, strict=True))
    figure.legend(
        named.values(), named.keys(), loc="outside lower center", ncols=3, frameon=False, fontsize=7
    )
