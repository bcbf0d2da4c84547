"""Broken and odd files, each made from a sound one by a seeded draw: the same seed, the same file.

What people give to the command line: audio, configs, checkpoints, tables, answers.
"""

import copy
import json
import math
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import odd_audio
import soundfile
import yaml

RATE = 22_050
AUDIO = ["wav", "flac", "ogg", "mp3", "aiff", "m4a", "opus", "aac", "mka", "w64"]
# what may stand where a number, a word or a section is meant
ODD_VALUES = [
    *(None, True, -1, 0, 1, 2, 10**6, 10**30, -0.5, 1e-320, math.inf, math.nan, "", " ", "nan"),
    *(
        "0",
        "-",
        "a" * 3000,
        "../../..",
        "/dev/null",
        "/proc/self/mem",
        "{x}",
        "a b; c",
        "'",
        "\u202e",
    ),
    *("\x00", "é", "=1+1", [], [None], [[]], [1, "a"], {}, {"a": {}}, "2026-01-01", "1:30", "~"),
]


def rng(seed: int, kind: str, number: int) -> np.random.Generator:
    """Draws of one mutant."""
    return np.random.default_rng([seed, *kind.encode(), number])


def numbers(kind: str, of: int, sample: int) -> list[int]:
    """Which mutants of a kind a test takes: a sample, or what MUSICAL_ROOTS_FAULTS says."""
    asked = os.environ.get("MUSICAL_ROOTS_FAULTS", "1")
    if asked == "all":
        return list(range(of))
    return rng(int(asked), kind, of).choice(of, sample, replace=False).tolist()


def pick(draw: np.random.Generator, of: list):
    """One of a list."""
    return of[int(draw.integers(len(of)))]


# bytes


def cut(data: bytes, draw: np.random.Generator) -> bytes:
    """Its start, or nothing."""
    return data[: int(draw.integers(len(data) + 1))] if draw.random() < 0.9 else b""


def flipped(data: bytes, draw: np.random.Generator) -> bytes:
    """Some bytes are others, anywhere or near the start, where headers stand."""
    changed = bytearray(data)
    end = len(data) if draw.random() < 0.5 else min(len(data), 200)
    for at in draw.integers(0, end, int(draw.integers(1, 30))):
        changed[at] = draw.integers(256)
    return bytes(changed)


