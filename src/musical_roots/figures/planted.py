"""Figures of what Experiment C can find: planted copies, and the competition of two indexes."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import PercentFormatter

from musical_roots.figures.looks import (
    HELD_OUT,
    each,
    headline,
    legend,
    look,
    nothing,
    percent,
    short,
)
from musical_roots.figures.robustness import TITLES, grid, set_levels
from musical_roots.proportions import wilson

KINDS = ["pitch", "stretch", "noise", "mix", "codec", "mp3"]
CONFIDENCE = 0.95  # of Wilson's intervals here
SEARCHED = {  # prompt_track
    "included": "Outputs,\nall music searched",
    "excluded": "Outputs, without\nthe prompt's track",
    "artist_excluded": "Outputs, without\nthe prompt's artist",
}
COPIES, MUSIC = "Planted copies,\nwhich must be found", "Control music,\nwhich must not"


def planted(table: pd.DataFrame) -> Figure:
    """Share of planted copies with p <= .05, beside control clips that were perturbed alike."""
    kinds = [kind for kind in KINDS if kind in set(table.kind)] or KINDS[:1]
    encoders = list(dict.fromkeys(table.encoder))
    figure, axes = grid(kinds, encoders)
    for kind, row in zip(kinds, axes, strict=True):
        for encoder, axis in zip(encoders, row, strict=True):
            lines = table[(table.kind == kind) & (table.encoder == encoder)].sort_values("level")
            style = look(encoder) | {"label": None, "linestyle": "-"}
            low, high = ends(lines.power_at_05, lines.n_planted)
            axis.fill_between(lines.level, low, high, color=style["color"], alpha=0.2, lw=0)
            axis.plot(lines.level, lines.power_at_05, ms=3, lw=1.2, **style)
            axis.plot(lines.level, lines.perturbed_false_at_05, color=HELD_OUT, ls=":", lw=1.4)
            axis.axhline(0.05, color="0.3", lw=0.6)
            axis.set(ylim=(-0.04, 1.04))
            set_levels(axis, kind, lines.level)
    figure.supylabel("share with p <= .05", fontsize=8)
    handles = [
        Line2D([], [], color="0.2", marker="o", ms=3, label="planted copies, with interval"),
        Line2D([], [], color=HELD_OUT, ls=":", lw=1.4, label="control clips, changed alike"),
        Line2D([], [], color="0.3", lw=0.6, label="5 %, by chance"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=3, frameon=False, fontsize=8)
    found = each(table[table.kind.isin(kinds)].groupby("encoder", sort=False).power_at_05.mean())
    headline(figure, f"Planted copies with p <= .05, mean of all levels here: {found}")
    return figure


def competition(table: pd.DataFrame) -> Figure:
    """Share of outputs that are discoveries, by what is searched; beside it copies and controls."""
    rows = table[(table.prompts == "all") & (table.setting == "all")]
    if rows.empty:
        return nothing((8, 2.4), "No output competed: there are none, or too few control tracks.")
    views, rates = list(dict.fromkeys(rows.view)), sorted(rows.fdr.unique())
    tracks = [name for name in SEARCHED if name in set(rows.prompt_track)]
    checked = rows[rows.prompt_track == "artist_excluded"]
    figure = Figure(figsize=(2.2 * (len(tracks) + 2) + 0.6, 3.9), layout="constrained")
    axes = figure.subplots(1, len(tracks) + 2, sharey=True)
    panels = [(SEARCHED[name], rows[rows.prompt_track == name], "share") for name in tracks]
    panels += [(COPIES, checked, "planted_power"), (MUSIC, checked, "false_rate")]
    for (name, part, column), axis in zip(panels, axes, strict=True):
        part = part.assign(share=part.discoveries / part.n_outputs)
        for place, view in enumerate(views):
            mine = part[part.view == view].set_index("fdr").reindex(rates)
            at = np.arange(len(rates)) + 0.13 * (place - (len(views) - 1) / 2)
            style = look(view) | {"linestyle": "none"}
            if column == "false_rate":
                _draws(axis, at, mine, style)
            else:
                axis.plot(at, mine[column], ms=5, **style)
        axis.hlines(rates, *_steps(len(rates)), color="0.3", lw=0.8, ls=":")
        axis.set_xticks(range(len(rates)), [percent(rate) for rate in rates])
        axis.set(ylim=(-0.03, 1.03))
        axis.set_title(name, fontsize=8)
        axis.set_xlabel("false share asked for", fontsize=8)
        axis.grid(alpha=0.25, axis="y")
    axes[0].yaxis.set_major_formatter(PercentFormatter(1, 0))
    axes[0].set_ylabel("share found")
    axes[-1].set_ylabel("draws in which anything is found", fontsize=8)
    axes[-1].set_facecolor("0.95")
    legend(figure, axes[0], min(5, len(views)))
    headline(figure, _competed(rows, rates))
    return figure


def _draws(axis, at: np.ndarray, mine: pd.DataFrame, style: dict) -> None:
    bars = [mine.false_rate - mine.false_rate_low, mine.false_rate_high - mine.false_rate]
    axis.errorbar(at, mine.false_rate, np.clip(bars, 0, None), ms=5, capsize=2, lw=1, **style)


def _steps(count: int) -> tuple[np.ndarray, np.ndarray]:
    return np.arange(count) - 0.4, np.arange(count) + 0.4


def _competed(rows: pd.DataFrame, rates: list[float]) -> str:
    """Who finds most at the middle rate, of outputs and of copies, without the prompt's artist."""
    rate = rates[len(rates) // 2]
    part = rows[(rows.fdr == rate) & (rows.prompt_track == "artist_excluded")]
    part = part if len(part) else rows[rows.fdr == rate]
    most = part.loc[part.discoveries.idxmax()]
    told = (
        f"At {percent(rate)} false, without the prompt's artist, at most {most.discoveries:.0f} of "
        f"{most.n_outputs:.0f} outputs are found"
    )
    told += f" ({short(most['view'])})" if most.discoveries else ""
    copies = part.set_index("view").planted_power.dropna()
    return told + (f"; of planted copies: {each(copies)}" if len(copies) else "")


def competition_planted(table: pd.DataFrame) -> Figure:
    """Share of planted copies that the competition finds, by how they were changed."""
    if table.empty:
        return nothing((8, 2.4), "No planted copies competed.")
    rates = sorted(table.fdr.unique())
    rate = rates[len(rates) // 2]
    part = table[table.fdr == rate]
    views = list(dict.fromkeys(part.view))
    kinds = list(part.groupby("kind").power.mean().sort_values().index)
    figure = Figure(figsize=(8, 0.34 * len(kinds) + 1.9), layout="constrained")
    axis = figure.subplots()
    for place, view in enumerate(views):
        mine = part[part["view"] == view].set_index("kind").reindex(kinds)
        low, high = ends(mine.power, mine.n_planted)
        bars = np.clip([mine.power - low, high - mine.power], 0, None)
        at = np.arange(len(kinds)) + 0.14 * (place - (len(views) - 1) / 2)
        style = look(view) | {"linestyle": "none"}
        axis.errorbar(mine.power, at, xerr=bars, ms=4, lw=1, **style)
    for place in range(len(kinds)):
        if place % 2:
            axis.axhspan(place - 0.5, place + 0.5, color="0.95", lw=0, zorder=0)
    axis.set_yticks(range(len(kinds)), [_kind(kind) for kind in kinds])
    axis.set(xlim=(-0.02, 1.02), ylim=(-0.6, len(kinds) - 0.4))
    axis.xaxis.set_major_formatter(PercentFormatter(1, 0))
    axis.set_xlabel(f"share of planted copies found, at {percent(rate)} false, all levels")
    axis.grid(alpha=0.25, axis="x")
    legend(figure, axis, min(5, len(views)))
    means = part.groupby("view", sort=False).power.mean()
    headline(figure, f"What the competition can find, mean of kinds: {each(means)}")
    return figure


def _kind(kind: str) -> str:
    return TITLES.get(kind, (kind,))[0].replace("\n", " ").replace("%", " %")


def ends(share: pd.Series, count: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Wilson's interval of shares of so many; NaN where nothing is known."""
    found = [
        wilson(one * n, n, CONFIDENCE) if one == one and n == n else (np.nan, np.nan)
        for one, n in zip(share, count, strict=True)
    ]
    low, high = np.array(found, float).reshape(-1, 2).T
    return low, high
