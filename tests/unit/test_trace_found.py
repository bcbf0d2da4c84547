"""What a file resembles: known answers on vectors, and what must always hold."""

import numpy as np
import pandas as pd
import pytest

from musical_roots.tables import Embeddings
from musical_roots.trace import found

DIM = 24


def embeddings(tracks, seed=0, clips=4):
    """Random unit vectors: `clips` clips a track, 3 s each."""
    draw = np.random.default_rng(seed)
    vectors = draw.standard_normal((len(tracks) * clips, DIM))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    rows = [
        {"clip_id": f"{track}-{clip}", "track_id": track, "group_id": track, "start_s": 3.0 * clip}
        for track in tracks
        for clip in range(clips)
    ]
    rows = pd.DataFrame(rows).assign(duration_s=3.0, heard_s=3.0)
    rows["heard_start_s"] = rows.start_s
    about = {"encoder": "e", "fingerprint": "f", "dim": DIM}
    return Embeddings(rows, [vectors.astype(np.float16)], about)


def file_of(vectors):
    rows = pd.DataFrame({"clip_id": [f"q{n}" for n in range(len(vectors))]})
    rows["start_s"] = rows["heard_start_s"] = 3.0 * np.arange(len(vectors))
    rows = rows.assign(duration_s=3.0, heard_s=3.0, track_id="q", group_id="q")
    about = {"encoder": "e", "fingerprint": "f", "dim": DIM}
    return Embeddings(rows, [vectors.astype(np.float16)], about)


TRAIN = embeddings([f"t{n}" for n in range(6)])
CONTROL = embeddings([f"c{n}" for n in range(30)], seed=1)
CORPUS = TRAIN.with_rows(CONTROL)
WITHIN = pd.DataFrame({"clip_id": CORPUS.clips.clip_id})
WITHIN["train"] = WITHIN["train_equal"] = WITHIN.clip_id.str.startswith("t")
WITHIN["control"] = WITHIN.clip_id.str[0].eq("c") & (np.arange(len(WITHIN)) < 48)
TRACKS = pd.DataFrame({"artist": ["A", "A", "B", "B", "C", "C"]}, index=[f"t{n}" for n in range(6)])


@pytest.fixture(scope="module")
def null():
    return found.Null(CONTROL, TRAIN)


def copy_of(track):
    return file_of(TRAIN.where((TRAIN.clips.track_id == track).to_numpy()).rows(0, 4))


def unrelated(seed, clips=4):
    return file_of(embeddings(["x"], seed, clips).rows(0, clips))


def test_the_nearest_clip_of_each_track_is_what_plain_products_give(monkeypatch):
    asked = unrelated(5)
    for block in (1 << 15, 5):  # in blocks that cut tracks apart, too
        monkeypatch.setattr(found, "BLOCK", block)
        near = found.by_track(asked, TRAIN)
        plain = (asked.rows(0, 4) @ TRAIN.rows(0, 24).T).reshape(4, 6, 4).max(axis=2)
        assert near.columns.tolist() == TRACKS.index.tolist()
        assert near.to_numpy() == pytest.approx(plain, abs=2e-3)


def test_a_copy_has_the_smallest_p_and_comes_first(null):
    near = found.by_track(copy_of("t3"), TRAIN)
    songs = found.songs(near, null, TRACKS)
    assert songs.track_id[0] == "t3" and songs.cosine[0] == pytest.approx(1, abs=1e-3)
    assert songs.p[0] == null.smallest_p == pytest.approx(1 / 31)
    assert songs.p[1] > 0.3
    artists = found.artists(near, null, TRACKS)
    assert artists.artist[0] == "B" and artists.n_tracks[0] == 2
    assert artists.evidence[0] >= songs.evidence[0]


def test_p_of_music_that_has_nothing_to_do_with_it_is_uniform(null):
    songs, passages = [], []
    for seed in range(100, 300):
        near = found.by_track(unrelated(seed), TRAIN)
        songs.append(null.of_song([near.mean().max()], len(near))[0])
        passages.append(null.of_passage(near.max().max(), len(near))[0])
    for p in (np.array(songs), np.array(passages)):
        assert np.mean(p <= 0.1) < 0.25  # one null of 30 tracks: its own luck is in all of them
        assert 0.3 < p.mean() < 0.7


def test_a_long_file_pays_for_its_many_chances(null):
    assert null.of_passage(0.999, 4) == (null.smallest_p, null.smallest_p)
    assert null.of_passage(0.999, 12) == pytest.approx([3 * null.smallest_p] * 2)
    assert null.of_passage(-1.0, 400)[0] == 1


def of_kin(tracks, counts, seed):
    """Tracks whose clips are alike: as many of each as is said."""
    draw = np.random.default_rng(seed)
    owner = np.repeat([f"{tracks}{number:03d}" for number in range(len(counts))], counts)
    vectors = np.repeat(draw.standard_normal((len(counts), DIM)), counts, axis=0)
    vectors += 0.7 * draw.standard_normal(vectors.shape)
    rows = pd.DataFrame({"track_id": owner, "group_id": owner})
    rows["clip_id"] = [f"{name}-{row}" for row, name in enumerate(owner)]
    rows = rows.assign(duration_s=3.0, heard_s=3.0, heard_start_s=np.arange(len(rows)) * 3.0)
    return Embeddings(rows, [vectors.astype(np.float16)], {"dim": DIM})


