from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tiny_openvamp
from figure_tables import (
    of_bins,
    of_dose,
    of_influence,
    of_lengths,
    of_listening,
    of_race,
    of_retrieval,
)

from musical_roots import audio, figures
from musical_roots.figures import generation, influence, planted, robustness
from musical_roots.figures.carried import carried
from musical_roots.figures.looks import TRAIN, look, tint
from musical_roots.weights import PLUMBING

PAPER = pd.read_csv(Path(__file__).parents[2] / "config/paper/table3.csv")


@pytest.fixture
def table():
    rows = []
    levels = {"pitch": [-3, 0, 3], "noise": [-30, 30], "mp3": [32, 320], "crop": [0, 1.5]}
    levels |= {"splice_training": [25, 50, 75], "splice_crossfade": [50]}
    for encoder in ["musicnn", "mfcc", "an encoder of yours"]:
        for kind, values in levels.items():
            for level in values:
                rows.append((encoder, kind, "", float(level), 0.5, 0.4, 0.6, 0.1))
    columns = "encoder kind generator level cosine_mean cosine_low cosine_high cosine_floor"
    table = pd.DataFrame(rows, columns=columns.split())
    for k, share in ((1, 0.3), (5, 0.5), (10, 0.7)):
        ends = {"": share, "_low": share - 0.1, "_high": share + 0.1}
        table = table.assign(**{f"recall_at_{k}{end}": value for end, value in ends.items()})
    return table


@pytest.fixture
def paper():
    return pd.read_csv(Path(__file__).parents[2] / "config/paper/figure1.csv")


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
        "bins": of_bins(),
        "openvamp_training": pd.DataFrame(curve),
        "ngram_overlap": pd.DataFrame(shares, columns=names),
        "vamps": pd.DataFrame(vamps, columns=[*columns.split(), "sample_rate", "kept_share"]),
        "race": of_race(),
        "retrieval": of_retrieval(),
        "dose": of_dose(),
        "lengths": of_lengths(),
    }
    return dict.fromkeys(figures.FIGURES, table) | own | of_influence() | of_listening()


@pytest.mark.parametrize("name", list(figures.FIGURES))
def test_the_same_table_gives_the_same_bytes(tmp_path, tables, name, paper):
    table = tables[name]
    beside = {"robustness": [paper], "exceedance": [PAPER]}.get(name, [])
    for run in "ab":
        figures.draw(name, table, tmp_path / f"{run}.svg", tmp_path / f"{run}.png", *beside)
    for suffix in ["svg", "png"]:
        one, other = ((tmp_path / f"{run}.{suffix}").read_bytes() for run in "ab")
        assert one == other
        assert len(one) > 5_000


def test_bins_stand_in_a_panel_an_encoder(tables):
    figure = figures.FIGURES["bins"](tables["bins"])
    clmr, mfcc = (axis for axis in figure.axes if axis.axison)
    assert clmr.get_title() == f"CLMR\n({PLUMBING})"  # as its label says
    assert PLUMBING in figure.get_suptitle().replace("\n", " ")
    for axis in (clmr, mfcc):
        assert [text.get_text() for text in axis.texts] == ["4", "3", "2", "1"]
        assert axis.get_xlim() == clmr.get_xlim() and axis.get_xlim()[1] > 1.04
    papers = [line.get_xdata()[0] for line in clmr.lines if line.get_linestyle() == ":"]
    assert papers == pytest.approx([1.02, 0.92, 0.82, 0.72])
    assert not [line for line in mfcc.lines if line.get_linestyle() == ":"]
    told = [text.get_text() for text in figure.legends[0].get_texts()]
    assert told[-1] == "the paper's centres"
    alone = figures.FIGURES["bins"](tables["bins"][tables["bins"].encoder == "mfcc"])
    assert "the paper's centres" not in [t.get_text() for t in alone.legends[0].get_texts()]


def test_the_race_has_a_row_a_method_and_its_ceilings_across():
    figure = figures.FIGURES["race"](of_race())
    named = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert named == ["grams", "share", "MFCC: max", "random scores"]  # the best of a kind first
    for axis in figure.axes:
        across = [line.get_xdata()[0] for line in axis.lines if "ceiling" in line.get_label()]
        assert across == pytest.approx([0.8**0.5, 0.6])  # of two seeds the square root
        circles = [line for line in axis.lines if line.get_marker() == "o"]
        drawn = {x: y for line in circles for x, y in line.get_xydata()}
        assert [round(y) for _, y in sorted(drawn.items())] == [3, 2, 1, 0]


def test_a_race_without_a_truth_is_a_sentence():
    figure = figures.FIGURES["race"](of_race()[:0])
    assert not figure.axes and "No truth" in figure.texts[0].get_text()


