"""Exact or approximate, and from which size on: time, memory, disk, recall, and Experiment C.

`python benchmarks/search_scale.py 10000 100000` measures at these sizes, and writes
search_scale.csv, search_effects.csv, search_growth.csv, search_synthetic.csv and search_scale.svg;
what was measured at other sizes stays. The training set of a study (`--embeddings`, a folder such
as results/embeddings/musicnn) is searched among so many synthetic clips that are like it
(`synthetic_vectors.py`) for vamps of the study, for its control music after the codec, and, so that
there are 1,000 queries, for control music as it is. Times are CPU-seconds of one
thread, to be divided by each other: `speed_ratio` is seconds of the exact search by float32
products over those of a row. `exact` proposes by bfloat16 where the processor multiplies it by AMX
(`search/blocks.py`): elsewhere it is `exact_float32`.
"""

import argparse
import math
import multiprocessing
import tempfile
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

import faiss
import matplotlib
import numpy as np
import pandas as pd
from measuring import ROOT
from synthetic_vectors import Model, beside, fitted, shards, turned
from threadpoolctl import threadpool_limits

from musical_roots import cost, devices
from musical_roots.provenance import environment
from musical_roots.search import blocks, codes, exact, inverted, planning
from musical_roots.search.approximate import Approximate
from musical_roots.search.blocks import ROWS
from musical_roots.search.vectors import unit_rows
from musical_roots.tables import Embeddings, open_shards

matplotlib.use("Agg")
from matplotlib import pyplot as plt

K, BLOCK, SEED = 50, ROWS, 20240125
FITTED = 3  # sizes at the least, of a line with an interval
KEYS = {"effects": ["clips", "how"], "synthetic": ["quantity"]}
KEYS["scale"] = [*KEYS["effects"], "hardware"]


class Memory:
    """Peaks while a block runs, in MB: what is the process's own, and pages of mapped files."""

    def __enter__(self):
        self.own = self.mapped = 0.0
        self.begun = _resident()[0]
        self.ended = threading.Event()
        self.watcher = threading.Thread(target=self._watch)
        self.watcher.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.watcher.join()

    def _watch(self):
        while True:
            own, mapped = _resident()
            self.own, self.mapped = max(self.own, own), max(self.mapped, mapped)
            if self.ended.wait(0.05):
                return


def _resident() -> tuple[float, float]:
    told = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines())
    return tuple(int(told[name].split()[0]) / 1024 for name in ("RssAnon", "RssFile"))


def measured(what: str, work) -> tuple[dict, object]:
    """CPU-seconds and peaks of memory of some work, and what it gives."""
    with Memory() as memory:
        start = time.process_time()
        made = work()
        seconds = time.process_time() - start
    return {
        f"{what}_cpu_s": round(seconds, 3),
        f"{what}_own_mb": round(memory.own),
        f"{what}_mapped_mb": round(memory.mapped),
    }, made


def bare_product(queries: Embeddings, index: Embeddings) -> float:
    """CPU-seconds of the float32 product alone, over the blocks of the exact search."""
    unit = unit_rows(queries.rows(0, len(queries)), queries, 0)
    scores, seconds = np.empty((len(queries), BLOCK), np.float32), 0.0
    for start in range(0, len(index), BLOCK):
        rows = index.rows(start, min(start + BLOCK, len(index)))
        begun = time.process_time()
        np.matmul(unit, rows.T, out=scores[:, : len(rows)])
        seconds += time.process_time() - begun
    return seconds


def agrees_with_flat(queries: Embeddings, index: Embeddings, found: pd.DataFrame) -> float:
    """Share of matches that IndexFlatIP has too, ties aside: those as near as its last."""
    unit, heap = unit_rows(queries.rows(0, len(queries)), queries, 0), faiss.ResultHeap(
        len(queries), K, keep_max=True
    )  # fmt: skip
    for start in range(0, len(index), 100_000):
        rows = index.rows(start, min(start + 100_000, len(index)))
        flat = faiss.IndexFlatIP(rows.shape[1])
        flat.add(unit_rows(rows, index, start))
        cosines, places = flat.search(unit, K)
        heap.add_result(cosines, places + start)
    heap.finalize()
    last = np.repeat(heap.D[:, -1], K)
    return float((found["cosine"].to_numpy() >= last - 1e-6).mean())


