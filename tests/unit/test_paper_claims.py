"""The paper's own numbers, fed through what this project says of the paper: all of it holds."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import paper_as_a_study
import pytest
import yaml

from musical_roots import claims, config
from musical_roots.experiments import paper_tables
from musical_roots.study import Study

ROOT = Path(__file__).parents[2]
EXPECTED = sorted((ROOT / "config").glob("expected*.yaml"))
OF_PAPER = {"P", "F", "P, F", "A", "I"}


@pytest.fixture(scope="module")
def every_claim():
    return claims.read(EXPECTED, paper_as_a_study.numbers())


@pytest.fixture(scope="module")
def found(every_claim):
    return claims.check(every_claim, paper_as_a_study.tables()).set_index("claim")


def held(every_claim, names=None, **changed) -> pd.Series:
    """Verdicts on some of the paper's claims, or on all that a changed table may touch."""
    asked = [
        one
        for one in every_claim
        if one.tests_paper and (one.table in changed if names is None else one.claim in names)
    ]
    table = claims.check(asked, paper_as_a_study.tables() | changed)
    return table.set_index("claim").verdict


def test_every_claim_of_the_paper_holds_of_the_paper(found):
    paper = found[found.tests_paper == "yes"]
    assert set(paper.certainty) == OF_PAPER
    assert len(paper) > 600
    failed = paper[paper.verdict != "holds"]
    assert failed.empty, failed[["expected", "obtained", "verdict"]]
    tally = claims.tally(found.reset_index())
    assert tally.in_words[0].startswith(f"{len(paper)} of {len(paper)} could be tested here")


def test_nothing_of_ours_is_held_against_the_papers_encoders(found):
    ours = found[found.certainty == "ours"]
    assert (ours.verdict == "not_comparable").all()
    assert (ours.tests_paper == "no").all() and len(ours) > 50


def test_every_published_number_is_claimed(every_claim):
    """Each once, with the value that stands in config/paper."""
    values = {
        "figure1": (["recall_percent"], 100),
        "bins": (["centre_cosine"], 1),
        "neighbours": (["mean_cosine"], 1),
        "text": (["value"], 1),
        "table1": (["chose_nearer_percent"], 1),
        "table2": (paper_as_a_study.MEASURES, 1),
    }
    sources = {
        "figure1": "figure 1",
        "bins": "section 4.1",
        "table1": "table 1",
        "table2": "table 2",
        "table3": "table 3",
    }
    numbers = paper_as_a_study.numbers()
    assert set(numbers) == {*values, "table3"}
    of = {
        name: sorted(
            round(one.expected, 6)
            for one in every_claim
            if one.source.endswith(source) and one.relation == "equals" and one.tests_paper
        )
        for name, source in sources.items()
    }
    for name in ("figure1", "table1"):
        (column,), scale = values[name]
        assert of[name] == sorted((numbers[name][column] / scale).round(6)), name
    # with differences of 0 between two training sets
    published = numbers["table2"][paper_as_a_study.MEASURES].to_numpy().ravel()
    assert [value for value in of["table2"] if value] == sorted(published)
    # with the nearest clips
    nearest = numbers["neighbours"].mean_cosine
    assert of["bins"] == sorted([*numbers["bins"].centre_cosine, *nearest])
    pooled = [one.expected for one in every_claim if one.claim.startswith("bin_1_against_all")]
    assert pooled == numbers["text"].value.tolist()
    # with bin 1 by the recipe
    shares = numbers["table3"].clips_at_or_above / numbers["table3"].n
    assert of["table3"] == sorted([*shares.round(6), 0.3201])


def test_claims_name_why_they_may_be_missed(every_claim):
    assert all(len(one.reason) > 10 for one in every_claim)
    assert all(one.tolerance >= 0 for one in every_claim)
    assert not any("{" in text for one in every_claim for text in (one.statement, one.select))


# -- what is wrong does not hold -------------------------------------------------------------------


def test_a_wrong_number_does_not_hold(every_claim):
    """Each number of the paper, changed by more than its tolerance, is missed by its own claim."""
    tables = paper_as_a_study.tables()
    off = {
        "robustness": ("recall_at_1", 0.15),
        "bins": ("value", 0.11),
        "paper_table1": ("chose_nearer_percent", 12),
        "paper_table2": ("value", 0.06),
        "paper_table3": ("share", None),
    }
    for name, (column, shift) in off.items():
        changed = tables[name].copy()
        changed[column] = changed[column] * 2 if shift is None else changed[column] + shift
        of_table = [
            one.claim
            for one in every_claim
            if (one.table, one.column, one.relation) == (name, column, "equals")
            and one.tests_paper
            and not one.minus
        ]
        assert len(of_table) >= 12
        verdicts = held(every_claim, of_table, **{name: changed})
        assert (verdicts == "does_not_hold").all(), name


