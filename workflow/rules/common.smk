# The checked config, the run's lock, and what several rule files share.

import fcntl
import os
import shlex
import sys

from musical_roots import config as configuration
from musical_roots.encoders.base import ENCODERS
from musical_roots.errors import InputError
from musical_roots.provenance import stage_digest as code


def stop(message):
    sys.exit(f"musical-roots: error: {message}")


try:
    config.update(configuration.load(config))
except InputError as error:
    stop(error)

CACHE = config["cache"]
ACTIVE = [name for name, options in config["encoders"].items() if options["activate"]]
KINDS = [
    kind
    for kind, options in config["robustness"]["perturbations"].items()
    if options["activate"]
]
SPLITS = ["train", "control"] if config["corpus"]["control_share"] > 0 else ["train"]

RUN = "python -m musical_roots --log {log}"


def flags(section, *keys):
    """Keys of a config section as flags of a command: minimum_s: 30 -> --minimum-s 30."""
    words = []
    for key in keys or section:
        values = section[key] if isinstance(section[key], list) else [section[key]]
        for value in values:
            words += [f"--{key.replace('_', '-')}", shlex.quote(str(value))]
    return " ".join(words)


def module(encoder):
    """The module that an encoder is written in: its jobs depend on it, those of others do not."""
    return ENCODERS[encoder].split(":")[0]


def hold_lock():
    """One run a folder. The kernel drops the lock with its holder, so that a killed run leaves none."""
    if "MUSICAL_ROOTS_RUN" in os.environ:  # the report is made by a run inside the run
        return None
    os.makedirs(".snakemake", exist_ok=True)
    handle = open(".snakemake/musical-roots.lock", "w")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        stop(
            "another run is at work in this folder; wait for it, or use another folder"
        )
    os.environ["MUSICAL_ROOTS_RUN"] = str(os.getpid())
    return handle


LOCK = hold_lock()


wildcard_constraints:
    encoder="|".join(ENCODERS),
    kind="|".join(config["robustness"]["perturbations"]),
    split="train|control",
    shard=r"\d{3}",
