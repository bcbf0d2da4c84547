"""Figures of Experiment C: every curve of outputs stands beside that of control music."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from musical_roots.figures.looks import (
    CONTROL,
    HELD_OUT,
    NEUTRAL,
    TRAIN,
    UNKNOWN,
    bars,
    headline,
    legend,
    mark_control,
    nothing,
    panel_title,
    percent,
    short,
    span,
    tint,
    trained,
)

SOURCES = {  # source, index, prompt_track
    ("outputs", "train", "excluded"): (
        "outputs in the training set, prompt's track excluded",
        TRAIN,
        "-",
    ),
    ("outputs", "train_equal", "excluded"): (
        "outputs in a training index of the control index' size",
        tint(TRAIN, 0.6),
        "-.",
    ),
    ("outputs", "train", "included"): ("outputs, prompt's track included", TRAIN, "--"),
    ("outputs", "control", "excluded"): ("outputs in the control index", CONTROL, "-"),
    ("control", "train", "included"): ("control music in the training set", HELD_OUT, "-"),
    ("control_roundtrip", "train", "included"): (
        "control music after the generator's codec",
        HELD_OUT,
        ":",
    ),
}
# Curves whose bands are drawn: of all six nothing could be read.
BANDED = {
    ("outputs", "train_equal", "excluded"),
    ("outputs", "control", "excluded"),
    ("control_roundtrip", "train", "included"),
}
SAME = "; {} is the same curve"
MUSIC = {  # source, prompts
    ("control", ""): ("control music, validation half (95 % of halves)", HELD_OUT),
    ("outputs", "train"): ("outputs of train prompts", TRAIN),
    ("outputs", "control"): ("outputs of control prompts", CONTROL),
    ("outputs", "unknown"): ("outputs, prompts unknown", UNKNOWN),
}
COMPARED = {
    "training set": ("nearest clip of the training set", TRAIN, "o"),
    "control index": ("nearest clip of the control index, of equal size", CONTROL, "s"),
    "one clip": ("one training clip at random (size-matched)", NEUTRAL, "^"),
}
SEARCHED = {  # index
    "train": ("the whole training set as it is", NEUTRAL, "^"),
    "uncoded_train": ("some clips of each track, as they are", tint(TRAIN, 0.5), "s"),
    "coded_train": ("the same clips after the generator's codec", TRAIN, "o"),
}
FOUND = {
    "own_track_first": "nearest clip is of\nthe prompt's own track",
    "planted_at_05": "planted copies, coded,\nwith p <= .05",
    "false_positives_at_05": "control music\nwith p <= .05",
}


def exceedance(table: pd.DataFrame, paper: pd.DataFrame) -> Figure:
    """Share of outputs with a clip at or above each cosine, with bands; table 3 of the paper.

    Of two curves that are the same for every encoder one is drawn, and the legend says so.
    """
    published = paper[paper.k == 1].assign(share=paper.clips_at_or_above / paper.n)
    encoders = list(dict.fromkeys(table.encoder))
    figure, axes = _row(encoders)
    drawn = _apart({key: _rows(table, ["source", "index", "prompt_track"], key) for key in SOURCES})
    for encoder, axis in zip(encoders, axes, strict=True):
        for key, (rows, also) in drawn.items():
            label, color, style = SOURCES[key]
            part = rows[rows.encoder == encoder]
            label += "".join(SAME.format(SOURCES[other][0]) for other in also)
            axis.plot(part.threshold, part.share, color=color, ls=style, label=label)
            if BANDED & {key, *also}:
                band = part.low, part.high
                axis.fill_between(part.threshold, *band, color=color, alpha=0.14, lw=0)
        points = published[published.encoder.str.lower() == encoder].sort_values("threshold")
        axis.plot(points.threshold, points.share, "k*", ms=5)
        for point in points.head(1).itertuples():
            axis.annotate("paper, table 3", (point.threshold, point.share), xytext=(-4, 3),
                          textcoords="offset points", ha="right", fontsize=7)  # fmt: skip
        axis.set(xlabel="cosine of the nearest clip", ylim=(-0.02, 1.02))
    axes[0].set_ylabel("share at or above it")
    legend(figure, axes, 2)
    headline(figure, _exceeded(table))
    return figure


def _exceeded(table: pd.DataFrame) -> str:
    """What share reaches in a training index the cosine that half reach in a control index."""
    found = {}
    for encoder in trained(list(dict.fromkeys(table.encoder))):
        mine = table[table.encoder == encoder]
        ours, other = (
            _rows(mine, ["source", "index", "prompt_track"], ("outputs", index, "excluded"))
            for index in ("train_equal", "control")
        )
        if ours.empty or other.empty:
            continue
        half = other.threshold.iloc[(other.share - 0.5).abs().argmin()]
        found[encoder] = ours.share.iloc[(ours.threshold - half).abs().argmin()]
    if not found:
        return "How near the nearest clip is"
    reached = span(pd.Series(found))
    start = "The cosine that half of the outputs reach among control music is reached by "
    return f"{start}{reached} among training music"


def _apart(parts: dict[tuple, pd.DataFrame]) -> dict[tuple, tuple[pd.DataFrame, list[tuple]]]:
    """Curves that differ, each with the keys of those that are the same curve."""
    found = {}
    for key, rows in parts.items():
        if rows.empty:
            continue
        curve = rows[["encoder", "threshold", "share"]].reset_index(drop=True)
        for other, also in found.values():
            if curve.equals(other[curve.columns].reset_index(drop=True)):
                also.append(key)
                break
        else:
            found[key] = rows, []
    return found


def calibration(table: pd.DataFrame) -> Figure:
    """Distribution of p-values: uniform for control music, and what outputs' look like.

    Where it is one curve with the prompt's track and without, as of control prompts, whose tracks
    are not in the training set, one is drawn, and the legend says so.
    """
    encoders = list(dict.fromkeys(table.encoder))
    figure, axes = _row(encoders)
    same = {key for key in MUSIC if _alike(_rows(table, ["source", "prompts"], key))}
    for encoder, axis in zip(encoders, axes, strict=True):
        axis.plot([0, 1], [0, 1], color="0.3", lw=0.8, ls=":")
        mine = table[table.encoder == encoder]
        for key, (label, color) in MUSIC.items():
            part = _rows(mine, ["source", "prompts"], key)
            tracks = {"excluded": ("-", ""), "included": ("--", ", their tracks included")}
            if key[0] == "control":  # has no prompt whose track could be left out
                tracks = dict.fromkeys(part.prompt_track.unique()[:1], ("-", ""))
            elif key in same:
                tracks = {"excluded": ("-", ", with their tracks and without")}
            for prompt_track, (style, more) in tracks.items():
                line = part[part.prompt_track == prompt_track]
                if key[0] == "control":
                    axis.fill_between(line.p, line.low, line.high, color=color, alpha=0.14, lw=0)
                if len(line):
                    axis.plot(line.p, line.share, color=color, ls=style, label=label + more)
        axis.set(xlabel="p-value", xlim=(0, 1), ylim=(0, 1))
    axes[0].set_ylabel("share at or below it")
    legend(figure, axes, 2)
    headline(figure, _at_05(table))
    return figure


def _alike(rows: pd.DataFrame) -> bool:
    """Whether curves with the prompts' tracks and without are the same."""
    with_it, without = (
        rows[rows.prompt_track == name].drop(columns="prompt_track").reset_index(drop=True)
        for name in ("included", "excluded")
    )
    return len(without) > 0 and with_it.share.equals(without.share)


