"""From clips to songs: sums, maxima and evidence of matches made by hand."""

import numpy as np
import pandas as pd
import pytest

from musical_roots.experiments import songs

CORPUS = pd.DataFrame(
    {
        "clip_id": ["a0", "a1", "b0", "c0"],
        "track_id": ["ta", "ta", "tb", "tc"],
        "heard_start_s": [0.0, 3.0, 6.0, 9.0],
        "heard_s": [3.0, 3.0, 3.0, 2.5],
        "encoder": "test",
    }
)
CLIPS = pd.DataFrame(
    {
        "clip_id": ["q0", "q1", "r0"],
        "output_id": ["v", "v", "w"],
        "track_id": ["tb", "tb", "tc"],
        "split": ["train", "train", "train"],
        "setting": ["x", "x", "y"],
        "heard_start_s": [0.0, 3.0, 0.5],
        "heard_s": 3.0,
        "encoder": "test",
    }
)
# p is 1/10 from 0.9 on, 2/10 from 0.8 on, ... 1 below 0.1
NULL = pd.DataFrame({"cosine": np.arange(1, 10) / 10 - 0.001, "cluster": list("abcdefghi")})
TRACKS = pd.DataFrame(
    {
        "track_id": ["ta", "tb", "tc"],
        "title": ["A", "B", "C"],
        "artist": ["one", "two", "one"],
    }
)


def match_rows(*rows, **columns):
    names = ["query_clip_id", "rank", "clip_id", "cosine", "target"]
    table = pd.DataFrame(rows, columns=names).assign(
        encoder="test", index="train", prompt_track="included"
    )
    return table.assign(**columns)


def made(**columns):
    """v: two clips match ta, one of them twice, and one tb; w: tc alone."""
    return match_rows(
        ("q0", 1, "a1", 0.75, ""),
        ("q0", 2, "a0", 0.55, ""),
        ("q0", 9, "b0", 0.35, "parent"),
        ("q1", 1, "b0", 0.85, ""),
        ("q1", 2, "a0", 0.65, ""),
        ("r0", 1, "c0", 0.2, ""),
        **columns,
    )


def minus_log10(*p):
    return -sum(np.log10(p))


def test_sum_maximum_and_evidence_worked_by_hand():
    table = songs.songs(made(), CLIPS, CORPUS, NULL)
    assert table.output_id.tolist() == ["v", "v", "w"]
    assert table.track_id.tolist() == ["ta", "tb", "tc"], "the most evidence first"
    first, second, third = table.to_dict("records")
    assert (first["n_matches"], second["n_matches"], third["n_matches"]) == (3, 1, 1)
    assert (first["sum"], first["maximum"]) == pytest.approx((0.75 + 0.55 + 0.65, 0.75))
    assert (second["sum"], second["maximum"]) == (0.85, 0.85)
    # ta: of q0's two matches only the best, 0.75; and q1's, 0.65
    assert first["evidence"] == pytest.approx(minus_log10(0.3, 0.4))
    assert second["evidence"] == pytest.approx(minus_log10(0.2))
    assert third["evidence"] == pytest.approx(minus_log10(0.8))
    assert (first["query_clip_id"], first["clip_id"]) == ("q0", "a1")
    assert (third["split"], third["setting"]) == ("train", "y")


def test_parents_and_other_indexes_add_nothing():
    control = made(index="control", cosine=0.99)
    both = pd.concat([made(), control], ignore_index=True)
    alone = songs.songs(made(), CLIPS, CORPUS, NULL)
    pd.testing.assert_frame_equal(songs.songs(both, CLIPS, CORPUS, NULL), alone)
    assert alone.n_matches.sum() == 5, "and not 6"


def test_prompt_tracks_stay_apart_and_the_order_of_rows_does_not_matter():
    both = pd.concat([made(), made(prompt_track="excluded")], ignore_index=True)
    table = songs.songs(both, CLIPS, CORPUS, NULL)
    assert table.prompt_track.tolist() == ["excluded"] * 3 + ["included"] * 3
    included = table[table.prompt_track == "included"].reset_index(drop=True)
    pd.testing.assert_frame_equal(included, songs.songs(made(), CLIPS, CORPUS, NULL))
    shuffled = songs.songs(both.sample(frac=1, random_state=0), CLIPS, CORPUS, NULL)
    pd.testing.assert_frame_equal(shuffled, table)


def test_artists_add_up_over_their_songs():
    there = CORPUS.assign(artist=CORPUS.track_id.map(TRACKS.set_index("track_id").artist))
    extra = match_rows(("q1", 3, "c0", 0.95, ""))
    matches = pd.concat([made(), extra], ignore_index=True)
    table = songs.songs(matches, CLIPS, there, NULL, "artist").set_index(["output_id", "artist"])
    assert table.n_matches["v", "one"] == 4
    # of q1 the best match with the artist, now 0.95, counts instead of 0.65
    assert table.evidence["v", "one"] == pytest.approx(minus_log10(0.3, 0.1))
    assert table.maximum["v", "one"] == 0.95


