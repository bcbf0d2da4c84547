"""Sentences about influence never come without what control music gives by itself."""

import pandas as pd
import pytest

from musical_roots.experiments.findings import findings

KEY = {"generator": "openvamp", "encoder": "musicnn"}


def tables(gini: float = 0.6, prompts: bool = True, codec: bool = True) -> list[pd.DataFrame]:
    """One generator and encoder; the Gini of outputs in the training set is given."""
    shares = {
        ("outputs", "train", "excluded"): [1.0, 0.4, 0.1],
        ("outputs", "train", "included"): [1.0, 0.5, 0.2],
        ("outputs", "train_equal", "excluded"): [1.0, 0.35, 0.07],
        ("outputs", "control", "excluded"): [1.0, 0.3, 0.0],
        ("control", "train", "included"): [1.0, 0.05, 0.0],
    } | ({("control_roundtrip", "train", "included"): [1.0, 0.08, 0.04]} if codec else {})
    exceedance = pd.DataFrame(
        [
            KEY | dict(zip(["source", "index", "prompt_track"], curve, strict=True))
            | {"threshold": threshold, "share": share}
            for curve, column in shares.items()
            for threshold, share in zip([0.1, 0.5, 0.9], column, strict=True)
        ]
    )  # fmt: skip
    row = {"fdr": 0.05, "n_outputs": 208, "n_null_tracks": 67, "smallest_p": 1 / 68}
    row |= {"false_positives_at_05": 0.04, "p_at_05": 0.1}
    discoveries = {"included": 17, "excluded": 3}
    calibration = pd.DataFrame(
        [
            KEY | row | {"prompt_track": prompt_track, "discoveries": found}
            for prompt_track, found in discoveries.items()
        ]
    )
    interval = {"difference": 0.01, "low": -0.01, "high": 0.03, "sign_flip_p": 0.2}
    paired = pd.DataFrame([KEY | interval | {"prompt_track": "excluded", "prompts": "all"}])
    nearer = [
        KEY | {"setting": "all", "prompt_track": "excluded", "prompts": split, "index": index}
        | {"nearer_share": share, "size_matched": 0.1}
        for split in ("train", "control")
        for index, share in (("train_equal", 0.8), ("control", 0.7))
    ]  # fmt: skip
    ginis = {
        ("outputs", "train_equal"): gini,
        ("outputs", "control"): 0.55,
        ("control", "train_equal"): 0.4,
    }
    concentration = pd.DataFrame(
        [
            KEY | {"granularity": "song", "source": source, "index": index, "gini": value}
            | {"gini_low": value - 0.05, "gini_high": value + 0.05}
            for (source, index), value in ginis.items()
        ]
    )  # fmt: skip
    hubness = pd.DataFrame(
        [
            KEY | {"queries": queries, "correction": "none", "skewness": skewness}
            for queries, skewness in (("outputs", 3.0), ("control", 1.7))
        ]
    )
    against = pd.DataFrame(nearer if prompts else [], columns=list(nearer[0]))
    return [exceedance, calibration, paired, against, concentration, hubness]


def said(*args, **how) -> dict[str, str]:
    table = findings(*tables(*args, **how))
    assert (table.generator == "openvamp").all() and (table.encoder == "musicnn").all()
    first_words = table.question.str.split().str[0]
    return dict(zip(first_words, table.finding, strict=True))


def test_every_sentence_holds_its_nulls():
    told = said()
    # the first cosine that at most one in twenty round trips reaches
    assert told["How"].startswith("At a cosine of 0.90")
    assert (
        "4 % of control excerpts after the codec (music that the generator never saw)"
        in told["How"]
    )
    for share in (
        "outputs 10 % without",
        "20 % with it",
        "7 % in the training set, 0 % in control",
    ):
        assert share in told["How"], share


@pytest.mark.parametrize(
    ("gini", "verdict"), [(0.7, "more than in both nulls"), (0.6, "not more concentrated than")]
)
def test_a_small_subset_of_songs_is_named_with_what_hubs_give(gini, verdict):
    told = said(gini)["Do"]
    assert verdict in told
    assert ("influences many outputs" in told) == (gini == 0.7)
    assert "0.55 [0.50, 0.60] for outputs in the control index" in told
    assert "0.40 [0.35, 0.45] for control music in the training set" in told
    assert "3.0 for outputs, 1.7 for as much control music" in told


def test_discoveries_come_with_the_rate_of_false_ones_and_the_resolution():
    table = findings(*tables())
    told = table.finding[table.question.str.startswith("Is any")].iloc[0]
    assert "3 of 208" in told and "17 with it" in told
    assert "of control music 4 %" in told and "no p below 0.015" in told


def test_where_the_codec_is_not_known_control_music_is_taken_as_it_is():
    told = said(codec=False)["How"]
    assert "after the codec" not in told and told.startswith("At a cosine of 0.50")


def test_where_no_prompt_is_known_nothing_is_said_of_it():
    table = findings(*tables(prompts=False))
    told = table.finding[table.question.str.contains("prompt")].iloc[0]
    assert told == "No prompt is known."


def coded_rows() -> pd.DataFrame:
    """In the indexes of the same clips; other levels and settings must not be told."""
    interval = {"difference": 0.4, "difference_low": 0.1, "difference_high": 0.65}
    rows = [
        KEY | {"measure": measure, "index": index, "value": value, "codebooks": codebooks}
        | {"setting": setting} | (interval if index == "coded_train" else {})
        for measure, codebooks, setting in (
            ("own_track_first", None, "all"),
            ("own_track_first", None, "x"),
            ("planted_at_05", 1, None),
            ("planted_at_05", 8, None),
        )
        for index, value in (("train", 0.99), ("uncoded_train", 0.11), ("coded_train", 0.51))
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_the_coded_index_is_told_beside_the_same_clips_as_they_were():
    table = findings(*tables(), coded_rows())
    (told,) = table.finding[table.question == "Does a coded index find more?"]
    assert told.count("11 % and 51 % (difference +40 [+10, +65] points)") == 2
    assert "99" not in told
    assert len(table) == len(findings(*tables())) + 1
    elsewhere = coded_rows().assign(generator="vampnet")
    assert len(findings(*tables(), elsewhere)) == len(table) - 1, "of that generator there is none"