@pytest.mark.parametrize("name", list(of_listening()))
def test_where_nobody_answered_the_figure_says_so(name):
    simulated = figures.FIGURES[name](of_listening()[name])
    assert "SIMULATED" in simulated.get_suptitle()
    heard = figures.FIGURES[name](of_listening("people")[name])
    assert ("SIMULATED" in heard.get_suptitle()) == name.startswith("simulated")


def test_the_lines_of_coverage_are_where_the_config_wants_them():
    figure = figures.FIGURES["simulated_coverage"](of_listening()["simulated_coverage"])
    dotted = [
        line.get_xdata()[0]
        for axis in figure.axes
        for line in axis.lines
        if line.get_linestyle() == ":"
    ]
    assert dotted == pytest.approx([0.1, 0.9])


def test_six_vamps_stand_beside_their_prompts_settings_in_turns(tables):
    figure = generation.vamps(tables["vamps"])
    titles = [axis.get_title() for axis in figure.axes]
    assert len(titles) == 12
    named = ["inpaint", "inpaint", "periodic", "periodic", "inpaint", "inpaint"]
    assert titles[1::2] == [f"vamp: {name}, 25 % of tokens kept" for name in named]
    assert titles[::2] == ["prompt, train", "prompt, control"] * 3


def test_a_panel_a_kind_and_a_line_an_encoder(table):
    figure = robustness.robustness_cosine(table)
    panels = [axis for axis in figure.axes if axis.axison]
    titles = ["Pitch shift", "White noise", "Splice of two clips searched"]
    titles += ["Splice with a cross-fade", "MP3 round trip", "Shifted clip grid"]
    assert [axis.get_title() for axis in panels] == titles
    drawn = {line.get_label(): line for line in panels[0].lines if line.get_label()[0] != "_"}
    assert set(drawn) == {"musicnn", "MFCC", "an encoder of yours"}
    assert np.array_equal(drawn["MFCC"].get_xdata(), [-3, 0, 3])
    assert np.array_equal(drawn["MFCC"].get_ydata(), [0.5, 0.5, 0.5])


def test_random_weights_are_named_in_the_legend(table):
    marked = table.assign(encoder=table.encoder.replace("musicnn", "clap (random weights)"))
    figure = robustness.robustness_cosine(marked)
    assert "CLAP (random weights)" in [text.get_text() for text in figure.legends[0].texts]
    columns = [axis.get_title() for axis in robustness.robustness(marked).axes]
    assert "CLAP\n(random weights)" in columns


def cells(figure, table):
    """Axes of figure 1 by kind and encoder."""
    kinds = [kind for kind in robustness.PAPER_KINDS if kind in set(table.kind)]
    encoders = list(dict.fromkeys(table.encoder))
    keys = [(kind, encoder) for kind in kinds for encoder in encoders]
    return dict(zip(keys, figure.axes, strict=True))


def curves(axis, **look):
    """Points of the lines of a panel that look so."""
    return [
        line.get_xydata()
        for line in axis.lines
        if all(getattr(line, f"get_{name}")() == value for name, value in look.items())
    ]


def test_figure_1_has_a_row_a_kind_a_column_an_encoder_and_a_line_a_k(table):
    panels = cells(robustness.robustness(table), table)
    assert {kind for kind, _ in panels} == {"pitch", "noise", "splice_training"}
    axis = panels["pitch", "mfcc"]
    for k, share in ((1, 0.3), (5, 0.5), (10, 0.7)):
        (drawn,) = curves(axis, color=tint(look("mfcc")["color"], robustness.FIRST[k][0]))
        assert np.array_equal(drawn, [[-3, share], [0, share], [3, share]])
    bands = [np.unique(band.get_paths()[0].vertices[:, 1].round(3)) for band in axis.collections]
    ends = sorted([min(band), max(band)] for band in bands)
    assert np.allclose(ends, [[0.2, 0.4], [0.4, 0.6], [0.6, 0.8]])


def test_the_papers_curves_stand_behind_its_encoders_and_far_from_others(table, paper):
    named = {"musicnn": "clap", "mfcc": "clmr", "an encoder of yours": "random"}
    table = table.assign(encoder=table.encoder.map(named))
    figure = robustness.robustness(table, paper)
    panels = cells(figure, table)
    for kind in ("pitch", "noise", "splice_training"):
        for name in ("CLAP", "CLMR"):
            for k in (1, 5, 10):
                part = paper[(paper.kind == kind) & (paper.encoder == name) & (paper.k == k)]
                wanted = part.sort_values("level")[["level", "recall_percent"]] / [1, 100]
                color = tint(look(name.lower())["color"], robustness.FIRST[k][0])
                own = curves(panels[kind, name.lower()], color=color)
                assert sum(np.array_equal(wanted, one) for one in own) == 1
                others = curves(panels[kind, "random"], color=robustness.AFAR_COLOR)
                there = sum(np.array_equal(wanted, one) for one in others)
                assert there == (k == 1), "elsewhere the first match alone"
    texts = [text.get_text() for text in figure.legends[0].texts]
    assert "paper: CLAP, first 1 (5M clips, its corpus)" in texts
    assert "the paper's, of this encoder (5M clips, its corpus)" in texts
    assert figure.axes[2].get_title().endswith("control")
    assert panels["pitch", "random"].get_facecolor() != panels["pitch", "clap"].get_facecolor()


