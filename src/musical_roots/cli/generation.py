"""Stages of generation: openvamp's codec and network, prompts, vamps, and what they are like."""

from pathlib import Path

import click

from musical_roots.cli import PATH, log, progress, stage
from musical_roots.errors import InputError

EXCERPT_S, EXCERPTS = 90.0, 500  # what a codec is trained on: of so many tracks at most


@stage.command("train-codec")
@click.option("--tracks", type=PATH, required=True)
@click.option("--codebooks", type=int, required=True)
@click.option("--entries", type=int, required=True)
@click.option("--decoder-steps", type=int, required=True)
@click.option("--out", type=PATH, required=True)
@click.pass_obj
def train_codec(seed, tracks, codebooks, entries, decoder_steps, out) -> None:
    """Train openvamp's codec on excerpts of training tracks."""
    from musical_roots.audio import read
    from musical_roots.generators.openvamp import codec
    from musical_roots.seeding import rng
    from musical_roots.tables import read_table

    table = read_table(tracks)
    table = table[table.split == "train"].sort_values("track_id")
    order = rng(seed, "openvamp.excerpts").permutation(len(table))[:EXCERPTS]
    excerpts = []
    for row in table.iloc[sorted(order)].itertuples():
        room = max(0.0, row.duration_s - EXCERPT_S)
        start_s = room * rng(seed, "openvamp.excerpt", row.track_id).random()
        audio, _ = read(Path(row.root) / row.path, codec.SAMPLE_RATE, start_s, EXCERPT_S)
        excerpts.append(codec.log_mel(codec.levelled(audio)))
    with progress(decoder_steps, "training openvamp's codec", "steps") as bar:
        trained = codec.train(
            excerpts,
            codebooks,
            entries,
            seed=seed,
            decoder_steps=decoder_steps,
            progress=bar.update,
        )
    about = {"source": f"trained here, seed {seed}", "trained_on": sorted(table.track_id)}
    trained.save(out, about | {"excerpts": len(excerpts), "decoder_steps": decoder_steps})


@stage.command("tokenise")
@click.option("--tracks", type=PATH, required=True)
@click.option("--split", required=True)
@click.option("--shard", type=(int, int), required=True, help="Which part, of how many.")
@click.option("--codec", "codec_file", type=PATH, required=True)
@click.option("--out", type=PATH, required=True)
def tokenise(tracks, split, shard, codec_file, out) -> None:
    """Tokens of one part of a split's tracks."""
    import numpy as np

    from musical_roots.audio import read
    from musical_roots.generators.openvamp import codec
    from musical_roots.tables import read_table, write_arrays

    table, trained, tokens = read_table(tracks), codec.load(codec_file), {}
    part = table[table.split == split].sort_values("track_id").iloc[shard[0] :: shard[1]]
    with progress(len(part), f"tokens, {split}", "tracks") as bar:
        for row in part.itertuples():
            audio, _ = read(Path(row.root) / row.path, codec.SAMPLE_RATE)
            tokens[row.track_id] = trained.encode(audio).astype(np.uint16)
            bar.update(1)
    write_arrays(tokens, out)


@stage.command("train-openvamp")
@click.option("--train", "train_files", type=PATH, multiple=True, required=True)
@click.option("--control", "control_files", type=PATH, multiple=True)
@click.option("--codec", "codec_file", type=PATH, required=True, help="That made the tokens.")
@click.option("--width", type=int, required=True)
@click.option("--layers", type=int, required=True)
@click.option("--steps", type=int, required=True)
@click.option("--batch", type=int, required=True)
@click.option("--precision", type=click.Choice(["fp32", "bf16"]), default="fp32")
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto")
@click.option("--out", type=PATH, required=True)
@click.option("--curve", type=PATH, required=True)
@click.pass_obj
def train_openvamp(seed, train_files, control_files, codec_file, width, layers, steps, batch,
                   precision, device, out, curve) -> None:  # fmt: skip
    """Train openvamp's network on the train split, watching its loss on the control split."""
    from musical_roots.devices import settle
    from musical_roots.generators.openvamp import codec, model, training
    from musical_roots.provenance import processor
    from musical_roots.tables import read_arrays, write_table
    from musical_roots.weights import files

    tokens = {"train": read_arrays(train_files), "control": read_arrays(control_files)}
    tokeniser = codec.load(codec_file)
    size = model.Size(*tokeniser.codebooks.shape[:2], width, layers)
    with progress(steps, "training openvamp", "steps") as bar:
        trained, losses = training.train(
            tokens["train"],
            tokens["control"],
            size,
            seed=seed,
            steps=steps,
            batch_size=batch,
            precision=precision,
            device=settle(device),
            progress=bar.update,
        )
    about = {
        "source": f"trained here, seed {seed}",
        "trained_on": sorted(tokens["train"]),
        "codec": tokeniser.digest(),
        "steps": steps,
        "batch": batch,
        "precision": precision,
        "processor": processor(settle(device)),
    }
    files.save(out, trained.tensors(), about | model.described(size))
    write_table(losses, curve)


