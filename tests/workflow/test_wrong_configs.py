"""Mutants of configs that the typed config accepts: a dry run says what it wants, or what is wrong.

Some of those in tests/mutants.py; MUSICAL_ROOTS_FAULTS=all takes all of them (some minutes).
"""

import itertools
import os
import subprocess

import mutants

from musical_roots import config
from musical_roots.errors import InputError

# ours, and Snakemake's, of a file that is no config at all
SAID = ("musical-roots: error:", "WorkflowError:")
SOME = None if os.environ.get("MUSICAL_ROOTS_FAULTS") == "all" else 3


def target(number: int) -> list[str]:
    """Of a mutant of config/paper.yaml the corpus: all of its jobs take minutes to plan."""
    return ["corpus"] if number % 3 == 2 else []


def accepted(study):
    """Numbers of mutants that are read without a word, and where they lie."""
    for number in mutants.numbers("config", 100, 100):
        path = study.folder / f"config/mutant_{number}.yaml"
        path.write_bytes(mutants.config(study.folder / "config", 0, number))
        try:
            config.read([study.folder / "config/config.yaml", path])
        except InputError:
            continue
        yield number, str(path)


def test_a_config_that_is_accepted_makes_a_study_or_says_why_not(study):
    faults, tried = {}, 0
    for number, path in itertools.islice(accepted(study), SOME):
        words = [*target(number), "--dry-run", "--quiet", "rules", "--configfile", path]
        tried += 1
        try:
            done = study.snakemake(*words, timeout=120)
        except subprocess.TimeoutExpired:
            faults[number] = "still at work"
            continue
        told = [line for line in done.stdout.splitlines() if line.startswith(SAID)]
        if "Traceback" in done.stdout or (done.returncode and len(told) != 1):
            faults[number] = done.stdout[-600:]
    assert tried >= 3
    assert not faults, "\n".join(f"config {number}: {wrong}" for number, wrong in faults.items())