def test_random_weights_are_not_the_papers_encoder(table, paper):
    marked = table.assign(encoder="clap (random weights: plumbing only)")
    panels = cells(robustness.robustness(marked, paper), marked)
    assert len(curves(panels["pitch", marked.encoder[0]], linestyle="--")) == 2  # both in grey
    assert len(curves(panels["pitch", marked.encoder[0]], color=robustness.AFAR_COLOR)) == 2


def test_vamps_of_two_generators_are_told_apart(table):
    vamped = table[table.kind == "splice_training"].assign(kind="splice_vamp")
    shares = {"a": 1.0, "b": 0.0}
    both = [vamped.assign(generator=name, recall_at_1=share) for name, share in shares.items()]
    figure = robustness.robustness(pd.concat([table, *both]))
    axis = figure.axes[-1]
    dashed = {line.get_ydata()[0]: line.is_dashed() for line in axis.lines}
    assert not dashed[1.0] and dashed[0.0]
    texts = [text.get_text() for text in figure.legends[0].texts]
    assert texts[-2:] == ["vamps of a", "vamps of b"]


def test_a_cross_fade_stands_beside_the_hard_cut(table):
    table.loc[table.kind == "splice_training", "recall_at_1"] = 0.9
    figure = robustness.robustness_extended(table)
    panels = {axis.get_title(): axis for axis in figure.axes if axis.axison}
    assert list(panels) == ["Splice with a cross-fade", "MP3 round trip", "Shifted clip grid"]
    lines = [line.get_xydata().tolist() for line in panels["Splice with a cross-fade"].lines]
    assert lines == [[[50, 0.3]], [[50, 0.9]]] * 3  # at the same levels
    assert "the same splice, cut hard" in [text.get_text() for text in figure.legends[0].texts]


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
        (line,) = [line for name, line in drawn.items() if label in name]
        assert line.tolist() == mine[key].tolist(), key


def test_of_two_curves_that_are_the_same_one_is_drawn_and_the_legend_says_so(tables):
    table = tables["exceedance"]
    keys = ["source", "index", "prompt_track"]
    equal = (table[keys] == ("outputs", "train_equal", "excluded")).all(axis=1)
    whole = (table[keys] == ("outputs", "train", "excluded")).all(axis=1)
    table.loc[equal, "share"] = table.share[whole].to_numpy()
    figure = influence.exceedance(table, PAPER)
    named = [line.get_label() for line in figure.axes[0].lines]
    names = {key: label for key, (label, _, _) in influence.SOURCES.items()}
    both = names["outputs", "train", "excluded"]
    also = names["outputs", "train_equal", "excluded"]
    assert f"{both}; {also} is the same curve" in named and also not in named


def test_calibration_with_and_without_the_prompts_track_is_one_line_where_it_is_one_curve(tables):
    table = tables["calibration"]
    of_control = (table.source == "outputs") & (table.prompts == "control")
    with_it, without = (
        of_control & (table.prompt_track == name) for name in ("included", "excluded")
    )
    table.loc[with_it, "share"] = table.share[without].to_numpy()
    named = [line.get_label() for line in influence.calibration(table).axes[0].lines]
    assert "outputs of control prompts, with their tracks and without" in named
    assert "outputs of train prompts, their tracks included" in named
    assert sum(name.startswith("control music") for name in named) == 1


def test_no_row_or_column_of_agreement_is_empty_and_nothing_is_cut(tables, tmp_path):
    table = tables["agreement"]
    figure = influence.agreement(table)
    left, right = (axis for axis in figure.axes if axis.get_title())
    assert len(left.texts) == 3 and len(right.texts) == 1  # n-gram overlap names no track
    for axis in (left, right):
        empty = np.ma.getmaskarray(axis.images[0].get_array())
        assert not empty.all(axis=0).any() and not empty.all(axis=1).any()
    figure.savefig(tmp_path / "a.png")
    room = figure.bbox
    for axis in (left, right):
        for label in [*axis.get_yticklabels(), *axis.get_xticklabels()]:
            box = label.get_window_extent()
            assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= room.x1, label.get_text()


