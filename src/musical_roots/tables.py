"""Read and write tables and embedding shards: atomically, and with where they came from.

A table is CSV (for people) or Parquet (for stages), by its suffix. A shard of embeddings is three
files beside each other: ``000.npy`` (vectors), ``000.parquet`` (the clips they belong to, row by
row) and ``000.json`` (provenance: the encoder's fingerprint, versions, seed).
"""

import csv
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from musical_roots.arrays import read_array, read_json, write_vectors
from musical_roots.atomic import atomic
from musical_roots.errors import InputError

# Columns that stay text in a CSV or TSV, whatever they look like; empty is "".
TEXT = {
    *(
        "root",
        "path",
        "title",
        "artist",
        "album",
        "licence",
        "attribution",
        "source",
        "split",
        "reason",
    ),
    *("package", "version", "architecture", "pool_path", "homepage", "sha256", "codec", "role"),
    *("encoder", "kind", "generator", "unit", "target", "prompts", "claim", "certainty"),
    "verdict",
}
# control characters, line separators, and halves of characters, which no table can hold
UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")


def plain(text: str) -> str:
    """Text from a file's tags or a person's table, fit for one field: no control characters."""
    return UNPRINTABLE.sub(" ", text).strip()


def write_table(table: pd.DataFrame, path: Path | str) -> None:
    """Write CSV or Parquet, by the suffix, atomically. The same table gives the same bytes."""
    with atomic(path) as temporary:
        if Path(path).suffix == ".parquet":
            table.to_parquet(temporary, index=False)
        else:
            table.to_csv(temporary, index=False, lineterminator="\n", quoting=_quoting(table))


def _quoting(table: pd.DataFrame) -> int:
    """Some versions of `csv` leave a bare carriage return unquoted: then all text is quoted."""
    texts = table.select_dtypes(exclude="number")
    returned = any("\r" in str(value) for column in texts for value in texts[column])
    return csv.QUOTE_NONNUMERIC if returned else csv.QUOTE_MINIMAL


