"""What readers ask is answered from tables, and what tables do not say is not said."""

from pathlib import Path

import pandas as pd
import pytest

from musical_roots import config, questions
from musical_roots.errors import InputError
from musical_roots.prose import write_prose
from musical_roots.questions import QUESTIONS, around, conclusions, resemblance, words
from musical_roots.study import Study
from musical_roots.tables import read_table

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/questions.md"
COLUMNS = "encoder generator prompt_track false_positives_at_05 smallest_p n_null_tracks"


@pytest.fixture
def retrieval():
    columns = [
        "encoder",
        "n_clips",
        "n_tracks",
        "recall_at_1",
        "recall_low",
        "recall_high",
        "chance",
    ]
    rows = [
        ["musicnn", 100, 20, 0.9, 0.85, 0.95, 0.05],
        ["mel", 100, 20, 0.7, 0.6, 0.8, 0.05],
        ["random", 100, 20, 0.99, 0.98, 1.0, 0.05],
    ]
    return pd.DataFrame(rows, columns=columns)


@pytest.fixture
def tables(retrieval):
    rows = [
        (encoder, kind, "", level, "dB", recall)
        for encoder, recalls in {"musicnn": (0.9, 0.5, 0.2), "mel": (0.8, 0.1, 0.4)}.items()
        for kind, level, recall in zip(("noise", "gain", "gain"), (0, 10, 20), recalls, strict=True)
    ]
    columns = ["encoder", "kind", "generator", "level", "unit", "recall_at_1"]
    planted = pd.DataFrame(
        [["musicnn", "g", 0.5], ["musicnn", "g", 0.7], ["mel", "g", 0.2], ["mel", "small", 1.0]],
        columns=["encoder", "generator", "power_at_05"],
    )
    return {
        "retrieval": retrieval,
        "robustness": pd.DataFrame(rows, columns=columns),
        "planted": planted,
    }


def test_the_page_asks_what_is_answered_and_says_no_number_itself():
    text = PAGE.read_text()
    assert questions.HEADING.findall(text) == list(QUESTIONS)
    prose = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    assert not any(
        character.isdigit() for character in prose.replace("--cores 2", "").replace("MP3", "")
    )


def test_every_question_has_its_tables_and_figures_in_the_default_study():
    study = Study(config.read([ROOT / "config/config.yaml"]))
    made = {Path(path).stem for path in study.asked_tables}
    for question, asked in QUESTIONS.items():
        assert set(asked.tables) <= made, question
        for figure in asked.figures:
            assert any(name.startswith(figure) for name in study.figures), (question, figure)


def test_what_has_learned_nothing_is_named_where_it_is_there(tables):
    told = " ".join(resemblance.embeddings(tables))
    assert "learned: mel." in told and "untrained network: random." in told
    known = tables["retrieval"]
    tables["retrieval"] = known[known.encoder == "musicnn"]
    told = " ".join(resemblance.embeddings(tables))
    assert "learned" not in told and "untrained" not in told


def test_embeddings_beside_raw_audio(tables):
    told = " ".join(resemblance.embeddings(tables))
    assert "random 99 % (98 to 100), musicnn 90 % (85 to 95) and mel 70 % (60 to 80)" in told
    assert "musicnn is above mel: their intervals are apart" in told
    assert "random is above musicnn: their intervals are apart" in told
    assert "perturbed in 3 ways" in told and "musicnn 53.3 % and mel 43.3 %" in told
    assert "have p <= .05 for musicnn 60 % and mel 20 %" in told  # of the first generator


@pytest.mark.parametrize(
    "low, high, told",
    [(0.6, 0.85, "overlap: no difference"), (0.96, 0.99, "mel is above musicnn")],
)
def test_a_difference_is_told_only_where_intervals_are_apart(tables, low, high, told):
    tables["retrieval"].loc[1, ["recall_low", "recall_high"]] = low, high
    assert told in " ".join(resemblance.embeddings(tables))


def test_transformations_are_those_that_the_paper_lacks(tables):
    (told,) = resemblance.transformations(tables)
    assert "gain at 20 dB: mel 40 %, musicnn 20 %" in told and "noise" not in told
    tables["robustness"] = tables["robustness"][tables["robustness"].kind == "noise"]
    assert "cannot tell" in resemblance.transformations(tables)[0]


def test_a_table_that_a_run_lacks_is_no_answer(tables):
    for question, asked in QUESTIONS.items():
        without = {name: table for name, table in tables.items() if name not in asked.tables[:1]}
        (told,) = questions.answered(question, without)
        assert told.endswith("it cannot tell.") and asked.tables[0] in told


