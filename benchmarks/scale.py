"""What 5, 100 and 1,000 million clips would take: scale.csv, and the tables of docs/scale.md.

`python benchmarks/scale.py` measures nothing: it multiplies what paper_scale.csv, token_index.csv,
dag.csv and gpu.csv hold by numbers of clips. ASSUMED are prices and speeds that nobody measured
here; they are shown wherever they count. What search_scale.csv and search_effects.csv hold is shown
as it is.
"""

from pathlib import Path

import pandas as pd
from measuring import ROOT

from musical_roots import arrays, tables
from musical_roots.errors import InputError
from musical_roots.search.codes import COMPONENTS, TWICE

SIZES = {"5M": 5_000_000, "100M": 100_000_000, "1B": 1_000_000_000}
MEASURED_AT = 5_000_000  # clips that a query's time in paper_scale.csv is of
DIM, QUERIES, CLIP_S = 512, 1000, 3.0
ASSUMED = {
    "an hour of one core": 0.04,  # dollars
    "an hour of a GPU": 2.50,
    "a terabyte of disk for a month": 23.0,
    # sustained in an encoder, fp32 with TF32: the share of a card's peak that such networks reach
    "a GPU's GFLOPS": 20_000.0,
    "clips of a shard": 25_000,
    "bytes a second of audio": 16_000.0,  # MP3 at 128 kbit/s
    "clips a second from storage": 2_000.0,  # that one node decodes
}
COLUMNS = ("what", "unit", *SIZES, "from")


def measured(folder: Path = ROOT / "benchmarks") -> dict[str, float]:
    """Unit costs, by name, from the benchmark tables."""
    paper = pd.read_csv(folder / "paper_scale.csv").set_index("what")
    token = pd.read_csv(folder / "token_index.csv").set_index("what")
    gpu = pd.read_csv(folder / "gpu.csv").set_index("what").ours  # items a second
    costs = {name: paper.cpu_s_an_item[f"encode with {name}, fp32"] for name in ("clap", "clmr")}
    search = paper.cpu_s_an_item[f"search {MEASURED_AT} x {DIM} exactly"]
    costs |= {"search": search / MEASURED_AT, "gflops": paper.gflops.iloc[0]}
    costs["clmr on a GPU"] = (
        1 / gpu[gpu.index.str.match("clmr .*, fp32, .* in equal batches")].item()
    )
    for name, of in (("product", "^top .*"), ("search", "^exact search.*")):
        (what,) = gpu.index[gpu.index.str.match(f"{of} among [0-9]+ x {DIM}")]
        clips = int(what.split(" among ")[1].split(" x ")[0])
        costs[f"{name} on a GPU"] = 1 / gpu[what] / clips
    costs["tokens_bytes"] = token.bytes_a_clip["merge"]
    build = token.cpu_ms_an_item[["build a shard", "merge"]].sum() / 1000
    costs["tokens_build"] = build
    dag = folder / "dag.csv"
    if dag.is_file():
        # of the largest graph; where several processors have measured it, always of the same one
        graphs = pd.read_csv(dag).sort_values(["shards", "hardware"])
        costs["job"] = graphs[graphs["what"] == "embeddings"].cpu_ms_a_job.iloc[-1] / 1000
    return costs


def rows(costs: dict[str, float]) -> pd.DataFrame:
    """A row a quantity, a column a size."""
    hour, gpu, disk = list(ASSUMED.values())[:3]
    gpu_gflops, shard = ASSUMED["a GPU's GFLOPS"], ASSUMED["clips of a shard"]
    made = []

    def add(what: str, unit: str, a_clip: float, source: str) -> None:
        made.append((what, unit, *(a_clip * size for size in SIZES.values()), source))

    audio_s = CLIP_S * ASSUMED["bytes a second of audio"]
    add("audio, MP3", "TB", audio_s / 1e12, "assumed")
    add("raw features of an encoder, float32", "TB", 4 * DIM / 1e12, "exact")
    add("vectors of an encoder, float16", "TB", 2 * DIM / 1e12, "exact")
    code = (COMPONENTS + TWICE) // 2  # bytes, 4 bits each
    add(f"codes of {code} bytes, with ids", "TB", (code + 8) / 1e12, "exact")
    add("memory of a search for Experiment C", "TB", 2 * 2 * DIM / 1e12, "the rule's formula")
    add("token index", "TB", costs["tokens_bytes"] / 1e12, "token_index.csv")
    for name in ("clap", "clmr"):
        seconds = costs[name]
        add(f"encode with {name}", "core-hours", seconds / 3600, "paper_scale.csv")
        add(f"encode with {name}", "dollars on cores", seconds / 3600 * hour, "and assumed")
        on_gpu, source = seconds * costs["gflops"] / gpu_gflops, "and assumed"
        if f"{name} on a GPU" in costs:
            on_gpu, source = costs[f"{name} on a GPU"], "gpu.csv"
        add(f"encode with {name}", "GPU-hours", on_gpu / 3600, source)
        add(f"encode with {name}", "dollars on GPUs", on_gpu / 3600 * gpu, "and assumed")
    one_node = 1 / ASSUMED["clips a second from storage"] / 3600
    add("decode, on one node", "hours", one_node, "assumed")
    exact = QUERIES * costs["search"] / 3600
    add(f"search {QUERIES} queries exactly", "core-hours", exact, "paper_scale.csv, in proportion")
    whole, product = (QUERIES * costs[f"{name} on a GPU"] for name in ("search", "product"))
    add("the same, its products on a GPU", "GPU-s", whole, "gpu.csv, in proportion")
    add("float16 products and their top, on GPUs", "GPU-s", product, "gpu.csv, in proportion")
    add(
        "token index, build and merge",
        "core-hours",
        costs["tokens_build"] / 3600,
        "token_index.csv",
    )
    add("vectors and features on disk", "dollars a month", 6 * DIM / 1e12 * disk, "assumed")
    add("shards", "", 1 / shard, "assumed")
    if "job" in costs:
        # clips, features and vectors of each shard, with one encoder
        add("dry run, three jobs a shard", "core-s", 3 * costs["job"] / shard, "dag.csv")
    return pd.DataFrame(made, columns=COLUMNS)


