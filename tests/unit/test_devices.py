"""The choice of a device, with a torch that finds a GPU and one that does not."""

import sys
from types import SimpleNamespace

import pytest

from musical_roots.devices import settle


@pytest.mark.parametrize(
    "gpu, wanted, settled",
    [
        (True, "auto", "cuda"),
        (True, "cuda", "cuda"),
        (True, "cpu", "cpu"),
        (False, "auto", "cpu"),
        (None, "auto", "cpu"),
        (None, "cuda", "cpu"),
    ],
)
def test_auto_is_a_gpu_where_torch_finds_one(monkeypatch, gpu, wanted, settled):
    torch = None  # not imported
    if gpu is not None:
        torch = SimpleNamespace(cuda=SimpleNamespace(is_available=lambda: gpu))
    monkeypatch.setitem(sys.modules, "torch", torch)
    assert settle(wanted) == settled
