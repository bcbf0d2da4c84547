"""Debian packages as a source of open music: fetch one exact version, take the files out.

No root is needed, and nothing but Python once the package is here.
"""

import lzma
import os
import shutil
import subprocess
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path, PurePosixPath
from typing import BinaryIO
from urllib.parse import quote, unquote, urlsplit

from musical_roots import manifests
from musical_roots.atomic import atomic, atomic_folder, settle
from musical_roots.download import BLOCK, DownloadError, download, sha256_of
from musical_roots.errors import InputError, disk_full, is_disk_full, says_disk_full

MIRROR = "set corpus.debian.mirror to an archive that has it"
REQUIRED = ["package", "version", "pool_path", "size_bytes", "sha256"]
OPTIONAL = ["architecture", "licence", "homepage"]
FETCHED = ["package", "version", "architecture", "pool_path", "size_bytes", "sha256"]


def manifest(path: Path | str, only: Iterable[str] = ()) -> dict[str, dict]:
    """Rows of a manifest of packages by name; with `only`, just those.

    Raises
    ------
    InputError
        If the file is no such manifest (`manifests.read`), names a package twice, or lacks one of
        `only`.
    """
    packages: dict[str, dict] = {}
    for number, row in manifests.read(path, REQUIRED, OPTIONAL):
        if row["package"] in packages:
            raise InputError(f"{path}, row {number}: {row['package']} stands twice; remove one")
        if not row["size_bytes"].isdecimal():
            raise InputError(
                f"{path}, row {number}: size_bytes {row['size_bytes']!r} is no number of bytes; "
                "write it in digits alone"
            )
        packages[row["package"]] = row | {"size_bytes": int(row["size_bytes"])}
    lacking = sorted(set(only) - set(packages))
    if lacking:
        raise InputError(
            f"{path}: no package {', '.join(lacking)}, which corpus.debian.only names; "
            f"there are {', '.join(packages)}"
        )
    return {name: packages[name] for name in only} or packages


def fetch(package: Mapping, destination: Path | str, mirror: str | None = None) -> None:
    """Get one package in exactly the version that the manifest names.

    Parameters
    ----------
    package : mapping
        A row of ``debian-packages.tsv``: package, version, architecture, pool_path, size_bytes,
        sha256.
    destination : path
        The ``.deb`` to write. One that is there already and right is kept.
    mirror : str, optional
        URL of an archive (what stands before ``pool/``), or a local folder: laid out like an
        archive, or with the ``.deb`` files right in it. Without it ``apt-get download`` is asked,
        first with the machine's own lists, then with lists of its own, fetched for this.

    Raises
    ------
    InputError
        If the version is not offered, size or SHA-256 differ, the disk is full, or the network is
        away.
    """
    destination = Path(destination)
    if destination.is_file() and sha256_of(destination) == package["sha256"]:
        return
    try:
        destination.parent.mkdir(parents=True, exist_ok=True)
        if not mirror:
            _from_apt(package, destination)
        elif mirror.startswith(("http://", "https://", "ftp://")):
            _from_archive(package, destination, mirror)
        else:
            _from_folder(package, destination, mirror)
    except OSError as error:
        if is_disk_full(error):
            raise disk_full(destination, int(package["size_bytes"])) from error
        raise InputError(
            f"{package['package']}: {error}; check the network and {destination.parent}"
        ) from error


def unpack(
    deb: Path | str, destination: Path | str, wanted: Iterable[str] | None = None
) -> list[str]:
    """Take files out of a package into `destination`, which appears only when all are there.

    Parameters
    ----------
    deb : path
        The package.
    destination : path
        Folder to make; one that is there is replaced.
    wanted : iterable of str, optional
        Paths inside the package, such as ``usr/share/games/x/music.ogg``; a path may go on inside
        a zip file (``.../music.pk3/sound/x.ogg``). All regular files if not given. The copyright
        file always comes along; a wanted file that is not there is left to `tracks.probe`.

    Returns
    -------
    list of str
        Paths of what was written, sorted.

    Raises
    ------
    InputError
        If the package is damaged, holds a path that leaves `destination`, or if something wanted
        is a link or a device: only regular files are ever written.
    """
    deb, destination = Path(deb), Path(destination)
    wanted = None if wanted is None else {PurePosixPath(path).as_posix() for path in wanted}
    try:
        with atomic_folder(destination) as temporary, open(deb, "rb") as file:
            section, compression = _data(file, deb)
            with tarfile.open(fileobj=section, mode=f"r|{compression}") as archive:
                for member in archive:
                    _extract(archive, member, temporary, wanted, deb)
    except (tarfile.TarError, lzma.LZMAError, zlib.error, zipfile.BadZipFile, EOFError) as error:
        raise InputError(
            f"{deb}: damaged or cut short ({error}); delete it and fetch it again"
        ) from error
    except OSError as error:
        if is_disk_full(error):
            raise disk_full(destination) from error
        raise InputError(f"{deb}: cannot be unpacked ({error}); fetch it again") from error
    return sorted(
        path.relative_to(destination).as_posix()
        for path in destination.rglob("*")
        if path.is_file()
    )


