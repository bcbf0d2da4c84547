"""Stages of Experiment C: control music, what every output resembles, and how sure that is."""

from pathlib import Path

import click

from musical_roots.cli import PATH, log, progress, stage
from musical_roots.errors import InputError

RESAMPLING = [
    click.option("--resamples", type=int, default=1000),
    click.option("--confidence", type=float, default=0.95),
]
EVERY_CODEBOOK = 99


def resampling(command):
    """Options of the bootstrap."""
    for option in RESAMPLING:
        command = option(command)
    return command


def control_roundtrip(command):
    """The null: nearest clips of control music, through the codec where that is known."""
    return click.option(
        "--control-roundtrip",
        "null",
        type=PATH,
        multiple=True,
        required=True,
        help="Of control music after the codec, or as it is where no codec is known.",
    )(command)


@stage.command("excerpts")
@click.argument("lists", type=PATH, nargs=-1, required=True)
@click.option("--tracks", type=PATH, required=True)
@click.option("--excerpts", "count", type=int, required=True)
@click.option("--duration-s", type=float, required=True, help="Of an excerpt, as of a vamp.")
@click.option("--clip-duration-s", type=float, required=True)
@click.option("--out", type=PATH, required=True)
@click.option("--clips", type=PATH, multiple=True, required=True, help="Clip list of each part.")
@click.pass_obj
def excerpts(seed, lists, tracks, count, duration_s, clip_duration_s, out, clips) -> None:
    """Draw excerpts of control tracks, as long as vamps, and cut them into clips."""
    from musical_roots import generate
    from musical_roots.tables import read_table, read_tables, write_table

    corpus = read_tables(lists)
    control = corpus[corpus.split == "control"]
    if control.group_id.nunique() < 2:
        raise InputError(
            "influence wants 2 control tracks at least; add recordings, raise "
            "corpus.control_share, or set influence.activate to false"
        )
    chosen = generate.choose_prompts(
        control, read_table(tracks), count, duration_s, seed, "excerpts"
    )
    if len(chosen) < count:
        log.info("only %d places for %d excerpts: every one of them is used", len(chosen), count)
    made = generate.excerpts(chosen)
    for part, path in enumerate(clips):
        write_table(
            generate.prompt_clips(
                made.iloc[part :: len(clips)], clip_duration_s, "control_excerpt"
            ),
            path,
        )
    write_table(made, out)


@stage.command("control-roundtrips")
@click.option("--generator", required=True)
@click.option("--checkpoints", type=PATH, required=True)
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto")
@click.option("--code", required=True, help="Digest of it: audio of other code is made anew.")
@click.option("--excerpts", "chosen", type=PATH, required=True)
@click.option("--shard", type=(int, int), required=True, help="Which part, of how many.")
@click.option("--clip-duration-s", type=float, required=True)
@click.option("--audio", type=PATH, required=True, help="Folder for the audio.")
@click.option("--out", type=PATH, required=True)
def control_roundtrips(
    generator, checkpoints, device, code, chosen, shard, clip_duration_s, audio, out
) -> None:
    """Send excerpts of control tracks through a generator's codec, and cut them into clips."""
    from musical_roots import generate
    from musical_roots.generators.base import load
    from musical_roots.tables import read_table, write_table

    part = read_table(chosen).iloc[shard[0] :: shard[1]]
    model = load(generator, checkpoints, device)
    model.fingerprint += f"+{code}"
    with progress(len(part), f"round trips, {generator}", "excerpts") as bar:
        made = generate.control_roundtrips(part, model, EVERY_CODEBOOK, audio, bar.update)
    write_table(generate.vamp_clips(made, clip_duration_s, "control_roundtrip"), out)


