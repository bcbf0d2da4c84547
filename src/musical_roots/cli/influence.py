"""Stages of Experiment C: held-out music, what every output resembles, and how sure that is."""

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
            generate.prompt_clips(made.iloc[part :: len(clips)], clip_duration_s, "heldout"), path
        )
    write_table(made, out)


@stage.command("round-trips")
@click.option("--generator", required=True)
@click.option("--checkpoints", type=PATH, required=True)
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto")
@click.option("--code", required=True, help="Digest of it: audio of other code is made anew.")
@click.option("--excerpts", "chosen", type=PATH, required=True)
@click.option("--shard", type=(int, int), required=True, help="Which part, of how many.")
@click.option("--clip-duration-s", type=float, required=True)
@click.option("--audio", type=PATH, required=True, help="Folder for the audio.")
@click.option("--out", type=PATH, required=True)
def round_trips(
    generator, checkpoints, device, code, chosen, shard, clip_duration_s, audio, out
) -> None:
    """Send held-out excerpts through a generator's codec, and cut them into clips."""
    from musical_roots import generate
    from musical_roots.generators.base import load
    from musical_roots.tables import read_table, write_table

    part = read_table(chosen).iloc[shard[0] :: shard[1]]
    model = load(generator, checkpoints, device)
    model.fingerprint += f"+{code}"
    with progress(len(part), f"round trips, {generator}", "excerpts") as bar:
        made = generate.round_trips(part, model, EVERY_CODEBOOK, audio, bar.update)
    write_table(generate.vamp_clips(made, clip_duration_s, "roundtrip"), out)


@stage.command("sides")
@click.argument("lists", type=PATH, nargs=-1, required=True)
@click.option("--out", type=PATH, required=True)
@click.pass_obj
def sides(seed, lists, out) -> None:
    """Say which clips are in which index: the training set, and two sides of equal size."""
    from musical_roots.experiments.influence import equal_sides
    from musical_roots.tables import read_tables, write_table

    write_table(equal_sides(read_tables(lists), seed), out)


@stage.command("attribute")
@click.argument("index", type=PATH, nargs=-1, required=True)
@click.option("--queries", type=PATH, multiple=True, required=True)
@click.option("--parents", type=PATH, multiple=True, help="What the queries were made from.")
@click.option("--sides", type=PATH, required=True)
@click.option("--side", "wanted", multiple=True, default=["train"])
@click.option("--own", "arms", multiple=True, default=["kept"])
@click.option("--k", type=int, default=50)
@click.option("--matches", type=PATH, required=True)
@click.option("--nearest", type=PATH, required=True)
def attribute(index, queries, parents, sides, wanted, arms, k, matches, nearest) -> None:
    """The nearest clips of every query on each side, and the nearest of each vamp and clip."""
    import pandas as pd

    from musical_roots.experiments import influence
    from musical_roots.tables import open_shards, read_table, write_table

    asked = open_shards(queries)
    found = influence.attribute(
        asked,
        open_shards(index),
        read_table(sides),
        k,
        open_shards(parents) if parents else None,
        wanted,
        arms,
    )
    parts = {"clip": influence.best(found, asked.clips, "clip_id")}
    if "vamp_id" in asked.clips:
        parts["vamp"] = influence.best(found, asked.clips)
    write_table(found, matches)
    write_table(pd.concat([part.assign(of=of) for of, part in parts.items()]), nearest)


@stage.command("exceedance")
@click.option("--vamps", type=PATH, multiple=True, required=True, help="Their nearest clips.")
@click.option("--null", type=PATH, multiple=True, required=True, help="Those of music never seen.")
@click.option("--heldout", type=PATH, multiple=True, required=True, help="The same, no codec.")
@resampling
@click.option("--out", type=PATH, required=True)
@click.pass_obj
def exceedance(seed, vamps, null, heldout, resamples, confidence, out) -> None:
    """Share of outputs with a clip at or above a threshold, beside music never seen."""
    from musical_roots.experiments import influence

    real = nearest_of(heldout)
    passed = real if set(null) == set(heldout) else nearest_of(null)
    write(
        influence.exceedance(
            nearest_of(vamps, whole=True), passed, real, resamples, confidence, seed
        ),
        out,
    )


