"""Figures of Experiment C: every curve of outputs stands beside that of control music."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from musical_roots.figures.looks import look, title
from musical_roots.figures.robustness import panels

TOKEN_VIEWS = {"ngram_overlap": "n-gram overlap", "token_share": "token share"}
SOURCES = {  # source, index, prompt_track
    ("outputs", "train", "excluded"): (
        "outputs in the training set, prompt's track excluded",
        "#0072B2",
        "-",
    ),
    ("outputs", "train", "included"): ("the same, prompt's track included", "#0072B2", "--"),
    ("outputs", "train_equal", "excluded"): (
        "outputs in a training index of equal size",
        "#56B4E9",
        "-.",
    ),
    ("outputs", "control", "excluded"): (
        "outputs in a control index of equal size",
        "#E69F00",
        "-",
    ),
    ("control", "train", "included"): ("control music in the training set", "#009E73", "-"),
    ("control_roundtrip", "train", "included"): (
        "the same after the generator's codec",
        "#009E73",
        ":",
    ),
}
MUSIC = {  # source, prompts
    ("control", ""): ("control music, validation half (95 % of halves)", "#009E73"),
    ("outputs", "train"): ("outputs of train prompts", "#0072B2"),
    ("outputs", "control"): ("outputs of control prompts", "#E69F00"),
    ("outputs", "unknown"): ("outputs, prompts unknown", "#CC79A7"),
}
NULLS = {  # source, index
    ("outputs", "train_equal"): ("outputs in the training set", "#0072B2", "-"),
    ("outputs", "control"): ("outputs in the control index", "#E69F00", "--"),
    ("control", "train_equal"): ("control music in the training set", "#009E73", ":"),
}
QUERIES = {"train": "training clips", "outputs": "outputs", "control": "control music"}
COMPARED = {
    "training set": ("nearest clip of the training set", "#0072B2", "o"),
    "control index": ("nearest clip of the control index, of equal size", "#E69F00", "s"),
    "one clip": ("one training clip at random (size-matched)", "#7F7F7F", "^"),
}
SEARCHED = {  # index
    "train": ("the whole training set as it is", "#7F7F7F", "^"),
    "uncoded_train": ("some clips of each track, as they are", "#E69F00", "s"),
    "coded_train": ("the same clips after the generator's codec", "#0072B2", "o"),
}
FOUND = {
    "own_track_first": "nearest clip is of\nthe prompt's own track",
    "planted_at_05": "planted copies, coded,\nwith p <= .05",
    "false_positives_at_05": "control music\nwith p <= .05",
}
PLANTED_KINDS = ["pitch", "stretch", "noise", "mix", "codec", "mp3"]


def exceedance(table: pd.DataFrame, paper: pd.DataFrame) -> Figure:
    """Share of outputs with a clip at or above each cosine, with bands; table 3 of the paper."""
    published = paper[paper.k == 1].assign(share=paper.clips_at_or_above / paper.n)
    encoders = list(dict.fromkeys(table.encoder))
    figure, axes = _row(encoders)
    for encoder, axis in zip(encoders, axes, strict=True):
        mine = table[table.encoder == encoder]
        for key, (label, color, style) in SOURCES.items():
            part = _rows(mine, ["source", "index", "prompt_track"], key)
            axis.plot(part.threshold, part.share, color=color, ls=style, label=label)
            axis.fill_between(part.threshold, part.low, part.high, color=color, alpha=0.12, lw=0)
        points = published[published.encoder.str.lower() == encoder].sort_values("threshold")
        axis.plot(points.threshold, points.share, "k*", ms=5)
        for point in points.head(1).itertuples():
            axis.annotate("paper, table 3", (point.threshold, point.share), xytext=(-4, 3),
                          textcoords="offset points", ha="right", fontsize=7)  # fmt: skip
        axis.set(title=title(encoder), xlabel="cosine of the nearest clip", ylim=(-0.02, 1.02))
    axes[0].set_ylabel("share at or above it")
    _legend(figure, axes[0], 2)
    return figure


def calibration(table: pd.DataFrame) -> Figure:
    """Distribution of p-values: uniform for control music, and what outputs' look like."""
    encoders = list(dict.fromkeys(table.encoder))
    figure, axes = _row(encoders)
    for encoder, axis in zip(encoders, axes, strict=True):
        axis.plot([0, 1], [0, 1], color="0.3", lw=0.8, ls=":")
        mine = table[table.encoder == encoder]
        for (source, prompts), (label, color) in MUSIC.items():
            part = _rows(mine, ["source", "prompts"], (source, prompts))
            for prompt_track, style in (("excluded", "-"), ("included", "--")):
                line = part[part.prompt_track == prompt_track]
                if source == "control":
                    axis.fill_between(line.p, line.low, line.high, color=color, alpha=0.18, lw=0)
                    style = "-"
                shown = label if style == "-" else f"{label}, their tracks included"
                if len(line):
                    axis.plot(line.p, line.share, color=color, ls=style, label=shown)
        axis.set(title=title(encoder), xlabel="p-value", xlim=(0, 1), ylim=(0, 1))
    axes[0].set_ylabel("share at or below it")
    _legend(figure, axes[0], 2)
    return figure


