"""Doses are dealt by lot, outputs know of them by training alone, and trends are found."""

from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from tiny_openvamp import SIZE

from musical_roots import cli
from musical_roots.arrays import write_arrays, write_json
from musical_roots.errors import InputError
from musical_roots.experiments.counterfactual import beside, dose, lengths
from musical_roots.generators.base import VampSettings
from musical_roots.generators.openvamp import model
from musical_roots.tables import read_table, write_table

DOSES = [0, 1, 4]
TRACKS = [f"t{i:02d}" for i in range(20)]


def some_tokens(frames: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, SIZE.entries, (SIZE.codebooks, frames))


# -- dealing ---------------------------------------------------------------------------------------


def test_every_network_has_the_same_tracks_and_as_many_of_each_dose():
    dealt = [dose.dealt(TRACKS, number, DOSES, 5, seed=0) for number in range(3)]
    for each in dealt:
        assert each.value_counts().to_dict() == dict.fromkeys(DOSES, 5)
        assert list(each.index) == list(dealt[0].index)
    assert not dealt[0].equals(dealt[1])


def test_a_deal_hangs_on_the_seed_and_not_on_the_order_of_tracks():
    once = dose.dealt(TRACKS, 0, DOSES, 5, seed=0)
    assert once.equals(dose.dealt(TRACKS[::-1], 0, DOSES, 5, seed=0))
    assert not once.equals(dose.dealt(TRACKS, 0, DOSES, 5, seed=1))


def test_few_tracks_are_shared_out_evenly_and_too_few_are_refused():
    assert dose.dealt(TRACKS[:7], 0, DOSES, 5, seed=0).value_counts().tolist() == [2, 2, 2]
    with pytest.raises(InputError, match="3 doses, and 2 train tracks"):
        dose.dealt(TRACKS[:2], 0, DOSES, 5, seed=0)


def test_a_training_set_holds_each_track_as_often_as_its_dose_says():
    tokens = {name: some_tokens(5, i) for i, name in enumerate("abcd")}
    heard = dose.repeated(tokens, pd.Series({"a": 0, "b": 3, "c": 1}))
    assert sorted(heard) == ["b 0", "b 1", "b 2", "c 0", "d 0"]
    assert all(one is tokens[name[0]] for name, one in heard.items())


# -- outputs ---------------------------------------------------------------------------------------


def test_outputs_made_again_keep_what_was_kept_and_hang_on_the_network(tmp_path):
    tokens, kept = some_tokens(40), np.zeros((SIZE.codebooks, 40), bool)
    kept[:, :10] = True
    write_arrays({"tokens": tokens, "kept": kept}, tmp_path / "vamp.npz")
    settings = asdict(VampSettings(periodic_prompt=0, prefix_s=0.2, steps=3))
    row = {"output_id": "x", "tokens_path": str(tmp_path / "vamp.npz")} | settings
    made = []
    for seed in (0, 0, 1):
        network = model.MaskedTransformer(SIZE)
        model.initialise(network, seed)
        made.append(dose.made_again(network.eval(), pd.DataFrame([row]), seed=0)[0])
    for again, mask in made:
        np.testing.assert_array_equal(again[kept], tokens[kept])
        np.testing.assert_array_equal(mask, kept)
    np.testing.assert_array_equal(made[0][0], made[1][0])
    assert (made[0][0] != made[2][0]).any()


def test_a_lift_is_the_share_over_what_length_gives():
    """Of two outputs' frames, one track has all, one of the same length none."""
    owned, other = some_tokens(100, 0), some_tokens(100, 1) + SIZE.entries
    made = [(owned[:, :30], np.zeros((SIZE.codebooks, 30), bool))] * 2
    table = dose.found(made, ["elsewhere", "elsewhere"], {"a": owned}, {"b": other})
    table = table.set_index("track_id")
    assert table.share.to_dict() == pytest.approx({"a": 30, "b": 0})
    assert table.lift.to_dict() == pytest.approx({"a": 2, "b": 0})
    assert table.split.to_dict() == {"a": "train", "b": "control"}


