"""What Snakemake's scheduler takes of a core while it waits, after so many jobs: scheduler.csv.

Baseline: Snakemake's own limit of jobs a second. Ours: without it, as in workflow/rules/common.smk.
"""

import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from musical_roots import tables
from musical_roots.provenance import environment

JOBS, SECONDS = (300, 1000), 20
SNAKEFILE = """
onstart:
    if {without_limit}:
        workflow.scheduler.job_rate_limiter = None
rule all:
    input: expand("short/{{i}}", i=range({jobs})), expand("long/{{i}}", i=range(60))
rule short:
    output: "short/{{i}}"
    priority: 10
    shell: "touch {{output}}"
rule long:
    output: "long/{{i}}"
    shell: "sleep 6; touch {{output}}"
"""


def cpu_s(process: int) -> float:
    """CPU-seconds that a process has taken."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def share_of_core(jobs: int, without_limit: bool) -> float:
    """After so many jobs, while long ones run and others wait."""
    with TemporaryDirectory() as folder:
        snakefile = SNAKEFILE.format(jobs=jobs, without_limit=without_limit)
        Path(folder, "Snakefile").write_text(snakefile)
        words = [sys.executable, "-m", "snakemake", "--cores", "4", "--scheduler", "greedy"]
        run = subprocess.Popen([*words, "--nolock", "--quiet", "all"], cwd=folder)
        while len(list(Path(folder).glob("short/*"))) < jobs:
            time.sleep(0.2)
        before = cpu_s(run.pid)
        time.sleep(SECONDS)
        share = (cpu_s(run.pid) - before) / SECONDS
        run.terminate()
        run.wait()
        return share


if __name__ == "__main__":
    rows = []
    for jobs in JOBS:
        baseline, ours = (share_of_core(jobs, without) for without in (False, True))
        row = {"what": f"scheduler's share of a core after {jobs} jobs", "baseline": baseline}
        row |= {"ours": ours, "ratio": baseline / ours, "hardware": environment()["processor"]}
        rows.append(row)
    tables.write_table(pd.DataFrame(rows).round(3), Path(__file__).with_suffix(".csv"))
