"""What people read: figures, pages, claims, cards, the notebook."""

import click

from musical_roots.cli import (
    OUT,
    PATH,
    TRACKS,
    WEIGHTS,
    file,
    files,
    generator,
    group,
    log,
)

report = group("report", "Figures, pages, claims, cards.")
TITLE = click.option("--title", required=True, help="Of the page.")
TEXT = click.option("--text", default="", help="A paragraph above what is shown.")


@report.command("figure")
@click.option("--figure", "name", required=True, help="Which figure.")
@file("--table", "That it draws.")
@file("--paper", "The paper's own numbers, shown beside.", required=False)
@generator(without="; if not given, rows of all are drawn")
@file("--svg-out", "The picture, for pages.", "svg")
@file("--png-out", "The picture, for whatever else.", "png")
def figure(name, table, paper, generator, svg, png) -> None:
    """Draw one figure from its table."""
    from musical_roots.figures import draw
    from musical_roots.tables import read_table

    rows = read_table(table)
    if generator:
        rows = rows[rows.generator.str.partition(" (")[0] == generator]
    draw(name, rows, svg, png, read_table(paper) if paper else None)


@report.command("page")
@click.argument("tables", type=PATH, nargs=-1, required=True)
@TITLE
@TEXT
@OUT
def page(tables, title, text, out) -> None:
    """One HTML page of one or more tables."""
    from musical_roots.pages import write_page
    from musical_roots.tables import read_table

    files = {path.stem if len(tables) > 1 else "": path for path in tables}
    shown = {heading: read_table(path) for heading, path in files.items()}
    write_page(out, title, [text], shown, files)


@report.command("model-card")
@click.option("--model", required=True, help="Its name in the config.")
@WEIGHTS
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
@files("--outputs", "List of outputs.", required=False)
@file("--earlier-vamps", "Digests of an earlier run's vamps.", "earlier", required=False)
@OUT
def model_card(model, weights, tracks, command, tables, outputs, earlier, out) -> None:
    """Say of a model that was trained here what it was trained on, and how good it is."""
    from musical_roots import expected
    from musical_roots.arrays import write_text
    from musical_roots.cards import card
    from musical_roots.tables import read_table, read_tables
    from musical_roots.weights import files

    _, about = files.read(weights)
    results = {heading: read_table(path) for heading, path in tables}
    before = read_table(earlier) if earlier else None
    vamps = expected.told(read_tables(outputs), before) if outputs else ""
    write_text(card(model, about, read_table(tracks), command, results, vamps), out)


@report.command("claims")
@click.argument("tables", type=PATH, nargs=-1, required=True)
@files("--expected", "Claims, as YAML.")
@files("--paper-numbers", "Tables of the paper's published numbers.", "numbers")
@file("--tally-out", "How many could be tested, and how many hold.", "tallied")
@OUT
def claims(tables, expected, numbers, tallied, out) -> None:
    """Hold each claim against the results."""
    from musical_roots import claims
    from musical_roots.tables import read_table, write_table

    published, results = (
        {path.stem: read_table(path) for path in some} for some in (numbers, tables)
    )
    verdicts = claims.check(claims.read(expected, published), results)
    told = claims.tally(verdicts)
    write_table(verdicts, out)
    write_table(told, tallied)
    for row in told[told.in_words != ""].itertuples():
        log.info("claims, %s: %s", row.claims, row.in_words)
    for row in verdicts[verdicts.verdict != "not_comparable"].itertuples():
        log.info("%s: %s", row.verdict, row.claim)


@report.command("claims-page")
@file("--claims", "Each claim, and its verdict.", "verdicts")
@file("--tally", "How many could be tested, and how many hold.", "tallied")
@click.option(
    "--behind", "about", required=True, help="Of each table, as JSON: command, figures, timed."
)
@file("--benchmarks", "Folder of what jobs took.")
@OUT
def claims_page(verdicts, tallied, about, benchmarks, out) -> None:
    """Write the page of claims."""
    import json

    from musical_roots import claims_page
    from musical_roots.tables import read_table

    told = claims_page.costs(json.loads(about), benchmarks)
    claims_page.write(out, read_table(verdicts), read_table(tallied), told)


@report.command("claims-within")
@click.argument("text", type=PATH)
@file("--tally", "How many could be tested, and how many hold.", "tallied")
def claims_within(text, tallied) -> None:
    """Write the tally of claims into a text, between its marks."""
    from musical_roots.arrays import write_text
    from musical_roots.claims import within
    from musical_roots.tables import read_table

    write_text(within(text.read_text(encoding="utf-8"), read_table(tallied)), text)


