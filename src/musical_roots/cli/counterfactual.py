"""What outputs would have been without some training tracks: models retrained on halves of them."""

import click

from musical_roots.cli import (
    CODEC,
    CONTROL_TOKENS,
    DEVICE,
    LAYERS,
    OUT,
    OUTPUTS,
    PRECISION,
    SEED,
    SHARD,
    SPLIT_ARTISTS,
    TRACKS,
    TRAIN_TOKENS,
    TRUTH,
    WEIGHTS,
    WIDTH,
    batch,
    file,
    files,
    group,
    log,
    progress,
)

counterfactual = group("counterfactual", "Influence, by retraining on halves of the train split.")
MEMBERS = file("--members", "Which tracks each retrained model learns from.")
RETRAINED = file("--retrained", "Folder of retrained models: those that are there are kept.")
MASKS = click.option("--masks", type=int, required=True, help="Of each output, and of each track.")
TRACK_LOSSES_OUT = file("--track-losses-out", "The same of each track.", "track_losses_out")
ABOUT_OUT = file("--about-out", "What a truth says of itself.", "about_out")


@counterfactual.command("halves")
@TRACKS
@TRAIN_TOKENS
@CONTROL_TOKENS
@click.option("--halves", type=int, required=True, help="Random halves of the train tracks.")
@click.option("--second-seeds", type=int, required=True, help="How many are learned twice.")
@click.option("--artist-halves", type=int, required=True, help="Random halves of the artists.")
@click.option("--left-out/--no-left-out", required=True, help="Leave each track out once.")
@click.option("--other-halves", type=int, required=True, help="Halves with other music.")
@SPLIT_ARTISTS
@OUT
@SEED
def halves(seed, tracks, train_tokens, control_tokens, out, **how) -> None:
    """Draw what each retrained model learns from."""
    from musical_roots.arrays import read_arrays
    from musical_roots.experiments.counterfactual.halves import members
    from musical_roots.generators.openvamp.training import longer_than_a_crop
    from musical_roots.tables import read_table, write_table

    table = read_table(tracks)
    train, control = (
        table[table.track_id.isin(longer_than_a_crop(read_arrays(tokens)))]
        for tokens in (train_tokens, control_tokens)
    )
    write_table(members(train, seed, control=control, **how), out)


@counterfactual.command("retrain")
@MEMBERS
@SHARD
@TRAIN_TOKENS
@CONTROL_TOKENS
@OUTPUTS
@CODEC
@WIDTH
@LAYERS
@click.option("--steps", type=int, required=True, help="Training steps.")
@batch()
@MASKS
@PRECISION
@DEVICE
@RETRAINED
@OUT
@TRACK_LOSSES_OUT
@SEED
def retrain(
    seed, members, shard, train_tokens, control_tokens, outputs, codec, masks, retrained, out,
    track_losses_out, **how,
) -> None:  # fmt: skip
    """Retrain one part of the models, and take the loss of each output and track under each."""
    from musical_roots.arrays import read_arrays
    from musical_roots.experiments.counterfactual import losses, retraining
    from musical_roots.generators.openvamp.codec import load
    from musical_roots.tables import read_table, read_tables, write_table

    wanted = retraining.part(read_table(members), *shard)
    train, control = read_arrays(train_tokens), read_arrays(control_tokens)
    made = losses.hidden_of_outputs(read_tables(outputs), seed, masks)
    heard = losses.hidden_of_tracks(train | control, seed, masks)
    with progress(how["steps"] * wanted.model.nunique(), "retraining", "steps") as bar:
        how |= {"seed": seed, "progress": bar.update}
        models = retraining.retrained(wanted, train | control, load(codec), retrained, **how)
        of_outputs, of_tracks = losses.of_models(models, made, heard)
    write_table(of_outputs, out)
    write_table(of_tracks, track_losses_out)


@counterfactual.command("join")
@MEMBERS
@files("--losses", "Loss of each output under some models.")
@files("--track-losses", "Loss of each track under some models.")
@WEIGHTS
@TRAIN_TOKENS
@OUTPUTS
@MASKS
@PRECISION
@RETRAINED
@click.option("--command", required=True, help="That trains it.")
@OUT
@TRACK_LOSSES_OUT
@ABOUT_OUT
@SEED
def join(
    seed, members, losses, track_losses, weights, train_tokens, outputs, retrained, out,
    track_losses_out, about_out, **how,
) -> None:  # fmt: skip
    """Join what all jobs found to a truth, which says what it speaks of."""
    from musical_roots.arrays import read_arrays, write_json
    from musical_roots.experiments.counterfactual import truth
    from musical_roots.tables import read_table, read_tables
    from musical_roots.weights.files import read

    drawn, made = read_table(members), read_tables(outputs)
    tables = truth.joined(drawn, read_tables(losses), read_tables(track_losses), made)
    speaks_of = truth.fingerprints(read(weights)[1], read_arrays(train_tokens), made)
    truth.write(tables, {"losses": out, "track_losses": track_losses_out})
    made_on = truth.processors(retrained, drawn)
    write_json(truth.about(drawn, speaks_of, made_on, seed, **how), about_out)


@counterfactual.command("take")
@TRUTH
@WEIGHTS
@TRAIN_TOKENS
@OUTPUTS
@file("--members-out", "Which tracks each retrained model learned from.", "members_out")
@OUT
@TRACK_LOSSES_OUT
@ABOUT_OUT
def take(
    truth, weights, train_tokens, outputs, members_out, out, track_losses_out, about_out
) -> None:
    """Take a truth as far as it speaks of these outputs; else empty tables, and the reason."""
    from musical_roots.arrays import read_arrays, write_json
    from musical_roots.experiments.counterfactual import truth as truths
    from musical_roots.tables import read_tables
    from musical_roots.weights.files import read

    _, generator = read(weights)
    here = truths.fingerprints(generator, read_arrays(train_tokens), read_tables(outputs))
    tables, told = truths.taken(truth, here)
    log.info("%s", told["reason"] or f"{truth}: {told['outputs']} of {told['outputs_here']} here")
    paths = {"members": members_out, "losses": out, "track_losses": track_losses_out}
    truths.write(tables, paths, truths.TAKEN)
    write_json(told, about_out)


@counterfactual.command("ship")
@TRUTH
@OUT
def ship(truth, out) -> None:
    """Copy a truth that a run made, with its card, for later studies to take."""
    from musical_roots.experiments.counterfactual.shipping import ship

    ship(truth, out)
