"""The tiny study, end to end, on real recordings; and a folder of one's own with bad files."""

import json
import os
import re
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from workflow_copy import contents

from musical_roots.perturb import PERTURBATIONS

ROOT = Path(__file__).parents[2]
TINY, RESULTS = ["--configfile", "config/tiny.yaml"], Path("results/tiny")
CACHE = ["--config", f"cache={ROOT / 'resources'}"]
KILLS = int(os.environ.get("MUSICAL_ROOTS_KILLS", "1"))
INFLUENCE = ["exceedance", "calibration", "planted", "prompt_vs_training", "concentration"]
INFLUENCE += ["hubness", "agreement", "coded_index", "competition", "competition_planted"]
TABLES = ["bins", "bins_histogram", "paper_encoders", "dose", "lengths"]
TABLES += ["robustness", "retrieval", "claims", "openvamp", "openvamp_training", "codec"]
TABLES += [
    "ngram_overlap",
    "paper_table2",
    "paper_table3",
    "top_songs",
    "claims_tally",
    *INFLUENCE,
    "findings",
    "outputs",
    "evidence",
    "songs",
    "paired",
    "lorenz",
    "openvamp_small_training",
    "small_training_set",
]
FIGURES = ["robustness", "robustness_extended", "robustness_cosine", "openvamp_training"]
FIGURES += ["ngram_overlap", "bins", "openvamp_small_training"]
FIGURES += [f"{name}_of_openvamp" for name in ["vamps", *INFLUENCE]]
FIGURES += ["retrieval", "dose", "lengths", "race"]


@pytest.fixture(scope="module")
def tiny(new_study):
    """The tiny study, run once. Packages and weights are kept in the repository's cache."""
    study = new_study("tiny")
    done = study.snakemake(*TINY, *CACHE, "--logger", "musical-roots")  # as `make study` says
    assert done.returncode == 0, done.stdout[-5000:]
    (study.folder / "shown.txt").write_text(done.stdout)
    return study


def test_little_is_shown_and_the_rest_is_in_the_log(tiny):
    shown = (tiny.folder / "shown.txt").read_text().splitlines()
    begun = next(line for line in shown if "the log is" in line)
    log = tiny.folder / RESULTS / "logs/study.log"
    assert re.fullmatch(rf"\d+ jobs, about .*; the log is {RESULTS}/logs/study\.log", begun)
    assert shown[-1].startswith("This run: ")
    told = [line for line in shown if not re.match(r"\d+ of \d+ jobs, \d+%, .* left", line)]
    assert len(told) < 10, told
    assert log.read_text().count("Finished jobid") == int(begun.split()[0])


def test_everything_is_there(tiny):
    results = tiny.folder / RESULTS
    for name in [
        "index.html",
        "report.html",
        "config.json",
        "checks.txt",
        "tables/short_answers.csv",
        *(f"corpus/{name}.csv" for name in ["tracks", "clips", "rejected"]),
        *(f"tables/{name}.csv" for name in TABLES),
        *(f"figures/{name}.{suffix}" for name in FIGURES for suffix in ["svg", "png"]),
        "pages/questions.html",
        "ro-crate-metadata.json",
        *(f"notebooks/{path.stem}.html" for path in ROOT.glob("notebooks/*.ipynb")),
    ]:
        assert (results / name).stat().st_size > 0, name
    assert "FAILED" not in (results / "checks.txt").read_text()
    assert (results / "checks.txt").read_text().count("PASSED") >= 10
    assert not (results / "audio").exists() or not any((results / "audio").iterdir())


def test_the_truth_is_made_and_is_of_these_outputs(tiny):
    done = tiny.snakemake("results/tiny/counterfactual/truth/losses.parquet", *TINY, *CACHE)
    assert done.returncode == 0, done.stdout[-5000:]
    folder = tiny.folder / RESULTS / "counterfactual/truth"
    told = json.loads((folder / "about.json").read_text())
    assert told["matches"] and told["outputs"] == told["outputs_here"] == 16
    losses = pd.read_parquet(folder / "losses.parquet")
    members = pd.read_parquet(folder / "members.parquet")
    models = members.groupby("design").model.nunique()
    assert models[["tracks", "artists", "other_music"]].tolist() == [4 + 2, 2, 4]
    assert models["left_out"] == members[~members.inside].query("design == 'left_out'").shape[0]
    assert losses.model.nunique() == models.sum() and losses.loss.between(1, 10).all()


def test_nothing_to_be_done_in_a_second_run(tiny):
    start = time.monotonic()
    done = tiny.snakemake(*TINY, *CACHE)
    assert "Nothing to be done" in done.stdout
    assert time.monotonic() - start < 30  # 3 s on a quiet machine


