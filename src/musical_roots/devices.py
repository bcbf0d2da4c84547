"""Where torch computes: encoders and generators choose alike, and neither imports the other."""

import sys

from musical_roots.errors import InputError


def settle(wanted: str) -> str:
    """The device that "auto" means here; where torch is not imported, all is for the CPU."""
    torch = sys.modules.get("torch")
    if torch is None or wanted == "cpu":
        return "cpu"
    there = torch.cuda.is_available()
    if wanted == "cuda" and not there:
        raise InputError(
            "encode.device is cuda, but torch finds no CUDA device; set it to cpu or auto, or "
            "install torch for CUDA (README, GPU)"
        )
    return "cuda" if there else "cpu"
