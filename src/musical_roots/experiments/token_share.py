"""Token share: whose are the tokens that an output is made of?

For each frame that a generator made up, its tuple of the coarsest tokens is looked up among all
frames of music; each track gets its share of the frames that hold that tuple, and the shares are
summed over the frames. No encoder, no fit: the generator's own vocabulary is the feature.

A frame counts as made up where any of its coarsest tokens is: a setting that keeps the first
codebook of a prompt (compression) has made up the second, which says as much of what it was learned
from. Such a tuple holds a token of the prompt, too, so the prompt's own track is favoured there.

The index is an inverted file: tuples in order, and for each its tracks with their counts. It is
built shard by shard, shards are merged in any grouping to the same bytes, and one on disk is looked
up memory-mapped, so that neither needs the whole in memory (Zobel, Moffat, "Inverted files for text
search engines", ACM Computing Surveys 2006, section 5). Shares of single tuples are ours.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from musical_roots.arrays import read_json, write_json
from musical_roots.atomic import atomic_folder
from musical_roots.errors import InputError
from musical_roots.tables import read_table, write_table

CODEBOOKS = 2  # the coarsest
BITS = 16  # of a token in a tuple's number
MOST = 64 // BITS
# The arrays of an index, as their files are called, and the type of each.
ARRAYS = {"tuples": np.uint64, "ends": np.uint64, "owners": np.uint32, "counts": np.uint32}
BLOCK = 1 << 22  # postings merged at once: some 150 MB


def made_up(kept: np.ndarray, codebooks: int) -> np.ndarray:
    """Frames of which any of the coarsest tokens is made up: bool [frames].

    Parameters
    ----------
    kept : ndarray, bool [all codebooks, frames]
        Tokens of the prompt.
    codebooks : int
        The coarsest.
    """
    return ~np.asarray(kept, bool)[:codebooks].all(axis=0)


def tuples(tokens: np.ndarray, codebooks: int) -> np.ndarray:
    """A number for the coarsest tokens of each frame, the same for the same: uint64 [frames].

    Parameters
    ----------
    tokens : ndarray, int [all codebooks, frames]
        Each from 0 to 65,535.
    codebooks : int
        From 1 to 4.

    Raises
    ------
    ValueError
        If there are fewer codebooks, or so many do not fit in a number.
    """
    if not 1 <= codebooks <= min(MOST, len(tokens)):
        raise ValueError(
            f"codebooks must be from 1 to {min(MOST, len(tokens))} of tokens of {len(tokens)} "
            f"codebooks, not {codebooks}"
        )
    number = np.zeros(np.shape(tokens)[1], np.uint64)
    for book in np.asarray(tokens)[:codebooks]:
        number = (number << np.uint64(BITS)) | book.astype(np.uint64)
    return number


class TokenIndex:
    """Which tracks hold which tuples of tokens, and how often.

    Attributes
    ----------
    tracks : list of str
        track_id of each, by its number.
    codebooks : int
        Tokens a tuple.
    tuples : ndarray, uint64 [n]
        In order.
    ends : ndarray, uint64 [n]
        Where the postings of each tuple end; those of the first begin at 0.
    owners, counts : ndarray, uint32 [postings]
        A track's number, and how many of its frames hold the tuple; a tuple's in order of owners.

    Examples
    --------
    >>> index = TokenIndex.build({"a": np.array([[1, 1, 2]]), "b": np.array([[1]])}, codebooks=1)
    >>> index.token_share(np.array([[1, 2]]))
    array([1.66666667, 0.33333333])
    """

    def __init__(self, tracks: list[str], codebooks: int, **arrays: np.ndarray):
        self.tracks, self.codebooks = tracks, codebooks
        self.tuples, self.ends = arrays["tuples"], arrays["ends"]
        self.owners, self.counts = arrays["owners"], arrays["counts"]

    @classmethod
    def build(cls, tracks: Mapping[str, np.ndarray], codebooks: int) -> "TokenIndex":
        """The index of some tracks, or of a shard of them, in memory.

        Parameters
        ----------
        tracks : mapping of str to ndarray, int [codebooks or more, frames]
            track_id to tokens.
        codebooks : int
            As of `tuples`.
        """
        numbers = [tuples(tokens, codebooks) for tokens in tracks.values()]
        frames = np.concatenate(numbers) if numbers else np.empty(0, np.uint64)
        owners = np.repeat(np.arange(len(numbers), dtype=np.uint32), [len(x) for x in numbers])
        order = np.argsort(frames, kind="stable")  # owners stay in order
        frames, owners = frames[order], owners[order]
        new = np.append(True, (frames[1:] != frames[:-1]) | (owners[1:] != owners[:-1]))
        first = np.flatnonzero(new[: len(frames)])
        counts = np.diff(np.append(first, len(frames)))
        made = _by_tuple(frames[first], owners[first], counts)
        return cls(list(tracks), codebooks, **made)

    @classmethod
    def open(cls, folder: Path | str) -> "TokenIndex":
        """An index that `write` or `merge` made, memory-mapped.

        Raises
        ------
        InputError
            If it is not there, or a file of it is not whole.
        """
        folder = Path(folder)
        try:
            about = read_json(folder / "index.json")
        except (OSError, ValueError) as error:
            raise InputError(f"{folder}: no token index ({error}); build it again") from error
        tracks = read_table(folder / "tracks.parquet").track_id.tolist()
        arrays = {name: _mapped(folder / name, kind) for name, kind in ARRAYS.items()}
        sizes = {name: len(array) for name, array in arrays.items()}
        if sizes != about["sizes"]:
            raise InputError(f"{folder}: {sizes}, not {about['sizes']}; build it again")
        return cls(tracks, about["codebooks"], **arrays)

    def write(self, folder: Path | str) -> None:
        """Into a folder: index.json, tracks.parquet, and a raw little-endian file an array."""
        with atomic_folder(folder) as temporary:
            for name, kind in ARRAYS.items():
                np.asarray(getattr(self, name), kind).tofile(temporary / name)
            _describe(temporary, self.tracks, self.codebooks)

    def shares(self, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Who holds some tuples, and with what share of the frames that do.

        Parameters
        ----------
        numbers : ndarray, uint64 [n]
            Of `tuples`; those that no track holds give nothing.

        Returns
        -------
        which : ndarray, int [m]
            Position in `numbers`.
        owner : ndarray, int [m]
            Number of a track.
        share : ndarray, float64 [m]
            In (0, 1]; of one of `numbers` they sum to 1.
        """
        place = np.searchsorted(self.tuples, numbers)
        known = place < len(self.tuples)
        known[known] = self.tuples[place[known]] == numbers[known]
        which, place = np.flatnonzero(known), place[known]
        ends = self.ends[place].astype(np.int64)
        starts = np.where(place > 0, self.ends[np.maximum(place, 1) - 1].astype(np.int64), 0)
        sizes = ends - starts
        row = np.repeat(np.arange(len(which)), sizes)
        # postings of each in turn: its start, and how far it is along
        at = np.arange(len(row)) + (starts - np.append(0, np.cumsum(sizes)[:-1]))[row]
        counts = self.counts[at].astype(np.float64)
        totals = np.bincount(row, counts, minlength=len(which))
        return which[row], self.owners[at].astype(np.int64), counts / totals[row]

    def token_share(self, tokens: np.ndarray, kept: np.ndarray | None = None) -> np.ndarray:
        """Each track's share of an output's tokens: float64 [tracks].

        Parameters
        ----------
        tokens : ndarray, int [codebooks or more, frames]
            Of the output.
        kept : ndarray, bool, of the same shape, optional
            Those that are the prompt's; without it, all are made up.

        Returns
        -------
        ndarray, float64 [tracks]
            Frames: they sum to the number of made-up frames whose tuple some track holds.
        """
        return self._summed(tokens, kept, lambda share: share)

    def evidence(self, tokens: np.ndarray, kept: np.ndarray | None = None) -> np.ndarray:
        """Sum over made-up frames of log(1 + how much above its due a track holds the tuple).

        A track's due is an equal part: of n tracks, one that holds all of a tuple's frames counts
        log(1 + n), one that holds its due log 2, one that holds none nothing. So one rare tuple
        weighs little against many.

        Parameters
        ----------
        tokens, kept
            As of `token_share`.

        Returns
        -------
        ndarray, float64 [tracks]
            Nats.
        """
        return self._summed(tokens, kept, lambda share: np.log1p(len(self.tracks) * share))

    def _summed(self, tokens: np.ndarray, kept: np.ndarray | None, weigh) -> np.ndarray:
        numbers = tuples(tokens, self.codebooks)
        if kept is not None:
            numbers = numbers[made_up(kept, self.codebooks)]
        numbers, times = np.unique(numbers, return_counts=True)
        which, owner, share = self.shares(numbers)
        weights = times[which] * weigh(share)
        return np.bincount(owner, weights, minlength=len(self.tracks))


