"""benchmarks/gpu.py, tried where there is no GPU: what it has when it is stopped."""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))

import gpu  # noqa: E402


def row(what):
    return {"what": what, "baseline": 1.0, "ours": 2.0, "ratio": 2.0, "hardware": "none"}


def test_the_nearest_are_those_of_sorting_all():
    draw = torch.Generator().manual_seed(0)
    queries, vectors = (torch.randn(n, 8, generator=draw) for n in (5, 60))
    scores, rows = gpu.nearest(queries, vectors.split([7, 50, 3]), 9)
    wanted = (queries @ vectors.T).sort(dim=1, descending=True)
    np.testing.assert_array_equal(rows, wanted.indices[:, :9])
    np.testing.assert_allclose(scores, wanted.values[:, :9], rtol=1e-6)


@pytest.mark.parametrize("name, count", [("search", 1), ("openvamp", 2)])
def test_a_small_trial_runs_on_a_cpu(tmp_path, name, count):
    gpu.main(["--small", "--only", name, "--table", str(tmp_path / "small.csv")])
    table = pd.read_csv(tmp_path / "small.csv")
    assert len(table) == count and (table[["baseline", "ours", "ratio"]] > 0).all(axis=None)


STOPPED = """
import os, signal, sys
sys.path.insert(0, {benchmarks!r})
import gpu
def rows(scale, seconds):
    yield {row!r}
    yield {row!r}
    os.kill(os.getpid(), signal.SIGKILL)
gpu.write_each(gpu.measured([gpu.Measure("killed", 1, rows)], gpu.SMALL, 60), {table!r})
"""


def test_a_run_that_is_killed_leaves_the_rows_so_far(tmp_path):
    path = str(tmp_path / "gpu.csv")
    code = STOPPED.format(benchmarks=str(ROOT / "benchmarks"), row=row("kept"), table=path)
    beside = {**os.environ, "PYTHONPATH": str(ROOT / "tests")}  # as `make bench-gpu` has it
    assert subprocess.run([sys.executable, "-c", code], env=beside).returncode == -9
    assert pd.read_csv(path).what.tolist() == ["kept", "kept"]


def test_what_takes_too_long_or_fails_leaves_the_others_their_rows(capsys):
    def slow(scale, seconds):
        yield row("before")
        time.sleep(60)

    def broken(scale, seconds):
        raise ValueError("no such thing")

    measures = [
        gpu.Measure("slow", 0.02, slow),
        gpu.Measure("broken", 1, broken),
        gpu.Measure("last", 1, lambda scale, seconds: [row("last")]),
    ]
    start = time.monotonic()
    rows = list(gpu.measured(measures, gpu.SMALL, 50))
    assert time.monotonic() - start < 30
    assert [row["what"] for row in rows] == ["before", "last"]
    said = capsys.readouterr().err
    assert "slow: left out: its time is over" in said
    assert "broken: left out: no such thing" in said


def test_no_time_is_no_row():
    assert not list(gpu.measured([gpu.Measure("any", 1, lambda *_: [row("any")])], gpu.SMALL, 0))
    with pytest.raises(SystemExit, match="no row"):
        gpu.main(["--small", "--seconds", "0"])


def test_rounds_end_with_their_time_but_one_there_is():
    runs = []
    gpu.rates([gpu.Side(lambda: runs.append(0), 1)], rounds=5, seconds=60)
    assert len(runs) == 6  # one of them to warm up
    runs.clear()
    (rate,) = gpu.rates([gpu.Side(lambda: runs.append(time.sleep(0.05)), 10)], 5, seconds=0)
    assert len(runs) == 2 and 0 < rate <= 200
