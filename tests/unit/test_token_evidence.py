"""Tokens as a witness: what is looked up where, and what may not be found."""

import numpy as np
import pandas as pd
import pytest

from musical_roots.errors import InputError
from musical_roots.experiments import token_evidence
from musical_roots.experiments.token_evidence import Query, Witness
from musical_roots.generators.openvamp import codec

FRAME_S = 0.5
TRACKS = pd.DataFrame(
    {
        "track_id": ["a", "b", "c", "d"],
        "group_id": ["a", "b", "c", "d"],
        "artist": ["A", "A", "C", "D"],
        "split": ["train", "train", "control", "control"],
    }
)
CLIPS = pd.DataFrame(
    {
        "clip_id": ["a0", "a1", "b0", "c0", "d0"],
        "track_id": ["a", "a", "b", "c", "d"],
        "start_s": [0.0, 2.0, 0.0, 0.0, 0.0],
        "duration_s": 2.0,
    }
)
INDEXES = pd.DataFrame(
    {
        "clip_id": CLIPS.clip_id,
        "train": [True, True, True, False, False],
        "train_equal": [True, False, True, False, False],
        "control": [False, False, False, True, True],
    }
)


def row(*numbers):
    """Two codebooks with the same tokens."""
    return np.array([numbers, numbers])


TOKENS = {
    "a": row(1, 1, 1, 1, 9, 9, 9, 9),
    "b": row(1, 2, 2, 2),
    "c": row(3, 3, 1, 3),
    "d": row(4, 4, 4, 4),
}


@pytest.fixture
def witness(tmp_path):
    for split, clips in CLIPS.groupby(CLIPS.track_id.map(TRACKS.set_index("track_id").split)):
        token_evidence.shard(TOKENS, clips, INDEXES, tmp_path / split, FRAME_S)
    token_evidence.whole([tmp_path / "train", tmp_path / "control"], tmp_path / "whole")
    return token_evidence.opened(tmp_path / "whole", TRACKS, True)


def asked(tokens, track_id="", cluster="v", kept=None):
    kept = np.zeros(tokens.shape, bool) if kept is None else kept
    return Query("v", "x", cluster, "", track_id, tokens, kept)


def found(witness: Witness, query: Query, prompt_track="included"):
    return {
        row["index"]: (row["track_id"], row["score"])
        for row in witness.nearest(query, [prompt_track])
    }


def test_clips_of_a_track_are_cut_from_its_tokens_or_have_their_own():
    by_track = token_evidence.by_track(TOKENS, CLIPS[CLIPS.track_id == "a"].iloc[::-1], FRAME_S)
    np.testing.assert_array_equal(by_track["a"], TOKENS["a"])
    alone = token_evidence.by_track({"b0": row(7)}, CLIPS[CLIPS.track_id == "b"], FRAME_S)
    np.testing.assert_array_equal(alone["b"], row(7))


def test_each_index_holds_the_clips_that_encoders_search(witness):
    nine = found(witness, asked(row(9)))
    assert nine["train"] == ("a", np.log(3))
    # the clip with the nines is not in train_equal: of equal tracks the first
    assert nine["train_equal"] == ("a", 0) and nine["control"] == ("c", 0)
    # 6 ones: 4 are a's, 1 is b's, 1 is c's
    one = found(witness, asked(row(1)))
    assert one["train_equal"] == ("a", np.log1p(4 * 4 / 6))
    assert one["control"] == ("c", np.log1p(4 / 6))


def test_tokens_of_the_prompt_say_nothing(witness):
    kept = np.array([[True, False, False], [True, False, False]])
    assert found(witness, asked(row(2, 4, 4), kept=kept))["control"] == ("d", 2 * np.log(5))
    assert found(witness, asked(row(2, 4, 4), kept=kept))["train"][1] == 0


@pytest.mark.parametrize(
    ("prompt_track", "names"),
    [
        ("included", {"train": "a", "train_equal": "a", "control": "c"}),
        ("excluded", {"train": "b", "train_equal": "b", "control": "c"}),
        ("artist_excluded", {"control": "c"}),
    ],
)
def test_what_of_the_prompt_cannot_be_found(witness, prompt_track, names):
    rows = found(witness, asked(row(1), "a", "a"), prompt_track)
    assert {index: track for index, (track, _) in rows.items()} == names


def test_an_output_without_a_known_prompt_finds_everything(witness):
    query = asked(row(1))
    everything = found(witness, query)
    assert (
        found(witness, query, "artist_excluded") == everything == found(witness, query, "excluded")
    )


