"""Experiment C: control music, what every output resembles, and how sure that is."""

import click

from musical_roots.cli import (
    AUDIO_OUT,
    CLIP_DURATION,
    CODE,
    CONFIDENCE,
    COUNT,
    DEVICE,
    DRAWS,
    DURATION,
    FDR,
    INDEXES,
    INVERTED,
    LISTS,
    MATCHES,
    NULL,
    OUT,
    OUTPUT_EMBEDDINGS,
    OUTPUT_NEAREST,
    OUTPUTS,
    PATH,
    QUERIES,
    RESAMPLES,
    SEED,
    SHARD,
    SMALL,
    SPLIT_ARTISTS,
    TRACKS,
    checkpoints,
    file,
    files,
    generator,
    group,
    log,
    progress,
)

influence = group("influence", "Experiment C: what outputs resemble, beside control music.")
CORPUS = click.argument(
    "corpus", type=PATH, nargs=-1, required=True, metavar="CORPUS_EMBEDDINGS..."
)
OUTPUT_MATCHES = files("--output-matches", "Match tables of outputs.")
P_VALUES_OUT = file("--p-values-out", "Of each output.", "p_values")
PLANTED_CLIPS = files("--planted-clips", "Clip lists of these.")
CONTROL_NEAREST = files("--control-nearest", "Nearest clips of control music itself.", "control")
EXCERPTS = file("--excerpts", "Excerpts of control tracks.")
PLANTED_NEAREST = files(
    "--planted-nearest", "Nearest clips of perturbed training clips.", "planted"
)


@influence.command("excerpts")
@LISTS
@TRACKS
@COUNT
@DURATION
@CLIP_DURATION
@OUT
@files("--clips-out", "Clip list of a part of them.", "clips")
@SEED
def excerpts(seed, lists, tracks, count, duration_s, clip_duration_s, out, clips) -> None:
    """Draw excerpts of control tracks, as long as outputs, and cut them into clips."""
    from musical_roots import generate
    from musical_roots.prompts import control_excerpts
    from musical_roots.tables import read_table, read_tables, write_table

    made = control_excerpts(read_tables(lists), read_table(tracks), count, duration_s, seed)
    if len(made) < count:
        log.info("only %d places for %d excerpts: every one of them is used", len(made), count)
    for part, path in enumerate(clips):
        some = made.iloc[part :: len(clips)]
        write_table(generate.prompt_clips(some, clip_duration_s, "control_excerpt"), path)
    write_table(made, out)


@influence.command("control-roundtrips")
@generator()
@checkpoints()
@DEVICE
@CODE
@EXCERPTS
@SHARD
@CLIP_DURATION
@AUDIO_OUT
@OUT
def control_roundtrips(
    generator, checkpoints, device, code, excerpts, shard, clip_duration_s, audio, out
) -> None:
    """Send excerpts of control tracks through a generator's codec, and cut them into clips."""
    from musical_roots import generate
    from musical_roots.generators.base import load
    from musical_roots.tables import read_table, write_table

    part = read_table(excerpts).iloc[shard[0] :: shard[1]]
    model = load(generator, checkpoints, device, code)
    with progress(len(part), f"round trips, {generator}", "excerpts") as bar:
        made = generate.control_roundtrips(part, model, generate.EVERY_CODEBOOK, audio, bar.update)
    write_table(generate.vamp_clips(made, clip_duration_s, "control_roundtrip"), out)


@influence.command("indexes")
@LISTS
@SMALL
@TRACKS
@SPLIT_ARTISTS
@OUT
@SEED
def indexes(seed, lists, small, tracks, split_artists, out) -> None:
    """Say which clips are in which index: the training set, its parts, and one of equal size."""
    from musical_roots.corpus.split import blocks
    from musical_roots.experiments.influence import equal_indexes
    from musical_roots.tables import read_table, read_tables, write_table

    part = read_table(small) if small else None
    artists = blocks(read_table(tracks).set_index("track_id"), split_artists)
    write_table(equal_indexes(read_tables(lists), seed, part, artists), out)