def sized(data: bytes, draw: np.random.Generator) -> bytes:
    """A number near the start says all, nothing, or much more than there is."""
    changed, at = bytearray(data), int(draw.integers(0, min(len(data) - 8, 120)))
    number = pick(
        draw, [b"\xff" * 4, b"\0" * 4, b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", b"\xff" * 8]
    )
    changed[at : at + len(number)] = number
    return bytes(changed)


def spliced(data: bytes, draw: np.random.Generator) -> bytes:
    """A piece is doubled, lost, or another's."""
    start, end = sorted(draw.integers(0, len(data) + 1, 2))
    piece = pick(draw, [data[start:end] * 2, b"", draw.bytes(int(draw.integers(1, 5000)))])
    return data[:start] + piece + data[end:]


def zeroed(data: bytes, draw: np.random.Generator) -> bytes:
    """A part of it is zeros, as a disk leaves it that was pulled out."""
    start, end = sorted(draw.integers(0, len(data) + 1, 2))
    return data[:start] + bytes(int(end - start)) + data[end:]


def turned(data: bytes, draw: np.random.Generator) -> bytes:
    """It begins anywhere; what was before comes last."""
    at = int(draw.integers(len(data) + 1))
    return data[at:] + data[:at]


def noise(data: bytes, draw: np.random.Generator) -> bytes:
    """Nothing of it is left, but for its first bytes at times."""
    kept = data[: int(draw.integers(0, 64))] if draw.random() < 0.5 else b""
    return kept + draw.bytes(int(draw.integers(1, 20_000)))


BYTES: list[Callable] = [cut, flipped, sized, spliced, zeroed, turned, noise]


def of_bytes(data: bytes, draw: np.random.Generator) -> bytes:
    """A file with one or two of these faults."""
    for _ in range(int(draw.integers(1, 3))):
        data = pick(draw, BYTES)(data, draw) if len(data) > 16 else data
    return data


# audio


def sound(folder: Path, seconds: float = 4.0) -> dict[str, Path]:
    """A sound file of each of `AUDIO`, by its suffix."""
    time, draw = np.arange(round(seconds * RATE)) / RATE, np.random.default_rng(0)
    samples = 0.3 * np.sin(2 * np.pi * 220 * time) * np.exp(-3 * (time * 2 % 1))
    samples = (samples + draw.normal(scale=0.05, size=len(time)))[:, None]
    made = {suffix: folder / f"sound.{suffix}" for suffix in AUDIO}
    for suffix, path in made.items():
        if codec := {"m4a": "aac", "aac": "aac", "opus": "libopus", "mka": "flac"}.get(suffix):
            rate = 48_000 if suffix == "opus" else RATE
            container = {"aac": "adts", "opus": "ogg"}.get(suffix)
            odd_audio.encode(path, codec, samples, rate, None, None, container)
        else:
            soundfile.write(path, samples, RATE, format={"w64": "W64"}.get(suffix))
    return made


def audio(made: dict[str, Path], seed: int, number: int) -> tuple[str, bytes]:
    """Name and content of a mutant of one of them; some bear another's suffix."""
    draw = rng(seed, "audio", number)
    suffix = AUDIO[number % len(AUDIO)]
    data = of_bytes(made[suffix].read_bytes(), draw)
    called = pick(draw, AUDIO) if draw.random() < 0.1 else suffix
    stem = pick(draw, ["a", "a b", "é", "'", "{a}", "-a", "a%20", "a" * 120, "=1", "a\nb"])
    return f"{stem}.{called}", data


# trees: what YAML and JSON hold


def places(tree, here: tuple = ()) -> Iterator[tuple]:
    """Path of every value in a tree of dicts and lists, the root left out."""
    inside = (
        tree.items()
        if isinstance(tree, dict)
        else enumerate(tree)
        if isinstance(tree, list)
        else ()
    )
    for key, value in inside:
        yield (*here, key)
        yield from places(value, (*here, key))


def of_tree(tree, draw: np.random.Generator):
    """One or two of its values are odd, gone, doubled, or under another name."""
    tree = copy.deepcopy(tree)
    for _ in range(int(draw.integers(1, 3))):
        found = list(places(tree))
        if not found:
            return tree
        *above, key = pick(draw, found)
        holder = tree
        for step in above:
            holder = holder[step]
        fault = draw.random()
        if fault < 0.7:
            holder[key] = pick(draw, ODD_VALUES)
        elif fault < 0.8:
            del holder[key]
        elif isinstance(holder, dict):
            name = pick(draw, [f"{key}s", "", "x", "a b", 1, None])
            holder[name] = holder.pop(key) if fault < 0.9 else holder[key]
        else:
            holder.append(holder[key])
    return tree


def config(folder: Path, seed: int, number: int) -> bytes:
    """A mutant of a config there: of its values, of its text, or something else that YAML says."""
    draw = rng(seed, "config", number)
    name = ("config", "tiny", "paper")[number % 3]
    text = (folder / f"{name}.yaml").read_text(encoding="utf-8")
    fault = draw.random()
    if fault < 0.7:
        return yaml.safe_dump(of_tree(yaml.safe_load(text), draw), allow_unicode=True).encode()
    if fault < 0.9:
        return of_bytes(text.encode(), draw)
    others = [
        *(b"", b"[]", b"1", b"a", b"- 1\n- 2\n", b"seed: 1\nseed: 2\n", b"\xff\xfes\0e\0", b"\t"),
        *(b"a: &a [*a]", b"a: &a {b: *a}", b"seed: !!python/object:os.system {}", b"? {a: 1}\n: 2"),
        *(
            b"seed: 0x10",
            b"---\nseed: 1\n---\nseed: 2\n",
            b"[" * 3000,
            b"corpus:\nclips: []",
            b"null",
        ),
        *(b"results: .", b"results: /", b"results: ''", b"cache: results", b"seed: 1e400"),
    ]
    return pick(draw, others)


def json_text(tree, draw: np.random.Generator) -> bytes:
    """A mutant of a JSON file: of its values, or of its bytes."""
    if draw.random() < 0.7:
        return json.dumps(of_tree(tree, draw)).encode()
    return of_bytes(json.dumps(tree).encode(), draw)


# tables


def table(text: str, draw: np.random.Generator) -> bytes:
    """A mutant of a table: of its fields, its header, its rows, or its bytes."""
    rows = [line.split(",") for line in text.splitlines()]
    fault = draw.random()
    if fault < 0.35:
        row = pick(draw, rows)
        row[int(draw.integers(len(row)))] = str(pick(draw, ODD_VALUES))
    elif fault < 0.5:
        row = pick(draw, rows)
        if draw.random() < 0.5:
            row.append(pick(draw, ["", "x", '"']))
        else:
            row.pop()
    elif fault < 0.6:
        rows.append(list(pick(draw, rows)))
    elif fault < 0.7:
        rows = rows[: int(draw.integers(0, 2))]
    elif fault < 0.8:
        return text.replace(",", pick(draw, [";", "\t", "|", ", ", ",,"])).encode(
            pick(draw, ["utf-8", "utf-16", "utf-8-sig"])
        )
    else:
        return of_bytes(text.encode(), draw)
    return "\n".join(",".join(row) for row in rows).encode()
