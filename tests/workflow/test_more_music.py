"""A folder of music that grows or shrinks: what is made anew, and what stays."""

from pathlib import Path

import numpy as np
import pandas as pd
import soundfile
import yaml
from short_music import music
from traces import traces

ROOT = Path(__file__).parents[2]
TARGET = "results/cluster/embeddings/mfcc/corpus.csv"


def add(folder, artist, track):
    path = folder / f"music/artist{artist}/track{track}.wav"
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, music(22_050, 32.0, 10 * artist + track), 22_050)


def features(folder):
    """Which file each part's features are: one that is written anew is another."""
    found = (folder / "results/cluster/features/mfcc").rglob("*.npy")
    return {str(path.relative_to(folder)): path.stat().st_ino for path in found}


def test_a_track_more_encodes_one_part(study):
    small = yaml.safe_load((ROOT / "tests/cluster/small.yaml").read_text())
    overlay = study.overlay(yaml.safe_dump(small | {"encode": {"shards": 4}}))
    for artist in range(4):
        for track in range(2):
            add(study.folder, artist, track)
    words = [TARGET, "--configfile", overlay]
    done = study.snakemake(*words)
    assert done.returncode == 0, done.stdout[-5000:]
    before = features(study.folder)
    assert len(before) == 8
    add(study.folder, 0, 2)
    done = study.snakemake(*words, "--forcerun", "recordings")
    assert done.returncode == 0, done.stdout[-5000:]
    after = features(study.folder)
    assert before.keys() == after.keys()
    assert len([part for part in before if before[part] != after[part]]) == 1
    done = study.snakemake(*words)
    assert "Nothing to be done" in done.stdout


APPROXIMATE = {"search": {"approximate": {"activate": True, "trial_queries": 20}}}
ANSWERS = "results/cluster/tables/robustness.csv results/cluster/tables/search_recall.csv"
ANSWERS += " results/cluster/pages/search_recall.html results/cluster/corpus/clips.csv"


def heard(folder, track_id):
    """What an encoder said of a track's clips, byte for byte, and their clip_ids."""
    results, clip_ids, said = folder / "results/cluster", [], []
    for path in (results / "features/mfcc").rglob("*.npy"):
        clips = pd.read_parquet(results / "clips" / path.parent.name / f"{path.stem}.parquet")
        rows = np.flatnonzero(clips["track_id"] == track_id)
        clip_ids += clips["clip_id"].iloc[rows].tolist()
        said += [row.tobytes() for row in np.load(path)[rows]]
    return pd.Series(clip_ids), said


def test_a_track_that_is_taken_away_is_in_no_answer_index_or_page(study):
    for artist in range(4):
        for track in range(2):
            add(study.folder, artist, track)
    small = yaml.safe_load((ROOT / "tests/cluster/small.yaml").read_text()) | APPROXIMATE
    words = [*ANSWERS.split(), "--configfile", study.overlay(yaml.safe_dump(small))]
    done = study.snakemake(*words)
    assert done.returncode == 0, done.stdout[-5000:]
    results = study.folder / "results/cluster"
    clips = pd.read_csv(results / "corpus/clips.csv", dtype=str)
    track = clips[clips["path"].str.endswith("artist1/track1.wav")].iloc[0]
    clip_ids, said = heard(study.folder, track["track_id"])
    known = clip_ids, [track["track_id"], "artist1/track1", *said]
    before = set(traces(results, *known))
    made = {f"index/mfcc/{name}" for name in ("whole.faiss", "whole.parquet", "merged.faiss")}
    made |= {"corpus/clips.csv", "corpus/tracks.csv", "corpus/recordings.parquet"}
    assert any(name.startswith("features/") for name in before)
    assert before >= made, "the search for traces finds them where they are"
    (study.folder / "music/artist1/track1.wav").unlink()
    done = study.snakemake(*words, "--forcerun", "recordings")
    assert done.returncode == 0, done.stdout[-5000:]
    assert {name for name in traces(results, *known) if not name.startswith("logs/")} == set()
