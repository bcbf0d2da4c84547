"""From answers to tables: exclusions, agreement, what people agree on; on tables made by hand."""

import json
from dataclasses import replace
from pathlib import Path

import heard_trials
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from musical_roots import cli
from musical_roots.arrays import write_json
from musical_roots.config.listening import Exclusions
from musical_roots.experiments.listening import agreement, analysis, humans, judged
from musical_roots.listening import responses, simulated
from musical_roots.tables import read_table, write_table

PAPER = Path(__file__).parents[2] / "config" / "paper"
RULES = Exclusions().model_dump()
HOW = {"lapse": 0.1, "high_agreement": 0.9, "resamples": 50, "confidence": 0.95, "seed": 1} | RULES


def told(rows, **columns):
    """Answers as `judged` gives them; what a row does not say is ordinary."""
    plain = {
        **{"arm": "ours", "encoder": "clmr", "listener": "p1", "x": "x1", "trial_id": "t1"},
        **{"kind": "test", "x_kind": "training", "repeats": "", "choice": "a", "chosen": "a1"},
        **{"agrees": True, "first": True, "decided": 5.0, "confidence": np.nan, "gap": 0.1},
        **{"nearer_cosine": 0.9, "farther_cosine": 0.8, "nearer_bin": np.nan},
        **{"farther_bin": np.nan, "nearer_rank": 1.0, "farther_rank": 10.0},
        **{"nearer_drawn": "rank_1", "farther_drawn": "rank_10"},
    }
    return pd.DataFrame([plain | columns | row for row in rows])


def sessions(**correct):
    return pd.DataFrame(
        [{"arm": "ours", "listener_id": who, "headphones_correct": n} for who, n in correct.items()]
    )


def listener(name, count=20, **changes):
    """Answers of one listener; sides in turns, so that no rule is broken but those of `changes`."""
    return [{"listener": name, "first": bool(n % 2), **changes} for n in range(count)]


def test_answers_are_judged_by_what_their_trial_says():
    trials = heard_trials.paper_trials(x_clips=1)
    row = trials.iloc[0]
    answers = pd.DataFrame(
        [
            {"arm": "paper", "listener_id": "p", "trial_id": row.trial_id, "choice": choice}
            | {"order": "ab", "seconds": 12.0, "decided": 2.0, "confidence": np.nan}
            for choice in ("a", "b")
        ]
    )
    found = judged.judged(answers, trials)
    assert list(found.agrees) == [row.nearer == "a", row.nearer == "b"]
    assert list(found["first"]) == [True, False]
    assert list(found.chosen) == [row.a_clip_id, row.b_clip_id]
    assert (found.nearer_bin < found.farther_bin).all()
    assert (found.nearer_cosine > found.farther_cosine).all()
    assert found.gap[0] == pytest.approx(found.nearer_cosine[0] - found.farther_cosine[0])


BROKEN = {
    "failed the headphone test": (listener("bad"), 4),
    "decided too fast": (listener("bad", decided=0.6), 6),
    "chose one side": ([row | {"first": True} for row in listener("bad")], 6),
    "gave too few answers": (listener("bad", count=4), 6),
    "failed catch trials": (
        listener("bad") + 2 * [{"listener": "bad", "kind": "catch_absurd", "agrees": False}],
        6,
    ),
}


@pytest.mark.parametrize("rule", BROKEN)
def test_each_rule_leaves_out_whom_it_should_and_nobody_else(rule):
    rows, correct = BROKEN[rule]
    answers = told([*listener("good"), *rows])
    kept, counted = judged.exclusions(answers, sessions(good=6, bad=correct), RULES)
    assert set(kept.listener) == {"good"} and len(kept) == 20
    counted = counted.set_index("rule")
    assert counted.listeners.drop(["all that came", "kept"]).to_dict() == {
        name: int(name == rule) for name in judged.LIMITS
    }
    assert counted.listeners_by_this_rule_alone[rule] == 1
    assert counted.answers["all that came"] == len(answers) and counted.answers["kept"] == 20


def test_a_rule_that_cannot_be_asked_leaves_nobody_out():
    kept, _ = judged.exclusions(told(listener("p")), sessions(p=np.nan), RULES)
    assert len(kept) == 20


def test_who_was_sent_away_is_counted_by_the_headphone_test_alone():
    kept, counted = judged.exclusions(told(listener("good")), sessions(good=6, away=4), RULES)
    counted = counted.set_index("rule")
    assert counted.listeners[["all that came", "kept"]].tolist() == [2, 1] and len(kept) == 20
    row = counted.loc["failed the headphone test"]
    assert (row.listeners, row.answers, row.listeners_by_this_rule_alone) == (1, 0, 1)
    assert counted.listeners["gave too few answers"] == 0