def test_swapped_encoders_do_not_hold(every_claim):
    swap = {"clap": "clmr", "clmr": "clap"}
    changed = {
        name: table.assign(encoder=table.encoder.map(swap))
        for name, table in paper_as_a_study.tables().items()
    }
    expected = {
        "clmr_better_at_pitch",
        "clap_better_at_stretch",
        "clmr_better_at_noise",
        "clmr_better_at_splice_training",
        "clap_needs_80_percent_splice_training",
        "needs_60_percent_of_splice_training_clmr",
        "checkpoint_and_layer_clap",
        "checkpoint_and_layer_clmr",
        "table_2_cosine_to_prompt_mean_clmr_vampnet",
        "figure_1_clmr_splice_training_80_top_1",
    }
    verdicts = held(every_claim, expected | {"table_3_top_1_at_0.875"}, **changed)
    assert set(verdicts.index[verdicts == "does_not_hold"]) == expected
    assert verdicts["table_3_top_1_at_0.875"] == "not_comparable"


def test_features_after_a_relu_are_told_from_the_papers(every_claim):
    bins = paper_as_a_study.tables()["bins"]
    features = bins.assign(value=np.where(bins.encoder == "clmr", bins.value.clip(0.6), bins.value))
    verdicts = held(every_claim, bins=features)
    assert verdicts["checkpoint_and_layer_clmr"] == "does_not_hold"
    assert verdicts["clmr_random_pairs_reach_below_0"] == "does_not_hold"
    assert verdicts["checkpoint_and_layer_clap"] == "holds"


@pytest.mark.parametrize(
    ("name", "column", "value", "claim"),
    [
        ("top_songs", "share_of_vamps", 0.02, "some_songs_in_2_percent_of_the_top_10_clap_vampnet"),
        ("paper_table3", "share", 0.3, "high_cosines_in_the_first_clips"),
        ("paper_table2", "value", 0.5, "prompt_rarely_among_the_top_clmr_vampnet"),
        (
            "paper_table2",
            "value",
            0.5,
            "vamps_nearer_to_training_than_to_prompt_clmr_vampnet_train",
        ),
        ("robustness", "recall_at_10", 0.49, "pitch_3_semitones_clap"),
        ("robustness", "recall_at_1", 0.5, "pitch_12_lower_clmr"),
        ("robustness", "recall_at_1", 0.51, "noise_louder_clmr"),
        ("paper_table1", "chose_nearer_percent", 50, "listeners_choose_the_nearer_bin_clap"),
    ],
)
def test_a_sentence_that_the_numbers_do_not_bear_does_not_hold(
    every_claim, name, column, value, claim
):
    flat = paper_as_a_study.tables()[name].assign(**{column: value})
    assert held(every_claim, [claim], **{name: flat}).tolist() == ["does_not_hold"]


def test_another_small_training_set_makes_a_difference(every_claim):
    table = paper_as_a_study.tables()["small_training_set"]
    changed = table.assign(difference=table.difference + 0.05)
    verdicts = held(every_claim, small_training_set=changed)
    names = [name for name in verdicts.index if name.startswith("small_training_set")]
    assert len(names) == 4 and (verdicts[names] == "does_not_hold").all()


# -- the shape of our tables -----------------------------------------------------------------------


def test_the_tables_have_the_columns_that_claims_ask_for():
    tables = paper_as_a_study.tables()
    generated = {"generator"}
    assert set(tables["paper_table2"]) <= {*paper_tables.TABLE_2, *generated}
    assert set(tables["top_songs"]) <= {*paper_tables.TOP_SONGS, *generated}
    assert set(tables["paper_table3"]) <= {*paper_tables.TABLE_3, *generated}


def test_what_is_asked_of_an_encoder_is_asked_where_it_takes_part(every_claim):
    """A table that an encoder of the default study is not in would never say anything of it."""

    def named(paths: list[str]) -> list[str]:
        return [Path(path).stem for path in paths]

    made = Study(config.load(yaml.safe_load((ROOT / "config/config.yaml").read_text())))
    heard = {"retrieval": made.encoders, "bins": made.hearing("train")}
    heard["robustness"] = sorted({encoder for encoder, _ in made.matched()})
    heard |= dict.fromkeys(named(made.influence_tables()), made.witnesses)
    heard |= dict.fromkeys([*named(made.listening_tables()), "paper_table1"], made.stimuli.encoders)
    asked = [
        (one.claim, encoder)
        for one in every_claim
        for encoder in re.findall(r'encoder == "(\w+)"', f"{one.select} {one.minus}")
        if encoder in made.encoders and encoder not in heard[one.table]
    ]
    assert not asked
