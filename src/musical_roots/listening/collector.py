"""A server for one arm of the listening study: the page, and a place where answers are sent to.

An answer that comes in is checked against the study before it is kept, as a file of its own that
nothing overwrites. Nothing that was sent can be read through the server.
"""

import json
import os
from collections import Counter
from pathlib import Path
from tempfile import NamedTemporaryFile

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from musical_roots.errors import InputError
from musical_roots.listening.page import study_js
from musical_roots.listening.responses import MAX_BYTES, Session, parse
from musical_roots.tables import read_json

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
        try:
            self.answers.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(
                f"{answers}: cannot be made ({error.strerror}); name another"
            ) from error
        if not os.access(self.answers, os.W_OK | os.X_OK):
            raise InputError(f"{answers}: may not be written to; mend its permissions")
        names = [path.stem.rpartition("-")[2] for path in self.answers.glob(f"{self.arm}-*.json")]
        self.kept = Counter(int(name) for name in names if name.isdigit())
        self.handed_out: Counter[int] = Counter()

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
            session, unfit = parse(text, {self.arm: self.manifest["study_id"]})
        except InputError as error:
            raise Refused(422, str(error)) from error
        if unfit:
            place, why = next(iter(unfit.items()))
            raise Refused(422, f"answer {place + 1}: {why}")
        block = self._block(session)
        path = self.answers / f"{self.arm}-{session.listener_id}-{block}.json"
        if not _write_new(path, text):
            if path.read_bytes() == text:
                return "it was here already"
            raise Refused(409, "this listener has answered these questions before")
        self.kept[block] += 1
        return "kept"

    def _block(self, session: Session) -> int:
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
        try:
            os.link(part.name, path)
        except FileExistsError:
            return False
    os.chmod(path, 0o640)
    return True


def app(collector: Collector) -> Starlette:
    """The server: `/` and what the page loads, and POST `/answers`."""

    async def study(_: Request) -> Response:
        return Response(collector.study_js(), media_type="text/javascript", headers=HEADERS)

    async def answers(request: Request) -> Response:
        try:
            told, status = collector.keep(await _body(request)), 200
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
        ]
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


def serve(study: Path | str, answers: Path | str, host: str, port: int) -> None:
    """Serve an arm until it is stopped."""
    import uvicorn

    uvicorn.run(app(Collector(study, answers)), host=host, port=port, log_level="warning")
