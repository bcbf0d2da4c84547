"""What Snakemake's graph costs by the number of parts, beside all work: dag.csv.

`python benchmarks/dag.py 20 200` takes dry runs of config/paper.yaml with so many parts each.
`python benchmarks/dag.py --embeddings 1000` takes the embeddings of a corpus of which each split
has so many: a dry run, a run whose jobs only touch their files, so that all it takes is
Snakemake's, and a run with nothing to be done. In CPU-seconds, which a crowded machine changes
little; and in seconds. What was measured of other sizes, or on another processor, stays.
"""

import argparse
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd
import yaml
from measuring import ROOT

from musical_roots import tables
from musical_roots.provenance import environment

EMBEDDINGS = "results/embeddings/mfcc/corpus.csv"
# In the place of `python`: every file that a command names and that is not there.
TOUCH = """\
#!/bin/sh
for name in "$@"; do
    case "$name" in results/*|resources/*) ;; *) continue ;; esac
    [ -e "$name" ] && continue
    mkdir -p "${name%/*}" && : > "$name"
    case "$name" in *.npy) : > "${name%.npy}.json"; : > "${name%.npy}.parquet" ;; esac
done
"""


def snakemake(folder: Path, *words: str, path: str = "") -> tuple[str, float, float]:
    """What a run in a folder says, its CPU-seconds and its seconds."""
    environ = os.environ | {"PATH": f"{path}{os.environ['PATH']}"}
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", "--cores", "2", *words],
        cwd=folder, env=environ, text=True, capture_output=True,
    )  # fmt: skip
    seconds, after = time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        sys.exit((done.stdout + done.stderr)[-3000:])
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return done.stdout + done.stderr, spent, seconds


def dry_run(folder: Path, *words: str) -> dict:
    """Jobs, CPU-seconds and seconds."""
    told, spent, seconds = snakemake(folder, *words, "--dry-run", "--quiet", "rules")
    jobs = int(re.search(r"^total\s+(\d+)", told, re.MULTILINE).group(1))
    row = {"jobs": jobs, "dry_run_cpu_s": round(spent, 1), "dry_run_s": round(seconds, 1)}
    return row | {"cpu_ms_a_job": round(1000 * spent / jobs, 2)}


def overlay(folder: Path, config: dict) -> Path:
    """A config in a file."""
    path = folder / "shards.yaml"
    path.write_text(yaml.safe_dump(config))
    return path


def of_paper(shards: int) -> dict:
    """A dry run of all that the paper did."""
    with tempfile.TemporaryDirectory() as folder:
        sections = ("corpus", "encode", "generation")
        parts = overlay(Path(folder), {name: {"shards": shards} for name in sections})
        row = dry_run(ROOT, "--configfile", "config/paper.yaml", str(parts))
    return {"what": "paper", "shards": shards} | row


def of_embeddings(shards: int) -> dict:
    """A dry run, a run that touches, and one with nothing to be done, of a corpus's embeddings."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for path in ROOT.iterdir():
            if path.name not in ("results", "resources", ".snakemake"):
                (folder / path.name).symlink_to(path)
        (folder / "stand-in").mkdir()
        python = folder / "stand-in/python"
        python.write_text(TOUCH)
        python.chmod(0o755)
        music = {"source": "folder", "folder": {"root": str(folder)}}
        parts = overlay(
            folder, {"corpus": music | {"shards": shards}, "encode": {"shards": shards}}
        )
        words = [EMBEDDINGS, "--configfile", str(parts)]
        row = dry_run(folder, *words)
        _, spent, _ = snakemake(folder, *words, path=f"{python.parent}:")
        told, again, seconds = snakemake(folder, *words, path=f"{python.parent}:")
        if "Nothing to be done" not in told:
            sys.exit(told[-3000:])
    row |= {"run_cpu_ms_a_job": round(1000 * spent / row["jobs"], 1)}
    row |= {"no_op_cpu_s": round(again, 1), "no_op_s": round(seconds, 1)}
    return {"what": "embeddings", "shards": shards} | row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("shards", type=int, nargs="*")
    parser.add_argument("--embeddings", type=int, nargs="*", default=[])
    asked = parser.parse_args()
    rows = [of_paper(count) for count in asked.shards]
    rows += [of_embeddings(count) for count in asked.embeddings]
    table = pd.DataFrame(rows).assign(hardware=environment()["processor"])
    path, keys = ROOT / "benchmarks/dag.csv", ["what", "shards", "hardware"]
    if path.is_file():
        table = pd.concat([pd.read_csv(path), table]).drop_duplicates(keys, keep="last")
    tables.write_table(table.sort_values(keys), path)


if __name__ == "__main__":
    main()
