"""What a run shows of itself: time, one line of progress, warnings, what fails."""

import re
import subprocess
import sys

import pytest

from musical_roots import progress
from musical_roots.progress import Pace

RUN = """
onstart:
    jobs = {workflow.dag.jobid(job): (job.rule.name, "") for job in workflow.dag.needrun_jobs()}
    for handler in workflow.logger_manager.get_log_handlers():
        handler.begin(jobs, 1, "tiny", "logs")
onsuccess:
    for handler in workflow.logger_manager.get_log_handlers():
        handler.say("This run: cheap")
rule all:
    input: "a", "b"
rule a:
    output: "a"
    log: "logs/a.log"
    message: "Making a"
    shell: "echo much noise >&2; printf 'warning: beware\\\\nmore\\\\n' > {log}; touch {output}"
rule b:
    output: "b"
    log: "logs/b.log"
    message: "Making b"
    shell: "DOES"
"""
GOOD = "touch {output}"
BAD = "printf 'read much\\\\nmusical-roots: error: no such tone\\\\n' > {log}; exit 2"
SILENT = "echo rm: no such file >&2; exit 3"
# Snakemake hands its events over by a thread, at any moment: here, while a run begins.
MEANWHILE = """
import logging, threading
def meanwhile(handler):
    event = logging.makeLogRecord({"msg": "Using shell: of a thread", "levelno": logging.INFO})
    redirect = handler._redirect
    def interrupted(file):
        thread = threading.Thread(target=handler.handle, args=(event,))
        thread.start()
        thread.join(0.5)
        redirect(file)
    handler._redirect = interrupted
"""


def shown(folder, does: str, *words: str) -> tuple[int, list[str]]:
    """What a run of two jobs shows, and its status."""
    (folder / "Snakefile").write_text(RUN.replace("DOES", does))
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "--keep-going", *words]
    done = subprocess.run(
        [*command, "--logger", "musical-roots"], cwd=folder, capture_output=True, text=True
    )
    assert not done.stdout
    return done.returncode, [line for line in done.stderr.splitlines() if line.strip()]


def test_a_run_shows_its_time_its_warnings_and_its_last_words(tmp_path):
    status, lines = shown(tmp_path, GOOD)
    assert status == 0
    assert lines == [
        "3 jobs, less than a minute; the log is logs/study.log",
        "musical-roots: warning: beware",
        "This run: cheap",
    ]
    kept = (tmp_path / "logs/study.log").read_text()
    assert "much noise" in kept and "Making b" in kept and "3 of 3 steps (100%) done" in kept
    assert shown(tmp_path, GOOD) == (0, ["Nothing to be done: all of it is there."])


def test_a_job_that_fails_is_shown_with_the_end_of_its_log(tmp_path):
    status, lines = shown(tmp_path, BAD)
    assert status == 1 and (tmp_path / "a").exists()
    told = lines.index("musical-roots: rule b failed (Making b). The end of its log, logs/b.log:")
    assert lines[told + 1 : told + 3] == ["    read much", "    musical-roots: error: no such tone"]
    assert lines[-1].startswith("musical-roots: 1 of 3 jobs failed (b), 1 are done; see above.")
    assert "logs/study.log" in lines[-1]
    assert not [line for line in lines if "Exception" in line or "shell:" in line]


def test_what_comes_while_a_run_begins_goes_to_the_log(tmp_path, monkeypatch):
    begins = RUN.replace("        handler.begin", "        meanwhile(handler); handler.begin")
    monkeypatch.setitem(globals(), "RUN", MEANWHILE + begins)
    status, lines = shown(tmp_path, GOOD)
    assert status == 0 and not [line for line in lines if "shell:" in line]
    assert "| Using shell: of a thread\n" in (tmp_path / "logs/study.log").read_text()


def test_of_a_job_without_a_log_the_end_of_the_whole_is_shown(tmp_path):
    status, lines = shown(tmp_path, SILENT)
    assert status == 1
    assert any(line.endswith("It wrote nothing; the end of logs/study.log:") for line in lines)
    assert "    rm: no such file" in lines


def test_what_is_wrong_before_the_run_is_shown(tmp_path):
    status, lines = shown(tmp_path, GOOD, "corpse")
    assert status == 1 and "MissingRuleException" in lines[0] and len(lines) == 2


def test_a_dry_run_is_as_snakemakes_own(tmp_path):
    _, lines = shown(tmp_path, GOOD, "--dry-run")
    assert any(line.startswith("Job 1: Making a") for line in lines)
    assert not (tmp_path / "logs").exists()


def test_time_left_begins_as_expected_and_follows_the_run():
    pace = Pace({1: 60.0, 2: 60.0, 3: 480.0}, cores=2)
    assert pace.remaining_s(0) == pytest.approx(300)
    pace.finished(1)
    pace.finished(1)  # told twice, counted once
    pace.finished(99)
    assert pace.done == 1 and pace.share == pytest.approx(0.1)
    expected, slow = pace.remaining_s(30), pace.remaining_s(300)
    assert expected == pytest.approx(270) and slow > 2 * expected
    pace.finished(2)
    pace.finished(3)
    assert pace.remaining_s(500) == 0 and pace.share == 1
    assert Pace({}, 1).remaining_s(3) == 0


def test_work_is_by_rule_and_encoder_and_has_a_guess_for_what_is_new():
    known = progress.measured("default")
    assert {"encode", "encode musicnn", "probe", "embed"} <= known.keys()
    jobs = [("encode", "musicnn"), ("encode", "newcomer"), ("no_such_rule", "")]
    assert progress.work(jobs, "default") == [
        known["encode musicnn"],
        known["encode"],
        progress.UNKNOWN_S,
    ]


def test_a_network_that_is_trained_takes_as_long_as_it_has_crops():
    known, jobs = progress.measured("default"), [("train_openvamp", ""), ("probe", "")]
    taken, other = progress.work(jobs, "default"), progress.work(jobs, "default", crops=80_000)
    assert taken[0] == known["train_openvamp"] < 60 < 600 < other[0] < 36_000
    assert other[0] == progress.work(jobs, "default", crops=40_000)[0] * 2
    assert other[1] == taken[1]


def test_seconds_are_of_jobs_not_of_their_files():
    kept = [
        ({"rule": "a", "log": ["1.log"], "starttime": 1.0, "endtime": 3.0}, "results/x/mfcc/1"),
        ({"rule": "a", "log": ["1.log"], "starttime": 1.1, "endtime": 3.1}, "results/x/mfcc/2"),
        ({"rule": "a", "log": ["2.log"], "starttime": 1.0, "endtime": 5.0}, "results/x/mel/1"),
        ({"rule": "b", "log": None, "starttime": None, "endtime": 5.0}, "results/b"),
    ]
    assert progress.means(progress.durations(kept, {"mfcc", "mel"})) == [
        {"rule": "a", "encoder": "", "seconds": 3.0},
        {"rule": "a", "encoder": "mel", "seconds": 4.0},
        {"rule": "a", "encoder": "mfcc", "seconds": 2.0},
    ]


def test_a_log_that_is_not_there_warns_of_nothing(tmp_path):
    assert progress.warnings(tmp_path / "no.log") == progress.ending(tmp_path / "no.log") == []
    (tmp_path / "a.log").write_bytes(b"warning: \xff odd\nno warning: here\n\n")
    assert progress.warnings(tmp_path / "a.log") == ["\ufffd odd"]
    assert re.match("no warning", progress.ending(tmp_path / "a.log", 1)[0])
