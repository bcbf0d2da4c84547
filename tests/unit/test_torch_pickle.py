"""Checkpoints of torch are read whole, and nothing in them is ever run."""

import argparse
import contextlib
import io
import os
import pickle
import subprocess
import sys
import tarfile
import zipfile
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
# torch warns of what it will not read any more
pytestmark = pytest.mark.filterwarnings("ignore")

from musical_roots.weights import torch_pickle  # noqa: E402
from musical_roots.weights.torch_pickle import NoCheckpoint  # noqa: E402

WEIGHTS = torch.arange(6, dtype=torch.float32).reshape(2, 3)
DTYPES = (
    *(torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.complex64),
    *(torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool),
)


@pytest.fixture(params=[True, False], ids=["zip", "legacy"])
def save(request, tmp_path):
    """Saves an object in one of torch's two formats, as `checkpoint.pt`."""

    def save(content, **options):
        path = tmp_path / "checkpoint.pt"
        torch.save(content, path, _use_new_zipfile_serialization=request.param, **options)
        return path

    return save


# What is read


@pytest.mark.parametrize("protocol", [2, 4])
def test_tensors_are_those_that_torch_reads(save, protocol):
    base = torch.arange(24.0)
    tensors = {str(dtype): torch.ones(5).to(dtype) for dtype in DTYPES} | {
        "base": base,
        "view": base.view(4, 6).t()[1:],
        "none": torch.zeros(0, 3),
        "scalar": torch.tensor(3.5),
        "parameter": torch.nn.Parameter(torch.randn(2, 2)),
    }
    path = save(tensors, pickle_protocol=protocol)
    ours, theirs = torch_pickle.read(path), torch.load(path, weights_only=False)
    assert list(ours) == list(theirs)
    for name, tensor in theirs.items():
        assert torch.equal(ours[name], tensor), name
        assert (ours[name].dtype, ours[name].stride()) == (tensor.dtype, tensor.stride())
        assert not ours[name].requires_grad
    ours["base"][6] = -1
    assert ours["view"][0, 1] == 7 and ours["view"][5 - 1, 0] == 5
    assert torch.equal(torch_pickle.read(path)["base"], base), "writing has changed the file"


def test_tensors_of_newer_dtypes_are_read(tmp_path):
    torch.save({"w": torch.ones(3, dtype=torch.uint16)}, tmp_path / "new.pt")
    assert torch_pickle.read(tmp_path / "new.pt")["w"].tolist() == [1, 1, 1]
    assert torch_pickle.read(tmp_path / "new.pt")["w"].dtype == torch.uint16


def test_the_state_of_a_network_fits_the_network(save):
    network = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4))
    state = torch_pickle.read(save({"state_dict": network.state_dict()}))["state_dict"]
    assert list(state) == list(network.state_dict())
    network.load_state_dict(state)


def test_what_stands_beside_the_tensors_is_kept_or_a_placeholder(save):
    network = torch.nn.Linear(2, 2)
    optimiser = torch.optim.Adam(network.parameters())
    network(torch.ones(1, 2)).sum().backward()
    optimiser.step()
    beside = {
        "epoch": 7,
        "name": "ä",
        "rates": [0.5, None, (1, True)],
        "optimiser": optimiser.state_dict(),
        "arguments": argparse.Namespace(folder=Path("x"), steps=np.arange(3)),
        "loss": np.float64(0.25),
        "shape": torch.Size([2, 3]),
        "dtype": torch.float16,
        "set": {1, 2},
        "network": network,
    }
    read = torch_pickle.read(save({"before": WEIGHTS} | beside | {"after": WEIGHTS + 1}))
    assert torch.equal(read["before"], WEIGHTS) and torch.equal(read["after"], WEIGHTS + 1)
    for name in ("epoch", "name", "rates", "shape", "dtype"):
        assert read[name] == beside[name]
    step = read["optimiser"]["state"][0]["exp_avg"]
    assert torch.equal(step, optimiser.state_dict()["state"][0]["exp_avg"])
    for name in ("arguments", "loss", "network"):
        assert isinstance(read[name], torch_pickle._Inert)


