"""Broken and odd files through the command line: no traceback, no hang, nothing half made.

A seeded sample of the mutants in `mutants.py`; MUSICAL_ROOTS_FAULTS=all takes all of them (some
minutes), a number another sample.
"""

import json
import shutil
from pathlib import Path

import commands
import listening_study
import mutants
import numpy as np
import pandas as pd
import pytest
import soundfile
from finished_study import of_tones

from musical_roots import config, tables
from musical_roots.generators.openvamp.generator import CODEC, NETWORK
from musical_roots.weights import files
from musical_roots.weights.checkpoints import SOURCES
from musical_roots.weights.formats import clmr

ROOT = Path(__file__).parents[2]
CORPUS = [
    "corpus recordings --source folder --root music --out recordings.parquet",
    "corpus probe --recordings recordings.parquet --shard 0 1 --minimum-s 0.5 --maximum-s 60"
    " --silence-lufs -60 --tracks-out 0.parquet --rejected-out 0.rejected.parquet"
    " --fingerprints-out 0.fingerprints.parquet",
    "corpus tracks 0.parquet --near-duplicate-share 0.5 --control-share 0.5 --split-artists"
    " --tracks-out tracks.csv --rejected-out rejected.csv --seed 1",
    "corpus clips --tracks tracks.csv --split train --shard 0 1 --clip-duration-s 1 --hop-s 1"
    " --silence-lufs -60 --per-track 5 --out train.parquet --seed 1",
    "corpus clips --tracks tracks.csv --split control --shard 0 1 --clip-duration-s 1 --hop-s 1"
    " --silence-lufs -60 --per-track 5 --out control.parquet --seed 1",
    "generate external --root music --duration-s 1 --out vamps.parquet --rejected-out no.csv"
    " train.parquet control.parquet",
]
MADE = ["recordings.parquet", "0.parquet", "tracks.csv", "train.parquet", "control.parquet"]
MADE += ["vamps.parquet"]
SIZE = ["codebooks", "entries", "width", "layers"]  # of openvamp


def split(calls: list[str]) -> list[list[str]]:
    return [call.split() for call in calls]


def tone(path: Path, hertz: float) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    time = np.arange(4 * mutants.RATE) / mutants.RATE
    noise = np.random.default_rng(int(hertz)).normal(scale=0.05, size=len(time))
    soundfile.write(path, 0.3 * np.sin(2 * np.pi * hertz * time) + noise, mutants.RATE)


def tried(folder: Path, chain: list[list[str]], made: list[str]) -> str:
    """What is wrong with how commands ended, and with what they left; empty if nothing is."""
    ended = commands.run(chain, folder)
    wrong = ended.fault()
    if not wrong:
        there = [
            name
            for place, name in enumerate(made)
            if (folder / name).exists()
            != (place < len(ended.statuses) and not ended.statuses[place])
        ]
        there += [path.name for path in folder.rglob(".*.part")]
        wrong = f"left {there} after {ended.statuses}: {ended.said[-300:]}" if there else ""
    return wrong


def report(faults: dict) -> None:
    assert not faults, "\n" + "\n".join(f"{what}: {wrong}" for what, wrong in faults.items())


def test_audio(tmp_path):
    made = mutants.sound(tmp_path)
    sound = tmp_path / "sound"
    for name, hertz in (("Ann/a.wav", 220), ("Ben/b.wav", 330)):
        tone(sound / name, hertz)
    faults = {}
    for number in mutants.numbers("audio", 200, 8):
        folder = tmp_path / str(number)
        shutil.copytree(sound, folder / "music")
        name, data = mutants.audio(made, 0, number)
        (folder / "music" / name).write_bytes(data)
        if wrong := tried(folder, split(CORPUS), MADE):
            faults[f"audio {number}, {name!r}"] = wrong
        else:
            shutil.rmtree(folder)
    report(faults)


def test_audio_that_is_traced(tmp_path):
    """Alone, and in a folder beside what can be heard."""
    of_tones(tmp_path)
    made, faults = mutants.sound(tmp_path), {}
    for number in mutants.numbers("traced", 200, 6):
        folder = tmp_path / f"asked{number}"
        name, data = mutants.audio(made, 1, number)
        (folder / "asked").mkdir(parents=True)
        (folder / "asked" / name).write_bytes(data)
        asked = "asked"
        if number % 2:
            tone(folder / "asked/good.wav", 440)
        else:
            asked = f"asked/{name}"
        call = ["trace", "--study", "../results", "--json", "out.json", "--jobs", "1", "--", asked]
        if wrong := tried(folder, [call], ["out.json"]):
            faults[f"traced {number}, {name!r}"] = wrong
    report(faults)


