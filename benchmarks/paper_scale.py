"""What the paper's study costs: hours and disk at its size, by what single items cost here.

`python benchmarks/paper_scale.py` writes paper_scale.csv. The number of items is what
config/paper.yaml asks for, with the paper's 5,000,000 clips. Weights are random ones of the
published formats, music is synthetic: neither changes the time.
"""

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import soundfile
import torch
from measuring import ROOT, best, excerpts, music
from threadpoolctl import threadpool_limits

from musical_roots import config, cost, perturb, search, tables
from musical_roots.encoders import base
from musical_roots.provenance import environment
from musical_roots.seeding import rng
from musical_roots.study.clip_sets import active
from musical_roots.weights import checkpoints

CLIPS = 5_000_000  # the paper's
DIM = 512  # of CLAP; CLMR's projector has 64
ENCODERS = ("clap", "clmr")


def counts(study: dict) -> dict[str, int]:
    """Clips and vamps that a config asks for beside the corpus."""
    kinds, asked = study["robustness"]["perturbations"], study["generation"]
    rendered = [kind for kind in active(kinds) if "levels" in kinds[kind]]
    vampnets = [name for name in active(study["generators"]) if name.startswith("vampnet")]
    vamps = asked["prompts"] * asked["vamps_per_prompt"] * len(vampnets)
    of_each = int(asked["duration_s"] // study["clips"]["duration_s"])
    excerpts = 2 * study["influence"]["excerpts"]  # as they are, and through the codec
    levels = sum(len(kinds[kind]["levels"]) for kind in rendered)
    perturbed = study["robustness"]["queries"] * levels
    queries = perturbed + of_each * (vamps + excerpts)
    return {"vamps": vamps, "perturbed": perturbed, "queries": queries}


def encoding(name: str) -> tuple[float, int]:
    """CPU seconds and bytes a clip."""
    with tempfile.TemporaryDirectory() as folder:
        checkpoints.fetch_random(name, folder, seed=0)
        encoder = base.load(name, folder)
    clips = excerpts(encoder.sample_rate, 16)
    (seconds,) = best(lambda: encoder.encode(clips))
    return seconds / len(clips), encoder.dim * (4 + 2)  # features are float32, vectors float16


def rendering(study: dict) -> float:
    """CPU seconds a perturbed clip, mean over the paper's kinds and levels."""
    kinds = study["robustness"]["perturbations"]
    wanted = ("pitch", "stretch", "noise", "splice_training")
    seconds = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "track.wav"
        soundfile.write(path, music(9, 44_100), 44_100)
        for kind in wanted:
            for level in kinds[kind]["levels"]:
                how = 3.0, kind, level, 44_100, rng(0, "benchmark"), (path, 5.0)
                (spent,) = best(lambda how=how: perturb.render(path, 3.0, *how))
                seconds.append(spent)
    return float(np.mean(seconds))


def searching(size: int = 100_000, count: int = 200) -> float:
    """CPU seconds a query and 5,000,000 clips, exactly, top 50; synthetic vectors."""
    generator = np.random.default_rng(0)

    def shard(name: str, n: int) -> tables.Embeddings:
        drawn = generator.normal(size=(n, DIM))
        drawn /= np.linalg.norm(drawn, axis=1, keepdims=True)
        ids = [f"{name}{row:012x}" for row in range(n)]
        clips = pd.DataFrame({"clip_id": ids, "track_id": ids, "group_id": ids})
        path = Path(folder) / f"{name}.npy"
        made_by = {"encoder": "synthetic", "fingerprint": "synthetic"}
        tables.write_shard(path, drawn.astype(np.float16), clips, made_by)
        return tables.open_shards([path])

    with tempfile.TemporaryDirectory() as folder:
        index, queries = shard("index", size), shard("queries", count)
        (seconds,) = best(lambda: search.matches(queries, index, k=50))
    return seconds / count / size * CLIPS


def main() -> pd.DataFrame:
    """A row a part of the study: what an item costs, how many there are, and all of them."""
    study = config.read([ROOT / "config/config.yaml", ROOT / "config/paper.yaml"])
    asked = counts(study)
    rows = []
    for name in ENCODERS:
        seconds, size = encoding(name)
        clips = CLIPS + asked["queries"]
        rows.append((f"encode with {name}, fp32", "clip", clips, seconds, size))
    rows.append(("perturb, and write", "clip", asked["perturbed"], rendering(study), 0))
    items = len(ENCODERS) * asked["queries"]
    rows.append((f"search {CLIPS} x {DIM} exactly", "query", items, searching(), 0))
    names = ["what", "item", "items", "cpu_s_an_item", "bytes_an_item"]
    table = pd.DataFrame(rows, columns=names)
    table["cpu_hours"] = (table["items"] * table.cpu_s_an_item / 3600).round(1)
    table["gigabytes"] = (table["items"] * table.bytes_an_item / 1e9).round(1)
    table["cpu_s_an_item"] = table.cpu_s_an_item.round(4)
    return table.assign(gflops=round(cost.gflops()), hardware=environment()["processor"])


def as_markdown(table: pd.DataFrame) -> str:
    """The table as docs/reproducing.md shows it."""
    shown = table[["what", "item", "items", "cpu_s_an_item", "cpu_hours", "gigabytes"]]
    shown = shown.assign(items=[f"{count:,}" for count in shown["items"]])
    names = {"cpu_s_an_item": "CPU-s an item", "cpu_hours": "CPU-hours", "gigabytes": "GB"}
    return shown.rename(columns=names).to_markdown(index=False, disable_numparse=True)


if __name__ == "__main__":
    torch.set_num_threads(1)
    with threadpool_limits(1):
        made = main()
    tables.write_table(made, ROOT / "benchmarks/paper_scale.csv")
    print(as_markdown(made))
