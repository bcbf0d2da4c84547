"""A real SLURM on this machine: munge, a controller, and nodes, in one folder.

Debian: `apt-get install slurm-wlm munge`. Nothing outside the folder is touched, no service is
started for good, and no accounting database is needed. It wants root, as jobs do for whoever starts
them.
"""

import getpass
import os
import shutil
import signal
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scontrol", "sinfo")
CONFIG = """\
ClusterName=roots
SlurmctldHost={host}
SlurmctldPort={controller}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
# no cgroups: they are not to be had in a container
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SchedulerType=sched/backfill
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
# a full queue: more than so many jobs are refused
MaxJobCount={jobs}
# a dead node is noticed soon, and its jobs are given to another
SlurmdTimeout=30
JobRequeue=1
ReturnToService=2
# squeue knows a finished job for so long: there is no accounting
MinJobAge={job_age}
MessageTimeout=60
# a crowded machine starts jobs late
BatchStartTimeout=120
{nodes}
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


def missing() -> list[str]:
    """What a cluster here lacks."""
    lacking = [name for name in PROGRAMS if not shutil.which(name, path=_path())]
    return lacking + ([] if os.geteuid() == 0 else ["root"])


class Cluster:
    """A controller and some nodes, each a process here.

    Parameters
    ----------
    folder : path
        For all that it writes; removed by nobody.
    nodes : int
    cpus, memory_mb : int
        That each node says to have.
    jobs : int
        That the queue holds; finished ones are among them for `job_age` seconds.
    job_age : int
    """

    def __init__(self, folder: Path, nodes=2, cpus=2, memory_mb=16000, jobs=10000, job_age=300):
        self.folder, self.processes = Path(folder).absolute(), {}
        self.nodes = [f"node{number}" for number in range(nodes)]
        self.shape, self.jobs, self.job_age = (cpus, memory_mb), jobs, job_age
        self.config = self.folder / "slurm.conf"

    def environment(self) -> dict[str, str]:
        """What commands want in order to talk to this cluster."""
        path = f"{self.folder}/bin:{_path()}"
        return os.environ | {"SLURM_CONF": str(self.config), "PATH": path}

    def __enter__(self) -> "Cluster":
        (self.folder / "state").mkdir(parents=True)
        self.config.write_text(self._config())
        # jobs lose SLURM_CONF on their way: the plugin clears what an outer job would have left
        srun = self.folder / "bin/srun"
        srun.parent.mkdir()
        srun.write_text(f'#!/bin/sh\nSLURM_CONF={self.config} exec {shutil.which("srun")} "$@"\n')
        srun.chmod(0o755)
        self._munge()
        try:
            self._start("slurmctld", "-D")
            for node in self.nodes:
                self.start(node)
            self.wait(lambda: self._ready() == len(self.nodes), "nodes are idle")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_) -> None:
        for name in reversed(list(self.processes)):
            self.stop(name)

    def start(self, node: str) -> None:
        """Start a node."""
        (self.folder / f"spool-{node}").mkdir(exist_ok=True)
        self._start("slurmd", "-D", "-N", node, name=node)

    def stop(self, name: str) -> None:
        """End a process of the cluster, at once: a node so stopped has died."""
        process = self.processes.pop(name)
        process.kill()
        process.wait()

    def kill_node(self, node: str) -> None:
        """Let a node die with the jobs that are on it, as where its power goes."""
        told = [self.ask("scontrol", "listpids", job, node) for job in self.jobs_on(node)]
        tasks = [line.split()[0] for text in told for line in text.splitlines()[1:]]
        tasks = {int(pid) for pid in tasks if pid.isdigit()}
        self.stop(node)
        # what holds a job's tasks comes first: it would tell the controller how they ended
        for pid in [*{_parent(task) for task in tasks} - tasks - {0, 1}, *tasks]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def ask(self, *words: str) -> str:
        """What a command of SLURM answers."""
        told = subprocess.run(
            words, env=self.environment(), capture_output=True, text=True, timeout=120
        )
        return told.stdout

    def jobs_on(self, node: str) -> list[str]:
        """Jobs that run on a node."""
        return self.ask("squeue", "-h", "-t", "R", "-w", node, "-o", "%A").split()

    def wait(self, until, what: str, seconds: float = 180) -> None:
        """Wait until something holds.

        Raises
        ------
        TimeoutError
            If it does not come to hold; with the end of the controller's log.
        """
        end = time.monotonic() + seconds
        while not until():
            if time.monotonic() > end:
                log = self.folder / "slurmctld.log"
                told = log.read_text()[-2000:] if log.exists() else ""
                raise TimeoutError(f"{what}: not after {seconds} s\n{self.ask('sinfo')}\n{told}")
            time.sleep(0.5)

    def _ready(self) -> int:
        return self.ask("sinfo", "-h", "-N", "-o", "%T").split().count("idle")

    def _start(self, program: str, *words: str, name: str | None = None) -> None:
        with (self.folder / f"{name or program}.out").open("ab") as told:
            self.processes[name or program] = subprocess.Popen(
                [shutil.which(program, path=_path()), *words],
                env=self.environment(), stdout=told, stderr=told, start_new_session=True,
            )  # fmt: skip

    def _munge(self) -> None:
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o400)
        self.folder.chmod(0o755)
        files = {kind: f"{self.folder}/munge.{kind}" for kind in ("socket", "pid", "log", "seed")}
        self._start(
            "munged", "--foreground", "--force", f"--key-file={key}",
            f"--socket={files['socket']}", f"--pid-file={files['pid']}",
            f"--log-file={files['log']}", f"--seed-file={files['seed']}",
        )  # fmt: skip
        self.wait(Path(files["socket"]).exists, "munge answers", 60)

    def _config(self) -> str:
        host = socket.gethostname().split(".")[0]
        ports = _free_ports(1 + len(self.nodes))
        cpus, memory = self.shape
        nodes = [
            f"NodeName={node} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} "
            f"CPUs={cpus} RealMemory={memory} State=UNKNOWN"
            for node, port in zip(self.nodes, ports[1:], strict=True)
        ]
        return CONFIG.format(
            host=f"{host}(127.0.0.1)", controller=ports[0], user=getpass.getuser(),
            folder=self.folder, jobs=self.jobs, job_age=self.job_age, nodes="\n".join(nodes),
        )  # fmt: skip


def _parent(process: int) -> int:
    """The slurmstepd that a task is of; 0 if there is none."""
    with suppress(OSError):
        parent = int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
        if Path(f"/proc/{parent}/comm").read_text().startswith("slurmstepd"):
            return parent
    return 0


def _path() -> str:
    return f"{os.environ['PATH']}:/usr/sbin:/sbin"  # where Debian has the daemons


def _free_ports(count: int) -> list[int]:
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return ports
