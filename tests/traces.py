"""Which files of a study know some clips: by name, by their id in an index, or by bytes."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import pandas as pd

from musical_roots.search.inverted import ids_of


def traces(folder: Path, clip_ids: pd.Series, words: Iterable[str | bytes]) -> Iterator[str]:
    """Names of files below a folder that hold a clip_id, its id in an index, or a word."""
    ids = [int(number).to_bytes(8, "little") for number in ids_of(clip_ids)]
    named = [word if isinstance(word, bytes) else word.encode() for word in (*clip_ids, *words)]
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        parquet = path.suffix == ".parquet"
        told = pd.read_parquet(path).to_csv().encode() if parquet else path.read_bytes()
        if any(word in told for word in named + ids):
            yield str(path.relative_to(folder))