def _from_apt(package: Mapping, destination: Path) -> None:
    architecture = package["architecture"]
    name = package["package"] + ("" if architecture == "all" else f":{architecture}")
    with tempfile.TemporaryDirectory(prefix=".apt.", dir=destination.parent) as temporary:
        place = Path(temporary, "download")
        place.mkdir()
        download = ["apt-get", "download", f"{name}={package['version']}"]
        done = _run(download, place)
        if done.returncode:
            # a fresh machine has no lists, an old one stale lists, and only root may renew them
            own = _own_lists(Path(temporary))
            update = _run(["apt-get", *own, "update"], place)
            done = _run([download[0], *own, *download[1:]], place)
            if done.returncode:
                raise _apt_error(package, update.stderr + done.stderr, own, destination)
        found = sorted(place.glob("*.deb"))
        if not found:
            raise InputError(f"{name}: apt-get download wrote no package; {MIRROR}")
        _check(package, found[0])
        settle(found[0], destination)


def _own_lists(folder: Path) -> list[str]:
    for name in ("lists/partial", "cache/archives/partial"):
        (folder / name).mkdir(parents=True)
    # the user _apt, to whom root's apt would hand the work, may not enter this folder
    options = [
        f"Dir::State::Lists={folder}/lists",
        f"Dir::Cache={folder}/cache",
        "APT::Sandbox::User=root",
    ]
    return [part for option in options for part in ("-o", option)]


def _run(command: list[str], folder: Path) -> subprocess.CompletedProcess:
    try:
        return subprocess.run(
            command,
            cwd=folder,
            env=os.environ | {"LC_ALL": "C"},
            capture_output=True,
            text=True,
            errors="replace",
        )
    except FileNotFoundError as error:
        raise InputError(
            f"{command[0]} is not on this machine; {MIRROR}, or take music of your own "
            "(corpus.source: folder)"
        ) from error


def _apt_error(package: Mapping, said: str, own: list[str], destination: Path) -> InputError:
    name, version = package["package"], package["version"]
    if says_disk_full(said):
        return disk_full(destination, int(package["size_bytes"]))
    offered = _run(["apt-cache", *own, "madison", name], destination.parent).stdout
    versions = sorted({line.split("|")[1].strip() for line in offered.splitlines() if "|" in line})
    if version in versions or any(
        sign in said for sign in ("resolving", "resolve", "onnect", "timed out", "unreachable")
    ):
        lines = [line for line in said.splitlines() if line.startswith(("E:", "W:", "Err"))]
        last = lines[-1] if lines else said[-200:]
        return InputError(
            f"{name} {version}: apt-get download failed ({last}); check the network, or set "
            "corpus.debian.mirror"
        )
    offers = f"apt offers {', '.join(versions)}" if versions else "apt does not know the package"
    return InputError(f"{name} {version}: {offers}; {MIRROR}, such as a snapshot of its time")


def _from_archive(package: Mapping, destination: Path, mirror: str) -> None:
    url = f"{mirror.rstrip('/')}/{quote(package['pool_path'], safe='/+~:%')}"
    try:
        download(url, destination, partial(_check, package), int(package["size_bytes"]))
    except DownloadError as error:
        mend = (
            MIRROR if error.refused else "check the network or corpus.debian.mirror, and run again"
        )
        raise InputError(f"{url}: {error}; {mend}") from error


