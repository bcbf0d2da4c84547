"""Experiment A of a config: whose answers are read, and the tables that come of them."""

import hashlib
from pathlib import Path

from musical_roots.listening.kinds import dealt
from musical_roots.study.clip_sets import attributed
from musical_roots.study.hearing import trained

ARMS = ("paper", "ours")
# Of `experiments.listening.analysis`; `set_aside` says which answers do not count, and why.
TABLES = (
    *("table1", "agreement", "model", "psychometric", "thresholds", "people"),
    *("exclusions", "set_aside"),
)
# Of simulated listeners, whoever has answered.
DESIGN_TABLES = ("simulated_power", "simulated_coverage")


def takes_part(config: dict) -> bool:
    """Whether listeners are asked, and after an encoder that was trained."""
    return config["listening"]["activate"] and bool(trained(config))


def source(config: dict) -> str:
    """Who answered."""
    return "people" if config["listening"]["responses"] else "simulated listeners"


def folder(config: dict) -> str:
    """Where the answers lie."""
    return config["listening"]["responses"] or f"{config['results']}/listening/simulated_answers"


def simulated(config: dict) -> list[str]:
    """The folder that the workflow fills with answers, if people have not."""
    return [] if config["listening"]["responses"] else [folder(config)]


def seen(config: dict) -> str:
    """Digest of which files of people's answers there are, so that a new one is noticed.

    Files of any name: they are no inputs of a rule, for braces mean something else to Snakemake.
    """
    if not config["listening"]["responses"]:
        return ""
    found = sorted(path for path in Path(folder(config)).rglob("*") if path.is_file())
    told = [f"{path} {path.stat().st_size} {path.stat().st_mtime_ns}" for path in found]
    return hashlib.sha256("\n".join(told).encode("utf-8", "surrogateescape")).hexdigest()[:16]


def our_design(config: dict) -> dict[str, int]:
    """What our arm asks: X's, pairs of each, listeners, and answers of each on one encoder.

    A session's tests are shared by the encoders.
    """
    stimuli, asked = config["listening"]["stimuli"], config["listening"]["page"]
    shares = stimuli["catch_share"], stimuli["repeat_share"]
    tests, *_ = dealt(asked["questions_ours"], *shares)
    answers = max(1, round(tests / max(1, len(trained(config)))))
    return {
        **{key: stimuli[key] for key in ("ours_x", "pairs")},
        **{"simulated_listeners": config["listening"]["simulated_listeners"]},
        "ours_answers": answers,
    }


def tables(config: dict) -> dict[str, str]:
    """Table of the analysis -> name of its file: what nobody heard is called simulated."""
    if not takes_part(config):
        return {}
    if not config["listening"]["responses"]:
        return {table: f"simulated_{table}" for table in TABLES}
    names = {table: f"listening_{table}" for table in TABLES}
    return names | {"table1": "paper_table1"}


def names(config: dict) -> list[str]:
    """Names of all tables of Experiment A."""
    made = tables(config)
    heard = bool(made) and bool(config["listening"]["responses"])
    shares = ["listening_exceedance"] if heard and attributed(config) else []
    return [*made.values(), *(DESIGN_TABLES if made else ()), *shares]
