"""Figures: each draws one results table, and writes SVG and PNG with the same bytes every time.

A new figure is one function from a table to a `Figure`, and one line in `FIGURES`.
"""

import os
from collections.abc import Callable
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from musical_roots.audio import read
from musical_roots.tables import atomic

# Okabe and Ito's palette, told apart with any colour vision; markers repeat the distinction.
LOOKS = {
    "musicnn": {"color": "#0072B2", "marker": "o"},
    "mfcc": {"color": "#E69F00", "marker": "s"},
    "mel": {"color": "#009E73", "marker": "^"},
    "random": {"color": "#7F7F7F", "marker": "x", "linestyle": "--"},
    "clap": {"color": "#D55E00", "marker": "D"},
    "clap_music": {"color": "#D55E00", "marker": "d", "linestyle": "--"},
    "laion_clap": {"color": "#D55E00", "marker": "+", "linestyle": ":"},
    "clmr": {"color": "#CC79A7", "marker": "v"},
    "clmr_1550": {"color": "#CC79A7", "marker": "1", "linestyle": "--"},
    "clmr_open": {"color": "#56B4E9", "marker": "P"},
}
NAMES = {
    "random": "random (untrained musicnn)",
    "mfcc": "MFCC",
    "clap": "CLAP",
    "clap_music": "CLAP, music",
    "laion_clap": "CLAP by laion-clap",
    "clmr": "CLMR",
    "clmr_1550": "CLMR, 1550 epochs",
    "clmr_open": "CLMR of ours",
}
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


def robustness(table: pd.DataFrame) -> Figure:
    """The paper's four perturbations: mean cosine to the original, 95 % band, floor dotted."""
    return _panels(table, PAPER_KINDS, _cosine, "cosine to the original")


def robustness_extended(table: pd.DataFrame) -> Figure:
    """The same for the perturbations that the paper lacks."""
    return _panels(table, _extended(table), _cosine, "cosine to the original")


def robustness_recall(table: pd.DataFrame) -> Figure:
    """Every perturbation: share of perturbed clips whose original is the first match."""
    return _panels(table, PAPER_KINDS + _extended(table), _recall, "recall@1 of the original")


def openvamp_training(table: pd.DataFrame) -> Figure:
    """Loss of openvamp by training step, on training and on held-out tracks."""
    figure = Figure(figsize=(5, 3.2), layout="constrained")
    axis = figure.subplots()
    axis.plot(table.step, table.train_loss, color="#0072B2", label="train (mean since the last)")
    axis.plot(table.step, table.heldout_loss, color="#D55E00", label="held out (control)")
    axis.set(xlabel="training step", ylabel="cross entropy, nats a masked token")
    axis.grid(alpha=0.25)
    axis.legend(frameon=False)
    return figure


def copies(table: pd.DataFrame) -> Figure:
    """Share of copied tokens by setting, beside real music that openvamp never saw."""
    figure = Figure(figsize=(6, 3.4), layout="constrained")
    axis = figure.subplots()
    settings = list(dict.fromkeys(table.setting))
    for split, offset, color in (("train", -0.2, "#0072B2"), ("control", 0.2, "#E69F00")):
        part = table[table.prompts == split].set_index("setting").reindex(settings)
        axis.bar(
            [place + offset for place in range(len(settings))],
            part.copied_elsewhere_share,
            0.38,
            color=color,
            label=f"{split} prompts, or excerpts",
        )
    axis.set_xticks(range(len(settings)), [name.replace("_", " ") for name in settings])
    axis.set_ylabel("share of generated tokens in an\n8-gram of another training track")
    axis.grid(alpha=0.25, axis="y")
    figure.legend(loc="outside lower center", ncols=2, frameon=False)
    return figure


