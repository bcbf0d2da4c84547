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
    group,
    progress,
)

gradients = group("gradients", "Attribution by gradients, to hold against retraining.")
OUTPUT_MASKS = click.option(
    "--output-masks", type=int, required=True, help="Masks under which an output is predicted."
)
EVERY = click.option(
    "--every", type=int, required=True, help="Frames from one crop of a track to the next."
)


def _asked(seed, weights, train_tokens, outputs, output_masks, shard=(0, 1)) -> tuple:
    """The network, what it is asked of outputs, and the tokens that it was trained on."""
    from musical_roots.arrays import read_arrays
    from musical_roots.experiments.counterfactual.losses import hidden_of_outputs
    from musical_roots.generators.openvamp import model
    from musical_roots.tables import read_tables

    network, about = model.load(weights)
    arrays = read_arrays(train_tokens)
    part = read_tables(outputs).iloc[shard[0] :: shard[1]]
    made = hidden_of_outputs(part, seed, output_masks)
    return network, made, {track: arrays[track] for track in about["trained_on"]}


@gradients.command("cosine")
@WEIGHTS
@TRAIN_TOKENS
@OUTPUTS
@OUTPUT_MASKS
@EVERY
@OUT
@SEED
def cosine(seed, every, out, **files) -> None:
    """Cosine and product of the gradients of each output and each track."""
    from musical_roots.experiments.counterfactual import gradients
    from musical_roots.tables import write_table

    network, made, tokens = _asked(seed, **files)
    tracks, share = gradients.covering(tokens, every, seed), gradients.shares(tokens)
    with progress(len(gradients.by_id(made)), "gradients", "outputs") as bar:
        table = gradients.by_gradients(network, made, tracks, share, bar.update)
    write_table(table, out)


@gradients.command("trak")
@WEIGHTS
@TRAIN_TOKENS
@OUTPUTS
@OUTPUT_MASKS
@EVERY
@click.option("--dimensions", type=int, required=True, help="That gradients are projected to.")
@click.option("--at-once", type=int, required=True, help="Crops and masks taken at once.")
@OUT
@SEED
def trak(seed, every, dimensions, at_once, out, **files) -> None:
    """TRAK of each output and each track."""
    from musical_roots.experiments.counterfactual.gradients import covering, shares
    from musical_roots.experiments.counterfactual.trak import by_trak
    from musical_roots.tables import write_table

    network, made, tokens = _asked(seed, **files)
    asked = made, covering(tokens, every, seed), shares(tokens)
    table = by_trak(network, *asked, dimensions=dimensions, batch=at_once, seed=seed)
    write_table(table, out)


@gradients.command("unlearning")
@WEIGHTS
@TRAIN_TOKENS
@OUTPUTS
@SHARD
@OUTPUT_MASKS
@click.option("--track-crops", type=int, required=True, help="Of each, on which loss is read.")
@click.option("--unlearning-steps", "steps", type=int, required=True, help="Uphill, an output.")
@click.option(
    "--step-length", "length", type=float, required=True, help="As a share of all weights' length."
)
@OUT
@SEED
def unlearning(seed, track_crops, steps, length, out, **files) -> None:
    """What unlearning each output of a part does to the loss on each track."""
    from musical_roots.experiments.counterfactual import gradients
    from musical_roots.experiments.counterfactual.losses import hidden_of_tracks
    from musical_roots.tables import write_table

    network, made, tokens = _asked(seed, **files)
    asked = made, hidden_of_tracks(tokens, seed, track_crops), gradients.shares(tokens)
    with progress(len(gradients.by_id(made)), "unlearning", "outputs") as bar:
        how = {"steps": steps, "length": length, "progress": bar.update}
        write_table(gradients.by_unlearning(network, *asked, **how), out)


@gradients.command("join")
@click.argument("parts", type=PATH, nargs=-1, required=True, metavar="SCORES...")
@OUT
def join(parts, out) -> None:
    """One table of all scores."""
    from musical_roots.tables import read_tables, write_table

    table = read_tables(parts).sort_values(["method", "output_id", "track_id"], kind="stable")
    write_table(table.reset_index(drop=True), out)