def test_an_output_says_nothing_of_its_own_prompts_track():
    owned, other = some_tokens(100, 0), some_tokens(100, 1)
    made = [(each[:, :30], np.zeros((SIZE.codebooks, 30), bool)) for each in (owned, other)]
    table = dose.found(made, ["b", "b"], {"a": owned}, {"b": other}).set_index("track_id")
    assert table.share["a"] == pytest.approx(15, abs=0.5)  # some tuples stand in both by chance
    assert np.isnan(table.share["b"])


def test_measures_of_a_track_against_the_controls():
    lifts = {"a": 3.0, "b": 1.0, "c": 0.5, "k1": 2.0, "k2": 0.5, "k3": 0.1}
    shown = pd.DataFrame({"track_id": list(lifts), "lift": list(lifts.values())})
    shown["split"] = ["train"] * 3 + ["control"] * 3
    shown["n_frames"] = [100, 210, 300, 90, 200, 1000]
    shown["share"] = 1.0
    given, loss = pd.Series({"a": 4, "c": 0}), pd.Series({"a": 3.0, "b": 4.0, "c": 5.0})
    table = dose.measured(shown, loss, given, 2).set_index("track_id")
    assert table.dose.to_dict() == {"a": 4, "c": 0}
    assert table.p.to_dict() == {"a": 1 / 4, "c": 3 / 4}
    assert table["rank"].to_dict() == {"a": 1, "c": 3}
    assert table.matched_lift.to_dict() == {"a": 2.0, "c": 0.5}
    assert table.loss.to_dict() == {"a": 3.0, "c": 5.0}
    assert (table.network == 2).all()


# -- trends ----------------------------------------------------------------------------------------


def measures(effect: float, seed: int = 0, networks: int = 3) -> pd.DataFrame:
    """Tracks that differ much by themselves, and by their dose as much as said."""
    draws, rows = np.random.default_rng(seed), []
    own = 3 * draws.standard_normal(15)
    for number in range(networks):
        given = dose.dealt(TRACKS[:15], number, DOSES, 5, seed=seed)
        value = own + effect * np.log1p(given.to_numpy()) + draws.standard_normal(15)
        table = pd.DataFrame({"network": number, "track_id": given.index, "dose": given.to_numpy()})
        rows.append(table.assign(**dict.fromkeys(dose.MEASURES, value)))
    return pd.concat(rows, ignore_index=True)


def test_a_trend_is_found_under_differences_between_tracks():
    rho, p = dose.trend(measures(2.0), "lift", 500, seed=0)
    assert rho > 0.4 and p < 0.01
    falling, p = dose.trend(measures(-2.0), "lift", 500, seed=0)
    assert falling < -0.4 and p < 0.01


def test_without_a_trend_p_is_small_as_often_as_it_says():
    p = np.array([dose.trend(measures(0.0, seed), "lift", 99, seed)[1] for seed in range(200)])
    assert 0.02 <= (p <= 0.1).mean() <= 0.18
    assert 0.4 <= (p <= 0.5).mean() <= 0.6


def test_a_perfect_order_has_rho_one():
    table = measures(0.0, networks=1)
    table["lift"] = 10.0 * table.dose
    assert dose.trend(table, "lift", 99, seed=0)[0] == pytest.approx(1)


def test_a_summary_has_a_row_a_measure_and_dose():
    table = dose.summarised(measures(2.0), 99, 100, 0.95, seed=0)
    assert len(table) == len(dose.MEASURES) * len(DOSES)
    assert table.n_tracks.between(5, 15).all() and (table.n_networks == 3).all()
    assert ((table.low <= table["mean"]) & (table["mean"] <= table.high)).all()
    assert table.groupby("measure").p_trend.nunique().eq(1).all()


# -- length of training ----------------------------------------------------------------------------


def test_an_output_that_copies_its_prompts_track_has_it_on_top():
    train = {"a": some_tokens(100, 0), "b": some_tokens(100, 1)}
    nothing = np.zeros((SIZE.codebooks, 30), bool)
    made = [(train["a"][:, :30], nothing), (train["a"][:, 40:70], nothing)]
    outputs = pd.DataFrame({"prompt_track_id": ["a", "b"]})
    assert lengths.own_track(made, outputs, train).tolist() == [1, 0]
    twice = train | {"c": train["a"]}  # where two are on top, either is on top half the time
    assert lengths.own_track(made, outputs, twice).tolist() == [0.5, 0]


