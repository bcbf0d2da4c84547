"""`python -m musical_roots <stage>`: parses, calls, writes; no logic.

The stages stand in `corpus.py`, `embeddings.py`, `generation.py`, `influence.py` and `results.py`.
Each imports what it needs inside its function, so that it starts quickly, and so that
`provenance.stage_digest` knows which modules the stage depends on.
"""

import logging
import shutil
import sys
from pathlib import Path

import click

from musical_roots.errors import InputError, disk_full, is_disk_full

log = logging.getLogger("musical_roots")
PATH = click.Path(path_type=Path)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.option("--log", "log_file", type=PATH, help="File for what is worth keeping of this run.")
@click.option("--seed", default=0, help="The config's seed; every random draw derives from it.")
@click.pass_context
def stage(context: click.Context, log_file: Path | None, seed: int) -> None:
    """Stages of musical-roots. The workflow calls them; so can you."""
    handlers: list[logging.Handler] = [logging.StreamHandler()]
    if log_file:
        log_file.parent.mkdir(parents=True, exist_ok=True)
        handlers.append(logging.FileHandler(log_file, mode="w", encoding="utf-8"))
    logging.basicConfig(level=logging.INFO, format="%(message)s", handlers=handlers, force=True)
    context.obj = seed


def main() -> None:
    """Run a stage; bad input ends it with one line and status 2."""
    try:
        stage(prog_name="python -m musical_roots", standalone_mode=False)
    except click.exceptions.Abort:
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
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
from musical_roots.cli import corpus, embeddings, generation, influence, results  # noqa: E402, F401
