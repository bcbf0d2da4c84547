"""A study that searches approximately: what more it makes, and what it says of it."""

from typing import get_args

import pytest

from musical_roots import config
from musical_roots.config.experiments import Approximate
from musical_roots.search.codes import QUANTISERS
from musical_roots.study import Study

ASKED = {"search": {"approximate": {"activate": True}}}


@pytest.fixture(scope="module")
def exact() -> Study:
    return Study(config.load({}))


@pytest.fixture(scope="module")
def approximate() -> Study:
    return Study(config.load(ASKED))


def test_unasked_every_search_is_exact(exact):
    assert [exact.inverted(encoder) for encoder in exact.encoders] == [[]] * len(exact.encoders)
    assert "results/tables/search_recall.csv" not in exact.tables()
    assert "search_recall" not in exact.pages


def test_an_index_has_a_part_a_shard_and_queries_that_the_study_asks(approximate):
    assert approximate.inverted("mfcc") == ["results/index/mfcc/whole.faiss"]
    shards = approximate.corpus_embeddings(["mfcc"])
    parts = approximate.index_parts("mfcc")
    assert len(parts) == len(shards) == len(set(parts)) > 2
    assert "results/index/mfcc/control/001.faiss" in parts
    queries = approximate.index_queries("mfcc")
    assert "results/embeddings/mfcc/vamps-openvamp/000.npy" in queries
    assert "results/embeddings/mfcc/perturbed-noise/000.npy" in queries
    assert not set(queries) & set(shards), "they are held out"


def test_an_encoder_that_hears_no_vamps_is_asked_for_perturbed_clips_alone(approximate):
    asked = approximate.index_queries("aisfx")
    assert "aisfx" not in approximate.witnesses
    assert asked and all("/vamps-" not in path for path in asked)


def test_an_encoder_that_nothing_is_searched_with_has_no_index(approximate):
    """aisfx_8k hears what the retrieval of own tracks asks after, and that is exact."""
    assert not approximate.index_queries("aisfx_8k") and not approximate.inverted("aisfx_8k")


def test_whoever_searches_approximately_says_so(exact, approximate):
    assert "results/tables/search_recall.csv" in approximate.tables()
    assert approximate.pages["search_recall"].tables == ("results/tables/search_recall.csv",)
    for name in ("robustness", "findings"):
        assert "approximate" not in exact.pages[name].text
        assert "The search was approximate" in approximate.pages[name].text


def test_the_config_knows_the_quantisers_that_there_are():
    assert get_args(Approximate.model_fields["quantiser"].annotation) == QUANTISERS
