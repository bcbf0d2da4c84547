"""Stages from packages or folders to clip lists."""

import click

from musical_roots.cli import (
    CLIP_DURATION,
    LISTS,
    OUT,
    PATH,
    REJECTED_OUT,
    SEED,
    SHARD,
    SPLIT,
    SPLIT_ARTISTS,
    TRACKS,
    file,
    group,
    log,
    progress,
    root,
)

corpus = group("corpus", "Recordings -> tracks -> clips.")
PACKAGE = click.option("--package", required=True, help="Name of a Debian package.")
MINIMUM = click.option("--minimum-s", type=float, required=True, help="Least length of a track.")
MAXIMUM = click.option("--maximum-s", type=float, required=True, help="Greatest length of one.")
SILENCE = click.option("--silence-lufs", type=float, required=True, help="Quieter audio is out.")
TRACKS_OUT = file("--tracks-out", "What is kept.", "kept")


def track_list(required: bool = True):
    """The option `--track-list`."""
    told = "Which files of Debian's packages are tracks."
    return file("--track-list", told, required=required)


@corpus.command("package")
@PACKAGE
@click.option("--version", required=True, help="Of the package, exactly.")
@click.option("--architecture", required=True, help="Of the package.")
@click.option("--pool-path", required=True, help="Where it lies in an archive.")
@click.option("--size-bytes", type=int, required=True, help="Of its file.")
@click.option("--sha256", required=True, help="Hash that the file must have.")
@click.option("--mirror", help="Address or folder of an archive, in place of apt-get.")
@OUT
def package(mirror, out, **described) -> None:
    """Fetch one Debian package, and verify it."""
    from musical_roots.corpus import debian

    debian.fetch(described, out, mirror)


@corpus.command("unpack")
@file("--deb", "The package.")
@PACKAGE
@track_list()
@OUT
def unpack(deb, package, track_list, out) -> None:
    """Unpack the recordings of one package."""
    from musical_roots.corpus import debian
    from musical_roots.corpus.sources.packages import track_rows

    wanted = {row["path"] for _, row in track_rows(track_list) if row["package"] == package}
    debian.unpack(deb, out, wanted=wanted)


@corpus.command("recordings")
@click.option(
    "--source",
    type=click.Choice(["debian", "folder", "fma", "mtg_jamendo"]),
    required=True,
    help="What the folder holds.",
)
@root()
@click.option("--metadata", type=PATH, help="Of a folder: table with path, artist, split, ...")
@track_list(required=False)
@click.option("--only", "packages", multiple=True, help="Of debian: name of a package to list.")
@OUT
def recordings(source, root, metadata, track_list, packages, out) -> None:
    """List the recordings of a source."""
    from musical_roots.corpus import sources
    from musical_roots.tables import write_table

    table = sources.recordings(source, root, metadata, track_list, packages)
    log.info("%d recordings in %s", len(table), root)
    write_table(table, out)


@corpus.command("probe")
@file("--recordings", "All recordings.", "table")
@SHARD
@MINIMUM
@MAXIMUM
@SILENCE
@click.option("--exclude", multiple=True, help="Path pattern of recordings to leave out.")
@TRACKS_OUT
@REJECTED_OUT
@file("--fingerprints-out", "Of what is kept.", "fingerprints")
@file("--pitch-classes-out", "Of what is kept, if wanted.", "harmony", required=False)
def probe(table, shard, kept, rejected, fingerprints, harmony, **limits) -> None:
    """Read, measure and filter one part of the recordings."""
    from musical_roots.arrays import write_arrays
    from musical_roots.corpus import tracks
    from musical_roots.tables import read_table, write_table

    part = read_table(table, ["root", "path", "problem"]).iloc[shard[0] :: shard[1]]
    rows = {} if harmony else None
    with progress(len(part), "reading recordings", "files") as bar:
        good, bad, prints = tracks.probe(part, **limits, progress=bar.update, pitch_classes=rows)
    write_table(bad, rejected)
    write_table(prints, fingerprints)
    if harmony:
        write_arrays(rows, harmony)
    write_table(good, kept)
    for row in bad.itertuples():
        log.info("rejected %s: %s", row.path, row.reason)


@corpus.command("tracks")
@click.argument("probed", type=PATH, nargs=-1, required=True)
@click.option(
    "--near-duplicate-share", type=float, required=True, help="Of a track that another repeats."
)
@click.option("--control-share", type=float, required=True, help="Of the playing time.")
@SPLIT_ARTISTS
@TRACKS_OUT
@REJECTED_OUT
@SEED
def merge_tracks(seed, probed, kept, rejected, **settings) -> None:
    """Find duplicates, and split the tracks by artist."""
    from musical_roots.corpus import tracks
    from musical_roots.tables import read_table, write_table

    parts = [
        [read_table(path.with_suffix(suffix)) for path in probed]
        for suffix in (".parquet", ".rejected.parquet", ".fingerprints.parquet")
    ]
    good, bad = tracks.merge(*parts, seed=seed, **settings)
    write_table(good, kept)
    write_table(bad, rejected)
    log.info("%d tracks kept, %d rejected", len(good), len(bad))


@corpus.command("small")
@TRACKS
@click.option("--share", type=float, required=True, help="Of the train split's playing time.")
@SPLIT_ARTISTS
@OUT
@SEED
def small(seed, tracks, share, split_artists, out) -> None:
    """Draw a smaller training set within the train split, artists whole."""
    from musical_roots.corpus import split
    from musical_roots.tables import read_table, write_table

    table = read_table(tracks)
    write_table(split.in_small(table, split.small(table, share, seed, split_artists)), out)


@corpus.command("small-listed")
@TRACKS
@file("--listed", "Which recordings it holds: a table with the column path.")
@OUT
def small_listed(tracks, listed, out) -> None:
    """Find a smaller training set, which is listed, among the tracks of the train split."""
    from musical_roots import manifests
    from musical_roots.corpus import split
    from musical_roots.tables import read_table, write_table

    table, rows = read_table(tracks), manifests.read(listed, ["path"])
    small = split.listed(table, [row["path"] for _, row in rows], listed)
    write_table(split.in_small(table, small), out)


@corpus.command("clips")
@TRACKS
@SPLIT
@SHARD
@CLIP_DURATION
@click.option("--hop-s", type=float, required=True, help="From a clip's start to the next one's.")
@SILENCE
@click.option("--per-track", type=int, required=True, help="Clips of a track at most.")
@OUT
@SEED
def clips(seed, tracks, split, shard, clip_duration_s, out, **grid) -> None:
    """Cut one part of a split's tracks into clips."""
    from musical_roots.corpus import clips
    from musical_roots.tables import read_table, write_table

    table = read_table(tracks, ["track_id", "group_id", "split", "root", "path"])
    grid["duration_s"] = clip_duration_s
    part = table[(table.split == split) & clips.in_part(table.track_id, *shard)]
    with progress(len(part), f"cutting {split}", "tracks") as bar:
        write_table(clips.cut(part, seed=seed, **grid, progress=bar.update), out)


@corpus.command("clip-list")
@LISTS
@OUT
def clip_list(lists, out) -> None:
    """All clips of the corpus in one CSV, ordered by track and time."""
    from musical_roots.tables import read_tables, write_table

    write_table(read_tables(lists).sort_values(["track_id", "start_s"]), out)
