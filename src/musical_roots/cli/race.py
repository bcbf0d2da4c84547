"""The race: attribution methods, held against models that were retrained on halves."""

import click

from musical_roots.cli import (
    CONFIDENCE,
    DRAWS,
    MATCHES,
    OUT,
    OUTPUTS,
    PATH,
    RESAMPLES,
    SEED,
    TRACKS,
    TRAIN_TOKENS,
    TRUTH,
    file,
    files,
    group,
)

race = group("race", "Attribution methods, held against models retrained on halves.")


@race.command("embeddings")
@click.argument("corpus", type=PATH, nargs=-1, required=True, metavar="CORPUS_EMBEDDINGS...")
@files("--coded-embeddings", "Those of training clips after a codec.", "coded", required=False)
@files("--output-embeddings", "Embeddings of outputs.", "outputs")
@files(
    "--roundtrip-nearest", "Nearest clips of control music, after the codec if it is known.", "null"
)
@files("--coded-nearest", "The same in the coded index.", "coded_null", required=False)
@file("--indexes", "Which clips are in which.", required=False)
@TRUTH
@MATCHES
@OUT
def embeddings(corpus, coded, outputs, null, coded_null, indexes, truth, k, out) -> None:
    """Scores of every training track for each output, by one encoder."""
    from musical_roots.experiments.counterfactual import halves, scores
    from musical_roots.tables import open_shards, read_table, read_tables, write_table

    asked, made = halves.train_tracks(read_table(truth / "members.parquet")), open_shards(outputs)
    whole = open_shards(corpus)
    found = [scores.of_embeddings(made, whole, asked, k, read_tables(null))]
    if coded:  # beside the same clips as they are
        listed, base = read_table(indexes), read_tables(coded_null)
        same = whole.clips.clip_id.isin(listed.clip_id[listed.uncoded_train]).to_numpy()
        for index, there in (
            (scores.UNCODED, whole.where(same)),
            (scores.CODED, open_shards(coded)),
        ):
            found.append(scores.of_embeddings(made, there, asked, k, base, index))
    write_table(scores.together(found), out)


@race.command("tokens")
@OUTPUTS
@TRAIN_TOKENS
@TRACKS
@TRUTH
@OUT
def tokens(outputs, train_tokens, tracks, truth, out) -> None:
    """The same by the generator's own tokens, and by what hears nothing."""
    from musical_roots.arrays import read_arrays
    from musical_roots.experiments.counterfactual import halves, scores, token_scores
    from musical_roots.tables import read_table, read_tables, write_table

    asked, made = halves.train_tracks(read_table(truth / "members.parquet")), read_tables(outputs)
    heard = {track: one for track, one in read_arrays(train_tokens).items() if track in set(asked)}
    by_tokens = token_scores.of_tokens(token_scores.read(made), heard)
    plain = scores.baselines(made, read_table(tracks), asked)
    write_table(scores.together([by_tokens, plain]), out)


@race.command("standings")
@TRUTH
@files("--scores", "Of every output and training track, by some methods.")
@OUTPUTS
@TRACKS
@DRAWS
@RESAMPLES
@CONFIDENCE
@OUT
@file("--removal-out", "Effects of the tracks that methods name.", "removal")
@file("--findings-out", "What was found, in sentences.", "findings")
@SEED
def standings(seed, truth, scores, outputs, tracks, out, removal, findings, **how) -> None:
    """Every method's scores against the truth, beside ceilings and negative controls."""
    from musical_roots.experiments.counterfactual.standings import joined, standings
    from musical_roots.experiments.counterfactual.truth import read_taken
    from musical_roots.tables import read_table, read_tables, write_table

    members, losses, told = read_taken(truth)
    made, methods = read_tables(outputs), joined(map(read_table, scores))
    tables = standings(methods, members, losses, made, read_table(tracks), told, seed=seed, **how)
    for name, path in {"race": out, "removal": removal, "findings": findings}.items():
        write_table(tables[name].round(6), path)
