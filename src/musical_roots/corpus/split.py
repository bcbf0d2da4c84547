"""Train and control: artists who share a credit or a recording are a block, on one side whole."""

import logging
import re
import unicodedata
from pathlib import Path

import numpy as np
import pandas as pd

from musical_roots.corpus import duplicates
from musical_roots.errors import InputError
from musical_roots.seeding import rng

log = logging.getLogger("musical_roots")

DRAWS = 1000
NAMELESS = "unknown ("  # so begins what `sources` calls an artist who has no name
# farther than this from the share that was asked for, a split needs a reason
OFF = 0.15
# what a better number of artists may cost in playing time, at most
FOR_COUNT = 1 / 20
# one more control track than this can show a p-value of .05
FEW_CONTROL = 18
# names that stand side by side in one credit
CREDIT = re.compile(
    r"\s*[&;]\s*|,\s+|\s+(?:/|\+|x|and|with|vs\.?|feat\.?|ft\.?|featuring)\s+", re.I
)


def splits(tracks: pd.DataFrame, control_share: float, seed: int, split_artists: bool) -> list[str]:
    """The split of each track: train or control.

    Parameters
    ----------
    tracks : DataFrame
        sha256, group_id, artist, path, duration_s, and split ("" where it is not given).
    control_share : float
        Share of the total duration to keep out of train, in 0 to 1.
    seed : int
        The config's `seed`.
    split_artists : bool
        See `blocks`.

    Raises
    ------
    InputError
        If one block is asked for in both splits, or if there is but one and a control is wanted.
    """
    block = blocks(tracks, split_artists)
    lengths, fixed = _lengths(tracks, block), _given(tracks, block)
    chosen = _assign(lengths, fixed, control_share, seed)
    _tell_of_largest(tracks, block, lengths, split_artists)
    _tell_of_share(lengths, fixed, chosen, control_share)
    return [chosen[name] for name in block]


def blocks(tracks: pd.DataFrame, split_artists: bool) -> pd.Series:
    """The block of each track: artists who share a recording (group_id) or a credit are one.

    Parameters
    ----------
    tracks : DataFrame
        group_id and artist.
    split_artists : bool
        Whether a credit is taken apart: "A & B" names both, and ties them.
    """
    named = [_artists(credit, split_artists) for credit in tracks["artist"]]
    names = [[f"artist {name}" for name in own] for own in named]
    groups = ("group " + tracks["group_id"]).tolist()
    links = [(group, name) for group, own in zip(groups, names, strict=True) for name in own]
    block_of = duplicates.groups(sorted({item for link in links for item in link}), links)
    return pd.Series([block_of[group] for group in groups], tracks.index, dtype=object)


def small(tracks: pd.DataFrame, share: float, seed: int, split_artists: bool) -> pd.Series:
    """A smaller training set within the train split: artists whole, drawn by the seed.

    Parameters
    ----------
    tracks : DataFrame
        As of `splits`, split.
    share : float
        Of the train split's playing time, between 0 and 1; as near as whole blocks of artists come.
    seed : int
        The config's `seed`.
    split_artists : bool
        See `blocks`.

    Returns
    -------
    Series of bool
        Of the same rows: whether a track is in it. No control track is.

    Raises
    ------
    InputError
        If the train split is one block, of which there is no part.
    """
    train = tracks[tracks["split"] == "train"]
    block = blocks(train, split_artists)
    lengths = _lengths(train, block)
    if len(lengths) < 2:
        raise InputError(
            "generators.openvamp_small: the train split is of one artist, or of artists tied by "
            "credits or shared recordings, so no part of it can be set apart; add artists, or set "
            "its activate to false"
        )
    chosen = _assign(lengths, {}, 1 - share, seed, "split.small")
    return tracks.index.to_series().isin(block.index[block.map(chosen) == "train"])


