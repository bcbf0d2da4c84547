"""Published weights: on their way to the checkpoint folder, and what is there of them."""

from pathlib import Path

import click

from musical_roots.cli import CHECKPOINTS, PATH, group

weights = group("weights", "Published weights of encoders and generators.")


@weights.command("fetch")
@click.option("--name", required=True, help="As `weights list` names it.")
@CHECKPOINTS
@click.option("--local", type=PATH, help="The published file, where it is on this machine.")
@click.option("--sha256", help="Hash that the file must have, in place of the published one.")
@click.option("--random/--no-random", help="Random weights in its place, to try the pipes.")
@click.option("--seed", type=int, help="The config's seed, for random weights.")
def fetch(seed, name, checkpoints, local, sha256, random) -> None:
    """Fetch, verify and convert the weights of an encoder or generator."""
    from musical_roots.weights.checkpoints import fetch, fetch_random

    if random and seed is None:
        raise click.UsageError("--random wants --seed", click.get_current_context())
    if random:
        fetch_random(name, checkpoints, seed)
    else:
        fetch(name, checkpoints, local, sha256)


@weights.command("list")
@click.option(
    "--checkpoints", type=PATH, help="Folder of converted weights; if not given, the config's."
)
def list_weights(checkpoints) -> None:
    """List the published weights, and what of them is in the checkpoint folder."""
    from musical_roots import config
    from musical_roots.weights.checkpoints import listing

    click.echo(listing(checkpoints or Path(config.load({})["cache"], "checkpoints")))
