"""What the Snakemake workflow catalog checks of a repository, before it shows standardised usage.

That `snakemake --lint` and `snakefmt --check` pass, which it also checks, `make lint` does.
"""

import re
from pathlib import Path

import pytest
import yaml
from packaging.version import Version

from musical_roots import config

ROOT = Path(__file__).parents[2]
USAGE = yaml.safe_load((ROOT / ".snakemake-workflow-catalog.yml").read_text())["usage"]


def test_the_search_finds_it():
    """It searches READMEs for these words."""
    text = (ROOT / "README.md").read_text().lower()
    assert "snakemake" in text and "workflow" in text


def test_files_are_where_it_looks():
    assert (ROOT / "workflow/Snakefile").is_file()
    rules = list((ROOT / "workflow/rules").iterdir())
    assert rules and all(path.suffix == ".smk" for path in rules)
    for folder in ("envs", "config", "workflow/rules", "workflow/report", "workflow/schemas"):
        assert any((ROOT / folder).iterdir()), folder
    assert (ROOT / "LICENSE").read_text().startswith("MIT License")


def test_usage_says_what_it_can_show():
    assert set(USAGE) == {"mandatory-flags", "software-stack-deployment", "report"}
    assert set(USAGE["mandatory-flags"]) == {"desc", "flags"}
    assert all(type(value) is bool for value in USAGE["software-stack-deployment"].values())
    made = re.search(r"^report: ", (ROOT / "workflow/Snakefile").read_text(), re.MULTILINE)
    assert USAGE["report"] is bool(made)


@pytest.mark.parametrize("named", ["config/config.yaml", "config/tiny.yaml", "make setup"])
def test_what_usage_names_is_there(named):
    assert named in USAGE["mandatory-flags"]["desc"]
    if named.startswith("make "):
        assert re.search(rf"^{named.split()[1]}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
    else:
        assert (ROOT / named).is_file()


def test_the_config_is_described_key_by_key():
    text = (ROOT / "config/README.md").read_text()
    for section in config.load({}):
        assert re.search(rf"^#+ `?{section}\b|`{section}[`.]", text, re.MULTILINE), section


def test_a_minimum_version_is_asked_for_and_is_the_one_installed_or_older():
    import snakemake

    asked = re.search(r'min_version\("([\d.]+)"\)', (ROOT / "workflow/Snakefile").read_text())
    assert Version(asked[1]) <= Version(snakemake.__version__)


def test_every_rule_has_a_log_and_a_message():
    """Of what lint asks, that which it asks of shell rules."""
    for path in sorted((ROOT / "workflow/rules").glob("*.smk")):
        text = path.read_text()
        for rule in re.split(r"^(?=    rule:|rule \w+:|checkpoint \w+:)", text, flags=re.M)[1:]:
            if re.search(r"^\s+shell:", rule, re.M):
                assert re.search(r"^\s+log:", rule, re.M), (path.name, rule[:60])
                assert re.search(r"^\s+message:", rule, re.M), (path.name, rule[:60])
