"""Clip sets -> raw features -> unit vectors."""

import click

from musical_roots.cli import (
    CLIPS,
    DEVICE,
    KEPT_IF,
    OUT,
    PATH,
    PRECISION,
    SEED,
    TRACKS,
    batch,
    checkpoints,
    file,
    group,
    log,
    progress,
)

embed = group("embed", "Clip lists -> raw features -> unit vectors.")


@embed.command("encode")
@click.option("--encoder", required=True, help="Its name in the config.")
@CLIPS
@checkpoints()
@batch(without="; if not given, what suits the device")
@DEVICE
@PRECISION
@click.option(
    "--part",
    type=click.Choice(["start", "centre", "end"]),
    help="Of a clip, for an encoder that hears less and leaves the choice.",
)
@click.option(
    "--features",
    type=click.Choice(["encoder", "projector"]),
    help="Which layer's, for an encoder that leaves the choice.",
)
@KEPT_IF
@OUT
@SEED
def encode(seed, encoder, clips, checkpoints, batch, kept_if, out, **settings) -> None:
    """Raw features of a clip list. A clip that cannot be read is listed, and stops nothing."""
    from musical_roots import embed
    from musical_roots.encoders import base
    from musical_roots.tables import read_table, write_table

    table, unheard = read_table(clips), []
    settings = {key: value for key, value in settings.items() if value is not None}
    model = base.load(encoder, checkpoints, seed=seed, **settings)
    about = embed.made_by(model, table) | {"made_from": embed.made_from(table, kept_if)}
    if not embed.kept(out, about):
        with progress(len(table), f"{encoder}, {clips.parent.name}", "clips") as bar:
            features = embed.encode(table, model, batch, bar.update, unheard)
        for clip in unheard:
            log.warning("not heard: %s", clip["why"])
        embed.write_features(out, features, about, unheard)
    write_table(embed.heard(table, about), out.with_suffix(".parquet"))


@embed.command("fit")
@click.argument("features", type=PATH, nargs=-1, required=True)
@OUT
def fit(features, out) -> None:
    """Per-dimension statistics of the training clips' features."""
    from musical_roots import unit_vectors
    from musical_roots.arrays import read_array, read_json, write_array

    standardise = read_json(features[0].with_suffix(".json"))["standardise"]
    shards = [read_array(path, mapped=True) for path in features]
    write_array(unit_vectors.fit(shards, standardise), out)


@embed.command("vectors")
@file("--raw-features", "Of some clips, which lie beside them.", "features")
@file("--statistics", "Of the training clips.")
@OUT
def vectors(features, statistics, out) -> None:
    """Unit vectors of raw features: one shard of embeddings."""
    from musical_roots import unit_vectors
    from musical_roots.arrays import copy, read_array, read_json, write_vectors

    fitted = read_array(statistics)
    told = unit_vectors.made_by(read_json(features.with_suffix(".json")), fitted)
    copy(features.with_suffix(".parquet"), out.with_suffix(".parquet"))
    write_vectors(out, unit_vectors.of(read_array(features), fitted), told)


@embed.command("list")
@click.argument("shards", type=PATH, nargs=-1, required=True)
@OUT
def shard_list(shards, out) -> None:
    """List shards of embeddings, for a search through all of them."""
    from musical_roots import embed
    from musical_roots.tables import write_table

    write_table(embed.shard_list(shards), out)


@embed.command("export")
@click.argument("shards", type=PATH, nargs=-1, required=True)
@TRACKS
@OUT
def export(shards, tracks, out) -> None:
    """Embeddings and metadata in one Parquet file, for a vector database."""
    from musical_roots import export
    from musical_roots.tables import read_table

    log.info("%d clips", export.write_parquet(shards, read_table(tracks), out))
