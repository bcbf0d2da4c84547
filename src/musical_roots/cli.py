"""`python -m musical_roots <stage>`: parses, calls, writes; no logic.

Each stage imports what it needs inside its function, so that it starts quickly, and so that
`provenance.stage_digest` knows which modules the stage depends on.
"""

import errno
import logging
import shutil
import sys
from pathlib import Path

import click

from musical_roots.errors import InputError

log = logging.getLogger("musical_roots")
PATH = click.Path(path_type=Path)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.option("--log", "log_file", type=PATH, help="File for what is worth keeping of this run.")
@click.option("--seed", default=0, help="The config's seed; every random draw derives from it.")
@click.pass_context
def stage(context: click.Context, log_file: Path | None, seed: int) -> None:
    """Stages of musical-roots. The workflow calls them; so can you."""
    handlers: list[logging.Handler] = [logging.StreamHandler()]
    if log_file:
        log_file.parent.mkdir(parents=True, exist_ok=True)
        handlers.append(logging.FileHandler(log_file, mode="w", encoding="utf-8"))
    logging.basicConfig(level=logging.INFO, format="%(message)s", handlers=handlers, force=True)
    context.obj = seed


def main() -> None:
    """Run a stage; bad input ends it with one line and status 2."""
    try:
        stage(prog_name="python -m musical_roots", standalone_mode=False)
    except click.exceptions.Abort:
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except InputError as error:
        log.error("musical-roots: error: %s", error)
        sys.exit(2)
    except Exception as error:
        if not _disk_is_full(error):
            log.exception("musical-roots: failed; this is a defect, please report it")
            sys.exit(1)
        where = getattr(error, "filename", None) or Path.cwd()
        log.error("musical-roots: error: %s: the disk is full; free room and run again", where)
        sys.exit(2)


def _disk_is_full(error: Exception) -> bool:
    # numpy and libsndfile do not say why a write fell short
    no_room = isinstance(error, OSError | RuntimeError) and shutil.disk_usage(".").free < 1 << 20
    return no_room or getattr(error, "errno", None) == errno.ENOSPC


def progress(total: int, what: str, unit: str):
    """Lines of progress with the time left, on a terminal alone; jobs side by side do not clash."""
    from tqdm import tqdm

    shape = "{desc}: {n_fmt} of {total_fmt} {unit}, {percentage:.0f} %, {remaining} left\n"
    return tqdm(total=total, desc=what, unit=unit, disable=None, mininterval=5, bar_format=shape)


@stage.command("fetch-package")
@click.option("--manifest", type=PATH, required=True)
@click.option("--package", required=True)
@click.option("--mirror")
@click.option("--out", type=PATH, required=True)
def fetch_package(manifest: Path, package: str, mirror: str | None, out: Path) -> None:
    """Fetch one Debian package of the manifest, and verify it."""
    from musical_roots.corpus import debian

    debian.fetch(debian.manifest(manifest)[package], out, mirror)


@stage.command("unpack")
@click.option("--deb", type=PATH, required=True)
@click.option("--package", required=True)
@click.option("--tracks", type=PATH, required=True, help="Manifest of tracks.")
@click.option("--out", type=PATH, required=True)
def unpack(deb: Path, package: str, tracks: Path, out: Path) -> None:
    """Unpack the recordings of one package."""
    from musical_roots.corpus import debian
    from musical_roots.tables import read_table

    rows = read_table(tracks, ["package", "path"])
    debian.unpack(deb, out, wanted=set(rows[rows.package == package].path))


@stage.command("recordings")
@click.option("--source", required=True)
@click.option("--root", type=PATH, required=True)
@click.option("--metadata", type=PATH)
@click.option("--tracks", type=PATH)
@click.option("--package", "packages", multiple=True)
@click.option("--out", type=PATH, required=True)
def recordings(source, root, metadata, tracks, packages, out) -> None:
    """List the recordings of a source."""
    from musical_roots.corpus import sources
    from musical_roots.tables import write_table

    if source == "debian":
        table = sources.debian(packages, tracks, root)
    elif source == "folder":
        table = sources.folder(root, metadata)
    else:
        table = {"fma": sources.fma, "mtg_jamendo": sources.mtg_jamendo}[source](root)
    if table.empty:
        raise InputError(f"{root}: no audio files; mend corpus.folder.root in the config")
    log.info("%d recordings in %s", len(table), root)
    write_table(table, out)


