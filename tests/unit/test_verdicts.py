"""What the evidence about one output amounts to, and whether encoders agree."""

import numpy as np
import pandas as pd
import pytest

from musical_roots.experiments import verdicts
from musical_roots.experiments.tiers import TIERS

FDR = 0.1
COPY_AT = {"clap": 0.9, "mfcc": 0.95, "music": np.nan}


def evidence(*rows, output_id="v"):
    """Rows of (encoder, cosine, q, track_id) about one output."""
    return pd.DataFrame(rows, columns=["encoder", "cosine", "q", "track_id"]).assign(
        output_id=output_id
    )


def verdict(*rows):
    return verdicts.verdicts(evidence(*rows), COPY_AT, FDR).iloc[0]


# -- tiers -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tier", "rows"),
    [
        ("nothing found", [("clap", 0.99, 0.2, "a"), ("mfcc", 0.99, 0.11, "a")]),
        ("resembles", [("clap", 0.99, 0.1, "a"), ("mfcc", 0.99, 0.11, "a")]),
        ("resembles", [("clap", 0.99, 0.01, "a"), ("mfcc", 0.99, 0.01, "b")]),
        ("near-copy", [("clap", 0.5, 0.1, "a"), ("mfcc", 0.5, 0.1, "a")]),
        ("near-copy", [("clap", 0.99, 0.01, "a"), ("mfcc", 0.949, 0.01, "a")]),
        ("near-copy", [("clap", 0.99, 0.01, "a"), ("music", 0.99, 0.01, "a")]),
        ("near-copy", [("clap", 0.99, 0.01, "a"), ("unheard of", 0.99, 0.01, "a")]),
        ("copy", [("clap", 0.9, 0.1, "a"), ("mfcc", 0.95, 0.1, "a")]),
        ("copy", [("clap", 0.9, 0.1, "a"), ("mfcc", 0.95, 0.1, "a"), ("music", 0.1, 0.9, "b")]),
    ],
)
def test_a_tier_is_what_its_rule_says(tier, rows):
    found = verdict(*rows)
    assert found.tier == tier
    assert tier in TIERS
    assert verdict(*rows[::-1]).equals(found), "in whatever order encoders are asked"


def test_a_copy_of_one_track_and_a_match_of_another_are_no_two_copies():
    found = verdict(
        ("clap", 0.99, 0.01, "a"), ("mfcc", 0.99, 0.01, "b"), ("music", 0.99, 0.05, "a")
    )
    assert (found.tier, found.track_id) == ("near-copy", "a")
    assert (found.n_encoders, found.encoders) == (3, "clap mfcc music")


def test_the_track_is_that_which_most_encoders_that_find_a_match_name():
    assert verdict(("clap", 0.5, 0.01, "b"), ("mfcc", 0.5, 0.9, "a")).track_id == "b"
    found = verdict(
        ("clap", 0.5, 0.01, "b"),
        ("mfcc", 0.5, 0.9, "c"),
        ("music", 0.5, 0.9, "c"),
        ("x", 0.5, 0.05, "a"),
        ("y", 0.5, 0.1, "b"),
    )
    assert (found.track_id, found.encoders) == ("b", "clap x y")
    none = verdict(("clap", 0.99, 0.9, "a"))
    assert (none.track_id, none.n_encoders, none.encoders) == ("", 0, "")


def test_of_tracks_that_as_many_name_the_better_supported_wins():
    near = ("one", 0.99, 0.01, "x"), ("two", 0.99, 0.02, "x")
    far = ("three", 0.5, 0.001, "y"), ("four", 0.5, 0.001, "y")
    at = dict.fromkeys(["one", "two", "three", "four"], 0.9)
    row = verdicts.verdicts(evidence(*far, *near), at, 0.05).iloc[0]
    assert (row.tier, row.track_id) == ("copy", "x")
    at = dict.fromkeys(at, 0.999)  # none is as near as a copy: the smaller q
    row = verdicts.verdicts(evidence(*near, *far), at, 0.05).iloc[0]
    assert (row.tier, row.track_id) == ("near-copy", "y")


def test_every_output_has_one_verdict():
    parts = [
        evidence(("clap", 0.5, 0.01, "a"), output_id="w"),
        evidence(("clap", 0.5, 0.9, "a"), ("mfcc", 0.5, 0.9, "a"), output_id="v"),
    ]
    table = verdicts.verdicts(pd.concat(parts), COPY_AT, FDR)
    assert table.set_index("output_id").tier.to_dict() == {"w": "resembles", "v": "nothing found"}
    empty = verdicts.verdicts(pd.concat(parts)[:0], COPY_AT, FDR)
    assert empty.empty
    assert empty.columns.tolist() == table.columns.tolist()


