"""What holds of every stage of the command line."""

import ast
import inspect
import textwrap
from collections import defaultdict

import click
import pytest
from click.testing import CliRunner

from musical_roots import cli
from musical_roots.digests import Digests

WHOLE = cli.stages.commands
GROUPS = {name: group for name, group in WHOLE.items() if isinstance(group, click.Group)}
STAGES = {
    f"{group} {name}": stage for group in GROUPS for name, stage in GROUPS[group].commands.items()
}
COMMANDS = STAGES | {name: WHOLE[name] for name in sorted(WHOLE.keys() - GROUPS.keys())}
LINES = 15  # of a stage's body: it parses, calls and writes


def options(stage):
    return [option for option in stage.params if isinstance(option, click.Option)]


def meaning(option):
    """What is written after a flag, how often, and what for, but for what holds without it."""
    types = option.type.types if isinstance(option.type, click.Tuple) else [option.type]
    words = [str(one) if isinstance(one, click.Choice) else one.name for one in types]
    told = option.help.partition("; if not given, ")[0].removesuffix(".")
    return " ".join(words), option.multiple, option.is_flag, told


def body(function):
    """Lines that a function's body takes, without its docstring."""
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(function))).body
    statements = tree.body[1:] if ast.get_docstring(tree) else tree.body
    return statements[-1].end_lineno - statements[0].lineno + 1


def test_the_stages_are_found():
    assert len(STAGES) > 30
    assert {"corpus probe", "train openvamp"} <= set(STAGES)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_says_what_it_is(name):
    assert [option.opts for option in options(COMMANDS[name]) if not option.help] == []


def test_a_flag_means_the_same_in_every_stage():
    meanings = defaultdict(lambda: defaultdict(list))
    for name, stage in STAGES.items():
        for option in options(stage):
            for flag in option.opts + option.secondary_opts:
                meanings[flag][meaning(option)].append(name)
    assert {flag: dict(found) for flag, found in meanings.items() if len(found) > 1} == {}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_stage_holds_no_logic(name):
    assert body(COMMANDS[name].callback) <= LINES, "move what is more into the package"


def test_the_workflow_gives_the_seed_to_every_stage_that_takes_it():
    digests = Digests()
    for name, stage in STAGES.items():
        assert digests.draws(name) == ("seed" in [option.name for option in options(stage)]), name


@pytest.mark.parametrize("name", GROUPS)
def test_help_of_a_group_says_all_of_each_stage(name):
    shown = " ".join(CliRunner().invoke(cli.stages, [name, "-h"]).output.split())
    for stage in GROUPS[name].commands.values():
        assert stage.help and "\n" not in stage.help
        assert f"{stage.name} {stage.help}" in shown


def test_help_of_the_whole_names_every_group():
    shown = " ".join(CliRunner().invoke(cli.stages, ["-h"]).output.split())
    for name, group in WHOLE.items():
        assert f"{name} {group.help}" in shown


def test_help_of_a_stage_shows_defaults():
    shown = CliRunner().invoke(cli.stages, ["search", "match", "-h"]).output
    assert "[default: none]" in " ".join(shown.split())
