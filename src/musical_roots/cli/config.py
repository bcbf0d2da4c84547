"""What is generated from the typed config."""

from pathlib import Path

import click

from musical_roots.cli import PATH, group

config = group("config", "The config's schema and reference.")


@config.command("reference")
@click.option(
    "--schema-out",
    "schema",
    type=PATH,
    default=Path("workflow/schemas/config.schema.yaml"),
    help="JSON schema, for editors and the workflow catalogue.",
)
@click.option(
    "--readme-out",
    "readme",
    type=PATH,
    default=Path("config/README.md"),
    help="Every key, for people.",
)
def reference(schema, readme) -> None:
    """Write the config's schema and reference anew, from the typed config."""
    from musical_roots import config
    from musical_roots.arrays import write_text

    write_text(config.schema(), schema)
    write_text(config.reference(), readme)


@config.command("where")
@click.argument("overlays", type=PATH, nargs=-1)
def where(overlays) -> None:
    """Say what a study found, and where its results are, for config/config.yaml with overlays."""
    from musical_roots import config
    from musical_roots.short_answers import in_lines
    from musical_roots.tables import read_table

    results = config.read([Path("config/config.yaml"), *overlays])["results"]
    answers = Path(results) / "tables/short_answers.csv"
    if answers.is_file():
        click.echo(in_lines(read_table(answers)))
    click.echo(
        f"\nReport:  {results}/index.html   (open it in a browser; it works offline)\n"
        f"Figures: {results}/figures/      Tables: {results}/tables/   Corpus: {results}/corpus/"
    )
