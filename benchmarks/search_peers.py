"""Our searches beside others' on the same vectors: one run, ratios, and the versions that ran.

    pip install --target FOLDER --no-deps usearch==2.26.6 numkong autofaiss==2.18.0 fire \\
        termcolor embedding-reader fsspec
    PYTHONPATH=FOLDER python benchmarks/search_peers.py 100000

writes search_peers.csv. Vectors are synthetic, like a study's (`synthetic_vectors.py`); queries are
the study's vamps and control music. All run in one thread, times are CPU-seconds. `autofaiss` is
its `build_index` as it comes; `clip-retrieval` calls the same with less memory (its clip_index.py:
4G of 16G). Neither, nor usearch's or faiss's graph and lists as they come, re-ranks; recall is
against exact cosines of the stored float16 vectors, ties aside.
"""

import argparse
import tempfile
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import faiss
import numpy as np
import pandas as pd
from measuring import ROOT
from search_scale import SEED, K, study_of
from synthetic_vectors import fitted, shards
from threadpoolctl import threadpool_limits

from musical_roots import cost
from musical_roots.provenance import environment
from musical_roots.search import exact, inverted, planning
from musical_roots.search.approximate import Approximate
from musical_roots.search.vectors import pair_cosines, unit_rows
from musical_roots.tables import Embeddings, open_shards


def ours_exactly(index: Embeddings, queries: Embeddings, _):
    """Nothing to build."""
    return lambda: places(exact.matches(queries, index, K), index)


def ours_approximately(quantiser: str):
    """Planned for a recall of .99."""

    def build(index: Embeddings, queries: Embeddings, folder: Path):
        held = inverted.with_clips(inverted.train(index, quantiser, SEED), index)
        settings = 0.99, min(500, len(queries)), 200, 0.95, SEED, "none"
        inverted.write(planning.plan(held, queries, index, *settings), folder / "ours.faiss")
        search = Approximate.open(folder / "ours.faiss")
        search.matches(queries.where(np.arange(len(queries)) < 2), index, K)
        return lambda: places(search.matches(queries, index, K), index)

    return build


def places(found: pd.DataFrame, index: Embeddings) -> np.ndarray:
    """Rows of the index that a match table names: int64 [queries, K]."""
    rows = pd.Index(index.clips["clip_id"]).get_indexer(found["clip_id"])
    return rows.reshape(-1, K)


def plain_faiss(factory: str, probed: int = 0, searched: int = 0):
    """An index of faiss as its factory makes it."""

    def build(index: Embeddings, queries: Embeddings, folder: Path):
        vectors, asked = whole(index), whole(queries)
        made = faiss.index_factory(vectors.shape[1], factory, faiss.METRIC_INNER_PRODUCT)
        made.train(vectors)
        made.add(vectors)
        faiss.write_index(made, str(folder / "index"))
        how = None
        if probed:
            how = faiss.SearchParametersIVF(nprobe=probed)
        elif searched:
            how = faiss.SearchParametersHNSW(efSearch=searched)
        return lambda: made.search(asked, K, params=how)[1]

    return build


def usearch(index: Embeddings, queries: Embeddings, folder: Path):
    """Its graph with its own settings, in float16."""
    from usearch.index import Index

    made = Index(ndim=index.provenance["dim"], metric="ip", dtype="f16")
    made.add(np.arange(len(index)), whole(index), threads=1)
    made.save(folder / "index")
    asked = whole(queries)
    return lambda: made.search(asked, K, threads=1).keys.astype(np.int64)


def autofaiss(**memory):
    """What it chooses."""

    def build(index: Embeddings, queries: Embeddings, folder: Path):
        from autofaiss import build_index

        # what it writes beside the index fails with numpy 2
        settings = {"save_on_disk": False, "nb_cores": 1, "verbose": 40} | memory
        made, _ = build_index(whole(index), **settings)
        faiss.write_index(made, str(folder / "index"))
        asked = whole(queries)
        return lambda: made.search(asked, K)[1]

    return build


