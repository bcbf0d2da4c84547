"""Figures of generation: what openvamp learned, what of it is the training set's, vamps."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from musical_roots.audio import read
from musical_roots.generate import first_of_each


def openvamp_training(table: pd.DataFrame) -> Figure:
    """Loss of openvamp by training step, on training and on control tracks."""
    figure = Figure(figsize=(5, 3.2), layout="constrained")
    axis = figure.subplots()
    axis.plot(table.step, table.train_loss, color="#0072B2", label="train (mean since the last)")
    axis.plot(table.step, table.control_loss, color="#D55E00", label="control (never trained on)")
    axis.set(xlabel="training step", ylabel="cross entropy, nats a masked token")
    axis.grid(alpha=0.25)
    axis.legend(frameon=False)
    return figure


def ngram_overlap(table: pd.DataFrame) -> Figure:
    """Share of tokens in n-grams of the training set by setting, beside real music."""
    figure = Figure(figsize=(6, 3.4), layout="constrained")
    axis = figure.subplots()
    settings = list(dict.fromkeys(table.setting))
    for split, offset, color in (("train", -0.2, "#0072B2"), ("control", 0.2, "#E69F00")):
        part = table[table.prompts == split].set_index("setting").reindex(settings)
        share = part.overlap_elsewhere_share
        bars = [share - part.overlap_elsewhere_low, part.overlap_elsewhere_high - share]
        axis.bar(
            [place + offset for place in range(len(settings))],
            share,
            0.38,
            yerr=np.clip(bars, 0, None),
            capsize=2,
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
    shown = first_of_each(table, 6)
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