def planted(table: pd.DataFrame) -> Figure:
    """Planted matches: share found at p <= .05, and false share of all that is found (dotted)."""
    falsely = "share of discoveries at 5 % that are false"
    return panels(table, PLANTED_KINDS, _power, "share of planted clips with p <= .05", falsely)


def prompt_vs_training(table: pd.DataFrame) -> Figure:
    """Share of outputs that are nearer to something else than to their prompt."""
    part = table[(table.setting == "all") & (table.prompt_track == "excluded")]
    encoders = list(dict.fromkeys(part.encoder))
    figure = Figure(figsize=(8, 3.4), layout="constrained")
    if part.empty:
        figure.text(0.5, 0.5, "No prompt is known.", ha="center")
        return figure
    axes = figure.subplots(1, 2, sharey=True)
    for prompts, axis in zip(("train", "control"), axes, strict=True):
        mine = part[part.prompts == prompts].set_index(["index", "encoder"])
        for offset, (name, (label, color, marker)) in enumerate(COMPARED.items()):
            index = "control" if name == "control index" else "train_equal"
            column = "size_matched" if name == "one clip" else "nearer_share"
            lines = mine.reindex([(index, encoder) for encoder in encoders])
            middle, short = lines[column], column.removesuffix("_share")
            bars = [middle - lines[f"{short}_low"], lines[f"{short}_high"] - middle]
            bars = np.clip(bars, 0, None)
            places = np.arange(len(lines)) + 0.18 * (offset - 1)
            look_of = {"fmt": marker, "color": color, "label": label, "capsize": 2, "ms": 4}
            axis.errorbar(places, middle, bars, **look_of)
        names = [title(name).replace(" (", "\n(") for name in encoders]
        axis.set_xticks(range(len(encoders)), names, fontsize=7)
        axis.set(title=f"{prompts} prompts", ylim=(-0.02, 1.02))
        axis.grid(alpha=0.25, axis="y")
    axes[0].set_ylabel("share nearer than the prompt")
    _legend(figure, axes[0], 2)
    return figure


def coded_index(table: pd.DataFrame) -> Figure:
    """What the coded index finds beside the same clips as they were, and how much falsely."""
    encoders = list(dict.fromkeys(table.encoder))
    whole = table.codebooks.isna() | (table.codebooks == table.codebooks.max())
    table = table[whole & (table.setting.fillna("all") == "all")]
    figure = Figure(figsize=(8, 3.4), layout="constrained")
    axes = figure.subplots(1, len(FOUND), sharey=True)
    for (measure, name), axis in zip(FOUND.items(), axes, strict=True):
        mine = table[table.measure == measure].set_index(["index", "encoder"])
        for offset, (index, (label, color, marker)) in enumerate(SEARCHED.items()):
            lines = mine.reindex([(index, encoder) for encoder in encoders])
            bars = np.clip([lines.value - lines.low, lines.high - lines.value], 0, None)
            places = np.arange(len(lines)) + 0.18 * (offset - 1)
            look_of = {"fmt": marker, "color": color, "label": label, "capsize": 2, "ms": 4}
            axis.errorbar(places, lines.value, bars, **look_of)
        axis.set_xticks(range(len(encoders)), [title(name) for name in encoders], fontsize=7)
        axis.set(title=name, ylim=(-0.02, 1.02))
        axis.grid(alpha=0.25, axis="y")
    axes[-1].axhline(0.05, color="0.3", lw=0.8, ls=":")
    axes[0].set_ylabel("share")
    _legend(figure, axes[0], 2)
    return figure


