"""Draws are named by the words of 0.1: were one of them renamed, numbers would change with it."""

import numpy as np
import pandas as pd
import pytest

from musical_roots import seeding
from musical_roots.experiments import calibration, hubs, influence, verdicts
from musical_roots.experiments.draw_names import PROMPT_TRACK, draw_name
from musical_roots.tables import Embeddings


@pytest.fixture
def drawn(monkeypatch):
    """What a module asks `rng` for: (stage, item)."""
    asked = set()

    def rng(seed, stage, item=""):
        asked.add((stage, item))
        return seeding.rng(seed, stage, item)

    for module in (calibration, hubs, influence, verdicts):
        monkeypatch.setattr(module, "rng", rng)
    return asked


def nearest(prompt_track, index="train"):
    names = ["a", "b", "c"]
    table = pd.DataFrame({"output_id": names, "cluster": names, "cosine": [0.1, 0.2, 0.3]})
    about = {"encoder": "mfcc", "setting": "x", "split": "train", "of": "output"}
    return table.assign(prompt_track=prompt_track, index=index, **about)


def test_p_values_and_pairs(drawn):
    indexes = ("train", "train_equal", "control")
    outputs = [nearest(prompt_track, index) for prompt_track in PROMPT_TRACK for index in indexes]
    null = nearest("included")
    null = pd.concat([null, null.assign(of="clip")])
    planted = nearest("included").assign(of="clip")
    lists = pd.DataFrame({"clip_id": ["a", "b", "c"], "kind": "mp3", "level": 1, "unit": "kbit/s"})
    calibration.calibrate(pd.concat(outputs), null, null, planted, lists, 0.1, 2, 9, 0.95, 0)
    for word in ("kept", "left_out"):
        assert ("calibration.curve", f"mfcc {word} train") in drawn
        for stage in ("paired", "sign_flip"):
            assert (f"calibration.{stage}", f"mfcc {word} train") in drawn
            assert (f"calibration.{stage}", f"mfcc {word} all") in drawn


def test_prompts_against_the_training_set(drawn):
    clips = pd.DataFrame({"clip_id": ["q"], "group_id": "g", "split": "train", "output_id": "v"})
    rows = [("q", 1, "c", 0.5, ""), ("q", 1, "p", 0.4, "parent")]
    matches = pd.DataFrame(rows, columns=["query_clip_id", "rank", "clip_id", "cosine", "target"])
    matches = matches.assign(encoder="mfcc", index="train", prompt_track="excluded")
    indexes = pd.DataFrame({"clip_id": ["c"], "train": True, "train_equal": True, "control": False})
    clips = clips.assign(setting="x")
    influence.prompt_against_training(matches, clips, indexes, 9, 0.95, 0)
    assert drawn == {
        (f"influence.{name}", f"mfcc train left_out {setting} train")
        for name in ("nearer_share", "size_matched")
        for setting in ("all", "x")
    }


def test_hubs(drawn):
    vectors = np.random.default_rng(0).normal(size=(6, 6)).astype(np.float16)
    clips = pd.DataFrame({"clip_id": list("abcdef"), "group_id": list("abcdef")})
    part = Embeddings(clips, [vectors], {"encoder": "mfcc", "fingerprint": "abc", "dim": 6})
    hubs.hubness({"outputs": part, "control": part}, part, 2, 9, 0)
    names = ("index", "vamps", "held-out music")
    assert drawn == {("influence.hubness", name) for name in names}


def test_agreement(drawn):
    views = pd.DataFrame({"mfcc": [0.1, 0.2, 0.3], "ngram_overlap": [0.3, 0.2, 0.1]})
    verdicts.agreement(views, pd.Series(list("abc")), pd.DataFrame(index=views.index), 9, 0.95, 0)
    assert drawn == {("verdicts.agreement", "mfcc tokens")}


def test_what_0_1_lacked_is_named_by_its_own_words():
    assert draw_name(PROMPT_TRACK, "artist_excluded") == "artist_excluded"
    assert draw_name({}, ("control", "train")) == "control train"
