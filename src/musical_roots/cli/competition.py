"""Experiment C: target-decoy competition, and what a generator's own tokens say."""

import click

from musical_roots.cli import (
    CLIPS,
    CODE,
    CONFIDENCE,
    DEVICE,
    LISTS,
    OUT,
    OUTPUTS,
    PATH,
    RESAMPLES,
    SEED,
    SMALL,
    SPLIT_ARTISTS,
    TRACKS,
    checkpoints,
    file,
    files,
    generator,
    group,
    progress,
)
from musical_roots.cli.influence import (
    DRAWS,
    EXCERPTS,
    FDR,
    INDEXES,
    OUTPUT_MATCHES,
    OUTPUT_NEAREST,
    P_VALUES_OUT,
    PLANTED_CLIPS,
    PLANTED_NEAREST,
    write,
)

competition = group("competition", "Experiment C: discoveries without a floor, and token evidence.")
TOKENS = files("--tokens", "Tokens of tracks, or of clips.")


@competition.command("tokens")
@generator()
@checkpoints()
@DEVICE
@CODE
@CLIPS
@OUT
def tokens(generator, checkpoints, device, code, clips, out) -> None:
    """The coarsest tokens of clips, or of excerpts, as a generator's codec hears them."""
    from musical_roots import generate
    from musical_roots.arrays import write_arrays
    from musical_roots.generators.base import load
    from musical_roots.tables import read_table

    model, rows = load(generator, checkpoints, device, code), read_table(clips)
    with progress(len(rows), f"tokens, {generator}", "clips") as bar:
        write_arrays(generate.coarsest_tokens(rows, model, bar.update), out)


@competition.command("token-shard")
@TOKENS
@CLIPS
@INDEXES
@OUT
def token_shard(tokens, clips, indexes, out) -> None:
    """Token indexes of a part of the corpus: a folder each."""
    from musical_roots.arrays import read_arrays
    from musical_roots.experiments import token_evidence
    from musical_roots.tables import read_table

    read = read_arrays(tokens), read_table(clips), read_table(indexes)
    token_evidence.shard(*read, out)


@competition.command("token-index")
@click.argument("shards", type=PATH, nargs=-1, required=True, metavar="SHARDS...")
@OUT
def token_index(shards, out) -> None:
    """Token indexes of all parts as two: the training set, and both sides of a competition."""
    from musical_roots.experiments import token_evidence

    token_evidence.whole(list(shards), out)


@competition.command("token-evidence")
@OUTPUTS
@EXCERPTS
@file("--excerpt-tokens", "Tokens of these excerpts.")
@file("--token-index", "Folder of both token indexes.")
@TOKENS
@CLIPS
@INDEXES
@TRACKS
@SPLIT_ARTISTS
@file("--token-nearest-out", "The track that most tokens speak for.", "nearest")
@P_VALUES_OUT
@file("--token-by-artist-out", "What speaks for each artist.", "by_artist")
@file("--planted-scores-out", "What speaks for what was planted.", "planted")
@SEED
def token_evidence(
    seed, outputs, excerpts, excerpt_tokens, token_index, tokens, clips, indexes, tracks,
    split_artists, **made,
) -> None:  # fmt: skip
    """What tokens say of outputs, of control music, and of tokens planted there."""
    from musical_roots.arrays import read_arrays
    from musical_roots.experiments import token_evidence
    from musical_roots.tables import read_table, read_tables

    part = read_arrays(tokens), read_table(clips), read_table(indexes)
    plants = token_evidence.plants(*part)
    witness = token_evidence.opened(token_index, read_table(tracks), split_artists)
    heard = read_table(excerpts), read_arrays([excerpt_tokens])
    found = token_evidence.testify(witness, read_tables(outputs), *heard, plants, seed)
    for name, path in made.items():
        write(found[name], path)


@competition.command("compete")
@LISTS
@OUTPUT_NEAREST
@OUTPUT_MATCHES
@files("--output-clips", "Clip lists of outputs.")
@file("--token-nearest", "The tracks that most tokens speak for.", required=False)
@files("--held-out-matches", "Match tables of control music, its artist out.", "held_out")
@files("--held-out-clips", "Its clip lists.")
@file("--token-by-artist", "What tokens say for each artist.", required=False)
@PLANTED_NEAREST
@PLANTED_CLIPS
@file("--token-planted", "What tokens say for what was planted.", required=False)
@INDEXES
@TRACKS
@SPLIT_ARTISTS
@SMALL
@FDR
@DRAWS
@RESAMPLES
@CONFIDENCE
@OUT
@file("--competition-out", "Of each output.", "each")
@file("--competition-planted-out", "What of the planted is discovered.", "planted_out")
@SEED
def compete(
    seed, lists, outputs, output_matches, output_clips, token_nearest, held_out, held_out_clips,
    token_by_artist, planted, planted_clips, token_planted, indexes, tracks, split_artists, small,
    out, each, planted_out, **how,
) -> None:  # fmt: skip
    """The training set against a decoy of its size: discoveries, and whether they are true."""
    from musical_roots.experiments import competitors
    from musical_roots.experiments.competition import compete
    from musical_roots.tables import read_table, read_tables

    which, known = read_table(indexes), read_table(tracks)
    corpus = competitors.Corpus.of(which, known, read_tables(lists), split_artists)
    of_outputs = (outputs, output_matches, output_clips)
    encoders = map(read_tables, (*of_outputs, held_out, held_out_clips, planted, planted_clips))
    by_tokens = (token_nearest, token_by_artist, token_planted)
    told = [read_table(path) if path else None for path in by_tokens]
    how |= {"seed": seed, "heard": competitors.heard(read_table(small)) if small else None}
    found = compete(*competitors.all_views(*encoders, *told, corpus), **how)
    write(found["table"], out)
    write(found["outputs"], each)
    write(found["planted"], planted_out)
