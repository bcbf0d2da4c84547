from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tiny_openvamp

from musical_roots import audio, figures
from musical_roots.figures import generation, influence, robustness

PAPER = pd.read_csv(Path(__file__).parents[2] / "config/paper/table3.csv")


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
    curve = {"step": [25, 50], "train_loss": [5.0, 4.0], "control_loss": [5.1, 4.5]}
    shares = [(s, p, 0.1, 0, 1) for s in ("inpaint", "real music") for p in ("train", "control")]
    share = "overlap_elsewhere"
    names = ["setting", "prompts", f"{share}_share", f"{share}_low", f"{share}_high"]
    own = {
        "openvamp_training": pd.DataFrame(curve),
        "ngram_overlap": pd.DataFrame(shares, columns=names),
        "vamps": pd.DataFrame(vamps, columns=[*columns.split(), "sample_rate", "kept_share"]),
    }
    return dict.fromkeys(figures.FIGURES, table) | own | of_influence()


def of_influence() -> dict[str, pd.DataFrame]:
    """Small tables of Experiment C, of two encoders; any number will do."""

    def table(values: dict[str, list], columns: str) -> pd.DataFrame:
        """Every combination of some values, with other columns that lie in [0, 1]."""
        grid = pd.MultiIndex.from_product(values.values(), names=values).to_frame(index=False)
        for number, column in enumerate(columns.split()):
            grid[column] = (np.arange(len(grid)) * (number + 3) % 7) / 7
        return grid.assign(generator="openvamp")

    encoders = {"encoder": ["clmr", "mfcc"]}
    splits, prompt_tracks = ["train", "control"], ["included", "excluded"]
    indexes = ["train", "train_equal", "control"]
    tables = {
        "exceedance": (
            {
                "source": ["outputs", "control", "control_roundtrip"],
                "index": indexes,
                "prompt_track": prompt_tracks,
                "threshold": [0.1, 0.5, 0.9],
            },
            "share low high",
        ),
        "calibration": (
            {
                "source": ["control", "outputs"],
                "prompts": ["", *splits],
                "prompt_track": prompt_tracks,
                "p": [0.0, 0.5, 1.0],
            },
            "share low high",
        ),
        "planted": ({"kind": ["pitch", "mp3"], "level": [32.0, 64.0]}, "power_at_05 false_share"),
        "prompt_vs_training": (
            {
                "setting": ["all"],
                "prompt_track": prompt_tracks,
                "prompts": splits,
                "index": indexes[1:],
            },
            "nearer_share nearer_low nearer_high size_matched size_matched_low size_matched_high",
        ),
        "concentration": (
            {
                "source": ["outputs", "control"],
                "index": indexes[1:],
                "granularity": ["clip", "song"],
                "items": [0.0, 0.5, 1.0],
            },
            "matches",
        ),
        "hubness": (
            {
                "queries": ["train", "outputs", "control"],
                "correction": ["none", "mutual proximity"],
            },
            "skewness",
        ),
    }
    tables = {name: table(encoders | values, rest) for name, (values, rest) in tables.items()}
    pairs = {"one": ["clmr"], "other": ["mfcc", "ngram_overlap"]}
    agreed = table(pairs, "kendall_tau low high same_track same_track_by_chance")
    agreed.loc[1, "same_track"] = np.nan
    return tables | {"agreement": agreed}


@pytest.mark.parametrize("name", list(figures.FIGURES))
def test_the_same_table_gives_the_same_bytes(tmp_path, tables, name):
    table = tables[name]
    for run in "ab":
        paper = PAPER if name == "exceedance" else None
        figures.draw(name, table, tmp_path / f"{run}.svg", tmp_path / f"{run}.png", paper)
    for suffix in ["svg", "png"]:
        one, other = ((tmp_path / f"{run}.{suffix}").read_bytes() for run in "ab")
        assert one == other
        assert len(one) > 5_000


def test_six_vamps_stand_beside_their_prompts_settings_in_turns(tables):
    figure = generation.vamps(tables["vamps"])
    titles = [axis.get_title() for axis in figure.axes]
    assert len(titles) == 12
    named = ["inpaint", "inpaint", "periodic", "periodic", "inpaint", "inpaint"]
    assert titles[1::2] == [f"vamp: {name}, 25 % of tokens kept" for name in named]
    assert titles[::2] == ["prompt, train", "prompt, control"] * 3


def test_a_panel_a_kind_and_a_line_an_encoder(table):
    figure = robustness.robustness(table)
    panels = [axis for axis in figure.axes if axis.axison]
    assert [axis.get_title() for axis in panels] == ["Pitch shift", "White noise"]
    drawn = {line.get_label(): line for line in panels[0].lines if line.get_label()[0] != "_"}
    assert set(drawn) == {"musicnn", "MFCC", "an encoder of yours"}
    assert np.array_equal(drawn["MFCC"].get_xdata(), [-3, 0, 3])
    assert np.array_equal(drawn["MFCC"].get_ydata(), [0.5, 0.5, 0.5])


def test_random_weights_are_named_in_the_legend(table):
    marked = table.assign(encoder=table.encoder.replace("musicnn", "clap (random weights)"))
    figure = robustness.robustness(marked)
    assert "CLAP (random weights)" in [text.get_text() for text in figure.legends[0].texts]


def test_every_generator_is_named_above_its_figure(tmp_path, tables):
    marked = tables["exceedance"].assign(generator="vampnet (random weights: plumbing only)")
    figures.draw("exceedance", marked, tmp_path / "a.svg", tmp_path / "a.png", PAPER)
    assert "vampnet (random weights: plumbing only)" in (tmp_path / "a.svg").read_text()


def test_the_paper_is_marked_on_its_own_encoder_alone(tables):
    def stars(table):
        drawn = {}
        for axis in influence.exceedance(table, PAPER).axes:
            (line,) = [line for line in axis.lines if line.get_marker() == "*"]
            drawn[axis.get_title()] = line.get_xydata().round(4).tolist()
            assert [text.get_text() for text in axis.texts] == ["paper, table 3"] * bool(
                drawn[axis.get_title()]
            )
        return drawn

    found = stars(tables["exceedance"])
    assert found["MFCC"] == []
    # table 3 of the paper, k = 1: 3,201, 1,929, 924, 317 and 89 of 10,000 vamps
    shares = [0.3201, 0.1929, 0.0924, 0.0317, 0.0089]
    assert found["CLMR"] == [
        list(p) for p in zip([0.875, 0.895, 0.915, 0.935, 0.955], shares, strict=True)
    ]
    marked = tables["exceedance"].replace("clmr", "clmr (random weights: plumbing only)")
    assert not any(stars(marked).values())


def test_outputs_without_prompts_have_a_figure_that_says_so(tables):
    figure = influence.prompt_vs_training(tables["prompt_vs_training"].iloc[:0])
    assert [text.get_text() for text in figure.texts] == ["No prompt is known."]


def test_every_curve_of_exceedance_is_drawn_from_its_own_rows(tables):
    table = tables["exceedance"]
    axis = influence.exceedance(table, PAPER).axes[0]
    drawn = {line.get_label(): line.get_ydata() for line in axis.lines}
    mine = table[table.encoder == "clmr"].set_index(["source", "index", "prompt_track"]).share
    for key, (label, _, _) in influence.SOURCES.items():
        assert drawn[label].tolist() == mine[key].tolist(), key