@influence.command("attribute")
@CORPUS
@QUERIES
@files("--parents", "Those of what that was made from.", required=False)
@INDEXES
@click.option("--index", "wanted", multiple=True, required=True, help="Where to search.")
@click.option(
    "--prompt-track",
    "prompt_tracks",
    multiple=True,
    required=True,
    help="included, excluded or artist_excluded: whether the prompt's track can be found.",
)
@TRACKS
@SPLIT_ARTISTS
@MATCHES
@INVERTED
@DEVICE
@OUT
@file("--nearest-out", "Nearest clip of each output and clip.", "nearest")
def attribute(
    corpus, queries, parents, indexes, wanted, prompt_tracks, tracks, split_artists, k, inverted,
    device, out, nearest
) -> None:  # fmt: skip
    """The nearest clips of every query in each index, and the nearest of each output and clip."""
    from musical_roots.corpus.split import blocks
    from musical_roots.experiments import influence
    from musical_roots.search.approximate import searching
    from musical_roots.tables import open_shards, read_table, write_table

    artists = None
    if "artist_excluded" in prompt_tracks:
        artists = blocks(read_table(tracks).set_index("track_id"), split_artists)
    asked, searched = open_shards(queries), open_shards(corpus)
    from_what = open_shards(parents) if parents else None
    searches = asked, searched, read_table(indexes), k, from_what, wanted, prompt_tracks, artists
    found = influence.attribute(*searches, searching(inverted, device))
    write_table(found, out)
    write_table(influence.nearest(found, asked.clips), nearest)


@influence.command("exceedance")
@OUTPUT_NEAREST
@CONTROL_NEAREST
@NULL
@RESAMPLES
@CONFIDENCE
@OUT
@SEED
def exceedance(seed, outputs, control, null, out, **interval) -> None:
    """Share of outputs with a clip at or above a threshold, beside control music."""
    from musical_roots.experiments import influence
    from musical_roots.tables import read_tables

    made = influence.of_outputs(read_tables(outputs), every_index=True)
    real = influence.of_outputs(read_tables(control))
    passed = real if set(null) == set(control) else influence.of_outputs(read_tables(null))
    write(influence.exceedance(made, passed, real, **interval, seed=seed), out)


@influence.command("calibrate")
@OUTPUT_NEAREST
@NULL
@CONTROL_NEAREST
@PLANTED_NEAREST
@PLANTED_CLIPS
@FDR
@DRAWS
@RESAMPLES
@CONFIDENCE
@P_VALUES_OUT
@OUT
@file("--calibration-curve-out", "Distributions of p-values.", "curve")
@file("--paired-out", "Training set against control index.", "paired")
@file("--planted-out", "What of the planted clips is found.")
@SEED
def calibrate(
    seed, outputs, null, control, planted, planted_clips, p_values, out, curve, paired, planted_out,
    **how,
) -> None:  # fmt: skip
    """p-values of resemblance, and the check that they are what they say."""
    from musical_roots.experiments.calibration import calibrate
    from musical_roots.tables import read_tables

    read = map(read_tables, (outputs, null, control, planted, planted_clips))
    found = calibrate(*read, **how, seed=seed)
    write(found["p_values"], p_values)
    write(found["calibration"], out)
    write(found["curve"], curve)
    write(found["paired"], paired)
    write(found["planted"], planted_out)


