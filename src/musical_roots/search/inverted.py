"""Inverted lists of coded vectors (faiss): trained on a sample, filled shard by shard, merged, cut.

An index is three files beside each other, as a shard is: ``whole.faiss`` (coded vectors and their
ids), ``whole.parquet`` (clip_id and track_id of each) and ``whole.json`` (what made it, and what a
search of it finds: see `planning`). An id is a hash of its clip_id: no position in a shard is kept,
so shards may be listed in another order, or cut anew.

A list is near a query by the root of its centre's squared distance and half of its members' from
the centre, which is what a member's squared distance is on average but for that half: its nearest
members are nearer. All lists are looked into that are at most `reach` times as far as the 16th, so
that queries whose neighbours are scattered look into more of them.
"""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from musical_roots.arrays import read_json, write_json
from musical_roots.atomic import atomic
from musical_roots.errors import InputError
from musical_roots.search import codes
from musical_roots.search.vectors import take, unit_rows
from musical_roots.seeding import rng
from musical_roots.tables import Embeddings, write_table

VERSION = "inverted-3"  # raise the number whenever codes mean something else
NEAREST = 16  # the list whose distance reach is a multiple of
# What nearer ones count as; and a reach that no list is beyond, as none is farther than 4.5 ** 0.5.
CLOSEST, ALL = 1e-5, 1e6
MOST_LISTS = 4096
FEWEST_PER_LIST = 50  # vectors that a list is trained on; faiss warns below 39
FOR_AXES = 2**17  # vectors that components are found from
FEWEST = 16  # vectors, of which 4 bits name one each
BATCH = 16_384  # vectors added at once
NEAR = 128  # queries whose distances to all lists are in memory at once
COLUMNS = ["clip_id", "track_id"]


@dataclass(frozen=True)
class Inverted:
    """Inverted lists in memory.

    Attributes
    ----------
    lists : faiss.Index
        Takes unit vectors.
    clips : DataFrame
        clip_id, track_id of what it holds.
    about : dict
        version, encoder, fingerprint, dim, quantiser, lists, seed, code, n_trained; "plan", once
        there is one.
    """

    lists: object
    clips: pd.DataFrame
    about: dict

    def __len__(self) -> int:
        return self.lists.ntotal


def ids_of(clip_ids: pd.Series) -> np.ndarray:
    """What clips are known by: int64 [n], 0 or more, a hash of each clip_id."""
    return (_hashes(clip_ids, "musical-roots-id") >> 1).astype(np.int64)


def chosen(clip_ids: pd.Series, count: int, seed: int, stage: str) -> np.ndarray:
    """A random sample of clips, whatever their order: positions, int64 [count or fewer], rising."""
    key = rng(seed, stage).bytes(8).hex()
    if count >= len(clip_ids):
        return np.arange(len(clip_ids))
    return np.sort(np.argpartition(_hashes(clip_ids, key), count)[:count])


