"""Debian packages: fetched in one exact version, unpacked without root, whatever is in them."""

import errno
import hashlib
import io
import os
import tarfile
import threading
import zipfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pandas as pd
import pytest
import soundfile
from click.testing import CliRunner

from musical_roots import cli
from musical_roots.corpus import debian
from musical_roots.errors import InputError

MUSIC = "usr/share/games/tiny/music.ogg"
COPYRIGHT = "usr/share/doc/tiny-music/copyright"


def entry(name, content=b"", **attributes):
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for key, value in attributes.items():
        setattr(info, key, value)
    return info, io.BytesIO(content)


def deb(entries, compression="xz", name=None):
    """A package, as `dpkg-deb` would lay it out."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode=f"w:{compression}") as archive:
        for info, content in entries:
            archive.addfile(info, content)
    name = name or "data.tar" + (f".{compression}" if compression else "")
    members = [("debian-binary", b"2.0\n"), ("control.tar.xz", b"odd"), (name, data.getvalue())]
    parts = [b"!<arch>\n"]
    for member, content in members:
        head = f"{member:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(content):<10}`\n"
        parts += [head.encode(), content, b"\n" * (len(content) % 2)]
    return b"".join(parts)


PLAIN = [
    entry("./usr/", type=tarfile.DIRTYPE),
    entry(f"./{MUSIC}", b"music" * 2000),
    entry("./usr/share/games/tiny/other.ogg", b"other"),
    entry("./usr/share/games/tiny/link.ogg", type=tarfile.SYMTYPE, linkname="/etc/passwd"),
    entry(f"./{COPYRIGHT}", b"CC0"),
]


def plain():
    for _, content in PLAIN:
        content.seek(0)
    return deb(PLAIN)


def row(content, **changes):
    return {
        "package": "tiny-music",
        "version": "1:1.0-1",
        "architecture": "all",
        "pool_path": "pool/main/t/tiny/tiny-music_1.0-1_all.deb",
        "size_bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    } | changes


@pytest.fixture
def package(tmp_path):
    path = tmp_path / "tiny.deb"
    path.write_bytes(plain())
    return path


@pytest.fixture
def apt(tmp_path, monkeypatch):
    """Put an apt-get (and an apt-cache) on PATH that does what a shell script says."""

    def make(script):
        folder = tmp_path / "bin"
        folder.mkdir()
        for name in ("apt-get", "apt-cache"):
            (folder / name).write_text(f"#!/bin/sh\n{script}\n")
            (folder / name).chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")

    return make


@pytest.fixture
def archive(tmp_path):
    """An archive on the loopback; gives its URL, its folder and the Range headers it was sent."""
    folder, ranges = tmp_path / "archive", []
    target = folder / row(b"")["pool_path"]
    target.parent.mkdir(parents=True)
    target.write_bytes(plain())

    class Handler(SimpleHTTPRequestHandler):
        def do_GET(self):
            asked = self.headers.get("Range")
            ranges.append(asked)
            if not asked:
                return super().do_GET()
            self.send_response(206)
            self.end_headers()
            self.wfile.write(target.read_bytes()[int(asked[6:-1]) :])

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}", ranges
    server.shutdown()
    server.server_close()


def test_unpack_takes_what_is_wanted_and_the_copyright(package, tmp_path):
    written = debian.unpack(package, tmp_path / "out", [MUSIC, "usr/share/not-there.ogg"])
    assert written == [COPYRIGHT, MUSIC]
    assert (tmp_path / "out" / MUSIC).read_bytes() == b"music" * 2000
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "tiny.deb"]


def test_unpack_takes_all_files_but_no_links(package, tmp_path):
    written = debian.unpack(package, tmp_path / "out")
    assert len(written) == 3 and not any("link" in path for path in written)
    assert debian.unpack(package, tmp_path / "out") == written


@pytest.mark.parametrize("compression", ["xz", "gz", "bz2", ""])
def test_unpack_reads_every_compression(tmp_path, compression):
    path = tmp_path / "a.deb"
    path.write_bytes(deb([entry(MUSIC, b"music")], compression))
    assert debian.unpack(path, tmp_path / "out") == [MUSIC]


def test_unpack_reaches_into_zip_files(tmp_path):
    pack = io.BytesIO()
    with zipfile.ZipFile(pack, "w") as file:
        file.writestr("sound/a.ogg", "music")
        file.writestr("sound/b.ogg", "other")
    path = tmp_path / "a.deb"
    path.write_bytes(deb([entry("./usr/data.pk3", pack.getvalue())]))
    assert debian.unpack(path, tmp_path / "out", ["usr/data.pk3/sound/a.ogg"]) == [
        "usr/data.pk3/sound/a.ogg"
    ]


@pytest.mark.parametrize(
    "hostile, message",
    [
        (entry("../../evil", b"x"), "leaves the package's folder"),
        (entry("/etc/evil", b"x"), "leaves the package's folder"),
        (entry(f"./{MUSIC}", type=tarfile.SYMTYPE, linkname="/etc/passwd"), "link or a device"),
        (entry(f"./{MUSIC}", type=tarfile.LNKTYPE, linkname="../../x"), "link or a device"),
        (entry(f"./{MUSIC}", type=tarfile.CHRTYPE), "link or a device"),
    ],
)
def test_unpack_refuses_hostile_members(tmp_path, hostile, message):
    path = tmp_path / "in" / "a.deb"
    path.parent.mkdir()
    path.write_bytes(deb([entry("usr/first", b"1"), hostile]))
    with pytest.raises(InputError, match=message):
        debian.unpack(path, tmp_path / "in" / "out", [MUSIC])
    assert [item.name for item in path.parent.iterdir()] == ["a.deb"]
    assert not (tmp_path / "evil").exists()


def test_unpack_never_follows_a_link_that_the_package_made(tmp_path):
    (tmp_path / "target").mkdir()
    link = entry("usr", type=tarfile.SYMTYPE, linkname=str(tmp_path / "target"))
    path = tmp_path / "a.deb"
    path.write_bytes(deb([link, entry("usr/evil", b"x")]))
    debian.unpack(path, tmp_path / "out")
    assert not list((tmp_path / "target").iterdir())


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.7, 0.999])
def test_unpack_refuses_a_truncated_package(tmp_path, share):
    content = plain()
    path = tmp_path / "a.deb"
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(InputError, match=r"a\.deb: .*fetch it again"):
        debian.unpack(path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_unpack_refuses_what_it_cannot_read(tmp_path):
    path = tmp_path / "a.deb"
    path.write_bytes(deb([entry(MUSIC, b"x")], "gz", name="data.tar.zst"))
    with pytest.raises(InputError, match="zst"):
        debian.unpack(path, tmp_path / "out")
    path.write_bytes(deb([entry(MUSIC, b"x")], "gz", name="data.tar.xz"))
    with pytest.raises(InputError, match="damaged"):
        debian.unpack(path, tmp_path / "out")
    with pytest.raises(InputError, match="fetch it again"):
        debian.unpack(tmp_path / "gone.deb", tmp_path / "out")


@pytest.mark.parametrize(
    "name", [row(b"")["pool_path"], "tiny-music_1.0-1_all.deb", "tiny-music_1%3a1.0-1_all.deb"]
)
@pytest.mark.parametrize("scheme", ["", "file://"])
def test_fetch_from_a_folder(tmp_path, name, scheme):
    content = plain()
    source = tmp_path / "mirror" / name
    source.parent.mkdir(parents=True)
    source.write_bytes(content)
    debian.fetch(row(content), tmp_path / "debs/tiny.deb", f"{scheme}{tmp_path / 'mirror'}")
    assert (tmp_path / "debs/tiny.deb").read_bytes() == content
    source.unlink()  # what is there and right is not fetched again
    debian.fetch(row(content), tmp_path / "debs/tiny.deb", f"{scheme}{tmp_path / 'mirror'}")


def test_fetch_refuses_a_wrong_checksum_and_a_missing_file(tmp_path):
    content = plain()
    (tmp_path / "mirror").mkdir()
    (tmp_path / "mirror/tiny-music_1.0-1_all.deb").write_bytes(content)
    wrong = row(content, sha256="0" * 64)
    with pytest.raises(InputError, match=f"expected .* {'0' * 64}, got .*{row(content)['sha256']}"):
        debian.fetch(wrong, tmp_path / "out/tiny.deb", str(tmp_path / "mirror"))
    with pytest.raises(InputError, match="put it there"):
        debian.fetch(row(content), tmp_path / "out/tiny.deb", str(tmp_path))
    assert not list((tmp_path / "out").iterdir())


def test_fetch_from_an_archive_goes_on_where_it_stopped(tmp_path, archive):
    url, ranges = archive
    content = plain()
    debian.fetch(row(content), tmp_path / "tiny.deb", url)
    (tmp_path / "tiny.deb").unlink()
    (tmp_path / "tiny.deb.part").write_bytes(content[:100])
    debian.fetch(row(content), tmp_path / "tiny.deb", f"{url}/")
    assert (tmp_path / "tiny.deb").read_bytes() == content
    assert ranges == [None, "bytes=100-"]
    assert not (tmp_path / "tiny.deb.part").exists()


def test_an_archive_with_another_file_is_refused(tmp_path, archive):
    content = plain()
    wrong = row(content, sha256="0" * 64)
    with pytest.raises(InputError, match=f"expected .* {'0' * 64}, got"):
        debian.fetch(wrong, tmp_path / "tiny.deb", archive[0])
    longer = row(content, size_bytes=len(content) + 1)
    with pytest.raises(InputError, match=r"another version; set corpus\.debian\.mirror"):
        debian.fetch(longer, tmp_path / "tiny.deb", archive[0])
    assert not list(tmp_path.glob("tiny*"))


def test_fetch_from_an_archive_without_it(tmp_path, archive):
    gone = row(plain(), pool_path="pool/gone.deb")
    with pytest.raises(InputError, match=r"404 .*set corpus\.debian\.mirror"):
        debian.fetch(gone, tmp_path / "tiny.deb", archive[0])
    with pytest.raises(InputError, match="check the network"):
        debian.fetch(gone, tmp_path / "tiny.deb", "http://127.0.0.1:1")


def test_fetch_through_apt(tmp_path, package, apt):
    apt(f'[ "$*" = "download tiny-music=1:1.0-1" ] && cp {package} got.deb')
    debian.fetch(row(plain()), tmp_path / "out/tiny.deb")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["tiny.deb"]


def test_fetch_through_apt_on_a_machine_without_lists(tmp_path, package, apt):
    apt(
        'case "$*" in *update) touch "${2#*=}/done";;'
        f' *Lists=*download*) [ -e "${{2#*=}}/done" ] && cp {package} got.deb;; *) exit 100;; esac'
    )
    debian.fetch(row(plain()), tmp_path / "out/tiny.deb")
    assert (tmp_path / "out/tiny.deb").read_bytes() == plain()


@pytest.mark.parametrize(
    "script, message",
    [
        (
            'case "$*" in *madison*) echo "tiny | 2.0-1 | x";; *) exit 100;; esac',
            "offers 2.0-1; set",
        ),
        ('case "$*" in *madison*) ;; *) exit 100;; esac', "does not know the package"),
        ('echo "E: Temporary failure resolving deb" >&2; exit 100', "check the network"),
        ('echo "E: write (28: No space left on device)" >&2; exit 100', "disk is full"),
        ('echo "E: write (122: Disk quota exceeded)" >&2; exit 100', "disk is full"),
        (":", "wrote no package"),
        ("echo changed > got.deb", "expected"),
    ],
)
def test_fetch_through_apt_explains_itself(tmp_path, apt, script, message):
    apt(script)
    with pytest.raises(InputError, match=message):
        debian.fetch(row(plain()), tmp_path / "out/tiny.deb")
    assert not list((tmp_path / "out").iterdir())


def test_fetch_without_apt(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match=r"corpus\.debian\.mirror .*or take music of your own"):
        debian.fetch(row(plain()), tmp_path / "out/tiny.deb")


def test_a_corpus_without_apt(tmp_path, monkeypatch):
    """From a mirror that is a folder to tracks, stage by stage, with no program on PATH."""
    draws, names = np.random.default_rng(0), ("Ann", "Ben", "Cy")
    songs = [entry(f"./{COPYRIGHT}", b"CC0")]
    for name in names:
        soundfile.write(
            song := io.BytesIO(), draws.normal(scale=0.1, size=16_000), 8000, "PCM_16", format="WAV"
        )
        songs.append(entry(f"./usr/share/games/tiny/{name}.wav", song.getvalue()))
    content = deb(songs)
    given = row(content)
    (tmp_path / "mirror").mkdir()
    (tmp_path / "mirror/tiny-music_1.0-1_all.deb").write_bytes(content)
    listed = "package,path,title,artist,album,licence,attribution\n" + "".join(
        f"tiny-music,usr/share/games/tiny/{name}.wav,One,{name},First,CC0,{name}\n"
        for name in names
    )
    (tmp_path / "tracks.csv").write_text(listed)
    monkeypatch.setenv("PATH", str(tmp_path / "no programs"))
    monkeypatch.chdir(tmp_path)
    about = [word for key, value in given.items() for word in (f"--{key.replace('_', '-')}", value)]
    first = ["corpus", "package", *about, "--mirror", "mirror", "--out", "tiny.deb"]
    rest = [
        "corpus unpack --deb tiny.deb --package tiny-music --track-list tracks.csv"
        " --out recordings/tiny-music",
        "corpus recordings --source debian --root recordings --track-list tracks.csv"
        " --only tiny-music --out recordings.parquet",
        "corpus probe --recordings recordings.parquet --shard 0 1 --minimum-s 1 --maximum-s 9"
        " --silence-lufs -60 --tracks-out 0.parquet --rejected-out 0.rejected.parquet"
        " --fingerprints-out 0.fingerprints.parquet",
        "corpus tracks 0.parquet --near-duplicate-share 0.5 --control-share 0.5 --split-artists"
        " --tracks-out kept.csv --rejected-out rejected.csv --seed 1",
    ]
    for words in [first, *(call.split() for call in rest)]:
        done = CliRunner().invoke(cli.stages, list(map(str, words)))
        assert done.exit_code == 0, (done.output, done.exception)
    kept = pd.read_csv(tmp_path / "kept.csv")
    assert set(kept.artist) == set(names) and set(kept.split) == {"train", "control"}


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_explained(tmp_path, package, monkeypatch, number):
    def full(*_):
        raise OSError(number, os.strerror(number))

    (tmp_path / "tiny-music_1.0-1_all.deb").write_bytes(plain())
    monkeypatch.setattr("shutil.copyfile", full)
    with pytest.raises(InputError, match="disk is full"):
        debian.fetch(row(plain()), tmp_path / "out/tiny.deb", str(tmp_path))
    monkeypatch.setattr("shutil.copyfileobj", full)
    with pytest.raises(InputError, match="disk is full"):
        debian.unpack(package, tmp_path / "unpacked")
