"""What Snakemake's graph costs by the number of parts, before any work: dag.csv.

`python benchmarks/dag.py 20 200` takes dry runs of config/paper.yaml with so many parts each, in
CPU-seconds; a crowded machine changes these little.
"""

import re
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import pandas as pd
import yaml
from measuring import ROOT

from musical_roots import tables
from musical_roots.provenance import environment


def dry_run(shards: int) -> dict:
    """Jobs and CPU-seconds."""
    with tempfile.TemporaryDirectory() as folder:
        overlay = Path(folder) / "shards.yaml"
        parts = {"shards": shards}
        overlay.write_text(yaml.safe_dump({"corpus": parts, "encode": parts, "generation": parts}))
        files = ["--configfile", "config/paper.yaml", str(overlay)]
        command = [sys.executable, "-m", "snakemake", "--dry-run", "--quiet", "rules", "--cores"]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        told = subprocess.run(
            [*command, "2", *files], cwd=ROOT, text=True, check=True, capture_output=True
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    jobs = int(re.search(r"^total\s+(\d+)", told.stdout + told.stderr, re.MULTILINE).group(1))
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"shards": shards, "jobs": jobs, "dry_run_cpu_s": round(spent, 1)}


if __name__ == "__main__":
    rows = [dry_run(int(count)) for count in sys.argv[1:]]
    table = pd.DataFrame(rows)
    table["cpu_ms_a_job"] = (1000 * table.dry_run_cpu_s / table.jobs).round(2)
    table = table.assign(hardware=environment()["processor"])
    tables.write_table(table, ROOT / "benchmarks/dag.csv")
