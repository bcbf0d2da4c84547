"""The reference tables: what is wrong with a run is seen, and what is right is not."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from musical_roots import claims, cli, verify
from musical_roots.errors import InputError
from musical_roots.experiments import robustness
from musical_roots.tables import read_table

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "reference"
ASKED = verify.read(REFERENCE)
TABLES = {name: read_table(REFERENCE / f"{name}.csv") for name in ASKED.tables}
# Columns that are results: each of a table where a mistake would be made.
RESULTS = [
    *(("robustness", name) for name in ("recall_at_1", "recall_at_10", "mrr", "cosine_mean")),
    *(
        ("outputs", name)
        for name in ("p_musicnn", "cosine_mel", "tier_prompt_included", "score_token_share")
    ),
    *(("planted", name) for name in ("power_at_05", "perturbed_false_at_05")),
    *(("calibration", name) for name in ("p_at_05", "ks_p")),
    *(("competition", name) for name in ("target_wins", "sign_flip_p", "lowest_q")),
    ("retrieval", "recall_at_1"),
    ("bins", "value"),
    ("paired", "difference"),
    ("songs", "prompt_first"),
    ("agreement", "kendall_tau"),
    ("concentration", "gini"),
    ("hubness", "skewness"),
    ("coded_index", "value"),
    ("small_training_set", "difference"),
    ("prompt_vs_training", "nearer_share"),
    ("ngram_overlap", "overlap_share"),
    ("claims", "verdict"),
]
ENCODERS = [name for name, table in TABLES.items() if "encoder" in table]


def moved(name, made):
    return verify.held(made, TABLES[name], name, ASKED)


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_as_it_was_in_any_order_of_its_rows(name):
    assert moved(name, TABLES[name]).same
    other = TABLES[name].sample(frac=1, random_state=0).reset_index(drop=True)
    keyed = TABLES[name].select_dtypes(exclude="number").shape[1] > 1
    assert moved(name, other).same or not keyed


@pytest.mark.parametrize("name", TABLES)
def test_rounding_of_another_processor_is_no_difference(name):
    made = TABLES[name].copy()
    for column in made.select_dtypes("float"):
        made[column] += 1e-5 * np.where(np.arange(len(made)) % 2, 1, -1)
    assert verify.held(made, TABLES[name], name, ASKED).differ == 0


@pytest.mark.parametrize(("name", "column"), RESULTS)
def test_a_shuffled_column_is_caught(name, column):
    made = TABLES[name].copy()
    made[column] = made[column].sample(frac=1, random_state=1).to_numpy()
    assert moved(name, made).differ > 0


@pytest.mark.parametrize("name", ENCODERS)
def test_a_swapped_encoder_is_caught(name):
    encoders = TABLES[name].encoder.unique()
    made = TABLES[name].replace({"encoder": {encoders[0]: encoders[1], encoders[1]: encoders[0]}})
    assert not moved(name, made).same


def test_an_encoder_that_is_lacking_is_caught():
    made = TABLES["robustness"]
    assert moved("robustness", made[made.encoder != "mel"]).lacking


def searched(ranks):
    """Perturbed clips whose originals have these ranks, as one encoder finds them."""
    names = [f"q{number:02d}" for number in range(len(ranks))]
    clips = pd.DataFrame({"clip_id": names, "track_id": names, "generator": "", "level": 3.0})
    found = pd.DataFrame({"query_clip_id": names, "rank": ranks, "clip_id": "o", "track_id": "x"})
    rows = [
        found.assign(rank=1, cosine=0.9, target=""),
        found.assign(cosine=0.5, target="original"),
    ]
    rows.append(found.assign(rank=90, cosine=0.1, target="random"))
    return clips.assign(unit="semitones"), pd.concat(rows).assign(encoder="musicnn")


def test_a_wrong_threshold_in_the_code_is_caught(monkeypatch):
    clips, matches = searched([1, 1, 2, 2, 3, 6, 7, 11])
    right = robustness.summarise("pitch", matches, clips, 100, 0.95, seed=0)
    again = robustness.summarise("pitch", matches, clips, 100, 0.95, seed=0)
    assert verify.held(again, right, "robustness", ASKED).same
    real = robustness.statistics.recall_at
    monkeypatch.setattr(robustness.statistics, "recall_at", lambda ranks, k: real(ranks, k + 1))
    wrong = robustness.summarise("pitch", matches, clips, 100, 0.95, seed=0)
    found = verify.held(wrong, right, "robustness", ASKED)
    assert found.differ == 3 and "recall_at_1 0.5 and 0.25" in str(found)


def remade(change=lambda claim: claim):
    """The claims, held against the reference tables once more: those that ask after these."""
    numbers = {path.stem: read_table(path) for path in (ROOT / "config/paper").glob("*.csv")}
    paths = [ROOT / f"config/expected{part}.yaml" for part in ("", "_ours", "_figure1")]
    asked = [change(one) for one in claims.read(paths, numbers) if one.table in TABLES]
    made = claims.check(asked, TABLES)
    return made, TABLES["claims"][TABLES["claims"].claim.isin(made.claim)]


def test_the_reference_tables_give_the_reference_claims():
    made, reference = remade()
    assert verify.held(made, reference, "claims", ASKED).same
    assert (made.verdict == "holds").sum() > 20


def test_a_wrong_threshold_of_a_claim_is_caught():
    made, reference = remade(lambda claim: claim.model_copy(update={"expected": 0.51}))
    assert verify.held(made, reference, "claims", ASKED).differ > 0
    made, reference = remade(lambda claim: claim.model_copy(update={"tolerance": 0.5}))
    assert verify.held(made, reference, "claims", ASKED).differ > 0


def run(*words):
    done = CliRunner().invoke(cli.stages, ["report", *map(str, words)])
    return done.exit_code, done.output.splitlines()


@pytest.fixture
def results(tmp_path):
    """A run that gives the reference tables."""
    (tmp_path / "run/tables").mkdir(parents=True)
    for name in TABLES:
        shutil.copy(REFERENCE / f"{name}.csv", tmp_path / "run/tables")
    return tmp_path / "run"


def test_the_command_says_what_moved_and_its_status_whether_anything_did(results):
    status, said = run("verify", results, "--reference", REFERENCE)
    assert status == 0 and said[0].startswith(f"{len(TABLES)} of {len(TABLES)} reference tables")
    made = TABLES["retrieval"].assign(recall_at_1=TABLES["retrieval"].recall_at_1 + 0.01)
    made.to_csv(results / "tables/retrieval.csv", index=False)
    (results / "tables/bins.csv").unlink()
    status, said = run("verify", results, "--reference", REFERENCE)
    assert status == 1 and len(said) == 3
    assert said[0].startswith("moved: retrieval: ") and "recall_at_1" in said[0]
    assert said[1].startswith("moved: bins: only in ")


def test_what_is_kept_is_what_is_asked_for(results, tmp_path):
    shutil.copytree(REFERENCE, tmp_path / "reference")
    made = TABLES["claims"].assign(more=1.23456789)
    made.to_csv(results / "tables/claims.csv", index=False)
    table = TABLES["codec"].assign(log_magnitude=1 / 3)
    table.to_csv(results / "tables/codec.csv", index=False)
    assert run("keep-reference", results, "--reference", tmp_path / "reference")[0] == 0
    assert list(read_table(tmp_path / "reference/claims.csv")) == ASKED.tables["claims"].columns
    assert set(read_table(tmp_path / "reference/codec.csv").log_magnitude) == {0.333333}


def test_tolerances_that_cannot_be_read_are_named(tmp_path):
    with pytest.raises(InputError, match=r"tolerances\.yaml: not readable as tolerances"):
        verify.read(tmp_path)
    (tmp_path / "tolerances.yaml").write_text("rtol: 0\nwrong: 1\n")
    with pytest.raises(InputError, match=r"tolerances\.yaml: not readable as tolerances"):
        verify.read(tmp_path)


def test_every_file_of_the_reference_is_asked_for():
    assert {path.stem for path in REFERENCE.glob("*.csv")} == set(ASKED.tables)


def test_texts_tell_the_tally_of_the_reference():
    texts = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    said = {path: path.read_text() for path in texts if claims.MARKS[0] in path.read_text()}
    assert ROOT / "docs/reproducing.md" in said
    for path, text in said.items():
        assert claims.within(text, TABLES["claims_tally"]) == text, f"{path}: make reference"