def exactly(paths: list[Path], real: Embeddings, queries: Embeddings, narrow: bool) -> tuple:
    """A row on the exact search, by products in bfloat16 where it may, and its match table."""
    index = open_shards(paths).with_rows(real)
    if not narrow:
        blocks.LARGE = math.inf
    devices.multiplies_bf16()  # it imports torch, once
    row, found = measured("search", lambda: exact.matches(queries, index, K))
    few = queries.where(np.arange(len(queries)) < 100)
    whole = exact.matches(few, index, K)
    row |= {"bare_product_cpu_s": round(bare_product(queries, index), 3)}
    row["over_bare_product"] = round(row["search_cpu_s"] / row["bare_product_cpu_s"], 3)
    row["as_flat"] = round(agrees_with_flat(few, index, whole), 5)
    row["vectors_mb"] = round(sum(path.stat().st_size for path in paths) / 1e6, 1)
    return row, found


def approximately(
    quantiser: str,
    paths: list[Path],
    real: Embeddings,
    queries: Embeddings,
    file: Path,
    recall: float,
    kept: bool,
) -> tuple:
    """A row on an approximate search, and its match table; without building, of a kept index."""
    index = open_shards(paths).with_rows(real)
    faiss.omp_set_num_threads(1)
    built = {} if kept else building(quantiser, index, queries, file, recall)
    search = Approximate.open(file)
    search.matches(queries.where(np.arange(len(queries)) < 2), index, K)  # it looks ids up, once
    row, found = measured("search", lambda: search.matches(queries, index, K))
    shown = ("probed", "depth", "target", "reached", "n_queries")
    plan = search.plan
    told = {name: plan[name] for name in shown}
    told |= {name: round(plan[name], 4) for name in plan if name.startswith("recall_at_")}
    size = sum(file.with_suffix(end).stat().st_size for end in (".faiss", ".parquet", ".json"))
    row |= built | told
    return row | {"lists": search.held.about["lists"], "index_mb": round(size / 1e6, 1)}, found


def building(
    quantiser: str, index: Embeddings, queries: Embeddings, file: Path, recall: float
) -> dict:
    """What it took to make an index, with its plan."""
    trained, empty = measured("train", lambda: inverted.train(index, quantiser, SEED))
    filled, held = measured("fill", lambda: inverted.with_clips(empty, index))
    settings = recall, min(500, len(queries)), 1000, 0.95, SEED, "none"
    planned, held = measured("plan", lambda: planning.plan(held, queries, index, *settings))
    inverted.write(held, file)
    return trained | filled | planned


def effects(found: pd.DataFrame, outputs: pd.Series, null: pd.Series) -> dict:
    """What Experiment C says: threshold of the null, p of each output, songs found most often."""
    best = found[found["rank"] == 1].set_index("query_clip_id")["cosine"]
    ours, theirs = best.reindex(outputs).to_numpy(), best.reindex(null).to_numpy()
    p = (1 + (theirs[None, :] >= ours[:, None]).sum(axis=1)) / (1 + len(theirs))
    top = found[found["query_clip_id"].isin(outputs) & (found["rank"] <= 10)]
    songs = top["track_id"].value_counts().sort_index().sort_values(ascending=False, kind="stable")
    return {"p": p, "threshold": np.quantile(theirs, 0.95), "songs": list(songs.index[:10])}