def _at_05(table: pd.DataFrame) -> str:
    near = table[(table.p - 0.05).abs() < 1e-6]
    near = near[near.encoder.isin(trained(list(dict.fromkeys(table.encoder))))]
    ours = near[(near.source == "outputs") & (near.prompt_track == "excluded")].share
    music = near[near.source == "control"].share
    if ours.empty or music.empty:
        return "p-values of outputs and of control music"
    return (
        f"p <= .05 have {span(ours)} of the outputs, prompt's track excluded, and {span(music)} of "
        "control music (5 % is chance)"
    )


def prompt_vs_training(table: pd.DataFrame) -> Figure:
    """Share of outputs that are nearer to something else than to their prompt."""
    part = table[(table.setting == "all") & (table.prompt_track == "excluded")]
    encoders = list(dict.fromkeys(part.encoder))
    if part.empty:
        return nothing((8, 3.4), "No prompt is known.")
    figure = Figure(figsize=(8, 3.8), layout="constrained")
    axes = figure.subplots(1, 2, sharey=True)
    for prompts, axis in zip(("train", "control"), axes, strict=True):
        mine = part[part.prompts == prompts].set_index(["index", "encoder"])
        for offset, (name, (label, color, marker)) in enumerate(COMPARED.items()):
            index = "control" if name == "control index" else "train_equal"
            column = "size_matched" if name == "one clip" else "nearer_share"
            lines = mine.reindex([(index, encoder) for encoder in encoders])
            ends = tuple(f"{column.removesuffix('_share')}_{end}" for end in ("low", "high"))
            places = np.arange(len(lines)) + 0.18 * (offset - 1)
            bars(axis, places, lines, (column, *ends), fmt=marker, color=color, label=label)
        _encoders_below(axis, encoders)
        axis.set(title=f"outputs of {prompts} prompts", ylim=(-0.02, 1.02))
        axis.grid(alpha=0.25, axis="y")
    axes[0].set_ylabel("share nearer than the prompt")
    legend(figure, axes, 2)
    shown = part[part.encoder.isin(trained(encoders)) & part.prompts.isin(["train", "control"])]
    ours, other = (
        span(shown[shown["index"] == index].nearer_share) for index in ("train_equal", "control")
    )
    told = f"{ours} of outputs are nearer to some training clip than to their prompt, {other}"
    headline(figure, f"{told} to some control clip")
    return figure


