"""Token share against hand-made tokens, and an index that does not depend on how it is cut."""

import numpy as np
import pytest

from musical_roots.errors import InputError
from musical_roots.experiments.token_share import TokenIndex, made_up, merge

# a pair of tokens a frame: (1, 1) in both tracks, (2, 7) in one, (2, 8) in the other
TRACKS = {
    "a": np.array([[1, 1, 1, 2], [1, 1, 1, 7], [0, 9, 8, 7]]),
    "b": np.array([[1, 2], [1, 8], [3, 3]]),
}


def share(output, kept, tracks, codebooks=2) -> dict[str, float]:
    index = TokenIndex.build(tracks, codebooks)
    return dict(zip(index.tracks, index.token_share(output, kept).tolist(), strict=True))


def drawn(count: int, entries: int = 5, seed: int = 0) -> dict[str, np.ndarray]:
    """Tracks of other lengths, one of them without a frame."""
    generator = np.random.default_rng(seed)
    sizes = [0, *generator.integers(1, 60, count - 1)]
    return {
        f"track {number:02d}": generator.integers(0, entries, (3, size))
        for number, size in enumerate(sizes)
    }


def test_each_track_gets_its_share_of_every_made_up_frame():
    output = np.array([[1, 2, 2, 9], [1, 7, 8, 9], [5, 5, 5, 5]])
    shares = share(output, None, TRACKS)
    # (1, 1): 3 of 4 frames are a's; (2, 7) is a's alone, (2, 8) b's alone, (9, 9) nobody's
    assert shares == {"a": 0.75 + 1, "b": 0.25 + 1}
    assert sum(shares.values()) == 3


def test_a_frame_counts_where_any_of_its_coarsest_tokens_is_made_up():
    kept = np.array([[1, 1, 0, 0], [1, 0, 1, 0], [0, 0, 0, 0]], bool)
    assert made_up(kept, 2).tolist() == [False, True, True, True]
    assert made_up(kept, 1).tolist() == [False, False, True, True]
    output = np.array([[1, 2, 2, 1], [1, 7, 8, 1], [0, 0, 0, 0]])
    shares = share(output, kept, TRACKS)
    assert shares == {"a": 1.75, "b": 1.25}


def test_nothing_made_up_or_nothing_known_is_no_share():
    output = np.array([[1, 2], [1, 7]])
    assert not any(share(output, np.ones((2, 2), bool), TRACKS).values())
    assert not any(share(output + 100, None, TRACKS).values())


def test_how_many_tokens_make_a_tuple():
    output = np.array([[2], [7], [7]])
    assert share(output, None, TRACKS, 1) == {"a": 0.5, "b": 0.5}
    assert share(output, None, TRACKS, 2) == {"a": 1, "b": 0}
    for count in (0, 5):
        with pytest.raises(ValueError, match="codebooks"):
            share(output, None, TRACKS, count)


def test_evidence_is_a_logarithm_of_the_share_over_what_is_due():
    index = TokenIndex.build(TRACKS, 2)
    output = np.array([[1, 2, 2, 9], [1, 7, 7, 9]])
    expected = [np.log(1 + 1.5) + 2 * np.log(3), np.log(1 + 0.5)]
    np.testing.assert_allclose(index.evidence(output), expected)


def test_shares_are_those_of_a_plain_count():
    tracks = drawn(8)
    output = drawn(1 + 1, seed=3)["track 01"]
    frames = [(track, tuple(pair)) for track in tracks for pair in tracks[track][:2].T]
    expected = dict.fromkeys(tracks, 0.0)
    for pair in map(tuple, output[:2].T):
        holders = [track for track, other in frames if other == pair]
        for track in holders:
            expected[track] += 1 / len(holders)
    shares = share(output, None, tracks)
    assert list(shares) == list(tracks)
    np.testing.assert_allclose(list(shares.values()), list(expected.values()))


@pytest.mark.parametrize("block", [1, 7, 1 << 22])
def test_merged_shards_are_the_whole_whatever_the_grouping(tmp_path, block):
    tracks = drawn(12)
    names = list(tracks)
    TokenIndex.build(tracks, 2).write(tmp_path / "whole")
    for number, part in enumerate((names[:1], names[1:5], names[5:6], names[6:])):
        TokenIndex.build({name: tracks[name] for name in part}, 2).write(tmp_path / f"{number}")
    merge([tmp_path / f"{number}" for number in range(4)], tmp_path / "at once", block)
    merge([tmp_path / "0", tmp_path / "1"], tmp_path / "left", block)
    merge([tmp_path / "2", tmp_path / "3"], tmp_path / "right", block)
    merge([tmp_path / "left", tmp_path / "right"], tmp_path / "in pairs", block)
    whole = {path.name: path.read_bytes() for path in (tmp_path / "whole").iterdir()}
    for other in ("at once", "in pairs"):
        assert {path.name: path.read_bytes() for path in (tmp_path / other).iterdir()} == whole


def test_an_index_on_disk_answers_as_one_in_memory(tmp_path):
    tracks, output = drawn(9), drawn(2, seed=5)["track 01"]
    index = TokenIndex.build(tracks, 2)
    index.write(tmp_path / "index")
    there = TokenIndex.open(tmp_path / "index")
    assert isinstance(there.owners, np.memmap)
    assert there.tracks == index.tracks
    np.testing.assert_array_equal(there.token_share(output), index.token_share(output))
    np.testing.assert_array_equal(there.evidence(output), index.evidence(output))


def test_an_index_of_nothing_gives_nothing(tmp_path):
    TokenIndex.build({"a": np.empty((2, 0), int)}, 2).write(tmp_path / "index")
    assert TokenIndex.open(tmp_path / "index").token_share(np.ones((2, 3), int)).tolist() == [0]


def test_what_is_wrong_with_an_index_is_said(tmp_path):
    with pytest.raises(InputError, match="no token index"):
        TokenIndex.open(tmp_path / "none")
    TokenIndex.build(TRACKS, 2).write(tmp_path / "one")
    TokenIndex.build(TRACKS, 3).write(tmp_path / "three")
    with pytest.raises(InputError, match="track a is in two"):
        merge([tmp_path / "one", tmp_path / "three"], tmp_path / "out")
    TokenIndex.build({"c": TRACKS["a"]}, 3).write(tmp_path / "three")
    with pytest.raises(InputError, match="tuples of"):
        merge([tmp_path / "one", tmp_path / "three"], tmp_path / "out")
    (tmp_path / "one/owners").write_bytes(b"")
    with pytest.raises(InputError, match="build it again"):
        TokenIndex.open(tmp_path / "one")
