"""What must be true of any study's results; the workflow runs this on its own (rule `check`)."""

import hashlib
import itertools
import json
import os
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from musical_roots import expected
from musical_roots.corpus import split
from musical_roots.study import Study
from musical_roots.tables import read_table, read_tables

RESULTS = Path(os.environ.get("MUSICAL_ROOTS_RESULTS", "results"))
FIRST = (1, 5, 10)
TEXT = {"track_id": str, "group_id": str, "clip_id": str, "artist": str}
# a title may be "01"
CREDIT = dict.fromkeys(["title", "album", "licence", "attribution", "path", "root"], str)


@pytest.fixture(scope="module")
def tracks() -> pd.DataFrame:
    return pd.read_csv(RESULTS / "corpus/tracks.csv", dtype=TEXT | CREDIT, keep_default_na=False)


@pytest.fixture(scope="module")
def robustness() -> pd.DataFrame:
    return read_table(RESULTS / "tables/robustness.csv")


def test_no_artist_is_in_both_splits(tracks):
    splits = tracks.groupby("artist").split.nunique()
    assert (splits == 1).all(), splits[splits > 1]


def test_no_near_duplicate_is_in_both_splits(tracks):
    assert (tracks.groupby("group_id").split.nunique() == 1).all()


def test_splits_are_of_comparable_size(tracks, config):
    wanted, apart = config["corpus"]["control_share"], config["corpus"]["split_artists"]
    share = tracks[tracks.split == "control"].duration_s.sum() / tracks.duration_s.sum()
    off = abs(share - wanted)
    if off <= split.OFF:
        return
    # what was asked of each file stands in the probed tables, and in tracks.csv what came of it
    shards = sorted((RESULTS / "corpus/probed").glob("*.parquet"))
    asked = pd.concat([pd.read_parquet(path) for path in shards if path.stem.isdigit()])
    asked["group_id"] = asked.track_id.map(tracks.set_index("track_id").group_id)
    assert off <= split.forced(asked, wanted, apart), f"control holds {share:.0%} of the time"
    warnings.warn(
        f"control holds {share:.0%} of the playing time, not {wanted:.0%}: the splits that are "
        "given, or one artist's share, leave no better",
        stacklevel=1,
    )


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
    kinds = config["robustness"]["perturbations"]
    for_vamps = {name for name, options in config["generators"].items() if options["activate"]}
    generators = {
        "splice_vamp": for_vamps - {"external"},
        "codec": {kinds["codec"]["generator"]},
    }
    wanted = {
        (label(encoder, config["encoders"][encoder]), kind, generator, float(level))
        for encoder, kind in Study(config).matched()
        for generator in generators.get(kind, {""})
        for level in kinds[kind].get("levels", kinds["splice_training"]["levels"])
    }
    named = robustness.assign(generator=robustness.generator.str.partition(" (")[0])
    columns = [named[column] for column in ("encoder", "kind", "generator", "level")]
    assert sorted(zip(*columns, strict=True)) == sorted(wanted)


def test_numbers_are_in_range(robustness):
    for column in ["cosine_mean", "cosine_low", "cosine_high", "cosine_floor"]:
        assert robustness[column].between(-1.001, 1.001).all(), column
    shares = [f"recall_at_{k}" for k in (1, 5, 10, 50)] + ["mrr", "track_recall_at_1"]
    for column in shares:
        assert robustness[column].between(0, 1).all(), column
    assert (robustness.median_rank >= 1).all()
    assert robustness.n_tracks.between(1, robustness.n_queries).all()


def test_intervals_hold_their_mean(robustness):
    means = {"cosine_mean": "cosine"} | {name: name for name in map("recall_at_{}".format, FIRST)}
    several = robustness[robustness.n_tracks > 1]  # one track has no interval
    for mean, name in means.items():
        assert (several[f"{name}_low"] <= several[mean] + 1e-9).all(), name
        assert (several[mean] <= several[f"{name}_high"] + 1e-9).all(), name


