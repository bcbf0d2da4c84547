"""Measure speed as ratios, both sides in one run, and write benchmarks/speed.csv: `make bench`."""

import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import soundfile
import torch
from measuring import ROOT, WEIGHTS, beside_laion_clap, best, cosines, excerpts, music, row
from plain_clmr import plain_clmr
from plain_clmr import plain_encode_all as plain_clmr_encode
from plain_clmr import plain_trainable as plain_clmr_trainable
from plain_musicnn import plain_encode
from plain_openvamp import plain_fill, plain_openvamp, plain_train
from safetensors.numpy import load_file
from threadpoolctl import threadpool_limits

from musical_roots import arrays, embed, search, tables
from musical_roots.encoders import base
from musical_roots.encoders.clmr import WINDOW
from musical_roots.encoders.clmr_training import SampleCNN, _keep_memory
from musical_roots.generators.base import VampSettings
from musical_roots.generators.openvamp import codec, model, sampling, training
from musical_roots.seeding import rng
from musical_roots.weights import checkpoints
from musical_roots.weights.formats import clap

OPENVAMP = model.Size(codebooks=8, entries=256, width=192, layers=4)  # the default study's


def tokens(duration_s: float, seed: int = 0) -> np.ndarray:
    """Random ones: [codebooks, frames]."""
    frames = 1 + round(duration_s / codec.FRAME_S)
    shape = OPENVAMP.codebooks, frames
    return np.random.default_rng(seed).integers(OPENVAMP.entries, size=shape)


def encoder_against_plain_port() -> dict:
    encoder = base.load("musicnn", WEIGHTS)
    clips = excerpts(encoder.sample_rate, 32)
    plain = np.stack([plain_encode(WEIGHTS, clip) for clip in clips])
    error = np.abs(encoder.encode(clips) - plain).max() / np.abs(plain).max()
    baseline, ours = best(
        lambda: [plain_encode(WEIGHTS, clip) for clip in clips], lambda: encoder.encode(clips)
    )
    return row(f"musicnn, clips/s (largest difference {error:.1e} of the largest feature)",
               len(clips), baseline, ours)  # fmt: skip


def clmr_against_plain_module(batch: int) -> dict:
    """The plain one in batches; random weights: the time does not depend on them."""
    with tempfile.TemporaryDirectory() as folder:
        (path,) = checkpoints.fetch_random("clmr", folder, seed=0)
        encoder, network = base.load("clmr", folder), plain_clmr(load_file(path))
    clips = excerpts(encoder.sample_rate, encoder.batch_size())
    heard = encoder.heard(clips)

    def plain() -> np.ndarray:
        parts = range(0, len(heard), batch)
        return np.concatenate([plain_clmr_encode(network, heard[a : a + batch]) for a in parts])

    wanted = plain()
    error = np.abs(encoder.encode(clips) - wanted).max() / np.abs(wanted).max()
    baseline, ours = best(plain, lambda: encoder.encode(clips))
    what = f"clmr, clips/s (against batches of {batch}; largest difference {error:.1e} of the "
    return row(f"{what}largest feature)", len(clips), baseline, ours)


def clmrs_training_against_plain_training(clips: int = 16) -> dict:
    """A view's way there and back through the encoder, in bf16: noise, random weights."""
    _keep_memory()
    noise = torch.randn(clips, WINDOW, generator=torch.Generator().manual_seed(0)) / 10
    ours, plain = SampleCNN(torch.bfloat16), plain_clmr_trainable()
    images = noise[:, None, None].contiguous(memory_format=torch.channels_last)

    def plain_pass():
        with torch.autocast("cpu", torch.bfloat16):
            features = plain(images)
        features.float().square().sum().backward()

    seconds = best(plain_pass, lambda: ours(noise).square().sum().backward())
    return row("clmr's training, bf16, views/s", clips, *seconds)


def clap_against_laion_clap() -> dict:
    """Random weights, as above; ours in bf16. laion-clap is another process: wall clock."""
    with tempfile.TemporaryDirectory() as folder:
        weights = beside_laion_clap(Path(folder), clap.TINY)
        encoder = base.load("clap", weights, precision="bf16")
        oracle = base.load("laion_clap", weights)
        clips = excerpts(encoder.sample_rate, 16)
        cosine = cosines(encoder.encode(clips), oracle.encode(clips)).min()
        baseline, ours = best(
            lambda: oracle.encode(clips), lambda: encoder.encode(clips), clock=time.perf_counter
        )
    return row(f"clap, bf16, clips/s (lowest cosine {cosine:.5f})", len(clips), baseline, ours)


