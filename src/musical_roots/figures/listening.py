"""Figures of Experiment A. Where nobody has answered, each says so above."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from musical_roots.figures.looks import (
    add_line,
    headline,
    legend,
    look,
    percent,
    shades,
    span,
    title,
)

ARMS = {"paper": "the paper's arm, by bins", "ours": "our arm, by ranks"}
METHODS = {
    "pooled": ("answers pooled (Wilson)", "s"),
    "clustered": ("two-way clustered, listener and X", "o"),
    "model": ("crossed random effects", "^"),
    "gap": ("slope with the gap: crossed effects, and of trials", "D"),
    "gap_without_trials": ("the same without an effect of trials", "v"),
}
PEOPLE = {
    "human_to_human": ("two listeners alike", "s"),
    "split_half_ceiling": ("listener and other half's majority", "^"),
    "encoder_to_human": ("listener and encoder", "o"),
    "self_agreement": ("listener, asked again", "D"),
}
SIMULATED = "SIMULATED: nobody has answered"
POOLED = "0.55"


def agreement(table: pd.DataFrame) -> Figure:
    """Share of answers that agree with the encoder, by bins and by ranks, with intervals."""
    shown = table[table.by.isin(["bins", "drawn"])]
    encoders, arms = list(dict.fromkeys(shown.encoder)), list(dict.fromkeys(shown.arm))
    rows = [shown[shown.arm == arm].group.nunique() for arm in arms] or [1]
    size = (2.6 * max(1, len(encoders)) + 1.4, 0.26 * sum(rows) + 1.2 * len(rows) + 0.8)
    figure = _figure(table, size)
    axes = figure.subplots(
        len(rows), max(1, len(encoders)), squeeze=False, sharex=True, height_ratios=rows
    )
    for arm, row in zip(arms, axes, strict=False):
        groups = list(dict.fromkeys(shown[shown.arm == arm].group))[::-1]
        for encoder, axis in zip(encoders, row, strict=True):
            mine = shown[(shown.arm == arm) & (shown.encoder == encoder)].set_index("group")
            mine, places = mine.reindex(groups), np.arange(len(groups))
            middle, color = 100 * mine.agreement, look(encoder)["color"]
            for low, high, offset, style in (
                ("wilson_low", "wilson_high", 0.14, {"color": POOLED, "marker": "s"}),
                ("low", "high", -0.14, {"color": color, "marker": "o"}),
            ):
                bars = np.clip([middle - 100 * mine[low], 100 * mine[high] - middle], 0, None)
                axis.errorbar(middle, places + offset, xerr=bars, ls="", ms=3.5, lw=1, **style)
            axis.axvline(50, color="0.3", lw=0.8, ls=":")
            axis.set(xlim=(0, 102), ylim=(-0.6, len(groups) - 0.4))
            axis.set_title(title(encoder), fontsize=9)
            names = [_words(group) for group in groups] if axis is row[0] else []
            axis.set_yticks(places, names, fontsize=8)
            axis.grid(alpha=0.25, axis="x")
        row[0].set_ylabel(ARMS.get(arm, arm))
    for axis in axes[-1]:
        axis.set_xlabel("chose the nearer clip, %")
    handles = [
        Line2D([], [], color=POOLED, marker="s", ms=4, label="pooled (Wilson)"),
        Line2D([], [], color="0.1", marker="o", ms=4, label="clustered: listener and X"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=2, frameon=False, fontsize=8)
    if len(shown):
        clear = (shown.low > 0.5).sum()
        add_line(figure, f"told from chance in {clear} of {len(shown)} cells, clustered")
    return figure


def curves(table: pd.DataFrame) -> Figure:
    """Psychometric curves of agreement against the gap of cosines, with bands and tenths."""
    shown = table[table.by == "gap"]
    encoders = list(dict.fromkeys(shown.encoder))
    arms = list(dict.fromkeys(shown.arm))
    figure = _figure(table, (2.6 * max(1, len(encoders)) + 0.8, 2.6 * max(1, len(arms)) + 0.4))
    axes = figure.subplots(
        max(1, len(arms)), max(1, len(encoders)), squeeze=False, sharey=True, sharex="col"
    )
    for arm, row in zip(arms, axes, strict=False):
        for encoder, axis in zip(encoders, row, strict=True):
            mine = shown[(shown.arm == arm) & (shown.encoder == encoder)]
            curve, points = mine[mine.what == "curve"], mine[mine.what == "answers"]
            style = look(encoder)
            axis.fill_between(
                curve["at"], curve.low, curve.high, color=style["color"], alpha=0.18, lw=0
            )
            axis.plot(curve["at"], curve.agreement, color=style["color"], lw=1.3)
            bars = [points.agreement - points.low, points.high - points.agreement]
            bars = np.clip(bars, 0, None)
            axis.errorbar(points["at"], points.agreement, bars, fmt="k.", ms=4, lw=0.8)
            axis.axhline(0.75, color="0.3", lw=0.8, ls=":")
            axis.set(ylim=(0, 1.02), title=title(encoder))
            axis.grid(alpha=0.25)
        row[0].set_ylabel(f"agreement\n{ARMS.get(arm, arm)}")
    for axis in axes[-1]:
        axis.set_xlabel("gap of cosines")
    points = shown[shown.what == "answers"].sort_values("at", kind="stable")
    if len(points):
        by = points.groupby(["arm", "encoder"], sort=False).agreement
        told = (
            f"agreement {span(by.first())} at the smallest gaps, {span(by.last())} at the largest"
        )
        add_line(figure, told)
    return figure


def people(table: pd.DataFrame) -> Figure:
    """How far people agree with each other, and encoders with people."""
    arms, encoders = list(dict.fromkeys(table.arm)), list(dict.fromkeys(table.encoder))
    figure = _figure(table, (1 + 3.6 * max(1, len(arms)), 0.5 * len(encoders) + 2))
    axes = figure.subplots(1, max(1, len(arms)), squeeze=False, sharey=True)[0]
    for arm, axis in zip(arms, axes, strict=False):
        for offset, (measure, (label, marker)) in enumerate(PEOPLE.items()):
            color = shades(len(PEOPLE))[offset]
            mine = table[(table.arm == arm) & (table.measure == measure)].set_index("encoder")
            mine = mine.reindex(encoders)
            bars = np.clip([mine.value - mine.low, mine.high - mine.value], 0, None)
            places = np.arange(len(encoders)) + 0.17 * (offset - 1.5)
            look_of = {"fmt": marker, "color": color, "label": label, "ms": 4, "lw": 1}
            axis.errorbar(mine.value, places, xerr=bars, **look_of)
        axis.axvline(0.5, color="0.3", lw=0.8, ls=":")
        axis.set(xlabel="share of answers that are alike")
        axis.set_title(ARMS.get(arm, arm), fontsize=9)
        axis.set_yticks(range(len(encoders)), [title(encoder) for encoder in encoders])
        axis.grid(alpha=0.25, axis="x")
    legend(figure, axes, 2)
    own = table[table.measure == "encoder_to_human"].value
    others = table[table.measure == "human_to_human"].value
    if len(own) and len(others):
        add_line(figure, f"alike with an encoder: {span(own)}; two listeners: {span(others)}")
    return figure


def power(table: pd.DataFrame) -> Figure:
    """How often an agreement is told from chance, by X's, listeners and answers."""
    part = table[table.method == "model"]
    answers, listeners = sorted(part.answers_each.unique()), sorted(part.listeners.unique())
    size = (2.8 * len(answers) + 0.6, 5.4)
    figure = _figure(table, size, "SIMULATED listeners: power and width of the crossed model")
    axes = figure.subplots(2, len(answers), squeeze=False, sharex=True, sharey="row")
    for each, (top, bottom) in zip(answers, axes.T, strict=True):
        for place, count in enumerate(listeners):
            mine = part[(part.answers_each == each) & (part.listeners == count)]
            mine = mine.sort_values("x_clips")
            style = {"color": shades(len(listeners))[place], "marker": "os^Dv*"[place % 6], "ms": 4}
            top.plot(mine.x_clips, mine.told_from_chance, label=f"{count} listeners", **style)
            low, high = mine.told_from_chance_low, mine.told_from_chance_high
            top.fill_between(mine.x_clips, low, high, color=style["color"], alpha=0.12, lw=0)
            bottom.plot(mine.x_clips, mine.half_width, **style)
        top.axhline(0.8, color="0.3", lw=0.8, ls=":")
        top.set(title=f"{each} answers each, one encoder", ylim=(0, 1.03))
        bottom.set(xlabel="number of X's", ylim=(0, None))
        bottom.set_xscale("log", base=2)
        bottom.set_xticks(ticks := sorted(part.x_clips.unique()), [f"{tick:g}" for tick in ticks])
        for axis in (top, bottom):
            axis.grid(alpha=0.25)
            axis.minorticks_off()
    true = 100 * part.agreement.iloc[0]
    axes[0][0].set_ylabel(f"power: {true:g} % agreement\ntold from chance")
    axes[1][0].set_ylabel("half width of the interval,\npercentage points")
    legend(figure, axes[0][0], 3)
    enough = part[part.told_from_chance >= 0.8].sort_values(["x_clips", "listeners"])
    told = "no design here tells it in four studies of five"
    if len(enough):
        few = enough.iloc[0]
        told = f"{true:g} % is told in four of five studies from {few.x_clips} X's, "
        told += f"{few.listeners} listeners and {few.answers_each} answers each on"
    add_line(figure, told)
    return figure


