"""A run as a person follows it: `snakemake --logger musical-roots`, which `make study` says.

The terminal gets one line of progress, warnings, and what fails; the rest, what jobs write among
it, goes to one log. Until the run begins, and in dry runs, Snakemake's own words are shown.
"""

import logging
import os
import shutil
import sys
import threading
import time
from pathlib import Path

from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent

from musical_roots import progress

ON_TERMINAL_S, ELSEWHERE_S = 1, 60  # between two lines of progress
NOTHING = "Nothing to be done"
# of a job that failed, which is told when its own event comes
OF_A_JOB = ("RuleException", "CalledProcessError")


class LogHandler(LogHandlerBase):
    """Takes Snakemake's events; the workflow says when the run begins, and its last words."""

    writes_to_stream = True
    writes_to_file = False
    has_filter = False
    has_formatter = False
    needs_rulegraph = False

    def __post_init__(self) -> None:
        """Keep the terminal, before anything else is written there."""
        self.terminal = os.fdopen(os.dup(2), "w", encoding="utf-8", errors="replace")
        self.lines = self.terminal.isatty()
        self.early: list[str] = []
        self.running: dict[int, tuple[str, list[str]]] = {}
        self.told: set[str] = set()
        self.failed: list[str] = []
        self.words: list[str] = []
        self.pace: progress.Pace | None = None
        self.writing = threading.Lock()
        self.over = threading.Event()

    def begin(
        self,
        jobs: dict[int, tuple[str, str]],
        cores: int,
        study: str,
        logs: str,
        crops: int = 0,
    ) -> None:
        """Show progress from now on; what this process and its children write goes to a log.

        Parameters
        ----------
        jobs : dict of int to (str, str)
            Rule and encoder of each job that is to run.
        cores : int
            How many jobs run at a time.
        study : str
            Of which measured study it is like: `progress.measured`.
        logs : str
            Folder of the study's logs.
        crops : int
            As of `progress.work`.
        """
        seconds = progress.work(jobs.values(), study, crops)
        with self.lock:  # events come by a thread of Snakemake's: none between pace and log
            self.pace = progress.Pace(dict(zip(jobs, seconds, strict=True)), max(cores, 1))
            self.log = Path(logs, "study.log")
            self.log.parent.mkdir(parents=True, exist_ok=True)
            self.started = time.monotonic()
            self.streams = [os.dup(stream) for stream in (1, 2)]
            self._redirect(os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND))
            like = "" if study != "default" else " (measured on two cores with the default music)"
            expected = progress.about(self.pace.remaining_s(0))
            self._show(f"{len(jobs)} jobs, {expected}{like}; the log is {self.log}")
            for text in self.early:
                self._log(text)
        threading.Thread(target=self._follow, daemon=True).start()

    def say(self, text: str) -> None:
        """Add to the last words of this run."""
        self.words.append(text)

    def emit(self, record: logging.LogRecord) -> None:
        """Take one of Snakemake's events."""
        try:
            event = getattr(record, "event", None)
            text = self.format(record) or ""
            if self.pace is None:
                self._before(record, text)
                return
            self._log(text)
            if event == LogEvent.JOB_INFO:
                told = record.rule_msg or record.rule_name
                self.running[record.jobid] = told, list(record.log)
            elif event == LogEvent.JOB_FINISHED:
                self._finished(record.job_id)
            elif event == LogEvent.JOB_ERROR:
                self._failed(record)
            elif self._is_of_the_run(record):
                self._show(text)
        except Exception:
            self.handleError(record)

    def close(self) -> None:
        """Give the terminal back, and say how the run ended."""
        if self.pace is not None and not self.over.is_set():
            self.over.set()
            sys.stdout.flush()
            sys.stderr.flush()
            for stream, kept in zip((1, 2), self.streams, strict=True):
                os.dup2(kept, stream)
                os.close(kept)
            done, total = self.pace.done, len(self.pace.work_s)
            if self.failed:
                names = ", ".join(dict.fromkeys(self.failed))
                self._show(
                    f"musical-roots: {len(self.failed)} of {total} jobs failed ({names}), {done} "
                    f"are done; see above. The same command goes on from here. All: {self.log}"
                )
            elif done < total:
                self._show(f"Stopped: {done} of {total} jobs are done; the same command goes on.")
            for text in self.words:
                self._show(text)
        self.terminal.flush()
        super().close()

    def _is_of_the_run(self, record: logging.LogRecord) -> bool:
        """Whether it is an error of no job: what Snakemake says of a job that failed, is told."""
        wrong = record.levelno >= logging.ERROR and not self.failed
        return wrong and getattr(record, "exception", "") not in OF_A_JOB

    def _log(self, text: str) -> None:
        """Write Snakemake's words to the log, marked, so that those of jobs stand out."""
        lines = text.splitlines() if text != "None" else []
        sys.stderr.write("".join(f"{progress.SNAKEMAKES}{line}\n" for line in lines))
        sys.stderr.flush()

    def _before(self, record: logging.LogRecord, text: str) -> None:
        """What comes before the run begins: errors, and what a dry run or an idle one says."""
        loud = self.common_settings.dryrun or record.levelno >= logging.WARNING
        if text.startswith(NOTHING):
            self._show("Nothing to be done: all of it is there.")
        elif loud and text:
            self._show(text)
        else:
            self.early.append(text)

    def _finished(self, job: int) -> None:
        _, logs = self.running.pop(job, ("", []))
        self.pace.finished(job)
        for told in [told for log in logs for told in progress.warnings(log)]:
            if told not in self.told:
                self.told.add(told)
                self._show(f"musical-roots: warning: {told}")

    def _failed(self, record: logging.LogRecord) -> None:
        told, _ = self.running.pop(record.jobid, (f"job {record.jobid}", []))
        sys.stderr.flush()
        self.failed.append(record.rule_name)
        self._show(progress.failure(record.rule_name, told, list(record.log), str(self.log)))

    def _redirect(self, file: int) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        for stream in (1, 2):
            os.dup2(file, stream)
        os.close(file)

    def _follow(self) -> None:
        while not self.over.wait(ON_TERMINAL_S if self.lines else ELSEWHERE_S):
            self._show(self._line(), passing=True)

    def _line(self) -> str:
        pace, elapsed = self.pace, time.monotonic() - self.started
        now = next(reversed(list(self.running.values())), ("", []))[0]
        left = progress.about(pace.remaining_s(elapsed))
        return f"{pace.done} of {len(pace.work_s)} jobs, {pace.share:.0%}, {left} left  {now}"

    def _show(self, text: str, passing: bool = False) -> None:
        """Write to the terminal; there, a line of progress takes the place of the one before."""
        with self.writing:
            start, end = ("\r\x1b[K", "" if passing else "\n") if self.lines else ("", "\n")
            if passing and self.lines:
                text = text[: shutil.get_terminal_size().columns - 1]
            self.terminal.write(f"{start}{text}{end}")
            self.terminal.flush()
