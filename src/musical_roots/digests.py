"""Digests of the code behind each stage, so that an edit re-runs what it must and nothing else.

A stage is a command of `cli`, such as "corpus probe". Its code is its function, what its file and
`cli/__init__.py` share, and every module of the package that these import, directly or not. To know
that, source files are parsed; what was learned of a file is kept by its size and time, for parsing
all of them takes seconds and the workflow asks at every start.
"""

import ast
import hashlib
import json
from contextlib import suppress
from functools import cache
from pathlib import Path

from musical_roots.atomic import atomic
from musical_roots.errors import InputError

PACKAGE = Path(__file__).parent
ROOT = PACKAGE.name


class Digests:
    """Digests of stages.

    Parameters
    ----------
    kept : path, optional
        JSON file that what was learned of source files is kept in.
    package : path
        The package's folder.
    """

    def __init__(self, kept: Path | str | None = None, package: Path = PACKAGE):
        self.kept, self.package = kept and Path(kept), package
        self.files = self._known()
        self.stages = {
            name: (file, stage)
            for file in sorted((package / "cli").glob("*.py"))
            for name, stage in self._learn(file)["stages"].items()
        }
        self._digest = cache(self._digest_of)
        self._modules = cache(self._modules_of)

    def digest(self, stage: str, *plugins: str) -> str:
        """Digest of a stage's code.

        Parameters
        ----------
        stage : str
            Group and name of a command, such as "corpus probe".
        plugins : str
            Modules that a registry loads by name for this job, such as an encoder's.

        Raises
        ------
        KeyError
            If there is no such stage.
        """
        return self._digest(stage, plugins)

    def modules(self, stage: str, *plugins: str) -> set[str]:
        """The modules that a stage's digest covers, beside those of `cli`."""
        return set(self._modules(stage, plugins))

    def draws(self, stage: str) -> bool:
        """Whether a stage takes the seed."""
        return self.stages[stage][1]["draws"]

    def keep(self) -> None:
        """Write down what was learned; if that cannot be, the next start is slower, and no more."""
        if self.kept is None or self.files == self._known():
            return
        told = {"by": _hash(Path(__file__).read_text(encoding="utf-8")), "files": self.files}
        with suppress(OSError, InputError), atomic(self.kept) as temporary:
            temporary.write_text(json.dumps(told), encoding="utf-8")

    def _digest_of(self, stage: str, plugins: tuple[str, ...]) -> str:
        file, mine = self.stages[stage]
        shared = [self._learn(path)["shared"] for path in (self.package / "cli/__init__.py", file)]
        code = [self._learn(self._file(name))["code"] for name in self._modules(stage, plugins)]
        told = [mine["code"], *shared, *code]
        return hashlib.sha256("\0".join(told).encode()).hexdigest()[:16]

    def _modules_of(self, stage: str, plugins: tuple[str, ...]) -> list[str]:
        file, mine = self.stages[stage]
        start = self._learn(self.package / "cli/__init__.py")["imports"]
        waiting = [*mine["imports"], *start, *self._learn(file)["imports"], *plugins]
        found: set[str] = set()
        while waiting:
            name = waiting.pop()
            # a plugin may be a class in a module; and cli imports all stages, to register them
            if name in found or name.startswith(f"{ROOT}.cli") or not self._file(name):
                continue
            found.add(name)
            waiting += self._learn(self._file(name))["imports"]
        return sorted(found)

    def _file(self, module: str) -> Path | None:
        base = self.package.parent.joinpath(*module.split("."))
        candidates = [base.with_suffix(".py"), base / "__init__.py"]
        return next((path for path in candidates if path.is_file()), None)

    def _known(self) -> dict[str, dict]:
        """What this very code has learned before."""
        try:
            told = json.loads(self.kept.read_text(encoding="utf-8")) if self.kept else {}
        except (OSError, ValueError):
            return {}
        mine = _hash(Path(__file__).read_text(encoding="utf-8"))
        return told["files"] if isinstance(told, dict) and told.get("by") == mine else {}

    def _learn(self, file: Path) -> dict:
        """What is needed of a source file: parsed once, as long as it stays as it is."""
        state = file.stat()
        now, known = [state.st_size, state.st_mtime_ns], self.files.get(str(file))
        if known is None or known["state"] != now:
            known = self.files[str(file)] = {"state": now, **_read(file)}
        return known


def _read(file: Path) -> dict:
    """Hash of the file; what it imports; its stages; hash of what it has beside these."""
    text = file.read_text(encoding="utf-8")
    nodes = ast.parse(text).body
    stages = {name: node for node in nodes if (name := _stage(file.stem, node))}
    others = [node for node in nodes if node not in stages.values()]
    return {
        "code": _hash(text),
        "shared": _hash("\0".join(map(ast.unparse, others))),
        "imports": sorted({name for node in others for name in _imports(node)}),
        "stages": {
            name: {
                "code": _hash(ast.unparse(node)),
                "imports": sorted(_imports(node)),
                "draws": "seed" in [argument.arg for argument in node.args.args],
            }
            for name, node in stages.items()
        },
    }


def _stage(group: str, node: ast.AST) -> str | None:
    """The stage that a function is, by its decorator: `@<group>.command("name")`."""
    for decorator in getattr(node, "decorator_list", []):
        if isinstance(decorator, ast.Call) and ast.unparse(decorator.func).endswith(".command"):
            return f"{group} {decorator.args[0].value}"
    return None


def _imports(code: ast.AST) -> set[str]:
    """Modules of this package that a piece of code imports, and names that may be some."""
    names: set[str] = set()
    for part in ast.walk(code):
        if isinstance(part, ast.Import):
            names |= {alias.name for alias in part.names}
        elif isinstance(part, ast.ImportFrom) and part.module:
            names |= {part.module, *(f"{part.module}.{alias.name}" for alias in part.names)}
    return {name for name in names if name.split(".")[0] == ROOT}


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
