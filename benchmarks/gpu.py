"""Measure on a GPU as ratios, and write benchmarks/gpu.csv: `make bench-gpu`.

Each row is written as soon as it is measured: a run that is stopped keeps what it has. What would
take longer than its time is left out, and said so.
"""

import argparse
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from measuring import ROOT, WEIGHTS, beside_laion_clap, cosines, excerpts, row
from plain_clmr import plain_clmr
from plain_clmr import plain_encode_all as plain_clmr_encode
from plain_openvamp import plain_train
from safetensors.numpy import load_file
from threadpoolctl import threadpool_limits

from musical_roots import tables
from musical_roots.devices import settle
from musical_roots.encoders import base
from musical_roots.encoders.laion_clap import LaionClap
from musical_roots.generators.openvamp import model, training
from musical_roots.search import exact
from musical_roots.tables import Embeddings
from musical_roots.weights import checkpoints
from musical_roots.weights.formats import clap

ALSO_HERE = 4  # clips that are encoded on the CPU as well
Encode = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Scale:
    """What is measured on, and how much of it."""

    device: str = "cuda"
    rounds: int = 5
    clips: int = 128  # that are encoded in batches
    single: int = 16  # one at a time
    vectors: tuple[int, int] = (5_000_000, 512)
    queries: int = 1000
    clips_searched: int = 1_000_000  # by the whole search, of vectors as wide
    openvamp: tuple[int, int, int, int] = (8, 256, 192, 4)  # a `model.Size`
    steps: tuple[int, int] = (10, 60)  # of a short training and a long one

    @property
    def hardware(self) -> str | None:
        return torch.cuda.get_device_name() if self.device == "cuda" else None


SMALL = Scale(
    device="cpu",
    rounds=1,
    clips=4,
    single=2,
    vectors=(20_000, 64),
    queries=50,
    clips_searched=5000,
    openvamp=(2, 16, 128, 1),
    steps=(1, 3),
)


class Measure(NamedTuple):
    """Yields rows, given what to measure on and the seconds that it has."""

    name: str
    share: float  # of the whole time, at most
    rows: Callable[[Scale, float], Iterable[dict]]


class Side(NamedTuple):
    run: Callable[[], object]
    items: int


def rates(sides: Iterable[Side], rounds: int, seconds: float) -> list[float]:
    """Items a second of each side by the wall clock: the best of rounds in turns.

    There are as many rounds as the seconds allow, but one at the least.
    """
    sides, begun = list(sides), time.perf_counter()
    for side in sides:  # kernels are loaded and chosen
        side.run()
    fastest = np.zeros(len(sides))
    for _ in range(rounds):
        start = time.perf_counter()
        for i, side in enumerate(sides):
            before = time.perf_counter()
            side.run()
            fastest[i] = max(fastest[i], side.items / (time.perf_counter() - before))
        now = time.perf_counter()
        if now + (now - start) > begun + seconds:
            break
    return fastest.tolist()


def rated(what: str, baseline: float, ours: float, scale: Scale) -> dict:
    """A row of two rates."""
    return row(what, 1, 1 / baseline, 1 / ours, scale.hardware)


# Search


