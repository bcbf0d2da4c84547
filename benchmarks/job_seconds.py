"""How long jobs take, for `make study` to say so: what Snakemake kept of finished runs, as means.

`python benchmarks/job_seconds.py default=results tiny=results/tiny`, each a study of one run,
writes src/musical_roots/job_seconds.csv. The machine may have had other work to do: a job's share
is of its run's time, and all of a run's jobs together are given 1.2 times its CPU-seconds, as a
quiet machine takes, at a speed of 200 GFLOPS a core.
"""

import base64
import json
import sys
from pathlib import Path

import pandas as pd

from musical_roots import progress, tables
from musical_roots.encoders.base import ENCODERS

OUT = Path(__file__).parents[1] / "src/musical_roots/job_seconds.csv"
QUIET, SPEED = 1.2, 200  # seconds a CPU-second; GFLOPS


def kept(results: Path):
    """What Snakemake keeps of each output of a study, and the output's path."""
    root = next(above for above in results.resolve().parents if (above / ".snakemake").is_dir())
    folder = root / ".snakemake/metadata"
    for path in filter(Path.is_file, folder.rglob("*")):
        name = base64.b64decode("".join(path.relative_to(folder).parts)).decode()
        if (root / name).is_relative_to(results.resolve()):
            yield json.loads(path.read_text()), name


def total_s(results: Path) -> float:
    """Seconds that all of its jobs are given, one after another: of the run that did most."""
    runs = pd.read_csv(results / "benchmarks/cost.csv")
    run = runs.loc[runs.cpu_s.idxmax()]
    return QUIET * run.cpu_s * run.gflops / SPEED


def main() -> None:
    """Write the table."""
    rows = []
    for word in sys.argv[1:]:
        study, _, folder = word.partition("=")
        results = Path(folder)
        jobs = progress.durations(kept(results), set(ENCODERS))
        scale = total_s(results) / sum(jobs.values())
        found = progress.means({job: scale * took for job, took in jobs.items()})
        rows += [{"study": study, **row} for row in found]
    tables.write_table(pd.DataFrame(rows), OUT)


if __name__ == "__main__":
    main()