def listed(tracks: pd.DataFrame, paths: list[str], source: Path) -> pd.Series:
    """The tracks of the train split that a list names: what a second model learned from.

    Parameters
    ----------
    tracks : DataFrame
        split, root, path.
    paths : list of str
        As in the column path, or whole. Others are counted in the log: they were rejected, perhaps.
    source : path
        Of the list, for people.

    Returns
    -------
    Series of bool
        Of the rows of `tracks`.

    Raises
    ------
    InputError
        If none of them is a track of the train split.
    """
    whole = [str(Path(root) / path) for root, path in zip(tracks.root, tracks.path, strict=True)]
    names = set(paths)
    found = (tracks.path.isin(names) | np.isin(whole, sorted(names))) & (tracks.split == "train")
    if not found.any():
        raise InputError(
            f"{source}: none of its {len(names)} paths is a track of the train split; write them "
            "as in corpus/tracks.csv, or set generators.vampnet_small.trained_on to null"
        )
    log.info("%s: %d paths, %d of them train tracks", source, len(names), found.sum())
    return found


def in_small(tracks: pd.DataFrame, small: pd.Series) -> pd.DataFrame:
    """Of each train track, whether it is in the small training set: the table that stages read."""
    table = tracks.assign(small=small)
    table = table.loc[table.split == "train", ["track_id", "group_id", "artist", "small"]]
    log.info("small training set: %d of %d tracks", table.small.sum(), len(table))
    return table


def forced(tracks: pd.DataFrame, control_share: float, split_artists: bool) -> float:
    """How far from `control_share` what is given, or a block too large, can hold the control's.

    Parameters
    ----------
    tracks, control_share, split_artists
        As of `splits`.

    Returns
    -------
    float
        In 0 to 1, of the playing time. A split that is farther off has no excuse.
    """
    block = blocks(tracks, split_artists)
    lengths, fixed = _lengths(tracks, block), _given(tracks, block)
    free = [seconds for name, seconds in lengths.items() if name not in fixed]
    given = {
        split: sum(lengths[name] for name, its in fixed.items() if its == split)
        for split in ("train", "control")
    }
    # a split that nothing is given to gets one block at least
    least = {split: held or min(free, default=0.0) for split, held in given.items()}
    total = sum(lengths.values())
    low, high = least["control"] / total, 1 - least["train"] / total
    beyond = max(0.0, low - control_share, control_share - high)
    return beyond + max(free, default=0.0) / total / 2 + FOR_COUNT


def tell(tracks: pd.DataFrame) -> None:
    """Warn in the log of a corpus, as it is split, that cannot show what it is made for.

    Parameters
    ----------
    tracks : DataFrame
        group_id, split, artist.
    """
    nameless = tracks["artist"].str.startswith(NAMELESS)
    control = tracks.loc[tracks["split"] == "control", "group_id"].nunique()
    log.info("%d artists, %d control recordings", tracks["artist"].nunique(), control)
    if nameless.mean() > 0.5:
        log.warning(
            "warning: %d of %d tracks name no artist, so each counts as an artist of its own, and "
            "one who made several can be on both sides; name the artists in the files' tags, in "
            "corpus.folder.metadata, or by folders (root/artist/track)",
            nameless.sum(),
            len(tracks),
        )
    if 0 < control <= FEW_CONTROL:
        log.warning(
            "warning: control recordings: %d; they can show no p-value below 1/%d = %.2f, so "
            "nothing can be found at .05, which takes %d of them; add recordings",
            control,
            control + 1,
            1 / (control + 1),
            FEW_CONTROL + 1,
        )


def _artists(credit: str, apart: bool) -> list[str]:
    """Names in a credit, as they compare: ``A & B`` gives both, if it is taken apart."""
    name = " ".join(unicodedata.normalize("NFKC", credit).casefold().split())
    if not apart or name.startswith(NAMELESS):
        return [name]
    return [part for part in CREDIT.split(name) if part] or [name]


def _lengths(tracks: pd.DataFrame, block: pd.Series) -> dict[str, float]:
    """Seconds of each block, a recording counted once."""
    return tracks.drop_duplicates("sha256").groupby(block)["duration_s"].sum().to_dict()


def _given(tracks: pd.DataFrame, block: pd.Series) -> dict[str, str]:
    """The split of each block that is given one."""
    fixed = {}
    for name, rows in tracks[tracks["split"] != ""].groupby(block):
        hints = rows.drop_duplicates("split").to_dict("records")
        if len(hints) > 1:
            one, other = (f"{hint['path']} ({hint['artist']}): {hint['split']}" for hint in hints)
            raise InputError(
                f"{one}, but {other}: they share an artist or a recording; give both the same split"
            )
        fixed[name] = hints[0]["split"]
    return fixed


