"""Measure encoders on a GPU as ratios, and write benchmarks/gpu.csv: `make bench-gpu`."""

import sys
import tempfile
import time
from collections.abc import Callable
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from measuring import ROOT, WEIGHTS, beside_laion_clap, best, cosines, excerpts, row
from plain_clmr import plain_clmr
from plain_clmr import plain_encode_all as plain_clmr_encode
from plain_musicnn import plain_encode_all as plain_musicnn_encode
from safetensors.numpy import load_file
from threadpoolctl import threadpool_limits

from musical_roots import tables
from musical_roots.encoders import base
from musical_roots.encoders.laion_clap import LaionClap
from musical_roots.weights import checkpoints
from musical_roots.weights.formats import clap

CLIPS, ALSO_HERE = 256, 16  # in a round; encoded on the CPU as well
Encode = Callable[[np.ndarray], np.ndarray]


class LaionClapMusic(LaionClap):
    """laion-clap with the other network."""

    size = clap.BASE


def clap_against_laion_clap(size: clap.Size, oracle: type[LaionClap]) -> list[dict]:
    """laion-clap is another process, which takes one clip at a time."""
    with tempfile.TemporaryDirectory() as folder:
        weights = beside_laion_clap(Path(folder), size)
        theirs = oracle(weights, base.Settings(device="cuda"))
        baselines = {
            "laion-clap, one clip at a time": (theirs.encode, None),
            "laion-clap, both one clip at a time": (theirs.encode, 1),
        }
        return compared(size.encoder, weights, baselines, ("fp32", "bf16"))


def clmr_against_plain_module() -> list[dict]:
    with tempfile.TemporaryDirectory() as folder:
        weights = WEIGHTS
        if not (WEIGHTS / "clmr.safetensors").is_file():
            weights = checkpoints.fetch_random("clmr", folder, seed=0)[0].parent
        network = plain_clmr(load_file(weights / "clmr.safetensors")).to("cuda")
        encoder = base.load("clmr", weights)

        def plain(clips: np.ndarray) -> np.ndarray:
            return plain_clmr_encode(network, encoder.heard(clips))

        return compared("clmr", weights, both_ways("the plain module", plain), ("fp32", "bf16"))


def musicnn_against_plain_port() -> list[dict]:
    """Ours has no GPU path: it computes on the CPU, in one thread."""

    def plain(clips: np.ndarray) -> np.ndarray:
        return plain_musicnn_encode(WEIGHTS, clips, "cuda")

    baselines = both_ways("the plain port", plain)
    return compared("musicnn", WEIGHTS, baselines, ("fp32 on the CPU",))


def both_ways(name: str, encode: Encode) -> dict[str, tuple[Encode, None]]:
    """A baseline as it is written, and in the encoder's own batches."""
    return {
        f"{name}, one clip at a time": (lambda clips: in_parts(encode, clips, 1), None),
        f"{name}, in equal batches": (encode, None),
    }


def compared(
    name: str,
    weights: Path,
    baselines: dict[str, tuple[Encode, int | None]],
    precisions: tuple[str, ...],
) -> list[dict]:
    """A row a precision and baseline. With a baseline: clips in a batch of ours, if not its own."""
    encoders = {
        precision: base.load(name, weights, device="cuda", precision=precision.split()[0])
        for precision in precisions
    }
    encoder = encoders[precisions[0]]
    batch, clips = encoder.batch_size(), excerpts(encoder.sample_rate, CLIPS)
    pairs = list(product(precisions, baselines))
    sides = {
        baseline: lambda encode=encode: in_parts(encode, clips, batch)
        for baseline, (encode, _) in baselines.items()
    }
    for precision, baseline in pairs:
        encode, size = encoders[precision].encode, baselines[baseline][1] or batch
        sides[precision, baseline] = lambda e=encode, size=size: in_parts(e, clips, size)
    seconds = dict(zip(sides, best(*sides.values(), clock=time.perf_counter), strict=True))
    few = clips[:ALSO_HERE]
    here = base.load(name, weights).encode(few)
    rows = []
    for precision, baseline in pairs:
        cosine = cosines(encoders[precision].encode(few), here).min()
        what = f"{encoder.label}, {precision}, clips/s (against {baseline}; lowest cosine to the "
        what += f"CPU's {cosine:.6f})"
        rows.append(row(what, CLIPS, seconds[baseline], seconds[precision, baseline],
                        torch.cuda.get_device_name()))  # fmt: skip
    return rows


def in_parts(encode: Encode, clips: np.ndarray, size: int) -> np.ndarray:
    return np.concatenate([encode(clips[at : at + size]) for at in range(0, len(clips), size)])


if __name__ == "__main__":
    if not torch.cuda.is_available():
        sys.exit("benchmarks/gpu.py measures on a GPU, and torch finds no CUDA device")
    checkpoints.fetch("musicnn", WEIGHTS)
    torch.set_num_threads(1)
    with threadpool_limits(1):
        rows = [
            *clap_against_laion_clap(clap.TINY, LaionClap),
            *clap_against_laion_clap(clap.BASE, LaionClapMusic),
            *clmr_against_plain_module(),
            *musicnn_against_plain_port(),
        ]
    table = pd.DataFrame(rows)
    tables.write_table(table, ROOT / "benchmarks/gpu.csv")
    print(table.drop(columns="hardware").to_string(index=False))