@influence.command("resemblance")
@CORPUS
@OUTPUT_MATCHES
@OUTPUT_EMBEDDINGS
@NULL
@TRACKS
@INDEXES
@RESAMPLES
@CONFIDENCE
@file("--prompt-vs-training-out", "Outputs against their prompts.", "prompts")
@file("--songs-out", "What matches add up to, by song.", "songs")
@file("--artists-out", "The same, by artist.", "artists")
@file("--found-out", "How often the prompt's own comes first.", "found")
@file("--evidence-out", "The first songs of each output.", "evidence")
@SEED
def resemblance(
    seed, corpus, output_matches, outputs, null, tracks, indexes, prompts, songs, artists, found,
    evidence, **interval,
) -> None:  # fmt: skip
    """Outputs against their prompts, and from clips to songs and artists."""
    from musical_roots.experiments import influence
    from musical_roots.experiments.songs import resemblances
    from musical_roots.tables import heard_clips, read_table, read_tables

    table, clips = read_tables(output_matches), heard_clips(outputs)
    which, control = read_table(indexes), influence.of_clips(read_tables(null))
    against = influence.prompt_against_training(table, clips, which, **interval, seed=seed)
    added = resemblances(table, clips, heard_clips(corpus), control, read_table(tracks))
    write(against, prompts)
    write(added["song"], songs)
    write(added["artist"], artists)
    write(added["found"], found)
    write(added["evidence"], evidence)


@influence.command("paper-tables")
@LISTS
@generator()
@OUTPUT_MATCHES
@OUTPUT_EMBEDDINGS
@INDEXES
@file("--bins", "Bins of cosine of each encoder.")
@file("--paper-table2", "The paper's table 2.", "paper2")
@file("--paper-table3", "The paper's table 3.", "paper3")
@RESAMPLES
@CONFIDENCE
@file("--table2-out", "Outputs against their prompts and the training set.", "table2")
@file("--table3-out", "How many of the nearest clips reach a threshold.", "table3")
@file("--top-songs-out", "The songs found most often.", "songs")
@SEED
def paper_tables(
    seed, lists, generator, output_matches, outputs, indexes, bins, paper2, paper3, table2, table3,
    songs, **interval,
) -> None:  # fmt: skip
    """Tables 2 and 3 of the paper, and its most frequent songs, beside its own numbers."""
    from musical_roots.experiments import paper_tables
    from musical_roots.tables import heard_clips, read_table, read_tables

    found, clips = read_tables(output_matches), heard_clips(outputs)
    which, limits, two, three = map(read_table, (indexes, bins, paper2, paper3))
    interval |= {"seed": seed}
    write(paper_tables.table_2(found, clips, two, generator, **interval), table2)
    write(paper_tables.table_3(found, clips, limits, three, **interval), table3)
    write(paper_tables.top_songs(found, clips, read_tables(lists), which), songs)


@influence.command("concentration")
@CORPUS
@OUTPUT_EMBEDDINGS
@files("--control-embeddings", "Embeddings of control music.", "control")
@OUTPUT_MATCHES
@files("--control-matches", "Match tables of control music.")
@TRACKS
@INDEXES
@MATCHES
@DRAWS
@click.option("--hubness-clips", type=int, required=True, help="Training clips at most.")
@OUT
@file("--lorenz-out", "Curves.", "lorenz")
@file("--hubness-out", "k-occurrence, as it is and corrected.", "hubness")
@SEED
def concentration(
    seed, corpus, outputs, control, output_matches, control_matches, tracks, indexes, k, draws,
    hubness_clips, out, lorenz, hubness,
) -> None:  # fmt: skip
    """Concentration of one encoder's matches beside its nulls, and the hubs behind it."""
    from musical_roots.experiments import hubs
    from musical_roots.tables import open_shards, read_table, read_tables

    searched, made, real = map(open_shards, (corpus, outputs, control))
    items = hubs.items(searched, read_table(indexes), read_table(tracks))
    found, theirs = read_tables(output_matches), read_tables(control_matches)
    compared = hubs.sources(found, made.clips, theirs, real.clips, items)
    shares, curves = hubs.concentration_of(compared, draws, seed)
    encoder = {"encoder": searched.provenance["encoder"]}
    asked, training = {"outputs": made, "control": real}, items.train.to_numpy()
    write(shares.assign(**encoder)[["encoder", *shares]], out)
    write(curves.assign(**encoder)[["encoder", *curves]], lorenz)
    write(hubs.hubness(asked, searched, k, hubness_clips, seed, training), hubness)


