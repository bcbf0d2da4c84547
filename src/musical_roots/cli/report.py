"""What people read: figures, pages, claims, cards, the notebook."""

import click

from musical_roots.cli import OUT, PATH, TRACKS, group, log

report = group("report", "Figures, pages, claims, cards.")
TITLE = click.option("--title", required=True, help="Of the page.")
TEXT = click.option("--text", default="", help="A paragraph above what is shown.")


@report.command("figure")
@click.option("--name", required=True, help="Which figure.")
@click.option("--table", type=PATH, required=True, help="That it draws.")
@click.option("--generator", help="Draw this one's rows alone, with or without a remark.")
@click.option("--svg", type=PATH, required=True, help="The picture, for pages.")
@click.option("--png", type=PATH, required=True, help="The picture, for whatever else.")
def figure(name, table, generator, svg, png) -> None:
    """Draw one figure from its table."""
    from musical_roots.figures import draw
    from musical_roots.tables import read_table

    rows = read_table(table)
    if generator:
        rows = rows[rows.generator.str.partition(" (")[0] == generator]
    draw(name, rows, svg, png)


@report.command("page")
@click.argument("tables", type=PATH, nargs=-1, required=True)
@TITLE
@TEXT
@OUT
def page(tables, title, text, out) -> None:
    """One HTML page of one or more tables."""
    from musical_roots.pages import write_page
    from musical_roots.tables import read_table

    shown = {path.stem if len(tables) > 1 else "": read_table(path) for path in tables}
    write_page(out, title, [text], shown)


@report.command("listen")
@click.option("--vamps", type=PATH, required=True, help="List of vamps.")
@click.option("--count", type=int, default=12, help="How many to show, at most.")
@TITLE
@TEXT
@OUT
def listen(vamps, count, title, text, out) -> None:
    """A page on which to hear some vamps beside their prompts."""
    from musical_roots.generate import to_hear
    from musical_roots.pages import write_page
    from musical_roots.tables import read_table

    write_page(out, title, [text], {"": to_hear(read_table(vamps), count)})


@report.command("model-card")
@click.option("--name", required=True, help="Of the model.")
@click.option("--weights", type=PATH, required=True, help="Its file.")
@TRACKS
@click.option("--command", required=True, help="That trains it.")
@click.option(
    "--result",
    "tables",
    type=(str, PATH),
    metavar="HEADING TABLE",
    multiple=True,
    help="What is said of how good it is.",
)
@OUT
def model_card(name, weights, tracks, command, tables, out) -> None:
    """Say of a model that was trained here what it was trained on, and how good it is."""
    from musical_roots.cards import card
    from musical_roots.tables import read_table, write_text
    from musical_roots.weights import files

    _, about = files.read(weights)
    results = {heading: read_table(path) for heading, path in tables}
    write_text(card(name, about, read_table(tracks), command, results), out)


@report.command("claims")
@click.argument("tables", type=PATH, nargs=-1, required=True)
@click.option("--expected", type=PATH, required=True, help="The claims, as YAML.")
@OUT
def claims(tables, expected, out) -> None:
    """Hold each claim against the results."""
    from musical_roots import claims
    from musical_roots.tables import read_table, write_table

    results = {path.stem: read_table(path) for path in tables}
    verdicts = claims.check(claims.read(expected), results)
    write_table(verdicts, out)
    for row in verdicts.itertuples():
        log.info("%s: %s", row.verdict, row.claim)


@report.command("provenance")
@click.option("--config", required=True, help="The checked config, as JSON.")
@click.option(
    "--sidecar",
    "encoders",
    type=PATH,
    multiple=True,
    required=True,
    help="What stands beside some features of an encoder.",
)
@click.option("--config-out", type=PATH, required=True, help="File for the config.")
@OUT
def provenance(config, encoders, config_out, out) -> None:
    """What made the results: config, encoders, versions, machine."""
    import json

    from musical_roots.pages import write_page
    from musical_roots.provenance import described
    from musical_roots.tables import read_json, write_json

    config = json.loads(config)
    tables = described(config, [read_json(path) for path in encoders])
    write_page(out, "What made these results", [], tables)
    write_json(config, config_out)


@report.command("notebook")
@click.option("--notebook", type=PATH, required=True, help="To execute.")
@OUT
def notebook(notebook, out) -> None:
    """Execute a notebook in the working folder, to an HTML page."""
    from musical_roots.pages import write_notebook

    write_notebook(notebook, out)
