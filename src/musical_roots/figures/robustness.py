"""Figures of Experiment B: the paper's figure 1, and what the paper lacks."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from musical_roots.figures.looks import (
    each,
    headline,
    is_control,
    look,
    mark_control,
    panel_title,
    tint,
)

# The rows of the paper's figure 1.
PAPER_KINDS = ["pitch", "stretch", "noise", "splice_training", "splice_outside", "splice_vamp"]
TITLES = {
    "pitch": ("Pitch shift", "semitones"),
    "stretch": ("Time stretch", "tempo change, %"),
    "noise": ("White noise", "noise over the clip, dB"),
    "splice_training": ("Splice of two\nclips searched", "% that is the target"),
    "splice_outside": ("Splice, other clip\nnot searched", "% that is the target"),
    "splice_vamp": ("Splice of prompt\nand its vamp", "% that is the prompt"),
    "splice_crossfade": ("Splice with a cross-fade", "% that is the target"),
    "mix": ("Mix with another track", "clip over the other, dB"),
    "mp3": ("MP3 round trip", "bit rate, kbit/s"),
    "opus": ("Opus round trip", "bit rate, kbit/s"),
    "lowpass": ("Low-pass", "cut-off, Hz"),
    "reverb": ("Reverberation", "RT60, s"),
    "gain": ("Gain with clipping", "dB"),
    "crop": ("Shifted clip grid", "shift, s"),
    "codec": ("Generator's codec,\nround trip", "codebooks"),
}
LOGARITHMIC = {"mp3", "opus", "lowpass"}
FIRST = {10: (0.35, "^"), 5: (0.6, "s"), 1: (1.0, "o")}  # strength of the encoder's colour, marker
# Encoders that are the paper's, as far as is known; any other is held against both from afar.
PAPERS = {"clap": "CLAP", "laion_clap": "CLAP", "clmr": "CLMR"}
AFAR = {"CLAP": (0, (5, 2)), "CLMR": (0, (1, 1.2))}
AFAR_COLOR = "0.4"
GENERATORS = ["-", (0, (1, 1)), (0, (3, 1, 1, 1)), (0, (5, 1, 1, 1, 1, 1))]
OTHER = "a random clip of another track"


def robustness(table: pd.DataFrame, paper: pd.DataFrame | None = None) -> Figure:
    """The paper's figure 1: share of queries whose unmodified clip is among the first 10, 5, 1.

    Parameters
    ----------
    table : DataFrame
        ``results/tables/robustness.csv``: a row of panels a kind of the paper's, a column an
        encoder.
    paper : DataFrame, optional
        ``config/paper/figure1.csv``. Dashed in the columns of the paper's encoders, all three k; in
        others, thin and grey, its first matches alone.
    """
    kinds = [kind for kind in PAPER_KINDS if kind in set(table.kind)] or PAPER_KINDS[:1]
    encoders = list(dict.fromkeys(table.encoder))
    figure, axes = grid(kinds, encoders)
    generators = list(dict.fromkeys(table.generator[table.kind == "splice_vamp"]))
    for kind, row in zip(kinds, axes, strict=True):
        for encoder, axis in zip(encoders, row, strict=True):
            if paper is not None:
                _paper(axis, encoder, paper[paper.kind == kind])
            mine = table[(table.kind == kind) & (table.encoder == encoder)]
            for generator, lines in mine.groupby("generator", sort=False):
                known = generators.index(generator) if generator in generators else 0
                style = GENERATORS[known % len(GENERATORS)]
                _first(axis, encoder, lines.sort_values("level"), style)
            axis.set(ylim=(-0.04, 1.04))
            axis.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 3, 5, 6, 10]))
    figure.supylabel("share of queries whose unmodified clip is among the first k", fontsize=8)
    shown = table[table.kind.isin(kinds)]
    mean = each(shown.groupby("encoder", sort=False).recall_at_1.mean())
    headline(figure, f"The unmodified clip comes first, mean of all levels here: {mean}")
    _legend_of_first(figure, encoders, generators, paper is not None)
    return figure


def grid(kinds: list[str], encoders: list[str]) -> tuple[Figure, np.ndarray]:
    """A row of panels a kind of perturbation, a column an encoder."""
    size = ((1.9 if len(encoders) > 3 else 2.6) * len(encoders) + 1.2, 1.65 * len(kinds) + 1.5)
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(len(kinds), len(encoders), squeeze=False, sharey=True)
    for kind, row in zip(kinds, axes, strict=True):
        for encoder, axis in zip(encoders, row, strict=True):
            axis.set_xlabel(TITLES[kind][1], fontsize=7)
            axis.tick_params(labelsize=7)
            axis.grid(alpha=0.25)
            mark_control(axis, encoder)
        row[0].set_ylabel(TITLES[kind][0], fontsize=8)
    for encoder, axis in zip(encoders, axes[0], strict=True):
        axis.set_title(panel_title(encoder), fontsize=8)
    return figure, axes


def _first(axis: Axes, encoder: str, lines: pd.DataFrame, style) -> None:
    for k, (strength, marker) in FIRST.items():
        color = tint(look(encoder)["color"], strength)
        share, low, high = (lines[f"recall_at_{k}{end}"] for end in ("", "_low", "_high"))
        axis.fill_between(lines.level, low, high, color=color, alpha=0.2, lw=0)
        axis.plot(lines.level, share, color=color, ls=style, marker=marker, ms=2.5, lw=1.1)


def _paper(axis: Axes, encoder: str, lines: pd.DataFrame) -> None:
    """The paper's curves: its own encoder's as ours but dashed; far from others, both in grey."""
    own = PAPERS.get(encoder)
    for (name, k), curve in lines.sort_values("level").groupby(["encoder", "k"]):
        if name == own:
            color = tint(look(encoder)["color"], FIRST[k][0])
            axis.plot(curve.level, curve.recall_percent / 100, color=color, ls="--", lw=0.9)
        elif own is None and k == 1:
            style = {"color": AFAR_COLOR, "ls": AFAR[name], "lw": 0.8}
            axis.plot(curve.level, curve.recall_percent / 100, **style)


def _legend_of_first(
    figure: Figure, encoders: list[str], generators: list[str], with_paper: bool
) -> None:
    handles = [
        Line2D([], [], color=tint("0.1", strength), marker=marker, ms=3,
               label=f"first {k}, with its interval")
        for k, (strength, marker) in FIRST.items()
    ]  # fmt: skip
    if with_paper and any(encoder in PAPERS for encoder in encoders):
        told = "the paper's, of this encoder (5M clips, its corpus)"
        handles.append(Line2D([], [], color="0.2", ls="--", lw=0.9, label=told))
    if with_paper and any(encoder not in PAPERS for encoder in encoders):
        for name, style in AFAR.items():
            told = f"paper: {name}, first 1 (5M clips, its corpus)"
            handles.append(Line2D([], [], color=AFAR_COLOR, ls=style, lw=0.9, label=told))
    if len(generators) > 1:
        for generator, style in zip(generators, GENERATORS, strict=False):
            handles.append(Line2D([], [], color="0.2", ls=style, label=f"vamps of {generator}"))
    figure.legend(handles=handles, loc="outside lower center", ncols=min(3, len(encoders)),
                  frameon=False, fontsize=8)  # fmt: skip


def robustness_extended(table: pd.DataFrame) -> Figure:
    """What the paper lacks: share of perturbed clips whose original is the first match."""
    hard = table[table.kind == "splice_training"]

    def plot(axis: Axes, encoder: str, lines: pd.DataFrame) -> None:
        _recall(axis, encoder, lines)
        if lines.kind.iloc[0] == "splice_crossfade":
            cut = hard[(hard.encoder == encoder) & hard.level.isin(lines.level)]
            cut = cut.sort_values("level")
            axis.plot(cut.level, cut.recall_at_1, color=axis.lines[-1].get_color(), ls=":", lw=1.2)

    kinds = _extended(table)
    dotted = "the same splice, cut hard" if "splice_crossfade" in kinds else ""
    figure = panels(table, kinds, plot, "share found first", dotted)
    mean = each(table[table.kind.isin(kinds)].groupby("encoder", sort=False).recall_at_1.mean())
    headline(figure, f"The original comes first, mean of all levels here: {mean}")
    return figure


def robustness_cosine(table: pd.DataFrame) -> Figure:
    """Every perturbation: mean cosine to the original, 95 % band, floor dotted.

    Of two kinds with the same audio the first is drawn; of splices with vamps, those of the first
    generator.
    """
    vamped = table[table.kind == "splice_vamp"].generator.unique()
    table = table[(table.kind != "splice_vamp") | (table.generator == (*vamped, "")[0])]
    kinds = [kind for kind in PAPER_KINDS if kind != "splice_outside"] + _extended(table)
    figure = panels(table, kinds, _cosine, "cosine to the original", OTHER)
    means = table.groupby("encoder", sort=False)[["cosine_mean", "cosine_floor"]].mean()
    above = each(means.cosine_mean - means.cosine_floor, "{:.2f}")
    headline(figure, f"Mean cosine to the original, above that to a random clip: {above}")
    return figure


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
    figure = Figure(figsize=(3.4 * columns, 2.6 * rows + 0.9), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False, sharey=True).ravel()
    for axis, kind in zip(axes, kinds, strict=False):
        name, unit = TITLES[kind]
        axis.set(title=name.replace("\n", " "), xlabel=unit)
        set_levels(axis, kind, table[table.kind == kind].level)
        for encoder, lines in table[table.kind == kind].groupby("encoder", sort=False):
            plot(axis, encoder, lines.sort_values("level"))
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
        fontsize=8,
    )
    return figure


def set_levels(axis: Axes, kind: str, levels: pd.Series) -> None:
    """Levels that double stand in equal steps, each with its number."""
    if kind in LOGARITHMIC:
        axis.set_xscale("log", base=2)
        ticks = sorted(levels.unique())
        axis.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axis.minorticks_off()


def _cosine(axis: Axes, encoder: str, lines: pd.DataFrame) -> None:
    axis.plot(lines.level, lines.cosine_mean, ms=3.5, **_thin(encoder))
    color = axis.lines[-1].get_color()
    band = lines.cosine_low, lines.cosine_high
    axis.fill_between(lines.level, *band, color=color, alpha=0.18, lw=0)
    axis.plot(lines.level, lines.cosine_floor, color=color, ls=":", lw=1)


def _recall(axis: Axes, encoder: str, lines: pd.DataFrame) -> None:
    axis.plot(lines.level, lines.recall_at_1, ms=3.5, **_thin(encoder))
    color = axis.lines[-1].get_color()
    band = lines.recall_at_1_low, lines.recall_at_1_high
    axis.fill_between(lines.level, *band, color=color, alpha=0.16, lw=0)
    axis.set_ylim(-0.03, 1.03)


def _thin(encoder: str) -> dict:
    """The untrained network in the background."""
    return look(encoder) | {"lw": 1.0 if is_control(encoder) else 1.4}
