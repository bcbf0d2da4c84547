"""What is said of generated tokens and of a codec, against known answers."""

import numpy as np
import pandas as pd
import pytest
import tiny_openvamp
from hypothesis import given
from hypothesis import strategies as st

from musical_roots import audio
from musical_roots.experiments.generation import (
    KnownRuns,
    codec_quality,
    ngram_overlap,
    ngram_overlap_by_setting,
    runs,
    stft_distance,
)

TRAIN = {
    "a": np.array([[1, 2, 3, 4, 5, 6, 7, 8]]),
    "b": np.array([[9, 9, 9, 3, 4, 5, 9, 9]]),
    "c": np.array([[20, 21, 22, 23]]),
}
GROUPS = {"a": "a", "b": "b", "c": "a"}  # c is a near duplicate of a


def overlap(tokens, but=""):
    known = KnownRuns(TRAIN, GROUPS, length=3)
    return known.overlap(np.array([tokens]), but)[0].astype(int).tolist()


def test_tokens_that_overlap_stand_in_a_run_of_the_training_set():
    assert overlap([0, 1, 2, 3, 0, 5, 6, 8]) == [0, 1, 1, 1, 0, 0, 0, 0]
    assert overlap([9, 9, 9, 3, 4, 5, 6, 0]) == [1] * 7 + [0]
    assert overlap([5, 4, 3, 2, 1]) == [0] * 5
    assert overlap([1, 2]) == [0, 0], "shorter than a run"


def test_runs_of_the_left_out_group_do_not_count_unless_others_have_them():
    assert overlap([1, 2, 3, 4, 5, 0], but="a") == [0, 0, 1, 1, 1, 0]  # 3 4 5 is b's too
    assert overlap([20, 21, 22], but="a") == [0] * 3
    assert overlap([20, 21, 22], but="b") == [1] * 3
    assert overlap([9, 9, 9, 3], but="b") == [0] * 4


def test_codebooks_do_not_mix():
    known = KnownRuns({"a": np.array([[1, 2, 3], [4, 5, 6]])}, {"a": "a"}, length=3)
    assert known.overlap(np.array([[4, 5, 6], [4, 5, 6]])).tolist() == [[False] * 3, [True] * 3]


@given(st.lists(st.integers(0, 3), min_size=4, max_size=40))
def test_equal_runs_have_equal_numbers_and_no_others(tokens):
    numbers = runs(np.array([tokens]), 4)[0]
    windows = [tuple(tokens[i : i + 4]) for i in range(len(tokens) - 3)]
    assert len(set(numbers.tolist())) == len(set(windows))
    by_window = {}
    for window, number in zip(windows, numbers, strict=True):
        assert by_window.setdefault(window, number) == number


def test_ngram_overlap_of_each_vamp_beside_real_music(tmp_path):
    chance = np.random.default_rng(0)
    train = {name: chance.integers(0, 64, (4, 300)) for name in "ab"}
    control = {"c": chance.integers(0, 64, (4, 300))}
    tracks = pd.DataFrame({"track_id": list("abc"), "group_id": list("abc")})
    whole, other = np.zeros((4, 50), bool), chance.integers(0, 64, (4, 50))
    half = whole.copy()
    half[:, :25] = True
    made = {
        "copies the prompt": ("train", "a", train["a"][:, 100:150], whole),
        "copies another": ("train", "a", train["b"][:, 100:150], half),
        "new": ("control", "c", other, whole),
    }
    rows = []
    for name, (split, group, tokens, kept) in made.items():
        np.savez(tmp_path / f"{name}.npz", tokens=tokens, kept=kept)
        rows.append((name, split, group, name, tmp_path / f"{name}.npz", "openvamp"))
    names = ["setting", "prompt_split", "prompt_group_id", "prompt_id", "tokens_path", "generator"]
    vamps = pd.DataFrame(rows, columns=names)
    vamps["output_id"] = [f"v{number}" for number in range(3)]
    table = ngram_overlap(vamps, train, control, tracks, seed=0)
    assert table.output_id.is_unique
    made = table[table.setting != "real music"]
    assert made.output_id.tolist() == vamps.output_id.tolist()
    assert made.cluster.tolist() == vamps.prompt_group_id.tolist()
    assert len(table) == 3 + 2 * 3, "as many excerpts of either split as prompts"
    pd.testing.assert_frame_equal(ngram_overlap(vamps, train, control, tracks, seed=0), table)
    table = table.drop_duplicates(["setting", "prompts"]).set_index(["setting", "prompts"])
    shares = ["kept_share", "overlap_share", "overlap_elsewhere_share", "overlap_coarsest_share"]
    assert table.loc[("copies the prompt", "train"), shares].tolist() == [0, 1, 0, 0]
    assert table.loc[("copies another", "train"), shares].tolist() == [0.5, 1, 1, 1]
    assert table.loc[("new", "control"), shares].tolist() == [0, 0, 0, 0]
    assert table.n_tokens.loc[("copies another", "train")] == 100
    assert table.loc[("real music", "train"), shares].tolist() == [0, 1, 0, 0]
    assert table.loc[("real music", "control"), shares].tolist() == [0, 0, 0, 0]
    assert (table.generator == "openvamp").all()