def test_the_table_has_its_columns(tiny):
    table = pd.read_csv(tiny.folder / RESULTS / "tables/robustness.csv")
    assert list(table.columns) == [
        "encoder",
        "kind",
        "generator",
        "level",
        "unit",
        "n_queries",
        "n_tracks",
        *(f"recall_at_{k}{end}" for k in (1, 5, 10) for end in ("", "_low", "_high")),
        "recall_at_50",
        "mrr",
        "median_rank",
        "track_recall_at_1",
        "cosine_mean",
        "cosine_low",
        "cosine_high",
        "cosine_floor",
    ]
    claims = pd.read_csv(tiny.folder / RESULTS / "tables/claims.csv")
    assert list(claims.columns)[:7] == (
        ["claim", "source", "certainty", "expected", "obtained", "tolerance", "verdict"]
    )
    paper = claims[claims.source.str.startswith("Barnett")]
    assert (paper.verdict == "not_comparable").all()


def test_every_vamp_is_attributed_and_says_what_it_was_made_from(tiny):
    results = tiny.folder / RESULTS
    outputs = pd.read_csv(results / "tables/outputs.csv")
    made = pd.read_parquet(results / "vamps/openvamp/000.parquet")
    assert set(outputs.output_id) >= set(made.output_id) and len(made) == 16
    assert outputs.generator.value_counts().to_dict() == {"openvamp": 16, "openvamp_small": 8}
    assert outputs.tier.notna().all() and outputs.prompt_split.isin(["train", "control"]).all()
    evidence = pd.read_csv(results / "tables/evidence.csv", dtype={"track_id": str})
    tracks = pd.read_csv(results / "corpus/tracks.csv", dtype={"track_id": str})
    known = tracks[tracks.split == "train"].set_index("track_id")
    assert set(evidence.output_id) == set(outputs.output_id)
    assert set(evidence.track_id) <= set(known.index)  # nothing of control is ever named
    length = known.duration_s[evidence.track_id].to_numpy()
    assert ((evidence.start_s >= 0) & (evidence.end_s <= length + 0.1)).all()
    assert ((evidence.query_start_s >= 0) & (evidence.query_end_s <= 6.1)).all()


def test_audio_made_elsewhere_is_attributed_too(tiny, new_study):
    """Outputs of a generator that we do not have: one with its prompt, one without, one broken."""
    import shutil

    study = new_study("external")
    for part in ("results", ".snakemake"):
        shutil.copytree(tiny.folder / part, study.folder / part)
    made = pd.read_parquet(study.folder / RESULTS / "vamps/openvamp/000.parquet")
    made = made[made.prompt_split == "train"]
    # a network of 20 steps falls silent at times, and silence is rejected
    sound = [np.median(np.abs(soundfile.read(study.folder / path)[0])) for path in made.path]
    made = made.iloc[np.argsort(sound)[::-1]]
    outputs = study.folder / "outputs"
    outputs.mkdir()
    for name, vamp in zip(("known.flac", "unknown.flac"), made.itertuples(), strict=False):
        shutil.copy(study.folder / vamp.path, outputs / name)
    (outputs / "broken.flac").write_text("no audio")
    (outputs / "list.csv").write_text(
        "path,prompt_path,prompt_start_s\n"
        f"known.flac,{study.folder / made.prompt_path.iloc[0]},{made.prompt_start_s.iloc[0]}\n"
        "unknown.flac,,\nbroken.flac,,\n"
    )
    overlay = study.overlay(
        "generators: {openvamp: {activate: true}, openvamp_small: {activate: false}, "
        "external: {activate: true, manifest: outputs/list.csv}}"
    )
    files = ["--configfile", TINY[1], overlay]
    done = study.snakemake("influence", "--rerun-triggers", "mtime", *files, *CACHE)
    assert done.returncode == 0, done.stdout[-5000:]
    listed = pd.read_csv(study.folder / RESULTS / "tables/outputs.csv").set_index("generator")
    assert len(listed.loc["external"]) == 2 and len(listed.loc["openvamp"]) == 16
    assert listed.loc["external"].prompt_split.tolist() == ["train", np.nan]
    assert listed.loc["external"].tier.notna().all()
    rejected = pd.read_csv(study.folder / RESULTS / "vamps/external/rejected.csv")
    assert rejected.path.tolist() == ["outputs/broken.flac"]
    exceedance = pd.read_csv(study.folder / RESULTS / "tables/exceedance.csv")
    there = exceedance[exceedance.generator == "external"].source.unique()
    assert "control" in there and "control_roundtrip" not in there  # its codec is not known