def _from_folder(package: Mapping, destination: Path, mirror: str) -> None:
    folder = Path(unquote(urlsplit(mirror).path) if mirror.startswith("file://") else mirror)
    pool = PurePosixPath(package["pool_path"])
    # apt keeps the epoch in a file's name, the archive does not
    version = package["version"].replace(":", "%3a")
    names = [pool, pool.name, f"{package['package']}_{version}_{package['architecture']}.deb"]
    found = next((folder / name for name in names if (folder / name).is_file()), None)
    if found is None:
        raise InputError(
            f"{folder}: neither {pool} nor {pool.name} is there; put it there or mend "
            "corpus.debian.mirror"
        )
    with atomic(destination) as temporary:
        shutil.copyfile(found, temporary)
        _check(package, temporary)


def _check(package: Mapping, path: Path) -> None:
    """Whether a file is the one that the manifest means."""
    size, digest = path.stat().st_size, sha256_of(path)
    if size != int(package["size_bytes"]) or digest != package["sha256"]:
        raise InputError(
            f"{package['package']} {package['version']}: expected {package['size_bytes']} bytes "
            f"with SHA-256 {package['sha256']}, got {size} with {digest}; run again, and if it "
            f"stays so, {MIRROR}"
        )


class _Section:
    """A part of a file, for reading from front to back."""

    def __init__(self, file: BinaryIO, size: int):
        self.file, self.left = file, size

    def read(self, size: int = -1) -> bytes:
        block = self.file.read(self.left if size < 0 else min(size, self.left))
        self.left -= len(block)
        return block


def _data(file: BinaryIO, deb: Path) -> tuple[_Section, str]:
    """The member ``data.tar.*`` of a package (an ar archive), and its compression."""
    if file.read(8) != b"!<arch>\n":
        raise InputError(f"{deb}: not a Debian package; delete it and fetch it again")
    while len(header := file.read(60)) == 60:
        name = header[:16].decode("latin-1").strip().rstrip("/")
        try:
            size = int(header[48:58])
        except ValueError:
            break
        if name.startswith("data.tar"):
            compression = name.removeprefix("data.tar").removeprefix(".")
            if compression not in ("xz", "gz", "bz2", ""):
                raise InputError(
                    f"{deb}: compressed with {compression}, which is not read here; set "
                    "corpus.debian.mirror to Debian's own archive, which uses xz"
                )
            if file.tell() + size > deb.stat().st_size:
                break
            return _Section(file, size), compression
        file.seek(size + size % 2, os.SEEK_CUR)
    raise InputError(f"{deb}: damaged or cut short; delete it and fetch it again")


def _extract(
    archive: tarfile.TarFile,
    member: tarfile.TarInfo,
    root: Path,
    wanted: set[str] | None,
    deb: Path,
) -> None:
    path = PurePosixPath(member.name)
    if path.is_absolute() or ".." in path.parts or "\0" in member.name:
        raise InputError(f"{deb}: {member.name!r} leaves the package's folder; do not use it")
    name = path.as_posix()
    in_zip = set() if wanted is None else {item for item in wanted if item.startswith(f"{name}/")}
    if member.isfile() and in_zip:
        _extract_zip(archive.extractfile(member), name, in_zip, root)
    elif member.isfile() and (wanted is None or name in wanted or _is_copyright(path)):
        _write(archive.extractfile(member), root / path)
    elif wanted is not None and name in wanted and not member.isdir():
        raise InputError(f"{deb}: {name} is a link or a device, not a file; name the file itself")


def _extract_zip(file: BinaryIO, name: str, wanted: set[str], root: Path) -> None:
    with tempfile.TemporaryFile(dir=root) as seekable:
        shutil.copyfileobj(file, seekable, BLOCK)
        if not zipfile.is_zipfile(seekable):
            raise zipfile.BadZipFile(f"{name} is not a zip file")
        with zipfile.ZipFile(seekable) as archive:
            held = set(archive.namelist())
            for path in sorted(wanted):
                inner = path.removeprefix(f"{name}/")
                if inner in held:
                    with archive.open(inner) as member:
                        _write(member, root / path)


def _write(file: BinaryIO, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb") as target:
        shutil.copyfileobj(file, target, BLOCK)


def _is_copyright(path: PurePosixPath) -> bool:
    return path.parts[:3] == ("usr", "share", "doc") and path.name == "copyright"
