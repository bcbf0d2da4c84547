import numpy as np
import pandas as pd
import pytest
import tiny_openvamp

from musical_roots import audio, figures
from musical_roots.figures import generation, influence, robustness


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
    return dict.fromkeys(figures.FIGURES, table) | own | of_influence() | of_listening()


def of_listening(source="simulated listeners") -> dict[str, pd.DataFrame]:
    """Small tables of Experiment A, of two encoders and both arms; any number will do."""

    def table(**values) -> pd.DataFrame:
        grid = pd.MultiIndex.from_product(values.values(), names=values).to_frame(index=False)
        shares = {"agreement": 0.7, "value": 0.7, "covered": 0.9, "told_from_chance": 0.1}
        for column, share in shares.items():
            if column not in grid:
                grid[column] = share
            grid[f"{column}_low"], grid[f"{column}_high"] = share - 0.05, share + 0.05
        bounds = {"low": 0.6, "high": 0.8, "wilson_low": 0.65, "wilson_high": 0.75}
        return grid.assign(source=source, half_width=5.0, **bounds)

    who = {"arm": ["ours", "paper"], "encoder": ["clmr", "mfcc"]}
    grouped = table(**who, by=["drawn", "bins"], group=["rank_1 : random", "1 : 4"])
    fits = grouped.group.str[0].map({"r": "drawn", "1": "bins"}) == grouped.by
    designs = {"x_clips": [15], "listeners": [20, 90], "answers_each": [10, 40]}
    methods = {"method": ["pooled", "clustered", "model"], "agreement": [0.5, 0.6]}
    drawn = table(design=["the paper's", "ours"], **methods).assign(x_clips=15, listeners=90)
    return {
        "listening_agreement": grouped[fits],
        "listening_curves": table(**who, by=["gap"], what=["curve", "answers"], at=[0.0, 0.5]),
        "listening_people": table(**who, measure=["human_to_human", "encoder_to_human"]),
        "simulated_power": table(**designs, **methods).drop(columns="source"),
        "simulated_coverage": drawn.assign(answers_each=10).drop(columns="source"),
    }


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
        figures.draw(name, table, tmp_path / f"{run}.svg", tmp_path / f"{run}.png")
    for suffix in ["svg", "png"]:
        one, other = ((tmp_path / f"{run}.{suffix}").read_bytes() for run in "ab")
        assert one == other
        assert len(one) > 5_000


@pytest.mark.parametrize("name", list(of_listening()))
def test_where_nobody_answered_the_figure_says_so(name):
    simulated = figures.FIGURES[name](of_listening()[name])
    assert "SIMULATED" in simulated.get_suptitle()
    heard = figures.FIGURES[name](of_listening("people")[name])
    assert (heard.get_suptitle() == "") == name.startswith("listening")


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
    figures.draw("exceedance", marked, tmp_path / "a.svg", tmp_path / "a.png")
    assert "vampnet (random weights: plumbing only)" in (tmp_path / "a.svg").read_text()


def test_the_paper_is_marked_on_its_own_encoder_alone(tables):
    panels = influence.exceedance(tables["exceedance"]).axes
    texts = {axis.get_title(): [text.get_text() for text in axis.texts] for axis in panels}
    assert texts["MFCC"] == []
    assert [text.split()[-1] for text in texts["CLMR"]] == ["[S]", "[A]"]
    marked = tables["exceedance"].replace("clmr", "clmr (random weights: plumbing only)")
    assert not any(axis.texts for axis in influence.exceedance(marked).axes)


def test_outputs_without_prompts_have_a_figure_that_says_so(tables):
    figure = influence.prompt_vs_training(tables["prompt_vs_training"].iloc[:0])
    assert [text.get_text() for text in figure.texts] == ["No prompt is known."]


def test_every_curve_of_exceedance_is_drawn_from_its_own_rows(tables):
    table = tables["exceedance"]
    axis = influence.exceedance(table).axes[0]
    drawn = {line.get_label(): line.get_ydata() for line in axis.lines}
    mine = table[table.encoder == "clmr"].set_index(["source", "index", "prompt_track"]).share
    for key, (label, _, _) in influence.SOURCES.items():
        assert drawn[label].tolist() == mine[key].tolist(), key