@stage.command("indexes")
@click.argument("lists", type=PATH, nargs=-1, required=True)
@click.option("--out", type=PATH, required=True)
@click.pass_obj
def indexes(seed, lists, out) -> None:
    """Say which clips are in which index: the training set, and two indexes of equal size."""
    from musical_roots.experiments.influence import equal_indexes
    from musical_roots.tables import read_tables, write_table

    write_table(equal_indexes(read_tables(lists), seed), out)


@stage.command("attribute")
@click.argument("corpus", type=PATH, nargs=-1, required=True)
@click.option("--queries", type=PATH, multiple=True, required=True)
@click.option("--parents", type=PATH, multiple=True, help="What the queries were made from.")
@click.option("--indexes", type=PATH, required=True, help="Which clips are in which index.")
@click.option("--index", "wanted", multiple=True, default=["train"])
@click.option("--prompt-track", "prompt_tracks", multiple=True, default=["included"],
              help="included or excluded: whether the prompt's track can be found.")  # fmt: skip
@click.option("--k", type=int, default=50)
@click.option("--matches", type=PATH, required=True)
@click.option("--nearest", type=PATH, required=True)
def attribute(
    corpus, queries, parents, indexes, wanted, prompt_tracks, k, matches, nearest
) -> None:
    """The nearest clips of every query in each index, and the nearest of each output and clip."""
    import pandas as pd

    from musical_roots.experiments import influence
    from musical_roots.tables import open_shards, read_table, write_table

    asked = open_shards(queries)
    found = influence.attribute(
        asked,
        open_shards(corpus),
        read_table(indexes),
        k,
        open_shards(parents) if parents else None,
        wanted,
        prompt_tracks,
    )
    parts = {"clip": influence.best(found, asked.clips, "clip_id")}
    if "output_id" in asked.clips:
        parts["output"] = influence.best(found, asked.clips)
    write_table(found, matches)
    write_table(pd.concat([part.assign(of=of) for of, part in parts.items()]), nearest)


@stage.command("exceedance")
@click.option("--outputs", type=PATH, multiple=True, required=True, help="Their nearest clips.")
@click.option("--control", type=PATH, multiple=True, required=True, help="Of control music.")
@control_roundtrip
@resampling
@click.option("--out", type=PATH, required=True)
@click.pass_obj
def exceedance(seed, outputs, control, null, resamples, confidence, out) -> None:
    """Share of outputs with a clip at or above a threshold, beside control music."""
    from musical_roots.experiments import influence

    real = nearest_of(control)
    passed = real if set(null) == set(control) else nearest_of(null)
    write(
        influence.exceedance(
            nearest_of(outputs, whole=True), passed, real, resamples, confidence, seed
        ),
        out,
    )


@stage.command("calibrate")
@click.option("--outputs", type=PATH, multiple=True, required=True, help="Their nearest clips.")
@control_roundtrip
@click.option("--planted", type=PATH, multiple=True, required=True, help="Of perturbed clips.")
@click.option("--planted-clips", type=PATH, multiple=True, required=True, help="Their lists.")
@click.option("--fdr", type=float, required=True, help="False discovery rate asked for.")
@click.option("--draws", type=int, required=True)
@resampling
@click.option("--p-values", type=PATH, required=True)
@click.option("--out", type=PATH, required=True)
@click.option("--curve", type=PATH, required=True)
@click.option("--paired", type=PATH, required=True)
@click.option("--planted-out", type=PATH, required=True)
@click.pass_obj
def calibrate(
    seed, outputs, null, planted, planted_clips, fdr, draws, resamples, confidence, p_values, out,
    curve, paired, planted_out,
) -> None:  # fmt: skip
    """p-values of resemblance, and the check that they are what they say."""
    from musical_roots.experiments import calibration
    from musical_roots.tables import read_tables

    control = read_tables(null)
    found = calibration.calibrate(
        read_tables(outputs),
        control[control["index"] == "train"],
        read_tables(planted),
        read_tables(planted_clips),
        fdr,
        draws,
        resamples,
        confidence,
        seed,
    )
    write(found["p_values"], p_values)
    write(found["calibration"], out)
    write(found["curve"], curve)
    write(found["paired"], paired)
    write(found["planted"], planted_out)


