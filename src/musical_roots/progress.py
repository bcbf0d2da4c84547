"""How far a run is, how long it will still take, and what of its logs a person must read."""

import csv
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

# What a first estimate is worth, beside what the run itself shows, as a share of all of its work.
FIRST_ESTIMATE = 0.1
# Seconds of a job of a rule that no study was measured with.
UNKNOWN_S = 1.0
A_CROP = "a crop"  # rows of what is trained: seconds a crop that it learns from
WARNINGS = ("warning: ", "musical-roots: warning: ")
SHOWN = 12  # lines of the log of a job that failed
SNAKEMAKES = "| "  # before its own lines, in the log of all


def measured(study: str) -> dict[str, float]:
    """Mean seconds of a job of each rule, and of each rule and encoder, as a study took them.

    Parameters
    ----------
    study : str
        Name of the config that was run: of ``tiny`` or ``default``.

    Returns
    -------
    dict of str to float
        By ``rule`` and ``rule encoder``, with one job at a time on a core
        (benchmarks/job_seconds.py).
    """
    file = resources.files("musical_roots") / "job_seconds.csv"
    with file.open(encoding="utf-8") as rows:
        return {
            f"{row['rule']} {row['encoder']}".strip(): float(row["seconds"])
            for row in csv.DictReader(rows)
            if row["study"] == study
        }


def work(jobs: Iterable[tuple[str, str]], study: str, crops: int = 0) -> list[float]:
    """Seconds that jobs are expected to take, one at a time on a core.

    Parameters
    ----------
    jobs : iterable of (str, str)
        Rule and encoder (empty, if it has none) of each.
    study : str
        As of `measured`.
    crops : int
        That openvamp's networks learn from in this run; 0 where their weights are there already.
    """
    seconds = measured(study)
    if crops:
        seconds |= {rule: crops * each for rule, each in measured(A_CROP).items()}
    return [
        seconds.get(f"{rule} {encoder}", seconds.get(rule, UNKNOWN_S)) for rule, encoder in jobs
    ]


@dataclass
class Pace:
    """How a run gets on.

    Attributes
    ----------
    work_s : dict of int to float
        Seconds that each of its jobs is expected to take, by the job's number.
    cores : int
        How many work at a time.
    """

    work_s: dict[int, float]
    cores: int

    def __post_init__(self):
        self.total_s = sum(self.work_s.values())
        self.left_s = dict(self.work_s)

    def finished(self, job: int) -> None:
        """Count a job as done; one that is not known, or is done, changes nothing."""
        self.left_s.pop(job, None)

    @property
    def done(self) -> int:
        """Number of jobs that are done."""
        return len(self.work_s) - len(self.left_s)

    @property
    def share(self) -> float:
        """Of the work, in 0 to 1."""
        return 1 - sum(self.left_s.values()) / self.total_s if self.total_s else 1.0

    def remaining_s(self, elapsed_s: float) -> float:
        """Seconds that are left, at the pace so far; at first, at the pace that was expected."""
        counted = FIRST_ESTIMATE * self.total_s
        done = self.total_s - sum(self.left_s.values())
        if not counted:
            return 0.0
        return (self.total_s - done) * (elapsed_s + counted / self.cores) / (done + counted)


def about(seconds: float) -> str:
    """A time in words, no finer than an estimate is.

    Examples
    --------
    >>> about(8), about(95), about(4000)
    ('less than a minute', 'about 2 min', 'about 1 h 07 min')
    """
    minutes = round(seconds / 60)
    if seconds < 50:
        return "less than a minute"
    if minutes < 60:
        return f"about {max(minutes, 1)} min"
    return f"about {minutes // 60} h {minutes % 60:02d} min"


def warnings(log: Path | str) -> list[str]:
    """What a job's log warns of; nothing, if there is no log."""
    try:
        lines = Path(log).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    return [line[len(start) :] for line in lines for start in WARNINGS if line.startswith(start)]


def ending(log: Path | str, lines: int = SHOWN) -> list[str]:
    """The last lines of a log that jobs wrote and that say something; none, if there is no log."""
    try:
        written = Path(log).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    said = [line for line in written if line.strip() and not line.startswith(SNAKEMAKES)]
    return said[-lines:]


def failure(rule: str, told: str, logs: list[str], of_all: str) -> str:
    """What is shown of a job that failed.

    Parameters
    ----------
    rule : str
        Its rule's name.
    told : str
        What it was about, in words.
    logs : list of str
        Its logs.
    of_all : str
        The log of the whole run, whose end is shown where its own say nothing.
    """
    own = next((log for log in logs if ending(log)), None)
    where = f"The end of its log, {own}" if own else f"It wrote nothing; the end of {of_all}"
    lines = "\n".join(f"    {line}" for line in ending(own or of_all))
    return f"musical-roots: rule {rule} failed ({told}). {where}:\n{lines}"


def durations(
    metadata: Iterable[tuple[dict, str]], encoders: set[str]
) -> dict[tuple[str, str, tuple], float]:
    """Seconds that each job of a run took, from what Snakemake keeps.

    Parameters
    ----------
    metadata : iterable of (dict, str)
        What it keeps of an output, and the output's path.
    encoders : set of str
        Names of encoders, as folders are called.

    Returns
    -------
    dict of tuple to float
        By rule, encoder (empty, if it has none) and logs.
    """
    jobs = {}
    for kept, path in metadata:
        if kept.get("endtime") and kept.get("starttime"):
            encoder = next((part for part in Path(path).parts if part in encoders), "")
            # a job has outputs, but one log; a rule without wildcards, one job
            job = kept["rule"], encoder, tuple(kept.get("log") or [])
            jobs[job] = kept["endtime"] - kept["starttime"]
    return jobs


def means(jobs: dict[tuple[str, str, tuple], float]) -> list[dict]:
    """Mean seconds of a job by rule, and by rule and encoder: rule, encoder ("": of all), seconds.

    Parameters
    ----------
    jobs : dict
        As of `durations`.
    """
    seconds, counts = Counter(), Counter()
    for (rule, encoder, _), took in jobs.items():
        for key in {(rule, ""), (rule, encoder)}:
            seconds[key] += took
            counts[key] += 1
    return [
        {"rule": rule, "encoder": encoder, "seconds": round(total / counts[rule, encoder], 2)}
        for (rule, encoder), total in sorted(seconds.items())
    ]
