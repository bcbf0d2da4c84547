"""The examples of docs/adding.md are added to a copy, and the generic tests run over them."""

import re
import shutil

import pytest
from copied import YAML, Copy, apply
from workflow_copy import ROOT

PAGE = ROOT / "docs/adding.md"


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    return Copy(tmp_path_factory.mktemp("adding") / "copy", PAGE)


@pytest.mark.parametrize(
    "file, name, fewest",
    [
        ("encoders", "chroma", 12),
        ("perturb", "tremolo", 5),
        ("generators", "openvamp_cold", 8),
        ("figures", "same_track", 1),
    ],
)
def test_generic_tests_run_over_each(copy, file, name, fewest):
    words = ["-p", "no:cacheprovider", "-q", f"tests/unit/test_{file}.py", "-k", name]
    done = copy.run("pytest", *words)
    passed = re.search(r"(\d+) passed", done.stdout) or re.search(r"^(\.+) ", done.stdout, re.M)
    assert done.returncode == 0, done.stdout[-3000:]
    assert passed, done.stdout[-3000:]
    found = int(passed[1]) if passed[1].isdigit() else len(passed[1])
    assert found >= fewest, done.stdout


def test_the_workflow_takes_them(copy):
    done = copy.run("musical_roots", "config", "reference")
    assert done.returncode == 0, done.stdout
    reference = (copy.folder / "config/README.md").read_text()
    assert "Pitch classes; not neural." in reference and "openvamp, colder." in reference
    (overlay,) = YAML.findall(PAGE.read_text())
    (copy.folder / "config/mine.yaml").write_text(overlay)
    words = ["--dry-run", "--cores", "2", "--configfile", "config/mine.yaml"]
    done = copy.run("snakemake", *words)
    assert done.returncode == 0, done.stdout[-3000:]
    assert "figure_same_track" in done.stdout
    for made in ("features/chroma/train/000", "vamps/openvamp_cold/000", "perturbed-tremolo"):
        assert made in done.stdout, made


def test_what_is_added_is_as_clean_as_the_rest(copy):
    ruff = shutil.which("ruff")
    assert ruff, "ruff comes with the environment: make setup"
    code = [path for path in copy.added if path.endswith(".py")]
    for check in (["check"], ["format", "--check"]):
        done = copy.run("ruff", *check, *code)
        assert done.returncode == 0, done.stdout


def test_a_diff_that_fits_nowhere_is_told(tmp_path):
    (tmp_path / "a.py").write_text("one\ntwo\n")
    apply("--- a.py\n@@\n one\n+and a half\n", tmp_path)
    assert (tmp_path / "a.py").read_text() == "one\nand a half\ntwo\n"
    with pytest.raises(AssertionError, match=r"a\.py does not have, once: three"):
        apply("--- a.py\n@@\n three\n+four\n", tmp_path)