def small_study(folder):
    """Tokens of two splits, and a vamp list of a prompt of each."""
    tokens = {
        split: {f"{split}{i}": some_tokens(300, 10 * number + i) for i in range(4)}
        for number, split in enumerate(("train", "control"))
    }
    kept = np.zeros((SIZE.codebooks, 40), bool)
    kept[:, :10] = True
    rows = []
    for split in tokens:
        write_arrays(
            {"tokens": tokens[split][f"{split}0"][:, :40], "kept": kept}, folder / f"{split}.npz"
        )
        row = {"output_id": split, "prompt_split": split, "prompt_track_id": f"{split}0"}
        row |= {"setting": "inpaint", "tokens_path": str(folder / f"{split}.npz")}
        rows.append(row | asdict(VampSettings(periodic_prompt=0, prefix_s=0.2, steps=3)))
    return tokens, pd.DataFrame(rows)


HOW = {"steps": 2, "batch_size": 2, "device": "cpu", "precision": "fp32", "seed": 0}


def test_a_network_is_dosed_and_measured(tmp_path):
    tokens, outputs = small_study(tmp_path)
    how = {"doses": [0, 3], "tracks_a_dose": 2, "masks": 1} | HOW
    table = dose.measure_network(tokens, outputs, SIZE, number=1, **how)
    assert sorted(table.track_id) == [f"train{i}" for i in range(4)]
    assert sorted(table.dose) == [0, 0, 3, 3] and (table.network == 1).all()
    assert np.isfinite(table[list(dose.MEASURES)].to_numpy(float)).all()
    assert table.p.between(1 / 5, 1).all() and table["rank"].between(1, 4).all()


def test_a_length_of_training_is_measured(tmp_path):
    tokens, outputs = small_study(tmp_path)
    table = lengths.measure_length(tokens, outputs, SIZE, **HOW)
    assert table.setting.tolist() == ["all", "inpaint"] and (table.n_outputs == 1).all()
    assert table.steps.eq(2).all() and table.batch.eq(2).all()
    np.testing.assert_allclose(table.gap, table.control_loss - table.train_loss)


# -- what lies beside a truth ----------------------------------------------------------------------


def take(tmp_path, matches, *words):
    """The stage, with what was told of a truth; its two tables."""
    write_json({"matches": matches, "reason": ""}, tmp_path / "about.json")
    outs = [tmp_path / "out/dose.csv", tmp_path / "out/lengths.csv"]
    words = ["dose", "take", "--about", tmp_path / "about.json", *words]
    words += ["--dose-out", outs[0], "--lengths-out", outs[1]]
    CliRunner().invoke(cli.stages, list(map(str, words)), catch_exceptions=False)
    return [read_table(path) for path in outs]


def test_what_lies_beside_a_truth_is_taken_if_that_speaks_of_the_study(tmp_path):
    made = pd.DataFrame([range(9)], columns=beside.COLUMNS["dose"]).assign(measure="lift")
    write_table(made, tmp_path / "dose.csv")
    given = ["--dose", tmp_path / "dose.csv"]
    found, longer = take(tmp_path, True, *given)
    pd.testing.assert_frame_equal(found, made)
    assert longer.empty and list(longer) == beside.COLUMNS["lengths"]
    found, _ = take(tmp_path, False, *given)  # of other outputs
    assert found.empty and list(found) == beside.COLUMNS["dose"]


def test_what_lies_beside_a_truth_has_the_columns_that_are_drawn(tmp_path):
    rows = pd.DataFrame({"network": [0, 0], "track_id": ["a", "b"], "dose": [0, 1]})
    rows = rows.assign(**{key: [1.0, 2.0] for key in dose.MEASURES})
    assert list(dose.summarised(rows, 2, 2, 0.9, 0)) == beside.COLUMNS["dose"]
    tokens, outputs = small_study(tmp_path)
    assert list(lengths.measure_length(tokens, outputs, SIZE, **HOW)) == beside.COLUMNS["lengths"]
    write_table(rows, tmp_path / "dose.csv")
    with pytest.raises(InputError, match="column measure"):
        take(tmp_path, True, "--dose", tmp_path / "dose.csv")