@stage.command("probe")
@click.option("--recordings", "table", type=PATH, required=True)
@click.option("--shard", type=(int, int), required=True, help="Which part, of how many.")
@click.option("--minimum-s", type=float, required=True)
@click.option("--maximum-s", type=float, required=True)
@click.option("--silence-lufs", type=float, required=True)
@click.option("--exclude", multiple=True)
@click.option("--tracks", "kept", type=PATH, required=True)
@click.option("--rejected", type=PATH, required=True)
@click.option("--fingerprints", type=PATH, required=True)
def probe(table, shard, kept, rejected, fingerprints, **limits) -> None:
    """Read, measure and filter one part of the recordings."""
    from musical_roots.corpus import tracks
    from musical_roots.tables import read_table, write_table

    part = read_table(table).iloc[shard[0] :: shard[1]]
    with progress(len(part), "reading recordings", "files") as bar:
        good, bad, prints = tracks.probe(part, **limits, progress=bar.update)
    write_table(bad, rejected)
    write_table(prints, fingerprints)
    write_table(good, kept)
    for row in bad.itertuples():
        log.info("rejected %s: %s", row.path, row.reason)


@stage.command("tracks")
@click.argument("probed", type=PATH, nargs=-1, required=True)
@click.option("--near-duplicate-share", type=float, required=True)
@click.option("--control-share", type=float, required=True)
@click.option("--tracks", "kept", type=PATH, required=True)
@click.option("--rejected", type=PATH, required=True)
@click.pass_obj
def merge_tracks(seed, probed, kept, rejected, **settings) -> None:
    """Find duplicates, and split the tracks by artist."""
    from musical_roots.corpus import tracks
    from musical_roots.tables import read_table, write_table

    good, bad = tracks.merge(
        [read_table(path) for path in probed],
        [read_table(path.with_suffix(".rejected.parquet")) for path in probed],
        [read_table(path.with_suffix(".fingerprints.parquet")) for path in probed],
        seed=seed,
        **settings,
    )
    write_table(good, kept)
    write_table(bad, rejected)
    log.info("%d tracks kept, %d rejected", len(good), len(bad))


@stage.command("clips")
@click.option("--tracks", type=PATH, required=True)
@click.option("--split", required=True)
@click.option("--shard", type=(int, int), required=True, help="Which part, of how many.")
@click.option("--duration-s", type=float, required=True)
@click.option("--hop-s", type=float, required=True)
@click.option("--silence-lufs", type=float, required=True)
@click.option("--per-track", type=int, required=True)
@click.option("--out", type=PATH, required=True)
@click.pass_obj
def clips(seed, tracks, split, shard, out, **grid) -> None:
    """Cut one part of a split's tracks into clips."""
    from musical_roots.corpus import clips
    from musical_roots.tables import read_table, write_table

    table = read_table(tracks)
    part = table[table.split == split].iloc[shard[0] :: shard[1]]
    with progress(len(part), f"cutting {split}", "tracks") as bar:
        write_table(clips.cut(part, seed=seed, **grid, progress=bar.update), out)


@stage.command("clip-list")
@click.argument("lists", type=PATH, nargs=-1, required=True)
@click.option("--out", type=PATH, required=True)
def clip_list(lists, out) -> None:
    """All clips of the corpus in one CSV, ordered by track and time."""
    from musical_roots.tables import read_tables, write_table

    write_table(read_tables(lists).sort_values(["track_id", "start_s"]), out)


@stage.command("weights")
@click.option("--encoder", required=True)
@click.option("--checkpoints", type=PATH, required=True)
@click.option("--local", type=PATH, help="The published file, where it is on this machine.")
def weights(encoder, checkpoints, local) -> None:
    """Fetch, verify and convert the weights of an encoder."""
    from musical_roots.encoders.checkpoints import fetch

    fetch(encoder, checkpoints, local)


@stage.command("encode")
@click.option("--encoder", required=True)
@click.option("--clips", "table", type=PATH, required=True)
@click.option("--checkpoints", type=PATH, required=True)
@click.option("--batch", type=int, default=32)
@click.option("--out", type=PATH, required=True)
@click.pass_obj
def encode(seed, encoder, table, checkpoints, batch, out) -> None:
    """Raw features of a clip list."""
    from musical_roots import embed
    from musical_roots.encoders import base
    from musical_roots.tables import read_table, write_array, write_json

    clips = read_table(table)
    model = base.load(encoder, checkpoints, seed)
    with progress(len(clips), f"{encoder}, {table.parent.name}", "clips") as bar:
        features = embed.encode(clips, model, batch, bar.update)
    made_by = {"encoder": encoder, "fingerprint": model.fingerprint, "seed": seed}
    write_json(made_by | {"standardise": model.standardise}, out.with_suffix(".json"))
    write_array(features, out)


