"""Mutants of configs that the typed config accepts: a dry run says what it wants, or what is wrong.

A sample of those in tests/mutants.py; MUSICAL_ROOTS_FAULTS=all takes all of them (some minutes).
"""

import subprocess

import mutants
import pytest

from musical_roots import config
from musical_roots.errors import InputError


def accepted(study) -> dict[str, str]:
    """Names of mutants that are read without a word, and where they lie."""
    found = {}
    for number in mutants.numbers("config", 100, 12):
        path = study.folder / f"config/mutant_{number}.yaml"
        path.write_bytes(mutants.config(study.folder / "config", 0, number))
        try:
            config.read([study.folder / "config/config.yaml", path])
        except InputError:
            continue
        found[f"config {number}"] = str(path)
    return found


def test_a_config_that_is_accepted_makes_a_study_or_says_why_not(study):
    faults, taken = {}, accepted(study)
    if len(taken) < 3:
        pytest.skip("of this sample hardly any is accepted")
    for name, path in list(taken.items())[: None if len(taken) > 20 else 3]:
        words = ["--dry-run", "--quiet", "rules", "--configfile", path]
        try:
            done = study.snakemake(*words, timeout=120)
        except subprocess.TimeoutExpired:
            faults[name] = "still at work"
            continue
        told = [line for line in done.stdout.splitlines() if "musical-roots: error:" in line]
        if "Traceback" in done.stdout or (done.returncode and len(told) != 1):
            faults[name] = done.stdout[-600:]
    assert not faults, "\n".join(f"{name}: {wrong}" for name, wrong in faults.items())
