"""What must be true of any study's results; the workflow runs this on its own (rule `check`)."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

RESULTS = Path("results")
TEXT = {"track_id": str, "group_id": str, "clip_id": str, "artist": str}


@pytest.fixture(scope="module")
def tracks() -> pd.DataFrame:
    return pd.read_csv(RESULTS / "corpus/tracks.csv", dtype=TEXT, keep_default_na=False)


@pytest.fixture(scope="module")
def clips() -> pd.DataFrame:
    return pd.read_csv(RESULTS / "corpus/clips.csv", dtype=TEXT)


@pytest.fixture(scope="module")
def robustness() -> pd.DataFrame:
    return pd.read_csv(RESULTS / "tables/robustness.csv")


@pytest.fixture(scope="module")
def config() -> dict:
    return json.loads((RESULTS / "config.json").read_text())


def test_no_artist_is_on_both_sides(tracks):
    sides = tracks.groupby("artist").split.nunique()
    assert (sides == 1).all(), sides[sides > 1]


def test_no_near_duplicate_is_on_both_sides(tracks):
    assert (tracks.groupby("group_id").split.nunique() == 1).all()


def test_splits_are_of_comparable_size(tracks, config):
    share = tracks[tracks.split == "control"].duration_s.sum() / tracks.duration_s.sum()
    assert share == pytest.approx(config["corpus"]["control_share"], abs=0.15)


def test_every_track_has_a_credit_and_a_licence(tracks):
    columns = ["title", "artist"]
    if config_source() == "debian":
        columns += ["licence", "attribution"]
    for column in columns:
        assert (tracks[column].str.strip() != "").all(), column


def config_source() -> str:
    return json.loads((RESULTS / "config.json").read_text())["corpus"]["source"]


def test_clips_are_capped_unique_and_inside_their_track(clips, tracks, config):
    assert clips.clip_id.is_unique
    assert clips.groupby("track_id").size().max() <= config["clips"]["per_track"]
    length = clips.track_id.map(tracks.set_index("track_id").duration_s)
    assert (clips.start_s + clips.duration_s <= length + 0.01).all()


def label(encoder: str, options: dict) -> str:
    """What results call an encoder: random weights are never shown as the real ones."""
    return encoder + " (random weights: plumbing only)" * (options.get("weights") == "random")


def test_no_conditions_are_missing(robustness, config):
    wanted = {
        (label(encoder, options), kind, float(level))
        for encoder, options in config["encoders"].items()
        if options["activate"]
        for kind, perturbation in config["robustness"]["perturbations"].items()
        if perturbation["activate"]
        for level in perturbation["levels"]
    }
    assert set(zip(robustness.encoder, robustness.kind, robustness.level, strict=True)) == wanted


def test_numbers_are_in_range(robustness):
    for column in ["cosine_mean", "cosine_low", "cosine_high", "cosine_floor"]:
        assert robustness[column].between(-1.001, 1.001).all(), column
    shares = ["recall_at_1", "recall_at_10", "recall_at_50", "mrr", "track_recall_at_1"]
    for column in shares:
        assert robustness[column].between(0, 1).all(), column
    assert (robustness.median_rank >= 1).all()


def test_intervals_hold_their_mean(robustness):
    assert (robustness.cosine_low <= robustness.cosine_mean + 1e-9).all()
    assert (robustness.cosine_mean <= robustness.cosine_high + 1e-9).all()


def test_recall_grows_with_k(robustness):
    assert (robustness.recall_at_1 <= robustness.recall_at_10).all()
    assert (robustness.recall_at_10 <= robustness.recall_at_50).all()
    assert (robustness.recall_at_1 <= robustness.mrr + 1e-9).all()
    # the original is of the right track, so the track is found at least as often
    assert (robustness.recall_at_1 <= robustness.track_recall_at_1 + 1e-9).all()


def test_the_unchanged_clip_is_its_original(robustness):
    same = robustness[robustness.kind.isin(["pitch", "stretch", "gain", "crop"])]
    same = same[same.level == 0]
    assert np.allclose(same.cosine_mean, 1.0, atol=0.005), same.cosine_mean.min()


def test_original_is_nearer_than_a_random_clip_where_it_is_found(robustness):
    found = robustness[robustness.recall_at_1 > 0.5]
    assert (found.cosine_mean > found.cosine_floor).all()


def test_embeddings_of_an_encoder_share_a_fingerprint():
    for folder in sorted((RESULTS / "embeddings").iterdir()):
        sidecars = [json.loads(path.read_text()) for path in folder.rglob("*.json")]
        assert len({sidecar["fingerprint"] for sidecar in sidecars}) == 1, folder.name


def test_recordings_are_what_they_were(tracks):
    for row in tracks.head(5).itertuples():
        content = Path(row.root, row.path).read_bytes()
        assert hashlib.sha256(content).hexdigest().startswith(row.track_id)
