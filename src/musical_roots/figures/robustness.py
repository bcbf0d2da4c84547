"""Figures of Experiment B: a panel a kind of perturbation, a line an encoder."""

from collections.abc import Callable

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from musical_roots.figures.looks import look

PAPER_KINDS = ["pitch", "stretch", "noise", "mashup"]
TITLES = {
    "pitch": ("Pitch shift", "semitones"),
    "stretch": ("Time stretch", "tempo change, %"),
    "noise": ("White noise", "SNR, dB"),
    "mashup": ("Mash-up with another track", "clip over the other, dB"),
    "mp3": ("MP3 round trip", "bit rate, kbit/s"),
    "opus": ("Opus round trip", "bit rate, kbit/s"),
    "lowpass": ("Low-pass", "cut-off, Hz"),
    "reverb": ("Reverberation", "RT60, s"),
    "gain": ("Gain with clipping", "dB"),
    "crop": ("Shifted clip grid", "s"),
    "codec": ("Generator's codec, round trip", "codebooks"),
}
LOGARITHMIC = {"mp3", "opus", "lowpass"}
OTHER = "a random clip of another track"


def robustness(table: pd.DataFrame) -> Figure:
    """The paper's four perturbations: mean cosine to the original, 95 % band, floor dotted."""
    return panels(table, PAPER_KINDS, _cosine, "cosine to the original", OTHER)


def robustness_extended(table: pd.DataFrame) -> Figure:
    """The same for the perturbations that the paper lacks."""
    return panels(table, _extended(table), _cosine, "cosine to the original", OTHER)


def robustness_recall(table: pd.DataFrame) -> Figure:
    """Every perturbation: share of perturbed clips whose original is the first match."""
    return panels(table, PAPER_KINDS + _extended(table), _recall, "recall@1 of the original")


def _extended(table: pd.DataFrame) -> list[str]:
    return [kind for kind in TITLES if kind not in PAPER_KINDS and kind in set(table.kind)]


def panels(
    table: pd.DataFrame,
    kinds: list[str],
    plot: Callable[[Axes, str, pd.DataFrame], None],
    ylabel: str,
    dotted: str = "",
) -> Figure:
    """A panel a kind, a line an encoder, one legend below; it says what dotted lines are."""
    kinds = [kind for kind in kinds if kind in set(table.kind)]
    columns = 2 if len(kinds) <= 4 else 3 if len(kinds) <= 6 else 4
    rows = max(1, -(-len(kinds) // columns))
    figure = Figure(figsize=(3.6 * columns, 2.7 * rows + 0.5), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False, sharey=True).ravel()
    for axis, kind in zip(axes, kinds, strict=False):
        title, unit = TITLES[kind]
        axis.set(title=title, xlabel=unit)
        if kind in LOGARITHMIC:
            axis.set_xscale("log", base=2)
        part = table[table.kind == kind]
        for encoder, lines in part.groupby("encoder", sort=False):
            plot(axis, encoder, lines.sort_values("level"))
        if kind in LOGARITHMIC:
            levels = sorted(part.level.unique())
            axis.set_xticks(levels, [f"{level:g}" for level in levels])
            axis.minorticks_off()
        if kind == "pitch":
            axis.axvspan(-3, 3, color="0.92", zorder=0)
            axis.annotate("paper: tolerated [S]", (0, 0.02), xycoords=("data", "axes fraction"),
                          ha="center", fontsize=7, color="0.35")  # fmt: skip
        axis.grid(alpha=0.25)
    for axis in axes[len(kinds) :]:
        axis.set_axis_off()
    for axis in axes[: len(kinds) : columns]:
        axis.set_ylabel(ylabel)
    handles, labels = axes[0].get_legend_handles_labels()
    if dotted:
        handles.append(Line2D([], [], color="0.3", ls=":", lw=1))
        labels.append(dotted)
    figure.legend(
        handles,
        labels,
        loc="outside lower center",
        ncols=3 if columns == 2 else min(len(labels), 5),
        frameon=False,
    )
    return figure


def _cosine(axis: Axes, encoder: str, lines: pd.DataFrame) -> None:
    axis.plot(lines.level, lines.cosine_mean, ms=3.5, **look(encoder))
    color = axis.lines[-1].get_color()
    axis.fill_between(
        lines.level, lines.cosine_low, lines.cosine_high, color=color, alpha=0.18, lw=0
    )
    axis.plot(lines.level, lines.cosine_floor, color=color, ls=":", lw=1)


def _recall(axis: Axes, encoder: str, lines: pd.DataFrame) -> None:
    axis.plot(lines.level, lines.recall_at_1, ms=3.5, **look(encoder))
    axis.set_ylim(-0.03, 1.03)