def test_power_has_wilsons_interval():
    low, high = planted.ends(pd.Series([0.5, np.nan]), pd.Series([20, 20]))
    assert low[0] == pytest.approx(0.2993, abs=1e-4) and high[0] == pytest.approx(0.7007, abs=1e-4)
    assert np.isnan(low[1]) and np.isnan(high[1])


def test_competition_has_a_panel_for_each_search_and_two_for_its_checks(tables):
    figure = planted.competition(tables["competition"])
    titles = [*planted.SEARCHED.values(), planted.COPIES, planted.MUSIC]
    assert [axis.get_title() for axis in figure.axes] == titles
    table = tables["competition"].set_index(["prompt_track", "view", "fdr"]).sort_index()
    table = table.discoveries / 7
    for name, axis in zip(planted.SEARCHED, figure.axes, strict=False):
        for view, line in zip(["mfcc", "token_share"], axis.lines, strict=True):
            assert line.get_color() == look(view)["color"]
            assert line.get_ydata().tolist() == table[name, view].tolist()
    assert "of 7 outputs are found" in figure.get_suptitle().replace("\n", " ")


def test_longer_training_stands_in_the_order_of_what_was_heard():
    figure = figures.FIGURES["lengths"](of_lengths())
    left = figure.axes[0]
    assert [tick.get_text() for tick in left.get_xticklabels()] == ["200 x 8", "400 x 8", "800 x 8"]
    assert left.lines[0].get_color() == TRAIN
    assert left.lines[0].get_ydata().tolist() == [4.8, 4.6, 4.2]
    assert "from 0.20 to 0.80 nats" in figure.get_suptitle().replace("\n", " ")


def test_dose_says_its_trend_and_stands_beside_tracks_without_one():
    figure = figures.FIGURES["dose"](of_dose())
    lift = next(axis for axis in figure.axes if axis.get_title().startswith("Lift"))
    assert "rho 0.50, p < .001" in lift.get_title()
    drawn = [bars.lines[0].get_ydata().tolist() for bars in lift.containers]
    assert drawn == [[1.0, 1.1, 1.4], [1.0, 1.0, 1.0]]


@pytest.mark.parametrize("name", ["dose", "lengths", "race", "competition", "competition_planted"])
def test_where_nothing_is_known_the_figure_says_why(name, tables):
    figure = figures.FIGURES[name](tables[name][:0])
    (text,) = figure.texts
    assert not figure.axes and len(text.get_text()) > 20


def test_a_curve_of_training_ends_in_the_numbers_of_the_table():
    table = pd.DataFrame({"step": [25, 50, 50], "train_loss": [5.0, 4.0, 4.1]})
    table = table.assign(control_loss=[5.1, 5.0, 4.9], crops=[32, 32, 256])
    (axis,) = generation.openvamp_training(table).axes
    assert [text.get_text() for text in axis.texts] == ["4.10", "4.90"]
    lines = [line.get_xydata().tolist() for line in axis.lines if len(line.get_xdata()) == 2]
    assert lines == [[[25, 5.0], [50, 4.0]], [[25, 5.1], [50, 5.0]]]


def test_a_picture_carries_the_numbers_that_it_was_drawn_from(tables, tmp_path):
    table = of_retrieval().assign(recall_at_1=[0.123456, 0.7])
    figures.draw("retrieval", table, tmp_path / "a.svg", tmp_path / "a.png")
    found = carried(tmp_path / "a.png")
    pd.testing.assert_frame_equal(found, table.round(4))
    figures.influence.nothing((2, 2), "x").savefig(tmp_path / "b.png")
    assert carried(tmp_path / "b.png") is None


def test_spectrograms_are_small_files(tables, tmp_path):
    figures.draw("vamps", tables["vamps"], tmp_path / "a.svg", tmp_path / "a.png")
    assert (tmp_path / "a.svg").stat().st_size < 500_000
    assert (tmp_path / "a.png").stat().st_size < 500_000


def test_the_coded_index_is_drawn_with_all_codebooks_and_all_settings(tables):
    table = tables["coded_index"]
    fewer, apart = table.assign(codebooks=1.0, value=9.0), table.assign(setting="x", value=9.0)
    found = table.assign(codebooks=np.where(table.measure == "planted_at_05", 8.0, np.nan))
    found.loc[found.measure != "own_track_first", "setting"] = np.nan  # blank in the file
    fewer = fewer[fewer.measure == "planted_at_05"]
    figure = influence.coded_index(pd.concat([fewer, apart, found]))
    wanted = table.set_index(["measure", "index", "encoder"]).value.sort_index()
    for measure, axis in zip(influence.FOUND, figure.axes, strict=True):
        drawn = [bars.lines[0].get_ydata() for bars in axis.containers]
        for index, values in zip(influence.SEARCHED, drawn, strict=True):
            assert values.tolist() == wanted[measure, index].tolist()
