"""Whether a clip costs the same among 1,000 and among 10,000: throughput.csv.

`python benchmarks/throughput.py 1000 10000 --recordings resources/recordings`. Recordings are
repeated under other names (links), so that each clip is of a file of its own, decoded anew. The
encoder is MFCC, the cheapest, beside which whatever grows would show most.
"""

import argparse
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from measuring import ROOT
from threadpoolctl import threadpool_limits

from musical_roots import audio, embed, tables, unit_vectors
from musical_roots.encoders import base
from musical_roots.provenance import environment

CLIP_S = 3.0


def clip_list(recordings: list[Path], count: int, folder: Path) -> pd.DataFrame:
    """So many clips, at other places of recordings under other names."""
    rows = []
    for number in range(count):
        path = recordings[number % len(recordings)]
        link = folder / f"{number:06d}{path.suffix}"
        link.symlink_to(path)
        rows.append((f"{number:016x}", str(link), CLIP_S * (number // len(recordings) % 8)))
    table = pd.DataFrame(rows, columns=["clip_id", "path", "start_s"])
    return table.assign(duration_s=CLIP_S)


def measure(recordings: list[Path], count: int) -> dict:
    """Features and unit vectors of so many clips: CPU-seconds of all threads."""
    encoder = base.load("mfcc", ROOT)
    with tempfile.TemporaryDirectory() as folder:
        clips = clip_list(recordings, count, Path(folder))
        start, unheard = time.process_time(), []
        features = embed.encode(clips, encoder, unheard=unheard)
        vectors = unit_vectors.of(features, unit_vectors.fit([features], encoder.standardise))
        spent = time.process_time() - start
    assert not unheard and np.isfinite(vectors).all()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    row = {"clips": count, "cpu_ms_a_clip": round(1000 * spent / count, 3)}
    return row | {"peak_mb": round(peak), "hardware": environment()["processor"]}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("counts", type=int, nargs="+")
    parser.add_argument("--recordings", type=Path, default=ROOT / "resources/recordings")
    given = parser.parse_args()
    found = sorted(p for p in given.recordings.rglob("*") if p.suffix in audio.SUFFIXES)
    found = [path.resolve() for path in found if audio.probe(path).duration_s > 9 * CLIP_S]
    with threadpool_limits(1):
        rows = [measure(found, count) for count in sorted(given.counts)]
    tables.write_table(pd.DataFrame(rows), ROOT / "benchmarks/throughput.csv")
