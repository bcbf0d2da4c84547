"""Embeddings and what is known of their music, in one Parquet file that vector databases load."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from musical_roots.atomic import atomic
from musical_roots.errors import InputError
from musical_roots.tables import listed, open_shards

# Column there -> column of tracks. The paper's index held song, artist and genre.
METADATA = {
    "song": "title",
    "artist": "artist",
    "genre": "genre",
    "album": "album",
    "licence": "licence",
    "attribution": "attribution",
}
CLIP = {"track_id": pa.string(), "split": pa.string(), "start_s": pa.float64()}
CLIP |= {"duration_s": pa.float64()}


def schema(dim: int, made_by: dict) -> pa.Schema:
    """Columns of the file; what made the vectors is in its metadata, and in a column of its own.

    Parameters
    ----------
    dim : int
        Of a vector.
    made_by : dict
        Sidecar of the shards.
    """
    fields = [("clip_id", pa.string()), ("vector", pa.list_(pa.float32(), dim))]
    fields += [*CLIP.items(), *((name, pa.string()) for name in METADATA)]
    fields += [("encoder", pa.string()), ("fingerprint", pa.string())]
    told = {key: str(made_by[key]) for key in ("encoder", "fingerprint")}
    return pa.schema(fields, metadata=told | {"metric": "cosine"})


def batches(shards: list[Path], tracks: pd.DataFrame) -> Iterator[pa.Table]:
    """The shards one by one, a row a clip.

    Parameters
    ----------
    shards : list of Path
        ``.npy`` files of one encoder, or lists of them.
    tracks : DataFrame
        The corpus's tracks; one has the genre only where its source told.

    Raises
    ------
    InputError
        If a shard is damaged, another encoder's, or has a clip whose track is not in `tracks`.
    """
    known = tracks.set_index("track_id").reindex(columns=list(METADATA.values()))
    made_by = None
    for shard in listed(shards):
        part = open_shards([shard])
        made_by = made_by or part.provenance
        if part.provenance["fingerprint"] != made_by["fingerprint"]:
            raise InputError(
                f"{shard}: made with fingerprint {part.provenance['fingerprint']}, the first shard "
                f"with {made_by['fingerprint']}; export one encoder at a time, from one run"
            )
        strangers = ~part.clips.track_id.isin(known.index)
        if strangers.any():
            track = part.clips.track_id[strangers].iloc[0]
            raise InputError(f"{shard}: track {track} is not in the table of tracks; give its own")
        yield _table(part.clips, part.rows(0, len(part)), known, made_by)


def write_parquet(shards: list[Path], tracks: pd.DataFrame, path: Path | str) -> int:
    """Write all shards to one Parquet file, a row group a shard; how many clips there are.

    Memory is that of one shard. Vectors are float32 of unit length; rows that have no direction
    (a clip that says nothing) are zeros, and no database finds them by cosine.
    """
    writer, count = None, 0
    with atomic(path) as temporary:
        try:
            for table in batches(shards, tracks):
                writer = writer or pq.ParquetWriter(temporary, table.schema, compression="zstd")
                writer.write_table(table)
                count += len(table)
        finally:
            if writer:
                writer.close()
        if writer is None:
            raise InputError("no shards: nothing to export; name some embeddings")
    return count


def _table(clips: pd.DataFrame, vectors: np.ndarray, known: pd.DataFrame, made_by: dict):
    dim = vectors.shape[1]
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = (vectors / np.where(norms > 0, norms, 1)).astype(np.float32)
    told = known.loc[clips.track_id]
    flat = pa.array(unit.ravel(), pa.float32())
    columns = [pa.array(clips.clip_id, pa.string()), pa.FixedSizeListArray.from_arrays(flat, dim)]
    columns += [pa.array(clips[name], kind) for name, kind in CLIP.items()]
    columns += [_strings(told[name]) for name in METADATA.values()]
    columns += [pa.array([made_by[key]] * len(clips)) for key in ("encoder", "fingerprint")]
    return pa.Table.from_arrays(columns, schema=schema(dim, made_by))


def _strings(column: pd.Series) -> pa.Array:
    return pa.array([None if pd.isna(value) else str(value) for value in column], pa.string())