def coverage(table: pd.DataFrame) -> Figure:
    """False positives and coverage of ways to read answers, by design."""
    designs = list(dict.fromkeys(table.design))[::-1]
    figure = _figure(
        table, (8, 0.75 * len(designs) + 2.4), "SIMULATED listeners: ways to read their answers"
    )
    chance, confidence = table.agreement == 0.5, table.confidence.max()
    panels = (
        (
            "told_from_chance",
            table[chance],
            "false positives: nothing there, but told",
            1 - confidence,
        ),
        ("covered", table[~chance], "intervals that hold the truth", confidence),
    )
    axes = figure.subplots(1, 2, sharey=True)
    for (column, part, label, nominal), axis in zip(panels, axes, strict=True):
        for offset, (method, (name, marker)) in enumerate(METHODS.items()):
            color = shades(len(METHODS))[offset]
            mine = part[part.method == method].set_index("design").reindex(designs)
            low, high = mine[f"{column}_low"], mine[f"{column}_high"]
            bars = np.clip([mine[column] - low, high - mine[column]], 0, None)
            places = np.arange(len(designs)) + 0.15 * (2 - offset)
            look_of = {"fmt": marker, "color": color, "label": name, "ms": 4, "lw": 1}
            axis.errorbar(mine[column], places, xerr=bars, **look_of)
        axis.axvline(nominal, color="0.3", lw=0.8, ls=":")
        axis.set(xlim=(-0.02, 1.02), xlabel=label)
        axis.grid(alpha=0.25, axis="x")
    numbers = table.drop_duplicates("design").set_index("design")
    names = [
        f"{name}: {row.x_clips} X's,\n{row.listeners} listeners x {row.answers_each} answers"
        for name, row in ((name, numbers.loc[name]) for name in designs)
    ]
    axes[0].set_yticks(range(len(designs)), names, fontsize=8)
    legend(figure, axes[0], 2)
    wrong = table[chance].groupby("method").told_from_chance.max()
    told = [f"{METHODS[name][0]} up to {percent(wrong[name])}" for name in ("pooled", "model")]
    add_line(figure, f"chance taken for agreement: {'; '.join(told)}")
    return figure


def _figure(table: pd.DataFrame, size: tuple[float, float], told: str = "") -> Figure:
    """An empty figure that says above it who answered, where that was nobody."""
    simulated = "source" in table and (table.source != "people").any()
    told = told or (SIMULATED if simulated else "")
    width = max(size[0], 0.09 * len(told) + 0.4)  # whoever answered is never cut off
    figure = Figure(figsize=(width, size[1] + 0.3), layout="constrained")
    if told:
        headline(figure, told, color="#B00020")
    if table.empty:
        figure.text(0.5, 0.5, "No answers.", ha="center")
    return figure


def _words(group: str) -> str:
    told = group.replace("_", " ").replace(" : ", " or ")
    return f"bin {told}" if told[0].isdigit() else told