def test_a_study_that_is_damaged_is_not_traced(tmp_path):
    whole = of_tones(tmp_path)
    files_there = sorted(path for path in whole.rglob("*") if path.is_file())
    tone(tmp_path / "a.wav", 440)
    faults = {}
    for number in mutants.numbers("study", 60, 6):
        folder, draw = tmp_path / f"damaged{number}", mutants.rng(0, "study", number)
        shutil.copytree(whole, folder / "results")
        file = folder / files_there[number % len(files_there)].relative_to(tmp_path)
        file.write_bytes(mutants.of_bytes(file.read_bytes(), draw))
        call = ["trace", "../a.wav", "--study", "results", "--json", "out.json", "--jobs", "1"]
        if wrong := tried(folder, [call], ["out.json"]):
            faults[f"study {number}, {file.name}"] = wrong
        shutil.rmtree(folder)
    report(faults)


def test_configs(tmp_path):
    """What is accepted here goes on in tests/workflow/test_wrong_configs.py."""
    faults = {}
    for number in mutants.numbers("config", 100, 20):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "mutant.yaml").write_bytes(mutants.config(ROOT / "config", 0, number))
        (folder / "config").symlink_to(ROOT / "config")
        if wrong := tried(folder, [["config", "where", "mutant.yaml"]], []):
            faults[f"config {number}"] = wrong
    report(faults)


METADATA = """path,title,artist,album,licence,attribution,split
Ann/a.wav,One,Ann,First,CC BY,Ann,train
Ben/b.wav,Two,Ben,Second,CC BY,Ben,control
"""
MANIFEST = """path,prompt_path,prompt_start_s
music/Ann/a.wav,music/Ann/a.wav,0
music/Ben/b.wav,music/Ben/b.wav,1.5
"""


def test_tables_that_people_write(tmp_path):
    sound = tmp_path / "sound"
    for name, hertz in (("Ann/a.wav", 220), ("Ben/b.wav", 330)):
        tone(sound / name, hertz)
    described = [f"{CORPUS[0]} --metadata table.csv", *CORPUS[1:]]
    listed = [*CORPUS[:5], CORPUS[5].replace("--root music", "--manifest table.csv")]
    faults = {}
    for number in mutants.numbers("table", 20, 3):
        folder = tmp_path / str(number)
        shutil.copytree(sound, folder / "music")
        text, chain = [(METADATA, described), (MANIFEST, listed)][number % 2]
        (folder / "table.csv").write_bytes(mutants.table(text, mutants.rng(0, "table", number)))
        if wrong := tried(folder, split(chain), MADE):
            faults[f"table {number}"] = wrong
    report(faults)


def test_manifests_of_packages(tmp_path):
    text = (ROOT / "config/corpora/debian-tracks.tsv").read_text()
    text = "\n".join(text.splitlines()[:6]).replace("\t", ",")
    (tmp_path / "empty").mkdir()
    call = "corpus recordings --source debian --root empty --track-list t.csv --out r.parquet"
    faults = {}
    for number in mutants.numbers("packages", 6, 2):
        folder = tmp_path / str(number)
        (folder / "empty").mkdir(parents=True)
        (folder / "t.csv").write_bytes(mutants.table(text, mutants.rng(0, "packages", number)))
        if wrong := tried(folder, split([call]), ["r.parquet"]):
            faults[f"packages {number}"] = wrong
    report(faults)


def test_published_checkpoints(tmp_path):
    """In the published format, damaged on the way, with the hash that the damage has."""
    whole = tmp_path / "whole.zip"
    clmr.write_random(whole, 0, "clmr")
    faults = {}
    for number in mutants.numbers("checkpoint", 6, 1):
        folder = tmp_path / str(number)
        folder.mkdir()
        draw = mutants.rng(0, "checkpoint", number)
        (folder / SOURCES["clmr"].file).write_bytes(mutants.of_bytes(whole.read_bytes(), draw))
        call = f"weights fetch --name clmr --checkpoints out --local {SOURCES['clmr'].file}"
        made = [f"out/{name}" for name in SOURCES["clmr"].converted]
        if wrong := tried(folder, split([call]), made):
            faults[f"checkpoint {number}"] = wrong
    report(faults)


