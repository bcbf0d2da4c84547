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
            "output_id": [f"e{number:04d}" for number in range(tracks * excerpts)],
            "cluster": np.repeat([f"t{number:03d}" for number in range(tracks)], excerpts),
            "cosine": cosine,
        }
    )


# -- p-values --------------------------------------------------------------------------------------


def outputs_of(**settings):
    """Rows of outputs: setting -> cosines."""
    rows = [(name, cosine) for name, cosines in settings.items() for cosine in cosines]
    table = pd.DataFrame(rows, columns=["setting", "cosine"])
    names = [f"v{number}" for number in range(len(table))]
    table = table.assign(encoder="test", prompt_track="included", split="train")
    return table.assign(output_id=names, cluster=names)


def test_the_outputs_of_a_setting_are_one_family():
    null = pd.DataFrame({"cosine": np.arange(19) / 20, "cluster": np.arange(19)})
    outputs = outputs_of(coarse=[0.99, 0.5, 0.0], fine=[0.99])
    found = calibration.p_values(outputs, null)
    assert found.p.tolist() == pytest.approx([1 / 20, 10 / 20, 1, 1 / 20])
    assert found.q.tolist() == pytest.approx([3 / 20, 15 / 20, 1, 1 / 20])
    assert found.output_id.tolist() == outputs.output_id.tolist()
    together = calibration.p_values(outputs.assign(setting="one"), null)
    assert together.q.tolist() == pytest.approx(false_discovery_control(found.p))
    assert together.q.iloc[3] == pytest.approx(2 / 20), "a larger family"


# -- halves ----------------------------------------------------------------------------------------


def test_no_track_is_in_both_halves_and_every_one_is_in_one():
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
    return [tuple(frozenset(part.output_id) for part in pair) for pair in pairs]


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


# -- planted clips ---------------------------------------------------------------------------------


def planted_of(cosines, split="train", kind="noise", level=10.0):
    """Best matches of perturbed clips, and their clip list."""
    names = [f"{kind}{level:g}{split}{number}" for number in range(len(cosines))]
    matches = pd.DataFrame({"encoder": "test", "output_id": names, "cluster": names})
    clips = pd.DataFrame({"clip_id": names, "kind": kind, "level": level, "unit": "dB"})
    return matches.assign(split=split, cosine=cosines), clips


def planted(*parts, null=None, control=None, fdr=0.1, draws=10):
    matches, clips = (pd.concat(tables, ignore_index=True) for tables in zip(*parts, strict=True))
    null = control_music(tracks=100, excerpts=1) if null is None else null
    control = null if control is None else control
    table = calibration.planted(matches, clips, null, control, fdr, draws, seed=0)
    return table.set_index(["kind", "level"])


def test_planted_clips_that_stand_out_are_found_and_hopeless_ones_are_not():
    draw = rng(0, "test.planted")
    table = planted(
        planted_of(10 + draw.normal(size=30)),
        planted_of(draw.normal(size=30), level=0.0),
        planted_of(-10 + draw.normal(size=30), kind="pitch", level=5.0),
    )
    sure, chance, hopeless = table.loc[("noise", 10)], table.loc[("noise", 0)], table.iloc[2]
    assert (table.n_planted == 30).all()
    assert (table.unit == "dB").all()
    assert (sure.power, sure.power_at_05) == (1, 1)
    assert 30 <= sure.discoveries < 34
    assert chance.power < 0.2
    assert chance.power_at_05 < 0.2
    assert (hopeless.power, hopeless.power_at_05) == (0, 0)


@pytest.mark.parametrize("fdr", [0.05, 0.1, 0.3])
def test_no_more_discoveries_are_false_than_asked_for(fdr):
    """Mean over control sets, which are large enough for 1 in 151 to be a discovery."""
    shares, powers = [], []
    for seed in range(20):
        clips = planted_of(6 + rng(seed, "test.copies").normal(size=30))
        null = control_music(seed, tracks=300, excerpts=1)
        row = planted(clips, null=null, fdr=fdr).iloc[0]
        shares.append(row.false_share)
        powers.append(row.power)
        assert row.false_share <= row.false_share_high
    assert np.mean(shares) <= fdr * 150 / 180 + 3 * np.std(shares) / np.sqrt(len(shares))
    assert np.mean(shares) > fdr / 2
    assert np.mean(powers) > 0.9