def test_a_listener_who_breaks_two_rules_is_counted_in_both_but_in_neither_alone():
    rows = [row | {"first": True, "decided": 0.3} for row in listener("bad")]
    _, counted = judged.exclusions(told(rows), sessions(bad=6), RULES)
    counted = counted.set_index("rule")
    both = ["decided too fast", "chose one side"]
    assert list(counted.listeners[both]) == [1, 1]
    assert list(counted.listeners_by_this_rule_alone[both]) == [0, 0]
    assert counted.listeners["kept"] == 0


def test_limits_are_all_keys_of_the_config():
    assert set(judged.LIMITS.values()) == set(RULES)


def test_the_papers_table_is_counted_as_the_paper_counts():
    binned = {"arm": "paper", "nearer_bin": 1.0, "farther_bin": 2.0}
    answers = told(
        [{"agrees": n < 9, **binned} for n in range(12)]
        + [{"agrees": False, "kind": "repeat", **binned}]
        + [{"agrees": True, "arm": "ours"}]
        + [{"agrees": True, "encoder": "musicnn", **binned}]
    )
    paper = pd.read_csv(PAPER / "table1.csv")
    table = agreement.paper_table(answers, paper, 0.95).set_index(agreement.PAIR)
    ours = table.loc[("clmr", 1, 2)]
    assert (ours.chose_nearer_percent, ours.n_trials) == (75, 12)
    assert (ours.paper_chose_nearer_percent, ours.paper_n_trials) == (90.7, 150)
    assert ours.low < 75 < ours.high
    assert table.loc[("musicnn", 1, 2)].n_trials == 1
    assert pd.isna(table.loc[("musicnn", 1, 2)].paper_n_trials)
    assert pd.isna(table.loc[("clap", 3, 4)].n_trials)
    assert len(table) == 13 and table.paper_n_trials.notna().sum() == 12


def test_the_papers_sums_are_what_texts_say():
    sums = pd.read_csv(PAPER / "table1.csv").groupby("encoder").n_trials.sum()
    root = Path(__file__).parents[2]
    for text in ("docs/listening_analysis.md", "src/musical_roots/study/pages.py"):
        said = " ".join((root / text).read_text().split())
        assert f"{sums.CLAP} (CLAP) and {sums.CLMR} (CLMR)" in said


def test_agreement_is_grouped_by_what_was_heard():
    answers = told(
        [{"agrees": True, "listener": f"p{n}", "x": f"x{n % 3}"} for n in range(6)]
        + [{"agrees": False, "farther_rank": 500.0, "farther_drawn": "random"}]
        + [{"agrees": True, "kind": "catch_absurd"}]
    )
    found = agreement.agreement(answers, 0.95).set_index(["by", "group"])
    assert found.loc[("all", "all")].answers == 7
    assert found.loc[("all", "all")].agreement == pytest.approx(6 / 7)
    assert found.loc[("drawn", "rank_1 : rank_10")].answers == 6
    assert found.loc[("drawn", "rank_1 : random")].agreement == 0
    assert found.loc[("rank_ratio", "to 10")].x_clips == 3
    assert found.loc[("rank_ratio", "to 1000")].answers == 1
    assert "bins" not in found.index.get_level_values(0)


def test_groups_of_a_handful_have_no_clustered_interval_and_six_pairs_are_a_family():
    pairs = [(1, 2), (1, 3), (1, 4), (2, 3), (2, 4), (3, 4)]
    rows = [
        {
            "nearer_bin": float(near),
            "farther_bin": float(far),
            "listener": f"p{p}",
            "x": f"x{p % 7}",
        }
        | {"agrees": bool(np.random.default_rng(10 * n + p).random() < 0.8)}
        for n, (near, far) in enumerate(pairs)
        for p in range(14)
    ]
    found = agreement.agreement(told(rows), 0.95)
    bins = found[found.by == "bins"]
    assert len(bins) == 6 and (bins.p_holm >= bins.p_value).all()
    assert bins.p_holm.min() == pytest.approx(6 * bins.p_value.min())
    few = agreement.agreement(told([row for row in rows if row["x"] < "x4"]), 0.95)
    assert few[["low", "high", "p_value", "p_holm"]].isna().all(axis=None)
    assert few.agreement.notna().all() and few.wilson_low.notna().all()


def test_small_p_values_are_not_written_as_none():
    table = analysis.rounded(pd.DataFrame({"p_value": [1.23456e-9, np.nan], "share": [1 / 3, 0.5]}))
    assert table.p_value[0] == 1.235e-9 and np.isnan(table.p_value[1])
    assert table.share[0] == 0.333333


def people(rows):
    found = humans.people(told(rows), resamples=200, confidence=0.95, seed=1)
    return found.set_index("measure")