def read_table(path: Path | str, columns: list[str] | None = None) -> pd.DataFrame:
    """Read CSV, TSV or Parquet, by the suffix.

    Raises
    ------
    InputError
        If the file is missing, is not a table, or lacks one of `columns`.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such table; run the stage that makes it, or mend the path")
    try:
        if path.suffix == ".parquet":
            table = pd.read_parquet(path)
        else:
            separator = "\t" if path.suffix == ".tsv" else ","
            # an artist called "NA" is an artist, and an id of digits alone is no number
            header = pd.read_csv(path, sep=separator, nrows=0).columns
            text = {column: str for column in header if column in TEXT or column.endswith("_id")}
            table = pd.read_csv(
                path, sep=separator, dtype=text, na_values=[""], keep_default_na=False
            )
            table = table.fillna(dict.fromkeys(text, ""))
    except (ValueError, OSError) as error:
        raise InputError(f"{path}: not a readable table ({error}); make it again") from error
    missing = [column for column in columns or [] if column not in table.columns]
    if missing:
        raise InputError(
            f"{path}: column {', '.join(missing)} is missing; add it to the header and the rows"
        )
    return table


def read_tables(paths: Iterable[Path | str], columns: list[str] | None = None) -> pd.DataFrame:
    """Read several tables with the same columns as one; raises as `read_table`."""
    return pd.concat([read_table(path, columns) for path in paths], ignore_index=True)


def among(arrays: dict[str, np.ndarray], tracks: pd.DataFrame) -> dict[str, np.ndarray]:
    """Of arrays by track_id, those of the small training set: `tracks` has track_id, small."""
    return {track: arrays[track] for track in tracks.track_id[tracks.small]}


def joined(parts: Iterable[tuple[str, pd.DataFrame]]) -> pd.DataFrame:
    """Parts of a table as one, each with its generator in the second column if it lacks it.

    Parameters
    ----------
    parts : iterable of (str, DataFrame)
        What results call a generator, and its part.
    """
    told = []
    for label, part in parts:
        if "generator" not in part:
            part.insert(min(1, part.shape[1]), "generator", label)
        told.append(part)
    return pd.concat(told, ignore_index=True)


def heard_clips(paths: Iterable[Path | str]) -> pd.DataFrame:
    """Clips of embedded shards of any encoders, with `encoder` and the span that it heard."""
    opened = [open_shards([path]) for path in paths]
    parts = [shard.clips.assign(encoder=shard.provenance["encoder"]) for shard in opened]
    return pd.concat(parts, ignore_index=True)


@dataclass(frozen=True)
class Embeddings:
    """Shards of unit vectors, memory-mapped, and the clips they belong to.

    Attributes
    ----------
    clips : DataFrame
        One row a vector: clip_id, track_id, group_id, in the order of the shards.
    vectors : list of ndarray, float16 [n_i, dim]
        One memory map a shard.
    provenance : dict
        Common to all shards: encoder, fingerprint, dim, seed, versions.
    """

    clips: pd.DataFrame
    vectors: list[np.ndarray]
    provenance: dict

    def __len__(self) -> int:
        return len(self.clips)

    @cached_property
    def ends(self) -> np.ndarray:
        """Position behind the last row of each shard: int64 [shards], rising."""
        return np.cumsum([len(shard) for shard in self.vectors], dtype=np.int64)

    def rows(self, start: int, stop: int, room: np.ndarray | None = None) -> np.ndarray:
        """Vectors `start` to `stop` over all shards: float32 [stop - start, dim].

        They are written to the first rows of `room`, if it is given.
        """
        first = np.searchsorted(self.ends, start, side="right")
        last = np.searchsorted(self.ends, stop, side="left") + 1
        parts = []
        for shard, end in zip(self.vectors[first:last], self.ends[first:last], strict=True):
            begun = end - len(shard)
            parts.append(shard[max(start - begun, 0) : stop - begun])
        if not parts:
            return np.empty((0, self.provenance["dim"]), np.float32)
        return widen(parts[0] if len(parts) == 1 else np.concatenate(parts), room)

    def with_rows(self, more: "Embeddings") -> "Embeddings":
        """These rows, then those of `more`, which are of the same fingerprint."""
        clips = pd.concat([self.clips, more.clips], ignore_index=True)
        return Embeddings(clips, [*self.vectors, *more.vectors], self.provenance)

    def where(self, mask: np.ndarray) -> "Embeddings":
        """The rows that the mask, bool [len(self)], picks: in memory, in the same order."""
        masks = np.split(mask, self.ends[:-1])
        parts = [shard[part] for shard, part in zip(self.vectors, masks, strict=True)]
        return Embeddings(self.clips[mask].reset_index(drop=True), parts, self.provenance)


def widen(half: np.ndarray, room: np.ndarray | None = None) -> np.ndarray:
    """Turn float16 to float32 by shifting bits: 7 times as fast as astype, exact if finite.

    It is written to the first rows of `room`, if that is given: new memory takes longer than the
    work.
    """
    wide = np.empty(half.shape, np.float32) if room is None else room[: len(half)]
    bits = wide.view(np.int32)
    np.left_shift(half.view(np.int16), 13, out=bits, dtype=np.int32, casting="unsafe")
    bits &= np.int32(-0x70002000)  # the sign, and the exponent and fraction in their new place
    wide *= np.float32(2.0**112)  # the exponents' different bias
    return wide


def write_shard(
    stem: Path | str, vectors: np.ndarray, clips: pd.DataFrame, provenance: dict
) -> None:
    """Write one shard: `stem`.npy, `stem`.parquet and `stem`.json."""
    if len(vectors) != len(clips):
        raise ValueError(f"{stem}: {len(vectors)} vectors for {len(clips)} clips")
    write_table(clips, Path(stem).with_suffix(".parquet"))
    write_vectors(stem, vectors, provenance)


def listed(paths: Iterable[Path | str]) -> list[Path]:
    """Shards; a list of some (``.csv``) stands for those, for jobs that take thousands."""
    return [
        Path(shard)
        for path in map(Path, paths)
        for shard in (read_table(path, ["path"]).path if path.suffix == ".csv" else [path])
    ]


def open_shards(paths: Iterable[Path | str]) -> Embeddings:
    """Open shards as one set of embeddings; `paths` are their ``.npy`` files, or lists of them.

    Raises
    ------
    InputError
        If a shard is missing or damaged, or was made by another encoder, other weights or other
        statistics than the rest.
    """
    clips, vectors, provenance = [], [], None
    for path in listed(paths):
        try:
            vectors.append(read_array(path, mapped=True))
            clips.append(pd.read_parquet(path.with_suffix(".parquet")))
            made_by = read_json(path.with_suffix(".json"))
        except (OSError, ValueError) as error:
            raise InputError(
                f"{path}: not a readable shard ({error}); delete it and run again"
            ) from error
        if len(vectors[-1]) != len(clips[-1]):
            count = f"{len(vectors[-1])} vectors for {len(clips[-1])} clips"
            raise InputError(f"{path}: {count}; delete it and run again")
        provenance = provenance or made_by
        if made_by["fingerprint"] != provenance["fingerprint"]:
            raise InputError(
                f"{path}: made with fingerprint {made_by['fingerprint']}, the other shards with "
                f"{provenance['fingerprint']}; delete the older ones and run again"
            )
    return Embeddings(pd.concat(clips, ignore_index=True), vectors, provenance)