@stage.command("calibrate")
@click.option("--vamps", type=PATH, multiple=True, required=True, help="Their nearest clips.")
@click.option("--null", type=PATH, multiple=True, required=True, help="Those of music never seen.")
@click.option("--planted", type=PATH, multiple=True, required=True, help="Of perturbed clips.")
@click.option("--planted-clips", type=PATH, multiple=True, required=True, help="Their lists.")
@click.option("--level", type=float, required=True, help="False discovery rate.")
@click.option("--draws", type=int, required=True)
@resampling
@click.option("--p-values", type=PATH, required=True)
@click.option("--out", type=PATH, required=True)
@click.option("--curve", type=PATH, required=True)
@click.option("--paired", type=PATH, required=True)
@click.option("--planted-out", type=PATH, required=True)
@click.pass_obj
def calibrate(
    seed, vamps, null, planted, planted_clips, level, draws, resamples, confidence, p_values, out,
    curve, paired, planted_out,
) -> None:  # fmt: skip
    """p-values of resemblance, and the check that they are what they say."""
    from musical_roots.experiments import calibration
    from musical_roots.tables import read_tables

    never = read_tables(null)
    found = calibration.calibrate(
        read_tables(vamps),
        never[never.side == "train"],
        read_tables(planted),
        read_tables(planted_clips),
        level,
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
@click.argument("index", type=PATH, nargs=-1, required=True)
@click.option("--matches", type=PATH, multiple=True, required=True)
@click.option("--vamps", type=PATH, multiple=True, required=True, help="Their embeddings.")
@click.option("--null", type=PATH, multiple=True, required=True, help="Of music never seen.")
@click.option("--tracks", type=PATH, required=True)
@click.option("--sides", type=PATH, required=True)
@resampling
@click.option("--prompts", type=PATH, required=True)
@click.option("--songs", type=PATH, required=True)
@click.option("--artists", type=PATH, required=True)
@click.option("--found", type=PATH, required=True)
@click.option("--evidence", type=PATH, required=True)
@click.pass_obj
def resemblance(
    seed, index, matches, vamps, null, tracks, sides, resamples, confidence, prompts, songs,
    artists, found, evidence,
) -> None:  # fmt: skip
    """Vamps against their prompts, and from clips to songs and artists."""
    from musical_roots.experiments import influence
    from musical_roots.experiments.songs import resemblances
    from musical_roots.tables import read_table, read_tables

    table, clips = read_tables(matches), heard(vamps)
    against = influence.prompt_against_training(
        table, clips.drop_duplicates("clip_id"), read_table(sides), resamples, confidence, seed
    )
    added = resemblances(table, clips, heard(index), nearest_of(null, "clip"), read_table(tracks))
    write(against, prompts)
    write(added["song"], songs)
    write(added["artist"], artists)
    write(added["found"], found)
    write(added["evidence"], evidence)


@stage.command("concentration")
@click.argument("index", type=PATH, nargs=-1, required=True)
@click.option("--vamps", type=PATH, multiple=True, required=True, help="Of one encoder.")
@click.option("--heldout", type=PATH, multiple=True, required=True)
@click.option("--vamp-matches", type=PATH, multiple=True, required=True)
@click.option("--heldout-matches", type=PATH, multiple=True, required=True)
@click.option("--tracks", type=PATH, required=True)
@click.option("--sides", type=PATH, required=True)
@click.option("--k", type=int, required=True)
@click.option("--draws", type=int, required=True)
@click.option("--hubness-clips", type=int, required=True)
@click.option("--out", type=PATH, required=True)
@click.option("--lorenz", type=PATH, required=True)
@click.option("--hubness", type=PATH, required=True)
@click.pass_obj
def concentration(
    seed, index, vamps, heldout, vamp_matches, heldout_matches, tracks, sides, k, draws,
    hubness_clips, out, lorenz, hubness,
) -> None:  # fmt: skip
    """Concentration of one encoder's matches beside its nulls, and the hubs behind it."""
    from musical_roots.experiments import hubs
    from musical_roots.tables import open_shards, read_table, read_tables

    corpus, made, real = open_shards(index), open_shards(vamps), open_shards(heldout)
    items = corpus.clips.merge(read_table(sides), on="clip_id")
    items["artist"] = items.track_id.map(read_table(tracks).set_index("track_id").artist)
    compared = hubs.sources(
        read_tables(vamp_matches), made.clips, read_tables(heldout_matches), real.clips, items
    )
    table, curves = hubs.concentration_of(compared, draws, seed)
    training = (corpus.clips.split == "train").to_numpy()
    asked = {"vamps": made, "held-out music": real}
    encoder = corpus.provenance["encoder"]
    table.insert(0, "encoder", encoder)
    curves.insert(0, "encoder", encoder)
    write(table, out)
    write(curves, lorenz)
    write(hubs.hubness(asked, corpus, k, hubness_clips, seed, training), hubness)


@stage.command("verdicts")
@click.option("--vamps", type=PATH, multiple=True, required=True)
@click.option("--p-values", type=PATH, required=True)
@click.option("--songs", type=PATH, required=True)
@click.option("--copies", type=PATH, help="Share of copied tokens of each vamp, if known.")
@click.option("--round-trips", type=PATH, multiple=True, help="Match tables of round trips.")
@click.option("--tracks", type=PATH, required=True)
@click.option("--without", multiple=True, help="Encoders that have no say in a verdict.")
@click.option("--level", type=float, required=True, help="False discovery rate.")
@resampling
@click.option("--agreement", type=PATH, required=True)
@click.option("--out", type=PATH, required=True)
@click.pass_obj
def verdicts(
    seed, vamps, p_values, songs, copies, round_trips, tracks, without, level, resamples,
    confidence, agreement, out,
) -> None:  # fmt: skip
    """What encoders and tokens say of each vamp, side by side and together."""
    from musical_roots.experiments import verdicts
    from musical_roots.tables import read_table, read_tables

    back = read_tables(round_trips).groupby("encoder") if round_trips else []
    agreed, table = verdicts.views(
        read_tables(vamps),
        read_table(p_values),
        read_table(songs),
        read_table(tracks),
        read_table(copies) if copies else None,
        {encoder: verdicts.copy_cosine(part) for encoder, part in back},
        level,
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
@click.option("--part", "parts", type=(PATH, str, PATH), multiple=True, required=True,
              help="A table, a generator, and the part of it.")  # fmt: skip
def join(parts) -> None:
    """Tables of all generators and encoders, each as one."""
    import pandas as pd

    from musical_roots.tables import read_table, write_table

    tables: dict[Path, list] = {}
    for whole, generator, part in parts:
        table = read_table(part)
        if "generator" not in table:
            table.insert(min(1, table.shape[1]), "generator", generator)
        tables.setdefault(whole, []).append(table)
    for whole, found in tables.items():
        write_table(pd.concat(found, ignore_index=True), whole)


def nearest_of(paths, of: str = "vamp", whole: bool = False):
    """Nearest clips of vamps, or of single clips, over all parts: in train, or on all sides."""
    from musical_roots.tables import read_tables

    table = read_tables(paths)
    table = table[(table.of == of) & ((table.side == "train") | whole)]
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
