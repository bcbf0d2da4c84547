"""What the workflow trains, on the train split alone."""

import click

from musical_roots.cli import (
    CODEBOOKS,
    CODEC,
    CONTROL_TOKENS,
    CURVE_OUT,
    DEVICE,
    ENTRIES,
    LAYERS,
    OUT,
    PRECISION,
    SEED,
    SMALL,
    TRACKS,
    TRAIN_TOKENS,
    WIDTH,
    batch,
    file,
    group,
    progress,
)

train = group("train", "Train what the workflow trains, on the train split alone.")
STEPS = click.option("--steps", type=int, required=True, help="Training steps.")
SHIPPED = file("--shipped", "Folder of weights to take where they are the very same.", None, False)


@train.command("clmr-open")
@TRACKS
@STEPS
@batch()
@PRECISION
@DEVICE
@OUT
@CURVE_OUT
@SEED
def clmr_open(seed, tracks, steps, out, curve, **how) -> None:
    """Train the encoder clmr_open, watching its loss on the control split."""
    from musical_roots.corpus import recordings
    from musical_roots.encoders import clmr, clmr_training
    from musical_roots.tables import read_table, write_table

    table = read_table(tracks)
    with progress(len(table), "reading recordings", "files") as bar:
        heard = recordings.splits(table, clmr.SAMPLE_RATE, bar.update)
    with progress(steps, "training clmr_open", "steps") as bar:
        losses = clmr_training.train_file(
            out, *heard, seed=seed, steps=steps, **how, progress=bar.update
        )
    write_table(losses, curve)


@train.command("openvamp-codec")
@TRACKS
@CODEBOOKS
@ENTRIES
@click.option("--decoder-steps", type=int, required=True, help="Training steps of its decoder.")
@SHIPPED
@OUT
@SEED
def openvamp_codec(seed, tracks, shipped, out, **how) -> None:
    """Train openvamp's codec on excerpts of training tracks, or take it where it was trained so."""
    from musical_roots.corpus import recordings
    from musical_roots.generators.openvamp import codec
    from musical_roots.tables import read_table
    from musical_roots.weights.shipped import take

    table = read_table(tracks)
    table, how["seed"] = table[table.split == "train"], seed
    about = codec.described(table.track_id, **how)
    if take(shipped, out, about):
        return
    excerpts = recordings.excerpts(table, codec.SAMPLE_RATE, seed)
    heard = [codec.log_mel(codec.levelled(audio)) for audio in excerpts]
    with progress(how["decoder_steps"], "training openvamp's codec", "steps") as bar:
        codec.train(heard, **how, progress=bar.update).save(out, about | {"excerpts": len(heard)})


@train.command("openvamp")
@TRAIN_TOKENS
@CONTROL_TOKENS
@CODEC
@WIDTH
@LAYERS
@STEPS
@batch()
@PRECISION
@DEVICE
@SMALL
@SHIPPED
@OUT
@CURVE_OUT
@SEED
def openvamp(
    seed, train_tokens, control_tokens, codec, steps, small, shipped, out, curve, **how
) -> None:
    """Train openvamp's network, or take it where it was trained so; watch its loss on control."""
    from musical_roots.arrays import read_arrays
    from musical_roots.generators.openvamp import training
    from musical_roots.generators.openvamp.codec import load
    from musical_roots.tables import among, read_table, write_table

    train, control = read_arrays(train_tokens), read_arrays(control_tokens)
    train = among(train, read_table(small)) if small else train
    how |= {"seed": seed, "steps": steps, "shipped": shipped}
    with progress(steps, f"training {out.stem}", "steps") as bar:
        losses = training.train_file(out, train, control, load(codec), **how, progress=bar.update)
    write_table(losses, curve)


@train.command("ship")
@file("--models", "A run's folder of models.")
@file("--tables", "A run's folder of tables.")
@OUT
def ship(models, tables, out) -> None:
    """Copy the openvamps that a run trained, their curves and cards, for later runs to take."""
    from musical_roots.generators.openvamp.generator import SHIPPED
    from musical_roots.weights.shipped import ship

    ship(SHIPPED, models, tables, out)