def concentration(table: pd.DataFrame) -> Figure:
    """Lorenz curves of matches over clips, songs and artists, beside two nulls."""
    encoders = list(dict.fromkeys(table.encoder))
    granularities = list(dict.fromkeys(table.granularity))
    size = (2.4 * len(encoders) + 0.6, 2.2 * len(granularities) + 0.6)
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(
        len(granularities), len(encoders), squeeze=False, sharex=True, sharey=True
    )
    for granularity, row in zip(granularities, axes, strict=True):
        for encoder, axis in zip(encoders, row, strict=True):
            axis.plot([0, 1], [0, 1], color="0.3", lw=0.8, ls=":")
            mine = _rows(table, ["encoder", "granularity"], (encoder, granularity))
            for key, (label, color, style) in NULLS.items():
                part = _rows(mine, ["source", "index"], key)
                axis.plot(part["items"], part.matches, color=color, ls=style, label=label)
            axis.grid(alpha=0.25)
        row[0].set_ylabel(f"share of matches, by {granularity}")
    for encoder, top, bottom in zip(encoders, axes[0], axes[-1], strict=True):
        top.set_title(title(encoder))
        bottom.set_xlabel("share, least found first")
    _legend(figure, axes[0][0], min(3, len(encoders)))
    return figure


def hubness(table: pd.DataFrame) -> Figure:
    """Skewness of the k-occurrence, as it is and after three corrections."""
    asked, corrections = (
        list(dict.fromkeys(table["queries"])),
        list(dict.fromkeys(table.correction)),
    )
    encoders = list(dict.fromkeys(table.encoder))
    figure = Figure(figsize=(3.4 * len(asked), 3.2), layout="constrained")
    axes = np.atleast_1d(figure.subplots(1, len(asked), sharey=True))
    for queries, axis in zip(asked, axes, strict=True):
        for encoder in encoders:
            part = table[(table["queries"] == queries) & (table.encoder == encoder)]
            part = part.set_index("correction").reindex(corrections)
            axis.plot(range(len(corrections)), part.skewness, **look(encoder))
        axis.set_xticks(range(len(corrections)), [name.replace(" ", "\n") for name in corrections])
        axis.set_title(f"{QUERIES[queries]} as queries")
        axis.grid(alpha=0.25)
    axes[0].set_ylabel("skewness of the k-occurrence")
    _legend(figure, axes[0], 5)
    return figure


def agreement(table: pd.DataFrame) -> Figure:
    """Kendall's tau of each pair of views, below; how often they name the same track, above."""
    views = list(dict.fromkeys([*table.one, *table.other]))
    cells = np.full((len(views), len(views)), np.nan)
    figure = Figure(
        figsize=(1.15 * len(views) + 1.6, 0.95 * len(views) + 1.2), layout="constrained"
    )
    axis = figure.subplots()
    for row in table.itertuples():
        one, other = sorted((views.index(row.one), views.index(row.other)))
        cells[other, one] = row.kendall_tau
        text = f"{row.kendall_tau:.2f}\n[{row.low:.2f}, {row.high:.2f}]"
        axis.text(one, other, text, ha="center", va="center", fontsize=7)
        if np.isfinite(row.same_track):
            text = f"{100 * row.same_track:.0f} %\nchance {100 * row.same_track_by_chance:.0f} %"
            axis.text(other, one, text, ha="center", va="center", fontsize=7)
    picture = axis.imshow(cells, cmap="PuOr", vmin=-1, vmax=1, alpha=0.6)
    names = [TOKEN_VIEWS.get(view) or title(view) for view in views]
    axis.set_xticks(range(len(views)), names, rotation=30, ha="right", fontsize=7)
    axis.set_yticks(range(len(views)), names, fontsize=7)
    figure.colorbar(picture, ax=axis, label="Kendall's tau", shrink=0.7)
    return figure


def _row(encoders: list[str]) -> tuple[Figure, np.ndarray]:
    """A panel an encoder, side by side."""
    figure = Figure(figsize=(2.7 * len(encoders) + 0.6, 3.5), layout="constrained")
    axes = np.atleast_1d(figure.subplots(1, len(encoders), sharey=True))
    for axis in axes:
        axis.grid(alpha=0.25)
    return figure, axes


def _legend(figure: Figure, axis: Axes, columns: int) -> None:
    figure.legend(
        *axis.get_legend_handles_labels(),
        loc="outside lower center",
        ncols=columns,
        frameon=False,
        fontsize=8,
    )


def _rows(table: pd.DataFrame, columns: list[str], values: tuple[str, ...]) -> pd.DataFrame:
    """Rows whose columns have these values."""
    return table[(table[columns] == values).all(axis=1)]


def _power(axis: Axes, encoder: str, lines: pd.DataFrame) -> None:
    axis.plot(lines.level, lines.power_at_05, ms=3.5, **look(encoder))
    axis.plot(lines.level, lines.false_share, color=axis.lines[-1].get_color(), ls=":", lw=1)
    axis.set_ylim(-0.03, 1.03)