def shares(*rows):
    names = ["setting", "prompts", "cluster", "n_tokens", "kept_share", "overlap_share"]
    names += ["overlap_elsewhere_share", "overlap_coarsest_share"]
    return pd.DataFrame(rows, columns=names).assign(generator="openvamp")


def test_overlaps_by_setting_are_means_over_vamps_with_an_interval():
    table = shares(
        ("x", "train", "a", 100, 0.5, 0.8, 0.1, 0.0),
        ("x", "train", "a", 300, 0.25, 0.6, 0.3, 0.5),
        ("x", "train", "b", 200, 0.0, 0.4, 0.5, np.nan),
        ("x", "train", "b", 0, 1.0, np.nan, np.nan, np.nan),  # nothing was generated
        ("x", "control", "c", 10, 0.0, 0.2, 0.2, 0.2),
        ("real music", "control", "d", 10, 0.0, 0.7, 0.4, 0.2),
    )
    by_setting = ngram_overlap_by_setting(table, 200, 0.95, seed=0).set_index(
        ["setting", "prompts"]
    )
    assert by_setting.n_outputs.tolist() == [3, 1, 1]
    row = by_setting.loc[("x", "train")]
    columns = ["kept_share", "n_tokens", "overlap_share", "overlap_elsewhere_share"]
    assert row[columns].tolist() == pytest.approx([0.25, 600, 0.6, 0.3])
    assert row.overlap_coarsest_share == pytest.approx(0.25), "of those that generated any of it"
    # of two prompts both, or one twice
    bounds = ["overlap_elsewhere_low", "overlap_elsewhere_high"]
    assert row[bounds].tolist() == pytest.approx([0.2, 0.5])
    assert by_setting.loc[("x", "control"), bounds].isna().all(), "one prompt gives no interval"
    assert (by_setting.generator == "openvamp").all()


# -- the codec -------------------------------------------------------------------------------------


def test_stft_distance_of_equal_signals_is_0_and_grows_with_the_difference():
    sound = tiny_openvamp.music(1)
    noise = np.random.default_rng(0).standard_normal(len(sound)).astype(np.float32)
    assert stft_distance(sound, sound) == (0, 0)
    near, far = (stft_distance(sound, sound + level * noise) for level in (0.001, 0.1))
    assert near[0] < far[0]
    assert near[1] < far[1]
    # half the amplitude: half the norm, and ln 2 where nothing is at the floor
    loud = 0.3 * noise
    assert stft_distance(loud, loud / 2) == pytest.approx((0.5, np.log(2)), rel=1e-3)


def test_codec_quality_has_a_row_a_codebook(tmp_path):
    audio.write(tmp_path / "a.wav", tiny_openvamp.music(4), 24_000)
    clips = pd.DataFrame({"path": str(tmp_path / "a.wav"), "start_s": [0.0, 2.0]})
    clips["duration_s"] = 2.0
    table = codec_quality(tiny_openvamp.trained_codec(), clips, 24_000)
    assert table.codebooks.tolist() == [0, 1, 2, 3, 4, 4]
    assert table.what.tolist()[-2:] == ["4 codebooks", "4 codebooks, no decoder"]
    assert (table.n_clips == 2).all()
    assert table.log_magnitude.iloc[0] == table.log_magnitude.min(), "unquantised is nearest"
    assert table.spectral_convergence.iloc[1] > table.spectral_convergence.iloc[4]
    assert table.log_magnitude.iloc[4] != table.log_magnitude.iloc[5]
    pd.testing.assert_frame_equal(
        codec_quality(tiny_openvamp.trained_codec(), clips, 24_000), table
    )
