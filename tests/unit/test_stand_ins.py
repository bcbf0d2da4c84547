"""What foreign packages import in vain, and the workers that run among them."""

import subprocess
import sys
from pathlib import Path

import pytest

from musical_roots import stand_ins
from musical_roots.encoders import laion_clap
from musical_roots.generators import vampnet

STAND_INS = Path(stand_ins.__file__)


def test_stand_ins_hide_what_is_not_called_and_nothing_else():
    finder = stand_ins.AbsentFinder(vampnet.ABSENT)
    for name in ("torchaudio", "torchaudio.functional", "torch.utils.tensorboard"):
        assert finder.find_spec(name, None)
    for name in ("torch", "torch.utils", "torch.utils.tensorboards", "scipy"):
        assert finder.find_spec(name, None) is None


def test_a_worker_runs_as_if_it_were_started_itself(tmp_path):
    worker = tmp_path / "worker.py"
    worker.write_text(
        "import sys, absent.part\n"
        "absent.part.anything(absent)\n"
        "print(__name__, *sys.argv, *sys.path, sep='|')\n"
    )
    command = stand_ins.command(sys.executable, ["missing", "absent"], worker, "one", 2)
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    name, *argv = run.stdout.strip().split("|")
    assert (name, argv[:3]) == ("__main__", [str(worker), "one", "2"])
    # no module of ours hides one of theirs
    assert not {str(tmp_path), str(STAND_INS.parent)} & {*argv[3:]}


@pytest.mark.parametrize(
    "file", [STAND_INS, laion_clap.WORKER, vampnet.WORKER], ids=lambda file: file.stem
)
def test_workers_need_nothing_of_ours(file):
    assert "musical_roots" not in file.read_text()