@stage.command("openvamp-checkpoint")
@click.option("--folder", type=PATH, required=True, help="With both files and the curve.")
@click.option("--tracks", type=PATH, required=True)
@click.option("--codebooks", type=int, required=True)
@click.option("--entries", type=int, required=True)
@click.option("--width", type=int, required=True)
@click.option("--layers", type=int, required=True)
@click.option("--codec", "codec_file", type=PATH, required=True)
@click.option("--weights", type=PATH, required=True)
@click.option("--curve", type=PATH, required=True)
def openvamp_checkpoint(
    folder, tracks, codebooks, entries, width, layers, codec_file, weights, curve
) -> None:
    """Take an openvamp that was trained before, if it was on this very train split."""
    import shutil

    from musical_roots.generators.openvamp import generator, model
    from musical_roots.tables import read_table, write_table

    table = read_table(tracks)
    size = model.Size(codebooks, entries, width, layers)
    generator.check(folder, size, set(table.track_id[table.split == "train"]))
    losses = read_table(folder / curve.name, ["step", "train_loss", "control_loss"])
    shutil.copyfile(folder / generator.CODEC, codec_file)
    shutil.copyfile(folder / generator.NETWORK, weights)
    write_table(losses, curve)


@stage.command("openvamp-quality")
@click.option("--weights", type=PATH, required=True)
@click.option("--train", "train_files", type=PATH, multiple=True, required=True)
@click.option("--control", "control_files", type=PATH, multiple=True)
@click.option("--out", type=PATH, required=True)
@click.pass_obj
def openvamp_quality(seed, weights, train_files, control_files, out) -> None:
    """Loss and accuracy of openvamp's network on what it was trained on, and on what it was not."""
    from musical_roots.generators.openvamp import model, training
    from musical_roots.tables import read_arrays, write_table

    trained, about = model.load(weights)
    tokens = {"train": read_arrays(train_files), "control": read_arrays(control_files)}
    table = training.quality(trained, tokens, seed)
    write_table(table.assign(steps=about["steps"]), out)


@stage.command("prompts")
@click.argument("lists", type=PATH, nargs=-1, required=True)
@click.option("--tracks", type=PATH, required=True)
@click.option("--vamps", "count", type=int, required=True, help="Prompts; each setting uses all.")
@click.option("--duration-s", type=float, required=True)
@click.option("--out", type=PATH, required=True)
@click.pass_obj
def prompts(seed, lists, tracks, count, duration_s, out) -> None:
    """Draw the prompts, from every split."""
    from musical_roots.generate import choose_prompts
    from musical_roots.tables import read_table, read_tables, write_table

    chosen = choose_prompts(read_tables(lists), read_table(tracks), count, duration_s, seed)
    if len(chosen) < count:
        log.info("only %d places for %d prompts: every one of them is used", len(chosen), count)
    write_table(chosen, out)


@stage.command("vamp")
@click.option("--generator", required=True)
@click.option("--checkpoints", type=PATH, required=True)
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto")
@click.option("--code", required=True, help="Digest of it: vamps of other code are made anew.")
@click.option("--prompts", "prompt_list", type=PATH, required=True)
@click.option("--settings", required=True, help="Name to mask and sampling settings, as JSON.")
@click.option("--shard", type=(int, int), required=True, help="Which part, of how many.")
@click.option("--audio", type=PATH, required=True, help="Folder for the vamps.")
@click.option("--out", type=PATH, required=True)
@click.pass_obj
def vamp(
    seed, generator, checkpoints, device, code, prompt_list, settings, shard, audio, out
) -> None:
    """Vamps of one part of the prompts, in every setting; those that are there are kept."""
    import json

    from musical_roots import generate
    from musical_roots.generators import base
    from musical_roots.tables import read_table, write_table

    model = base.load(generator, checkpoints, device)
    model.fingerprint += f"+{code}"
    chosen = {name: base.VampSettings(**fields) for name, fields in json.loads(settings).items()}
    part = read_table(prompt_list).iloc[shard[0] :: shard[1]]
    planned = generate.plan(part, model, chosen, seed)
    with progress(len(planned), f"vamps, {generator}", "vamps") as bar:
        made = generate.vamps(planned, model, chosen, audio, bar.update)
    whole = made[made.kept_share == 1].setting.value_counts()
    for setting, count in whole.items():
        log.info("%s: %d of its vamps keep all of their prompt: nothing is new", setting, count)
    write_table(made, out)