def test_of_equal_evidence_the_larger_maximum_comes_first():
    matches = match_rows(("q0", 1, "a0", 0.82, ""), ("q0", 2, "b0", 0.84, ""))
    table = songs.songs(matches, CLIPS, CORPUS, NULL)
    assert table.evidence[0] == table.evidence[1]
    assert table.track_id.tolist() == ["tb", "ta"]


# -- the prompt's own song -------------------------------------------------------------------------


def added(*rows):
    names = ["output_id", "track_id", "sum", "maximum", "evidence"]
    table = pd.DataFrame(rows, columns=names).assign(
        encoder="test", prompt_track="included", split="train"
    )
    return table.assign(setting=np.where(table.output_id == "v", "x", "y"))


def test_how_often_the_prompt_comes_first_depends_on_the_aggregation():
    table = added(
        ("v", "ta", 9.0, 0.5, 1.0),
        ("v", "tb", 1.0, 0.9, 1.0),  # as much evidence, a larger maximum
        ("w", "tc", 2.0, 0.8, 3.0),
        ("w", "ta", 1.0, 0.9, 2.0),
    )
    prompts = pd.Series({"v": "tb", "w": "tc"})
    result = songs.prompt_found(table, prompts).set_index(["aggregation", "setting"])
    assert set(result.granularity) == {"song"}
    assert result.prompt_first["sum", "all"] == 0.5
    assert result.prompt_first["maximum", "all"] == 0.5
    assert result.prompt_first["evidence", "all"] == 1
    assert result.prompt_first["sum", "x"] == 0
    assert result.prompt_first["sum", "y"] == 1
    assert result.prompt_first["maximum", "y"] == 0
    assert result.n_outputs["sum", "all"] == 2
    assert len(result) == 3 * 3


def test_only_outputs_of_train_prompts_whose_track_is_included_are_asked():
    table = added(("v", "ta", 1.0, 0.5, 1.0), ("w", "tc", 2.0, 0.8, 3.0))
    table.loc[table.output_id == "w", "split"] = "control"
    prompts = pd.Series({"v": "tb", "w": "tc"})
    result = songs.prompt_found(table, prompts)
    assert set(result.setting) == {"all", "x"}
    assert (result.n_outputs == 1).all()
    assert (result.prompt_first == 0).all()
    assert songs.prompt_found(table.assign(prompt_track="excluded"), prompts).empty


# -- when they sound -------------------------------------------------------------------------------


def test_seconds_are_those_that_the_encoder_heard():
    table = pd.DataFrame({"query_clip_id": ["q1", "r0"], "clip_id": ["a1", "c0"]})
    timed = songs.timed(table, CLIPS, CORPUS)
    assert timed.query_start_s.tolist() == [3.0, 0.5]
    assert timed.query_end_s.tolist() == [6.0, 3.5]
    assert timed.start_s.tolist() == [3.0, 9.0]
    assert timed.end_s.tolist() == [6.0, 11.5]


def test_resemblances_of_every_encoder_with_its_own_null():
    """A second encoder hears another span, and its null is as high as its matches."""
    names = ["test", "other"]
    matches, clips, corpus = (
        pd.concat([table.assign(encoder=name) for name in names], ignore_index=True)
        for table in (made(), CLIPS, CORPUS)
    )
    corpus.loc[corpus.encoder == "other", "heard_s"] = 1.0
    null = pd.concat([NULL.assign(encoder="test"), NULL.assign(encoder="other", cosine=1.0)])
    found = songs.resemblances(matches, clips, corpus, null, TRACKS)
    one, other = (found["song"][found["song"].encoder == name] for name in names)
    assert one.title.tolist() == ["A", "B", "C"]
    assert one.artist.tolist() == ["one", "two", "one"]
    assert (one.end_s - one.start_s).tolist() == [3.0, 3.0, 2.5]
    assert (other.end_s - other.start_s).tolist() == [1.0] * 3
    assert (other.evidence == 0).all()
    assert (one.evidence > 0).all()
    artists = found["artist"].set_index(["encoder", "output_id", "artist"])
    assert artists.n_matches["test", "v", "one"] == 3
    keys = ["encoder", "granularity", "aggregation", "setting"]
    first = found["found"].set_index(keys).prompt_first
    # by evidence v's first song is ta, and its prompt is tb, which has the larger maximum
    assert first["test", "song", "evidence", "x"] == 0
    assert first["test", "song", "maximum", "x"] == 1
    assert first["test", "artist", "evidence", "y"] == 1
    assert first["test", "song", "evidence", "all"] == 0.5
