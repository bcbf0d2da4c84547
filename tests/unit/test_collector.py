"""What the collector keeps, and what it refuses: over HTTP, as a browser or a bad guest would."""

import http.client
import json
import socket
import threading
import time

import listening_study
import pytest
import uvicorn

from musical_roots.errors import InputError
from musical_roots.listening import collector
from musical_roots.listening.responses import read_folder
from musical_roots.listening.session import MAX_BYTES


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    manifest = listening_study.write(folder, "paper", listening_study.some("paper", 6, 3))
    (folder / "page/audio/x0.flac").write_bytes(b"sound")
    return folder, manifest


ELSEWHERE = "https://page.example"


@pytest.fixture
def server(study, tmp_path, request):
    """Sends a request to a collector of its own: (status, headers, body)."""
    folder, manifest = study
    origin = getattr(request, "param", None)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    app = collector.app(collector.Collector(folder, tmp_path / "answers"), origin)
    running = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error"))
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    while not running.started:
        time.sleep(0.01)

    def send(method, path, body=None, kind="application/json", **headers):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request(method, path, body, {"Content-Type": kind, **headers})
        reply = connection.getresponse()
        return reply.status, dict(reply.getheaders()), reply.read()

    yield send, tmp_path / "answers", manifest
    running.should_exit = True
    thread.join(10)


def text(value):
    return json.dumps(value).encode()


def test_a_session_is_kept_as_it_came_and_read_by_the_analysis(server, study):
    send, kept, manifest = server
    told = text(listening_study.session(manifest))
    assert send("POST", "/answers", told)[0] == 200
    (file,) = kept.iterdir()
    assert file.name == "paper-aabbccdd-1.json" and file.read_bytes() == told
    asked = listening_study.some("paper", 6, 3)
    read = read_folder(kept, {"paper": manifest}, asked, simulated=False)
    assert len(read.answers) == 3 and read.set_aside.empty


def test_nothing_is_overwritten(server):
    send, kept, manifest = server
    first = listening_study.session(manifest)
    assert send("POST", "/answers", text(first))[0] == 200
    status, _, told = send(
        "POST", "/answers", text(first)
    )  # a reply was lost, and it is sent again
    assert status == 200 and told == b"it was here already"
    other = listening_study.session(manifest, finished="2026-01-01T10:05:00Z")
    status, _, told = send("POST", "/answers", text(other))
    assert status == 409 and b"before" in told
    (file,) = kept.iterdir()
    assert file.read_bytes() == text(first)
    assert send("POST", "/answers", text(listening_study.session(manifest, 2)))[0] == 200
    assert len(list(kept.iterdir())) == 2


def changed(**changes):
    return lambda manifest: text(listening_study.session(manifest) | changes)


def with_answers(change):
    def made(manifest):
        session = listening_study.session(manifest)
        change(session["trials"])
        return text(session)

    return made


BAD = {
    "another study": (changed(study_id="0" * 16), 422, b"another study"),
    "another arm": (changed(arm="ours"), 422, b"arm ours"),
    "no consent": (changed(consent=False), 422, b"consent"),
    "unknown field": (changed(name="Ann"), 422, b"unknown"),
    "a formula": (changed(listener_id="=HYPERLINK(1)"), 422, b"listener_id"),
    "a path": (changed(listener_id="../../etc/passwd"), 422, b"listener_id"),
    "a script": (changed(listener_id="<script>"), 422, b"listener_id"),
    "no JSON": (lambda _: b"{", 422, b"JSON"),
    "nothing": (lambda _: b"", 422, b"JSON"),
    "too large": (lambda _: b" " * (MAX_BYTES + 1), 413, b"bytes"),
    "half of it": (with_answers(lambda answers: answers.pop()), 422, b"whole session"),
    "one twice": (
        with_answers(lambda answers: answers.append(answers[0])),
        422,
        b"whole session",
    ),
    "a strange trial": (
        with_answers(lambda answers: answers[0].update(trial_id="strange")),
        422,
        b"trial_id strange",
    ),
    "a simulated listener": (changed(listener_id="simulated-x"), 422, b"simulated-"),
    "no headphone test": (changed(headphones=None), 422, b"headphone"),
    "headphones that cannot be": (
        changed(headphones={"passed": False, "correct": 0, "trials": 6}),
        422,
        b"sends away",
    ),
    "faster than the clips": (
        with_answers(lambda answers: answers[2].update(seconds=8.0)),
        422,
        b"answer 3: seconds",
    ),
    "no third choice": (
        with_answers(lambda answers: answers[1].update(choice="c")),
        422,
        b"answer 2",
    ),
    "not heard": (
        with_answers(lambda answers: answers[0].update(heard={"x": 1, "a": 0, "b": 1})),
        422,
        b"answer 1",
    ),
}


@pytest.mark.parametrize("what", BAD)
def test_what_is_not_a_session_of_this_study_is_refused(server, what):
    send, kept, manifest = server
    made, status, why = BAD[what]
    found, _, told = send("POST", "/answers", made(manifest))
    assert found == status and why in told and b"\n" not in told
    assert list(kept.iterdir()) == []


def test_a_body_without_a_length_is_read_no_further_than_allowed(server):
    send, kept, _ = server
    chunks = (b" " * 65536 for _ in range(40))
    try:
        status = send("POST", "/answers", chunks)[0]
    except (ConnectionError, BrokenPipeError):
        status = 413  # it hung up on us
    assert status == 413 and list(kept.iterdir()) == []


