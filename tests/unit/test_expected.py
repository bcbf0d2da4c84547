"""Tokens of vamps are held against those of an earlier run."""

import pandas as pd
import pytest

from musical_roots.expected import COLUMNS, apart, difference, digest, listed, told

VAMPS = pd.DataFrame(
    {
        "output_id": ["b", "a", "c"],
        "generator": "openvamp",
        "fingerprint": "openvamp-2-weights+code",
        "setting": ["periodic", "inpaint", "periodic"],
        "tokens_digest": ["2", "1", "3"],
        "prompt_id": "p",
    }
)
EARLIER = listed(VAMPS)
OTHER = VAMPS.assign(tokens_digest=["2", "9", "8"])


def test_what_is_listed_is_in_order_and_says_nothing_of_the_code():
    assert EARLIER.columns.tolist() == COLUMNS
    assert EARLIER.output_id.tolist() == ["a", "b", "c"]
    assert set(EARLIER.fingerprint) == {"openvamp-2-weights"}


def test_the_digest_is_of_the_tokens_and_not_of_their_order():
    assert digest(VAMPS) == digest(VAMPS.iloc[::-1]) == digest(EARLIER)
    assert digest(VAMPS) != digest(OTHER)
    assert digest(VAMPS) != digest(VAMPS.assign(tokens_digest=["1", "2", "3"]))


def test_other_code_with_the_same_tokens_differs_in_nothing():
    both, other = difference(VAMPS.assign(fingerprint="openvamp-2-weights+more"), EARLIER)
    assert (len(both), len(other)) == (3, 0)


def test_other_tokens_are_found_and_named():
    both, other = difference(OTHER, EARLIER)
    assert (len(both), other.output_id.tolist()) == (3, ["a", "c"])
    said = "2 of the 3 that came with the repository have other tokens here: openvamp inpaint (1), "
    assert apart(both, other) == said + "openvamp periodic (1); such as output a"
    assert apart(both, other) in told(OTHER, EARLIER)


@pytest.mark.parametrize("column", ["fingerprint", "output_id", "generator"])
def test_other_weights_settings_or_generators_are_not_compared(column):
    both, other = difference(OTHER.assign(**{column: "another"}), EARLIER)
    assert both.empty and other.empty


def test_a_card_says_whether_the_vamps_are_the_same():
    start = f"3, digest of their tokens {digest(VAMPS)}"
    assert told(VAMPS, None) == start
    same = "; 3 of them came with the repository, and have the same tokens"
    assert told(VAMPS, EARLIER) == start + same
    trained = told(VAMPS.assign(fingerprint="openvamp-2-others"), EARLIER)
    assert trained.startswith(f"{start}; none of them came with the repository: weights that are")
