"""Stages from match tables to what people read: experiments, figures, pages, claims."""

from pathlib import Path

import click

from musical_roots.cli import PATH, log, stage


@stage.command("robustness")
@click.option("--pair", "pairs", type=(PATH, PATH), multiple=True, required=True,
              help="A match table and the clip list of its queries.")  # fmt: skip
@click.option("--clips", "table", type=PATH, required=True)
@click.option("--resamples", type=int, default=1000)
@click.option("--confidence", type=float, default=0.95)
@click.option("--out", type=PATH, required=True)
@click.pass_obj
def robustness(seed, pairs, table, resamples, confidence, out) -> None:
    """Experiment B: one row an encoder, kind and level."""
    import pandas as pd

    from musical_roots.experiments.robustness import summarise
    from musical_roots.tables import read_table, write_table

    clips = read_table(table)
    parts = [
        summarise(read_table(matches), read_table(lists), clips, resamples, confidence, seed)
        for matches, lists in pairs
    ]
    write_table(pd.concat(parts, ignore_index=True), out)


@stage.command("retrieval")
@click.argument("shards", type=PATH, nargs=-1, required=True)
@click.option("--resamples", type=int, default=1000)
@click.option("--confidence", type=float, default=0.95)
@click.option("--out", type=PATH, required=True)
@click.pass_obj
def retrieval(seed, shards, resamples, confidence, out) -> None:
    """Same-track recall on control tracks: one row an encoder whose shards are given."""
    from itertools import groupby

    import pandas as pd

    from musical_roots.experiments.retrieval import same_track
    from musical_roots.tables import open_shards, write_table

    encoders = groupby(sorted(shards), key=lambda shard: shard.parents[1])
    rows = [
        same_track(open_shards(list(paths)), resamples, confidence, seed) for _, paths in encoders
    ]
    write_table(pd.DataFrame(rows).sort_values("recall_at_1", ascending=False), out)


@stage.command("figure")
@click.option("--name", required=True)
@click.option("--table", type=PATH, required=True)
@click.option("--generator", help="Draw this one's rows alone, with or without a remark.")
@click.option("--svg", type=PATH, required=True)
@click.option("--png", type=PATH, required=True)
def figure(name, table, generator, svg, png) -> None:
    """Draw one figure from its table."""
    from musical_roots.figures import draw
    from musical_roots.tables import read_table

    rows = read_table(table)
    if generator:
        rows = rows[rows.generator.str.partition(" (")[0] == generator]
    draw(name, rows, svg, png)


@stage.command("model-card")
@click.option("--name", required=True)
@click.option("--weights", type=PATH, required=True)
@click.option("--tracks", type=PATH, required=True)
@click.option("--command", required=True, help="That trains it.")
@click.option("--table", "tables", type=(str, PATH), multiple=True, help="Heading and table.")
@click.option("--out", type=PATH, required=True)
def model_card(name, weights, tracks, command, tables, out) -> None:
    """Say of a model that was trained here what it was trained on, and how good it is."""
    from musical_roots.cards import card
    from musical_roots.tables import read_table, write_text
    from musical_roots.weights import files

    _, about = files.read(weights)
    results = {heading: read_table(path) for heading, path in tables}
    write_text(card(name, about, read_table(tracks), command, results), out)


@stage.command("claims")
@click.argument("tables", type=PATH, nargs=-1, required=True)
@click.option("--expected", type=PATH, required=True)
@click.option("--out", type=PATH, required=True)
def claims(tables, expected, out) -> None:
    """Hold each claim against the results."""
    from musical_roots import claims
    from musical_roots.tables import read_table, write_table

    results = {path.stem: read_table(path) for path in tables}
    verdicts = claims.check(claims.read(expected), results)
    write_table(verdicts, out)
    for row in verdicts.itertuples():
        log.info("%s: %s", row.verdict, row.claim)


@stage.command("page")
@click.argument("tables", type=PATH, nargs=-1, required=True)
@click.option("--title", required=True)
@click.option("--text", default="")
@click.option("--out", type=PATH, required=True)
def page(tables, title, text, out) -> None:
    """One HTML page of one or more tables."""
    from musical_roots.pages import write_page
    from musical_roots.tables import read_table

    shown = {path.stem if len(tables) > 1 else "": read_table(path) for path in tables}
    write_page(out, title, [text], shown)


@stage.command("provenance")
@click.option("--config", "config_json", required=True, help="The checked config, as JSON.")
@click.option("--encoder", "encoders", type=PATH, multiple=True, required=True,
              help="Sidecar of some features of an encoder.")  # fmt: skip
@click.option("--config-out", type=PATH, required=True)
@click.option("--out", type=PATH, required=True)
def write_provenance(config_json, encoders, config_out, out) -> None:
    """What made the results: config, encoders, versions, machine."""
    import json

    import pandas as pd

    from musical_roots import provenance
    from musical_roots.pages import write_page
    from musical_roots.tables import read_json, write_json

    def pairs(values: dict) -> pd.DataFrame:
        return pd.DataFrame(values.items(), columns=["name", "value"])

    config = json.loads(config_json)
    sections = {
        "Run": pairs(provenance.environment() | {"seed": config["seed"]}),
        "Encoders": pd.DataFrame([read_json(path) for path in encoders]),
        "Config": pairs(pd.json_normalize(config).iloc[0].to_dict()),
        "Installed packages": pairs(provenance.versions()),
    }
    write_page(out, "What made these results", [], sections)
    write_json(config, config_out)


@stage.command("notebook")
@click.option("--notebook", "source", type=PATH, required=True)
@click.option("--out", type=PATH, required=True)
def notebook(source, out) -> None:
    """Execute a notebook in the working folder, to an HTML page."""
    from musical_roots.pages import write_notebook

    write_notebook(source, out)


@stage.command("reference")
@click.option("--schema", type=PATH, default=Path("workflow/schemas/config.schema.yaml"))
@click.option("--readme", type=PATH, default=Path("config/README.md"))
def reference(schema, readme) -> None:
    """Write the config's schema and reference anew, from the typed config."""
    from musical_roots import config
    from musical_roots.tables import write_text

    write_text(config.schema(), schema)
    write_text(config.reference(), readme)
