"""One recording in, an attribution out: for hands; no rule of the workflow calls it."""

import os

import click

from musical_roots.cli import PATH, Stage, file, generator, progress, stages

TO_OUTPUT = "-"


@stages.command("trace", cls=Stage)
@click.argument("paths", type=PATH, nargs=-1, required=True, metavar="FILES...")
@file("--against", "One file to compare with, instead of the training set.", required=False)
@click.option(
    "--study", "where", type=PATH, default="results", help="A finished study's folder, or config."
)
@generator(without="; if not given, the files are held for music like any other")
@click.option("--json", "json_out", type=PATH, help="File for all of the answer; - prints it.")
@click.option("--html", "html_out", type=PATH, help="File for a page to look at and listen to.")
@click.option(
    "--jobs", type=click.IntRange(1), default=min(os.cpu_count() or 1, 8), help="Processes."
)
def trace(paths, against, where, generator, json_out, html_out, jobs) -> None:
    """What a recording resembles in a finished study: which seconds, how near, and how sure."""
    from musical_roots.trace import run, study, terminal

    run.check_outputs(list(paths), against, {"json": json_out, "html": html_out})
    finished = study.opened(where)
    told = run.trace(list(paths), finished, generator, against, jobs, progress)
    run.write(told, finished, json_out, html_out)
    if str(json_out) != TO_OUTPUT:
        click.echo(terminal.shown(told))