def compared(ours: dict, exactly: dict) -> dict:
    """How far apart they are."""
    return {
        "threshold": round(ours["threshold"], 6),
        "threshold_less_exact": round(ours["threshold"] - exactly["threshold"], 6),
        "largest_change_of_p": round(float(np.abs(ours["p"] - exactly["p"]).max()), 5),
        "outputs_at_p_05": int((ours["p"] <= 0.05).sum()),
        "outputs_at_p_05_exact": int((exactly["p"] <= 0.05).sum()),
        "of_ten_top_songs": len(set(ours["songs"]) & set(exactly["songs"])),
        "n_outputs": len(ours["p"]),
    }


def alone(work, *arguments):
    """The same in a process of its own, whose memory nothing else has touched."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(_one_thread, work, arguments).result()


def _one_thread(work, arguments):
    import torch  # before its threads are limited

    torch.set_num_threads(1)
    with threadpool_limits(1):
        return work(*arguments)


def at(
    size: int,
    study: tuple,
    model: Model,
    folder: Path,
    quantisers: list[str],
    recall: float,
    kept: bool,
):
    """Rows of one size: scale, effects."""
    real, outputs, null, control = study
    paths = shards(model, max(size - len(real), 1), folder, real.provenance)
    count = sum(int(path.stem.split("-")[1]) for path in paths)
    queries = outputs.with_rows(null).with_rows(control)
    keys = outputs.clips["clip_id"], null.clips["clip_id"]
    row, found = alone(exactly, paths, real, queries, False)
    truth = effects(found, *keys)
    common = {"clips": count + len(real), "queries": len(queries)}
    quick, same = alone(exactly, paths, real, queries, True)
    pd.testing.assert_frame_equal(same, found)
    quick["speed_ratio"] = round(row["search_cpu_s"] / quick["search_cpu_s"], 2)
    rows = [common | {"how": "exact"} | quick, common | {"how": "exact_float32"} | row]
    changed = []
    for quantiser in quantisers:
        file = folder / f"{size}-{quantiser}.faiss"
        how = quantiser, paths, real, queries, file, recall, kept and file.is_file()
        mine, table = alone(approximately, *how)
        mine["speed_ratio"] = round(row["search_cpu_s"] / mine["search_cpu_s"], 2)
        rows.append(common | {"how": quantiser} | mine)
        changed.append(common | {"how": quantiser} | compared(effects(table, *keys), truth))
    return rows, changed


def growth(scale: pd.DataFrame) -> pd.DataFrame:
    """Exponents of the growth with the number of clips, of least squares of logarithms.

    The interval is of Student's t with the residuals' degrees of freedom: of few sizes, wide.
    """
    from scipy import stats

    rows = []
    for how, part in of_one_processor(scale).groupby("how", sort=False):
        for name in ("search_cpu_s", "train_cpu_s", "fill_cpu_s", "search_own_mb", "index_mb"):
            mine = part[["clips", name]].dropna()
            if len(mine) < FITTED or (mine[name] <= 0).any():
                continue
            line = stats.linregress(np.log(mine["clips"]), np.log(mine[name]))
            wide = stats.t.ppf(0.975, len(mine) - 2) * line.stderr
            told = {"exponent": line.slope, "low": line.slope - wide, "high": line.slope + wide}
            rows.append({"how": how, "what": name, **told, "sizes": len(mine)})
    columns = ["how", "what", "exponent", "low", "high", "sizes"]
    return pd.DataFrame(rows, columns=columns).round(3)


def of_one_processor(scale: pd.DataFrame) -> pd.DataFrame:
    """Rows of the processor that measured most: times of two are not to be compared."""
    return scale[scale["hardware"] == scale["hardware"].mode()[0]]


def drawing(scale: pd.DataFrame):
    """Four panels over the number of clips: seconds a query, recall, memory, disk."""
    panels = {
        "ms_a_query": "CPU-ms a query",
        "recall_at_50": "recall at 50",
        "search_own_mb": "own memory of a search, MB",
        "index_mb": "index on disk, MB",
    }
    scale = of_one_processor(scale)
    scale = scale.assign(ms_a_query=1000 * scale["search_cpu_s"] / scale["queries"])
    precise = scale["how"].str.startswith("exact")
    scale["recall_at_50"] = scale["recall_at_50"].where(~precise, 1.0)
    scale["index_mb"] = scale["index_mb"].where(~precise, scale["vectors_mb"])
    figure, axes = plt.subplots(1, 4, figsize=(14, 3.4), layout="constrained")
    for axis, (name, title) in zip(axes, panels.items(), strict=True):
        for how, part in scale.sort_values("clips").groupby("how", sort=False):
            axis.plot(part["clips"], part[name], marker="o", label=how)
        axis.set(xscale="log", xlabel="clips (synthetic, beside a study's)", title=title)
        if name != "recall_at_50":
            axis.set_yscale("log")
    axes[0].legend(frameon=False)
    return figure


def written(name: str, rows: list[dict] | pd.DataFrame) -> pd.DataFrame:
    """A table with these rows in the place of those of the same size, search and processor."""
    path, new = ROOT / f"benchmarks/search_{name}.csv", pd.DataFrame(rows)
    if path.is_file() and name in KEYS and len(new):
        old = pd.read_csv(path)
        if name == "scale":  # what building took, where an index was kept
            said = old.set_index(KEYS[name]).reindex(pd.MultiIndex.from_frame(new[KEYS[name]]))
            for column in old.columns[old.columns.str.match("train_|fill_|plan_")]:
                now = new[column] if column in new else pd.Series(np.nan, new.index)
                new[column] = now.fillna(said[column].reset_index(drop=True))
        again = old[KEYS[name]].apply(tuple, axis=1).isin(new[KEYS[name]].apply(tuple, axis=1))
        new = pd.concat([old[~again], new], ignore_index=True)
        new = new.sort_values(KEYS[name][0], kind="stable") if name != "synthetic" else new
    new.to_csv(path, index=False)
    return new


def study_of(folder: Path, queries: int) -> tuple[Embeddings, ...]:
    """Of a study: training set, outputs, control music after the codec, and as it is.

    Of few dimensions; all but the first are so many queries together, where the study has them.
    """
    names = ("train", "vamps-openvamp", "control_roundtrip-openvamp", "control")
    read = [open_shards(sorted((folder / name).glob("*.npy"))) for name in names]
    real, outputs, null, control = turned(read)
    outputs = outputs.where(np.arange(len(outputs)) < queries // 2)
    null = null.where(np.arange(len(null)) < queries // 2)
    control = control.where(np.arange(len(control)) < queries - len(outputs) - len(null))
    keep = ["clip_id", "track_id", "group_id"]
    return tuple(replace(part, clips=part.clips[keep]) for part in (real, outputs, null, control))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sizes", type=int, nargs="+")
    parser.add_argument("--embeddings", type=Path, default=ROOT / "results/embeddings/musicnn")
    parser.add_argument("--folder", type=Path, help="Where vectors lie; deleted, if not given.")
    parser.add_argument("--queries", type=int, default=1000)
    parser.add_argument("--quantisers", nargs="*", default=list(codes.QUANTISERS))
    parser.add_argument("--recall", type=float, default=0.99)
    parser.add_argument("--keep", action="store_true", help="Search indexes in FOLDER as they are.")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = asked.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        study = study_of(asked.embeddings, asked.queries)
        model = fitted(study[0])
        written("synthetic", beside(study[0], model).round(4))
        hardware = {"gflops": round(cost.gflops()), "hardware": environment()["processor"]}
        for size in asked.sizes:
            how = folder, asked.quantisers, asked.recall, asked.keep
            rows, changed = at(size, study, model, *how)
            scale = written("scale", [row | hardware for row in rows])
            if changed:
                written("effects", changed)
            if scale["clips"].nunique() >= FITTED:
                written("growth", growth(scale))
            drawing(scale).savefig(ROOT / "benchmarks/search_scale.svg")
            print(pd.DataFrame(rows).T.to_string(), flush=True)


if __name__ == "__main__":
    with threadpool_limits(1):
        main()
