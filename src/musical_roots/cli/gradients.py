"""Attribution by gradients of openvamp, to be held against retraining."""

import click

from musical_roots.cli import (
    OUT,
    OUTPUTS,
    PATH,
    SEED,
    SHARD,
    TRAIN_TOKENS,
    WEIGHTS,
    file,
    group,
    progress,
)

gradients = group("gradients", "Attribution by gradients, to hold against retraining.")
OUTPUT_MASKS = click.option(
    "--output-masks", type=int, required=True, help="Masks under which an output is predicted."
)
TRACK_CROPS = click.option(
    "--track-crops", type=int, required=True, help="Crops of a track that are predicted."
)


def _asked(seed, weights, train_tokens, outputs, output_masks, track_crops, shard=(0, 1)) -> tuple:
    """The network, what it is asked of outputs and tracks, and each track's share of training."""
    from musical_roots.experiments.counterfactual import gradients, losses
    from musical_roots.generators.openvamp import model
    from musical_roots.tables import read_arrays, read_tables

    network, about = model.load(weights)
    arrays = read_arrays(train_tokens)
    tokens = {track: arrays[track] for track in about["trained_on"]}
    part = read_tables(outputs).iloc[shard[0] :: shard[1]]
    made = losses.hidden_of_outputs(part, seed, output_masks)
    tracks = losses.hidden_of_tracks(tokens, seed, track_crops)
    return network, made, tracks, gradients.shares(tokens)


@gradients.command("cosine")
@WEIGHTS
@TRAIN_TOKENS
@OUTPUTS
@OUTPUT_MASKS
@TRACK_CROPS
@OUT
@SEED
def cosine(seed, out, **files) -> None:
    """Cosine and product of the gradients of each output and each track."""
    from musical_roots.experiments.counterfactual.gradients import by_gradients, by_id
    from musical_roots.tables import write_table

    network, made, *tracks = _asked(seed, **files)
    with progress(len(by_id(made)), "gradients", "outputs") as bar:
        write_table(by_gradients(network, made, *tracks, bar.update), out)


@gradients.command("trak")
@WEIGHTS
@TRAIN_TOKENS
@OUTPUTS
@OUTPUT_MASKS
@TRACK_CROPS
@click.option("--dimensions", type=int, required=True, help="That gradients are projected to.")
@click.option("--at-once", type=int, required=True, help="Crops and masks taken at once.")
@OUT
@SEED
def trak(seed, dimensions, at_once, out, **files) -> None:
    """TRAK of each output and each track."""
    from musical_roots.experiments.counterfactual.trak import by_trak
    from musical_roots.tables import write_table

    asked = _asked(seed, **files)
    write_table(by_trak(*asked, dimensions=dimensions, batch=at_once, seed=seed), out)


@gradients.command("unlearning")
@WEIGHTS
@TRAIN_TOKENS
@OUTPUTS
@SHARD
@OUTPUT_MASKS
@TRACK_CROPS
@click.option("--unlearning-steps", "steps", type=int, required=True, help="Uphill, an output.")
@click.option(
    "--step-length", "length", type=float, required=True, help="As a share of all weights' length."
)
@OUT
@SEED
def unlearning(seed, steps, length, out, **files) -> None:
    """What unlearning each output of a part does to the loss on each track."""
    from musical_roots.experiments.counterfactual.gradients import by_id, by_unlearning
    from musical_roots.tables import write_table

    asked = _asked(seed, **files)
    with progress(len(by_id(asked[1])), "unlearning", "outputs") as bar:
        found = by_unlearning(*asked, steps=steps, length=length, progress=bar.update)
    write_table(found, out)


@gradients.command("join")
@click.argument("parts", type=PATH, nargs=-1, required=True, metavar="SCORES...")
@OUT
def join(parts, out) -> None:
    """One table of all scores."""
    from musical_roots.tables import read_tables, write_table

    table = read_tables(parts).sort_values(["method", "output_id", "track_id"], kind="stable")
    write_table(table.reset_index(drop=True), out)


@gradients.command("take")
@file("--scores", "Scores by some methods, of some outputs.", required=False)
@file("--truth-losses", "Loss of each output under each retrained model.")
@OUT
def take(scores, truth_losses, out) -> None:
    """Take the scores that lie with a truth, of the outputs that it speaks of here."""
    from musical_roots.experiments.counterfactual.gradients import taken
    from musical_roots.tables import read_table, write_table

    found = read_table(scores) if scores else None
    write_table(taken(found, read_table(truth_losses)), out)
