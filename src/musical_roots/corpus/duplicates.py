"""The same recording under two files: re-encoded, louder, trimmed, resampled.

The audio fingerprint of Haitsma and Kalker ("A highly robust audio fingerprinting system", ISMIR
2002): 86 words a second, each 32 signs of how the energy differences between 33 bands from 300 to
2,000 Hz change from frame to frame. Two files hold the same recording if, at one constant offset,
most of the shorter one's words differ in less than 35 % of their bits. A change of tempo or pitch
is another recording here; so is a remix.

A fingerprint is a uint32 array [words]. A word of 0 is digital silence and says nothing.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

SAMPLE_RATE = 5512
FRAME = 2048
HOP = 64
WORDS_PER_S = SAMPLE_RATE / HOP
BIT_ERROR_RATE = 0.35
LEAST_OVERLAP_S = 10.0

BLOCK = 256  # words that a bit error rate is taken over: 3 s, as in the paper
SAMPLED = 8  # one in so many different words is looked up: the same ones in every track
CROWD = 64  # a word in more places than this tells nothing, and its pairs are many
OFFSET_BIN = 4  # words; trimming by part of a hop smears the votes
LEAST_VOTES = 4
OFFSETS_TRIED = 3


def fingerprint(samples: np.ndarray, sample_rate: int) -> np.ndarray:
    """Fingerprint of a recording.

    Parameters
    ----------
    samples : ndarray, float32 [samples]
        Mono audio of any level.
    sample_rate : int
        Hz.

    Returns
    -------
    ndarray, uint32 [words]
        86.1 words a second; empty for less than 0.4 s.
    """
    # a quarter of a second to import, and many jobs take `groups` alone
    import scipy.fft

    from musical_roots import audio

    low = audio.resample(samples, sample_rate, SAMPLE_RATE)
    if len(low) < FRAME + HOP:
        return np.empty(0, np.uint32)
    window = np.hanning(FRAME).astype(np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(low, FRAME)[::HOP]
    edges = np.round(np.geomspace(300, 2000, 34) * FRAME / SAMPLE_RATE).astype(int)
    words, last = [], None
    for start in range(0, len(frames), 4096):
        spectra = scipy.fft.rfft(frames[start : start + 4096] * window, axis=1)[:, : edges[-1]]
        power = spectra.real**2 + spectra.imag**2
        differences = -np.diff(np.add.reduceat(power, edges[:-1], axis=1), axis=1)
        changes = np.diff(differences, axis=0, prepend=differences[:1] if last is None else last)
        words.append(np.packbits(changes > 0, axis=1).view(">u4")[:, 0].astype(np.uint32))
        last = differences[-1:]
    return np.concatenate(words)[1:]


def pairs(fingerprints: Mapping[str, np.ndarray], share: float) -> pd.DataFrame:
    """Pairs of tracks that hold the same recording.

    Parameters
    ----------
    fingerprints : mapping of str to ndarray, uint32 [words]
        One a track.
    share : float
        Least share of the shorter track, in 0 to 1, that must be found in the longer one at one
        offset (and never less than `LEAST_OVERLAP_S`).

    Returns
    -------
    DataFrame
        track_a < track_b, offset_s (where in b the start of a lies), overlap_s (how much agrees),
        share (of the shorter one), bit_error_rate (over what agrees); sorted.
    """
    names = sorted(fingerprints)
    rows = []
    for a, b, offsets in _candidates([fingerprints[name] for name in names]):
        one, other = fingerprints[names[a]], fingerprints[names[b]]
        agreements = [(*_agreement(one, other, offset), offset) for offset in offsets]
        words, error, offset = max(agreements, key=lambda found: (found[0], -found[2]))
        found = words / max(1, min(np.count_nonzero(one), np.count_nonzero(other)))
        if words >= LEAST_OVERLAP_S * WORDS_PER_S and found >= share:
            rows.append(
                (names[a], names[b], offset / WORDS_PER_S, words / WORDS_PER_S, found, error)
            )
    columns = ["track_a", "track_b", "offset_s", "overlap_s", "share", "bit_error_rate"]
    return pd.DataFrame(rows, columns=columns)


def groups(items: list[str], links: list[tuple[str, str]]) -> dict[str, str]:
    """For each item the smallest item that it is linked to, through however many others."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    items = sorted(items)
    number = {item: index for index, item in enumerate(items)}
    rows, columns = np.array([[number[a], number[b]] for a, b in links], int).reshape(-1, 2).T
    graph = coo_array((np.ones(len(rows)), (rows, columns)), shape=(len(items), len(items)))
    _, labels = connected_components(graph, directed=False)
    _, first = np.unique(labels, return_index=True)
    return {item: items[first[label]] for item, label in zip(items, labels, strict=True)}


