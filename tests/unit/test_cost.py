"""What a run has cost."""

import csv
import subprocess
import sys
import time

from musical_roots import cost


def test_children_count():
    before = cost.cpu_s()
    code = "import time\nwhile time.process_time() < 0.3: pass"
    subprocess.run([sys.executable, "-c", code], check=True)
    assert cost.cpu_s() - before > 0.29


def test_the_rate_is_that_of_a_product(monkeypatch):
    clock = iter(range(100))
    monkeypatch.setattr(cost.time, "process_time", lambda: next(clock))
    assert cost.gflops() == 2 * 1024**3 / 1e9


def test_the_line():
    line = cost.told(59.6, 6, 34.6)
    assert line.startswith("1 min 00 s; 0.1 CPU-minutes; ") and line.endswith("at 35 GFLOPS")


def test_each_run_is_a_row(tmp_path):
    path = tmp_path / "benchmarks" / "cost.csv"
    for _ in range(2):
        said = cost.note(path, time.monotonic() - 61)
    with path.open() as file:
        one, other = csv.DictReader(file)
    assert tuple(one) == cost.COLUMNS and said.startswith("1 min 0")
    assert 61 <= float(one["wall_s"]) < 90 and float(other["cpu_s"]) >= float(one["cpu_s"]) > 0
    assert float(one["gflops"]) > 0.1