def test_what_costs_are_is_in_proportion():
    costs = read_table(ROOT / "benchmarks/paper_scale.csv")
    nothing = pd.DataFrame(columns=["encoder", "generator"])
    told = " ".join(around.larger({"paper_scale": costs, "calibration": nothing}))
    search = costs[costs.what == "search 5000000 x 512 exactly"].cpu_s_an_item.iloc[0]
    assert f"{20 * search:.3g} CPU-s an exact query" in told
    assert f"{200 * search:.3g} CPU-s an exact query" in told
    assert "nothing of this size was run" in told


def test_who_is_named_and_who_never_is():
    outputs = pd.DataFrame(
        {"generator": ["g"] * 3, "output_id": list("abc"), "tier": ["nothing found"] * 3}
    )
    rows = [("a", "One", 2.0), ("a", "Two", 1.0), ("b", "One", 1.0), ("c", "T*o", 1.0)]
    evidence = pd.DataFrame(rows, columns=["output_id", "artist", "evidence"])
    evidence = evidence.assign(encoder="musicnn", generator="g", prompt_track="excluded")
    tracks = pd.DataFrame({"artist": ["One", "Two", "T*o", "Four"], "split": "train"})
    concentration = pd.DataFrame(
        columns=["encoder", "generator", "source", "granularity", "index", "gini"]
    )
    told = " ".join(
        around.artists(
            {
                "outputs": outputs,
                "evidence": evidence,
                "tracks": tracks,
                "concentration": concentration,
            }
        )
    )
    assert "for 3 of 3 outputs nobody" in told
    assert "musicnn never names 2 of 4 training artists, and names One for 66.7 %" in told


def test_text_of_tables_stays_text(tmp_path):
    assert words.quoted("A *b* <i>") == r"A \*b\* \<i\>"
    write_prose(f"# Title\n\n{words.quoted('<script>x</script>')} [a](../b.svg)", tmp_path / "p")
    text = (tmp_path / "p").read_text()
    assert "<title>Title</title>" in text and "<script" not in text
    assert '<a href="../b.svg">a</a>' in text


def test_the_page_is_filled(tmp_path, tables):
    paths = {name: tmp_path / f"tables/{name}.csv" for name in tables}
    figures = [tmp_path / "figures/robustness.svg", tmp_path / "figures/bins.svg"]
    known = {paths[name]: table for name, table in tables.items()}
    text = questions.filled(PAGE, paths, figures, known.get)
    first, *others = text.split("\n## ")[1:]
    assert "**In this run.** Of 100 clips" in first
    assert "Figures: [robustness](../figures/robustness.svg)." in first and "bins.svg" not in first
    assert "[planted](../tables/planted.csv)" in first
    assert all("**In this run.**" in other for other in others)
    assert "](limits.md)" not in text and "docs/limits.md" in text


def test_a_search_is_called_exact_where_it_was(tables):
    tables["bins"] = pd.DataFrame({"n_index": [90]})
    assert "is exact, over 90 training" in around.exact(tables)[0]
    recall = {"encoder": "mel", "recall_at_50": 0.97, "recall_at_50_low": 0.96}
    recall |= {"recall_at_50_high": 0.98}
    (told,) = around.exact(tables | {"search_recall": pd.DataFrame([recall])})
    assert (
        "by inverted lists, of a measured recall at 50 of 0.970 (0.960 to 0.980) with mel" in told
    )
    assert "Every search" not in told


def test_a_page_that_asks_something_else_is_refused(tmp_path):
    page = tmp_path / "questions.md"
    page.write_text("# Q\n\n## Why?\n\nBecause.\n")
    with pytest.raises(InputError, match=r"questions\.md: its headings .*Why\?"):
        questions.filled(page, {}, [], read_table)


def test_simulated_answers_are_called_so():
    row = {"by": "all", "arm": "ours", "encoder": "mel", "agreement": 0.7, "low": 0.6, "high": 0.8}
    row |= {"answers": 40, "listeners": 4, "source": "simulated listeners"}
    coverage = [
        ["the paper's", 0.5, "pooled", 0.4], ["the paper's", 0.6, "clustered", 0.55],
        ["the paper's", 0.5, "clustered", 0.05], ["ours", 0.6, "clustered", 0.9],
    ]  # fmt: skip
    coverage = pd.DataFrame(coverage, columns=["design", "agreement", "method", "told_from_chance"])
    simulated = {"simulated_agreement": pd.DataFrame([row]), "simulated_coverage": coverage}
    told = conclusions.experiment_a(simulated)
    assert told[0].startswith("Simulated: nobody has answered")
    assert "mel: in 70 % (60 to 80) of 40 answers" in told[1]
    assert told[2] == (
        "Of simulated studies of the paper's design tell agreement from chance: read as pooled,"
        " 40 % where true agreement is 50 %; read as clustered, 55 % where true agreement is 60 %"
        " and 5 % where true agreement is 50 %."
    )
    heard = simulated | {"listening_agreement": pd.DataFrame([row | {"source": "people"}])}
    assert "Simulated:" not in " ".join(conclusions.experiment_a(heard))