def nearest(
    queries: torch.Tensor, blocks: Iterable[torch.Tensor], k: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """The k largest products of each query with the rows of all blocks, and which rows: [n, k]."""
    values, rows, first = [], [], 0
    for block in blocks:
        best = (queries @ block.T).topk(min(k, len(block)))
        values.append(best.values)
        rows.append(best.indices + first)
        first += len(block)
    best = torch.cat(values, dim=1).topk(k)
    return best.values, torch.cat(rows, dim=1).gather(1, best.indices)


def search_against_product(scale: Scale, seconds: float, k: int = 50) -> Iterator[dict]:
    size, dim = scale.vectors
    generator = torch.Generator(scale.device).manual_seed(0)

    def vectors(count: int) -> torch.Tensor:
        drawn = torch.randn(count, dim, generator=generator, device=scale.device)
        return torch.nn.functional.normalize(drawn).half()

    queries, block = vectors(scale.queries), size // 10
    blocks = [vectors(block) for _ in range(10)]

    def product() -> None:
        for part in blocks:
            last = queries @ part.T
        last[0, 0].item()

    sides = [product, lambda: nearest(queries, blocks, k)[1].cpu()]
    sides = [Side(side, scale.queries) for side in sides]
    yield rated(
        f"top {k} of {scale.queries} queries among {size} x {dim}, float16, synthetic vectors, "
        "queries/s (against the bare product)",
        *rates(sides, scale.rounds, seconds),
        scale,
    )


def whole_search_against_the_cpus(scale: Scale, seconds: float, k: int = 50) -> Iterator[dict]:
    """Ours, with tables and ties, of vectors in the computer's memory: the same matches there."""
    draws, (_, dim) = np.random.default_rng(0), scale.vectors
    count = scale.clips_searched
    drawn = (draws.standard_normal((count // 10, dim), np.float32) for _ in range(10))
    shards = [(rows / np.linalg.norm(rows, axis=1)[:, None]).astype(np.float16) for rows in drawn]
    ids = pd.Series([f"{place:08}" for place in range(count)], dtype="str")
    clips = pd.DataFrame({"clip_id": ids, "track_id": ids, "group_id": ids})
    index = Embeddings(clips, shards, {"encoder": "none", "fingerprint": "none", "dim": dim})
    queries = index.where(np.arange(count) % (count // scale.queries) == 0)
    here = partial(exact.matches, queries, index, k)
    there = partial(here, device=scale.device)
    if not there().equals(here()):
        raise ValueError("the GPU's matches are others than the CPU's")
    yield rated(
        f"exact search, the whole of it: top {k} of {len(queries)} queries among {count} x {dim}, "
        "synthetic vectors, queries/s (against one thread of the CPU; the same matches)",
        *rates([Side(here, len(queries)), Side(there, len(queries))], scale.rounds, seconds),
        scale,
    )


# openvamp


def training_against_plain_training(scale: Scale, seconds: float) -> Iterator[dict]:
    """Steps a second, of a long training less a short one: setting up is in neither."""
    draws, size = np.random.default_rng(0), model.Size(*scale.openvamp)
    shape = size.codebooks, 3000
    tracks = {f"{track:02}": draws.integers(size.entries, size=shape) for track in range(20)}
    short, long = scale.steps
    for batch in (8, 32):
        how = {"seed": 0, "batch_size": batch, "device": scale.device}
        ours = partial(training.train, tracks, {}, size, precision="fp32", **how)
        plain = partial(plain_train, tracks, size, **how)
        sides = [Side(partial(t, steps=n), 1) for t in (plain, ours) for n in scale.steps]
        spent = 1 / np.array(rates(sides, scale.rounds, seconds / 2)).reshape(2, 2)
        step_s = np.maximum(spent[:, 1] - spent[:, 0], 1e-9) / (long - short)
        yield rated(
            f"openvamp's training, {batch} crops, fp32, steps/s (against the plain loop; "
            f"{1000 * step_s[1]:.1f} ms a step)",
            *(1 / step_s),
            scale,
        )


# Encoders


class LaionClapMusic(LaionClap):
    """laion-clap with the other network."""

    size = clap.BASE


def clmr_against_plain_module(scale: Scale, seconds: float) -> Iterator[dict]:
    with tempfile.TemporaryDirectory() as folder:
        weights = WEIGHTS
        if not (WEIGHTS / "clmr.safetensors").is_file():
            weights = checkpoints.fetch_random("clmr", folder, seed=0)[0].parent
        network = plain_clmr(load_file(weights / "clmr.safetensors")).to(scale.device)
        encoder = base.load("clmr", weights)

        def plain(clips: np.ndarray) -> np.ndarray:
            return plain_clmr_encode(network, encoder.heard(clips))

        yield from compared("clmr", weights, "the plain module", plain, scale, seconds)


def musicnn_against_plain_port(scale: Scale, seconds: float) -> Iterator[dict]:
    """Ours has no GPU path: it computes on the CPU, in one thread."""
    from plain_musicnn import plain_encode_all  # librosa takes seconds to import

    checkpoints.fetch("musicnn", WEIGHTS)

    def plain(clips: np.ndarray) -> np.ndarray:
        return plain_encode_all(WEIGHTS, clips, scale.device)

    yield from compared("musicnn", WEIGHTS, "the plain port", plain, scale, seconds,
                        precisions=("fp32 on the CPU",))  # fmt: skip


def clap_against_laion_clap(
    size: clap.Size, oracle: type[LaionClap], scale: Scale, seconds: float
) -> Iterator[dict]:
    """laion-clap is another process, which takes one clip at a time."""
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        weights = beside_laion_clap(Path(folder), size)
        theirs = oracle(weights, base.Settings(device=scale.device))
        left = seconds - (time.perf_counter() - start)
        yield from compared(size.encoder, weights, "laion-clap", theirs.encode, scale, left,
                            batches=False)  # fmt: skip


def compared(
    name: str,
    weights: Path,
    baseline: str,
    theirs: Encode,
    scale: Scale,
    seconds: float,
    *,
    precisions: tuple[str, ...] = ("fp32", "bf16"),
    batches: bool = True,
) -> Iterator[dict]:
    """Rows for each precision: against clips one at a time; in equal batches, or both singly."""
    encoders = {
        precision: base.load(name, weights, device=scale.device, precision=precision.split()[0])
        for precision in precisions
    }
    encoder = encoders[precisions[0]]
    few = excerpts(encoder.sample_rate, scale.single)
    many = np.resize(few, (scale.clips, few.shape[1]))
    batch = min(encoder.batch_size(), len(many))

    def side(encode: Encode, size: int) -> Side:
        clips = few if size == 1 else many
        return Side(lambda: in_parts(encode, clips, size), len(clips))

    pairs = {f"{baseline}, one clip at a time": (1, batch)}  # clips of theirs and of ours
    if batches:
        pairs[f"{baseline}, in equal batches"] = (batch, batch)
    else:
        pairs[f"{baseline}, both one clip at a time"] = (1, 1)
    sides = {(None, size): side(theirs, size) for size, _ in pairs.values()}
    for precision, encoder in encoders.items():
        sides |= {(precision, size): side(encoder.encode, size) for _, size in pairs.values()}
    rate = dict(zip(sides, rates(sides.values(), scale.rounds, seconds), strict=True))
    heard = few[:ALSO_HERE]
    here = base.load(name, weights).encode(heard)
    for precision, encoder in encoders.items():
        cosine = cosines(encoder.encode(heard), here).min()
        for against, (size, our_size) in pairs.items():
            what = f"{encoder.label}, {precision}, clips/s (against {against}; lowest cosine to "
            what += f"the CPU's {cosine:.6f})"
            yield rated(what, rate[None, size], rate[precision, our_size], scale)


def in_parts(encode: Encode, clips: np.ndarray, size: int) -> np.ndarray:
    return np.concatenate([encode(clips[at : at + size]) for at in range(0, len(clips), size)])


# All of them, in the time there is


# what takes least first, and what starts another process last
MEASURES = [
    Measure("search", 0.2, search_against_product),
    Measure("whole_search", 0.5, whole_search_against_the_cpus),
    Measure("openvamp", 0.25, training_against_plain_training),
    Measure("clmr", 0.15, clmr_against_plain_module),
    Measure("musicnn", 0.2, musicnn_against_plain_port),
    Measure("clap", 0.35, partial(clap_against_laion_clap, clap.TINY, LaionClap)),
    Measure("clap_music", 1, partial(clap_against_laion_clap, clap.BASE, LaionClapMusic)),
]


def measured(measures: Iterable[Measure], scale: Scale, seconds: float) -> Iterator[dict]:
    """Rows as they are measured; what fails or takes too long ends, and the next one begins."""
    begun = time.perf_counter()
    for measure in measures:
        now = time.perf_counter()
        end = min(now + measure.share * seconds, begun + seconds)
        try:
            # half for rounds: setting up and a first run of everything take the rest
            rows = iter(measure.rows(scale, (end - now) / 2))
            while found := next_until(end, rows):
                yield found
        except Exception as error:
            print(f"{measure.name}: left out: {error}", file=sys.stderr, flush=True)


def next_until(end: float, rows: Iterator[dict]) -> dict | None:
    """The next row, None after the last; TimeoutError if it is late."""

    def over(*_) -> None:
        raise TimeoutError("its time is over")

    left = end - time.perf_counter()
    if left <= 0:
        over()
    before = signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, left)
    try:
        return next(rows, None)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def write_each(rows: Iterable[dict], path: Path | None) -> int:
    """Print every row and write the table with it, before the next is asked for; how many."""
    table = []
    for found in rows:
        table.append(found)
        print(f"{found['what']}: {found['ours']} / {found['baseline']} = {found['ratio']}",
              flush=True)  # fmt: skip
        if path:
            tables.write_table(pd.DataFrame(table), path)
    return len(table)


def main(words: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=100, help="for all; default 100")
    parser.add_argument("--only", nargs="+", choices=[m.name for m in MEASURES], help="measures")
    parser.add_argument("--small", action="store_true", help="a trial on the CPU: times are void")
    parser.add_argument("--table", type=Path, help="default: benchmarks/gpu.csv; none if --small")
    asked = parser.parse_args(words)
    if not asked.small and not torch.cuda.is_available():
        sys.exit("benchmarks/gpu.py measures on a GPU, and torch finds no CUDA device (--small "
                 "tries it on a CPU)")  # fmt: skip
    scale = SMALL if asked.small else Scale(device=settle("cuda"))
    path = asked.table or (None if asked.small else ROOT / "benchmarks/gpu.csv")
    measures = [m for m in MEASURES if not asked.only or m.name in asked.only]
    torch.set_num_threads(1)
    with threadpool_limits(1):
        count = write_each(measured(measures, scale, asked.seconds), path)
    if not count:
        sys.exit("no row was measured: see above")


if __name__ == "__main__":
    main()
