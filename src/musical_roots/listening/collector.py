"""A server for one arm of the listening study: the page, and a place where answers are sent to.

An answer that comes in is checked against the study before it is kept, as a file of its own that
nothing overwrites. Nothing that was sent can be read through the server.
"""

import asyncio
import json
import logging
import os
import re
from collections import Counter
from pathlib import Path
from tempfile import NamedTemporaryFile

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from musical_roots.arrays import read_json
from musical_roots.errors import InputError
from musical_roots.listening.page import study_js
from musical_roots.listening.session import MAX_BYTES, SIMULATED, Session, parse

log = logging.getLogger("musical_roots")
READ_S = 30  # in which a session must have come in whole
IDLE_S = 5  # a connection is held without a request
CONNECTIONS = 256  # a browser opens six: some forty people at once
ORIGIN = re.compile(r"https?://[A-Za-z0-9.-]+(:[0-9]+)?")
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none';"
        " form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


class Refused(Exception):
    """What is not kept: an HTTP status, and why."""

    def __init__(self, status: int, why: str):
        super().__init__(why)
        self.status, self.why = status, why


class Collector:
    """What is kept of an arm's answers.

    Parameters
    ----------
    study : path
        Folder of an arm: manifest.json, page/.
    answers : path
        Folder that answers are kept in, a file a session; it is made if missing.

    Raises
    ------
    InputError
        If the study is not there, or nothing may be written into the folder.
    """

    def __init__(self, study: Path | str, answers: Path | str):
        self.page, self.answers = Path(study) / "page", Path(answers)
        try:
            self.manifest = read_json(Path(study) / "manifest.json")
            text = (self.page / "study.js").read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            raise InputError(
                f"{study}: no listening study is there; make it with `make study TARGET=stimuli`,"
                " or name the folder of another arm"
            ) from error
        self.told = json.loads(text.removeprefix("window.STUDY = ").removesuffix(";\n"))
        self.blocks = {}
        for trial in self.manifest["trials"]:
            self.blocks.setdefault(trial["block"], set()).add(trial["trial_id"])
        if not self.blocks:
            raise InputError(
                f"{study}: its corpus was too small for any question; add tracks to it"
            )
        self._make_folder()
        names = [path.stem.rpartition("-")[2] for path in self.answers.glob(f"{self.arm}-*.json")]
        self.kept = Counter(int(name) for name in names if name.isdigit())
        self.handed_out: Counter[int] = Counter()

    def _make_folder(self) -> None:
        """See to it that answers can be kept, where nobody can read them through the page."""
        kept, page = self.answers.resolve(), self.page.resolve()
        if kept.is_relative_to(page) or page.is_relative_to(kept):
            raise InputError(
                f"{self.answers}: is in the page's folder, or around it, where all can read what"
                " others answered; name another folder"
            )
        try:
            self.answers.mkdir(parents=True, exist_ok=True)
            _try_to_write(self.answers)
        except OSError as error:
            raise InputError(
                f"{self.answers}: answers cannot be kept there ({error.strerror}); it must be made,"
                " written to, and allow hard links, which exFAT and some shares do not: name"
                " another folder"
            ) from error

    @property
    def arm(self) -> str:
        """Of the study."""
        return self.manifest["arm"]

    def study_js(self) -> str:
        """study.js for one more listener: answers come here, the block that has fewest is next."""
        block = min(self.blocks, key=lambda one: (self.kept[one], self.handed_out[one], one))
        self.handed_out[block] += 1
        return study_js(self.told | {"post_url": "answers", "block": block})

    def keep(self, text: bytes) -> str:
        """Check a session and keep it as it came; the same once more is no error.

        Raises
        ------
        Refused
            If it is not a whole session of this study, or the listener answered that block before.
        """
        try:
            session, unfit = parse(text, {self.arm: self.manifest})
        except InputError as error:
            raise Refused(422, str(error)) from error
        if unfit:
            place, why = next(iter(unfit.items()))
            raise Refused(422, f"answer {place + 1}: {why}")
        if session.listener_id.startswith(SIMULATED):
            raise Refused(
                422, f"listener_id begins with {SIMULATED}: nobody has heard such answers"
            )
        block = self._block(session)
        path = self.answers / f"{self.arm}-{session.listener_id}-{block}.json"
        if not _write_new(path, text):
            if path.read_bytes() == text:
                return "it was here already"
            raise Refused(409, "this listener has answered these questions before")
        self.kept[block] += 1
        return "kept"

    def _block(self, session: Session) -> int | str:
        if not session.trials:
            return "headphones"  # the test sent the listener away
        given = [answer.trial_id for answer in session.trials]
        for block, wanted in self.blocks.items():
            if set(given) == wanted and len(given) == len(wanted):
                return block
        known = set().union(*self.blocks.values())
        strange = next((one for one in given if one not in known), None)
        if strange:
            raise Refused(422, f"trial_id {strange} is not in this study")
        raise Refused(422, "its answers are not those of one whole session, each once")