def coded_index(table: pd.DataFrame) -> Figure:
    """What the coded index finds beside the same clips as they were, and how much falsely."""
    encoders = list(dict.fromkeys(table.encoder))
    whole = table.codebooks.isna() | (table.codebooks == table.codebooks.max())
    table = table[whole & (table.setting.fillna("all") == "all")]
    figure = Figure(figsize=(8, 3.8), layout="constrained")
    axes = figure.subplots(1, len(FOUND), sharey=True)
    for (measure, name), axis in zip(FOUND.items(), axes, strict=True):
        mine = table[table.measure == measure].set_index(["index", "encoder"])
        for offset, (index, (label, color, marker)) in enumerate(SEARCHED.items()):
            lines = mine.reindex([(index, encoder) for encoder in encoders])
            places = np.arange(len(lines)) + 0.18 * (offset - 1)
            ends = ("value", "low", "high")
            bars(axis, places, lines, ends, fmt=marker, color=color, label=label)
        _encoders_below(axis, encoders)
        axis.set(ylim=(-0.02, 1.02))
        axis.set_title(name, fontsize=9)
        axis.grid(alpha=0.25, axis="y")
    axes[-1].axhline(0.05, color="0.3", lw=0.8, ls=":")
    axes[0].set_ylabel("share")
    legend(figure, axes, 2)
    copies = table[table.measure == "planted_at_05"].set_index(["index", "encoder"]).value
    pairs = [
        f"{short(one)} {percent(copies['uncoded_train', one])} to "
        f"{percent(copies['coded_train', one])}"
        for one in trained(encoders)
        if ("coded_train", one) in copies.index and ("uncoded_train", one) in copies.index
    ]
    headline(figure, f"Coding the index takes found coded copies from {', '.join(pairs)}")
    return figure


def agreement(table: pd.DataFrame) -> Figure:
    """Kendall's tau of each pair of views, left; how often they name the same track, right."""
    named = table.dropna(subset="same_track")
    figure = Figure(figsize=(10.5, 4.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    taus = _triangle(left, table, "kendall_tau", {"cmap": "PuOr", "vmin": -1, "vmax": 1})
    figure.colorbar(taus, ax=left, label="Kendall's tau", shrink=0.7)
    left.set_title("order of the outputs: Kendall's tau [interval]", fontsize=9)
    if len(named):
        _triangle(right, named, "same_track", {"cmap": "Greys", "vmin": 0, "vmax": 1})
        right.set_title("first track is the same (by chance)", fontsize=9)
    else:
        right.set_axis_off()
    most = table.loc[table.kendall_tau.idxmax()]
    told = f"The two views most alike are {short(most.one)} and {short(most.other)}"
    told += f" (tau {most.kendall_tau:.2f})"
    if len(named):
        told += f"; two views name one track for {span(named.same_track)} of outputs"
        told += f", {span(named.same_track_by_chance)} by chance"
    headline(figure, told)
    return figure


def _triangle(axis: Axes, table: pd.DataFrame, column: str, colors: dict):
    """A cell a pair, the later view below; none for what would stay empty."""
    views = list(dict.fromkeys([*table.one, *table.other]))
    cells = np.full((len(views), len(views)), np.nan)
    for row in table.itertuples():
        one, other = sorted((views.index(row.one), views.index(row.other)))
        cells[other, one] = getattr(row, column)
        told = (
            f"{row.kendall_tau:.2f}\n[{row.low:.2f}, {row.high:.2f}]"
            if column == "kendall_tau"
            else f"{percent(row.same_track)}\n({percent(row.same_track_by_chance)})"
        )
        axis.text(one, other - 1, told, ha="center", va="center", fontsize=7)
    picture = axis.imshow(cells[1:, :-1], alpha=0.6, aspect="auto", **colors)
    names = [panel_title(view).removesuffix("\ncontrol") for view in views]
    places = range(len(views) - 1)
    axis.set_xticks(places, names[:-1], rotation=30, ha="right", rotation_mode="anchor", fontsize=7)
    axis.set_yticks(places, names[1:], fontsize=7)
    return picture


def _row(encoders: list[str]) -> tuple[Figure, np.ndarray]:
    """A panel an encoder, side by side."""
    figure = Figure(figsize=(2.7 * len(encoders) + 0.6, 4.1), layout="constrained")
    axes = np.atleast_1d(figure.subplots(1, len(encoders), sharey=True))
    for encoder, axis in zip(encoders, axes, strict=True):
        axis.grid(alpha=0.25)
        axis.set_title(panel_title(encoder), fontsize=9)
        mark_control(axis, encoder)
    return figure, axes


def _encoders_below(axis: Axes, encoders: list[str]) -> None:
    names = [panel_title(name) for name in encoders]
    axis.set_xticks(range(len(encoders)), names, fontsize=7)


def _rows(table: pd.DataFrame, columns: list[str], values: tuple[str, ...]) -> pd.DataFrame:
    """Rows whose columns have these values."""
    return table[(table[columns] == values).all(axis=1)]