def test_copy_cosine_is_reached_by_all_but_a_few_round_trips():
    back = pd.DataFrame({"target": "parent", "cosine": np.linspace(0, 1, 101)})
    others = pd.DataFrame({"target": "", "cosine": [0.0] * 500})
    matches = pd.concat([back, others])
    assert verdicts.copy_cosine(matches) == pytest.approx(0.05)
    assert verdicts.copy_cosine(matches, 0.5) == pytest.approx(0.5)
    assert np.isnan(verdicts.copy_cosine(others))


# -- agreement -------------------------------------------------------------------------------------

COUNT = 30
RANKING = np.random.default_rng(0).permutation(COUNT).astype(float)


def agreement(tracks=None, **views):
    views = pd.DataFrame(views)
    clusters = pd.Series([f"t{number // 2}" for number in range(len(views))])
    tracks = pd.DataFrame(index=views.index) if tracks is None else pd.DataFrame(tracks)
    table = verdicts.agreement(views, clusters, tracks, 200, 0.95, seed=0)
    return table.set_index(["one", "other"]) if len(table) else table


def test_kendall_tau_is_1_for_one_order_and_minus_1_for_the_opposite():
    table = agreement(a=RANKING, same=np.exp(RANKING / 9), opposite=-RANKING)
    assert table.kendall_tau.to_dict() == pytest.approx(
        {("a", "same"): 1, ("a", "opposite"): -1, ("same", "opposite"): -1}
    )
    assert table.loc[("a", "same"), ["low", "high"]].tolist() == pytest.approx([1, 1])
    assert (table.n_outputs == COUNT).all()
    assert table.same_track.isna().all(), "no view names a track"


def test_kendall_tau_by_hand_and_of_unrelated_views():
    # of six pairs one is the other way round
    assert agreement(a=[1, 2, 3, 4], b=[1, 2, 4, 3]).kendall_tau.item() == pytest.approx(4 / 6)
    other = np.random.default_rng(1).permutation(COUNT)
    unrelated = agreement(a=RANKING, b=other).iloc[0]
    assert unrelated.low < 0 < unrelated.high
    assert unrelated.low < unrelated.kendall_tau < unrelated.high


def test_only_outputs_that_both_views_know_are_compared():
    partly = RANKING.copy()
    partly[:10] = np.nan
    wrong = np.where(np.isnan(partly), -RANKING, RANKING)
    table = agreement(a=wrong, b=partly, nothing=np.full(COUNT, np.nan))
    assert table.index.tolist() == [("a", "b")]
    assert table.n_outputs.item() == 20
    assert table.kendall_tau.item() == pytest.approx(1)


def test_a_view_that_says_the_same_of_all_agrees_with_none():
    table = agreement(a=RANKING, flat=np.ones(COUNT))
    assert table[["kendall_tau", "low", "high"]].iloc[0].tolist() == [0, 0, 0]


def test_the_same_track_is_set_against_chance():
    names = {"a": list("xxyz"), "b": list("xyyw")}
    table = agreement(names, a=[1, 2, 3, 4], b=[1, 2, 3, 4], tokens=[1, 2, 3, 4])
    row = table.loc[("a", "b")]
    assert row.same_track == 0.5
    # x: 2/4 of one, 1/4 of the other; y: 1/4, 2/4
    assert row.same_track_by_chance == pytest.approx(2 / 4 * 1 / 4 + 1 / 4 * 2 / 4)
    assert table.loc[("a", "tokens"), ["same_track", "same_track_by_chance"]].isna().all()


def test_chance_is_the_mean_over_shuffled_names():
    draw = np.random.default_rng(2)
    names = {view: draw.choice(list("xyz"), COUNT, p=[0.6, 0.3, 0.1]) for view in "ab"}
    expected = agreement(names, a=RANKING, b=RANKING).same_track_by_chance.item()
    shuffled = [np.mean(names["a"] == draw.permutation(names["b"])) for _ in range(2000)]
    assert expected == pytest.approx(np.mean(shuffled), abs=0.01)


# -- side by side ----------------------------------------------------------------------------------


