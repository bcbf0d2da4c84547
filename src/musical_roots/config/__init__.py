"""The config, typed: one model a section. The schema and config/README.md are generated from it.

The workflow reads the config only through `load`, so a wrong key or value is refused once, in one
line, before anything runs.
"""

from pathlib import Path

import yaml
from pydantic import ValidationError

from musical_roots import yaml_files
from musical_roots.config.documents import reference, schema
from musical_roots.config.whole import Config
from musical_roots.errors import InputError

__all__ = ["Config", "check_files", "check_music", "load", "overlay", "read", "reference", "schema"]


def load(values: dict) -> dict:
    """Check a config and fill in its defaults.

    Parameters
    ----------
    values : dict
        What the YAML files say.

    Returns
    -------
    dict
        The same, every key present.

    Raises
    ------
    InputError
        One line that names every wrong key, what is wrong with it, and where keys are described.
    """
    if place := _null_byte(values):
        raise InputError(f"config: {place}: it holds a null byte, which no name can; remove it")
    try:
        return Config.model_validate(values).model_dump()
    except ValidationError as error:
        wrong = [_explain(detail) for detail in error.errors()]
        raise InputError(
            f"config: {'; '.join(wrong)} (config/README.md lists every key)"
        ) from error


def read(paths: list[Path | str]) -> dict:
    """Read YAML files, later ones over earlier ones, and `load` the result.

    Raises
    ------
    InputError
        If a file cannot be read, is no YAML, or holds something else than keys with values; as of
        `load`.
    """
    merged: dict = {}
    for path in paths:
        _overlay(merged, overlay(path))
    return load(merged)


def overlay(path: Path | str) -> dict:
    """What one YAML file of a config says.

    Snakemake reads files by itself, and takes the last of a key that stands twice.

    Raises
    ------
    InputError
        As of `read`; if a key stands twice.
    """
    try:
        values = yaml_files.load(Path(path).read_text(encoding="utf-8")) or {}
    # a time without its parts, or a key that is a list, is a ValueError or TypeError of PyYAML
    except (OSError, yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        raise InputError(f"{path}: not a readable YAML file: {error}") from error
    if not isinstance(values, dict):
        raise InputError(f"{path}: a config holds keys with values, such as `seed: 1`")
    return values


def check_files(values: dict) -> None:
    """Refuse a config that names a table which is not there.

    Snakemake would not: where a study is made already, it takes a lost input for one that is not
    needed, and says that there is nothing to be done.

    Parameters
    ----------
    values : dict
        A config, as of `load`.

    Raises
    ------
    InputError
        One line that names key and file.
    """
    named = {}
    if values["corpus"]["source"] != "debian":
        named["corpus.folder.metadata"] = values["corpus"]["folder"]["metadata"]
    for name, section in values["generators"].items():
        if section["activate"]:
            named[f"generators.{name}.trained_on"] = section.get("trained_on")
    for key, path in named.items():
        if path and not Path(path).is_file():
            raise InputError(
                f"config: {key}: there is no file {path}; mend the path, or put it there"
            )


def check_music(values: dict) -> None:
    """As `check_files`, of the folder of music: to plan a run, it need not be there."""
    folder = values["corpus"]["folder"]["root"]
    if values["corpus"]["source"] != "debian" and not Path(folder).is_dir():
        raise InputError(
            f"config: corpus.folder.root: there is no folder {folder}; mend the path, or put it"
            " there"
        )


def _null_byte(value: object, place: str = "") -> str:
    """Key of a text with a null byte, in a dict or list of whatever; empty, if there is none."""
    if isinstance(value, str):
        return (place or "config") if "\0" in value else ""
    inside = value.items() if isinstance(value, dict) else ()
    inside = enumerate(value) if isinstance(value, list) else inside
    found = (_null_byte(each, f"{place}.{key}".lstrip(".")) for key, each in inside)
    return next(filter(None, found), "")


def _overlay(base: dict, over: dict) -> None:
    for key, value in over.items():
        if isinstance(value, dict) and isinstance(base.get(key), dict):
            _overlay(base[key], value)
        else:
            base[key] = value


def _explain(detail: dict) -> str:
    key = ".".join(str(part) for part in detail["loc"]) or "config"
    if detail["type"] in ("extra_forbidden", "invalid_key"):
        return f"{key} is not a key; remove it or mend its spelling"
    if detail["type"] in ("model_type", "model_attributes_type"):
        told = "is empty" if detail["input"] is None else f"is {detail['input']!r}"
        return f"{key} {told}, and takes keys of its own; write them below it, or leave it out"
    message = detail["msg"].removeprefix("Value error, ")
    if detail["type"] == "value_error":
        return f"{key}: {message}" if detail["loc"] else message
    return f"{key}: {message}, got {detail['input']!r}"
