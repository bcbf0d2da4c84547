"""`python -m musical_roots <group> <stage>`: parses, calls, writes; no logic.

A group is a file here: it holds the stages of a rule file of the workflow, or of a part of one.
Each stage imports what it needs inside its function, so that it starts quickly, and so that
`digests.Digests` knows which modules the stage depends on.
"""

import gc
import logging
import shutil
import sys
from pathlib import Path

import click

from musical_roots.errors import InputError, disk_full, is_disk_full

log = logging.getLogger("musical_roots")
PATH = click.Path(path_type=Path)


def file(flag: str, told: str, name: str | None = None, required: bool = True, multiple=False):
    """An option that takes a path."""
    words = [flag, *([name] if name else [])]
    return click.option(*words, type=PATH, required=required, multiple=multiple, help=told)


def files(flag: str, told: str, name: str | None = None, required: bool = True):
    """An option that stands before each of some paths."""
    return file(flag, told, name, required, multiple=True)


# Options of more than one group. A flag means the same wherever it stands, and says so in the same
# words; only what comes of leaving it out may differ.
SEED = click.option(
    "--seed", type=int, required=True, help="The config's seed; every random draw derives from it."
)
OUT = file("--out", "The file that is made.")
TRACKS = file("--tracks", "The corpus's tracks.")
LISTS = click.argument("lists", type=PATH, nargs=-1, required=True, metavar="CLIP_LISTS...")
CLIPS = file("--clips", "A clip list.")
COUNT = click.option("--count", type=int, required=True, help="How many to choose, at most.")
DURATION = click.option(
    "--duration-s", type=float, required=True, help="Of a prompt, an output, or an excerpt."
)
CLIP_DURATION = click.option("--clip-duration-s", type=float, required=True, help="Of a clip.")
SPLIT = click.option("--split", required=True, help="train or control.")


def _shard(context: click.Context, _: click.Parameter, shard: tuple[int, int]) -> tuple[int, int]:
    if not 0 <= shard[0] < shard[1]:
        raise click.BadParameter(
            "parts are counted from 0: 0 2 and 1 2 are the parts of 2", context
        )
    return shard


SHARD = click.option(
    "--shard",
    type=(int, int),
    metavar="PART PARTS",
    required=True,
    callback=_shard,
    help="Which part, from 0, of how many.",
)
DEVICE = click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda"]),
    required=True,
    help="Where it computes; auto takes a GPU if there is one.",
)
PRECISION = click.option(
    "--precision",
    type=click.Choice(["fp32", "bf16"]),
    required=True,
    help="What layers compute in.",
)


def batch(without: str = ""):
    """The option `--batch`, and what holds without it; if nothing does, it is required."""
    told = f"How many clips, tracks or crops at a time{without}."
    return click.option("--batch", type=int, required=not without, help=told)


def checkpoints(without: str = ""):
    """The option `--checkpoints`, and what holds without it; if nothing does, it is required."""
    return file("--checkpoints", f"Folder of converted weights{without}.", required=not without)


def generator(without: str = ""):
    """The option `--generator`, and what holds without it; if nothing does, it is required."""
    told = f"A generator's name in the config{without}."
    return click.option("--generator", required=not without, help=told)


def root(required: bool = True):
    """The option `--root`."""
    return file("--root", "Folder of audio files.", required=required)


SMALL = file(
    "--small", "Which tracks the small training set holds, where it plays a part.", required=False
)
SPLIT_ARTISTS = click.option(
    "--split-artists/--no-split-artists", required=True, help="Take names in one field apart."
)
CODEC = file("--codec", "openvamp's codec.")
WEIGHTS = file("--weights", "Weights of a model that was trained.")
CODEBOOKS = click.option("--codebooks", type=int, required=True, help="Of openvamp's codec.")
ENTRIES = click.option("--entries", type=int, required=True, help="Of one of its codebooks.")
WIDTH = click.option("--width", type=int, required=True, help="Of openvamp's transformer.")
LAYERS = click.option("--layers", type=int, required=True, help="Of openvamp's transformer.")
TRAIN_TOKENS = files("--train-tokens", "Tokens of train.")
CONTROL_TOKENS = files("--control-tokens", "Tokens of control.", required=False)
KEPT_IF = click.option(
    "--kept-if",
    default="",
    help="Digest of the code: what it made before is kept, if it would make that again; else none.",
)
INVERTED = file(
    "--inverted", "Inverted lists of the corpus; if not given, search is exact.", required=False
)
OUTPUTS = files("--outputs", "List of outputs.")
QUERIES = files("--queries", "Embeddings of what is searched for.")
REJECTED_OUT = file("--rejected-out", "What is not kept, and why.", "rejected")
AUDIO_OUT = file("--audio-out", "Folder for the audio.", "audio")
CURVE_OUT = file("--curve-out", "Loss by training step.", "curve")
INDEXES = file("--indexes", "Which clips are in which.")
FDR = click.option("--fdr", type=float, required=True, help="False discovery rate asked for.")
DRAWS = click.option("--draws", type=int, required=True, help="Random halves or draws.")
TRUTH = file("--truth", "Folder of a truth by retraining.")
OUTPUT_NEAREST = files("--output-nearest", "Nearest clips of outputs.", "outputs")
NULL = files(
    "--roundtrip-nearest", "Nearest clips of control music, after the codec if it is known.", "null"
)
OUTPUT_EMBEDDINGS = files("--output-embeddings", "Embeddings of outputs.", "outputs")
MATCHES = click.option("--k", type=int, required=True, help="Matches a query.")
CODE = click.option("--code", required=True, help="Digest of it: audio of other code is not kept.")
RESAMPLES = click.option(
    "--resamples", type=int, required=True, help="Bootstrap resamples, clustered by track."
)
CONFIDENCE = click.option(
    "--confidence", type=float, required=True, help="Of the intervals, between 0 and 1."
)


