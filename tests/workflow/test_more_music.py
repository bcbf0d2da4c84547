"""A folder of music that grows: what is encoded anew, and what is not."""

from pathlib import Path

import soundfile
import yaml
from short_music import music

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
