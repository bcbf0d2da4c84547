"""Where torch computes: encoders and generators choose alike, and neither imports the other."""

import sys
from pathlib import Path

from musical_roots.errors import InputError

DRIVERS = ("/dev/nvidiactl", "/dev/dxg")  # NVIDIA's, and that of Windows beneath Linux


def may_be_there() -> bool:
    """Whether there is a GPU's driver: else torch, a second to import, need not be asked."""
    return any(Path(driver).exists() for driver in DRIVERS)


def multiplies_bf16() -> bool:
    """Whether the CPU multiplies bfloat16 by AMX, and torch, which is imported for it, is there."""
    try:
        import torch
    except ImportError:
        return False
    return bool(torch.cpu.get_capabilities().get("amx_bf16"))


def settle(wanted: str) -> str:
    """The device that "auto" means here; where torch is not imported, all is for the CPU.

    On a GPU, what torch computes in float32 is float32 from then on.
    """
    torch = sys.modules.get("torch")
    if torch is None or wanted == "cpu":
        return "cpu"
    there = torch.cuda.is_available()
    if wanted == "cuda" and not there:
        raise InputError(
            "encode.device is cuda, but torch finds no CUDA device; set it to cpu or auto, or "
            "install torch for CUDA (README, GPU)"
        )
    if there:
        # TF32 would cost three digits: the default of cuDNN, and in NVIDIA's containers, by the
        # variable TORCH_ALLOW_TF32_CUBLAS_OVERRIDE, of matrix products
        torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    return "cuda" if there else "cpu"
