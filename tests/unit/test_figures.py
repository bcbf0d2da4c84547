import numpy as np
import pandas as pd
import pytest
import tiny_openvamp

from musical_roots import audio, figures


@pytest.fixture
def table():
    rows = []
    levels = {"pitch": [-3, 0, 3], "noise": [-30, 30], "mp3": [32, 320], "crop": [0, 1.5]}
    for encoder in ["musicnn", "mfcc", "an encoder of yours"]:
        for kind, values in levels.items():
            for level in values:
                rows.append((encoder, kind, float(level), 0.5, 0.4, 0.6, 0.1, 0.7))
    columns = "encoder kind level cosine_mean cosine_low cosine_high cosine_floor recall_at_1"
    return pd.DataFrame(rows, columns=columns.split())


@pytest.fixture
def tables(table, tmp_path):
    """What each figure draws."""
    vamps = []
    for number, setting in enumerate(["inpaint", "periodic"] * 4):
        path = tmp_path / f"{number}.wav"
        audio.write(path, tiny_openvamp.music(2, number), 24_000)
        split = ["train", "control"][number // 2 % 2]
        vamps.append(("openvamp", setting, split, str(path), 0.0, 1.0, str(path), 24_000, 0.25))
    columns = "generator setting prompt_split prompt_path prompt_start_s duration_s path"
    curve = {"step": [25, 50], "train_loss": [5.0, 4.0], "heldout_loss": [5.1, 4.5]}
    shares = [(s, p, 0.1) for s in ("inpaint", "real music") for p in ("train", "control")]
    own = {
        "openvamp_training": pd.DataFrame(curve),
        "copies": pd.DataFrame(shares, columns=["setting", "prompts", "copied_elsewhere_share"]),
        "vamps": pd.DataFrame(vamps, columns=[*columns.split(), "sample_rate", "kept_share"]),
    }
    return dict.fromkeys(figures.FIGURES, table) | own


@pytest.mark.parametrize("name", list(figures.FIGURES))
def test_the_same_table_gives_the_same_bytes(tmp_path, tables, name):
    table = tables[name]
    for run in "ab":
        figures.draw(name, table, tmp_path / f"{run}.svg", tmp_path / f"{run}.png")
    for suffix in ["svg", "png"]:
        one, other = ((tmp_path / f"{run}.{suffix}").read_bytes() for run in "ab")
        assert one == other
        assert len(one) > 5_000


def test_six_vamps_stand_beside_their_prompts_settings_in_turns(tables):
    figure = figures.vamps(tables["vamps"])
    titles = [axis.get_title() for axis in figure.axes]
    assert len(titles) == 12
    named = ["inpaint", "inpaint", "periodic", "periodic", "inpaint", "inpaint"]
    assert titles[1::2] == [f"vamp: {name}, 25 % of tokens kept" for name in named]
    assert titles[::2] == ["prompt, train", "prompt, control"] * 3


def test_a_panel_a_kind_and_a_line_an_encoder(table):
    figure = figures.robustness(table)
    panels = [axis for axis in figure.axes if axis.axison]
    assert [axis.get_title() for axis in panels] == ["Pitch shift", "White noise"]
    drawn = {line.get_label(): line for line in panels[0].lines if line.get_label()[0] != "_"}
    assert set(drawn) == {"musicnn", "MFCC", "an encoder of yours"}
    assert np.array_equal(drawn["MFCC"].get_xdata(), [-3, 0, 3])
    assert np.array_equal(drawn["MFCC"].get_ydata(), [0.5, 0.5, 0.5])


def test_random_weights_are_named_in_the_legend(table):
    marked = table.assign(encoder=table.encoder.replace("musicnn", "clap (random weights)"))
    figure = figures.robustness(marked)
    assert "CLAP (random weights)" in [text.get_text() for text in figure.legends[0].texts]