def test_openvamps_own_weights(tmp_path):
    whole = ROOT / "models/openvamp"
    about = files.about_of(whole / CODEC)
    known = [{"track_id": track, "split": "train"} for track in about["trained_on"]]
    size = " ".join(words(config.load({})["generators"]["openvamp"], *SIZE))
    call = (
        "generate take-openvamp --folder given --tracks tracks.csv --codec-out c.safetensors"
        f" --weights-out w.safetensors --curve-out openvamp_training.csv {size}"
    )
    faults = {}
    for number in mutants.numbers("openvamp", 8, 2):
        folder = tmp_path / str(number)
        (folder / "given").mkdir(parents=True)
        tables.write_table(pd.DataFrame(known), folder / "tracks.csv")
        names = [CODEC, NETWORK, "openvamp_training.csv"]
        for name in names:
            shutil.copy(whole / name, folder / "given")
        file = folder / "given" / names[number % 3]
        draw = mutants.rng(0, "openvamp", number)
        file.write_bytes(mutants.of_bytes(file.read_bytes(), draw))
        if wrong := tried(folder, split([call]), ["c.safetensors"]):
            faults[f"openvamp {number}, {file.name}"] = wrong
        shutil.rmtree(folder)
    report(faults)


def words(section: dict, *keys: str) -> list[str]:
    """Keys of a section as flags, as the workflow writes them."""
    return [
        word
        for key in keys or section
        for word in (f"--{key.replace('_', '-')}", str(section[key]))
    ]


def test_answers(tmp_path):
    asked = listening_study.some("ours", 8, 8)
    study = tmp_path / "study"
    manifest = listening_study.write(study, "ours", asked)
    tables.write_table(asked, study / "trials.csv")
    listening = config.load({})["listening"]
    call = [
        *("listening", "analyse", "--responses", "answers", "--answered-by", "people"),
        *("--asked", "study/trials.csv", "study/manifest.json", "--seed", "1"),
        *("--paper-table1", str(ROOT / "config/paper/table1.csv")),
        *("--paper-bins", str(ROOT / "config/paper/bins.csv")),
        *words(listening["exclusions"]),
        *words(listening["analysis"] | {"resamples": 20}),
        *("--table-out", "exclusions", "e.csv", "--table-out", "set_aside", "s.csv"),
    ]
    sound = [listening_study.session(manifest, listener_id=f"aabbcc{n:02d}") for n in range(10, 14)]
    faults = {}
    for number in mutants.numbers("answers", 10, 2):
        folder = tmp_path / str(number)
        (folder / "answers").mkdir(parents=True)
        (folder / "study").symlink_to(study)
        for one in sound[1:]:
            (folder / "answers" / f"{one['listener_id']}.json").write_text(json.dumps(one))
        draw = mutants.rng(0, "answers", number)
        (folder / "answers/mutant.json").write_bytes(mutants.json_text(sound[0], draw))
        if wrong := tried(folder, [call], ["e.csv"]):
            faults[f"answers {number}"] = wrong
    report(faults)


def test_a_fault_is_seen(tmp_path):
    """What the other tests rely on: a traceback, a hang and a half-made file are told."""
    ended = commands.Ended([1], "Traceback (most recent call last):\nKeyError: 'a'\n", 1, "")
    assert ended.fault() == "traceback: KeyError: 'a'"
    assert commands.Ended([0], "", 30, "still at work after 30 s").fault()
    assert commands.Ended([-6], "", 1, "").fault()
    assert commands.Ended([2], "musical-roots: error: a\nmore\n", 1, "").fault()
    assert not commands.Ended([2], "so far\nmusical-roots: error: a\n", 1, "").fault()
    assert not commands.Ended([0, 0], "all is well\n", 1, "").fault()
    tone(tmp_path / "music/a.wav", 220)
    assert tried(tmp_path, split(CORPUS[:1]), ["recordings.parquet"]) == ""
    (tmp_path / ".x.parquet.1.part").touch()
    assert "x.parquet.1.part" in tried(tmp_path, split(CORPUS[:1]), ["recordings.parquet"])
    slow = commands.run(split(CORPUS[:1]), tmp_path, limit_s=0)
    assert "still at work" in slow.fault()


@pytest.mark.parametrize("number", [0, 1])
def test_mutants_repeat(tmp_path, number):
    made = mutants.sound(tmp_path)
    assert mutants.audio(made, 0, number) == mutants.audio(made, 0, number)
    assert mutants.audio(made, 0, number) != mutants.audio(made, 1, number)
