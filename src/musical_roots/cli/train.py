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
    TRACKS,
    TRAIN_TOKENS,
    WIDTH,
    batch,
    group,
    progress,
)

train = group("train", "Train what the workflow trains, on the train split alone.")
STEPS = click.option("--steps", type=int, required=True, help="Training steps.")


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
@OUT
@SEED
def openvamp_codec(seed, tracks, decoder_steps, out, **size) -> None:
    """Train openvamp's codec on excerpts of training tracks."""
    from musical_roots.corpus import recordings
    from musical_roots.generators.openvamp import codec
    from musical_roots.tables import read_table

    table = read_table(tracks)
    table = table[table.split == "train"]
    excerpts = recordings.excerpts(table, codec.SAMPLE_RATE, seed)
    heard = [codec.log_mel(codec.levelled(audio)) for audio in excerpts]
    how = {"seed": seed, "decoder_steps": decoder_steps}
    with progress(decoder_steps, "training openvamp's codec", "steps") as bar:
        trained = codec.train(heard, **size, **how, progress=bar.update)
    about = {"source": f"trained here, seed {seed}", "trained_on": sorted(table.track_id)}
    trained.save(out, about | {"excerpts": len(heard), "decoder_steps": decoder_steps})


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
@OUT
@CURVE_OUT
@SEED
def openvamp(seed, train_tokens, control_tokens, codec, steps, out, curve, **how) -> None:
    """Train openvamp's network, watching its loss on the control split."""
    from musical_roots.generators.openvamp import training
    from musical_roots.generators.openvamp.codec import load
    from musical_roots.tables import read_arrays, write_table

    tokens = read_arrays(train_tokens), read_arrays(control_tokens)
    with progress(steps, "training openvamp", "steps") as bar:
        losses = training.train_file(
            out, *tokens, load(codec), seed=seed, steps=steps, **how, progress=bar.update
        )
    write_table(losses, curve)
