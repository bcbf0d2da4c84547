"""config/paper.yaml: a clean dry run, and the same targets at small size with random weights."""

import json

import pandas as pd
import pytest

from musical_roots.encoders.base import PLUMBING

SMALL = """
corpus:
  source: debian
  debian: {only: [amoebax-data, hex-a-hop-data, noiz2sa-data, tuxmath-data]}
  shards: 1
clips: {per_track: 2}
encode: {shards: 1}
encoders:
  clap: {weights: random}
  clmr: {weights: random, part: end}
generation: {prompts: 4, duration_s: 6.0, shards: 1, settings: {paper_time: {steps: 2}}}
influence: {excerpts: 6, draws: 10, resamples: 50}
listening:
  simulated_listeners: 12
  analysis: {resamples: 50}
  power:
    {simulations: 3, coverage_simulations: 3, x_clips: [15], listeners: [20], answers_each: [10]}
robustness:
  queries: 4
  resamples: 50
  perturbations:
    pitch: {levels: [0, 3]}
    stretch: {levels: [20]}
    noise: {levels: [0]}
    splice_training: {levels: [60]}
    splice_vamp: {levels: [60]}
    codec: {levels: [4], generator: GENERATOR}
"""
VAMPNET = "generators: {vampnet: {weights: random}, vampnet_small: {weights: random}}"
# VampNet's packages are on no registry: where they are not, our own generator takes its place
OPENVAMP = """
generators:
  vampnet: {activate: false}
  vampnet_small: {activate: false}
  openvamp_small: {activate: false}
  openvamp:
    {activate: true, codebooks: 4, entries: 64, decoder_steps: 5, width: 64, layers: 1, steps: 5}
"""
WITHOUT = {
    "openvamp_training",
    "ngram_overlap",
    "vamps_of_openvamp",
    "vamps_of_vampnet",
    "race",
    "dose",
    "lengths",
    "simulated_power",
    "simulated_coverage",
}  # encoders


def test_dry_run_is_clean(study):
    """In fewer parts than the config has: a part more is the same jobs once more."""
    fewer = study.overlay("".join(f"{of}: {{shards: 4}}\n" for of in ("encode", "generation")))
    done = study.snakemake("--dry-run", "--configfile", "config/paper.yaml", fewer)
    assert done.returncode == 0, done.stdout[-3000:]
    jobs = ["weights_clap", "weights_clmr", "encode", "match", "robustness", "report"]
    jobs += ["weights_vampnet_coarse", "vamp", "splice_vamps", "control_roundtrips", "attribute"]
    jobs += ["calibrate", "verdicts", "weights_vampnet_small_coarse", "training_sets"]
    for job in jobs:
        assert f"\n{job} " in done.stdout
    assert "\nweights_musicnn " not in done.stdout


@pytest.fixture(scope="module")
def paper(new_study, cache):
    study = new_study("paper")
    name = "vampnet" if (cache / "vampnet").is_dir() else "openvamp"
    generator = VAMPNET if name == "vampnet" else OPENVAMP
    overlay = study.overlay(SMALL.replace("GENERATOR", name) + generator)
    files = ["--configfile", "config/paper.yaml", overlay]
    done = study.snakemake(*files, "--config", f"cache={cache}")
    assert done.returncode == 0, done.stdout[-5000:]
    return study.folder / "results/paper"


def test_random_weights_are_marked_in_every_output(paper):
    random = ["clap", "clmr", "vampnet", "vampnet_small"]
    marked = {f"{name} ({PLUMBING})" for name in random[:2]}
    for path in paper.glob("matches/*/*.parquet"):
        assert set(pd.read_parquet(path).encoder) < marked
    for path in paper.glob("embeddings/*/*/*.json"):
        assert json.loads(path.read_text())["encoder"] in marked
    shown = [paper / f"pages/{page}.html" for page in ("robustness", "findings", "provenance")]
    shown += [paper / "notebooks/experiment_b.html", paper / "report.html"]
    figures = [path for path in paper.glob("figures/*.svg") if path.stem not in WITHOUT]
    assert len(figures) == 17
    for path in [*shown, *figures]:
        assert PLUMBING in path.read_text(), path
    # a claim is called by its encoder, and held against none of these (below)
    tables = set(paper.glob("tables/*.csv")) - {paper / "tables/claims.csv"}
    of_encoders = {path for path in tables if "encoder" in pd.read_csv(path)}
    assert len(of_encoders) >= 14
    for path in tables:
        lines = path.read_text().splitlines()
        text = "\n".join(line for line in lines if not line.startswith("the paper,"))
        for name in random:  # in any column, and in headers
            # a column may be called by whose published numbers it holds
            text = text.replace(f"{name} ({PLUMBING})", "").replace(f"paper_{name}", "")
        assert not [name for name in random if name in text], path
    for path in of_encoders:
        table = pd.read_csv(path)
        ours = table[table.source != "the paper"] if "source" in table else table
        assert set(ours.encoder) == marked, path


def test_no_claim_is_held_against_random_weights(paper):
    claims = pd.read_csv(paper / "tables/claims.csv")
    assert (claims.verdict[claims.claim.str.contains("clap|clmr")] == "not_comparable").all()


def test_what_was_heard_is_in_the_table(paper):
    clips = pd.read_parquet(paper / "embeddings/clmr/train/000.parquet")
    assert (clips.heard_s.round(3) == 2.678).all()
    assert ((clips.heard_start_s - clips.start_s).round(3) == 0.322).all()
    clips = pd.read_parquet(paper / "embeddings/clap/train/000.parquet")
    assert (clips.heard_s == clips.duration_s).all()