def all_views(overlap=None, without=(), tokens=None):
    """The prompt's own track excluded: v is a copy of tb, w is nothing. With it, both are of ta."""
    outputs = pd.DataFrame(
        {
            "output_id": ["v", "w"],
            "generator": "openvamp",
            "setting": "x",
            "prompt_id": ["p", "r"],
            "prompt_split": "train",
            "prompt_group_id": ["g", ""],
            "kept_share": [0.25, 0.5],
        }
    )
    rows, songs = [], []
    for encoder in ("clap", "mfcc", "untrained"):
        for prompt_track, name, cosine, p, track in [
            ("excluded", "v", 0.97, 0.01, "tb"),
            ("excluded", "w", 0.3, 0.6, "tb"),
            ("included", "v", 0.99, 0.01, "ta"),
            ("included", "w", 0.6, 0.02, "ta"),
        ]:
            key = {"encoder": encoder, "prompt_track": prompt_track, "output_id": name}
            rows.append(key | {"cosine": cosine, "p": p, "q": 2 * p})
            # the most evidence first; the nearest clip is what the p-value speaks of
            songs += [key | {"track_id": "tz", "maximum": 0.1}]
            songs += [key | {"track_id": track, "maximum": cosine}]
    # as near as music is to its own round trip: 0.9 to clap, 0.95 to mfcc
    roundtrips = pd.DataFrame({"encoder": ["clap", "mfcc"], "cosine": [0.9, 0.95]})
    roundtrips["target"] = "parent"
    # of the competition, what the artist's own music is out of
    competition = pd.DataFrame(
        {
            "view": "mfcc",
            "output_id": ["v", "w", "v"],
            "prompt_track": ["artist_excluded"] * 2 + ["excluded"],
            "q": [0.02, 1.0, 0.5],
        }
    )
    tracks = pd.DataFrame({"track_id": ["ta", "tb"], "title": ["A", "B"], "artist": ["x", "y"]})
    return verdicts.views(
        outputs,
        pd.DataFrame(rows),
        pd.DataFrame(songs),
        tracks,
        overlap,
        roundtrips,
        tokens,
        competition,
        FDR,
        without,
        50,
        0.95,
        seed=0,
    )


def test_views_say_of_each_output_what_it_resembles_without_and_with_the_prompts_track():
    agreed, table = all_views()
    v, w = table.to_dict("records")
    assert (v["output_id"], v["tier"], v["track_id"], v["title"]) == ("v", "copy", "tb", "B")
    assert (v["tier_prompt_included"], v["title_prompt_included"]) == ("copy", "A")
    assert (w["tier"], w["track_id"], w["title"], w["artist"]) == ("nothing found", "", "", "")
    assert (w["tier_prompt_included"], w["artist_prompt_included"]) == ("near-copy", "x")
    assert (v["cosine_clap"], v["p_clap"], w["p_mfcc"]) == (0.97, 0.01, 0.6)
    assert (v["kept_share"], w["prompt_id"]) == (0.25, "r")
    assert v["encoders"] == "clap mfcc untrained"
    assert agreed[["one", "other"]].to_numpy().tolist() == [
        ["clap", "mfcc"],
        ["clap", "untrained"],
        ["mfcc", "untrained"],
    ]
    assert (agreed.same_track == 1).all()
    assert "overlap_elsewhere_share" not in table
    assert table.q_competition_mfcc.tolist() == [0.02, 1.0]


def test_an_untrained_encoder_has_no_say_in_the_verdict_but_is_shown():
    _, table = all_views(without=("untrained", "mfcc"))
    assert table.tier.tolist() == ["resembles", "nothing found"]
    assert table.encoders.tolist() == ["clap", ""]
    assert table.cosine_untrained.tolist() == [0.97, 0.3]


def test_tokens_are_a_view_of_their_own():
    overlap = pd.DataFrame(
        {"output_id": ["w", "train 0", "v"], "overlap_elsewhere_share": [0.1, 0.9, 0.4]}
    )
    agreed, table = all_views(overlap)
    assert table.overlap_elsewhere_share.tolist() == [0.4, 0.1]
    tokens = agreed[agreed.other == "ngram_overlap"]
    assert tokens.one.tolist() == ["clap", "mfcc", "untrained"]
    assert (tokens.kendall_tau == 1).all()
    assert tokens.same_track.isna().all()


def test_token_evidence_has_a_say_as_an_encoder_has_but_not_on_what_is_a_copy():
    rows = [("v", 40.0, 0.3, 0.6, "tb"), ("w", 90.0, 0.01, 0.02, "ta")]
    tokens = pd.DataFrame(rows, columns=["output_id", "score", "p", "q", "track_id"])
    tokens = tokens.assign(view="token_share", prompt_track="excluded")
    agreed, table = all_views(tokens=tokens, without=("untrained", "mfcc"))
    assert table.tier.tolist() == ["resembles", "resembles"]
    assert table.encoders.tolist() == ["clap", "token_share"]
    assert table.track_id.tolist() == ["tb", "ta"]
    assert table.score_token_share.tolist() == [40.0, 90.0]
    assert table.p_token_share.tolist() == [0.3, 0.01]
    assert "cosine_token_share" not in table
    pair = agreed[(agreed.one == "clap") & (agreed.other == "token_share")].iloc[0]
    assert pair.kendall_tau == -1 and pair.same_track == 0.5
    tokens = tokens.assign(track_id="tb", q=0.01)
    _, table = all_views(tokens=tokens, without=("untrained", "mfcc"))
    assert table.tier.tolist() == ["near-copy", "resembles"]
