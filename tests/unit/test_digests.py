"""An edited module re-runs the stages that use it, and no others."""

import json
import os
import shutil

import pytest

from musical_roots import digests
from musical_roots.digests import Digests
from musical_roots.encoders.base import ENCODERS
from musical_roots.generators.base import GENERATORS

STAGES = [
    *("corpus probe", "corpus clips", "perturb queries", "perturb render", "embed encode"),
    *("embed fit", "search match", "robustness summarise", "report figure"),
    *("influence attribute", "influence calibrate"),
]


@pytest.fixture
def package(tmp_path):
    copy = tmp_path / "musical_roots"
    shutil.copytree(digests.PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    return copy


def all_of(package, kept=None) -> dict[str, str]:
    code = Digests(kept, package)
    found = {stage: code.digest(stage) for stage in STAGES}
    code.keep()
    return found


def changed_by(package, edited: str, kept=None) -> set[str]:
    before = all_of(package, kept)
    source = package / edited
    original = source.read_text()
    source.write_text(original + "\n# edited\n")
    after = all_of(package, kept)
    source.write_text(original)
    assert all_of(package, kept) == before
    return {stage for stage in STAGES if before[stage] != after[stage]}


@pytest.mark.parametrize(
    ("edited", "touched"),
    [
        ("search/exact.py", {"search match", "influence attribute"}),
        ("experiments/calibration.py", {"influence calibrate"}),
        ("figures/looks.py", {"report figure"}),
        # which artists are tied is asked where one of them is left out
        ("corpus/duplicates.py", {"corpus probe", "influence attribute"}),
        ("perturb.py", {"perturb queries", "perturb render"}),
        ("perturbed.py", {"perturb queries", "perturb render"}),
        (
            "audio.py",  # figures show spectrograms
            {"corpus probe", "corpus clips", "perturb queries", "perturb render", "embed encode"}
            | {"report figure", "influence attribute"},
        ),
    ],
)
def test_an_edited_module_reruns_the_stages_that_use_it(package, edited, touched):
    changed = changed_by(package, edited)
    assert touched == changed


MAKERS = [*ENCODERS.values(), *GENERATORS.values()]


@pytest.mark.parametrize("module", sorted({maker.split(":")[0] for maker in MAKERS}))
def test_what_renders_trains_or_encodes_hangs_on_no_experiment(module):
    """An edit of a bootstrap must not render, train or encode anything anew."""
    code = Digests()
    costly = ["perturb queries", "perturb render", "embed encode", "embed vectors", "corpus clips"]
    costly += ["train clmr-open", "train openvamp", "train openvamp-codec", "generate tokenise"]
    costly += ["generate vamp", "influence control-roundtrips"]
    for stage in costly:
        used = code.modules(stage, module)
        assert f"musical_roots.{module.split('.')[1]}" in {".".join(u.split(".")[:2]) for u in used}
        assert not [name for name in used if "experiments" in name or "statistics" in name], stage


@pytest.mark.parametrize("edited", ["statistics.py", "experiments/robustness.py"])
def test_an_edit_of_a_bootstrap_runs_its_experiment_again(package, edited):
    changed = changed_by(package, edited)
    assert "robustness summarise" in changed
    assert not {stage for stage in changed if stage.split()[0] in ("perturb", "embed", "corpus")}


def test_an_edited_stage_reruns_itself_alone(package):
    before = all_of(package)
    source = package / "cli/corpus.py"
    text = source.read_text()
    assert 'f"cutting {split}"' in text
    source.write_text(text.replace('f"cutting {split}"', 'f"slicing {split}"'))
    after = all_of(package)
    assert {stage for stage in STAGES if before[stage] != after[stage]} == {"corpus clips"}


def test_an_encoder_is_in_the_digest_of_its_own_jobs_alone():
    code = Digests()
    neural = code.digest("embed encode", "musical_roots.encoders.musicnn")
    handcrafted = code.digest("embed encode", "musical_roots.encoders.handcrafted")
    assert len({neural, handcrafted, code.digest("embed encode")}) == 3


def test_what_is_kept_is_believed_as_long_as_the_file_stays_as_it_is(package, tmp_path):
    kept = tmp_path / "kept/code.json"
    assert all_of(package, kept) == all_of(package, kept) == all_of(package)
    assert "search match" in changed_by(package, "search/exact.py", kept)
    # another code of the same size, later: seen by its time
    source = package / "search/vectors.py"
    source.write_text(source.read_text().replace("CANDIDATES = 2048", "CANDIDATES = 2049"))
    os.utime(source, ns=(1, 1))
    assert all_of(package, kept)["search match"] == all_of(package)["search match"]
    known = json.loads(kept.read_text())["files"]
    assert str(source) in known


def test_a_damaged_or_forbidden_file_costs_time_alone(package, tmp_path):
    damaged = tmp_path / "code.json"
    for written in ("{", "[]", "null", '{"by": "another version", "files": {"a": 1}}'):
        damaged.write_text(written)
        assert all_of(package, damaged) == all_of(package)
    assert all_of(package, tmp_path / "search.py/code.json") == all_of(package)
    (tmp_path / "a file").write_text("")
    assert all_of(package, tmp_path / "a file/code.json") == all_of(package)


def test_which_stages_take_the_seed():
    code = Digests()
    assert code.draws("corpus clips") and not code.draws("corpus clip-list")


def test_an_unknown_stage_is_an_error():
    with pytest.raises(KeyError):
        Digests().digest("corpus nothing")