def _tell_of_share(
    lengths: dict[str, float], fixed: dict[str, str], chosen: dict[str, str], control_share: float
) -> None:
    total = sum(lengths.values())
    share = sum(lengths[name] for name, split in chosen.items() if split == "control") / total
    if abs(share - control_share) <= OFF:
        return
    free = [seconds for name, seconds in lengths.items() if name not in fixed]
    log.warning(
        "warning: control holds %.0f %% of the playing time, not the %.0f %% of "
        "corpus.control_share: the metadata gives the split of %d of %d artists (or blocks of "
        "them)%s",
        100 * share,
        100 * control_share,
        len(fixed),
        len(lengths),
        f", the largest of the others holds {max(free) / total:.0%} of the time" if free else "",
    )


def _tell_of_largest(
    tracks: pd.DataFrame, block: pd.Series, lengths: dict[str, float], split_artists: bool
) -> None:
    fields = tracks["artist"].groupby(block).nunique()
    tied = sorted(fields.index[fields > 1])
    if not tied:
        return
    largest = max(tied, key=lengths.get)
    artists = sorted(set(tracks.loc[block == largest, "artist"]))
    named = "; ".join(artists[:5]) + (f"; and {len(artists) - 5} more" if artists[5:] else "")
    mend = (
        ". Should these be apart, corpus.split_artists: false takes each artist field as one name"
        if split_artists
        else ""
    )
    log.info(
        "largest block of artists tied by credits or shared recordings: %.0f %% of the playing "
        "time, %d artist fields: %s%s",
        100 * lengths[largest] / sum(lengths.values()),
        len(artists),
        named,
        mend,
    )


def _assign(
    lengths: dict[str, float],
    fixed: dict[str, str],
    control_share: float,
    seed: int,
    stage: str = "split",
) -> dict[str, str]:
    """Blocks to splits: the best of many random fillings, by duration and by number of blocks.

    Largest-first would come as near by duration, but would give the same split for every seed.
    """
    free = sorted(set(lengths) - set(fixed))
    if control_share <= 0:
        return fixed | dict.fromkeys(free, "train")
    if control_share >= 1:
        return fixed | dict.fromkeys(free, "control")
    lacking = {"train", "control"} - set(fixed.values())
    if lacking and fixed and not free:
        raise InputError(
            f"corpus: the metadata's split puts every track into {min(fixed.values())}, so none is "
            f"left for {min(lacking)}; write {min(lacking)} for some artists, or leave some empty"
        )
    if len(free) < len(lacking):
        raise InputError(
            "corpus: the tracks are of one artist, or of artists tied by credits or shared "
            "recordings, so no control can be set apart; add artists, set corpus.split_artists: "
            "false if credits tie what is apart, or set corpus.control_share: 0"
        )
    total = sum(lengths.values())
    held = sum(lengths[name] for name, split in fixed.items() if split == "control")
    count = sum(split == "control" for split in fixed.values())
    seconds = np.array([lengths[name] for name in free])
    target = control_share * total
    best, least = np.zeros(len(free), bool), np.inf
    draw = rng(seed, stage)
    for _ in range(DRAWS):
        order = draw.permutation(len(free))
        cumulated = held + np.cumsum(seconds[order])
        # as many of them as come nearest to the target
        taken = int(np.argmin(np.abs(np.concatenate([[held], cumulated]) - target)))
        taken = max(taken, "control" in lacking)
        taken = min(taken, len(free) - ("train" in lacking))
        seconds_off = abs((held + seconds[order[:taken]].sum()) / total - control_share)
        blocks_off = abs((count + taken) / len(lengths) - control_share)
        off = seconds_off + FOR_COUNT * blocks_off
        if off < least:
            least = off
            best = np.isin(np.arange(len(free)), order[:taken])
    return fixed | {
        name: "control" if chosen else "train" for name, chosen in zip(free, best, strict=True)
    }
