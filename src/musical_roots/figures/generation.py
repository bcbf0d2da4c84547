"""Figures of generation: what openvamp learned, what of it is the training set's, vamps."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from musical_roots.audio import read
from musical_roots.figures.looks import CONTROL, TRAIN, headline, percent, span
from musical_roots.generate import first_of_each
from musical_roots.mel import filters, power

FRAME, BANDS, FRAMES = 2048, 64, 200  # samples; of a picture: what can be seen, in a small file
STEP, TICKS = 4, (250, 1000, 4000)  # dB, Hz


def openvamp_training(table: pd.DataFrame) -> Figure:
    """Loss of openvamp by training step, on training and on control tracks.

    The last row is of more crops (column crops). Of a network that was taken, the curve and its
    end are those of the run that trained it.
    """
    figure = Figure(figsize=(6, 3.8), layout="constrained")
    axis = figure.subplots()
    table = table.assign(crops=table.crops if "crops" in table else np.nan)
    last = table[table.crops == table.crops.max()].tail(1)
    watched = table.drop(last.index)
    for column, color, name in (
        ("train_loss", TRAIN, "training tracks, mean of the steps since the last point"),
        ("control_loss", CONTROL, "control tracks, never trained on, a few crops"),
    ):
        axis.plot(watched.step, watched[column], color=color, label=name)
        for row in last.itertuples():
            value = getattr(row, column)
            axis.plot(row.step, value, "o", color=color, ms=6, clip_on=False)
            beside = {"xytext": (7, 0), "textcoords": "offset points", "va": "center"}
            axis.annotate(f"{value:.2f}", (row.step, value), color=color, **beside)
    for row in last.itertuples():
        axis.plot([], [], "o", color="0.4", ms=6, label=f"when trained, on {row.crops:.0f} crops")
    axis.set(xlabel="training step", ylabel="cross entropy, nats a masked token")
    axis.grid(alpha=0.25)
    axis.legend(frameon=False, fontsize=8)
    end = table.iloc[-1]
    headline(
        figure,
        f"After {end.step:.0f} steps a token of the training tracks costs {end.train_loss:.2f} "
        f"nats, one of music never heard {end.control_loss:.2f}",
    )
    return figure


def ngram_overlap(table: pd.DataFrame) -> Figure:
    """Share of tokens in n-grams of the training set by setting, beside real music."""
    figure = Figure(figsize=(6.5, 3.8), layout="constrained")
    axis = figure.subplots()
    settings = list(dict.fromkeys(table.setting))
    for split, offset, color in (("train", -0.2, TRAIN), ("control", 0.2, CONTROL)):
        part = table[table.prompts == split].set_index("setting").reindex(settings)
        share = part.overlap_elsewhere_share
        bars = [share - part.overlap_elsewhere_low, part.overlap_elsewhere_high - share]
        places = np.arange(len(settings)) + offset
        axis.bar(
            places,
            share,
            0.38,
            yerr=np.clip(bars, 0, None),
            capsize=2,
            ecolor="0.3",
            color=color,
            label=f"{split} prompts, or excerpts",
        )
        for place, value in zip(places, share, strict=True):
            if value < 0.001:
                axis.text(place, 0, f"{100 * value:.1g} %", ha="center", va="bottom", fontsize=7)
    axis.set_xticks(range(len(settings)), [name.replace("_", " ") for name in settings])
    axis.set_ylabel("share of generated tokens in an\n8-gram of another training track")
    axis.grid(alpha=0.25, axis="y")
    figure.legend(loc="outside lower center", ncols=2, frameon=False)
    real = table.setting == "real music"
    ours, music = (span(table.overlap_elsewhere_share[which], "{:.1%}") for which in (~real, real))
    told = f"{ours} of what openvamp made up stands in 8-grams of other training tracks"
    headline(figure, f"{told}; of real music {music}")
    return figure


def vamps(table: pd.DataFrame) -> Figure:
    """Spectrograms of six vamps, each beside its prompt: settings and splits in turns."""
    shown = first_of_each(table, 6)
    figure = Figure(figsize=(8, 1.6 * len(shown) + 0.9), layout="constrained")
    axes = figure.subplots(len(shown), 2, squeeze=False, sharex=True, sharey=True)
    for row, (left, right) in zip(shown.itertuples(), axes, strict=True):
        prompt, _ = read(row.prompt_path, row.sample_rate, row.prompt_start_s, row.duration_s)
        vamp, _ = read(row.path, row.sample_rate)
        for axis, audio in ((left, prompt), (right, vamp)):
            _spectrogram(axis, audio, row.sample_rate)
        left.set_title(f"prompt, {row.prompt_split}", fontsize=8)
        left.set_ylabel("Hz, mel scale", fontsize=8)
        right.set_title(
            f"vamp: {row.setting}, {percent(row.kept_share)} of tokens kept", fontsize=8
        )
    for axis in axes[-1]:
        axis.set_xlabel("s")
    kept = span(shown.kept_share)
    headline(figure, f"Prompts, and vamps that keep {kept} of their tokens: the rest is made up")
    return figure


def _spectrogram(axis: Axes, audio: np.ndarray, rate: int) -> None:
    """Mel bands in dB, from the loudest down by 80, over time in seconds, as a small image."""
    bands = filters(rate, FRAME, BANDS)
    loudness = power(audio, FRAME, max(256, len(audio) // FRAMES)) @ bands
    levels = 10 * np.log10(loudness.T + 1e-12)
    levels = np.clip(np.round((levels - levels.max()) / STEP) * STEP, -80, 0)
    seconds = len(audio) / rate
    axis.imshow(levels, origin="lower", aspect="auto", cmap="magma", interpolation="none",
                extent=(0, seconds, -0.5, BANDS - 0.5))  # fmt: skip
    centres = np.argmax(bands, axis=0) * rate / FRAME
    places = [int(np.abs(centres - tick).argmin()) for tick in TICKS]
    axis.set_yticks(places, [f"{tick:,}" for tick in TICKS], fontsize=7)
