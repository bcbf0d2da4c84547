"""The config, typed: one model a section. The schema and config/README.md are generated from it.

The workflow reads the config only through `load`, so a wrong key or value is refused once, in one
line, before anything runs.
"""

from pathlib import Path

import yaml
from pydantic import ValidationError

from musical_roots.config.documents import reference, schema
from musical_roots.config.whole import Config
from musical_roots.errors import InputError

__all__ = ["Config", "load", "read", "reference", "schema"]


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
    try:
        return Config.model_validate(values).model_dump()
    except ValidationError as error:
        wrong = [_explain(detail) for detail in error.errors()]
        raise InputError(
            f"config: {'; '.join(wrong)} (config/README.md lists every key)"
        ) from error


def read(paths: list[Path | str]) -> dict:
    """Read YAML files, later ones over earlier ones, and `load` the result."""
    merged: dict = {}
    for path in paths:
        try:
            values = yaml.safe_load(Path(path).read_text(encoding="utf-8")) or {}
        except (OSError, yaml.YAMLError) as error:
            raise InputError(f"{path}: not a readable YAML file: {error}") from error
        _overlay(merged, values)
    return load(merged)


def _overlay(base: dict, over: dict) -> None:
    for key, value in over.items():
        if isinstance(value, dict) and isinstance(base.get(key), dict):
            _overlay(base[key], value)
        else:
            base[key] = value


def _explain(detail: dict) -> str:
    key = ".".join(str(part) for part in detail["loc"]) or "config"
    if detail["type"] == "extra_forbidden":
        return f"{key} is not a key; remove it or mend its spelling"
    message = detail["msg"].removeprefix("Value error, ")
    if detail["type"] == "value_error":
        return f"{key}: {message}" if detail["loc"] else message
    return f"{key}: {message}, got {detail['input']!r}"
