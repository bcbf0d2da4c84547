"""What `trace` reads of a finished study: its corpus, encoders, control music and tables."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from musical_roots import unit_vectors
from musical_roots.arrays import read_array, read_json
from musical_roots.config import load
from musical_roots.config import read as read_config
from musical_roots.encoders import base
from musical_roots.errors import InputError
from musical_roots.generators.base import FULL
from musical_roots.study import Study
from musical_roots.tables import Embeddings, open_shards, read_table

MAKE = "make it with `make study`, or name a finished one with --study"
UNTRAINED = ("random",)
NEEDED = ("corpus/tracks.csv", "corpus/clips.csv", "influence/indexes.parquet", "embeddings")


@dataclass(frozen=True)
class Finished:
    """A finished study.

    Attributes
    ----------
    folder : Path
        Its results.
    base : Path
        That relative paths in its tables start from.
    config : dict
    """

    folder: Path
    base: Path
    config: dict

    @cached_property
    def study(self) -> Study:
        """Where things lie in it."""
        return Study(self.config)

    @cached_property
    def tracks(self) -> pd.DataFrame:
        """Its corpus by track_id, with `file`: where each recording lies."""
        tracks = read_table(self.folder / "corpus/tracks.csv").set_index("track_id")
        return tracks.assign(
            file=[str(self.base / row.root / row.path) for row in tracks.itertuples()]
        )

    @cached_property
    def clips(self) -> pd.DataFrame:
        """Its clip list, with the indexes that each clip is in."""
        clips = read_table(self.folder / "corpus/clips.csv")
        return clips.merge(read_table(self.folder / "influence/indexes.parquet"), on="clip_id")

    @cached_property
    def encoders(self) -> list[str]:
        """Encoders that can be asked: trained or handcrafted ones that heard all of the corpus.

        The one that finds the same track most often among control clips comes first, by the study's
        own table.
        """
        heard = [name for name in self.study.witnesses if name not in UNTRAINED]
        return sorted(heard, key=lambda name: -self.recall.get(name, 0.0))

    @cached_property
    def of_songs(self) -> list[str]:
        """The two encoders by which songs are ranked: those that find the same track most often.

        One that takes no part in Experiment C may be among them.
        """
        heard = [
            name for name in self.study.encoders if name not in UNTRAINED and self._whole(name)
        ]
        best = sorted(heard, key=lambda name: -self.recall.get(name, 0.0))[:2]
        return best or self.encoders[:1]

    def _whole(self, encoder: str) -> bool:
        return all(encoder in self.study.hearing(split) for split in self.study.splits)

    @cached_property
    def recall(self) -> dict[str, float]:
        """Encoder -> how often it finds the same track among control clips."""
        table = self.table("retrieval", ["encoder", "recall_at_1"])
        return dict(zip(table.encoder, table.recall_at_1, strict=True))

    def table(self, name: str, columns: list[str]) -> pd.DataFrame:
        """One of its tables, with these columns; empty where the study has none of that name."""
        path = self.folder / f"tables/{name}.csv"
        return read_table(path, columns) if path.is_file() else pd.DataFrame(columns=columns)

    def corpus(self, encoder: str) -> Embeddings:
        """All clips of the corpus, as an encoder hears them."""
        return self._shards(encoder, self.study.splits)

    def control(self, encoder: str, generator: str | None) -> Embeddings:
        """Control music: as it is, or as it comes out of a generator's codec."""
        if generator is None:
            return self._shards(encoder, ["control"])
        return self._shards(encoder, [f"control_roundtrip-{FULL.get(generator, generator)}"])

    def _shards(self, encoder: str, clip_sets: list[str]) -> Embeddings:
        folders = [self.folder / "embeddings" / encoder / name for name in clip_sets]
        paths = [path for folder in folders for path in sorted(folder.glob("*.npy"))]
        if not paths:
            raise InputError(f"{folders[-1]}: no embeddings; {MAKE}")
        return open_shards(paths)

    @cached_property
    def codecs(self) -> list[str]:
        """Generators whose codec is known, and whose training tokens are at hand."""
        there = (self.folder / "tokens/index").glob("*/whole/train/index.json")
        return sorted(path.parts[-4] for path in there)

    def checkpoints(self, name: str) -> Path:
        """Folder of the weights of an encoder or generator."""
        return self.base / self.study.models[name].checkpoints

    def encoder(self, name: str) -> base.Encoder:
        """An encoder as the study ran it."""
        options, encode = self.config["encoders"][name], self.config["encode"]
        how = {key: options[key] for key in ("part", "features") if options.get(key)}
        how |= {"device": encode["device"], "precision": encode["precision"]}
        return base.load(name, self.checkpoints(name), seed=self.config["seed"], **how)

    def vectors(self, name: str, features: np.ndarray, fingerprint: str) -> np.ndarray:
        """Raw features as the study's unit vectors: float32 [n, dim] -> float16 [n, dim].

        Raises
        ------
        InputError
            If the study's vectors were made with other weights or statistics.
        """
        fitted = read_array(self.folder / f"embeddings/{name}/statistics.npy")
        mine, theirs = f"{fingerprint}+{unit_vectors.digest(fitted)}", self._fingerprint(name)
        if mine != theirs:
            raise InputError(
                f"{self.folder}: its {name} was {theirs}, this one is {mine}; take the code and "
                "weights that made the study, or make it anew"
            )
        return unit_vectors.of(features, fitted)

    def _fingerprint(self, name: str) -> str:
        return self.corpus(name).provenance["fingerprint"]


def opened(where: Path) -> Finished:
    """A finished study, by its folder of results or by its config.

    Raises
    ------
    InputError
        If it is neither, or the study is not finished.
    """
    if where.suffix in (".yaml", ".yml"):
        where = Path(read_config([where])["results"])
    told = where / "config.json"
    if not told.is_file():
        raise InputError(f"{where}: no finished study is there; {MAKE}")
    try:
        config = load(read_json(told))
    except ValueError as error:
        raise InputError(f"{told}: not a study's config ({error}); {MAKE}") from error
    for path in NEEDED:
        if not (where / path).exists():
            raise InputError(f"{where / path}: missing, so the study is not finished; {MAKE}")
    return Finished(where, _base(where, Path(config["results"])), config)


def _base(where: Path, named: Path) -> Path:
    """The folder that the study was run in: what stands before its own name of its results."""
    whole = where.resolve()
    if not named.is_absolute() and whole.parts[-len(named.parts) :] == named.parts:
        return Path(*whole.parts[: -len(named.parts)])
    return Path()
