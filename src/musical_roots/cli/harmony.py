"""Pitch classes of whole tracks, which `trace` searches for remakes."""

from musical_roots.cli import OUT, SEED, SHARD, SPLIT, TRACKS, files, group, progress

harmony = group("harmony", "Pitch classes of whole tracks, for trace.")
TRAIN_ROWS = files("--train-pitch-classes", "Pitch classes of train.", "train")
CONTROL_ROWS = files("--control-pitch-classes", "Pitch classes of control.", "control")


@harmony.command("tracks")
@TRACKS
@SPLIT
@SHARD
@OUT
def tracks(tracks, split, shard, out) -> None:
    """Pitch classes of a part of the tracks of a split, every half second."""
    from musical_roots import harmony
    from musical_roots.arrays import write_arrays
    from musical_roots.tables import read_table

    rows = read_table(tracks)
    part = rows[rows.split == split].iloc[shard[0] :: shard[1]]
    with progress(len(part), f"pitch classes, {split}", "tracks") as bar:
        write_arrays(harmony.of_tracks(part, bar.update), out)


@harmony.command("null")
@TRAIN_ROWS
@CONTROL_ROWS
@OUT
@SEED
def null(seed, train, control, out) -> None:
    """How similar control tracks are to the training track that is most similar, in any key."""
    from musical_roots import harmony
    from musical_roots.arrays import read_arrays
    from musical_roots.tables import write_table

    gallery, music = harmony.Gallery(read_arrays(train)), read_arrays(control)
    count = min(len(music), harmony.NULL_TRACKS)
    with progress(count, "harmony of control music", "tracks") as bar:
        write_table(harmony.null(music, gallery, seed, bar.update), out)
