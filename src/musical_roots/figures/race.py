"""The race of attribution methods against the truth by retraining."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from musical_roots.experiments.counterfactual import SECOND_SEED
from musical_roots.figures.looks import headline, legend, look, nothing, shades, title

KINDS = {
    "tokens": ("by the generator's own tokens", look("token_share")["color"]),
    "gradient": ("by gradients", shades(2)[0]),
    "embedding": ("by an encoder, in its colour", ""),
    "baseline": ("baseline that hears nothing", "0.35"),
    "control": ("negative control", "0.65"),
}
DESIGNS = {"tracks": ("o", -0.14), "artists": ("s", 0.2)}  # marker, place in the row
CEILINGS = ("--", ":")
NO_TRUTH = (
    "No truth by retraining speaks of these outputs, so no method can be tested here. It is made"
    " with: make counterfactual."
)


def race(table: pd.DataFrame) -> Figure:
    """LDS of every method with both intervals, by prompts; ceilings as lines across."""
    table = table[table.setting == "all"]
    if table.empty:
        return nothing((9, 2.4), NO_TRUTH)
    listed = _methods(table)
    figure = Figure(figsize=(9, 2.2 + 0.17 * max(4, len(listed))), layout="constrained")
    axes = figure.subplots(1, 2, sharey=True)
    for prompts, axis in zip(("train", "control"), axes, strict=True):
        mine = table[table.prompts == prompts]
        for design in DESIGNS:
            _points(axis, mine[mine.design == design], listed, design)
        ceilings = mine[(mine.kind == "ceiling") & (mine.design == "tracks")]
        for row, style in zip(ceilings.itertuples(), CEILINGS, strict=False):
            place, told = ceiling(row.method, row.lds)
            axis.axvline(place, color="0.1", ls=style, lw=1, label=f"ceiling: {told}")
        axis.axvline(0, color="0.3", lw=0.8)
        axis.set_title(f"outputs of {prompts} prompts", fontsize=9)
        axis.set_xlabel("LDS, a rank correlation (1: says all, 0: nothing)", fontsize=8)
        axis.grid(alpha=0.25, axis="x")
    named = [_name(*row) for row in listed.itertuples(index=False)]
    axes[0].set_yticks(range(len(listed)), named, fontsize=6)
    axes[0].set_ylim(len(listed) - 0.5, -0.5)
    _key(axes[0], set(table.design))
    legend(figure, axes, 3, 7)
    headline(figure, _best(table, listed))
    return figure


def _best(table: pd.DataFrame, listed: pd.DataFrame) -> str:
    """The method that tells most, of each kind that hears something."""
    rows = table[table.design == "tracks"].set_index(["method", "prompts"]).lds
    told = []
    for kind, how in (("tokens", "tokens"), ("gradient", "gradients"), ("embedding", "encoders")):
        names = listed.method[listed.kind == kind]
        if len(names):
            pair = [rows.get((names.iloc[0], prompts), np.nan) for prompts in ("train", "control")]
            told.append(f"{how} {pair[0]:.2f} and {pair[1]:.2f}")
    start = "How well the best of each kind tells influence (train, control prompts): "
    return start + ", ".join(told)


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
    for place, (method, kind) in enumerate(listed.itertuples(index=False)):
        row, at = rows.loc[method], place + offset
        label, color = KINDS[kind]
        color = color or look(_encoder(method))["color"]
        axis.hlines(at, row.low, row.high, color=color, lw=3, alpha=0.35)
        axis.hlines(at, row.low_models, row.high_models, color=color, lw=0.8)
        told = label if design == "tracks" else None
        face = color if design == "tracks" else "white"
        axis.plot(row.lds, at, marker, ms=3.5, color=color, mfc=face, ls="", label=told)


def _key(axis: Axes, designs: set[str]) -> None:
    """Entries of the legend for what markers and bars mean."""
    for design in DESIGNS if len(designs) > 1 else ():
        face = "0.3" if design == "tracks" else "white"
        told, marker = f"against halves of the {design}", DESIGNS[design][0]
        axis.plot([], [], marker, ms=3.5, color="0.3", mfc=face, ls="", label=told)
    axis.plot([], [], color="0.3", lw=3, alpha=0.35, label="interval over outputs")
    axis.plot([], [], color="0.3", lw=0.8, label="over halves; of controls, over draws")


def _encoder(method: str) -> str:
    """The encoder of a method by embeddings: "musicnn, coded index: max" is by musicnn."""
    return method.partition(": ")[0].partition(", ")[0]