def stage_against_forward_pass() -> dict:
    encoder = base.load("musicnn", WEIGHTS)
    rate, count = 44_100, 128
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "track.ogg"
        with soundfile.SoundFile(path, "w", rate, 1) as file:
            for block in np.split(music(3 * count, rate), count):  # all at once crashes libsndfile
                file.write(block)
        clips = pd.DataFrame({"path": str(path), "start_s": 3.0 * np.arange(count)})
        clips["duration_s"] = 3.0
        decoded = np.concatenate(list(embed._decoded_ahead(clips, encoder.sample_rate, count)))

        def stage():
            features = embed.encode(clips, encoder)
            arrays.write_array(features, Path(folder) / "features.npy")

        # seconds of the wall clock: a second core decodes while the first one encodes
        baseline, ours = best(lambda: encoder.encode(decoded), stage, clock=time.perf_counter)
    return row("embed stage, clips/s", count, baseline, ours)


def search_against_product(size: int = 200_000, count: int = 1_000, dim: int = 512) -> dict:
    """Clustered synthetic vectors, shards of 50,000."""
    generator = np.random.default_rng(0)
    centres = generator.normal(size=(500, dim))

    def vectors(n: int) -> np.ndarray:
        drawn = centres[generator.integers(len(centres), size=n)] + generator.normal(size=(n, dim))
        return (drawn / np.linalg.norm(drawn, axis=1, keepdims=True)).astype(np.float16)

    def shards(name: str, n: int, folder: str) -> tables.Embeddings:
        paths = []
        for first in range(0, n, 50_000):
            ids = [f"{row:016x}" for row in range(first, min(first + 50_000, n))]
            clips = pd.DataFrame({"clip_id": ids, "track_id": ids, "group_id": ids})
            paths.append(Path(folder) / f"{name}{first}.npy")
            made_by = {"encoder": "synthetic", "fingerprint": "synthetic"}
            tables.write_shard(paths[-1], vectors(len(ids)), clips, made_by)
        return tables.open_shards(paths)

    with tempfile.TemporaryDirectory() as folder:
        index, queries = shards("index", size, folder), shards("queries", count, folder)
        block = 4096
        wide = [index.rows(first, first + block) for first in range(0, size, block)]
        wanted = queries.rows(0, count)
        scores = np.empty((count, block), np.float32)

        def product():
            for part in wide:
                np.matmul(wanted, part.T, out=scores[:, : len(part)])

        baseline, ours = best(product, lambda: search.matches(queries, index, k=50))
    return row(f"exact search, queries/s ({size} x {dim}, synthetic)", count, baseline, ours)


def training_against_plain_training(steps: int = 4, batch: int = 8) -> dict:
    """Random tokens: the time does not depend on them."""
    tracks = {f"{track:02}": tokens(60, seed=track) for track in range(20)}
    settings = {"size": OPENVAMP, "seed": 0, "steps": steps, "batch_size": batch, "device": "cpu"}
    train = partial(training.train, tracks, {}, precision="fp32", **settings)
    _, curve = train()
    plain = np.mean(plain_train(tracks, **settings))
    error = abs(curve.train_loss.iloc[-1] - plain) / plain
    baseline, ours = best(lambda: plain_train(tracks, **settings), train)
    frames = steps * batch * training.CROP
    return row(f"openvamp's training, frames/s (losses differ by {error:.1e})", frames, baseline,
               ours)  # fmt: skip


def sampling_against_plain_sampling(duration_s: float = 6.0) -> dict:
    """Random weights and tokens, in float64; the setting is `periodic`, 36 steps."""
    network = model.MaskedTransformer(OPENVAMP)
    model.initialise(network.eval(), seed=0)
    plain = plain_openvamp(OPENVAMP, network.double().tensors()).double()
    prompt, settings, onsets = tokens(duration_s), VampSettings(), np.empty(0, int)
    keep = sampling.kept(settings, *prompt.shape, codec.FRAME_S, onsets, rng(0, "benchmark"))

    def vamp() -> np.ndarray:
        return sampling.fill(network, prompt, keep, settings, rng(0, "benchmark"))

    def plain_vamp() -> np.ndarray:
        return plain_fill(plain, prompt, keep, settings, rng(0, "benchmark"))

    equal = (vamp() == plain_vamp())[~keep].mean()
    baseline, ours = best(plain_vamp, vamp)
    return row(f"openvamp's sampling, frames/s ({equal:.0%} of its tokens equal)", prompt.shape[1],
               baseline, ours)  # fmt: skip


MEASURES = [
    encoder_against_plain_port,
    partial(clmr_against_plain_module, 1),
    partial(clmr_against_plain_module, 32),
    clap_against_laion_clap,
    stage_against_forward_pass,
    search_against_product,
    training_against_plain_training,
    sampling_against_plain_sampling,
    clmrs_training_against_plain_training,  # changes how memory is kept: last
]

if __name__ == "__main__":
    checkpoints.fetch("musicnn", WEIGHTS)
    torch.set_num_threads(1)
    with threadpool_limits(1):
        rows = [measure() for measure in MEASURES]
    table = pd.DataFrame(rows)
    tables.write_table(table, ROOT / "benchmarks/speed.csv")
    print(table.drop(columns="hardware").to_string(index=False))