def test_control_tracks_bound_what_a_corpus_can_show():
    tracks = pd.DataFrame({"split": ["train"] + ["control"] * 19, "artist": "A"})
    told = conclusions.corpus({"tracks": tracks, "rejected": tracks[:0]})
    assert told[0].startswith("control 19 tracks by 1 artists and train 1 tracks")
    assert "below 0.05:" in told[1]


def test_validation_without_people(tables):
    calibration = pd.DataFrame(
        [["musicnn", "g", "excluded", 0.04, 0.05, 19], ["musicnn", "g", "included", 0.9, 0.05, 19]],
        columns=COLUMNS.split(),
    )
    known = {"calibration": calibration, "planted": tables["planted"]}
    told = " ".join(resemblance.without_people(known))
    assert "p <= .05 has musicnn 4 %; 19 control tracks can show no p below 0.05" in told
    assert "it finds musicnn 60 % and mel 20 %" in told and "nothing here is retrained" in told
    columns = ["design", "setting", "kind", "method", "prompts", "lds", "low", "high"]
    rows = [
        ["tracks", "all", "tokens", "token share", "control", 0.5, 0.4, 0.6],
        ["tracks", "all", "embedding", "mel: maximum", "control", 0.2, 0.1, 0.3],
        ["tracks", "all", "ceiling", "datamodel", "control", 0.9, 0.8, 1.0],
        ["artists", "all", "tokens", "token share", "control", 0.7, 0.6, 0.8],
    ]
    findings = pd.DataFrame({"finding": ["There is no truth."]})
    race = {"race": pd.DataFrame(rows, columns=columns), "race_findings": findings}
    assert "is token share (0.50, 0.40 to 0.60) for control prompts." in " ".join(
        resemblance.without_people(known | race)
    )
    race["race"] = race["race"][:0]
    assert "not validated in this run: There is no truth." in " ".join(
        resemblance.without_people(known | race)
    )


def test_what_experiments_conclude(tables):
    told = conclusions.experiment_b(tables)
    assert "musicnn 53.3 % and mel 43.3 %" in told[0]
    assert "by musicnn for gain at 1 of the levels tried" in told[1]
    outputs = pd.DataFrame({"generator": "g", "tier": ["nothing found", "copy", "nothing found"]})
    held = pd.DataFrame(
        [["musicnn", "g", "excluded", 0.04, 0.1], ["random", "g", "excluded", 0.5, 0.5]],
        columns=["encoder", "generator", "prompt_track", "false_positives_at_05", "p_at_05"],
    )
    paired = pd.DataFrame(
        [["musicnn", "g", "artist_excluded", "all", 0.1, 0.05, 0.15]],
        columns=["encoder", "generator", "prompt_track", "prompts", "difference", "low", "high"],
    )
    known = {"outputs": outputs, "calibration": held, "paired": paired}
    told = conclusions.experiment_c(known | {"planted": tables["planted"]})
    assert told[0] == "Verdicts on 3 outputs: nothing found 2 and copy 1."
    assert "musicnn: p <= .05 has 10 % of outputs, and 4 % of control music" in told[1]
    assert told[1].endswith("Of planted copies it finds 60 %.")
    assert told[2].endswith("is 0.100 (0.050 to 0.150), above 0.") and len(told) == 3


def test_bins_that_cannot_be_filled_are_told():
    trial = {"kind": "test", "encoder": "mel", "x_clip_id": "a"}
    trials = {"paper": pd.DataFrame([trial, trial | {"kind": "repeat"}])}
    rows = [["mel", "bin_1", 1.1], ["mel", "bin_2", 0.9], ["mel", "random_sd", 2.0]]
    bins = pd.DataFrame(rows, columns=["encoder", "quantity", "value"])
    told = conclusions.listening(trials, bins)
    assert told[0].startswith("Arm paper: 1 test trials about 1 clips X, by mel 1; 1 more")
    assert told[1].startswith("Nothing can be in mel's bin_1:")