@stage.command("resemblance")
@click.argument("corpus", type=PATH, nargs=-1, required=True)
@click.option("--matches", type=PATH, multiple=True, required=True)
@click.option("--outputs", type=PATH, multiple=True, required=True, help="Their embeddings.")
@control_roundtrip
@click.option("--tracks", type=PATH, required=True)
@click.option("--indexes", type=PATH, required=True)
@resampling
@click.option("--prompts", type=PATH, required=True)
@click.option("--songs", type=PATH, required=True)
@click.option("--artists", type=PATH, required=True)
@click.option("--found", type=PATH, required=True)
@click.option("--evidence", type=PATH, required=True)
@click.pass_obj
def resemblance(
    seed, corpus, matches, outputs, null, tracks, indexes, resamples, confidence, prompts, songs,
    artists, found, evidence,
) -> None:  # fmt: skip
    """Outputs against their prompts, and from clips to songs and artists."""
    from musical_roots.experiments import influence
    from musical_roots.experiments.songs import resemblances
    from musical_roots.tables import read_table, read_tables

    table, clips = read_tables(matches), heard(outputs)
    against = influence.prompt_against_training(
        table, clips.drop_duplicates("clip_id"), read_table(indexes), resamples, confidence, seed
    )
    added = resemblances(table, clips, heard(corpus), nearest_of(null, "clip"), read_table(tracks))
    write(against, prompts)
    write(added["song"], songs)
    write(added["artist"], artists)
    write(added["found"], found)
    write(added["evidence"], evidence)


@stage.command("concentration")
@click.argument("corpus", type=PATH, nargs=-1, required=True)
@click.option("--outputs", type=PATH, multiple=True, required=True, help="Of one encoder.")
@click.option("--control", type=PATH, multiple=True, required=True)
@click.option("--output-matches", type=PATH, multiple=True, required=True)
@click.option("--control-matches", type=PATH, multiple=True, required=True)
@click.option("--tracks", type=PATH, required=True)
@click.option("--indexes", type=PATH, required=True)
@click.option("--k", type=int, required=True)
@click.option("--draws", type=int, required=True)
@click.option("--hubness-clips", type=int, required=True)
@click.option("--out", type=PATH, required=True)
@click.option("--lorenz", type=PATH, required=True)
@click.option("--hubness", type=PATH, required=True)
@click.pass_obj
def concentration(
    seed, corpus, outputs, control, output_matches, control_matches, tracks, indexes, k, draws,
    hubness_clips, out, lorenz, hubness,
) -> None:  # fmt: skip
    """Concentration of one encoder's matches beside its nulls, and the hubs behind it."""
    from musical_roots.experiments import hubs
    from musical_roots.tables import open_shards, read_table, read_tables

    searched, made, real = open_shards(corpus), open_shards(outputs), open_shards(control)
    items = searched.clips.merge(read_table(indexes), on="clip_id")
    items["artist"] = items.track_id.map(read_table(tracks).set_index("track_id").artist)
    compared = hubs.sources(
        read_tables(output_matches), made.clips, read_tables(control_matches), real.clips, items
    )
    table, curves = hubs.concentration_of(compared, draws, seed)
    training = (searched.clips.split == "train").to_numpy()
    asked = {"outputs": made, "control": real}
    encoder = searched.provenance["encoder"]
    table.insert(0, "encoder", encoder)
    curves.insert(0, "encoder", encoder)
    write(table, out)
    write(curves, lorenz)
    write(hubs.hubness(asked, searched, k, hubness_clips, seed, training), hubness)


