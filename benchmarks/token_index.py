"""What a token index costs at the paper's size: bytes, CPU seconds and memory a clip.

`python benchmarks/token_index.py` writes token_index.csv: shards of synthetic tokens are built,
merged and looked up, memory-mapped. Tokens are drawn by Zipf's law from VampNet's 1,024 entries,
the second codebook by the first's, 173 frames a clip of 3 s, a clip a track. Real music repeats
itself within a clip, so that its postings are fewer; one a frame is the most there can be. What
5,000,000 clips take is these numbers times so many, an extrapolation.
"""

import tempfile
import tracemalloc
from pathlib import Path
from time import process_time

import numpy as np
import pandas as pd
from measuring import ROOT

from musical_roots import cost
from musical_roots.experiments.token_share import BLOCK, CODEBOOKS, TokenIndex, merge
from musical_roots.provenance import environment

CLIPS = 5_000_000  # the paper's
ENTRIES, FRAMES = 1024, 173  # VampNet's, of 3 s
SHARD, SHARDS = 10_000, 4
OUTPUTS = 50


def tokens(count: int, generator: np.random.Generator) -> np.ndarray:
    """Synthetic tokens: int [count, 2, frames]."""
    weight = 1 / np.arange(1, ENTRIES + 1)
    drawn = generator.choice(ENTRIES, (count, 2, FRAMES), p=weight / weight.sum())
    drawn[:, 1] = (drawn[:, 0] * 37 + drawn[:, 1]) % ENTRIES
    return drawn


def measured(what: str, items: int, work) -> tuple[dict, object]:
    """A row of the table, and what the work gives."""
    tracemalloc.start()
    start = process_time()
    made = work()
    seconds = process_time() - start
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    row = {"what": what, "items": items, "cpu_ms_an_item": 1000 * seconds / items}
    return row | {"peak_mb": peak / 1e6}, made


def built(folder: Path, number: int) -> Path:
    """A shard on disk."""
    made = tokens(SHARD, np.random.default_rng(number))
    clips = {f"{number:03d}{row:08d}": clip for row, clip in enumerate(made)}
    TokenIndex.build(clips, CODEBOOKS).write(folder / f"{number:03d}")
    return folder / f"{number:03d}"


def looked_up(index: TokenIndex) -> None:
    """Evidence of all clips for some outputs, one after the other."""
    for output in tokens(OUTPUTS, np.random.default_rng(SHARDS)):
        index.evidence(output)


def main() -> pd.DataFrame:
    """A row a step: building, merging, looking up."""
    clips = SHARD * SHARDS
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        first, shard = measured("build a shard", SHARD, lambda: built(folder, 0))
        shards = [shard, *(built(folder, number) for number in range(1, SHARDS))]
        block = BLOCK // 4
        second, _ = measured("merge", clips, lambda: merge(shards, folder / "whole", block))
        index = TokenIndex.open(folder / "whole")
        third, _ = measured("look up an output", OUTPUTS, lambda: looked_up(index))
        size = sum(path.stat().st_size for path in (folder / "whole").iterdir())
    table = pd.DataFrame([first, second, third]).assign(clips=[SHARD, clips, clips])
    table["bytes_a_clip"] = [np.nan, size / clips, np.nan]
    # an output reads more postings the more clips there are, in proportion
    scale = [CLIPS / SHARD, CLIPS / clips, CLIPS / clips]
    spent = table.cpu_ms_an_item * table["items"] * scale / 1000
    table["cpu_s_at_5_million_extrapolated"] = spent / [1, 1, OUTPUTS]
    table["gb_at_5_million_extrapolated"] = table.bytes_a_clip * CLIPS / 1e9
    table = table.round({"cpu_ms_an_item": 4, "peak_mb": 0, "bytes_a_clip": 0})
    table = table.round({name: 1 for name in table if name.endswith("extrapolated")})
    return table.assign(gflops=round(cost.gflops()), hardware=environment()["processor"])


if __name__ == "__main__":
    made = main()
    made.to_csv(ROOT / "benchmarks/token_index.csv", index=False)
    print(made.T.to_string())
