"""Stages from clip lists to match tables: weights, features, perturbations, search."""

from pathlib import Path

import click

from musical_roots.cli import PATH, log, progress, stage


@stage.command("weights")
@click.option("--name", required=True)
@click.option("--checkpoints", type=PATH, required=True)
@click.option("--local", type=PATH, help="The published file, where it is on this machine.")
@click.option("--sha256", help="Hash that the file must have, in place of the published one.")
@click.option("--random", is_flag=True, help="Random weights in its place, to try the pipes.")
@click.pass_obj
def weights(seed, name, checkpoints, local, sha256, random) -> None:
    """Fetch, verify and convert the weights of an encoder or generator."""
    from musical_roots.weights.checkpoints import fetch, fetch_random

    if random:
        fetch_random(name, checkpoints, seed)
    else:
        fetch(name, checkpoints, local, sha256)


@stage.command("checkpoints")
@click.option("--checkpoints", type=PATH, default=Path("resources/checkpoints"))
def list_checkpoints(checkpoints) -> None:
    """List the published weights, and what of them is in the checkpoint folder."""
    from musical_roots.weights.checkpoints import listing

    click.echo(listing(checkpoints))


@stage.command("train-clmr")
@click.option("--tracks", type=PATH, required=True)
@click.option("--steps", type=int, required=True)
@click.option("--batch", type=int, required=True)
@click.option("--precision", type=click.Choice(["fp32", "bf16"]), default="bf16")
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto")
@click.option("--out", type=PATH, required=True)
@click.option("--curve", type=PATH, required=True)
@click.pass_obj
def train_clmr(seed, tracks, steps, batch, precision, device, out, curve) -> None:
    """Train the encoder clmr_open on the train split, watching its loss on the control split."""
    from musical_roots.audio import read
    from musical_roots.devices import settle
    from musical_roots.encoders import clmr
    from musical_roots.encoders.clmr_training import train
    from musical_roots.provenance import processor
    from musical_roots.tables import read_table, write_table
    from musical_roots.weights import files

    table = read_table(tracks)
    table["file"] = [Path(root) / path for root, path in zip(table.root, table.path, strict=True)]
    with progress(len(table), "reading recordings", "files") as bar:
        audio = {"train": {}, "control": {}}
        for row in table.itertuples():
            audio[row.split][row.track_id], _ = read(row.file, clmr.SAMPLE_RATE)
            bar.update(1)
    with progress(steps, "training clmr_open", "steps") as bar:
        tensors, losses = train(
            audio["train"],
            audio["control"],
            seed=seed,
            steps=steps,
            batch_size=batch,
            precision=precision,
            device=settle(device),
            progress=bar.update,
        )
    about = {
        "source": f"trained here, seed {seed}",
        "trained_on": sorted(audio["train"]),
        "steps": steps,
        "batch": batch,
        "precision": precision,
        "processor": processor(settle(device)),
    }
    files.save(out, tensors, about)
    write_table(losses, curve)


@stage.command("encode")
@click.option("--encoder", required=True)
@click.option("--clips", "table", type=PATH, required=True)
@click.option("--checkpoints", type=PATH, required=True)
@click.option("--batch", type=int, help="Clips a batch; what suits the device if not given.")
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto")
@click.option("--precision", type=click.Choice(["fp32", "bf16"]), default="fp32")
@click.option("--part", type=click.Choice(["start", "centre", "end"]), default="centre")
@click.option("--out", type=PATH, required=True)
@click.pass_obj
def encode(seed, encoder, table, checkpoints, batch, out, **settings) -> None:
    """Raw features of a clip list."""
    from musical_roots import embed
    from musical_roots.encoders import base
    from musical_roots.tables import read_table, write_array, write_json

    clips = read_table(table)
    model = base.load(encoder, checkpoints, seed=seed, **settings)
    with progress(len(clips), f"{encoder}, {table.parent.name}", "clips") as bar:
        features = embed.encode(clips, model, batch, bar.update)
    write_json(embed.made_by(model, clips), out.with_suffix(".json"))
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
    write_shard(out, vectors, embed.heard(read_table(table), made_by), made_by)


@stage.command("queries")
@click.argument("lists", type=PATH, nargs=-1, required=True)
@click.option("--tracks", type=PATH, required=True)
@click.option("--queries", "count", type=int, required=True)
@click.option("--out", type=PATH, required=True)
@click.pass_obj
def queries(seed, lists, tracks, count, out) -> None:
    """Draw the clips that are perturbed."""
    from musical_roots import perturbed
    from musical_roots.perturb import PERTURBATIONS
    from musical_roots.tables import read_table, read_tables, write_table

    context_s = max(perturbation.context_s for perturbation in PERTURBATIONS.values())
    chosen = perturbed.choose_queries(
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
@click.option("--generator", type=(str, PATH), help="Whose codec, and the folder of its weights.")
@click.option("--audio", type=PATH, required=True, help="Folder for the rendered audio.")
@click.option("--out", type=PATH, required=True)
@click.option("--targets", type=PATH, required=True)
@click.pass_obj
def perturb(
    seed, lists, queries, kind, levels, sample_rate, generator, audio, out, targets
) -> None:
    """Perturb the query clips: audio, clip list, and the pairs to look for."""
    from musical_roots import perturb, perturbed
    from musical_roots.generators.base import load
    from musical_roots.tables import read_table, read_tables, write_table

    chosen, corpus = read_table(queries), read_tables(lists)
    partners = perturbed.other_track(chosen, corpus, "perturb.partner", seed)
    floor = perturbed.other_track(chosen, corpus, "perturbed.floor", seed)
    copies = perturbed.perturbed_clips(
        chosen, kind, perturb.PERTURBATIONS[kind].unit, list(levels), partners
    )
    with progress(len(copies), f"perturbing, {kind}", "clips") as bar:
        copies = perturbed.render_clips(
            copies, corpus, audio, sample_rate, seed, bar.update, generator and load(*generator)
        )
    write_table(perturbed.targets(copies, dict(zip(chosen.clip_id, floor, strict=True))), targets)
    write_table(copies, out)


@stage.command("search")
@click.argument("index", type=PATH, nargs=-1, required=True)
@click.option("--queries", type=PATH, multiple=True, required=True)
@click.option("--targets", type=PATH, multiple=True)
@click.option("--k", type=int, default=50)
@click.option("--exclude", default="none", help="none, self, track or duplicates.")
@click.option("--out", type=PATH, required=True)
def search(index, queries, targets, k, exclude, out) -> None:
    """Exact cosine neighbours of the queries: a match table."""
    from musical_roots.search import matches
    from musical_roots.tables import open_shards, read_tables, write_table

    wanted = read_tables(targets) if targets else None
    found = matches(open_shards(queries), open_shards(index), k, exclude, wanted)
    write_table(found, out)
