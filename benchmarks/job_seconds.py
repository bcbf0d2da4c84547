"""How long jobs take, for `make study` to say so: what Snakemake kept of finished runs, as means.

`python benchmarks/job_seconds.py default=results tiny=results/tiny`, each a study of one run,
writes src/musical_roots/job_seconds.csv. The machine may have had other work to do: a job's share
is of its run's time, and all of a run's jobs together are given 1.2 times its CPU-seconds, as a
quiet machine takes, at a speed of 200 GFLOPS a core.
"""

import base64
import json
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from musical_roots import config, cost, progress, tables
from musical_roots.encoders.base import ENCODERS
from musical_roots.generators.openvamp.model import Size
from musical_roots.generators.openvamp.training import CROP, learner

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


def a_crop_s(steps: int = 5, batch: int = 16) -> float:
    """Seconds a crop that a network of the default's size learns from, at the same speed."""
    torch.set_num_threads(1)
    network = config.load({})["generators"]["openvamp"]
    size = Size(*(network[key] for key in ("codebooks", "entries", "width", "layers")))
    tokens = np.random.default_rng(0).integers(size.entries, size=(size.codebooks, 2 * CROP))
    how = {"seed": 0, "steps": steps + 1, "batch_size": batch, "device": "cpu"}
    _, learn = learner({"track": tokens}, size, **how, precision="fp32")
    learn(1)
    begun = time.process_time()
    for step in range(steps):
        learn(step + 2)
    spent = time.process_time() - begun
    return QUIET * spent / steps / batch * cost.gflops() / SPEED


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
    each = a_crop_s()
    rows += [
        {"study": progress.A_CROP, "rule": rule, "encoder": "", "seconds": round(each, 4)}
        for rule in ("train_openvamp", "train_openvamp_small")
    ]
    tables.write_table(pd.DataFrame(rows), OUT)


if __name__ == "__main__":
    main()