def test_false_discoveries_are_counted_among_control_music():
    """With p of 1/2 for all, a rate of 1 discovers everything."""
    null = control_music(tracks=40, excerpts=1).assign(cosine=0.5)
    row = planted(planted_of([0.6] * 5), null=null, fdr=1.0).iloc[0]
    assert row.discoveries == 5 + 20
    assert (row.false_share, row.false_share_high) == pytest.approx((20 / 25, 20 / 25))
    assert row.power == 1


def test_perturbed_control_clips_show_what_the_perturbation_does_by_itself():
    null = control_music(tracks=60, excerpts=1)
    high, low = null.cosine.max() + 1, null.cosine.min() - 1
    table = planted(
        planted_of([high, high]),
        planted_of([high, high, low, low], split="control"),
        planted_of([high], kind="pitch"),
        planted_of([high], kind="alone", split="control"),
        null=null,
    )
    assert set(table.index) == {("noise", 10), ("pitch", 10)}, "nothing planted, nothing to find"
    assert table.perturbed_false_at_05["noise", 10] == 0.5
    assert np.isnan(table.perturbed_false_at_05["pitch", 10])
    assert table.n_planted["noise", 10] == 2


def test_where_nothing_is_planted_there_is_nothing_to_find_however_little_control_music():
    matches, clips = planted_of([0.5, 0.6], split="control")
    null = control_music(tracks=1, excerpts=1)
    assert calibration.planted(matches, clips, null, None, fdr=0.1, draws=3, seed=0).empty


def test_clips_are_held_against_music_that_went_through_what_they_went_through():
    """The codec takes from every clip: what it never took from looks near beside what it did."""
    control = control_music(tracks=200, excerpts=1)
    coded = control.assign(cosine=control.cosine - 5)
    draw = rng(0, "test.coded")
    unchanged = draw.normal(size=400)
    table = planted(
        planted_of([9.0] * 20, level=0.0),
        planted_of(unchanged, split="control", level=0.0),
        planted_of([4.0] * 20, kind="codec", level=4.0),
        planted_of(unchanged - 5, split="control", kind="codec", level=4.0),
        null=coded,
        control=control,
    )
    assert table.perturbed_false_at_05.between(0.02, 0.09).all()
    assert (table.power_at_05 == 1).all()
    fault = planted(
        planted_of([9.0] * 20),
        planted_of(unchanged, split="control"),
        null=coded,
    )
    assert fault.perturbed_false_at_05.item() > 0.9


# -- pairs -----------------------------------------------------------------------------------------


def in_both_indexes(differences, clusters, split="train", prompt_track="excluded"):
    names = [f"{split}{number}" for number in range(len(differences))]
    found = {"train_equal": 0.5 + np.array(differences), "control": 0.5, "train": 0.99}
    return pd.concat(
        [
            pd.DataFrame({"output_id": names, "cluster": list(clusters), "cosine": cosines}).assign(
                encoder="test", index=index, prompt_track=prompt_track, split=split
            )
            for index, cosines in found.items()
        ]
    )


def test_paired_differences_by_hand():
    outputs = pd.concat(
        [
            in_both_indexes([0.1, 0.2, 0.3], "aab"),
            in_both_indexes([-0.3, -0.3], "cd", split="control"),
        ]
    )
    table = calibration.paired(outputs, 400, 0.95, seed=0).set_index("prompts")
    assert table.n_outputs.to_dict() == {"all": 5, "control": 2, "train": 3}
    assert table.n_prompts.to_dict() == {"all": 4, "control": 2, "train": 2}
    assert table.difference["train"] == pytest.approx(0.2)
    assert table.difference["control"] == pytest.approx(-0.3)
    assert table.difference["all"] == pytest.approx(0)
    assert table.loc["train", ["low", "high"]].tolist() == pytest.approx([0.15, 0.3])
    # flips of prompts, not of outputs: 1 of 4 is as large, 4 of 4, and of 0.3 four times 11 of 16
    assert table.sign_flip_p["train"] == pytest.approx(1 / 4, abs=0.08)
    assert table.sign_flip_p["control"] == 1
    assert table.sign_flip_p["all"] == pytest.approx(11 / 16, abs=0.08)


