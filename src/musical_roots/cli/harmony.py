"""Pitch classes of whole tracks, which `trace` searches for remakes."""

from musical_roots.cli import OUT, SEED, TRACKS, files, group, progress

harmony = group("harmony", "Pitch classes of whole tracks, for trace.")


@harmony.command("null")
@TRACKS
@files("--pitch-classes", "Pitch classes of all tracks.", "rows")
@OUT
@SEED
def null(seed, tracks, rows, out) -> None:
    """How similar control tracks are to the training track that is most similar, in any key."""
    from musical_roots import harmony
    from musical_roots.arrays import read_arrays
    from musical_roots.tables import read_table, write_table

    split = read_table(tracks).set_index("track_id").split
    train, control = harmony.of_splits(read_arrays(rows), split)
    count = min(len(control), harmony.NULL_TRACKS)
    with progress(count, "harmony of control music", "tracks") as bar:
        write_table(harmony.null(control, harmony.Gallery(train), seed, bar.update), out)