def test_a_zip_file_is_mapped_not_read(tmp_path):
    path, size = tmp_path / "large.pt", 1 << 26
    torch.save({"needed": WEIGHTS, "optimiser": torch.zeros(size // 4)}, path)
    code = (
        "import sys, resource, torch; from musical_roots.weights import torch_pickle as t\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "assert t.read(sys.argv[1])['needed'].sum() == 15\n"
        "print(1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before))"
    )
    run = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert int(run.stdout) < size / 4


def test_a_file_that_was_packed_anew_is_read(tmp_path):
    path, packed = tmp_path / "a.pt", tmp_path / "b.pt"
    torch.save({"odd": torch.ones(3, dtype=torch.int8), "weights": WEIGHTS}, path)
    for odd in (0, 1):  # one of them puts the numbers out of step
        with zipfile.ZipFile(path) as old, zipfile.ZipFile(packed, "w") as new:
            new.writestr("a/comment" + "x" * odd, "")
            for name in old.namelist():
                new.writestr(name, old.read(name))
        assert torch.equal(torch_pickle.read(packed)["weights"], WEIGHTS)


# What is refused


def test_a_file_cut_short_anywhere_is_refused(save, tmp_path):
    whole = save({"weights": WEIGHTS, "more": torch.arange(50)}).read_bytes()
    cut = tmp_path / "cut.pt"
    for size in {*range(0, len(whole), 37), len(whole) - 1}:
        cut.write_bytes(whole[:size])
        with pytest.raises(NoCheckpoint, match=r"it is (cut short|not a checkpoint)"):
            torch_pickle.read(cut)


@pytest.mark.parametrize(
    "content",
    [b"", b"<html>404</html>", b"version https://git-lfs", pickle.dumps([1]), b"\x80\x02", b"."],
)
def test_what_is_no_checkpoint_is_refused(tmp_path, content):
    (tmp_path / "other.pt").write_bytes(content)
    with pytest.raises(NoCheckpoint, match=r"^it is not a checkpoint of torch\.save$"):
        torch_pickle.read(tmp_path / "other.pt")


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError):
        torch_pickle.read(tmp_path / "missing.pt")
    with pytest.raises(NoCheckpoint, match="IsADirectoryError"):
        torch_pickle.read(tmp_path)


def test_programs_other_zips_and_tars_are_refused(tmp_path):
    path = tmp_path / "other.pt"
    torch.jit.save(torch.jit.trace(torch.nn.Linear(2, 2), torch.ones(1, 2)), path)
    with pytest.raises(NoCheckpoint, match="TorchScript archive, which holds a program"):
        torch_pickle.read(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("weights/checkpoint.pt", b"")
    with pytest.raises(NoCheckpoint, match=r"not one of torch\.save"):
        torch_pickle.read(path)
    with tarfile.open(path, "w") as archive:  # the format of before 2017
        archive.addfile(tarfile.TarInfo("storages"), io.BytesIO())
    with pytest.raises(NoCheckpoint, match="is not a checkpoint"):
        torch_pickle.read(path)


@pytest.mark.parametrize(
    "offset, size, stride",
    [
        (0, (127, 3), (3, 1)),
        (0, (2, 3), (127, 1)),
        (5, (2,), (1,)),
        (0, (2,), (-1,)),
        (-1, (1,), (1,)),
    ],
)
def test_tensors_never_leave_their_storage(save, offset, size, stride):
    maker, storage = torch._utils._rebuild_tensor_v2, WEIGHTS.storage()
    path = save({"weights": Calls(maker, storage, offset, size, stride, False, {})})
    with pytest.raises(NoCheckpoint, match=r"^it is cut short or damaged"):
        torch_pickle.read(path)


def test_storages_never_leave_their_file(save):
    path = save({"weights": WEIGHTS})
    for end in (b"tq", b"Ntq"):
        rewrite(path, lambda content, end=end: content.replace(b"K\x06" + end, b"K\x7f" + end))
    with pytest.raises(NoCheckpoint, match=r"^it is cut short or damaged"):
        torch_pickle.read(path)


# What is hostile


@pytest.fixture
def touch(tmp_path, monkeypatch):
    """A shell command; if it is ever run, there is a file called mark."""
    monkeypatch.setenv("MARK", str(tmp_path / "mark"))
    return TOUCH


TOUCH = 'touch "$MARK"'


def was_run(action, *arguments):
    """Whether `action` has run the command."""
    mark = Path(os.environ["MARK"])
    mark.unlink(missing_ok=True)
    with contextlib.suppress(Exception):
        action(*arguments)
    return mark.exists()


class Calls:
    """Pickled as a call of `function`; its result is handed a state."""

    def __init__(self, function, *args, state=None):
        self.call = function, args, state

    def __reduce__(self):
        return self.call


class SetState:
    def __setstate__(self, _):
        os.system(TOUCH)

    def __getstate__(self):
        return {"x": 1}


class Append(list):
    def __reduce__(self):
        return Append, (), None, iter(["x"])

    def extend(self, _):
        os.system(TOUCH)

    append = extend


class SetItem(dict):
    def __reduce__(self):
        return SetItem, (), None, None, iter([("x", 1)])

    def __setitem__(self, *_):
        os.system(TOUCH)


class New:
    def __new__(cls, *args):
        if args:
            os.system(TOUCH)
        return super().__new__(cls)

    def __getnewargs__(self):
        return ("x",)


CODE = f"__import__('os').system({TOUCH!r})"
HOSTILE = {
    "os.system": Calls(os.system, TOUCH),
    "eval": Calls(eval, CODE),
    "exec": Calls(exec, CODE),
    "subprocess": Calls(subprocess.check_call, ["sh", "-c", TOUCH]),
    "nested": [{"deep": (Calls(tuple, [Calls(os.system, TOUCH)]), [Calls(eval, CODE)])}],
    "in a tensor": Calls(torch._utils._rebuild_parameter, Calls(os.system, TOUCH), False, {}),
    "in a dictionary": OrderedDict(x=Calls(os.system, TOUCH)),
    "in a state": Calls(argparse.Namespace, state={"x": Calls(os.system, TOUCH)}),
    "__setstate__": SetState(),
    "append": Append(),
    "__setitem__": SetItem(),
    "__new__": New(),
}


def text(string):
    return b"X" + len(string).to_bytes(4, "little") + string.encode()


COMMAND = text(TOUCH)
GETATTR = b"cbuiltins\ngetattr\ncbuiltins\n__import__\n" + text("os") + b"\x85R"
NEW = f"c{__name__}\nNew\n".encode()
OPCODES = {
    "REDUCE": b"cos\nsystem\n" + COMMAND + b"\x85R",
    "INST": b"(" + COMMAND + b"ios\nsystem\n",
    "OBJ": b"(cos\nsystem\n" + COMMAND + b"o",
    "NEWOBJ": NEW + COMMAND + b"\x85\x81",
    "NEWOBJ_EX": NEW + COMMAND + b"\x85}\x92",
    "STACK_GLOBAL": text("posix") + text("system") + b"\x93" + COMMAND + b"\x85R",
    "dotted name": text("shutil") + text("os.system") + b"\x93" + COMMAND + b"\x85R",
    "getattr": GETATTR + text("system") + b"\x86R" + COMMAND + b"\x85R",
    "module of Python 2": b"c__builtin__\neval\n" + text(CODE) + b"\x85R",
}


def rewrite(path, change):
    """Changes the pickle of the saved object, in either format."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            records = {name: archive.read(name) for name in archive.namelist()}
        with zipfile.ZipFile(path, "w") as archive:
            for name, record in records.items():
                archive.writestr(name, change(record) if name.endswith("data.pkl") else record)
    else:
        content = io.BytesIO(path.read_bytes())
        for _ in range(3):
            pickle.load(content)
        head = content.getvalue()[: content.tell()]
        path.write_bytes(head + change(content.read()))


def poison(path, opcodes):
    """Puts an object made by `opcodes` before all else in the saved dictionary."""
    start = b"\x80\x02}q\x00"
    rewrite(path, lambda c: c.replace(start, start + text("evil") + opcodes + b"s", 1))


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_objects_do_nothing_and_the_tensors_beside_them_are_read(save, touch, kind):
    assert was_run(pickle.loads, pickle.dumps(HOSTILE[kind])), "not hostile at all"
    path = save({"before": WEIGHTS, "evil": HOSTILE[kind], "after": WEIGHTS + 1})
    assert not was_run(torch_pickle.read, path)
    read = torch_pickle.read(path)
    assert torch.equal(read["before"], WEIGHTS) and torch.equal(read["after"], WEIGHTS + 1)


@pytest.mark.parametrize("kind", OPCODES)
def test_hostile_opcodes_do_nothing_and_the_tensors_beside_them_are_read(save, touch, kind):
    programs = (b"\x80" + protocol + OPCODES[kind] + b"." for protocol in (b"\2", b"\4"))
    assert any(was_run(pickle.loads, program) for program in programs), "not hostile at all"
    path = save({"before": WEIGHTS, "after": WEIGHTS + 1})
    poison(path, OPCODES[kind])
    assert not was_run(torch_pickle.read, path)
    read = torch_pickle.read(path)
    assert list(read) == ["evil", "before", "after"]
    assert torch.equal(read["before"], WEIGHTS) and torch.equal(read["after"], WEIGHTS + 1)


@pytest.mark.parametrize(
    "name",
    [
        "torch._utils _rebuild_tensor_v2",
        "collections OrderedDict",
        "torch Size",
        "torch FloatStorage",
        "torch float32",
        "musical_roots.weights.torch_pickle _tensor",
        "anything else",
    ],
)
def test_a_pickle_changes_nothing_that_outlives_it(save, name):
    path = save({"before": WEIGHTS, "after": WEIGHTS + 1})
    clean = path.read_bytes()
    state = b"N}" + text("__defaults__") + b"K\x01\x85s" + text("__call__") + b"K\x01s\x86"
    poison(path, "c{}\n{}\n".format(*name.split(" ", 1)).encode() + state + b"b")
    defaults = torch._utils._rebuild_tensor_v2.__defaults__, torch_pickle._tensor.__defaults__
    with contextlib.suppress(NoCheckpoint):
        assert torch.equal(torch_pickle.read(path)["after"], WEIGHTS + 1)
    assert defaults == (
        torch._utils._rebuild_tensor_v2.__defaults__,
        torch_pickle._tensor.__defaults__,
    )
    path.write_bytes(clean)
    assert torch.equal(torch_pickle.read(path)["after"], WEIGHTS + 1)


def test_a_class_saved_with_its_source_writes_no_file(tmp_path, monkeypatch):
    """torch.load compares the source with ours, and may write a patch."""
    path, here = tmp_path / "a.pt", tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    torch.save({"before": WEIGHTS}, path, _use_new_zipfile_serialization=False)
    saved = b"(" + text("module") + b"ctorch.nn\nLinear\n" + text("x.py") + text("source") + b"tQ"
    poison(path, saved)
    assert torch.equal(torch_pickle.read(path)["before"], WEIGHTS)
    assert list(here.iterdir()) == []
