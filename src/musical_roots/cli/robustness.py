"""Experiment B, from match tables to its results table."""

from musical_roots.cli import CONFIDENCE, LISTS, OUT, RESAMPLES, SEED, files, group

robustness = group("robustness", "Experiment B: robustness to perturbation.")


@robustness.command("summarise")
@files("--matches", "Match table of perturbed clips.")
@LISTS
@RESAMPLES
@CONFIDENCE
@OUT
@SEED
def summarise(seed, matches, lists, out, **interval) -> None:
    """Experiment B: one row an encoder, kind and level."""
    import pandas as pd

    from musical_roots.experiments.robustness import summarise
    from musical_roots.tables import read_table, read_tables, write_table

    clips = read_tables(lists)
    parts = [summarise(read_table(path), clips, **interval, seed=seed) for path in matches]
    write_table(pd.concat(parts, ignore_index=True), out)