def train(embeddings: Embeddings, quantiser: str, seed: int, code: str = "") -> Inverted:
    """Empty lists, trained on a sample of the embeddings.

    Parameters
    ----------
    embeddings : Embeddings
        All that are to be held, or many of them.
    quantiser : {"pq", "rabitq", "sq"}
    seed : int
        The config's.
    code : str
        Digest of the code that trains, for `kept`.

    Returns
    -------
    Inverted

    Raises
    ------
    InputError
        If there is too little to train on.
    """
    if len(embeddings) < FEWEST:
        raise InputError(
            f"an index cannot be trained on {len(embeddings)} clips; it wants {FEWEST}, and so few "
            "are searched exactly at no cost"
        )
    count = number_of_lists(len(embeddings))
    rows = chosen(embeddings.clips["clip_id"], codes.PER_LIST * count, seed, "search.train")
    some = _unit(embeddings, rows[:: -(-len(rows) // FOR_AXES)])
    drawn = int(rng(seed, "search.train.lists").integers(2**31 - 1))
    lists = codes.untrained(some, count, quantiser, drawn)
    turned = np.empty((len(rows), codes.ivf(lists).d), np.float32)
    for at in range(0, len(rows), BATCH):
        turned[at : at + BATCH] = codes.turn(lists, _unit(embeddings, rows[at : at + BATCH]))
    codes.train(lists, turned, quantiser)
    about = {name: embeddings.provenance[name] for name in ("encoder", "fingerprint")}
    about |= {
        "version": VERSION,
        "dim": some.shape[1],
        "quantiser": quantiser,
        "lists": count,
        "seed": seed,
        "code": code,
        "n_trained": len(rows),
    }
    return Inverted(lists, embeddings.clips[COLUMNS].iloc[:0].reset_index(drop=True), about)


def kept(path: Path, embeddings: Embeddings, quantiser: str, seed: int, code: str) -> bool:
    """Whether a file holds empty lists of these vectors' fingerprint; if so, they are new.

    They were trained by the same code, if one is named, quantiser and seed; on fewer clips or more.
    """
    told = {name: embeddings.provenance[name] for name in ("encoder", "fingerprint")}
    told |= {"quantiser": quantiser, "seed": seed, "code": code}
    try:
        about = read(path).about
    except InputError:
        return False
    same = bool(code) and told.items() <= about.items()
    for end in (".faiss", ".parquet", ".json") if same else ():
        path.with_suffix(end).touch()  # later than what it was trained on
    return same


def number_of_lists(count: int) -> int:
    """Lists for so many vectors: some twice the square root, a power of two."""
    wanted = 2 ** round(math.log2(2 * math.sqrt(count)))
    enough = 2 ** int(math.log2(max(1, count // FEWEST_PER_LIST)))  # to train each on
    return min(wanted, enough, MOST_LISTS)


def with_clips(held: Inverted, embeddings: Embeddings) -> Inverted:
    """Lists that also hold these clips, where they did not.

    Raises
    ------
    InputError
        If the fingerprints differ, a clip_id occurs twice, two of them have one hash, or a vector
        is not of unit length.
    """
    import faiss

    same(held.about, embeddings.provenance)
    ids, known = ids_of(embeddings.clips["clip_id"]), ids_of(held.clips["clip_id"])
    new = np.flatnonzero(~np.isin(ids, known))
    clips = embeddings.clips[COLUMNS].iloc[new]
    distinct(np.concatenate([known, ids[new]]), pd.concat([held.clips, clips])["clip_id"])
    lists = faiss.clone_index(held.lists)
    for rows in _batches(new):
        coded = codes.code(
            lists, codes.turn(lists, _unit(embeddings, rows)), held.about["quantiser"]
        )
        codes.ivf(lists).add_with_ids(coded, ids[rows])
    lists.ntotal = codes.ivf(lists).ntotal
    return Inverted(lists, pd.concat([held.clips, clips], ignore_index=True), held.about)


def merged(parts: list[Inverted]) -> Inverted:
    """Lists that hold what all parts hold; they were trained together.

    Raises
    ------
    InputError
        If they were not, or two hold the same clip.
    """
    import faiss

    first, clips = parts[0], pd.concat([part.clips for part in parts], ignore_index=True)
    distinct(ids_of(clips["clip_id"]), clips["clip_id"])
    lists = faiss.clone_index(first.lists)
    for part in parts[1:]:
        if _trained(part) != _trained(first):
            raise InputError(
                "parts of an index were not trained together; train it, and fill all parts again"
            )
        other = faiss.clone_index(part.lists)  # by name: what is inside it must live as long
        codes.ivf(lists).merge_from(codes.ivf(other), 0)
        lists.ntotal = codes.ivf(lists).ntotal
    _wipe(codes.ivf(lists))
    return Inverted(lists, clips, first.about)


def without_clips(held: Inverted, clip_ids: pd.Series) -> Inverted:
    """Lists that no longer hold these clips, nor a trace of their codes.

    What was learned from them with all others, the lists' centres and the code's tables, stays:
    train anew to be rid of that.
    """
    import faiss

    gone = held.clips["clip_id"].isin(clip_ids)
    lists = faiss.clone_index(held.lists)
    lists.remove_ids(ids_of(held.clips["clip_id"][gone]))
    _wipe(codes.ivf(lists))
    return Inverted(lists, held.clips[~gone].reset_index(drop=True), held.about)


def nearest(
    held: Inverted, vectors: np.ndarray, count: int, reach: float, among: np.ndarray | None = None
) -> np.ndarray:
    """Ids of the nearest coded vectors, nearest first: int64 [n, count], -1 where none is left.

    Parameters
    ----------
    held : Inverted
    vectors : ndarray, float32 [n, dim]
        Of unit length.
    count : int
        1 or more.
    reach : float
        How many times as far as the 16th nearest list (the last, if there are fewer) others may be
        that are looked into; the nearest is in any case.
    among : ndarray, int64, optional
        Ids that alone can be found.
    """
    import faiss

    if not len(vectors):
        return np.empty((0, count), np.int64)
    turned = np.ascontiguousarray(codes.turn(held.lists, vectors))
    query, number, start = _near(held, turned, reach)
    place = np.arange(len(query)) - np.searchsorted(query, query)
    shape = len(vectors), 1 + int(place.max(initial=0))
    lists, starts = np.full(shape, -1), np.zeros(shape, np.float32)
    lists[query, place], starts[query, place] = number, start
    how = faiss.SearchParametersIVF(nprobe=shape[1])
    if among is not None:
        selector = faiss.IDSelectorBatch(among)  # by name: it must live as long
        how = faiss.SearchParametersIVF(nprobe=shape[1], sel=selector)
    found, scores = (np.empty((len(vectors), count), kind) for kind in (np.int64, np.float32))
    arrays = [faiss.swig_ptr(each) for each in (turned, lists, starts, scores, found)]
    # faiss' own wrapper for Python takes no parameters here
    codes.ivf(held.lists).search_preassigned_c(
        len(vectors), arrays[0], count, *arrays[1:], False, how
    )
    return found


def times_as_far(held: Inverted, vectors: np.ndarray) -> np.ndarray:
    """How many times as far as the 16th nearest each list is: [n, lists]."""
    distance, _ = _distances(held, codes.turn(held.lists, vectors))
    return distance / _sixteenth(distance)


def _near(held: Inverted, turned: np.ndarray, reach: float) -> tuple[np.ndarray, ...]:
    """Lists within reach of each query: its position, rising, the list's, the list's start."""
    parts = []
    for at in range(0, len(turned), NEAR):
        distance, start = _distances(held, turned[at : at + NEAR])
        level = np.maximum(_sixteenth(distance) * reach, distance.min(axis=1, keepdims=True))
        query, number = np.nonzero(distance <= level)
        parts.append((query + at, number, start[query, number]))
    return tuple(np.concatenate(column) for column in zip(*parts, strict=True))


def _distances(held: Inverted, turned: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How far each list is from turned vectors; and its start, their product with its centre, which
    scores by products with what the centre leaves are added to. Other codes' scans read none.
    """
    inside = codes.ivf(held.lists)
    centres = inside.quantizer.reconstruct_n(0, inside.nlist)
    if held.about["quantiser"] == "pq":  # what is coded twice is to count once
        turned = turned[:, : -codes.coded_twice(held.lists)]
        centres = centres[:, : turned.shape[1]]
    product, length = turned @ centres.T, np.vecdot(centres, centres)
    square = product * -2
    square += np.vecdot(turned, turned)[:, None]
    square += length
    np.maximum(square, 0, out=square)
    square += np.maximum(0, 1 - length) / 2
    return np.sqrt(square, out=square), product


def _sixteenth(distance: np.ndarray) -> np.ndarray:
    """The distance of the 16th nearest list, or of the last, if there are fewer: [n, 1]."""
    nth = min(NEAREST, distance.shape[1]) - 1
    return np.partition(distance, nth, axis=1)[:, nth : nth + 1].clip(min=np.float32(CLOSEST))


def write(held: Inverted, path: Path | str) -> None:
    """Write `path` (``.faiss``), and what stands beside it."""
    import faiss

    path = Path(path)
    with atomic(path) as temporary:
        faiss.write_index(held.lists, str(temporary))
    write_table(held.clips, path.with_suffix(".parquet"))
    write_json(held.about, path.with_suffix(".json"))


def read(path: Path | str) -> Inverted:
    """Read an index.

    Raises
    ------
    InputError
        If a file of it is missing or damaged, they do not belong together, or another version of
        this code made them.
    """
    import faiss

    path = Path(path)
    try:
        held = Inverted(
            faiss.read_index(str(path)),
            pd.read_parquet(path.with_suffix(".parquet")),
            read_json(path.with_suffix(".json")),
        )
    except (OSError, ValueError, RuntimeError) as error:
        raise InputError(f"{path}: not a readable index ({error}); make it again") from error
    if held.about.get("version") != VERSION:
        raise InputError(f"{path}: made by another version of this code; make it again")
    if len(held) != len(held.clips):
        raise InputError(f"{path}: {len(held)} vectors for {len(held.clips)} clips; make it again")
    return held


def _wipe(inside) -> None:
    """Zero the room behind the last code of each list, where faiss leaves codes that were moved.

    So nothing stays of what was removed, and merged lists have the bytes of lists filled in turn.
    """
    import faiss

    lists = faiss.downcast_InvertedLists(inside.invlists)
    if not isinstance(lists, faiss.BlockInvertedLists):
        return
    packer, size = lists.packer, lists.block_size
    nothing = np.zeros(packer.code_size, np.uint8)
    for number in range(lists.nlist):
        count = lists.list_size(number)
        blocks, full = -(-count // packer.nvec), count // packer.nvec
        if blocks == full:
            continue
        packed = faiss.rev_swig_ptr(lists.get_codes(number), blocks * size)
        last = packed[full * size :].reshape(1, size)
        for place in range(count % packer.nvec, packer.nvec):
            packer.pack_1(nothing, place, last)


def _trained(held: Inverted) -> str:
    """What two parts share that were trained together."""
    import faiss

    centres = codes.ivf(held.lists).quantizer
    told = {name: value for name, value in held.about.items() if name != "plan"}
    return json.dumps(told, sort_keys=True) + str(hash(faiss.serialize_index(centres).tobytes()))


def same(about: dict, provenance: dict) -> None:
    """Refuse vectors of another fingerprint than the index was made of."""
    if about["fingerprint"] != provenance["fingerprint"]:
        raise InputError(
            f"index of fingerprint {about['fingerprint']}, clips of fingerprint "
            f"{provenance['fingerprint']}; make the index again"
        )


def distinct(ids: np.ndarray, clip_ids: pd.Series) -> None:
    """Refuse clips that occur twice, or that cannot be told apart by their ids."""
    order = np.argsort(ids, kind="stable")
    again = np.flatnonzero(ids[order][1:] == ids[order][:-1])
    if not len(again):
        return
    one, other = clip_ids.iloc[order[again[0]]], clip_ids.iloc[order[again[0] + 1]]
    if one == other:
        raise InputError(f"index: clip {one} occurs twice; list each shard once")
    raise InputError(f"index: clips {one} and {other} have one hash; leave one of them out")


def _unit(embeddings: Embeddings, rows: np.ndarray) -> np.ndarray:
    """Vectors at these positions, of length 1 in float32: [len(rows), dim]."""
    some = replace(embeddings, clips=embeddings.clips.iloc[rows])
    return unit_rows(take(embeddings, rows), some, 0)


def _batches(rows: np.ndarray) -> Iterator[np.ndarray]:
    for at in range(0, len(rows), BATCH):
        yield rows[at : at + BATCH]


def _hashes(clip_ids: pd.Series, key: str) -> np.ndarray:
    """uint64 [n]; in parts, for text takes much room as Python's own."""
    parts = [
        pd.util.hash_array(
            clip_ids.iloc[at : at + BATCH].to_numpy(object), hash_key=key, categorize=False
        )
        for at in range(0, len(clip_ids), BATCH)
    ]
    return np.concatenate([np.empty(0, np.uint64), *parts])
