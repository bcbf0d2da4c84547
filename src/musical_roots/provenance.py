"""What made a result: the code of a stage, the versions, the machine."""

import ast
import hashlib
import platform
import subprocess
import sys
from functools import cache
from importlib.metadata import distributions
from pathlib import Path

PACKAGE = Path(__file__).parent
ROOT = PACKAGE.name


@cache
def stage_digest(stage: str, *plugins: str) -> str:
    """Digest of the code behind `python -m musical_roots <stage>`.

    It covers the stage's function in `cli`, what is shared there, and every module of the package
    that these import, directly or not. Each rule carries it in its `params`, so that an
    edited module re-runs the stages that use it and no other.

    Parameters
    ----------
    stage : str
        Name of a command.
    plugins : str
        Modules that a registry loads by name for this job, such as an encoder's.

    Raises
    ------
    KeyError
        If there is no such stage.
    """
    code = [node for file in sorted((PACKAGE / "cli").glob("*.py")) for node in _parse(file).body]
    stages = {name: node for node in code if (name := _stage_name(node))}
    used = [*(node for node in code if not _stage_name(node)), stages[stage]]
    modules: set[str] = set()
    for node in [*used, *(ast.parse(f"import {plugin}") for plugin in plugins)]:
        _collect(node, modules)
    code = [ast.unparse(node) for node in used]
    code += [_file(module).read_text(encoding="utf-8") for module in sorted(modules)]
    return hashlib.sha256("\0".join(code).encode()).hexdigest()[:16]


def _stage_name(node: ast.AST) -> str | None:
    """The name in `@stage.command("name")`, for a function that is a stage."""
    for decorator in getattr(node, "decorator_list", []):
        if ast.unparse(decorator).startswith("stage.command("):
            return decorator.args[0].value
    return None


def _collect(node: ast.AST, modules: set[str]) -> None:
    """Add to `modules` all modules of this package that a piece of code imports."""
    for part in ast.walk(node):
        if isinstance(part, ast.Import):
            names = [alias.name for alias in part.names]
        elif isinstance(part, ast.ImportFrom) and part.module:
            names = [part.module, *(f"{part.module}.{alias.name}" for alias in part.names)]
        else:
            continue
        for name in names:
            if name.startswith(f"{ROOT}.cli"):  # it imports all stages, to register them
                continue
            if name.startswith(ROOT) and name not in modules and _file(name):
                modules.add(name)
                _collect(_tree(name), modules)


@cache
def _tree(module: str) -> ast.AST:
    return _parse(_file(module))


def _parse(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def _file(module: str) -> Path | None:
    base = PACKAGE.parent.joinpath(*module.split("."))
    candidates = [base.with_suffix(".py"), base / "__init__.py"]
    return next((path for path in candidates if path.is_file()), None)


def versions() -> dict[str, str]:
    """Name -> version of every installed distribution."""
    found = {dist.metadata["Name"].lower(): dist.version for dist in distributions()}
    return dict(sorted(found.items()))


def environment() -> dict[str, str]:
    """Commit, Python, system and processor, for the report."""
    return {
        "commit": commit(),
        "python": sys.version.split()[0],
        "system": f"{platform.system()} {platform.machine()}",
        "processor": processor(),
    }


def commit() -> str:
    """The git commit of the working folder, marked if there are changes; "unknown" outside git."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    try:
        done = subprocess.run(command, cwd=PACKAGE, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip()


def processor(device: str = "cpu") -> str:
    """Name of the processor, or of the GPU where `device` is "cuda"."""
    if device == "cuda":
        import torch

        return torch.cuda.get_device_name()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = (line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())
