"""An openvamp that is quick to make: a codec trained on synthetic music, an untrained network."""

import tempfile
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import numpy as np

from musical_roots.generators import base
from musical_roots.generators.openvamp import codec, model
from musical_roots.generators.openvamp.generator import CODEC, NETWORK, SMALL_NETWORK
from musical_roots.weights import files

SIZE = model.Size(codebooks=4, entries=64, width=64, layers=1)


def music(duration_s: float, seed: int = 0, rate: int = codec.SAMPLE_RATE) -> np.ndarray:
    """Notes that change four times a second, over bursts of noise: float32 [samples], mono."""
    draws = np.random.default_rng(seed)
    time = np.arange(round(duration_s * rate)) / rate
    notes = 110 * 2 ** (draws.integers(0, 36, int(4 * duration_s) + 1) / 12)
    phase = 2 * np.pi * np.cumsum(notes[(4 * time).astype(int)]) / rate
    tone = sum(np.sin(harmonic * phase) / harmonic for harmonic in range(1, 6))
    noise = draws.standard_normal(len(time)) * np.exp(-30 * (time % 0.5))
    return (0.1 * tone * np.exp(-6 * (time % 0.25)) + 0.05 * noise).astype(np.float32)


@cache
def trained_codec() -> codec.Codec:
    frames = [codec.log_mel(codec.levelled(music(20, seed))) for seed in range(4)]
    return codec.train(frames, SIZE.codebooks, SIZE.entries, seed=0, decoder_steps=20)


def save(
    folder: Path, seed: int = 0, trained_on: Iterable[str] = (), network: str = NETWORK
) -> Path:
    """Writes both files into a folder; its path."""
    origin = {"source": "tests", "trained_on": sorted(trained_on)}
    trained_codec().save(folder / CODEC, origin)
    untrained = model.MaskedTransformer(SIZE)
    model.initialise(untrained, seed)
    about = origin | {"codec": trained_codec().digest()} | model.described(SIZE)
    files.save(folder / network, untrained.tensors(), about)
    return folder


def save_small(folder: Path, seed: int = 0) -> Path:
    """The same of openvamp_small."""
    return save(folder, seed, network=SMALL_NETWORK)


@cache
def load(name: str = "openvamp") -> base.Generator:
    with tempfile.TemporaryDirectory() as folder:
        save_small(save(Path(folder)))
        return base.load(name, folder)
