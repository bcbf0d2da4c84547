"""Are p-values what they say? On scores whose truth is known."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import false_discovery_control, ks_2samp

from musical_roots.experiments import calibration
from musical_roots.seeding import rng
from musical_roots.statistics import conformal_p


def control_music(seed=0, tracks=60, excerpts=3, shift=None, encoder="test"):
    """Best matches of excerpts, those of one track alike; all exchangeable unless some shift."""
    draw = rng(seed, "test.control")
    of_track = draw.normal(size=tracks) + (0 if shift is None else shift)
    cosine = np.repeat(of_track, excerpts) + 0.3 * draw.normal(size=tracks * excerpts)
    return pd.DataFrame(
        {
            "encoder": encoder,
            "unit": [f"e{number:04d}" for number in range(tracks * excerpts)],
            "cluster": np.repeat([f"t{number:03d}" for number in range(tracks)], excerpts),
            "cosine": cosine,
        }
    )


# -- p-values --------------------------------------------------------------------------------------


def vamps_of(**settings):
    """Rows of vamps: setting -> cosines."""
    rows = [(name, cosine) for name, cosines in settings.items() for cosine in cosines]
    table = pd.DataFrame(rows, columns=["setting", "cosine"])
    units = [f"v{number}" for number in range(len(table))]
    return table.assign(encoder="test", own="kept", unit=units, cluster=units, split="train")


def test_the_vamps_of_a_setting_are_one_family():
    null = pd.DataFrame({"cosine": np.arange(19) / 20, "cluster": np.arange(19)})
    vamps = vamps_of(coarse=[0.99, 0.5, 0.0], fine=[0.99])
    found = calibration.p_values(vamps, null)
    assert found.p.tolist() == pytest.approx([1 / 20, 10 / 20, 1, 1 / 20])
    assert found.q.tolist() == pytest.approx([3 / 20, 15 / 20, 1, 1 / 20])
    assert found.unit.tolist() == vamps.unit.tolist()
    together = calibration.p_values(vamps.assign(setting="one"), null)
    assert together.q.tolist() == pytest.approx(false_discovery_control(found.p))
    assert together.q.iloc[3] == pytest.approx(2 / 20), "a larger family"


# -- halves ----------------------------------------------------------------------------------------


def test_no_track_is_on_both_sides_and_every_one_is_on_one():
    null = control_music(tracks=21, excerpts=3)
    pairs = calibration.halves(null, 7, seed=0)
    assert len(pairs) == 7
    for calibrating, tested in pairs:
        assert not set(calibrating.cluster) & set(tested.cluster)
        assert set(calibrating.cluster) | set(tested.cluster) == set(null.cluster)
        assert (calibrating.cluster.value_counts() == 3).all(), "with all its excerpts"
        assert (tested.cluster.value_counts() == 1).all(), "with a single one"
        assert calibrating[calibrating.single].cluster.is_unique
        assert (calibrating.cluster.nunique(), len(tested)) == (10, 11)
    chosen = {tuple(sorted(set(calibrating.cluster))) for calibrating, _ in pairs}
    assert len(chosen) == 7, "and other tracks each time"


def parted(pairs):
    return [tuple(frozenset(part.unit) for part in pair) for pair in pairs]


def test_halves_are_the_same_for_all_encoders_and_orders_of_rows():
    null = control_music()
    halves = parted(calibration.halves(null, 5, seed=0))
    other = control_music(seed=1, encoder="other")  # other cosines
    assert parted(calibration.halves(other, 5, seed=0)) == halves
    shuffled = null.sample(frac=1, random_state=0)
    assert parted(calibration.halves(shuffled, 5, seed=0)) == halves
    assert parted(calibration.halves(null, 5, seed=1)) != halves
    assert parted(calibration.halves(null, 3, seed=0)) == halves[:3]


# -- uniformity ------------------------------------------------------------------------------------


def test_exchangeable_music_passes_and_its_curve_is_the_diagonal():
    """Of 30 control sets: seldom rejected, and as many false positives as p-values promise."""
    found = [calibration.uniformity(control_music(seed), 5, seed=seed) for seed in range(30)]
    summaries = pd.DataFrame([summary for summary, _ in found])
    assert (summaries.n_calibration == 30).all()
    assert (summaries.n_validation == 30).all()
    assert summaries.ks_rejected.mean() < 0.1
    assert (summaries.ks_p < 0.05).mean() < 0.2
    # p is 1/31 or more: .05 lets 1/31 through
    assert summaries.false_positives_at_05.mean() == pytest.approx(1 / 31, abs=0.02)
    share = np.mean([curve.share for _, curve in found], axis=0)
    assert np.abs(share - calibration.GRID).max() < 0.06
    for _, curve in found:
        assert curve.share.is_monotonic_increasing
        assert curve.share.iloc[-1] == 1
        assert (curve.low <= curve.high).all()


def test_music_that_calibrates_unlike_what_is_tested_is_found_out(monkeypatch):
    """Tested tracks lie a standard deviation higher, as no draw of halves would have it."""
    null = control_music(tracks=120)
    honest, _ = calibration.uniformity(null, 5, seed=0)

    def shifted(*arguments):
        return [(one, other.assign(cosine=other.cosine + 1)) for one, other in halves(*arguments)]

    halves = calibration.halves
    monkeypatch.setattr(calibration, "halves", shifted)
    summary, curve = calibration.uniformity(null, 5, seed=0)
    assert honest["ks_rejected"] <= 0.2
    assert summary["ks_rejected"] == 1
    assert summary["ks_p"] < 0.001
    assert summary["false_positives_at_05"] > 0.15
    assert (curve.share - calibration.GRID).max() > 0.2


def test_one_excerpt_of_each_track_is_compared():
    """Excerpts of a track are no independent draws: with all of them too much would look unlike."""
    null = control_music(tracks=40, excerpts=10)
    summary, _ = calibration.uniformity(null, 3, seed=0)
    calibrating, tested = calibration.halves(null, 3, seed=0)[0]
    single = calibrating.cosine[calibrating.single]
    assert (summary["n_calibration"], len(single), summary["n_validation"]) == (20, 20, 20)
    test = ks_2samp(single, tested.cosine)
    assert (summary["ks"], summary["ks_p"]) == (test.statistic, test.pvalue)


def test_uniformity_does_not_depend_on_the_order_of_rows():
    null = control_music(tracks=20)
    summary, curve = calibration.uniformity(null, 4, seed=0)
    shuffled = null.sample(frac=1, random_state=0)
    other_summary, other_curve = calibration.uniformity(shuffled, 4, seed=0)
    assert other_summary == pytest.approx(summary)
    pd.testing.assert_frame_equal(other_curve, curve)


def test_p_curve_is_the_share_at_or_below():
    p = [0.05, 0.05, 0.5, 1.0]
    curve = calibration.p_curve(p, list("aabc"), 200, 0.95, rng(0, "test")).set_index("p")
    assert curve.share.iloc[[0, 4, 5, 49, 50, 99, 100]].tolist() == [0, 0, 0.5, 0.5, 0.75, 0.75, 1]
    assert (curve.low.iloc[5], curve.high.iloc[5]) == (0, 1)
    assert (curve.low.iloc[100], curve.high.iloc[100]) == (1, 1)


# -- planted copies --------------------------------------------------------------------------------


def copies_of(cosines, split="train", kind="noise", level=10.0):
    """Best matches of perturbed clips, and their clip list."""
    units = [f"{kind}{level:g}{split}{number}" for number in range(len(cosines))]
    copies = pd.DataFrame({"encoder": "test", "unit": units, "cluster": units, "split": split})
    clips = pd.DataFrame({"clip_id": units, "kind": kind, "level": level, "unit": "dB"})
    return copies.assign(cosine=cosines), clips


def planted(*parts, null=None, level=0.1, draws=10):
    copies, clips = (pd.concat(tables, ignore_index=True) for tables in zip(*parts, strict=True))
    null = control_music(tracks=100, excerpts=1) if null is None else null
    table = calibration.planted(copies, clips, null, level, draws, seed=0)
    return table.set_index(["kind", "level"])


def test_copies_that_stand_out_are_found_and_hopeless_ones_are_not():
    draw = rng(0, "test.planted")
    table = planted(
        copies_of(10 + draw.normal(size=30)),
        copies_of(draw.normal(size=30), level=0.0),
        copies_of(-10 + draw.normal(size=30), kind="pitch", level=5.0),
    )
    sure, chance, hopeless = table.loc[("noise", 10)], table.loc[("noise", 0)], table.iloc[2]
    assert (table.n_planted == 30).all()
    assert (table.unit == "dB").all()
    assert (sure.power, sure.power_at_05) == (1, 1)
    assert 30 <= sure.discoveries < 34
    assert chance.power < 0.2
    assert chance.power_at_05 < 0.2
    assert (hopeless.power, hopeless.power_at_05) == (0, 0)


@pytest.mark.parametrize("level", [0.05, 0.1, 0.3])
def test_no_more_discoveries_are_false_than_the_level_allows(level):
    """Mean over control sets, which are large enough for 1 in 151 to be a discovery."""
    shares, powers = [], []
    for seed in range(20):
        copies = copies_of(6 + rng(seed, "test.copies").normal(size=30))
        null = control_music(seed, tracks=300, excerpts=1)
        row = planted(copies, null=null, level=level).iloc[0]
        shares.append(row.false_share)
        powers.append(row.power)
        assert row.false_share <= row.false_share_high
    assert np.mean(shares) <= level * 150 / 180 + 3 * np.std(shares) / np.sqrt(len(shares))
    assert np.mean(shares) > level / 2
    assert np.mean(powers) > 0.9


def test_false_discoveries_are_counted_among_control_music():
    """With p of 1/2 for all, a level of 1 discovers everything."""
    null = control_music(tracks=40, excerpts=1).assign(cosine=0.5)
    row = planted(copies_of([0.6] * 5), null=null, level=1.0).iloc[0]
    assert row.discoveries == 5 + 20
    assert (row.false_share, row.false_share_high) == pytest.approx((20 / 25, 20 / 25))
    assert row.power == 1


def test_perturbed_control_clips_show_what_the_perturbation_does_by_itself():
    null = control_music(tracks=60, excerpts=1)
    high, low = null.cosine.max() + 1, null.cosine.min() - 1
    table = planted(
        copies_of([high, high]),
        copies_of([high, high, low, low], split="control"),
        copies_of([high], kind="pitch"),
        copies_of([high], kind="alone", split="control"),
        null=null,
    )
    assert set(table.index) == {("noise", 10), ("pitch", 10)}, "nothing planted, nothing to find"
    assert table.perturbed_false_at_05["noise", 10] == 0.5
    assert np.isnan(table.perturbed_false_at_05["pitch", 10])
    assert table.n_planted["noise", 10] == 2


# -- pairs -----------------------------------------------------------------------------------------


def on_both_sides(differences, clusters, split="train", own="left_out"):
    units = [f"{split}{number}" for number in range(len(differences))]
    sides = {"train_equal": 0.5 + np.array(differences), "control": 0.5, "train": 0.99}
    return pd.concat(
        [
            pd.DataFrame({"unit": units, "cluster": list(clusters), "cosine": cosines}).assign(
                encoder="test", side=side, own=own, split=split
            )
            for side, cosines in sides.items()
        ]
    )


def test_paired_differences_by_hand():
    vamps = pd.concat(
        [
            on_both_sides([0.1, 0.2, 0.3], "aab"),
            on_both_sides([-0.3, -0.3], "cd", split="control"),
        ]
    )
    table = calibration.paired(vamps, 400, 0.95, seed=0).set_index("prompts")
    assert table.n_vamps.to_dict() == {"all": 5, "control": 2, "train": 3}
    assert table.n_prompts.to_dict() == {"all": 4, "control": 2, "train": 2}
    assert table.difference["train"] == pytest.approx(0.2)
    assert table.difference["control"] == pytest.approx(-0.3)
    assert table.difference["all"] == pytest.approx(0)
    assert table.loc["train", ["low", "high"]].tolist() == pytest.approx([0.15, 0.3])
    # flips of prompts, not of vamps: 1 of 4 is as large, 4 of 4, and of 0.3 four times 11 of 16
    assert table.sign_flip_p["train"] == pytest.approx(1 / 4, abs=0.08)
    assert table.sign_flip_p["control"] == 1
    assert table.sign_flip_p["all"] == pytest.approx(11 / 16, abs=0.08)


def test_a_nearer_training_set_is_seen_in_each_arm():
    draw = rng(0, "test.pairs")
    near, same = 0.1 + 0.1 * draw.normal(size=40), 0.1 * draw.normal(size=40)
    clusters = [f"t{number // 2}" for number in range(40)]
    vamps = pd.concat(
        [on_both_sides(near, clusters, own="kept"), on_both_sides(same, clusters, own="left_out")]
    )
    table = calibration.paired(vamps, 999, 0.95, seed=0)
    table = table[table.prompts == "all"].set_index("own")
    assert table.sign_flip_p["kept"] < 0.01
    assert table.low["kept"] > 0
    assert table.sign_flip_p["left_out"] > 0.05
    assert table.low["left_out"] < 0 < table.high["left_out"]


# -- all of it -------------------------------------------------------------------------------------


def test_calibrate_keeps_encoders_arms_and_units_apart():
    """The second encoder's null is as high as its vamps, so that it discovers nothing."""
    control = control_music(tracks=40)
    null = [control.assign(of="vamp"), control.assign(of="clip", cosine=control.cosine - 3)]
    null = pd.concat(null + [part.assign(encoder="other", cosine=99.0) for part in null])
    both = [on_both_sides([0.1] * 6, "abcdef", own=own) for own in ("kept", "left_out")]
    both += [on_both_sides([0.1] * 4, "ghij", "control", own) for own in ("kept", "left_out")]
    vamps = pd.concat(both, ignore_index=True).assign(setting="x", of="vamp")
    vamps.loc[(vamps.own == "kept") & (vamps.side == "train"), "cosine"] = 9.0
    vamps = pd.concat([vamps, vamps.assign(encoder="other"), vamps.assign(of="clip")])
    copies, clips = copies_of([9.0] * 20)  # fewer could not be told from 20 control tracks
    copies = pd.concat([copies, copies.assign(encoder="other")]).assign(of="clip")
    found = calibration.calibrate(vamps, null, copies, clips, 0.1, 3, 50, 0.95, seed=0)
    rows = found["calibration"].set_index(["encoder", "own"])
    assert (rows.n_vamps == 10).all()
    assert (rows.n_null_tracks == 40).all()
    assert rows.smallest_p.tolist() == pytest.approx([1 / 41] * 4)
    assert rows.discoveries["test", "kept"] == 10
    assert rows.discoveries_train_prompts["test", "kept"] == 6
    assert rows.discoveries_control_prompts["test", "kept"] == 4
    assert rows.p_at_05["test", "kept"] == 1
    assert rows.discoveries["other"].tolist() == [0, 0]
    p = found["p_values"].set_index(["encoder", "own"]).p["test", "left_out"]
    assert p.tolist() == pytest.approx([*conformal_p([0.99], control.cosine, control.cluster)] * 10)
    assert len(found["p_values"]) == 2 * 2 * 10
    assert found["planted"].set_index("encoder").power.to_dict() == {"test": 1, "other": 0}
    assert len(found["paired"]) == 2 * 2 * 3
    music = found["curve"].groupby(["encoder", "own"]).music.unique().map(set)
    vamps = {"vamps, train prompts", "vamps, control prompts"}
    assert music["test", "kept"] == vamps | {"held out"}
    assert music["other", "left_out"] == vamps
