"""Stages of an approximate search, from files to files: what comes later, what is taken away."""

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from traces import traces

from musical_roots import cli
from musical_roots.arrays import read_json, write_json
from musical_roots.search import inverted
from musical_roots.tables import open_shards, read_table, write_shard, write_table

DIM, CLIPS = 16, 8
GONE = "track7"  # whose holder asks for it
WORDS = (f">{GONE}<", f",{GONE},")  # track70 is another


def shard(path, tracks, name="c", seed=0):
    """A shard of some tracks, whose vectors are the same whatever else is in the shard."""
    vectors, rows = [], []
    for track in tracks:
        draw = np.random.default_rng([seed, track])
        some = draw.normal(size=DIM) + 0.5 * draw.normal(size=(CLIPS, DIM))
        vectors.append(some / np.linalg.norm(some, axis=1, keepdims=True))
        rows += [(f"{name}{track:03}clip{number}", f"track{track}") for number in range(CLIPS)]
    clips = pd.DataFrame(rows, columns=["clip_id", "track_id"]).astype("str")
    clips["group_id"] = clips["track_id"]
    about = {"encoder": "mel", "fingerprint": "x"}
    write_shard(path, np.concatenate(vectors).astype(np.float16), clips, about)
    return path.with_suffix(".npy")


def run(*words):
    done = CliRunner().invoke(cli.stages, [str(word) for word in words], catch_exceptions=False)
    assert done.exit_code == 0, done.output


class Study:
    """Two shards of an index, queries, and the stages that lead to a table and a page."""

    def __init__(self, folder):
        self.folder = folder
        self.shards = [shard(folder / "000", range(30)), shard(folder / "001", range(30, 60))]
        self.queries = shard(folder / "queries", [*range(0, 60, 3), 7], "q", seed=1)
        self.trained = folder / "trained.faiss"
        flags = ["--quantiser", "pq", "--out", self.trained, "--seed", 1]
        run("index", "train", *self.shards, *flags)

    def fill(self, number):
        out = self.folder / f"part{number}.faiss"
        run("index", "fill", "--inverted", self.trained, "--out", out, self.shards[number])

    def finish(self):
        parts = [self.folder / f"part{number}.faiss" for number in range(len(self.shards))]
        merged, self.whole = self.folder / "merged.faiss", self.folder / "whole.faiss"
        run("index", "merge", *parts, "--out", merged)
        wanted = ["--recall", 0.9, "--trial-queries", 80, "--resamples", 50, "--confidence", 0.9]
        asked = ["--inverted", merged, "--queries", self.queries]
        run("index", "plan", *asked, *wanted, "--seed", 1, "--out", self.whole, *self.shards)
        run("index", "recall", self.whole, "--out", self.folder / "recall.csv")
        self.match(self.folder / "matches.parquet")
        found = self.folder / "matches.csv"
        write_table(read_table(self.folder / "matches.parquet"), found)
        flags = ["--title", "Found", "--text", "All.", "--out", self.folder / "page.html"]
        run("report", "page", found, *flags)

    def match(self, out):
        asked = ["--queries", self.queries, "--k", 5, "--inverted", self.whole]
        asked += ["--device", "cpu"]
        run("search", "match", *asked, "--out", out, *self.shards)


@pytest.fixture
def study(tmp_path):
    made = Study(tmp_path)
    made.fill(0), made.fill(1)
    made.finish()
    return made


def test_what_is_planned_is_told(study):
    told = read_table(study.folder / "recall.csv").iloc[0]
    plan = read_json(study.folder / "whole.json")["plan"]
    assert told["encoder"] == "mel" and told["n_vectors"] == 480
    assert told["recall_at_50"] == plan["recall_at_50"] >= 0.9
    assert told["recall_at_50_low"] <= told["recall_at_50"] <= told["recall_at_50_high"]


def test_a_track_that_is_taken_away_is_in_no_file_that_is_made_then(study):
    """One shard is embedded anew without it: nothing but that shard's part is filled again."""
    clips = open_shards(study.shards).clips
    gone = clips["clip_id"][clips["track_id"] == GONE]
    made = {"000.parquet", "part0.faiss", "part0.parquet", "merged.faiss", "merged.parquet"}
    made |= {"whole.faiss", "whole.parquet", "matches.parquet", "matches.csv", "page.html"}
    before = set(traces(study.folder, gone, WORDS))
    assert before >= made, "the search for traces finds them where they are"
    kept = (study.folder / "part1.faiss").stat().st_mtime_ns
    shard(study.folder / "000", [track for track in range(30) if track != 7])
    shard(study.folder / "queries", range(0, 60, 3), "q", seed=1)
    study.fill(0)
    study.finish()
    assert set(traces(study.folder, gone, WORDS)) == set()
    assert (study.folder / "part1.faiss").stat().st_mtime_ns == kept
    assert len(inverted.read(study.whole)) == 472


def test_a_track_that_comes_later_is_added_alone(study):
    study.shards.append(shard(study.folder / "002", [60]))
    study.fill(2)
    study.finish()
    found = read_table(study.folder / "matches.parquet")
    assert len(inverted.read(study.whole)) == 488
    study.queries = shard(study.folder / "queries", [60], "q")
    study.match(study.folder / "again.parquet")
    found = read_table(study.folder / "again.parquet")
    assert set(found["track_id"][found["rank"] == 1]) == {"track60"}


def test_clips_are_taken_off_by_hand(study):
    clips = open_shards(study.shards).clips
    gone = clips[clips["track_id"] == GONE]
    write_table(gone[["clip_id"]], study.folder / "gone.csv")
    out = study.folder / "less.faiss"
    flags = ["--clips", study.folder / "gone.csv", "--out", out]
    run("index", "remove", "--inverted", study.whole, *flags)
    left = inverted.read(out)
    assert len(left) == 472 and not left.clips["clip_id"].isin(gone["clip_id"]).any()
    assert left.about == inverted.read(study.whole).about


def test_lists_are_kept_while_vectors_and_code_are_the_same(study):
    """A track more trains nothing; other statistics, code or quantiser do, and a damaged file."""

    def trained(code="abc", quantiser="pq"):
        flags = ["--quantiser", quantiser, "--seed", 1, "--kept-if", code, "--out", study.trained]
        before = study.trained.stat()
        run("index", "train", *study.shards, *flags)
        assert study.trained.stat().st_mtime_ns > before.st_mtime_ns
        return study.trained.stat().st_ino != before.st_ino

    assert trained(), "no code was named before"
    study.shards.append(shard(study.folder / "002", [60]))
    assert not trained()
    assert trained(code="def") and trained(code="def", quantiser="sq") and trained()
    study.trained.write_bytes(b"no index")
    assert trained() and not trained()
    for path in study.shards:
        about = read_json(path.with_suffix(".json"))
        write_json(about | {"fingerprint": "y"}, path.with_suffix(".json"))
    assert trained() and not trained()
    assert trained(code="") and trained(code="")