@influence.command("verdicts")
@OUTPUTS
@file("--p-values", "Of each output.")
@file("--songs", "What its matches add up to.")
@file("--ngram-overlap", "Of each output's tokens, if known.", required=False)
@files("--roundtrip-matches", "Match tables of control music after the codec.", required=False)
@file("--token-p-values", "Of each output by its tokens, if it has any.", required=False)
@file("--competition", "q of each output.")
@TRACKS
@click.option("--without", multiple=True, help="Encoders that have no say in a verdict.")
@FDR
@RESAMPLES
@CONFIDENCE
@file("--agreement-out", "Of every two views.", "agreement")
@OUT
@SEED
def verdicts(
    seed, outputs, p_values, songs, ngram_overlap, roundtrip_matches, token_p_values, competition,
    tracks, agreement, out, **how,
) -> None:  # fmt: skip
    """What encoders and tokens say of each output, side by side and together."""
    from musical_roots.experiments import verdicts
    from musical_roots.tables import read_table, read_tables

    back = read_tables(roundtrip_matches) if roundtrip_matches else None
    overlap = read_table(ngram_overlap) if ngram_overlap else None
    tokens = read_table(token_p_values) if token_p_values else None
    read, made = map(read_table, (p_values, songs, tracks)), read_tables(outputs)
    how |= {"tokens": tokens, "competition": read_table(competition), "seed": seed}
    agreed, found = verdicts.views(made, *read, overlap, back, **how)
    write(agreed, agreement)
    write(found, out)


@influence.command("training-sets")
@OUTPUTS
@OUTPUT_MATCHES
@files("--output-clips", "Clip lists of outputs.", "clips")
@SMALL
@RESAMPLES
@CONFIDENCE
@OUT
@SEED
def training_sets(seed, outputs, output_matches, clips, small, out, **interval) -> None:
    """Vamps of a model against those of one that learned from less: lists of both are given."""
    from musical_roots.experiments.training_sets import between
    from musical_roots.tables import read_table, read_tables

    made, matches, cut = map(read_tables, (outputs, output_matches, clips))
    part = read_table(small) if small else None
    write(between(matches, cut, made, part, **interval, seed=seed), out)


@influence.command("findings")
@file("--exceedance", "Its table.")
@file("--calibration", "Its table.")
@file("--paired", "Its table.")
@file("--prompt-vs-training", "Its table.", "prompts")
@file("--concentration", "Its table.")
@file("--hubness", "Its table.")
@file("--coded-index", "Its table, if there is one.", "coded", required=False)
@OUT
def findings(exceedance, calibration, paired, prompts, concentration, hubness, coded, out) -> None:
    """What Experiment C found, in sentences, each beside its nulls."""
    from musical_roots.experiments.findings import findings
    from musical_roots.tables import read_table, write_table

    tables = (exceedance, calibration, paired, prompts, concentration, hubness)
    beside = read_table(coded) if coded else None
    write_table(findings(*map(read_table, tables), beside), out)


@influence.command("join")
@click.option(
    "--piece",
    "parts",
    type=(PATH, PATH, PATH),
    metavar="WHOLE OUTPUTS PIECE",
    multiple=True,
    required=True,
    help="A table, outputs of a generator, and its piece of the table.",
)
def join(parts) -> None:
    """Tables of all generators and encoders, each as one."""
    from musical_roots.tables import joined, read_table, write_table

    labels = {listed: read_table(listed).generator.iloc[0] for _, listed, _ in parts}
    for whole in dict.fromkeys(part[0] for part in parts):
        mine = [(labels[listed], read_table(part)) for path, listed, part in parts if path == whole]
        write_table(joined(mine), whole)


def write(table, path) -> None:
    """Write a table. Numbers of a CSV are rounded: people read them."""
    from musical_roots.tables import write_table

    write_table(table.round(6) if path.suffix == ".csv" else table, path)