def whole(embeddings: Embeddings) -> np.ndarray:
    """All vectors, float32, of unit length."""
    return unit_rows(embeddings.rows(0, len(embeddings)), embeddings, 0)


PEERS = {
    "ours, exact": ("musical-roots", ours_exactly),
    "ours, pq": ("musical-roots", ours_approximately("pq")),
    "ours, rabitq": ("musical-roots", ours_approximately("rabitq")),
    "faiss IndexFlatIP": ("faiss-cpu", plain_faiss("Flat")),
    "faiss IVF1024,Flat nprobe 32": ("faiss-cpu", plain_faiss("IVF1024,Flat", probed=32)),
    "faiss HNSW32 efSearch 64": ("faiss-cpu", plain_faiss("HNSW32", searched=64)),
    "usearch, as it comes": ("usearch", usearch),
    "autofaiss, as it comes": ("autofaiss", autofaiss()),
    "clip-retrieval's choice of autofaiss": (
        "autofaiss",
        autofaiss(max_index_memory_usage="4G", current_memory_available="16G"),
    ),
}


def recall(found: np.ndarray, index: Embeddings, queries: Embeddings, least: np.ndarray) -> float:
    """Share of the K nearest that is there: exact cosines no less than the K-th one's."""
    vectors, asked = index.rows(0, len(index)), queries.rows(0, len(queries))
    query = np.repeat(np.arange(len(queries)), K)
    rows = found.ravel()
    good = rows >= 0
    cosines = pair_cosines(asked, query[good], vectors, rows[good])
    return float((cosines >= least[query[good]]).sum() / len(rows))


def main() -> pd.DataFrame:
    """A row a peer that is there."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("size", type=int)
    parser.add_argument("--embeddings", type=Path, default=ROOT / "results/embeddings/musicnn")
    parser.add_argument("--queries", type=int, default=400)
    parser.add_argument("--only", nargs="+", default=list(PEERS))
    asked = parser.parse_args()
    faiss.omp_set_num_threads(1)
    rows = []
    with tempfile.TemporaryDirectory() as name:
        real, outputs, null, _ = study_of(asked.embeddings, asked.queries)
        count = max(asked.size - len(real), 1)
        paths = shards(fitted(real), count, Path(name), real.provenance)
        index, queries = open_shards(paths).with_rows(real), outputs.with_rows(null)
        truth = exact.matches(queries, index, K)
        least = truth["cosine"].to_numpy().reshape(-1, K)[:, -1]
        for what in asked.only:
            package, build = PEERS[what]
            try:
                package_version = version(package)
                folder = Path(tempfile.mkdtemp(dir=name))
                start = time.process_time()
                search = build(index, queries, folder)
                built = time.process_time()
                found = search()
            except (ImportError, PackageNotFoundError) as error:
                print(f"{what}: not here ({error})")
                continue
            row = {"what": what, "version": f"{package} {package_version}", "clips": len(index)}
            row["recall_at_50"] = round(recall(found, index, queries, least), 4)
            row |= {"build_cpu_s": built - start, "search_cpu_s": time.process_time() - built}
            row["index_mb"] = sum(path.stat().st_size for path in folder.iterdir()) / 1e6
            rows.append(row)
            print(row, flush=True)
    table = pd.DataFrame(rows)
    slowest = table.loc[table["what"] == "ours, exact", "search_cpu_s"]
    table["speed_ratio"] = float(slowest.iloc[0]) / table["search_cpu_s"] if len(slowest) else None
    table = table.round({"build_cpu_s": 2, "search_cpu_s": 3, "index_mb": 1, "speed_ratio": 2})
    return table.assign(gflops=round(cost.gflops()), hardware=environment()["processor"])


if __name__ == "__main__":
    with threadpool_limits(1):
        made = main()
    made.to_csv(ROOT / "benchmarks/search_peers.csv", index=False)
    print(made.to_string())
