"""Figures of networks that heard some tracks more often, and of longer training."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from musical_roots.figures.looks import (
    CONTROL,
    HELD_OUT,
    TRAIN,
    headline,
    legend,
    nothing,
    percent,
    shades,
)
from musical_roots.figures.planted import ends

# measure of dose.csv -> what it is called above its panel, and its axis
MEASURES = {
    "lift": ("Lift of its tokens in outputs", "times what its length gives"),
    "share": ("Token share of the track", "share of an output's frames"),
    "rank": ("Rank of its lift among train tracks", "rank, 1 is first"),
    "p": ("p of its lift among control tracks", "p-value"),
    "loss": ("Loss of its own tokens", "nats a token"),
}
CHANCE = {"lift": 1.0, "p": 0.5}  # where nothing is left
NO_DOSES = (
    "No network was trained with doses for outputs of this study, so nothing is known of dose and"
    " response here. It is made with: make counterfactual."
)
NO_LENGTHS = (
    "No network was trained for longer or shorter on this study's tracks. It is made with: make"
    " counterfactual."
)
SETTINGS = "so^Dv*"


def dose(table: pd.DataFrame) -> Figure:
    """What tracks that training heard more often leave in outputs, by measure, with trends."""
    if table.empty:
        return nothing((9, 2.4), NO_DOSES)
    there = [name for name in MEASURES if name in set(table.measure)]
    figure = Figure(figsize=(10.5, 6), layout="constrained")
    axes = figure.subplots(2, 3).ravel()
    for name, axis in zip(there, axes, strict=False):
        called, unit = MEASURES[name]
        mine = table[table.measure == name]
        _by_dose(axis, mine, TRAIN, "o", "tracks with that dose")
        if name == "lift":
            matched = table[table.measure == "matched_lift"]
            _by_dose(axis, matched, HELD_OUT, "s", "control tracks of the same length, no dose")
        if name in CHANCE:
            axis.axhline(CHANCE[name], color="0.3", lw=0.8, ls=":")
        first = mine.iloc[0]
        axis.set_title(f"{called}\nrho {first.rho:.2f}, p {_p(first.p_trend)}", fontsize=9)
        axis.set(ylabel=unit, xlabel="times in the training set")
        axis.grid(alpha=0.25)
        if name == "rank":
            axis.invert_yaxis()
    for axis in axes[len(there) :]:
        axis.set_axis_off()
    legend(figure, axes[0], 2)
    lift = table[table.measure == "lift"].sort_values("dose")
    headline(
        figure,
        f"From dose {lift.dose.iloc[0]:.0f} to {lift.dose.iloc[-1]:.0f} the lift of a track goes "
        f"from {lift['mean'].iloc[0]:.2f} to {lift['mean'].iloc[-1]:.2f} "
        f"(trend: rho {lift.rho.iloc[0]:.2f}, p {_p(lift.p_trend.iloc[0])})",
    )
    return figure


def _by_dose(axis: Axes, rows: pd.DataFrame, color: str, marker: str, label: str) -> None:
    rows = rows.sort_values("dose")
    places = np.arange(len(rows))
    bars = np.clip([rows["mean"] - rows.low, rows.high - rows["mean"]], 0, None)
    style = {"marker": marker, "ms": 4, "lw": 1.2, "capsize": 2, "color": color}
    axis.errorbar(places, rows["mean"], bars, label=label, **style)
    axis.set_xticks(places, [f"{value:g}" for value in rows.dose])


def _p(value: float) -> str:
    return "< .001" if value < 0.001 else f"{value:.3f}".lstrip("0")


def lengths(table: pd.DataFrame) -> Figure:
    """Loss on own and on other music, and how often an output shows its prompt's own track."""
    if table.empty:
        return nothing((9, 2.4), NO_LENGTHS)
    table = table.assign(crops=table.steps * table.batch).sort_values("crops", kind="stable")
    networks = table.drop_duplicates(["steps", "batch"])
    places = np.arange(len(networks))
    named = [f"{row.steps:.0f} x {row.batch:.0f}" for row in networks.itertuples()]
    figure = Figure(figsize=(9, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.plot(places, networks.train_loss, "o-", color=TRAIN, label="tracks that it learned from")
    left.plot(places, networks.control_loss, "s-", color=CONTROL, label="control tracks")
    left.set(ylabel="cross entropy, nats a masked token")
    settings = [name for name in dict.fromkeys(table.setting) if name != "all"]
    colors = dict(zip(settings, shades(len(settings)), strict=True)) | {"all": "0.1"}
    for number, name in enumerate(["all", *settings]):
        mine = table[table.setting == name]
        low, high = ends(mine.own_track, mine.n_outputs)
        bars = np.clip([mine.own_track - low, high - mine.own_track], 0, None)
        at = places + 0.08 * (number - len(settings) / 2)
        style = {"marker": SETTINGS[number % len(SETTINGS)], "ms": 4, "capsize": 2}
        style |= {"lw": 1.6 if name == "all" else 0.9, "color": colors[name]}
        told = "all settings" if name == "all" else name.replace("_", " ")
        right.errorbar(at, mine.own_track, bars, label=told, **style)
    right.set(ylabel="outputs whose first track is their prompt's", ylim=(-0.03, 1.03))
    right.yaxis.set_major_formatter(PercentFormatter(1, 0))
    for axis in (left, right):
        axis.set_xticks(places, named, fontsize=8)
        axis.set_xlabel("training steps x crops a step")
        axis.grid(alpha=0.25)
    legend(figure, [left, right], 4)
    whole = table[table.setting == "all"]
    one, last = whole.iloc[0], whole.iloc[-1]
    told = f"Longer training: own tracks first in {percent(one.own_track)}, then"
    told += f" {percent(last.own_track)} of outputs; the gap of losses goes from {one.gap:.2f} to"
    headline(figure, f"{told} {last.gap:.2f} nats")
    return figure
