"""Commands in processes of their own, with what they need loaded once: a hang or a crash is seen.

A chain of commands ends with its first that fails, as a shell's does with `&&`.
"""

import json
import multiprocessing
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

LOADED = [
    *("commands", "musical_roots.cli", "musical_roots.external", "musical_roots.corpus.sources"),
    *("musical_roots.corpus.tracks", "musical_roots.corpus.clips", "musical_roots.config"),
    *("musical_roots.weights.checkpoints", "musical_roots.weights.torch_pickle"),
    *("musical_roots.generators.openvamp.generator", "musical_roots.listening.responses"),
    *("musical_roots.experiments.listening.analysis", "musical_roots.study"),
]
SAID = "musical-roots: error: "


@dataclass(frozen=True)
class Ended:
    """How a chain of commands ended.

    Attributes
    ----------
    statuses : list of int
        Exit status of each command that was run to its end.
    said : str
        What they wrote.
    seconds : float
    crashed : str
        How the process died, if it did.
    """

    statuses: list[int]
    said: str
    seconds: float
    crashed: str

    def fault(self) -> str:
        """What no command may do, whatever it is given: in a line; empty if it did none of it."""
        if self.crashed:
            return self.crashed
        if "Traceback" in self.said or "this is a defect" in self.said:
            last = self.said.strip().splitlines()[-1]
            return f"traceback: {last}"
        if any(status not in (0, 2) for status in self.statuses):
            return f"status {self.statuses}"
        if self.statuses[-1:] == [2]:
            errors = [line for line in self.said.splitlines() if line.startswith(SAID)]
            if len(errors) != 1 or not self.said.rstrip("\n").endswith(errors[0]):
                return f"not one line of error: {self.said[-300:]!r}"
        return ""


def run(chain: list[list[str]], folder: Path, limit_s: float = 30.0) -> Ended:
    """Run commands, each words after ``python -m musical_roots``, in a folder."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(LOADED)
    told = folder / ".statuses.json"
    start = time.monotonic()
    process = context.Process(target=_run, args=(chain, str(folder)), daemon=True)
    process.start()
    process.join(limit_s)
    seconds, crashed = time.monotonic() - start, ""
    if process.is_alive():
        process.kill()
        process.join()
        crashed = f"still at work after {limit_s:g} s"
    elif process.exitcode:
        crashed = f"the process died with {process.exitcode}"
    statuses = json.loads(told.read_text()) if told.is_file() else []
    said = (folder / ".said.txt").read_text(errors="replace")
    return Ended(statuses, said, seconds, crashed)


def _run(chain: list[list[str]], folder: str) -> None:
    """In the other process: run them as the shell would, and write down how each ended."""
    from musical_roots import cli

    os.chdir(folder)
    sys.stdout.flush()
    said = os.open(".said.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(said, stream)
    statuses = []
    for words in chain:
        sys.argv = ["musical_roots", *words]
        status = 0
        try:
            cli.main()
        except SystemExit as stopped:
            status = stopped.code if isinstance(stopped.code, int) else int(bool(stopped.code))
        statuses.append(status)
        if status:
            break
    sys.stdout.flush()
    sys.stderr.flush()
    Path(".statuses.json").write_text(json.dumps(statuses))
