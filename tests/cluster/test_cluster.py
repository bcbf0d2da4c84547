"""A study through a real SLURM on this machine: `make cluster`. `make test` leaves it out.

CLUSTER_CONFIG=config/tiny.yaml and CLUSTER_TARGET=all send the whole of another study through it.
"""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import slurm
import soundfile
from short_music import music
from workflow_copy import ROOT, contents, copied

CONFIG = os.environ.get("CLUSTER_CONFIG", "tests/cluster/small.yaml")
TARGETS = os.environ.get("CLUSTER_TARGET", "corpus results/cluster/tables/robustness.csv").split()
PROFILE = ["--workflow-profile", "profiles/slurm", "--slurm-no-account"]
# there is no accounting here; and nobody wants to wait as on a real one
PROFILE += ["--slurm-status-command", "squeue", "--slurm-init-seconds-before-status-checks", "5"]


def plugin_there() -> bool:
    try:
        import snakemake_executor_plugin_slurm  # noqa: F401
    except ImportError:
        return False
    return True


pytestmark = [
    pytest.mark.skipif(
        bool(slurm.missing()),
        reason=f"lacks {slurm.missing()}: apt-get install slurm-wlm munge, as root",
    ),
    pytest.mark.skipif(
        not plugin_there(), reason="no snakemake-executor-plugin-slurm: make cluster"
    ),
]


def workspace(folder: Path) -> Path:
    """A copy of the workflow, with music of its own."""
    copied(folder, "tests/cluster/small.yaml")
    for track in range(8):
        path = folder / f"music/artist{track // 2}/track{track % 2}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, music(22_050, 32.0, track), 22_050)
    return folder


def study(folder: Path, *words: str, environment: dict | None = None) -> str:
    """Run the study; what was said."""
    cache = ["--config", f"cache={ROOT / 'resources'}"]
    command = [sys.executable, "-m", "snakemake", *TARGETS, "--configfile", CONFIG, *cache, *words]
    environment = dict(environment or os.environ)
    environment.pop("MUSICAL_ROOTS_RUN", None)
    environment["PATH"] = f"{environment['PATH']}:{Path(sys.executable).parent}"
    environment["PYTHONPATH"] = os.pathsep.join(sys.path)
    done = subprocess.run(
        command, cwd=folder, env=environment, text=True, stdout=-1, stderr=subprocess.STDOUT
    )
    assert done.returncode == 0, done.stdout[-5000:]
    return done.stdout


def results(folder: Path) -> dict[str, bytes]:
    """Every result that must be the same wherever it is made."""
    return contents(next((folder / "results").iterdir()), "study.json")


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    folder = workspace(tmp_path_factory.mktemp("local") / "study")
    study(folder, "--cores", "2")
    return results(folder)


def same(one: dict, other: dict) -> None:
    assert one.keys() == other.keys()
    assert not [name for name in one if one[name] != other[name]]


def test_a_run_with_a_node_that_dies_gives_the_same_bytes(local, tmp_path):
    folder, died = workspace(tmp_path / "study"), []
    with slurm.Cluster(tmp_path / "slurm") as cluster:
        running = threading.Event()
        running.set()

        def kill() -> None:
            while running.is_set() and not (busy := cluster.jobs_on("node1")):
                time.sleep(0.2)
            if running.is_set():
                died.extend(busy)
                cluster.kill_node("node1")

        threading.Timer(20, kill).start()
        told = study(folder, *PROFILE, environment=cluster.environment())
        running.clear()
    assert died, "no job was on the node that died: nothing was tried"
    same(local, results(folder))
    assert "submitted with SLURM jobid" in told


def test_a_full_queue_is_waited_for(local, tmp_path):
    folder = workspace(tmp_path / "study")
    with slurm.Cluster(tmp_path / "slurm", jobs=3, job_age=45) as cluster:
        study(folder, *PROFILE, environment=cluster.environment())
        log = (tmp_path / "slurm/slurmctld.log").read_text()
    assert "MaxJobCount" in log, "the queue was never full: nothing was tried"
    same(local, results(folder))