def test_recall_grows_with_k(robustness):
    shares = [robustness[f"recall_at_{k}"] for k in (*FIRST, 50)]
    for fewer, more in itertools.pairwise(shares):
        assert (fewer <= more).all()
    assert (robustness.recall_at_1 <= robustness.mrr + 1e-9).all()
    # the original is of the right track, so the track is found at least as often
    assert (robustness.recall_at_1 <= robustness.track_recall_at_1 + 1e-9).all()


def test_the_unchanged_clip_is_its_original(robustness):
    same = robustness[robustness.kind.isin(["pitch", "stretch", "gain", "crop"])]
    same = same[same.level == 0]
    assert np.allclose(same.cosine_mean, 1.0, atol=0.005), same.cosine_mean.min()


def test_what_cannot_be_found_is_in_no_ones_way(robustness):
    """A splice is found no later where the other clip's track is out; the audio is the same."""
    keys = ["encoder", "level"]
    inside, outside = (
        robustness[robustness.kind == kind].set_index(keys).sort_index()
        for kind in ("splice_training", "splice_outside")
    )
    if outside.empty:
        pytest.skip("splice_outside is not active in this study's config")
    assert (outside.mrr >= inside.mrr - 1e-9).all()
    assert (outside.cosine_mean == inside.cosine_mean).all()


def test_original_is_nearer_than_a_random_clip_where_it_is_found(robustness):
    found = robustness[robustness.recall_at_1 > 0.5]
    assert (found.cosine_mean > found.cosine_floor).all()


def test_every_encoder_has_bins_that_stand_in_order(config):
    table = pd.read_csv(RESULTS / "tables/bins.csv")
    heard = Study(config).hearing("train")
    assert set(table.encoder) == {label(name, config["encoders"][name]) for name in heard}
    wide = table.pivot(index="encoder", columns="quantity", values="value")
    assert (wide.bin_1 >= wide.bin_2).all() and (wide.bin_2 >= wide.bin_3).all()
    assert (wide.bin_4 >= wide.random_low).all()
    if (table.n_index > 2 * table.n_nearest).all():  # else the nearest are nearly all there are
        assert (wide.bin_3 >= wide.bin_4).all()
    assert (wide.nearest_100_mean.fillna(-1) <= wide.nearest_5_mean.fillna(1)).all()
    assert (table.n_sampled <= config["bins"]["clips"]).all()


def test_embeddings_of_an_encoder_share_a_fingerprint():
    for folder in sorted((RESULTS / "embeddings").iterdir()):
        sidecars = [json.loads(path.read_text()) for path in folder.rglob("*.json")]
        assert len({sidecar["fingerprint"] for sidecar in sidecars}) == 1, folder.name


def test_recordings_are_what_they_were(tracks):
    for row in tracks.head(5).itertuples():
        content = Path(row.root, row.path).read_bytes()
        assert hashlib.sha256(content).hexdigest().startswith(row.track_id)


# -- generation and Experiment C -------------------------------------------------------------------


OF_OPENVAMP = {"openvamp", "codec", "ngram_overlap"}
CURVE = ["source", "index", "prompt_track"]
UNCHANGED = [(kind, 0) for kind in ("pitch", "stretch", "gain", "crop")]


@pytest.fixture(scope="module")
def table(config) -> Callable[[str], pd.DataFrame]:
    """Reads a table that the config asks for: it fails if the table is not there."""
    generators = {name for name, value in config["generators"].items() if value["activate"]}
    influence = config["influence"]["activate"] and config["corpus"]["control_share"] > 0

    def read(name: str) -> pd.DataFrame:
        if name in OF_OPENVAMP and "openvamp" not in generators:
            pytest.skip("generators.openvamp is not active in this study's config")
        if name not in OF_OPENVAMP and not (influence and generators):
            pytest.skip("no generator, no control split or no influence in this study's config")
        return pd.read_csv(RESULTS / f"tables/{name}.csv", dtype=TEXT | {"output_id": str})

    return read