@stage.command("external")
@click.argument("lists", type=PATH, nargs=-1, required=True)
@click.option("--root", type=PATH, help="Folder of audio files.")
@click.option("--manifest", type=PATH, help="Table with path, and prompt_path, prompt_start_s.")
@click.option("--duration-s", type=float, required=True, help="Of an output.")
@click.option("--out", type=PATH, required=True)
@click.option("--rejected", type=PATH, required=True)
def external(lists, root, manifest, duration_s, out, rejected) -> None:
    """List audio that was made elsewhere, as vamps; files that cannot be used are named."""
    from musical_roots import external
    from musical_roots.tables import read_tables, write_table

    if bool(root) == bool(manifest):
        raise InputError("external: give either --root, a folder, or --manifest, a table")
    listed = external.listed(root, manifest)
    made, bad = external.external(listed, read_tables(lists), duration_s)
    write_table(bad, rejected)
    for row in bad.itertuples():
        log.info("rejected %s%s", f"{manifest}, row {row.row}: " if manifest else "", row.reason)
    if made.empty:
        raise InputError(
            f"{manifest or root}: no audio that can be used; mend generators.external in the config"
        )
    write_table(made, out)


@stage.command("vamp-clips")
@click.argument("lists", type=PATH, nargs=-1, required=True)
@click.option("--vamps", "vamp_list", type=PATH, required=True)
@click.option("--duration-s", type=float, required=True)
@click.option("--out", type=PATH, required=True)
@click.option("--targets", type=PATH, required=True)
@click.option("--prompts", type=PATH, required=True)
def vamp_clips(lists, vamp_list, duration_s, out, targets, prompts) -> None:
    """Clip lists of vamps and of their prompts, and the pairs to look for."""
    from musical_roots import generate
    from musical_roots.tables import read_table, read_tables, write_table

    vamps = read_table(vamp_list)
    clips = generate.vamp_clips(vamps, duration_s)
    if clips.empty:
        raise InputError(f"{vamp_list}: no vamp is as long as a clip ({duration_s:g} s)")
    write_table(generate.prompt_clips(vamps, duration_s), prompts)
    write_table(generate.prompt_targets(clips, read_tables(lists)), targets)
    write_table(clips, out)


@stage.command("ngram-overlap")
@click.option("--vamps", "vamp_lists", type=PATH, multiple=True, required=True)
@click.option("--train", "train_files", type=PATH, multiple=True, required=True)
@click.option("--control", "control_files", type=PATH, multiple=True)
@click.option("--tracks", type=PATH, required=True)
@click.option("--resamples", type=int, default=1000)
@click.option("--confidence", type=float, default=0.95)
@click.option("--out", type=PATH, required=True)
@click.option("--each", type=PATH, required=True, help="The same of each vamp.")
@click.pass_obj
def ngram_overlap(
    seed, vamp_lists, train_files, control_files, tracks, resamples, confidence, out, each
) -> None:
    """How much of the vamps stands in n-grams of the training set, token by token."""
    from musical_roots.experiments import generation
    from musical_roots.tables import read_arrays, read_table, read_tables, write_table

    train, control = read_arrays(train_files), read_arrays(control_files)
    vamps = read_tables(vamp_lists)
    found = generation.ngram_overlap(vamps, train, control, read_table(tracks), seed)
    write_table(found, each)
    write_table(generation.ngram_overlap_by_setting(found, resamples, confidence, seed), out)


@stage.command("codec-quality")
@click.argument("lists", type=PATH, nargs=-1, required=True)
@click.option("--codec", "codec_file", type=PATH, required=True)
@click.option("--clips", "count", type=int, default=30)
@click.option("--out", type=PATH, required=True)
@click.pass_obj
def codec_quality(seed, lists, codec_file, count, out) -> None:
    """What is lost on the way through openvamp's codec, on control clips."""
    from musical_roots.experiments import generation
    from musical_roots.generators.openvamp import codec
    from musical_roots.seeding import rng
    from musical_roots.tables import read_tables, write_table

    clips = read_tables(lists).sort_values("clip_id")
    order = rng(seed, "codec-quality").permutation(len(clips))[:count]
    table = generation.codec_quality(
        codec.load(codec_file), clips.iloc[sorted(order)], codec.SAMPLE_RATE
    )
    write_table(table, out)


@stage.command("listen")
@click.option("--vamps", "vamp_list", type=PATH, required=True)
@click.option("--count", type=int, default=12)
@click.option("--title", required=True)
@click.option("--text", required=True)
@click.option("--out", type=PATH, required=True)
def listen(vamp_list, count, title, text, out) -> None:
    """A page on which to hear some vamps beside their prompts."""
    from musical_roots import audio
    from musical_roots.generate import first_of_each
    from musical_roots.pages import write_page
    from musical_roots.tables import read_table

    shown = first_of_each(read_table(vamp_list), count)
    page = shown[["generator", "setting", "prompt_split", "kept_share"]].copy()
    page["prompt"] = [
        audio.mp3(audio.read(path, rate, start_s, duration_s)[0], rate)
        for path, rate, start_s, duration_s in zip(
            shown.prompt_path,
            shown.sample_rate,
            shown.prompt_start_s,
            shown.duration_s,
            strict=True,
        )
    ]
    page["vamp"] = [
        audio.mp3(*audio.read(path, rate))
        for path, rate in zip(shown.path, shown.sample_rate, strict=True)
    ]
    page["track"] = shown.prompt_track_id
    write_page(out, title, [text], {"": page})