def test_a_page_of_another_site_cannot_send(server):
    """Its browser asks first, with OPTIONS, for JSON; and nothing else is taken."""
    send, kept, manifest = server
    told = text(listening_study.session(manifest))
    assert send("POST", "/answers", told, kind="text/plain")[0] == 415
    status, headers, _ = send("OPTIONS", "/answers", Origin="http://other.example")
    assert status == 405
    assert not any(name.lower().startswith("access-control") for name in headers)
    assert list(kept.iterdir()) == []


def test_who_was_sent_away_is_kept_once_and_counts_for_no_block(server):
    send, kept, manifest = server
    away = {"headphones": {"passed": False, "correct": 3, "trials": 6}, "trials": []}
    assert send("POST", "/answers", text(listening_study.session(manifest, **away)))[0] == 200
    (file,) = kept.iterdir()
    assert file.name == "paper-aabbccdd-headphones.json"
    told = send("GET", "/study.js")[2].decode()
    assert json.loads(told[len("window.STUDY = ") : -2])["block"] == 1


@pytest.mark.parametrize("server", [ELSEWHERE], indirect=True)
def test_a_page_of_the_one_site_that_is_allowed_can_send(server):
    send, kept, manifest = server
    asks = {"Access-Control-Request-Method": "POST"}
    asks["Access-Control-Request-Headers"] = "content-type"
    status, headers, _ = send("OPTIONS", "/answers", Origin=ELSEWHERE, **asks)
    assert status == 200 and headers["access-control-allow-origin"] == ELSEWHERE
    assert "POST" in headers["access-control-allow-methods"]
    told = text(listening_study.session(manifest))
    status, headers, _ = send("POST", "/answers", told, Origin=ELSEWHERE)
    assert status == 200 and headers["access-control-allow-origin"] == ELSEWHERE
    assert len(list(kept.iterdir())) == 1
    assert send("OPTIONS", "/answers", Origin="https://other.example", **asks)[0] == 400


@pytest.mark.parametrize("origin", ["*", "page.example", "https://page.example/", "null"])
def test_an_origin_that_is_none_is_named(study, tmp_path, origin):
    with pytest.raises(InputError, match="must be as https://host"):
        collector.app(collector.Collector(study[0], tmp_path / "answers"), origin)


def test_what_does_not_come_in_whole_is_given_up(server, monkeypatch):
    send, kept, _ = server
    monkeypatch.setattr(collector, "READ_S", 0.1)

    def slow():
        yield b"{"
        time.sleep(0.5)
        yield b"}"

    try:
        status = send("POST", "/answers", slow())[0]
    except (ConnectionError, BrokenPipeError):
        status = 408  # it hung up on us
    assert status == 408 and list(kept.iterdir()) == []


def test_who_serves_a_consent_that_names_nobody_is_told(study, tmp_path, monkeypatch, caplog):
    folder, _ = study
    limits = {}
    monkeypatch.setattr(uvicorn, "run", lambda app, **how: limits.update(how))
    collector.serve(folder, tmp_path / "answers", "127.0.0.1", 1, None)
    assert "listening.page.contact" in caplog.text
    assert limits["limit_concurrency"] > 100 and limits["timeout_keep_alive"] == 5


@pytest.mark.parametrize("place", ["page/answers", "page", "."])
def test_answers_are_not_kept_where_the_page_shows_them(tmp_path, place):
    listening_study.write(tmp_path, "paper", listening_study.some("paper", 2, 2))
    with pytest.raises(InputError, match="in the page's folder, or around it"):
        collector.Collector(tmp_path, tmp_path / place)
    assert not (tmp_path / "page/answers").exists()


def test_a_folder_without_links_is_found_before_the_first_answer(study, tmp_path, monkeypatch):
    def none(*_):
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(collector.os, "link", none)
    with pytest.raises(InputError, match="hard links, which exFAT"):
        collector.Collector(study[0], tmp_path / "answers")
    assert list((tmp_path / "answers").iterdir()) == []


def test_answers_cannot_be_read(server):
    send, _, manifest = server
    assert send("POST", "/answers", text(listening_study.session(manifest)))[0] == 200
    for path in [
        *("/answers", "/answers/", "/answers/paper-aabbccdd-1.json", "/manifest.json"),
        *("/../manifest.json", "/%2e%2e/manifest.json", "/..%2fanswers/paper-aabbccdd-1.json"),
        *("//etc/passwd", "/audio/", "/audio/../../manifest.json"),
    ]:
        status, _, told = send("GET", path)
        assert status in (404, 405), path
        assert b"trial_id" not in told


def test_the_page_is_served_with_what_keeps_it_to_itself(server):
    send, _, manifest = server
    status, headers, told = send("GET", "/")
    assert status == 200 and b"<main" in told
    assert headers["content-security-policy"].startswith("default-src 'self'")
    assert send("GET", "/audio/x0.flac")[2] == b"sound"
    told = send("GET", "/study.js")[2].decode()
    study = json.loads(told.removeprefix("window.STUDY = ").removesuffix(";\n"))
    assert study["post_url"] == "answers" and study["study_id"] == manifest["study_id"]


def test_listeners_are_given_the_block_that_has_fewest(study, tmp_path):
    folder, manifest = study
    blocks = []
    kept = collector.Collector(folder, tmp_path / "kept")
    for number in range(4):
        blocks.append(json.loads(kept.study_js()[len("window.STUDY = ") : -2])["block"])
        if number == 2:
            kept.keep(text(listening_study.session(manifest, 1)))
    assert blocks == [1, 2, 1, 2]
    again = collector.Collector(folder, tmp_path / "kept")  # it counts what it finds
    assert json.loads(again.study_js()[len("window.STUDY = ") : -2])["block"] == 2


def test_a_study_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match="no listening study is there"):
        collector.Collector(tmp_path, tmp_path / "answers")