def test_every_setting_has_its_vamps(table, config):
    outputs, wanted = table("outputs"), config["generation"]
    settings = {name for name, setting in wanted["settings"].items() if setting["activate"]}
    most = wanted["prompts"] * wanted["vamps_per_prompt"]
    for generator, part in outputs[outputs.setting != "external"].groupby("generator"):
        of = config["generators"][generator.partition(" (")[0]].get("settings", settings)
        assert set(part.setting) == set(of), generator
        sizes = part.groupby("setting").size()
        assert sizes.nunique() == 1 and sizes.max() <= most, generator
        assert (part.groupby(["setting", "prompt_id"]).size() == wanted["vamps_per_prompt"]).all()
        assert set(part.prompt_split) == {"train", "control"}, generator


def test_vamps_of_weights_that_came_with_the_repository_are_the_same_on_any_processor(config):
    """Draws in double precision see to that; where weights were trained here, others are due."""
    study = Study(config)
    if not study.earlier_vamps() or not study.vamps():
        pytest.skip("openvamp takes no part, or no vamps came with the repository")
    lists = [RESULTS / Path(path).relative_to(study.results) for path in study.vamps()]
    both, other = expected.difference(read_tables(lists), read_table(study.earlier_vamps()[0]))
    if both.empty:
        pytest.skip("these weights were trained here, or the vamps are of other settings")
    assert other.empty, expected.apart(both, other)


def test_overlaps_are_shares_and_music_stands_beside_them(table):
    overlap = table("ngram_overlap")
    for column in ["kept_share", "overlap_share", "overlap_elsewhere_share"]:
        assert overlap[column].between(0, 1).all(), column
    assert (overlap.overlap_elsewhere_share <= overlap.overlap_share + 1e-9).all()
    assert "real music" in set(overlap.setting)


def test_a_coarser_codec_loses_more(table):
    codec = table("codec")
    codec = codec[~codec.what.str.endswith("no decoder")]
    codec = codec.set_index("codebooks").spectral_convergence
    assert codec.loc[0] == codec.min()  # nothing is quantised
    assert codec.loc[1] == codec.max()


def test_exceedance_falls_from_all_to_few_and_its_band_holds_it(table):
    exceedance = table("exceedance")
    for curve, part in exceedance.groupby(["encoder", "generator", *CURVE]):
        share = part.sort_values("threshold").share
        assert (share.diff().dropna() <= 1e-9).all(), curve
        assert share.iloc[0] == 1 or share.iloc[0] > share.iloc[-1], curve
    inside = (exceedance.low <= exceedance.share + 0.05) & (
        exceedance.share <= exceedance.high + 0.05
    )
    assert inside[exceedance.low.notna()].all()


def test_what_is_included_can_only_bring_outputs_nearer(table):
    wide = table("exceedance").pivot_table(
        index=["generator", "encoder", "threshold"], columns=CURVE, values="share"
    )["outputs"]
    assert (wide["train", "excluded"] <= wide["train", "included"] + 1e-9).all()
    assert (wide["train_equal", "excluded"] <= wide["train", "excluded"] + 1e-9).all()


def test_p_values_keep_their_promise(table, config):
    calibration, fdr = table("calibration"), config["influence"]["fdr"]
    outputs = table("outputs")
    for row in calibration.itertuples():
        p = outputs.loc[outputs.generator == row.generator, f"p_{row.encoder}"]
        assert (p >= row.smallest_p - 1e-6).all() and (p <= 1).all()
        # 10 points above .05 would be 4 standard errors of a hundred tracks
        assert row.false_positives_at_05 <= 0.15, row.encoder
    planted = table("planted")
    assert (planted.false_share <= fdr + 0.05).all()
    assert planted.power.between(0, 1).all() and planted.power_at_05.between(0, 1).all()