@stage.command("fit")
@click.argument("features", type=PATH, nargs=-1, required=True)
@click.option("--out", type=PATH, required=True)
def fit(features, out) -> None:
    """Per-dimension statistics of the training clips' features."""
    import numpy as np

    from musical_roots import embed
    from musical_roots.tables import read_json, write_array

    standardise = read_json(features[0].with_suffix(".json"))["standardise"]
    shards = [np.load(path, mmap_mode="r") for path in features]
    write_array(embed.fit(shards, standardise), out)


@stage.command("embed")
@click.option("--features", type=PATH, required=True)
@click.option("--clips", "table", type=PATH, required=True)
@click.option("--statistics", type=PATH, required=True)
@click.option("--out", type=PATH, required=True)
def embed(features, table, statistics, out) -> None:
    """Unit vectors of raw features: one shard of embeddings."""
    import numpy as np

    from musical_roots import embed
    from musical_roots.tables import read_json, read_table, write_shard

    fitted = np.load(statistics)
    made_by = read_json(features.with_suffix(".json"))
    made_by["fingerprint"] += f"+{embed.digest(fitted)}"
    vectors = embed.unit_vectors(np.load(features), fitted)
    write_shard(out, vectors, read_table(table), made_by)


@stage.command("queries")
@click.argument("lists", type=PATH, nargs=-1, required=True)
@click.option("--tracks", type=PATH, required=True)
@click.option("--queries", "count", type=int, required=True)
@click.option("--out", type=PATH, required=True)
@click.pass_obj
def queries(seed, lists, tracks, count, out) -> None:
    """Draw the clips that are perturbed."""
    from musical_roots.experiments import robustness
    from musical_roots.perturb import PERTURBATIONS
    from musical_roots.tables import read_table, read_tables, write_table

    context_s = max(perturbation.context_s for perturbation in PERTURBATIONS.values())
    chosen = robustness.choose_queries(
        read_tables(lists), read_table(tracks), count, context_s, seed
    )
    if len(chosen) < count:
        log.info("only %d clips for %d queries: every one of them is used", len(chosen), count)
    write_table(chosen, out)


@stage.command("perturb")
@click.argument("lists", type=PATH, nargs=-1, required=True)
@click.option("--queries", type=PATH, required=True)
@click.option("--kind", required=True)
@click.option("--level", "levels", type=float, multiple=True, required=True)
@click.option("--sample-rate", type=int, required=True)
@click.option("--audio", type=PATH, required=True, help="Folder for the rendered audio.")
@click.option("--out", type=PATH, required=True)
@click.option("--targets", type=PATH, required=True)
@click.pass_obj
def perturb(seed, lists, queries, kind, levels, sample_rate, audio, out, targets) -> None:
    """Perturb the query clips: audio, clip list, and the pairs to look for."""
    from musical_roots import perturb
    from musical_roots.experiments import robustness
    from musical_roots.tables import read_table, read_tables, write_table

    chosen, corpus = read_table(queries), read_tables(lists)
    partners = robustness.other_track(chosen, corpus, "perturb.partner", seed)
    floor = robustness.other_track(chosen, corpus, "robustness.floor", seed)
    copies = robustness.perturbed_clips(
        chosen, kind, perturb.PERTURBATIONS[kind].unit, list(levels), partners
    )
    with progress(len(copies), f"perturbing, {kind}", "clips") as bar:
        copies = perturb.render_clips(copies, corpus, audio, sample_rate, seed, bar.update)
    write_table(robustness.targets(copies, dict(zip(chosen.clip_id, floor, strict=True))), targets)
    write_table(copies, out)


@stage.command("search")
@click.argument("index", type=PATH, nargs=-1, required=True)
@click.option("--queries", type=PATH, required=True)
@click.option("--targets", type=PATH)
@click.option("--k", type=int, default=50)
@click.option("--exclude", default="none", help="none, self, track or duplicates.")
@click.option("--out", type=PATH, required=True)
def search(index, queries, targets, k, exclude, out) -> None:
    """Exact cosine neighbours of the queries: a match table."""
    from musical_roots.search import matches
    from musical_roots.tables import open_shards, read_table, write_table

    wanted = read_table(targets) if targets else None
    found = matches(open_shards([queries]), open_shards(index), k, exclude, wanted)
    write_table(found, out)


