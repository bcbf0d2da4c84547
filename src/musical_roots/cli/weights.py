"""Published weights: on their way to the checkpoint folder, and what is there of them."""

from pathlib import Path

import click

from musical_roots.cli import PATH, checkpoints, group

weights = group("weights", "Published weights of encoders and generators.")


@weights.command("fetch")
@click.option("--name", required=True, help="As `weights list` names it.")
@checkpoints()
@click.option("--local", type=PATH, help="The published file, where it is on this machine.")
@click.option(
    "--sha256",
    help="Hash that the file must have; if not given, the published one.",
)
@click.option(
    "--random", type=int, metavar="SEED", help="Random weights in its place, to try the pipes."
)
def fetch(name, checkpoints, local, sha256, random) -> None:
    """Fetch, verify and convert the weights of an encoder or generator."""
    from musical_roots.weights.checkpoints import fetch, fetch_random

    if random is None:
        fetch(name, checkpoints, local, sha256)
    else:
        fetch_random(name, checkpoints, random)


@weights.command("list")
@checkpoints(without="; if not given, the config's")
def list_weights(checkpoints) -> None:
    """List the published weights, and what of them is in the checkpoint folder."""
    from musical_roots import config
    from musical_roots.weights.checkpoints import listing

    click.echo(listing(checkpoints or Path(config.load({})["cache"], "checkpoints")))
