"""What a run has cost: minutes, CPU-minutes, and how fast the processor is that they were spent on.

Machines differ by several times, and so do their CPU-minutes: they compare only beside what a core
can do. Of that, the rate of a matrix product is the measure, for most of a study is such products.
"""

import csv
import resource
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

SIDE, TRIES = 1024, 8  # of the matrices; products, of which the fastest counts
COLUMNS = ("ended", "wall_s", "cpu_s", "gflops")


def cpu_s() -> float:
    """CPU-seconds of this process and of all its children that have ended, with theirs."""
    spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(use.ru_utime + use.ru_stime for use in spent)


def gflops() -> float:
    """Billions of additions and multiplications of float32 a second, on one core: .1 s."""
    one, other = np.random.default_rng(0).random((2, SIDE, SIDE), dtype=np.float32)
    one @ other  # the library sets itself up
    took = []
    for _ in range(TRIES):
        start = (
            time.process_time()
        )  # of all threads, so that it is one core's however many there are
        one @ other
        took.append(time.process_time() - start)
    return 2 * SIDE**3 / min(took) / 1e9


def of_jobs(folder: Path, patterns: list[str]) -> tuple[int, float, float]:
    """What the timed jobs of a run took: those whose benchmarks these patterns name.

    Parameters
    ----------
    folder : Path
        Of Snakemake's benchmarks.
    patterns : list of str
        Globs in it.

    Returns
    -------
    jobs : int
    minutes : float
        Of them all, one after the other.
    mb : float
        Of the largest, its resident memory; 0 where none was long enough to be measured.
    """
    jobs, minutes, most = 0, 0.0, 0.0
    for path in sorted({path for pattern in patterns for path in folder.glob(pattern)}):
        with path.open(encoding="utf-8") as file:
            for row in csv.DictReader(file, delimiter="\t"):
                jobs, minutes = jobs + 1, minutes + float(row["s"]) / 60
                measured = row["max_rss"].replace(".", "", 1).isdigit()
                most = max(most, float(row["max_rss"]) if measured else 0.0)
    return jobs, minutes, most


def told(wall_s: float, cpu_s: float, gflops: float) -> str:
    """The same in a line.

    Examples
    --------
    >>> told(723, 1386, 148.2)
    '12 min 03 s; 23.1 CPU-minutes; one core multiplies float32 matrices at 148 GFLOPS'
    """
    minutes, seconds = divmod(round(wall_s), 60)
    return (
        f"{minutes} min {seconds:02d} s; {cpu_s / 60:.1f} CPU-minutes; one core multiplies float32 "
        f"matrices at {gflops:.0f} GFLOPS"
    )


def note(path: Path | str, started: float) -> str:
    """Adds a line to a table of what each run has cost, and tells of this one.

    Parameters
    ----------
    path : path
        CSV; made if missing, with its folder. One run at a time writes to it.
    started : float
        When the run began, by ``time.monotonic``.
    """
    spent = time.monotonic() - started, cpu_s(), gflops()
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    new = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        rows = csv.writer(file, lineterminator="\n")
        if new:
            rows.writerow(COLUMNS)
        ended = datetime.now(UTC).isoformat(timespec="seconds")
        rows.writerow([ended, *(f"{number:.1f}" for number in spent)])
    return told(*spent)