def test_an_unchanged_planted_clip_is_found_where_anything_can_be(table, config):
    """Half of the control tracks can show a p of .05, and then it is found; or they cannot."""
    kinds = config["robustness"]["perturbations"]
    wanted = {
        (kind, level)
        for kind, level in UNCHANGED
        if kinds[kind]["activate"] and level in kinds[kind]["levels"]
    }
    planted = table("planted")
    same = planted[[pair in wanted for pair in zip(planted.kind, planted.level, strict=True)]]
    assert set(zip(same.kind, same.level, strict=True)) == wanted
    tracks = table("calibration").groupby(["generator", "encoder"]).n_calibration.first()
    can = [1 / (1 + tracks[row.generator, row.encoder]) <= 0.05 for row in same.itertuples()]
    assert (same.power_at_05[can] > 0.9).all(), same
    assert (same.power_at_05[[not each for each in can]] == 0).all(), same


def test_the_coded_index_is_held_against_the_same_clips(table, config):
    if not Study(config).coded:
        pytest.skip("no codec that is known, or no coded clips in this study's config")
    found = table("coded_index")
    assert found.value.between(0, 1).all()
    inside = (found.low <= found.value + 0.05) & (found.value <= found.high + 0.05)
    assert inside[found.low.notna()].all()
    text = found.fillna(dict.fromkeys(["prompts", "prompt_track", "setting"], ""))
    keys = ["generator", "encoder", "measure", "prompts", "prompt_track", "setting", "codebooks"]
    wide = text.fillna({"codebooks": 0}).pivot(index=keys, columns="index")
    assert (wide.n.nunique(axis=1) == 1).all()
    gain = wide.value.coded_train - wide.value.uncoded_train
    assert np.allclose(wide.difference.coded_train, gain, atol=2e-6)


def test_the_whole_index_has_the_same_numbers_wherever_they_stand(table, config):
    if not Study(config).coded:
        pytest.skip("no codec that is known, or no coded clips in this study's config")
    keys = ["generator", "encoder"]
    found = table("coded_index")
    whole = found[found["index"] == "train"]
    music = whole[whole.measure == "false_positives_at_05"].set_index(keys).value
    other = table("calibration").groupby(keys).false_positives_at_05.first()
    assert np.allclose(music, other[music.index], atol=2e-6)
    copies = whole[whole.measure == "planted_at_05"].set_index([*keys, "codebooks"]).value
    other = table("planted")
    other = other[other.kind == "codec"].set_index(["generator", "encoder", "level"]).power_at_05
    assert np.allclose(copies, other[copies.index], atol=2e-6)


def test_a_smaller_training_set_is_held_against_the_whole(table, config):
    active = {name for name, value in config["generators"].items() if value["activate"]}
    if not active & {"openvamp_small", "vampnet_small"}:
        pytest.skip("no generator with a smaller training set in this study's config")
    found = table("small_training_set")
    assert np.allclose(found.difference, found.small_mean - found.full_mean, atol=2e-6)
    there = found.low.notna()
    assert (found.low <= found.difference + 1e-6)[there].all()
    assert (found.difference <= found.high + 1e-6)[there].all()
    near = found[(found.measure == "cosine_to_nearest_training_clip") & (found.prompts == "all")]
    near = near[(near.prompt_track == "included") & (near.setting == "all")]
    wide = near.pivot(index=["encoder", "generator"], columns="index", values="full_mean")
    if "train_small" in wide:  # a part holds nothing nearer than the whole
        assert (wide.train_small <= wide.train + 1e-6).all()


def test_tiers_follow_from_what_was_found(table):
    outputs = table("outputs").fillna({"encoders": "", "track_id": ""})
    nothing = outputs.tier == "nothing found"
    assert (outputs.encoders[nothing] == "").all() and (outputs.track_id[nothing] == "").all()
    assert (outputs.encoders[~nothing] != "").all() and (outputs.track_id[~nothing] != "").all()
    sure = outputs.tier.isin(["copy", "near-copy"])
    assert (outputs.encoders[sure].str.split().str.len() >= 2).all()


