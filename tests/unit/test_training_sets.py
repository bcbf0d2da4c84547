"""Vamps of two models that differ in what they learned from, pair by pair."""

import numpy as np
import pandas as pd
import pytest

from musical_roots.experiments import training_sets
from musical_roots.experiments.training_sets import NEAREST, PROMPT

HOW = {"resamples": 200, "confidence": 0.95, "seed": 0}
# prompt -> its track, split
PROMPTS = {"p0": ("t0", "train"), "p1": ("t1", "train"), "p2": ("h0", "control")}


def made(cosines, names=("big", "small")):
    """Matches, clips and vamps of two generators.

    cosines(generator, prompt, vamp, what) -> cosine, what being "parent", "train" or "train_small".
    """
    matches, clips, vamps = [], [], []
    for name in names:
        for prompt, (track, split) in PROMPTS.items():
            for vamp in (0, 1):
                output = f"{name} {prompt} {vamp}"
                vamps.append((output, name, "one", prompt, vamp, track))
                for part in (0, 1):  # the second clip is always farther
                    clip = f"{output} {part}"
                    clips.append((clip, output, track, track, split, "one"))
                    for what in ("parent", "train", "train_small"):
                        cosine = cosines(name, prompt, vamp, what) - 0.1 * part
                        index = "train" if what == "parent" else what
                        target = "parent" if what == "parent" else ""
                        matches.append((clip, 1, "c", cosine, target, index))
    names = ["query_clip_id", "rank", "clip_id", "cosine", "target", "index"]
    matches = pd.DataFrame(matches, columns=names).assign(encoder="e", prompt_track="included")
    names = ["clip_id", "output_id", "track_id", "group_id", "split", "setting"]
    clips = pd.DataFrame(clips, columns=names)
    names = ["output_id", "generator", "setting", "prompt_id", "vamp", "prompt_track_id"]
    return matches, clips, pd.DataFrame(vamps, columns=names)


def same(name, prompt, vamp, what):
    return {"parent": 0.4, "train": 0.8, "train_small": 0.7}[what]


def shifted(name, prompt, vamp, what):
    """The small one is .02 farther, .05 in its own part; but for prompts that it heard, .1."""
    off = {"parent": 0.0, "train": 0.02, "train_small": 0.05}[what]
    if prompt == "p1" and what != "parent":
        off = 0.1
    return same(name, prompt, vamp, what) - (off if name == "small" else 0)


SMALL = pd.DataFrame({"track_id": ["t0", "t1"], "small": [False, True]})


def table(cosines, small=SMALL, **how):
    return training_sets.between(*made(cosines), small, **HOW | how)


def row(found, measure, index, prompts="all", setting="all"):
    keys = (found.measure == measure) & (found["index"] == index) & (found.prompts == prompts)
    return found[keys & (found.setting == setting)].squeeze()


def test_a_vamp_counts_with_the_nearest_of_its_clips():
    found = table(same)
    assert row(found, PROMPT, "").full_mean == pytest.approx(0.4)
    assert row(found, NEAREST, "train").full_mean == pytest.approx(0.8)
    assert row(found, NEAREST, "train_small").small_mean == pytest.approx(0.7)


def test_the_same_vamps_do_not_differ():
    found = table(same)
    assert np.allclose(found[["difference", "low", "high"]].dropna(), 0)


def test_differences_are_small_less_full_by_what_the_small_one_heard():
    found = table(shifted)
    assert (found.generator == "big").all() and (found.small_generator == "small").all()
    wanted = {
        ("train", "control"): -0.02,
        ("train", "train_rest"): -0.02,
        ("train", "train_small"): -0.1,
        ("train", "train"): -0.06,
        ("train", "all"): -0.14 / 3,
        ("train_small", "control"): -0.05,
    }
    for (index, prompts), difference in wanted.items():
        assert row(found, NEAREST, index, prompts).difference == pytest.approx(difference)
        assert row(found, NEAREST, index, prompts, "one").difference == pytest.approx(difference)
    assert row(found, PROMPT, "").difference == pytest.approx(0)
    columns = ["difference", "low", "high"]
    every, one = (found[found.setting == setting][columns] for setting in ("all", "one"))
    assert np.array_equal(every, one, equal_nan=True), "there is one setting"


def test_vamps_and_prompts_are_counted():
    found = table(shifted)
    every, train = (row(found, NEAREST, "train", prompts) for prompts in ("all", "train"))
    assert (every.n_vamps, every.n_prompts) == (6, 3)
    assert (train.n_vamps, train.n_prompts) == (4, 2)


def test_vamps_of_one_prompts_track_are_no_independent_pairs():
    """A prompt's vamps are alike: of two or of ten as much is known."""
    few = table(shifted)

    def many(name, prompt, vamp, what):
        return shifted(name, prompt, vamp, what)

    matches, clips, vamps = made(many)
    again = [
        part.assign(**{column: part[column] + " again" for column in columns})
        for part, columns in (
            (matches, ["query_clip_id"]),
            (clips, ["clip_id", "output_id"]),
            (vamps, ["output_id"]),
        )
    ]
    again[2]["vamp"] += 2
    both = [pd.concat(pair) for pair in zip((matches, clips, vamps), again, strict=True)]
    found = training_sets.between(*both, SMALL, **HOW)
    assert (found.n_vamps == 2 * few.n_vamps).all()
    pd.testing.assert_frame_equal(found[["low", "high"]], few[["low", "high"]])
    alone = row(found, NEAREST, "train", "control")
    assert np.isnan(alone.low) and np.isnan(alone.high), "one track says nothing of others"


def test_a_vamp_without_its_pair_is_left_out():
    matches, clips, vamps = made(same)
    fewer = vamps[vamps.output_id != "small p0 1"]
    found = training_sets.between(matches, clips, fewer, SMALL, **HOW)
    assert row(found, NEAREST, "train").n_vamps == 5


def test_where_it_is_not_known_what_the_small_one_heard_prompts_are_not_told_apart():
    matches, clips, vamps = made(same)
    found = training_sets.between(matches[matches["index"] == "train"], clips, vamps, None, **HOW)
    assert set(found.prompts) == {"all", "train", "control"}
    assert set(found["index"]) == {"", "train"}
