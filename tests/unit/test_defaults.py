"""Defaults stand in the config's models alone: what a config key governs has no other default."""

import ast
from dataclasses import asdict
from pathlib import Path

import click
import pytest

import musical_roots
from musical_roots import cli, config
from musical_roots.encoders.base import Settings
from musical_roots.generators.base import VampSettings

PACKAGE = Path(musical_roots.__file__).parent
DEFAULTS = config.load({})
# the config takes these from there, which the tests below say
SHARED = {"VampSettings", "Settings precision", "Settings part", "Settings features"}
# a person who calls the library gets what repeats to the bit; the stages are told
TOLD = {"Settings seed", "Settings device", "load device", "processor device"}
# of rows, not of paths; of an encoder, not of a vamp; of what is found, not of what is learned from
OTHER = {"matches exclude", "Encoder settings", "top_share share"}


def keys(values, name=""):
    """Names of all keys that hold a value."""
    if not isinstance(values, dict):
        return {name}
    return set().union(*(keys(value, key) for key, value in values.items()))


def defaults(tree):
    """(of what, name, default) of every parameter and field of a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            arguments = node.args.posonlyargs + node.args.args
            given = zip(arguments[::-1], node.args.defaults[::-1], strict=False)
            alone = zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
            for argument, default in [*given, *alone]:
                yield node.name, argument.arg, default
        elif isinstance(node, ast.ClassDef):
            for field in node.body:
                if isinstance(field, ast.AnnAssign):
                    yield node.name, field.target.id, field.value


def says_something(default):
    """Whether a default is a value: not nothing, none, or a name from around a function."""
    empty = {"None", "()", "[]", "{}", "''", "math.nan"}
    return (
        default is not None
        and not isinstance(default, ast.Name)
        and ast.unparse(default) not in empty
    )


def second_defaults():
    """What has a default beside that of the config key of its name."""
    governed = keys(DEFAULTS)
    for path in PACKAGE.rglob("*.py"):
        if path.relative_to(PACKAGE).parts[0] not in {"config", "cli"}:
            for owner, name, default in defaults(ast.parse(path.read_text())):
                if name in governed and says_something(default):
                    yield owner, f"{owner} {name}"


def test_no_function_repeats_a_default_of_the_config():
    found = {name for owner, name in second_defaults() if owner not in SHARED}
    assert found == TOLD | OTHER | (SHARED - {"VampSettings"})


def test_no_option_repeats_a_default_of_the_config():
    again = [
        (group.name, stage.name, option.opts)
        for group in cli.stages.commands.values()
        for stage in getattr(group, "commands", {"": group}).values()
        for option in stage.params
        if isinstance(option, click.Option) and not option.is_flag
        if option.name in keys(DEFAULTS) and isinstance(option.default, str | int | float)
    ]
    assert again == []


def test_the_config_takes_settings_of_encoders_from_there():
    assert DEFAULTS["encode"]["precision"] == Settings().precision
    assert DEFAULTS["encoders"]["clmr"]["part"] == Settings().part
    assert DEFAULTS["encoders"]["clmr"]["features"] == Settings().features


@pytest.mark.parametrize("name", ["compression", "periodic"])
def test_the_config_takes_settings_of_vamps_from_there(name):
    setting = config.load({"generation": {"settings": {name: {}}}})["generation"]["settings"][name]
    assert setting == asdict(VampSettings()) | {"activate": True}