def _write_new(path: Path, text: bytes) -> bool:
    """Write a file whole, unless there is one: then False. A link takes no other file's place."""
    with NamedTemporaryFile(dir=path.parent, prefix=".", suffix=".part") as part:
        part.write(text)
        part.flush()
        os.fsync(part.fileno())
        os.fchmod(part.fileno(), 0o640)
        try:
            os.link(part.name, path)
        except FileExistsError:
            return False
    _flush(path.parent)
    return True


def _flush(folder: Path) -> None:
    """Let a folder's list of files outlast a power cut."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _try_to_write(folder: Path) -> None:
    """Write a file as an answer is, and take it away."""
    with NamedTemporaryFile(dir=folder, prefix=".", suffix=".part") as part:
        os.link(part.name, f"{part.name}.trial")
        os.unlink(f"{part.name}.trial")


def app(collector: Collector, origin: str | None) -> Starlette:
    """The server: `/` and what the page loads, and POST `/answers`.

    Parameters
    ----------
    collector : Collector
    origin : str or None
        Of a page that is served elsewhere and sends its answers here: https://host or with :port.

    Raises
    ------
    InputError
        If the origin is none.
    """
    if origin and not ORIGIN.fullmatch(origin):
        raise InputError(f"--allow-origin {origin}: must be as https://host or https://host:port")
    allowed = {"allow_origins": [origin], "allow_methods": ["POST"]}
    cross = Middleware(CORSMiddleware, **allowed, allow_headers=["Content-Type"])

    async def study(_: Request) -> Response:
        return Response(collector.study_js(), media_type="text/javascript", headers=HEADERS)

    async def answers(request: Request) -> Response:
        try:
            async with asyncio.timeout(READ_S):
                body = await _body(request)
            told, status = collector.keep(body), 200
        except TimeoutError:
            told, status = f"it did not come in whole within {READ_S} s", 408
        except Refused as error:
            told, status = error.why, error.status
        except OSError as error:
            told, status = f"it could not be written ({error.strerror})", 507
        return PlainTextResponse(told, status, headers=HEADERS)

    return Starlette(
        routes=[
            Route("/study.js", study),
            Route("/answers", answers, methods=["POST"]),
            Mount("/", _Page(directory=collector.page, html=True)),
        ],
        middleware=[cross] if origin else [],
    )


class _Page(StaticFiles):
    """Files of the page, with headers that keep it from loading anything from elsewhere."""

    def file_response(self, *words, **more) -> Response:
        response = super().file_response(*words, **more)
        response.headers.update({**HEADERS, "Cache-Control": "no-cache"})
        return response


async def _body(request: Request) -> bytes:
    """What was sent, read no further than is allowed."""
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise Refused(415, "answers are JSON")
    told = request.headers.get("content-length", "0")
    if not told.isdigit() or int(told) > MAX_BYTES:
        raise Refused(413, f"more than the {MAX_BYTES} bytes that a session may have")
    read = bytearray()
    async for part in request.stream():
        read += part
        if len(read) > MAX_BYTES:
            raise Refused(413, f"more than the {MAX_BYTES} bytes that a session may have")
    return bytes(read)


def serve(study: Path | str, answers: Path | str, host: str, port: int, origin: str | None) -> None:
    """Serve an arm until it is stopped."""
    import uvicorn

    kept = Collector(study, answers)
    log.info("http://%s:%d/ shows %s; answers go to %s", host, port, study, answers)
    log.info("Stop it with Ctrl-C.")
    if not kept.manifest["asked"]["contact"]:
        log.warning("The consent names nobody to ask: fill in listening.page.contact first.")
    limits = {"limit_concurrency": CONNECTIONS, "timeout_keep_alive": IDLE_S}
    uvicorn.run(app(kept, origin), host=host, port=port, log_level="warning", **limits)
