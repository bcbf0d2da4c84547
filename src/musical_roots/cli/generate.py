"""Generation: tokens, prompts, vamps, and what they and their codec are like."""

import click

from musical_roots.cli import (
    AUDIO_OUT,
    CLIP_DURATION,
    CODE,
    CODEBOOKS,
    CODEC,
    CONFIDENCE,
    CONTROL_TOKENS,
    COUNT,
    CURVE_OUT,
    DEVICE,
    DURATION,
    ENTRIES,
    LAYERS,
    LISTS,
    OUT,
    OUTPUTS,
    REJECTED_OUT,
    RESAMPLES,
    SEED,
    SHARD,
    SMALL,
    SPLIT,
    TRACKS,
    TRAIN_TOKENS,
    WEIGHTS,
    WIDTH,
    checkpoints,
    file,
    generator,
    group,
    log,
    progress,
    root,
)

generate = group("generate", "Prompts -> vamps -> clip lists.")


@generate.command("tokenise")
@TRACKS
@SPLIT
@SHARD
@CODEC
@OUT
def tokenise(tracks, split, shard, codec, out) -> None:
    """Tokens of one part of a split's tracks."""
    from musical_roots.arrays import write_arrays
    from musical_roots.corpus.recordings import whole
    from musical_roots.generators.openvamp import codec as codecs
    from musical_roots.tables import read_table

    table, trained = read_table(tracks), codecs.load(codec)
    part = table[table.split == split].sort_values("track_id").iloc[shard[0] :: shard[1]]
    with progress(len(part), f"tokens, {split}", "tracks") as bar:
        heard = whole(part, codecs.SAMPLE_RATE, bar.update)
        write_arrays({track: trained.encode(audio).astype("uint16") for track, audio in heard}, out)


@generate.command("take-openvamp")
@file("--folder", "With both files and the curve.")
@TRACKS
@CODEBOOKS
@ENTRIES
@WIDTH
@LAYERS
@file("--codec-out", "Its codec.", "codec")
@file("--weights-out", "Its network.", "weights")
@CURVE_OUT
def take_openvamp(folder, tracks, codec, weights, curve, **size) -> None:
    """Take an openvamp that was trained before, if it was on this very train split."""
    import shutil

    from musical_roots.generators.openvamp import generator, model
    from musical_roots.tables import read_table, write_table

    table = read_table(tracks)
    generator.check(folder, model.Size(**size), set(table.track_id[table.split == "train"]))
    losses = read_table(folder / curve.name, ["step", "train_loss", "control_loss"])
    shutil.copyfile(folder / generator.CODEC, codec)
    shutil.copyfile(folder / generator.NETWORK, weights)
    write_table(losses, curve)


@generate.command("openvamp-quality")
@WEIGHTS
@SMALL
@file("--small-weights", "Of the model that learned from the small training set.", required=False)
@TRAIN_TOKENS
@CONTROL_TOKENS
@OUT
@SEED
def openvamp_quality(
    seed, weights, small, small_weights, train_tokens, control_tokens, out
) -> None:
    """Loss and accuracy of openvamp's network on what it was trained on, and on what it was not."""
    from musical_roots.arrays import read_arrays
    from musical_roots.generators.openvamp import training
    from musical_roots.tables import among, read_table, write_table

    train, control = read_arrays(train_tokens), read_arrays(control_tokens)
    models = {weights: {"train": train, "control": control}}
    if small:
        part = among(train, read_table(small))
        rest = {track: tokens for track, tokens in train.items() if track not in part}
        models[small_weights] = {"train_small": part, "train_rest": rest, "control": control}
    write_table(training.qualities(models, seed), out)


@generate.command("codec-quality")
@LISTS
@CODEC
@COUNT
@OUT
@SEED
def codec_quality(seed, lists, codec, count, out) -> None:
    """What is lost on the way through openvamp's codec, on control clips."""
    from musical_roots.experiments import generation
    from musical_roots.generators.openvamp import codec as codecs
    from musical_roots.tables import read_tables, write_table

    clips = generation.drawn_clips(read_tables(lists), count, seed)
    write_table(generation.codec_quality(codecs.load(codec), clips, codecs.SAMPLE_RATE), out)