def vamps(table: pd.DataFrame) -> Figure:
    """Spectrograms of six vamps, each beside its prompt: settings and splits in turns."""
    turn = table.groupby(["setting", "prompt_split"], sort=False).cumcount()
    order = turn.to_frame("turn").assign(setting=table.groupby("setting", sort=False).ngroup())
    shown = table.loc[order.sort_values(["turn", "setting"], kind="stable").index[:6]]
    figure = Figure(figsize=(8, 1.75 * len(shown) + 0.4), layout="constrained")
    axes = figure.subplots(len(shown), 2, squeeze=False, sharex=True, sharey=True)
    for row, (left, right) in zip(shown.itertuples(), axes, strict=True):
        prompt, _ = read(row.prompt_path, row.sample_rate, row.prompt_start_s, row.duration_s)
        vamp, _ = read(row.path, row.sample_rate)
        for axis, audio in ((left, prompt), (right, vamp)):
            _spectrogram(axis, audio, row.sample_rate)
        left.set(title=f"prompt, {row.prompt_split}", ylabel="kHz")
        right.set(title=f"vamp: {row.setting}, {100 * row.kept_share:.0f} % of tokens kept")
    for axis in axes[-1]:
        axis.set_xlabel("s")
    figure.suptitle(table.generator.iloc[0], fontsize=9)
    return figure


def _spectrogram(axis: Axes, audio: np.ndarray, rate: int) -> None:
    """Magnitudes in dB, from the loudest down by 80, over time in seconds."""
    levels = axis.specgram(
        audio + 1e-9, 2048, rate, noverlap=1536, scale="dB", mode="magnitude", cmap="magma"
    )
    picture = levels[3]
    top = picture.get_array().max()
    picture.set_clim(top - 80, top)
    ticks = range(0, rate // 2 + 1, 4000)
    axis.set_yticks(ticks, [str(tick // 1000) for tick in ticks])


FIGURES: dict[str, Callable[[pd.DataFrame], Figure]] = {
    "robustness": robustness,
    "robustness_extended": robustness_extended,
    "robustness_recall": robustness_recall,
    "openvamp_training": openvamp_training,
    "copies": copies,
    "vamps": vamps,
}


def draw(name: str, table: pd.DataFrame, svg: Path, png: Path) -> None:
    """Draw the figure called `name` from its table, and write both files."""
    # No date and no random ids in the files: the same table gives the same bytes.
    os.environ["SOURCE_DATE_EPOCH"] = "0"
    matplotlib.rcParams.update({"svg.hashsalt": "musical-roots", "svg.fonttype": "none"})
    matplotlib.rcParams.update(
        {"font.size": 9, "axes.spines.top": False, "axes.spines.right": False}
    )
    figure = FIGURES[name](table)
    for path in (svg, png):
        with atomic(path) as temporary:
            metadata = {"Date": None} if path == svg else {}
            figure.savefig(temporary, format=path.suffix[1:], dpi=150, metadata=metadata)


def _extended(table: pd.DataFrame) -> list[str]:
    return [kind for kind in TITLES if kind not in PAPER_KINDS and kind in set(table.kind)]


def _panels(
    table: pd.DataFrame,
    kinds: list[str],
    plot: Callable[[Axes, str, pd.DataFrame], None],
    ylabel: str,
) -> Figure:
    """A panel a kind, a line an encoder, one legend below."""
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
    if plot is _cosine:
        handles.append(Line2D([], [], color="0.3", ls=":", lw=1))
        labels.append("a random clip of another track")
    figure.legend(
        handles,
        labels,
        loc="outside lower center",
        ncols=3 if columns == 2 else min(len(labels), 5),
        frameon=False,
    )
    return figure


def _look(encoder: str) -> dict:
    """Label and style of an encoder's line; a remark in its label, as on its weights, stays."""
    name, bracket, remark = encoder.partition(" (")
    return {"label": NAMES.get(name, name) + bracket + remark, **LOOKS.get(name, {})}


def _cosine(axis: Axes, encoder: str, lines: pd.DataFrame) -> None:
    axis.plot(lines.level, lines.cosine_mean, ms=3.5, **_look(encoder))
    color = axis.lines[-1].get_color()
    axis.fill_between(
        lines.level, lines.cosine_low, lines.cosine_high, color=color, alpha=0.18, lw=0
    )
    axis.plot(lines.level, lines.cosine_floor, color=color, ls=":", lw=1)


def _recall(axis: Axes, encoder: str, lines: pd.DataFrame) -> None:
    axis.plot(lines.level, lines.recall_at_1, ms=3.5, **_look(encoder))
    axis.set_ylim(-0.03, 1.03)