@stage.command("robustness")
@click.option("--pair", "pairs", type=(PATH, PATH), multiple=True, required=True,
              help="A match table and the clip list of its queries.")  # fmt: skip
@click.option("--clips", "table", type=PATH, required=True)
@click.option("--resamples", type=int, default=1000)
@click.option("--confidence", type=float, default=0.95)
@click.option("--out", type=PATH, required=True)
@click.pass_obj
def robustness(seed, pairs, table, resamples, confidence, out) -> None:
    """Experiment B: one row an encoder, kind and level."""
    import pandas as pd

    from musical_roots.experiments.robustness import summarise
    from musical_roots.tables import read_table, write_table

    clips = read_table(table)
    parts = [
        summarise(read_table(matches), read_table(lists), clips, resamples, confidence, seed)
        for matches, lists in pairs
    ]
    write_table(pd.concat(parts, ignore_index=True), out)


@stage.command("figure")
@click.option("--name", required=True)
@click.option("--table", type=PATH, required=True)
@click.option("--svg", type=PATH, required=True)
@click.option("--png", type=PATH, required=True)
def figure(name, table, svg, png) -> None:
    """Draw one figure from its table."""
    from musical_roots.figures import draw
    from musical_roots.tables import read_table

    draw(name, read_table(table), svg, png)


@stage.command("claims")
@click.argument("tables", type=PATH, nargs=-1, required=True)
@click.option("--expected", type=PATH, required=True)
@click.option("--out", type=PATH, required=True)
def claims(tables, expected, out) -> None:
    """Hold each claim against the results."""
    from musical_roots import claims
    from musical_roots.tables import read_table, write_table

    results = {path.stem: read_table(path) for path in tables}
    verdicts = claims.check(claims.read(expected), results)
    write_table(verdicts, out)
    for row in verdicts.itertuples():
        log.info("%s: %s", row.verdict, row.claim)


@stage.command("page")
@click.argument("tables", type=PATH, nargs=-1, required=True)
@click.option("--title", required=True)
@click.option("--text", default="")
@click.option("--out", type=PATH, required=True)
def page(tables, title, text, out) -> None:
    """One HTML page of one or more tables."""
    from musical_roots.pages import write_page
    from musical_roots.tables import read_table

    shown = {path.stem if len(tables) > 1 else "": read_table(path) for path in tables}
    write_page(out, title, [text], shown)


@stage.command("provenance")
@click.option("--config", "config_json", required=True, help="The checked config, as JSON.")
@click.option("--encoder", "encoders", type=PATH, multiple=True, required=True,
              help="Sidecar of some features of an encoder.")  # fmt: skip
@click.option("--config-out", type=PATH, required=True)
@click.option("--out", type=PATH, required=True)
def write_provenance(config_json, encoders, config_out, out) -> None:
    """What made the results: config, encoders, versions, machine."""
    import json

    import pandas as pd

    from musical_roots import provenance
    from musical_roots.pages import write_page
    from musical_roots.tables import read_json, write_json

    def pairs(values: dict) -> pd.DataFrame:
        return pd.DataFrame(values.items(), columns=["name", "value"])

    config = json.loads(config_json)
    sections = {
        "Run": pairs(provenance.environment() | {"seed": config["seed"]}),
        "Encoders": pd.DataFrame([read_json(path) for path in encoders]),
        "Config": pairs(pd.json_normalize(config).iloc[0].to_dict()),
        "Installed packages": pairs(provenance.versions()),
    }
    write_page(out, "What made these results", [], sections)
    write_json(config, config_out)


@stage.command("notebook")
@click.option("--notebook", "source", type=PATH, required=True)
@click.option("--out", type=PATH, required=True)
def notebook(source, out) -> None:
    """Execute a notebook in the working folder, to an HTML page."""
    from musical_roots.pages import write_notebook

    write_notebook(source, out)


@stage.command("reference")
@click.option("--schema", type=PATH, default=Path("workflow/schemas/config.schema.yaml"))
@click.option("--readme", type=PATH, default=Path("config/README.md"))
def reference(schema, readme) -> None:
    """Write the config's schema and reference anew, from the typed config."""
    from musical_roots import config
    from musical_roots.tables import write_text

    write_text(config.schema(), schema)
    write_text(config.reference(), readme)