def test_what_competes_adds_up(table):
    found = table("competition")
    assert (found.target_wins + found.decoy_wins <= found.n_outputs).all()
    assert (found.discoveries <= found.target_wins).all()
    assert ((found.lowest_q <= found.fdr) == (found.discoveries > 0)).all()
    # of what is discovered no more is false than the decoys say
    some = found[found.discoveries > 0]
    estimate = some.odds * (1 + some.decoy_wins_above) / some.discoveries
    assert (estimate <= some.fdr + 1e-6).all(), some
    checked = found[found.prompt_track == "artist_excluded"]
    assert checked.false_rate.notna().all() and checked.relabelled_p.between(0, 1).all()
    assert found.false_rate[found.prompt_track != "artist_excluded"].isna().all()
    # as a rule no more is found in music without matches than was asked for
    assert (checked.false_rate_low <= checked.fdr).mean() > 0.9, checked


def test_every_output_has_a_q_of_its_own(table):
    outputs, found = table("outputs"), table("competition")
    asked = found[(found.prompt_track == "artist_excluded") & (found.prompts != "all")]
    for (generator, view), part in asked.groupby(["generator", "view"]):
        q = outputs[outputs.generator == generator][f"q_competition_{view}"]
        assert q.notna().all() and q.between(0, 1).all()
        for fdr, rows in part.groupby("fdr"):
            assert (q <= fdr + 1e-6).sum() == rows.discoveries.sum()


def test_every_source_of_concentration_was_measured_over_as_many_queries(table):
    concentration = table("concentration")
    assert (concentration.groupby(["generator", "encoder"]).n_queries.nunique() == 1).all()
    assert concentration.gini.between(0, 1).all()
    assert (concentration.effective_number <= concentration.n_items + 1e-6).all()


KNOWN = ["encoder", "generator", "index", "setting", "prompts"]


def test_the_papers_tables_agree_with_what_else_is_said_of_the_same_vamps(table):
    cosines = table("paper_table2")
    means = cosines[cosines.statistic == "mean"].pivot(
        index=KNOWN, columns="measure", values="value"
    )
    other = table("prompt_vs_training")
    other = other[other.prompt_track == "included"].set_index(KNOWN)[["best_mean", "prompt_mean"]]
    both = means.join(other, how="inner")
    if other.empty:  # no prompt is known
        return
    assert len(both) > 0
    nearest = both.cosine_to_nearest_training_clip
    np.testing.assert_allclose(nearest, both.best_mean, atol=2e-6)
    np.testing.assert_allclose(both.cosine_to_prompt, both.prompt_mean, atol=2e-6)


def test_fewer_clips_reach_a_higher_threshold_and_the_first_reach_it_most_often(table):
    reached = table("paper_table3").sort_values("threshold")
    for of, part in reached.groupby([*KNOWN, "threshold_from", "k"], dropna=False):
        assert (part.share.diff().dropna() <= 1e-9).all(), of
    assert (reached.share[reached.threshold > 1] == 0).all()
    wide = reached.pivot(index=[*KNOWN, "threshold_from", "step"], columns="k", values="share")
    assert (wide.diff(axis=1).iloc[:, 1:] <= 1e-6).all(axis=None)


def test_a_songs_share_of_vamps_is_no_less_than_of_places(table):
    songs = table("top_songs")
    assert (songs.share_of_places <= songs.share_of_vamps + 1e-6).all()
    assert songs.share_of_vamps.between(0, 1).all() and songs.vamps_by_chance.between(0, 1).all()


def test_the_tally_counts_every_claim_once():
    claims = pd.read_csv(RESULTS / "tables/claims.csv")
    tally = pd.read_csv(RESULTS / "tables/claims_tally.csv")
    whole = tally[tally.source == "all"]
    assert whole.n_claims.sum() == len(claims)
    assert whole.n_hold.sum() == (claims.verdict == "holds").sum()
    assert whole.n_tested.sum() == (claims.verdict != "not_comparable").sum()
