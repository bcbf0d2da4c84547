"""Train tracks that are heard more often, and what that leaves in outputs prompted elsewhere."""

import click

from musical_roots.cli import (
    CODEBOOKS,
    CONFIDENCE,
    CONTROL_TOKENS,
    DEVICE,
    ENTRIES,
    LAYERS,
    OUT,
    OUTPUTS,
    PATH,
    PRECISION,
    RESAMPLES,
    SEED,
    TRAIN_TOKENS,
    WIDTH,
    batch,
    file,
    group,
    progress,
)

dose = group("dose", "Tracks that training hears more often, and longer training.")
STEPS = click.option("--steps", type=int, required=True, help="Training steps.")


@dose.command("network")
@click.option("--number", type=int, required=True, help="Of the network, from 0.")
@click.option("--doses", type=int, multiple=True, required=True, help="How often a track is heard.")
@click.option("--tracks-a-dose", type=int, required=True, help="Train tracks of each, at most.")
@click.option("--track-masks", "masks", type=int, required=True, help="Crops for a track's loss.")
@TRAIN_TOKENS
@CONTROL_TOKENS
@OUTPUTS
@CODEBOOKS
@ENTRIES
@WIDTH
@LAYERS
@STEPS
@batch()
@PRECISION
@DEVICE
@OUT
@SEED
def network(
    seed, train_tokens, control_tokens, outputs, codebooks, entries, width, layers, doses, batch,
    device, out, **how,
) -> None:  # fmt: skip
    """Train a network on tracks with doses, and measure what its outputs show of each."""
    from musical_roots.arrays import read_arrays
    from musical_roots.devices import settle
    from musical_roots.experiments.counterfactual.dose import measure_network
    from musical_roots.generators.openvamp.model import Size
    from musical_roots.tables import read_tables, write_table

    tokens = {"train": read_arrays(train_tokens), "control": read_arrays(control_tokens)}
    made, size = read_tables(outputs), Size(codebooks, entries, width, layers)
    how |= {"seed": seed, "doses": list(doses), "batch_size": batch, "device": settle(device)}
    total = how["steps"] + int((made.prompt_split == "control").sum())
    with progress(total, f"network {how['number']}", "steps and outputs") as bar:
        table = measure_network(tokens, made, size, progress=bar.update, **how)
    write_table(table, out)


@dose.command("summarise")
@click.argument("measured", type=PATH, nargs=-1, required=True, metavar="NETWORKS...")
@click.option("--deals", type=int, required=True, help="Of the doses, for p of a trend.")
@RESAMPLES
@CONFIDENCE
@OUT
@SEED
def summarise(seed, measured, deals, out, **interval) -> None:
    """Every measure by dose, and its trend."""
    from musical_roots.experiments.counterfactual.dose import summarised
    from musical_roots.tables import read_tables, write_table

    write_table(summarised(read_tables(measured), deals, **interval, seed=seed), out)


@dose.command("length")
@TRAIN_TOKENS
@CONTROL_TOKENS
@OUTPUTS
@CODEBOOKS
@ENTRIES
@WIDTH
@LAYERS
@STEPS
@batch()
@PRECISION
@DEVICE
@OUT
@SEED
def length(
    seed, train_tokens, control_tokens, outputs, codebooks, entries, width, layers, batch, device,
    out, **how,
) -> None:  # fmt: skip
    """Train a network for so long, and measure what it learned of music and of its tracks."""
    from musical_roots.arrays import read_arrays
    from musical_roots.devices import settle
    from musical_roots.experiments.counterfactual.lengths import measure_length
    from musical_roots.generators.openvamp.model import Size
    from musical_roots.tables import read_tables, write_table

    tokens = {"train": read_arrays(train_tokens), "control": read_arrays(control_tokens)}
    made, size = read_tables(outputs), Size(codebooks, entries, width, layers)
    how |= {"seed": seed, "batch_size": batch, "device": settle(device)}
    total = how["steps"] + int((made.prompt_split == "train").sum())
    with progress(total, f"{how['steps']} x {batch}", "steps and outputs") as bar:
        write_table(measure_length(tokens, made, size, progress=bar.update, **how), out)


@dose.command("join-lengths")
@click.argument("lengths", type=PATH, nargs=-1, required=True, metavar="LENGTHS...")
@OUT
def join_lengths(lengths, out) -> None:
    """One table of networks that were trained for longer and longer."""
    from musical_roots.tables import read_tables, write_table

    write_table(read_tables(lengths), out)


@dose.command("take")
@file("--about", "What was told of the truth by retraining when it was taken.")
@file("--dose", "Means by dose that lie beside it.", required=False)
@file("--lengths", "Networks trained for longer that lie beside it.", required=False)
@file("--dose-out", "The first, if the truth is of these outputs.")
@file("--lengths-out", "The second, likewise.")
def take(about, dose, lengths, dose_out, lengths_out) -> None:
    """Take what lies beside a truth as far as that speaks of this study; else empty tables."""
    from musical_roots.arrays import read_json
    from musical_roots.experiments.counterfactual.beside import taken
    from musical_roots.tables import write_table

    tables = taken({"dose": dose, "lengths": lengths}, read_json(about))
    write_table(tables["dose"], dose_out)
    write_table(tables["lengths"], lengths_out)