def test_ten_vamps_of_a_prompt_say_no_more_than_one():
    """Flips and resamples take a prompt's track whole: copies change neither p nor interval."""
    one = in_both_indexes([0.1, 0.2, -0.05, 0.3], "abcd")
    ten = pd.concat([one.assign(output_id=one.output_id + f" {n}") for n in range(10)])
    few, many = (calibration.paired(part, 400, 0.95, seed=0) for part in (one, ten))
    assert (many.n_outputs == 10 * few.n_outputs).all()
    columns = ["n_prompts", "difference", "low", "high", "sign_flip_p"]
    pd.testing.assert_frame_equal(many[columns], few[columns])


def test_a_nearer_training_set_is_seen_for_each_prompt_track():
    draw = rng(0, "test.pairs")
    near, same = 0.1 + 0.1 * draw.normal(size=40), 0.1 * draw.normal(size=40)
    clusters = [f"t{number // 2}" for number in range(40)]
    outputs = pd.concat(
        [
            in_both_indexes(near, clusters, prompt_track="included"),
            in_both_indexes(same, clusters, prompt_track="excluded"),
        ]
    )
    table = calibration.paired(outputs, 999, 0.95, seed=0)
    table = table[table.prompts == "all"].set_index("prompt_track")
    assert table.sign_flip_p["included"] < 0.01
    assert table.low["included"] > 0
    assert table.sign_flip_p["excluded"] > 0.05
    assert table.low["excluded"] < 0 < table.high["excluded"]


# -- all of it -------------------------------------------------------------------------------------


def test_calibrate_keeps_encoders_prompt_tracks_and_outputs_apart():
    """The second encoder's null is as high as its outputs, so that it discovers nothing."""
    control = control_music(tracks=40)
    null = [control.assign(of="output"), control.assign(of="clip", cosine=control.cosine - 3)]
    null = pd.concat(null + [part.assign(encoder="other", cosine=99.0) for part in null])
    both = [
        in_both_indexes([0.1] * count, names, split, prompt_track)
        for count, names, split in ((6, "abcdef", "train"), (4, "ghij", "control"))
        for prompt_track in ("included", "excluded")
    ]
    outputs = pd.concat(both, ignore_index=True).assign(setting="x", of="output")
    near = (outputs.prompt_track == "included") & (outputs["index"] == "train")
    outputs.loc[near, "cosine"] = 9.0
    outputs = pd.concat([outputs, outputs.assign(encoder="other"), outputs.assign(of="clip")])
    hidden, clips = planted_of([9.0] * 20)  # fewer could not be told from 20 control tracks
    hidden = pd.concat([hidden, hidden.assign(encoder="other")]).assign(of="clip")
    null["index"] = "train"
    found = calibration.calibrate(outputs, null, null, hidden, clips, 0.1, 3, 50, 0.95, seed=0)
    keys = ["encoder", "prompt_track"]
    rows = found["calibration"].set_index(keys)
    assert (rows.fdr == 0.1).all()
    assert (rows.n_outputs == 10).all()
    assert (rows.n_null_tracks == 40).all()
    assert rows.smallest_p.tolist() == pytest.approx([1 / 41] * 4)
    assert rows.discoveries["test", "included"] == 10
    assert rows.discoveries_train_prompts["test", "included"] == 6
    assert rows.discoveries_control_prompts["test", "included"] == 4
    assert rows.p_at_05["test", "included"] == 1
    assert rows.discoveries["other"].tolist() == [0, 0]
    p = found["p_values"].set_index(keys).p["test", "excluded"]
    assert p.tolist() == pytest.approx([*conformal_p([0.99], control.cosine, control.cluster)] * 10)
    assert len(found["p_values"]) == 2 * 2 * 10
    assert found["planted"].set_index("encoder").power.to_dict() == {"test": 1, "other": 0}
    assert len(found["paired"]) == 2 * 2 * 3
    music = {
        key: set(zip(part.source, part.prompts, strict=True))
        for key, part in found["curve"].groupby(keys)
    }
    of_outputs = {("outputs", "train"), ("outputs", "control")}
    assert music["test", "included"] == of_outputs | {("control", "")}
    assert music["other", "excluded"] == of_outputs