def test_pages_ask_nothing_of_the_network(tiny):
    results = tiny.folder / RESULTS
    for page in [*results.glob("pages/*.html"), *results.glob("notebooks/*.html")]:
        text = page.read_text()
        assert 'src="http' not in text, page
        assert 'rel="stylesheet" href="http' not in text, page


def test_a_killed_run_ends_with_the_same_bytes(tiny, new_study):
    """kill -9 at random moments, MUSICAL_ROOTS_KILLS of them, each time the same command again."""
    study, words = new_study("killed"), [*TINY, *CACHE]
    draw = np.random.default_rng(0)
    shares = np.sort(draw.random(KILLS)) if KILLS > 1 else [0.3]
    for share in shares:
        study.kill(share * tiny.made(), draw.random(), *words)
        assert not (study.folder / RESULTS / "report.html").exists() or share > 0.9
    done = study.snakemake(*words)
    assert done.returncode == 0, done.stdout[-5000:]
    mended, undisturbed = (contents(each.folder / RESULTS) for each in (study, tiny))
    assert mended.keys() == undisturbed.keys()
    assert [name for name in mended if mended[name] != undisturbed[name]] == []


def test_two_runs_at_once(tiny):
    import fcntl

    with open(tiny.folder / ".snakemake/musical-roots/lock") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        done = tiny.snakemake("--forceall", *TINY, *CACHE)
    assert done.returncode != 0
    assert "another run is at work in this folder" in done.stdout


def tone(path: Path, seconds: float, hertz: float, rate: int = 22050, channels: int = 1, **how):
    """Decaying notes over noise, both of their own for every pitch: music enough for a corpus."""
    path.parent.mkdir(parents=True, exist_ok=True)
    time_s = np.arange(int(seconds * rate)) / rate
    generator = np.random.default_rng(int(hertz))
    notes = hertz * 2 ** (generator.integers(0, 24, int(seconds * 3) + 1) / 12)
    phase = 2 * np.pi * np.cumsum(notes[(time_s * 3).astype(int)]) / rate
    samples = 0.3 * np.sin(phase) * np.exp(-3 * (time_s * 3 % 1))
    samples += generator.normal(scale=0.05, size=len(samples))
    soundfile.write(path, np.repeat(samples[:, None], channels, axis=1), rate, **how)


