"""A folder of music that grows or shrinks: what is made anew, and what stays."""

from pathlib import Path

import pandas as pd
import soundfile
import yaml
from short_music import music

from musical_roots.search.inverted import ids_of

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


def traces(folder, track_id, clip_ids):
    """Files of a study that know a track: by name, or by what an index calls its clips."""
    ids = [int(number).to_bytes(8, "little") for number in ids_of(clip_ids)]
    words = [name.encode() for name in (track_id, *clip_ids, "artist1/track1")] + ids
    for path in sorted((folder / "results/cluster").rglob("*")):
        if path.suffix == ".parquet":
            told = pd.read_parquet(path).to_csv().encode()
        else:
            told = path.read_bytes() if path.is_file() else b""
        if any(word in told for word in words):
            yield str(path.relative_to(folder / "results/cluster"))


def test_a_track_that_is_taken_away_is_in_no_answer_index_or_page(study):
    for artist in range(4):
        for track in range(2):
            add(study.folder, artist, track)
    small = yaml.safe_load((ROOT / "tests/cluster/small.yaml").read_text()) | APPROXIMATE
    words = [*ANSWERS.split(), "--configfile", study.overlay(yaml.safe_dump(small))]
    done = study.snakemake(*words)
    assert done.returncode == 0, done.stdout[-5000:]
    clips = pd.read_csv(study.folder / "results/cluster/corpus/clips.csv", dtype=str)
    gone = clips[clips["path"].str.endswith("artist1/track1.wav")]
    known = gone["track_id"].iloc[0], gone["clip_id"]
    before = set(traces(study.folder, *known))
    made = {f"index/mfcc/{name}" for name in ("whole.faiss", "whole.parquet", "merged.faiss")}
    made |= {"corpus/clips.csv", "corpus/tracks.csv", "corpus/recordings.parquet"}
    assert before >= made, "the search for traces finds them where they are"
    (study.folder / "music/artist1/track1.wav").unlink()
    done = study.snakemake(*words, "--forcerun", "recordings")
    assert done.returncode == 0, done.stdout[-5000:]
    assert {path for path in traces(study.folder, *known) if "logs/" not in path} == set()