@report.command("answers")
@click.argument("tables", type=PATH, nargs=-1, required=True)
@file("--short-answers-out", "The same as a table.", "out", required=False)
def answers(tables, out) -> None:
    """Say in some lines what a study found; of a folder of results tables, or of some of them."""
    from musical_roots.short_answers import in_lines, short_answers
    from musical_roots.tables import read_table, write_table

    paths = [found for path in tables for found in (sorted(path.glob("*.csv")) or [path])]
    answered = short_answers({path.stem: read_table(path) for path in paths})
    if out:
        write_table(answered, out)
    click.echo(in_lines(answered))


@report.command("front")
@click.argument("pages", type=PATH, nargs=-1, required=True)
@file("--config-file", "The config of the run, with every default.", "config")
@file("--short-answers", "What the study found, in some lines.", "answers")
@file("--captions", "Folder of the figures' captions.")
@OUT
def front(pages, config, answers, captions, out) -> None:
    """The study's front page: answers, then every figure with its table, and links to its pages."""
    from musical_roots.arrays import read_json
    from musical_roots.front import write_front
    from musical_roots.study import Study
    from musical_roots.tables import read_table

    study = Study(read_json(config))
    answered = read_table(answers)
    made = (study.figures, study.pages, list(pages), captions)
    write_front(out, study.config, answered, *made)


@report.command("provenance")
@click.option("--config", required=True, help="The checked config, as JSON.")
@files("--sidecar", "What stands beside some features of an encoder.", "encoders")
@file("--config-out", "The config.")
@OUT
def provenance(config, encoders, config_out, out) -> None:
    """What made the results: config, encoders, versions, machine."""
    import json

    from musical_roots.arrays import read_json, write_json
    from musical_roots.pages import write_page
    from musical_roots.provenance import described

    config = json.loads(config)
    tables = described(config, [read_json(path) for path in encoders])
    write_page(out, "What made these results", [], tables)
    write_json(config, config_out)


@report.command("compare")
@click.argument("one", type=PATH, metavar="RESULTS")
@click.argument("other", type=PATH, metavar="OTHER_RESULTS")
@click.option("--rtol", type=float, default=1e-6, help="Two numbers may differ by so much of one.")
@click.option("--atol", type=float, default=1e-6, help="And by so much, however small they are.")
def compare(one, other, rtol, atol) -> None:
    """Hold the tables of two runs against each other, a line each; status 1 where any differ."""
    from musical_roots import comparison

    found = comparison.folders(one, other, rtol, atol)
    for name, difference in found.items():
        log.info("%s: %s", name, difference)
    alike = sum(difference.same for difference in found.values())
    log.info("%d of %d tables are the same", alike, len(found))
    if alike < len(found):
        raise SystemExit(1)


@report.command("verify")
@click.argument("results", type=PATH)
@file("--reference", "Folder of reference tables.")
def verify(results, reference) -> None:
    """Hold a run's tables against the reference: a line a table that moved; status 1 if any did."""
    from musical_roots import verify

    found = verify.moved(results, reference)
    for line in verify.told(found):
        log.info("%s", line)
    if not all(one.same for one in found.values()):
        raise SystemExit(1)


@report.command("keep-reference")
@click.argument("results", type=PATH)
@file("--reference", "Folder of reference tables.")
def keep_reference(results, reference) -> None:
    """Write a run's tables as the reference."""
    from musical_roots import verify

    log.info("kept in %s: %s", reference, ", ".join(verify.keep(results, reference)))


@report.command("notebook")
@file("--notebook", "To execute.")
@OUT
def notebook(notebook, out) -> None:
    """Execute a notebook in the working folder, to an HTML page."""
    from musical_roots.notebooks import write_notebook

    write_notebook(notebook, out)


@report.command("questions")
@click.argument("tables", type=PATH, nargs=-1, required=True)
@file("--page", "What readers ask, as Markdown.")
@files("--figures", "Pictures in which an answer can be seen.", required=False)
@OUT
def questions(tables, page, figures, out) -> None:
    """Answer what readers of the paper ask, from a run's own tables."""
    from musical_roots.prose import write_prose
    from musical_roots.questions import filled
    from musical_roots.tables import read_table

    named = {path.stem: path for path in tables}
    write_prose(filled(page, named, list(figures), read_table), out)


@report.command("crate")
@files("--workflow", "File of the workflow: a copy comes along.")
@file("--citation", "How to cite the software.")
@click.option("--made-with", required=True, help="What a person types to make the study.")
@file("--workflow-out", "Folder for the workflow.", "copied")
@OUT
def crate(workflow, citation, made_with, copied, out) -> None:
    """Describe the folder of a study as an RO-Crate: what is in it, made of what, by what."""
    from musical_roots.crate import write_crate

    write_crate(out, workflow, copied, citation, made_with)
