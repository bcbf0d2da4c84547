"""Runs laion-clap 1.1.7 in a process of its own: audio comes in, its embeddings go out.

Started by `laion_clap.py` in Python's isolated mode, through `stand_ins.py`, with the folder that
laion-clap lies in, the network's name, a safetensors file and a device. Imported for its path
alone. All that happens to audio is laion-clap's own work.
"""

import os
import sys

import numpy as np


def main(folder: str, network: str, weights: str, device: str) -> None:
    """Answer every clip (its number of samples, 8 bytes; float32 samples) with its embedding."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # laion-clap prints
    sys.argv = sys.argv[:1]
    sys.path.insert(0, folder)
    import laion_clap
    import torch
    from safetensors.torch import load_file

    clap = laion_clap.CLAP_Module(enable_fusion=False, device=device, amodel=network)
    said = clap.model.load_state_dict(load_file(weights), strict=False)
    audio = [
        name for name in said.missing_keys if name.startswith("audio_") and "transform" not in name
    ]
    if audio or said.unexpected_keys:
        sys.exit(f"these weights do not fit: {audio + said.unexpected_keys}")
    answers.write(b"ready")
    answers.flush()
    while size := sys.stdin.buffer.read(8):
        clip = np.frombuffer(sys.stdin.buffer.read(4 * int.from_bytes(size, "little")), "<f4")
        with torch.inference_mode():
            embedding = clap.get_audio_embedding_from_data(x=clip[None])
        answers.write(embedding.astype("<f4").tobytes())
        answers.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