def as_markdown(table: pd.DataFrame) -> str:
    """The table as docs/scale.md shows it."""
    shown = table.assign(**{size: [f"{value:,.3g}" for value in table[size]] for size in SIZES})
    for size in SIZES:  # no powers of ten where people read
        big = table[size] >= 1000
        shown.loc[big, size] = [f"{float(f'{value:.3g}'):,.0f}" for value in table[size][big]]
    return shown.to_markdown(index=False, disable_numparse=True)


def searches(folder: Path = ROOT / "benchmarks") -> str:
    """Exact and approximate search at each size, as docs/scale.md shows them."""
    keys, effects = ["clips", "how"], pd.read_csv(folder / "search_effects.csv")
    told = pd.read_csv(folder / "search_scale.csv")
    effects = effects[[*keys, "largest_change_of_p", "of_ten_top_songs"]]
    told = told.merge(effects, on=keys, how="left")
    bounds = told[["recall_at_50", "recall_at_50_low", "recall_at_50_high"]].itertuples(index=False)
    recall = ["{:.3f} ({:.3f} to {:.3f})".format(*each) for each in bounds]
    build = told[["train_cpu_s", "fill_cpu_s", "plan_cpu_s"]].sum(axis=1)
    exact = told["how"].str.startswith("exact")
    told["how"] = told["how"].replace("exact_float32", "exact, by float32")
    changed = told[["largest_change_of_p", "of_ten_top_songs"]].itertuples(index=False)
    table = pd.DataFrame(
        {
            "clips": [f"{count:,}" for count in told["clips"]],
            "search": told["how"],
            "recall at 50": [*pd.Series(recall).where(~exact, "1")],
            "CPU-ms a query": [f"{ms:.3g}" for ms in 1000 * told["search_cpu_s"] / told["queries"]],
            "on": told["hardware"].str.replace(r"\(R\)| Processor", "", regex=True),
            "times as fast": [f"{ratio:.2g}" for ratio in told["speed_ratio"].fillna(1)],
            "CPU-s to build": [f"{spent:,.3g}" for spent in build.where(~exact, 0)],
            "own memory, MB": [f"{mb:,.0f}" for mb in told["search_own_mb"]],
            "disk, MB": [f"{mb:,.0f}" for mb in told["index_mb"].where(~exact, told["vectors_mb"])],
            "p-values change by": [f"{p:.3g}" if p == p else "" for p, _ in changed],
        }
    )
    songs = told["of_ten_top_songs"].map("{:.0f}".format, na_action="ignore").fillna("")
    table["of the ten top songs"] = songs
    return table.to_markdown(index=False, disable_numparse=True)


def assumptions() -> str:
    """What was assumed, as docs/scale.md shows it."""
    told = pd.DataFrame({"assumed": list(ASSUMED), "": [f"{v:,g}" for v in ASSUMED.values()]})
    return told.to_markdown(index=False, disable_numparse=True)


if __name__ == "__main__":
    made = rows(measured())
    tables.write_table(made.round(6), ROOT / "benchmarks/scale.csv")
    page = ROOT / "docs/scale.md"
    text = page.read_text(encoding="utf-8")
    parts = {"scale": as_markdown(made), "assumed": assumptions(), "searches": searches()}
    for name, part in parts.items():
        before, opened, rest = text.partition(f"<!-- {name} -->")
        _, closed, after = rest.partition(f"<!-- /{name} -->")
        if not closed:
            raise InputError(f"{page}: it has no place for {name}: <!-- {name} --><!-- /{name} -->")
        text = f"{before}{opened}\n{part}\n{closed}{after}"
    arrays.write_text(text, page)
    print(as_markdown(made))
