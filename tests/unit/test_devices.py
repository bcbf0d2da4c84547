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
    torch = None if gpu is None else torch_with(gpu)  # None is not imported
    monkeypatch.setitem(sys.modules, "torch", torch)
    assert settle(wanted) == settled


def test_float32_on_a_gpu_is_float32(monkeypatch):
    torch = torch_with(gpu=True)
    monkeypatch.setitem(sys.modules, "torch", torch)
    settle("auto")
    assert not torch.backends.cudnn.allow_tf32
    assert not torch.backends.cuda.matmul.allow_tf32


def torch_with(gpu):
    """What of torch is asked; TF32 is on, as in NVIDIA's containers."""
    cudnn, matmul = SimpleNamespace(allow_tf32=True), SimpleNamespace(allow_tf32=True)
    return SimpleNamespace(
        cuda=SimpleNamespace(is_available=lambda: gpu),
        backends=SimpleNamespace(cudnn=cudnn, cuda=SimpleNamespace(matmul=matmul)),
    )