@pytest.mark.parametrize("clips", [1, 2, 5, 20, 60])
def test_p_of_unrelated_files_holds_whatever_their_length_and_the_control_tracks(clips):
    songs, passages = [], []
    for seed in range(10):
        train = of_kin("t", [20] * 30, 3 * seed)
        null = found.Null(of_kin("c", [5] * 20 + [20] * 40, 3 * seed + 1), train)
        asked = of_kin("a", [clips] * 30, 3 * seed + 2)
        near = found.by_track(asked, train)
        for _, part in near.groupby(asked.clips.track_id.to_numpy()):
            songs.append(null.of_song([part.mean().max()], clips)[0])
            passages.append(null.of_passage(part.max().max(), clips)[0])
    for p in (songs, passages):  # .05 give or take what ten nulls of 60 tracks differ by
        assert np.mean(np.array(p) <= 0.05) <= 0.09, np.mean(np.array(p) <= 0.05)
    assert np.mean(np.array(passages) <= 0.3) > 0.1, "not by never calling anything"


def test_runs_are_of_clips_one_after_the_other_in_a_track():
    control = of_kin("c", [3, 2], 0)
    order = [4, 2, 0, 3, 1]  # as a clip list may be in
    mixed = Embeddings(
        control.clips.iloc[order].reset_index(drop=True),
        [np.float16(control.rows(0, 5)[order])],
        {"dim": DIM},
    )
    null = found.Null(mixed, TRAIN)
    near = found.by_track(control, TRAIN).to_numpy()
    means = [near[:2].mean(axis=0), near[1:3].mean(axis=0), near[3:].mean(axis=0)]
    score = float(np.max(means[1])) - 1e-6
    reached = [bool(mean.max() >= score) for mean in means]
    expected = (1 + np.mean(reached[:2]) + reached[2]) / 3
    assert null.of_song([score], 2)[0] == pytest.approx(expected)
    largest = near.max(axis=1)
    score = float(largest[2])
    expected = 2 * (1 + np.mean([largest[:2].max() >= score, largest[1:3].max() >= score])
                    + (largest[3:].max() >= score)) / 3  # fmt: skip
    assert null.of_passage(score, 3)[0] == pytest.approx(min(1, expected))


def test_control_tracks_are_seldom_called(null):
    assert 1 / 30 <= null.called() <= 2 / 30  # the first of 30 in either test, and no other


def test_seconds_of_a_copy_and_of_nothing(null):
    table = found.seconds(copy_of("t3"), CORPUS, null, 2, WITHIN)
    first = table[table.place == 1]
    assert first.matched_clip_id.tolist() == [f"t3-{n}" for n in range(4)]
    assert first.start_s.tolist() == first.from_s.tolist() == [0, 3, 6, 9]
    assert (first.end_s - first.start_s).eq(3).all()
    assert (first.p == null.smallest_p).all()
    assert first.competition_q.tolist() == [0.25] * 4  # four wins, and one for the numerator
    assert table[table.place == 2].competition_q.isna().all()
    assert set(table.track_id) <= set(TRACKS.index), "control music is no answer"
    alone = found.seconds(copy_of("t3"), TRAIN, null, 1)
    assert alone.competition_q.isna().all()


def test_pairs_of_a_track_make_passages(null):
    vectors = np.concatenate([unrelated(7, 2).rows(0, 2), copy_of("t3").rows(1, 4)])
    pairs = found.pairs(file_of(vectors), TRAIN, "t3", null)
    (run,) = found.passages(pairs).to_dict("records")
    assert (run["start_s"], run["end_s"], run["from_s"], run["to_s"]) == (6, 15, 3, 12)
    assert run["clips"] == 3


def pairs_at(*rows):
    table = pd.DataFrame(rows, columns=["start_s", "from_s", "p"])
    return table.assign(end_s=table.start_s + 3, to_s=table.from_s + 3, cosine=1 - table.p)


@pytest.mark.parametrize(
    ("rows", "runs"),
    [
        ([(0, 9, 0.01), (3, 12, 0.01), (6, 15, 0.01)], [(0, 9)]),
        ([(0, 9, 0.01), (6, 15, 0.01)], [(0, 9)]),  # one clip between may be left out
        ([(0, 9, 0.01), (9, 18, 0.01)], [(0, 3), (9, 12)]),  # not two
        ([(0, 9, 0.01), (3, 30, 0.01)], [(0, 3), (3, 6)]),  # elsewhere in the track
        ([(0, 9, 0.5), (3, 30, 0.3)], [(3, 6)]),  # nothing improbable: the nearest alone
    ],
)
def test_passages(rows, runs):
    made = found.passages(pairs_at(*rows))
    assert list(zip(made.start_s, made.end_s, strict=True)) == runs


def test_as_many_control_tracks_as_are_asked_for(monkeypatch):
    monkeypatch.setattr(found, "NULL_TRACKS", 7)
    drawn = found.drawn(CONTROL, seed=1)
    assert drawn.clips.track_id.nunique() == 7 and len(drawn) == 28
    assert drawn.clips.equals(found.drawn(CONTROL, seed=1).clips)
    assert not drawn.clips.equals(found.drawn(CONTROL, seed=2).clips)