class Whole:
    """A command whose line in the help of what it is in is not cut off."""

    def get_short_help_str(self, limit: int = 0) -> str:
        """All of the docstring, which is a line."""
        return (self.help or "").strip()


class Stage(Whole, click.Command):
    """A command that can write a log."""

    def __init__(self, *words, **more):
        super().__init__(*words, **more)
        told = "File for what is worth keeping of this run."
        option = click.Option(["--log"], type=PATH, expose_value=False, callback=_log, help=told)
        option.is_eager = True  # what another option stumbles over is logged, too
        self.params.append(option)


class Group(Whole, click.Group):
    """A group of stages, listed as they stand in its file: as they follow each other."""

    command_class = Stage

    def get_short_help_str(self, limit: int = 0) -> str:
        """All of what the group is told to be, which is a line."""
        return (self.help or "").strip()

    def list_commands(self, context: click.Context) -> list[str]:
        """Names of the stages."""
        return list(self.commands)


def _log(context: click.Context, _: click.Parameter, file: Path | None) -> None:
    handlers: list[logging.Handler] = [logging.StreamHandler()]
    if file:
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            handlers.append(logging.FileHandler(file, mode="w", encoding="utf-8"))
        except OSError as error:
            if is_disk_full(error):
                raise
            raise InputError(
                f"{file}: the log cannot be written ({error.strerror}); write it elsewhere"
            ) from error
    logging.basicConfig(level=logging.INFO, format="%(message)s", handlers=handlers, force=True)


@click.group(
    options_metavar="",
    subcommand_metavar="GROUP STAGE ...",
    context_settings={
        "help_option_names": ["-h", "--help"],
        "show_default": True,
        "max_content_width": 100,
    },
)
def stages() -> None:
    """Stages of musical-roots. The workflow calls them; so can you."""


def group(name: str, told: str) -> Group:
    """A new group of stages."""
    made = Group(name, help=told, options_metavar="", subcommand_metavar="STAGE ...")
    stages.add_command(made)
    return made


def main() -> None:
    """Run a stage; bad input ends it with one line and status 2."""
    gc.set_threshold(50_000)  # what imports make is no garbage, and is much to look through
    logging.basicConfig(level=logging.INFO, format="%(message)s", force=True)
    try:
        stages(prog_name="python -m musical_roots", standalone_mode=False)
    except click.exceptions.Abort:
        sys.exit(130)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        sys.exit(2)
    except click.ClickException as error:
        log.error("musical-roots: error: %s", _wrong(error))
        sys.exit(2)
    except InputError as error:
        log.error("musical-roots: error: %s", error)
        sys.exit(2)
    except Exception as error:
        if not _disk_is_full(error):
            log.exception("musical-roots: failed; this is a defect, please report it")
            sys.exit(1)
        where = getattr(error, "filename", None) or Path.cwd()
        log.error("musical-roots: error: %s", disk_full(where))
        sys.exit(2)


def _wrong(error: click.ClickException) -> str:
    """What is wrong with a command line, in one line, and where to see what would be right."""
    said = " ".join(error.format_message().split()).removesuffix(".")
    context = getattr(error, "ctx", None)
    return f"{said}; see {context.command_path} -h" if context else said


def _disk_is_full(error: Exception) -> bool:
    # numpy and libsndfile do not say why a write fell short
    no_room = isinstance(error, OSError | RuntimeError) and shutil.disk_usage(".").free < 1 << 20
    return no_room or is_disk_full(error)


def progress(total: int, what: str, unit: str):
    """Lines of progress with the time left, on a terminal alone; jobs side by side do not clash."""
    from tqdm import tqdm

    shape = "{desc}: {n_fmt} of {total_fmt} {unit}, {percentage:.0f} %, {remaining} left\n"
    return tqdm(total=total, desc=what, unit=unit, disable=None, mininterval=5, bar_format=shape)


# what registers the stages
from musical_roots.cli import (  # noqa: E402, F401
    audition,
    coded,
    competition,
    config,
    corpus,
    counterfactual,
    dose,
    embed,
    generate,
    gradients,
    harmony,
    index,
    influence,
    listening,
    perturb,
    race,
    report,
    robustness,
    search,
    stimuli,
    trace,
    train,
    weights,
)
