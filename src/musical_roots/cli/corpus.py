"""Stages from packages or folders to clip lists."""

from pathlib import Path

import click

from musical_roots.cli import PATH, log, progress, stage
from musical_roots.errors import InputError


@stage.command("fetch-package")
@click.option("--manifest", type=PATH, required=True)
@click.option("--package", required=True)
@click.option("--mirror")
@click.option("--out", type=PATH, required=True)
def fetch_package(manifest: Path, package: str, mirror: str | None, out: Path) -> None:
    """Fetch one Debian package of the manifest, and verify it."""
    from musical_roots.corpus import debian

    debian.fetch(debian.manifest(manifest)[package], out, mirror)


@stage.command("unpack")
@click.option("--deb", type=PATH, required=True)
@click.option("--package", required=True)
@click.option("--tracks", type=PATH, required=True, help="Manifest of tracks.")
@click.option("--out", type=PATH, required=True)
def unpack(deb: Path, package: str, tracks: Path, out: Path) -> None:
    """Unpack the recordings of one package."""
    from musical_roots.corpus import debian
    from musical_roots.corpus.sources.packages import track_rows

    wanted = {row["path"] for _, row in track_rows(tracks) if row["package"] == package}
    debian.unpack(deb, out, wanted=wanted)


@stage.command("recordings")
@click.option("--source", required=True)
@click.option("--root", type=PATH, required=True)
@click.option("--metadata", type=PATH)
@click.option("--tracks", type=PATH)
@click.option("--package", "packages", multiple=True)
@click.option("--out", type=PATH, required=True)
def recordings(source, root, metadata, tracks, packages, out) -> None:
    """List the recordings of a source."""
    from musical_roots.corpus import sources
    from musical_roots.tables import write_table

    if source == "debian":
        table = sources.debian(packages, tracks, root)
    elif source == "folder":
        table = sources.folder(root, metadata)
    else:
        table = {"fma": sources.fma, "mtg_jamendo": sources.mtg_jamendo}[source](root)
    if table.empty:
        raise InputError(f"{root}: no audio files; mend corpus.folder.root in the config")
    log.info("%d recordings in %s", len(table), root)
    write_table(table, out)


@stage.command("probe")
@click.option("--recordings", "table", type=PATH, required=True)
@click.option("--shard", type=(int, int), required=True, help="Which part, of how many.")
@click.option("--minimum-s", type=float, required=True)
@click.option("--maximum-s", type=float, required=True)
@click.option("--silence-lufs", type=float, required=True)
@click.option("--exclude", multiple=True)
@click.option("--tracks", "kept", type=PATH, required=True)
@click.option("--rejected", type=PATH, required=True)
@click.option("--fingerprints", type=PATH, required=True)
def probe(table, shard, kept, rejected, fingerprints, **limits) -> None:
    """Read, measure and filter one part of the recordings."""
    from musical_roots.corpus import tracks
    from musical_roots.tables import read_table, write_table

    part = read_table(table).iloc[shard[0] :: shard[1]]
    with progress(len(part), "reading recordings", "files") as bar:
        good, bad, prints = tracks.probe(part, **limits, progress=bar.update)
    write_table(bad, rejected)
    write_table(prints, fingerprints)
    write_table(good, kept)
    for row in bad.itertuples():
        log.info("rejected %s: %s", row.path, row.reason)


@stage.command("tracks")
@click.argument("probed", type=PATH, nargs=-1, required=True)
@click.option("--near-duplicate-share", type=float, required=True)
@click.option("--control-share", type=float, required=True)
@click.option("--split-artists", type=bool, default=True, help="Take names in one field apart.")
@click.option("--tracks", "kept", type=PATH, required=True)
@click.option("--rejected", type=PATH, required=True)
@click.pass_obj
def merge_tracks(seed, probed, kept, rejected, **settings) -> None:
    """Find duplicates, and split the tracks by artist."""
    from musical_roots.corpus import tracks
    from musical_roots.tables import read_table, write_table

    good, bad = tracks.merge(
        [read_table(path) for path in probed],
        [read_table(path.with_suffix(".rejected.parquet")) for path in probed],
        [read_table(path.with_suffix(".fingerprints.parquet")) for path in probed],
        seed=seed,
        **settings,
    )
    write_table(good, kept)
    write_table(bad, rejected)
    log.info("%d tracks kept, %d rejected", len(good), len(bad))


@stage.command("clips")
@click.option("--tracks", type=PATH, required=True)
@click.option("--split", required=True)
@click.option("--shard", type=(int, int), required=True, help="Which part, of how many.")
@click.option("--duration-s", type=float, required=True)
@click.option("--hop-s", type=float, required=True)
@click.option("--silence-lufs", type=float, required=True)
@click.option("--per-track", type=int, required=True)
@click.option("--out", type=PATH, required=True)
@click.pass_obj
def clips(seed, tracks, split, shard, out, **grid) -> None:
    """Cut one part of a split's tracks into clips."""
    from musical_roots.corpus import clips
    from musical_roots.tables import read_table, write_table

    table = read_table(tracks)
    part = table[table.split == split].iloc[shard[0] :: shard[1]]
    with progress(len(part), f"cutting {split}", "tracks") as bar:
        write_table(clips.cut(part, seed=seed, **grid, progress=bar.update), out)


@stage.command("clip-list")
@click.argument("lists", type=PATH, nargs=-1, required=True)
@click.option("--out", type=PATH, required=True)
def clip_list(lists, out) -> None:
    """All clips of the corpus in one CSV, ordered by track and time."""
    from musical_roots.tables import read_tables, write_table

    write_table(read_tables(lists).sort_values(["track_id", "start_s"]), out)
