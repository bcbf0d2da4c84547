"""What of a config is retrained on halves of the train split, and where its truth comes from."""

import os
from dataclasses import dataclass

from musical_roots.experiments.counterfactual import MORE

BESIDE = ("dose", "lengths")  # tables that are shown, where they lie beside a truth
FILES = ("members.parquet", "losses.parquet", "track_losses.parquet", "about.json")  # of a truth


@dataclass(frozen=True)
class Retraining:
    """Models on halves of the train split.

    Attributes
    ----------
    shards : tuple of str
        Parts of the models; none where there is no openvamp whose outputs are asked after.
    made : tuple of str
        Files of the truth that this run makes, if it is asked to.
    taken_from : str
        Folder of the truth that results are held against: of an earlier run, or this one's.
    sources : tuple of str
        Its files: what is there of an earlier run's, all of this one's.
    truth : tuple of str
        What becomes of them: the truth as far as it speaks of this study; none without shards.
    more : tuple of str
        What this run makes beside a truth, if it is asked to.
    beside : dict of str to tuple of str
        Tables that lie beside the truth that is taken, by what they are called in `tables`: one
        file each, or none.
    """

    shards: tuple[str, ...]
    made: tuple[str, ...]
    taken_from: str
    sources: tuple[str, ...]
    truth: tuple[str, ...]
    more: tuple[str, ...]
    beside: dict[str, tuple[str, ...]]


def retraining(config: dict) -> Retraining:
    """The retraining of a config."""
    section, folder = config["counterfactual"], f"{config['results']}/counterfactual"
    takes_part = config["generators"]["openvamp"]["activate"]
    made = tuple(f"{folder}/{name}" for name in FILES) if takes_part else ()
    shipped = [f"{section['shipped']}/{name}" for name in FILES]
    return Retraining(
        tuple(f"{shard:03d}" for shard in range(section["shards"])) if takes_part else (),
        made,
        section["shipped"] or folder,
        tuple(filter(os.path.isfile, shipped)) if section["shipped"] else made,
        tuple(f"{folder}/truth/{name}" for name in FILES) if takes_part else (),
        tuple(f"{folder}/{name}" for name in MORE) if takes_part else (),
        {name: _beside(section["shipped"], folder, name) for name in BESIDE} if takes_part else {},
    )


def _beside(shipped: str | None, folder: str, name: str) -> tuple[str, ...]:
    """A table that lies beside a truth, if it is there: none is made because it is shown."""
    path = f"{shipped or folder}/{name}.csv"
    return (path,) if os.path.isfile(path) else ()
