"""What must be true of any study's trials for listeners, and of what is made of answers."""

import json
import os
from pathlib import Path

import pandas as pd
import pytest

from musical_roots.study import Study

RESULTS = Path(os.environ.get("MUSICAL_ROOTS_RESULTS", "results"))


def answers_table(config: dict, name: str) -> pd.DataFrame:
    """A table of Experiment A, whoever answered; empty where it takes no part."""
    prefix = "listening" if config["listening"]["responses"] else "simulated"
    path = RESULTS / f"tables/{prefix}_{name}.csv"
    return pd.read_csv(path) if path.exists() else pd.DataFrame(columns=["source"])


@pytest.mark.parametrize("name", ["agreement", "model", "psychometric", "thresholds", "people"])
def test_what_nobody_heard_is_called_simulated(config, name):
    who = "people" if config["listening"]["responses"] else "simulated listeners"
    assert (answers_table(config, name).source == who).all()


@pytest.mark.parametrize(
    ("name", "middle", "low", "high"),
    [
        ("agreement", "agreement", "low", "high"),
        ("agreement", "agreement", "wilson_low", "wilson_high"),
        ("model", "share", "share_low", "share_high"),
    ],
)
def test_intervals_of_listeners_hold_what_they_are_of(config, name, middle, low, high):
    table = answers_table(config, name)
    known = table.dropna(subset=[middle, low, high]) if len(table) else table
    if len(known):
        assert (known[low] <= known[middle] + 1e-6).all()
        assert (known[middle] <= known[high] + 1e-6).all()


@pytest.fixture(params=["paper", "ours"])
def arm(request, config) -> tuple[Path, pd.DataFrame]:
    if not Study(config).stimuli.arms:
        pytest.skip("the listening study takes no part")
    folder = RESULTS / "listening" / request.param
    text = dict.fromkeys(["x_clip_id", "a_clip_id", "b_clip_id", "trial_id", "repeats"], str)
    return folder, pd.read_csv(folder / "trials.csv", dtype=text)


def test_listeners_hear_what_the_trials_say(arm):
    folder, trials = arm
    for one in "xab":
        assert all((folder / path).is_file() for path in trials[f"{one}_audio"])
    manifest = json.loads((folder / "manifest.json").read_text())
    assert [trial["trial_id"] for trial in manifest["trials"]] == trials.trial_id.tolist()
    assert trials.trial_id.is_unique


def test_no_trial_has_two_clips_of_a_track(arm, clips):
    _, trials = arm
    group = clips.set_index("clip_id").group_id
    tests = trials[trials.kind == "test"]
    a, b = tests.a_clip_id.map(group), tests.b_clip_id.map(group)
    assert a.notna().all() and b.notna().all() and (a != b).all()
    x = tests.x_clip_id.map(group)  # a vamp or a perturbed clip is not in the corpus
    assert (x != a).all() and (x != b).all()


def test_the_nearer_clip_has_the_higher_cosine(arm):
    _, trials = arm
    tests = trials[trials.kind == "test"]
    near = tests.nearer == "a"
    assert (tests.a_cosine[near] >= tests.b_cosine[near]).all()
    assert (tests.b_cosine[~near] > tests.a_cosine[~near]).all()


def test_clips_of_the_papers_arm_alone_are_in_bins(arm, config):
    folder, trials = arm
    bins = pd.read_csv(RESULTS / "tables/bins.csv").set_index(["encoder", "quantity"]).value
    for side in "ab":
        binned = trials.dropna(subset=[f"{side}_bin"])
        assert len(binned) == (len(trials) if folder.name == "paper" else 0)
        middles = [
            bins[encoder, f"bin_{bin:g}"]
            for encoder, bin in zip(binned.encoder, binned[f"{side}_bin"], strict=True)
        ]
        off = (binned[f"{side}_cosine"] - middles).abs()
        assert (off <= config["listening"]["stimuli"]["bin_width"] + 2e-6).all()
