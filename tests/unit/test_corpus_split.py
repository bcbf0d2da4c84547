"""Train and control: what is given or tied, what is told of it, and the check of the results."""

import importlib.util
import logging
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from musical_roots.corpus import split
from musical_roots.errors import InputError

CHECKS = Path(__file__).parents[1] / "results/test_results.py"


def corpus(rows):
    """(artist, seconds[, split]) a row, each a recording of its own."""
    table = pd.DataFrame(
        [(artist, float(seconds), *(rest or [""])) for artist, seconds, *rest in rows],
        columns=["artist", "duration_s", "split"],
    )
    names = [f"{number:016x}" for number in range(len(table))]
    path = [f"{name}.ogg" for name in names]
    return table.assign(sha256=names, track_id=names, group_id=names, path=path)


def share(tracks, sides):
    control = np.array(sides) == "control"
    return tracks.duration_s[control].sum() / tracks.duration_s.sum()


GIVEN = [(f"artist {k}", 100, "train" if k < 9 else "control") for k in range(10)]
TWO = [("Ann", 100)] * 9 + [("Ben", 100)]
FREE = [(f"artist {k}", 100) for k in range(20)]


@pytest.mark.parametrize(
    "rows, wanted, low, high",
    [
        (GIVEN, 0.5, 0.4, 0.5),
        (TWO, 0.5, 0.4, 0.55),
        ([("Ann", 50), ("Ben", 50)], 0.05, 0.45, 0.8),
        ([*GIVEN[:9], ("free", 100)], 0.5, 0.4, 0.5),
        (FREE, 0.5, 0.0, 0.1),
        ([("Ann & Ben", 100), ("Ben & Cy", 100), *FREE], 0.5, 0.0, 0.15),
    ],
)
def test_a_split_is_as_far_off_as_it_is_forced(rows, wanted, low, high):
    tracks = corpus(rows)
    forced = split.forced(tracks, wanted, split_artists=True)
    assert low <= forced <= high
    for seed in range(3):
        assert (
            abs(share(tracks, split.splits(tracks, wanted, seed, split_artists=True)) - wanted)
            <= forced
        )


def test_an_artist_field_can_be_kept_whole():
    rows = [("Bach, LSO, Abbado", 100), ("Bach, Gould", 100), ("Tyler, The Creator", 100)]
    tracks = corpus(rows)
    assert split.blocks(tracks, split_artists=True).nunique() == 2
    assert split.blocks(tracks, split_artists=False).nunique() == 3
    # the same field, however it is written, is one artist still
    assert split.blocks(corpus([("A & B", 1), ("a &  b", 1)]), split_artists=False).nunique() == 1


def told(caplog, rows, wanted=0.5, split_artists=True):
    caplog.clear()
    caplog.set_level(logging.INFO)
    tracks = corpus(rows)
    split.tell(tracks.assign(split=split.splits(tracks, wanted, 0, split_artists)))
    return "\n".join(record.message for record in caplog.records)


def test_the_largest_block_is_named_with_its_share(caplog):
    rows = [("Bach, LSO", 150), ("LSO, Karajan", 150), ("Solo", 400), *FREE[:3]]
    text = told(caplog, rows)
    assert "tied by credits or shared recordings: 30 % of the playing time" in text
    assert "2 artist fields: Bach, LSO; LSO, Karajan." in text
    assert "corpus.split_artists: false" in text
    assert "tied by" not in told(caplog, rows, split_artists=False)
    assert "tied by" not in told(caplog, FREE)


def test_a_share_that_cannot_be_kept_is_a_warning(caplog):
    text = told(caplog, GIVEN)
    assert "control holds 10 % of the playing time, not the 50 % of corpus.control_share" in text
    assert "gives the split of 10 of 10 artists" in text
    assert "the largest of the others holds 90% of the time" in told(caplog, TWO)
    assert "control holds" not in told(caplog, FREE)


def test_a_corpus_that_cannot_show_anything_is_a_warning(caplog):
    nameless = [(f"unknown ({k}.wav)", 100) for k in range(8)]
    text = told(caplog, nameless)
    assert "8 of 8 tracks name no artist" in text
    assert "control recordings: 4; they can show no p-value below 1/5 = 0.20" in text
    assert "takes 19 of them" in text
    enough = [(f"artist {k}", 100) for k in range(38)]
    assert told(caplog, enough) == "38 artists, 19 control recordings"
    assert "warning" not in told(caplog, nameless[:4] + enough)
    # no control is wanted: nothing is said of its size
    assert "warning" not in told(caplog, FREE, wanted=0)