def test_a_folder_with_bad_files(study):
    """Awkward names and formats are read, bad files are listed, and the run goes on."""
    music = study.folder / "music"
    tone(music / "Ann/one two.wav", 40, 110)
    tone(music / 'Ann/it\'s "quoted".flac', 40, 130)
    tone(music / "Bob/line\nbreak.wav", 40, 150)
    tone(music / "Bob/Привет 音楽.ogg", 40, 170)
    tone(music / "Cy/eight bits.wav", 40, 190, subtype="PCM_U8")
    tone(music / "Cy/fast.wav", 33, 210, rate=192_000)
    tone(music / "Di/six channels.wav", 33, 230, channels=6)
    tone(music / "Di/short.wav", 3, 250)
    (music / "Di/empty.wav").write_bytes(b"")
    (music / "Di/no audio.mp3").write_bytes(b"This is a letter, not a song. " * 100)
    soundfile.write(music / "Di/no samples.wav", np.zeros(0), 22050)
    whole = (music / "Bob/Привет 音楽.ogg").read_bytes()
    (music / "Di/cut.ogg").write_bytes(whole[: len(whole) // 2])
    overlay = study.overlay(
        "corpus: {source: folder, folder: {root: music}}\n"
        "clips: {per_track: 3}\n"
        "encoders: {musicnn: {activate: false}, random: {activate: false}}\n"
        "robustness: {queries: 5, resamples: 50, perturbations: {noise: {levels: [0]}"
        + "".join(f", {kind}: {{activate: false}}" for kind in PERTURBATIONS if kind != "noise")
        + "}}\n"
    )
    done = study.snakemake("robustness", "--configfile", overlay)
    assert done.returncode == 0, done.stdout[-5000:]
    tracks = pd.read_csv(study.folder / "results/corpus/tracks.csv")
    rejected = pd.read_csv(study.folder / "results/corpus/rejected.csv").set_index("path").reason
    assert len(tracks) == 7
    assert set(rejected.index) == {
        f"music/Di/{name}"
        for name in ["short.wav", "empty.wav", "no audio.mp3", "no samples.wav", "cut.ogg"]
    }
    assert "empty" in rejected["music/Di/empty.wav"]
    assert not rejected.str.contains("\n").any()
    assert len(pd.read_csv(study.folder / "results/tables/robustness.csv")) > 0


def test_a_change_of_outputs_made_elsewhere_is_noticed(study):
    """With a name that Snakemake would take for a wildcard, and a row of a file that is gone."""
    for name, hertz in (("Ann/one.wav", 110), ("Bob/two.wav", 150)):
        tone(study.folder / "music" / name, 30, hertz)
    for name, hertz in (("{a}.wav", 190), ("b.wav", 210)):
        tone(study.folder / "outputs" / name, 6, hertz)
    (study.folder / "list.csv").write_text("path\noutputs/{a}.wav\noutputs/gone.wav\n")
    corpus = "corpus: {source: folder, folder: {root: music}, shards: 1}\nencode: {shards: 1}\n"
    for where, changed in (("root: outputs", "new.wav"), ("manifest: list.csv", "{a}.wav")):
        external = f"generators: {{external: {{activate: true, {where}}}}}"
        words = ["--configfile", study.overlay(corpus + external)]
        words += ["--", "results/vamps/external/000.parquet"]
        done = study.snakemake(*words)
        assert done.returncode == 0, done.stdout[-5000:]
        assert "Nothing to be done" in study.snakemake("--dry-run", *words).stdout
        tone(study.folder / "outputs" / changed, 7, 230)
        assert "Listing audio made elsewhere" in study.snakemake("--dry-run", *words).stdout


def test_another_study_may_not_replace_a_corpus(tiny):
    """The default study into the folder of the tiny one: it stops before the first job."""
    before = {path: path.stat().st_mtime_ns for path in (tiny.folder / RESULTS).rglob("*.csv")}
    done = tiny.snakemake("corpus", "--config", f"results={RESULTS}", f"cache={ROOT / 'resources'}")
    assert done.returncode != 0
    told = [line for line in done.stdout.splitlines() if "musical-roots: error:" in line]
    assert len(told) == 1 and "Traceback" not in done.stdout, done.stdout
    assert f"{RESULTS} holds the study of config/tiny.yaml config/config.yaml" in told[0]
    assert f"remove {RESULTS}/study.json" in told[0]
    after = {path: path.stat().st_mtime_ns for path in (tiny.folder / RESULTS).rglob("*.csv")}
    assert before == after and before


def test_folders_with_spaces(study):
    """Results, cache and recordings, through every stage of Experiment B."""
    for name, hertz in (("Ann/one two.wav", 110), ("Bob/three.wav", 150), ("Cy/four.wav", 190)):
        tone(study.folder / "my music" / name, 31, hertz)
    overlay = study.overlay(
        "results: my results\ncache: my cache\n"
        "corpus: {source: folder, folder: {root: my music}, shards: 1}\n"
        "clips: {per_track: 3}\nencode: {shards: 1}\ngenerators: {openvamp: {activate: false}}\n"
        "listening: {activate: false}\n"
        "encoders: {musicnn: {activate: false}, mel: {activate: false}}\n"
        "robustness: {queries: 3, resamples: 20, perturbations: {noise: {levels: [0]}"
        + "".join(f", {kind}: {{activate: false}}" for kind in PERTURBATIONS if kind != "noise")
        + "}}\n"
    )
    done = study.snakemake("--configfile", overlay)
    assert done.returncode == 0, done.stdout[-5000:]
    results = study.folder / "my results"
    assert "FAILED" not in (results / "checks.txt").read_text()
    assert (results / "report.html").is_file() and not (study.folder / "results").exists()
    again = study.snakemake("--configfile", overlay)
    assert "Nothing to be done" in again.stdout


def test_a_checkpoint_in_a_folder_with_spaces_is_looked_for_there(study):
    overlay = study.overlay(
        "cache: my cache\nencoders: {clap: {activate: true, checkpoint: my weights/clap.pt}}"
    )
    done = study.snakemake("my cache/checkpoints/clap.safetensors", "--configfile", overlay)
    assert done.returncode != 0
    assert "musical-roots: error: my weights/clap.pt is missing" in done.stdout


def test_a_missing_folder_is_one_line(study):
    overlay = study.overlay("corpus: {source: folder, folder: {root: nowhere}}")
    done = study.snakemake("corpus", "--configfile", overlay)
    assert done.returncode != 0
    assert "config: corpus.folder.root: there is no folder nowhere; mend" in done.stdout
    assert "Traceback" not in done.stdout and not (study.folder / "nowhere").exists()
    planned = study.snakemake("corpus", "--dry-run", "--configfile", overlay)
    assert planned.returncode == 0, planned.stdout


def test_a_package_that_is_gone_is_one_line(study):
    overlay = study.overlay(
        f"cache: {study.folder}/cache\ncorpus: {{debian: {{mirror: {study.folder}/no-archive}}}}"
    )
    done = study.snakemake("corpus", "--configfile", overlay)
    assert done.returncode != 0
    assert "musical-roots: error:" in done.stdout
    assert "Traceback" not in done.stdout
