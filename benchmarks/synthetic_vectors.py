"""Synthetic vectors with the spectrum and cluster structure of real ones: shards of any number.

Real vectors are taken apart into a mean, the covariance of their tracks' centres, and the pooled
covariance of clips around their track's centre, with how much wider or narrower each track is than
the pool. Centres and clips are drawn from normal distributions of these, as many clips a track as a
real one has, and brought to unit length. What that lacks: genres, near duplicates, heavy tails.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from musical_roots import tables
from musical_roots.tables import Embeddings

SHARD = 100_000
WIDTH = 512  # vectors of more dimensions are turned onto their strongest


@dataclass(frozen=True)
class Model:
    """Mean [dim], factors [rank, dim] of the two covariances, widths and sizes of real tracks."""

    mean: np.ndarray
    between: np.ndarray
    within: np.ndarray
    widths: np.ndarray
    sizes: np.ndarray


def turned(embeddings: list[Embeddings]) -> list[Embeddings]:
    """The same with `WIDTH` dimensions at the most: the strongest of the first."""
    vectors = [part.rows(0, len(part)) for part in embeddings]
    if vectors[0].shape[1] > WIDTH:
        axes = np.linalg.svd(vectors[0], full_matrices=False)[2][:WIDTH].T
        vectors = [part @ axes for part in vectors]
    vectors = [part / np.linalg.norm(part, axis=1, keepdims=True) for part in vectors]
    about = embeddings[0].provenance | {"dim": vectors[0].shape[1]}
    return [
        Embeddings(part.clips, [unit.astype(np.float16)], about)
        for part, unit in zip(embeddings, vectors, strict=True)
    ]


def fitted(real: Embeddings) -> Model:
    """The model of real vectors."""
    vectors = real.rows(0, len(real)).astype(np.float64)
    _, track, sizes = np.unique(
        real.clips["track_id"].to_numpy(object), return_inverse=True, return_counts=True
    )
    centres = np.stack([np.bincount(track, column) for column in vectors.T], axis=1)
    centres /= sizes[:, None]
    rest = vectors - centres[track]
    spread = np.bincount(track, (rest**2).sum(axis=1)) / np.maximum(sizes - 1, 1)
    pooled = (rest**2).sum() / (len(vectors) - len(sizes))
    widths = np.sqrt(spread[sizes > 1] / pooled)
    mean = centres.mean(axis=0)
    return Model(
        mean.astype(np.float32),
        _factor(centres - mean, len(sizes) - 1),
        _factor(rest, len(vectors) - len(sizes)),
        widths.astype(np.float32),
        sizes,
    )


def _factor(deviations: np.ndarray, freedom: int) -> np.ndarray:
    """Rows whose products with standard normal numbers have the covariance of the deviations."""
    _, sizes, axes = np.linalg.svd(deviations, full_matrices=False)
    kept = sizes > 1e-6 * sizes[0]
    return (sizes[kept, None] / np.sqrt(freedom) * axes[kept]).astype(np.float32)


def drawn(model: Model, count: int, seed: int, name: str) -> tuple[np.ndarray, pd.DataFrame]:
    """Vectors, float16 [count, dim], and their clips."""
    draw = np.random.default_rng(seed)
    sizes = draw.choice(model.sizes, 1 + count // max(1, int(model.sizes.min())))
    track = np.repeat(np.arange(len(sizes)), sizes)[:count]
    tracks = track[-1] + 1
    normal = draw.standard_normal
    centres = model.mean + normal((tracks, len(model.between)), np.float32) @ model.between
    width = draw.choice(model.widths, tracks)[track, None]
    vectors = normal((count, len(model.within)), np.float32) @ model.within
    vectors = centres[track] + width * vectors
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    clips = pd.DataFrame({"clip_id": [f"{name}{seed:04x}{row:08x}" for row in range(count)]})
    clips["track_id"] = clips["group_id"] = [f"{name}{seed:04x}t{number:07x}" for number in track]
    return vectors.astype(np.float16), clips.astype("str")


def shards(model: Model, count: int, folder: Path, about: dict) -> list[Path]:
    """Shards of so many clips on disk; those that lie there already are left as they are."""
    paths = []
    for number, start in enumerate(range(0, count, SHARD)):
        size = min(SHARD, count - start)
        path = folder / f"{number:03d}-{size}.npy"
        if not path.with_suffix(".json").exists():
            tables.write_shard(path, *drawn(model, size, number, "synthetic"), about)
        paths.append(path)
    return paths


def beside(real: Embeddings, model: Model) -> pd.DataFrame:
    """How far as many synthetic vectors are like the real ones: a row a quantity."""
    made, clips = drawn(model, len(real), 0, "beside")
    rows = []
    for vectors, tracks in (
        (real.rows(0, len(real)), real.clips["track_id"]),
        (made.astype(np.float32), clips["track_id"]),
    ):
        cosines = vectors @ vectors.T
        np.fill_diagonal(cosines, -1)
        same = tracks.to_numpy(object)[:, None] == tracks.to_numpy(object)
        variance = np.linalg.svd(vectors - vectors.mean(axis=0), compute_uv=False) ** 2
        rows.append(
            {
                "median cosine of two clips": np.median(cosines[~same]),
                "median cosine of two clips of a track": np.median(cosines[same & (cosines > -1)]),
                "median cosine to the nearest clip": np.median(cosines.max(axis=1)),
                "median cosine to the 50th": np.median(np.partition(cosines, -50)[:, -50]),
                "median cosine to the nearest of another track": np.median(
                    np.where(same, -1, cosines).max(axis=1)
                ),
                "effective dimensions": variance.sum() ** 2 / (variance**2).sum(),
                "nearest clip is of the same track": same[
                    np.arange(len(same)), cosines.argmax(axis=1)
                ].mean(),
            }
        )
    return pd.DataFrame(rows, index=["real", "synthetic"]).T.rename_axis("quantity").reset_index()