@pytest.fixture
def check(tmp_path, monkeypatch):
    """Runs the results' check of the split on tracks with such sides."""
    spec = importlib.util.spec_from_file_location("checks_of_results", CHECKS)
    checks = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(checks)
    monkeypatch.setattr(checks, "RESULTS", tmp_path)
    (tmp_path / "corpus/probed").mkdir(parents=True)

    def check(rows, sides):
        asked = corpus(rows)
        for number in range(2):
            shard = asked.iloc[number::2].drop(columns="group_id")
            shard.to_parquet(tmp_path / f"corpus/probed/{number:03d}.parquet")
        rejected = pd.DataFrame({"path": ["x"], "reason": ["y"]})
        rejected.to_parquet(tmp_path / "corpus/probed/000.rejected.parquet")
        config = {"corpus": {"control_share": 0.5, "split_artists": True}}
        checks.test_splits_are_of_comparable_size(asked.assign(split=sides), config)

    return check


@pytest.mark.parametrize("rows", [GIVEN, TWO])
def test_the_check_lets_pass_what_is_forced(check, rows):
    with pytest.warns(UserWarning, match="leave no better"):
        check(rows, split.splits(corpus(rows), 0.5, 0, split_artists=True))


def test_the_check_finds_a_split_that_nothing_forced(check, recwarn):
    check(FREE, split.splits(corpus(FREE), 0.5, 0, split_artists=True))
    assert not recwarn.list
    for rows in (FREE, [*GIVEN[:2], *FREE]):
        with pytest.raises(AssertionError, match="control holds"):
            check(rows, ["control"] * 2 + ["train"] * (len(rows) - 2))


# -- a smaller training set ------------------------------------------------------------------------


ARTISTS = [(f"artist {k // 3}", 60 + 37 * k % 101) for k in range(180)]


@pytest.mark.parametrize("part", [0.1, 0.25, 0.5])
def test_the_small_training_set_is_a_part_of_train_with_its_artists_whole(part):
    tracks = corpus(ARTISTS)
    tracks["split"] = split.splits(tracks, 0.5, 0, split_artists=True)
    small = split.small(tracks, part, 0, split_artists=True)
    train = tracks[tracks.split == "train"]
    assert set(tracks.split[small]) == {"train"}
    assert not set(tracks.artist[small]) & set(train.artist[~small[train.index]])
    held = tracks.duration_s[small].sum() / train.duration_s.sum()
    assert held == pytest.approx(part, abs=0.05)
    shuffled = tracks.sample(frac=1, random_state=1)
    again = split.small(shuffled, part, 0, split_artists=True)
    assert set(shuffled.track_id[again]) == set(tracks.track_id[small]), "whatever their order"


def test_another_seed_draws_another_small_training_set():
    tracks = corpus(ARTISTS).assign(split="train")
    drawn = {tuple(split.small(tracks, 0.25, seed, split_artists=True)) for seed in range(4)}
    assert len(drawn) > 1


def test_near_duplicates_are_in_the_small_training_set_together_or_not():
    tracks = corpus([(f"artist {k}", 100) for k in range(20)]).assign(split="train")
    tracks["group_id"] = [f"g{k // 2}" for k in range(20)]
    for seed in range(5):
        small = split.small(tracks, 0.3, seed, split_artists=True)
        assert (small.groupby(tracks.group_id).nunique() == 1).all() and small.any()


def test_of_one_artist_there_is_no_smaller_training_set():
    tracks = corpus([("Ann", 100, "train"), ("Ann & Ben", 100, "train"), ("Cy", 9, "control")])
    with pytest.raises(InputError, match="openvamp_small: the train split is of one artist"):
        split.small(tracks, 0.25, 0, split_artists=True)


def test_a_small_training_set_can_be_listed(caplog):
    caplog.set_level(logging.INFO)
    tracks = corpus([("Ann", 9, "train"), ("Bob", 9, "train"), ("Cy", 9, "control")])
    tracks["root"] = "/music"
    paths = [tracks.path[0], "/music/" + tracks.path[1], tracks.path[2], "gone.ogg"]
    for some, wanted in ((paths, [True, True, False]), (paths[:1], [True, False, False])):
        assert split.listed(tracks, some, Path("list.csv")).tolist() == wanted
    assert "list.csv: 4 paths, 2 of them train tracks" in caplog.text
    with pytest.raises(InputError, match=r"list.csv: none of its 2 paths is a track of the train"):
        split.listed(tracks, paths[2:], Path("list.csv"))
    table = split.in_small(tracks, pd.Series([True, False, True]))
    assert table.small.tolist() == [True, False], "control tracks are not in the table"
