"""Experiment B, from match tables to its results table."""

import click

from musical_roots.cli import CONFIDENCE, LISTS, OUT, PATH, RESAMPLES, SEED, group

robustness = group("robustness", "Experiment B: robustness to perturbation.")


@robustness.command("summarise")
@click.option(
    "--matches",
    type=(str, PATH),
    metavar="KIND TABLE",
    multiple=True,
    required=True,
    help="Match table of the perturbed clips of a kind.",
)
@LISTS
@RESAMPLES
@CONFIDENCE
@OUT
@SEED
def summarise(seed, matches, lists, out, **interval) -> None:
    """Experiment B: one row an encoder, kind, generator and level."""
    import pandas as pd

    from musical_roots.experiments.robustness import summarise
    from musical_roots.tables import read_table, read_tables, write_table

    clips = read_tables(lists)
    parts = [
        summarise(kind, read_table(path), clips, **interval, seed=seed) for kind, path in matches
    ]
    write_table(pd.concat(parts, ignore_index=True), out)