def test_people_who_all_agree_are_at_the_ceiling():
    rows = [
        {"trial_id": f"t{t}", "x": f"x{t}", "listener": f"p{p}", "choice": "ab"[t % 2]}
        | {"agrees": t % 4 > 0}
        for t in range(8)
        for p in range(4)
    ]
    found = people(rows).value
    assert found.krippendorff_alpha == found.human_to_human == found.split_half_ceiling == 1
    assert found.encoder_to_human == found.encoder_over_human == 0.75


def test_people_who_guess_are_at_chance():
    draw = np.random.default_rng(5)
    rows = [
        {"trial_id": f"t{t}", "x": f"x{t}", "listener": f"p{p}", "choice": "ab"[side]}
        | {"agrees": bool(side == t % 2)}
        for t in range(400)
        for p, side in enumerate(draw.integers(0, 2, 6))
    ]
    found = people(rows)
    assert found.value.krippendorff_alpha == pytest.approx(0, abs=0.03)
    assert found.value.human_to_human == pytest.approx(0.5, abs=0.03)
    assert found.value.split_half_ceiling == pytest.approx(0.5, abs=0.03)
    assert found.low.human_to_human < 0.5 < found.high.human_to_human


def test_two_thirds_alike():
    rows = [
        {"trial_id": f"t{t}", "x": f"x{t}", "listener": f"p{p}", "choice": "aab"[p]}
        | {"agrees": p < 2}
        for t in range(5)
        for p in range(3)
    ]
    found = people(rows).value
    assert found.human_to_human == pytest.approx(1 / 3)  # one pair of three
    assert found.encoder_to_human == pytest.approx(2 / 3)


def test_self_agreement_is_of_the_same_clip_wherever_it_stood():
    again = {"kind": "repeat", "repeats": "t1", "choice": "b", "trial_id": "t2"}
    rows = [
        *({"listener": "p1", "chosen": "clip"}, {"listener": "p1", "chosen": "clip", **again}),
        *({"listener": "p2", "chosen": "clip"}, {"listener": "p2", "chosen": "other", **again}),
        {"listener": "p3", "chosen": "clip", **again},  # never heard the first
    ]
    assert people(rows).value.self_agreement == 0.5


def manifest(arm, trials):
    """What of a manifest answers are held against."""
    asked = {"headphones": "required", "quiet_tones": [1] * 6, "headphones_to_pass": 5}
    told = [{"trial_id": trial, "least_s": 8.1} for trial in trials.trial_id]
    return {"arm": arm, "study_id": f"{arm}1", "asked": asked, "trials": told}


@pytest.mark.parametrize(("headphones", "answered"), [("required", 19), ("recorded", 20)])
def test_the_page_sends_away_the_simulated_deaf_as_it_does_people(headphones, answered):
    trials = heard_trials.our_trials(6)
    study = manifest("ours", trials)
    study["asked"]["headphones"] = headphones
    how = {"listeners": 20, "listener_sd": 0.4, "x_sd": 0.8, "seed": 7}
    made = list(simulated.sessions(trials, study, **how))
    assert sum(bool(one["trials"]) for one in made) == answered
    for one in made:
        assert responses.parse(json.dumps(one).encode(), {"ours": study})[1] == {}


def test_each_encoder_of_the_papers_arm_has_as_many_simulated_listeners():
    trials = pd.concat(
        [heard_trials.paper_trials(9, ("clmr",)), heard_trials.paper_trials(5, ("mfcc",))]
    )
    trials["block"] = trials.block + 100 * (trials.encoder == "mfcc")
    study = manifest("paper", trials)
    how = {"listeners": 7, "listener_sd": 0.4, "x_sd": 0.8, "seed": 7}
    encoder = trials.set_index("trial_id").encoder
    made = [one for one in simulated.sessions(trials, study, **how) if one["trials"]]
    heard = pd.Series([encoder[one["trials"][0]["trial_id"]] for one in made])
    assert heard.value_counts().min() >= 6 and len(heard) >= 13  # one may be sent away


@pytest.fixture(scope="module")
def analysed(tmp_path_factory):
    """Files of simulated listeners, read and analysed as people's are."""
    folder = tmp_path_factory.mktemp("answers")
    trials = pd.concat([heard_trials.paper_trials(), heard_trials.our_trials()], ignore_index=True)
    studies = {arm: manifest(arm, mine) for arm, mine in trials.groupby("arm")}
    for arm, study in studies.items():
        mine = trials[trials.arm == arm]
        how = {"listeners": 60, "listener_sd": 0.4, "x_sd": 0.8, "seed": 7}
        for one in simulated.sessions(mine, study, **how):
            write_json(one, folder / f"{one['listener_id']}.json")
    read = responses.read_folder(folder, studies, trials, simulated=True)
    paper = (pd.read_csv(PAPER / f"{name}.csv") for name in ("table1", "bins"))
    return read, analysis.analysed(read, trials, *paper, analysis.SIMULATED, **HOW)