@stage.command("verdicts")
@click.option("--outputs", type=PATH, multiple=True, required=True, help="Vamp lists.")
@click.option("--p-values", type=PATH, required=True)
@click.option("--songs", type=PATH, required=True)
@click.option("--ngram-overlap", type=PATH, help="Of each output's tokens, if known.")
@click.option("--control-roundtrips", type=PATH, multiple=True, help="Their match tables.")
@click.option("--tracks", type=PATH, required=True)
@click.option("--without", multiple=True, help="Encoders that have no say in a verdict.")
@click.option("--fdr", type=float, required=True, help="False discovery rate asked for.")
@resampling
@click.option("--agreement", type=PATH, required=True)
@click.option("--out", type=PATH, required=True)
@click.pass_obj
def verdicts(
    seed, outputs, p_values, songs, ngram_overlap, control_roundtrips, tracks, without, fdr,
    resamples, confidence, agreement, out,
) -> None:  # fmt: skip
    """What encoders and tokens say of each output, side by side and together."""
    from musical_roots.experiments import verdicts
    from musical_roots.tables import read_table, read_tables

    back = read_tables(control_roundtrips).groupby("encoder") if control_roundtrips else []
    agreed, table = verdicts.views(
        read_tables(outputs),
        read_table(p_values),
        read_table(songs),
        read_table(tracks),
        read_table(ngram_overlap) if ngram_overlap else None,
        {encoder: verdicts.copy_cosine(part) for encoder, part in back},
        fdr,
        without,
        resamples,
        confidence,
        seed,
    )
    write(agreed, agreement)
    write(table, out)


@stage.command("findings")
@click.option("--exceedance", type=PATH, required=True)
@click.option("--calibration", type=PATH, required=True)
@click.option("--paired", type=PATH, required=True)
@click.option("--prompts", type=PATH, required=True)
@click.option("--concentration", type=PATH, required=True)
@click.option("--hubness", type=PATH, required=True)
@click.option("--out", type=PATH, required=True)
def findings(exceedance, calibration, paired, prompts, concentration, hubness, out) -> None:
    """What Experiment C found, in sentences, each beside its null."""
    from musical_roots.experiments.findings import findings
    from musical_roots.tables import read_table, write_table

    tables = (exceedance, calibration, paired, prompts, concentration, hubness)
    write_table(findings(*map(read_table, tables)), out)


@stage.command("join")
@click.option("--part", "parts", type=(PATH, PATH, PATH), multiple=True, required=True,
              help="A table, vamps of a generator, and its part of the table.")  # fmt: skip
def join(parts) -> None:
    """Tables of all generators and encoders, each as one."""
    import pandas as pd

    from musical_roots.tables import read_table, write_table

    tables: dict[Path, list] = {}
    labels = {vamps: read_table(vamps).generator.iloc[0] for vamps in {part[1] for part in parts}}
    for whole, vamps, part in parts:
        table = read_table(part)
        if "generator" not in table:
            table.insert(min(1, table.shape[1]), "generator", labels[vamps])
        tables.setdefault(whole, []).append(table)
    for whole, found in tables.items():
        write_table(pd.concat(found, ignore_index=True), whole)


def nearest_of(paths, of: str = "output", whole: bool = False):
    """Nearest clips of outputs, or of single clips, over all parts: in train, or in each index."""
    from musical_roots.tables import read_tables

    table = read_tables(paths)
    table = table[(table.of == of) & ((table["index"] == "train") | whole)]
    return table.reset_index(drop=True)


def heard(paths):
    """Clips of embedded shards, with their encoder and the span that it heard."""
    import pandas as pd

    from musical_roots.tables import open_shards

    opened = [open_shards([path]) for path in paths]
    parts = [shard.clips.assign(encoder=shard.provenance["encoder"]) for shard in opened]
    return pd.concat(parts, ignore_index=True)


def write(table, path: Path) -> None:
    """Write a table. Numbers of a CSV are rounded: people read them."""
    from musical_roots.tables import write_table

    write_table(table.round(6) if path.suffix == ".csv" else table, path)