def merge(folders: list[Path | str], out: Path | str, block: int = BLOCK) -> None:
    """One index of several: the same bytes as an index of all their tracks, in that order.

    Associative: merged in pairs or all at once, it comes out the same.

    Parameters
    ----------
    folders : list of path
        Indexes on disk, of other tracks each.
    out : path
        Folder of the new one.
    block : int
        Postings in memory at once, but for a tuple that has more. It changes the cost alone.

    Raises
    ------
    InputError
        If two hold one track, or they are of tuples of other sizes.
    """
    parts = [TokenIndex.open(folder) for folder in folders]
    tracks = [track for part in parts for track in part.tracks]
    if len(set(tracks)) < len(tracks):
        twice = pd.Series(tracks)[pd.Series(tracks).duplicated()].iloc[0]
        raise InputError(f"{folders[0]} ...: track {twice} is in two; give each track once")
    if len({part.codebooks for part in parts}) > 1:
        sizes = sorted({part.codebooks for part in parts})
        raise InputError(f"{folders[0]} ...: tuples of {sizes} codebooks; build them alike")
    firsts = np.cumsum([0, *(len(part.tracks) for part in parts)])
    with atomic_folder(out) as temporary:
        files = {name: (temporary / name).open("wb") for name in ARRAYS}
        try:
            written = 0
            for spans in _spans(parts, max(1, block // len(parts))):
                made = _merged(parts, spans, firsts)
                made["ends"] = made["ends"] + np.uint64(written)
                written += len(made["owners"])
                for name, kind in ARRAYS.items():
                    made[name].astype(kind).tofile(files[name])
        finally:
            for file in files.values():
                file.close()
        _describe(temporary, tracks, parts[0].codebooks)


def _spans(parts: list[TokenIndex], quota: int):
    """Ranges of tuples, of each part a slice, in order: none has more postings than the quota."""
    at = [0] * len(parts)
    while any(start < len(part.tuples) for start, part in zip(at, parts, strict=True)):
        tops = []
        for start, part in zip(at, parts, strict=True):
            before = int(part.ends[start - 1]) if start else 0
            stop = int(np.searchsorted(part.ends, before + quota, side="right"))
            stop = max(stop, start + 1)  # one tuple at least
            if stop < len(part.tuples):
                tops.append(part.tuples[stop])
        if tops:
            until = [int(np.searchsorted(part.tuples, min(tops))) for part in parts]
        else:
            until = [len(part.tuples) for part in parts]
        yield list(zip(at, until, strict=True))
        at = until


def _merged(parts: list[TokenIndex], spans: list, firsts: np.ndarray) -> dict[str, np.ndarray]:
    numbers, owners, counts = [], [], []
    for part, (start, stop), first in zip(parts, spans, firsts[:-1], strict=True):
        ends = part.ends[start:stop].astype(np.int64)
        begin = int(part.ends[start - 1]) if start else 0
        until = int(ends[-1]) if len(ends) else begin
        numbers.append(np.repeat(part.tuples[start:stop], np.diff(ends, prepend=begin)))
        owners.append(part.owners[begin:until] + np.uint32(first))
        counts.append(part.counts[begin:until])
    numbers, owners, counts = map(np.concatenate, (numbers, owners, counts))
    order = np.argsort(numbers, kind="stable")
    return _by_tuple(numbers[order], owners[order], counts[order])


def _by_tuple(numbers: np.ndarray, owners: np.ndarray, counts: np.ndarray) -> dict:
    """Postings in order, as the arrays of an index."""
    last = np.append(numbers[1:] != numbers[:-1], True)[: len(numbers)]
    ends = np.flatnonzero(last) + 1
    made = {"tuples": numbers[last], "ends": ends, "owners": owners, "counts": counts}
    return {name: np.asarray(made[name], kind) for name, kind in ARRAYS.items()}


def _describe(folder: Path, tracks: list[str], codebooks: int) -> None:
    write_table(pd.DataFrame({"track_id": tracks}, dtype=str), folder / "tracks.parquet")
    sizes = {
        name: (folder / name).stat().st_size // np.dtype(kind).itemsize
        for name, kind in ARRAYS.items()
    }
    write_json({"codebooks": codebooks, "sizes": sizes}, folder / "index.json")


def _mapped(path: Path, kind: type) -> np.ndarray:
    try:
        empty = path.stat().st_size == 0  # which cannot be mapped
        return np.empty(0, kind) if empty else np.memmap(path, kind, mode="r")
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not readable ({error}); build the index again") from error