def test_simulated_files_are_all_good_and_every_table_says_that_they_are_simulated(analysed):
    read, found = analysed
    assert read.set_aside.empty and len(read.sessions) == 120
    for name, table in found.items():
        assert len(table) or name == "set_aside"
        papers = table.source == "the paper"
        assert (table.source[~papers] == "simulated listeners").all(), name
        assert not papers.any() or (name == "table1" and table.n_trials[papers].isna().all())
    assert (found["table1"].source != "the paper").any()


def test_bad_simulated_listeners_are_found_by_the_rule_that_is_theirs(analysed):
    _, found = analysed
    ours = found["exclusions"][found["exclusions"].arm == "ours"].set_index("rule").listeners
    assert ours["failed the headphone test"] == 2  # every tenth is bad, in turns of four kinds
    assert ours["decided too fast"] == 1 and ours["chose one side"] >= 1
    assert 52 <= ours["kept"] <= 56


def test_known_skill_is_recovered(analysed):
    _, found = analysed
    mean = found["model"].query("arm == 'paper' and model == 'mean'").iloc[0]
    assert mean.share_low < mean.share < mean.share_high and mean.p_value < 0.001
    gap = found["model"].query("arm == 'paper' and term == 'gap'").iloc[0]
    assert gap.low < simulated.SKILL < gap.high  # logits a standard deviation of gaps


def test_no_answers_give_empty_tables(tmp_path):
    paper = (pd.read_csv(PAPER / f"{name}.csv") for name in ("table1", "bins"))
    trials = heard_trials.paper_trials().head(0)
    read = responses.read_folder(tmp_path, {}, trials, simulated=False)
    found = analysis.analysed(read, trials, *paper, "people", **HOW)
    assert len(found.pop("table1")) == 12  # the paper's, beside nothing
    assert all(table.empty and len(table.columns) > 4 for table in found.values())


def test_the_order_of_answers_does_not_matter(analysed):
    read, found = analysed
    trials = pd.concat([heard_trials.paper_trials(), heard_trials.our_trials()], ignore_index=True)
    paper = (pd.read_csv(PAPER / f"{name}.csv") for name in ("table1", "bins"))
    shuffled = replace(read, answers=read.answers.sample(frac=1, random_state=1))
    again = analysis.analysed(shuffled, trials, *paper, analysis.SIMULATED, **HOW)
    for name in (
        "agreement",
        "model",
        "psychometric",
        "thresholds",
        "people",
        "exclusions",
        "table1",
    ):
        pd.testing.assert_frame_equal(again[name], found[name], rtol=1e-4, atol=1e-6)


def test_the_stages_go_from_trials_to_tables(tmp_path):
    asked = []
    for arm, trials in (
        ("paper", heard_trials.paper_trials(4)),
        ("ours", heard_trials.our_trials(6)),
    ):
        write_table(trials, tmp_path / f"{arm}.csv")
        write_json(manifest(arm, trials), tmp_path / f"{arm}.json")
        asked += ["--asked", tmp_path / f"{arm}.csv", tmp_path / f"{arm}.json"]

    def run(*words):
        words = [str(word) for word in words]
        return CliRunner().invoke(cli.stages, ["listening", *words], catch_exceptions=False)

    spread = ["--listener-sd", 0.4, "--x-sd", 0.8, "--seed", 1]
    listeners = ["--simulated-listeners", 10, "--out", tmp_path / "answers"]
    assert run("simulate", *asked, *listeners, *spread).exit_code == 0
    (tmp_path / "answers" / "broken.json").write_text("{")
    rules = [word for key, value in (RULES | HOW).items() for word in (f"--{key}", value)]
    rules = [word.replace("_", "-") if isinstance(word, str) else word for word in rules]
    tables = ["set_aside", "table1", "model", "people"]
    outs = [word for name in tables for word in ("--table-out", name, tmp_path / f"{name}.csv")]
    paper = ["--paper-table1", PAPER / "table1.csv", "--paper-bins", PAPER / "bins.csv"]
    made = ["--responses", tmp_path / "answers", *asked, *paper, *rules, *outs]
    assert run("analyse", "--answered-by", "simulated listeners", *made).exit_code == 0
    assert list(read_table(tmp_path / "set_aside.csv").file) == ["broken.json"]
    assert read_table(tmp_path / "model.csv").answers.min() > 30
    assert run("analyse", "--answered-by", "people", *made).exit_code == 0
    assert len(read_table(tmp_path / "set_aside.csv")) == 21  # simulated ones are no people
    assert read_table(tmp_path / "model.csv").empty