@generate.command("prompts")
@LISTS
@TRACKS
@COUNT
@DURATION
@OUT
@SEED
def prompts(seed, lists, tracks, count, duration_s, out) -> None:
    """Draw the prompts, from every split; each setting uses all."""
    from musical_roots.prompts import choose_prompts
    from musical_roots.tables import read_table, read_tables, write_table

    chosen = choose_prompts(read_tables(lists), read_table(tracks), count, duration_s, seed)
    if len(chosen) < count:
        log.info("only %d places for %d prompts: every one of them is used", len(chosen), count)
    write_table(chosen, out)


@generate.command("vamp")
@generator()
@checkpoints()
@DEVICE
@CODE
@file("--prompts", "What is vamped upon.")
@click.option("--settings", required=True, help="Name to mask and sampling settings, as JSON.")
@click.option("--vamps-per-prompt", type=int, required=True, help="In each setting.")
@SHARD
@AUDIO_OUT
@OUT
@SEED
def vamp(
    seed, generator, checkpoints, device, code, prompts, settings, vamps_per_prompt, shard, audio,
    out,
) -> None:  # fmt: skip
    """Vamps of one part of the prompts, in every setting; those that are there are kept."""
    from musical_roots import generate
    from musical_roots.generators import base
    from musical_roots.tables import read_table, write_table

    model, chosen = base.load(generator, checkpoints, device, code), base.settings(settings)
    part = read_table(prompts).iloc[shard[0] :: shard[1]]
    planned = generate.plan(part, model, chosen, seed, vamps_per_prompt)
    with progress(len(planned), f"vamps, {generator}", "vamps") as bar:
        made = generate.vamps(planned, model, chosen, audio, bar.update)
    for setting, count in made[made.kept_share == 1].setting.value_counts().items():
        log.info("%s: %d of its vamps keep all of their prompt: nothing is new", setting, count)
    write_table(made, out)


@generate.command("vamp-digests")
@OUTPUTS
@OUT
def vamp_digests(outputs, out) -> None:
    """Digests of the tokens of vamps, for later runs to be held against."""
    from musical_roots.expected import listed
    from musical_roots.tables import read_tables, write_table

    write_table(listed(read_tables(outputs)), out)


@generate.command("external")
@LISTS
@root(required=False)
@file("--manifest", "Table with path, and prompt_path, prompt_start_s.", required=False)
@DURATION
@OUT
@REJECTED_OUT
def external(lists, root, manifest, duration_s, out, rejected) -> None:
    """List audio that was made elsewhere, as vamps; files that cannot be used are named."""
    from musical_roots import external
    from musical_roots.tables import read_tables, write_table

    known = ["path", "track_id", "group_id", "split"]
    listed = external.listed(root, manifest)
    made, bad = external.external(listed, read_tables(lists, known), duration_s)
    write_table(bad, rejected)
    for row in bad.itertuples():
        log.info("rejected %s%s", f"{manifest}, row {row.row}: " if manifest else "", row.reason)
    external.check_some(made, manifest or root)
    write_table(made, out)


@generate.command("vamp-clips")
@OUTPUTS
@CLIP_DURATION
@OUT
@file("--prompts-out", "Clip list of their prompts.", "prompts")
def vamp_clips(outputs, clip_duration_s, out, prompts) -> None:
    """Clip lists of vamps and of their prompts."""
    from musical_roots import generate
    from musical_roots.tables import read_tables, write_table

    made = read_tables(outputs)
    write_table(generate.prompt_clips(made, clip_duration_s), prompts)
    write_table(generate.vamp_clips(made, clip_duration_s), out)


@generate.command("ngram-overlap")
@OUTPUTS
@TRAIN_TOKENS
@CONTROL_TOKENS
@TRACKS
@RESAMPLES
@CONFIDENCE
@OUT
@file("--ngram-overlap-out", "The same of each output.", "each")
@SEED
def ngram_overlap(
    seed, outputs, train_tokens, control_tokens, tracks, resamples, confidence, out, each
) -> None:
    """How much of the vamps stands in n-grams of the training set, token by token."""
    from musical_roots.arrays import read_arrays
    from musical_roots.experiments import generation
    from musical_roots.tables import read_table, read_tables, write_table

    train, control = read_arrays(train_tokens), read_arrays(control_tokens)
    vamps = read_tables(outputs)
    found = generation.ngram_overlap(vamps, train, control, read_table(tracks), seed)
    write_table(found, each)
    write_table(generation.ngram_overlap_by_setting(found, resamples, confidence, seed), out)