def _candidates(fingerprints: list[np.ndarray]) -> list[tuple[int, int, list[int]]]:
    """Pairs of tracks with equal words at one offset, and their best offsets (in words)."""
    words, tracks, positions = _looked_up(fingerprints)
    votes = []
    for shift in range(1, CROWD):
        same = np.flatnonzero(words[shift:] == words[:-shift]) if shift < len(words) else []
        if not len(same):
            break
        same = same[tracks[same] != tracks[same + shift]]
        offsets = (positions[same + shift] - positions[same]) // OFFSET_BIN
        votes.append(np.stack([tracks[same], tracks[same + shift], offsets], axis=1))
    if not votes:
        return []
    bins, counts = np.unique(np.concatenate(votes), axis=0, return_counts=True)
    bins, counts = bins[counts >= LEAST_VOTES], counts[counts >= LEAST_VOTES]
    best = pd.DataFrame(bins, columns=["a", "b", "offset"]).assign(votes=-counts)
    best = best.sort_values(["a", "b", "votes", "offset"]).groupby(["a", "b"]).head(OFFSETS_TRIED)
    return [
        (a, b, [offset * OFFSET_BIN + fine for offset in found for fine in range(OFFSET_BIN)])
        for (a, b), found in best.groupby(["a", "b"])["offset"]
    ]


def _looked_up(fingerprints: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The words worth a look-up, with track and position, sorted by word."""
    parts = []
    for track, words in enumerate(fingerprints):
        # a held note repeats its word; its first place is enough
        first = np.diff(words, prepend=np.uint32(0)) != 0
        hashed = (words * np.uint32(2654435761)) >> np.uint32(16)
        positions = np.flatnonzero(first & (words != 0) & (hashed % SAMPLED == 0))
        parts.append((words[positions], np.full(len(positions), track), positions))
    if not parts:
        return np.empty(0, np.uint32), np.empty(0, int), np.empty(0, int)
    words, tracks, positions = (np.concatenate(part) for part in zip(*parts, strict=True))
    order = np.lexsort((positions, tracks, words))
    words, tracks, positions = words[order], tracks[order], positions[order]
    _, group, counts = np.unique(words, return_inverse=True, return_counts=True)
    rare = counts[group] <= CROWD
    return words[rare], tracks[rare], positions[rare]


def _agreement(one: np.ndarray, other: np.ndarray, offset: int) -> tuple[int, float]:
    """How many words agree with `one` moved by `offset`, in blocks of 3 s, and their error rate."""
    start, stop = max(0, -offset), min(len(one), len(other) - offset)
    if stop - start < BLOCK:
        return 0, 1.0
    left, right = one[start:stop], other[start + offset : stop + offset]
    heard = (left != 0) & (right != 0)
    wrong = np.bitwise_count(left ^ right) * heard
    blocks = np.arange(0, stop - start, BLOCK)
    heard, wrong = (
        np.add.reduceat(heard, blocks, dtype=int),
        np.add.reduceat(wrong, blocks, dtype=int),
    )
    agree = wrong < BIT_ERROR_RATE * 32 * heard
    words = int(heard[agree].sum())
    return words, float(wrong[agree].sum() / max(1, 32 * words))