def test_of_control_music_every_artist_but_its_own_competes(witness):
    rows = witness.by_artist(asked(row(1, 3), "c", "c"))
    assert len(rows) == 2 and (rows.own_block == witness.blocks["c"]).all()
    best = rows.set_index("artist_block").score
    assert best[witness.blocks["a"]] == np.log1p(4 * 4 / 6)
    assert best[witness.blocks["d"]] == 0


def listed(tmp_path, made):
    """A vamp list of (tokens, kept), all from a control prompt."""
    rows = []
    for number, (tokens, kept) in enumerate(made):
        path = tmp_path / f"{number}.npz"
        np.savez(path, tokens=tokens, kept=kept)
        rows.append((f"v{number}", "x", "c", "c", "control", str(path)))
    names = ["output_id", "setting", "prompt_group_id", "prompt_track_id", "prompt_split"]
    return pd.DataFrame(rows, columns=[*names, "tokens_path"])


def excerpts():
    rows = [("e0", "c", "c", "control"), ("e1", "d", "d", "control")]
    names = ["output_id", "prompt_group_id", "prompt_track_id", "prompt_split"]
    return pd.DataFrame(rows, columns=names), {"e0": row(3, 1, 3, 3), "e1": row(4, 4, 4)}


def test_control_music_is_heard_through_the_masks_of_the_outputs(tmp_path):
    kept = np.array([[True, False, False, False]] * 2)
    vamps = listed(tmp_path, [(row(1, 1, 1, 1), kept)])
    queries = list(token_evidence.of_excerpts(*excerpts(), vamps, 0))
    assert [query.tokens.shape for query in queries] == [(2, 4), (2, 3)]
    assert [query.kept[0].tolist() for query in queries] == [
        [True, False, False, False],
        [True, False, False],
    ]
    assert {query.setting for query in queries} == {"x"}


def test_all_that_tokens_say(witness, tmp_path):
    free = np.zeros((2, 4), bool)
    vamps = listed(tmp_path, [(row(1, 1, 2, 2), free), (row(7, 7, 7, 7), free)])
    plants = token_evidence.plants(TOKENS, CLIPS, INDEXES, FRAME_S)
    assert {track: tokens.shape[1] for track, tokens in plants.items()} == {"a": 4, "b": 4}
    said = token_evidence.testify(witness, vamps, *excerpts(), plants, 0)
    p = said["p_values"].set_index(["prompt_track", "output_id"])
    # two control tracks: none reaches what the first output shows, both what the second does
    assert p.p["excluded", "v0"] == 1 / 3 and p.p["excluded", "v1"] == 1
    assert p.track_id["excluded", "v0"] == "b" and p.q["excluded", "v0"] == 2 / 3
    assert set(said["nearest"].prompt_track) == {"included", "excluded", "artist_excluded"}
    of_artists = said["by_artist"]
    assert (of_artists.own_block != of_artists.artist_block).all()
    names = of_artists.groupby("of").output_id.agg(set)
    assert names["outputs"] == {"v0", "v1"} and names["control"] == {"e0 x", "e1 x"}
    assert len(said["planted"]) == 2 * len(token_evidence.PLANTED_SHARES)
    more = said["planted"].groupby("kind", sort=False).target.mean()
    assert more.is_monotonic_increasing and more.iloc[-1] > more.iloc[0]


def test_what_is_planted_is_drawn_by_track_and_seed():
    plants = {f"t{number:03d}": row(number, number) for number in range(200)}
    host = [asked(row(1, 1, 1, 1))]

    def planted(seed, tracks):
        made = token_evidence.with_plants(host, {track: plants[track] for track in tracks}, seed)
        return {query.output_id.split()[0] for _, query in made}

    drawn = planted(0, plants)
    assert len(drawn) == token_evidence.PLANTED
    assert drawn != set(sorted(plants)[: token_evidence.PLANTED]) and drawn != planted(1, plants)
    assert planted(0, reversed(plants)) == drawn
    fewer = set(plants) - {min(drawn)}
    assert drawn - {min(drawn)} < planted(0, sorted(fewer)), "one track's draw is no other's"


def test_without_control_music_the_mend_is_named(witness, tmp_path):
    vamps = listed(tmp_path, [(row(1, 1, 2, 2), np.zeros((2, 4), bool))])
    plants = token_evidence.plants(TOKENS, CLIPS, INDEXES, FRAME_S)
    with pytest.raises(InputError, match=r"^excerpts: there are none.*corpus\.control_share$"):
        token_evidence.testify(witness, vamps, excerpts()[0].iloc[:0], {}, plants, 0)


def test_frames_are_those_of_openvamps_codec():
    assert token_evidence.FRAME_S == codec.FRAME_S
