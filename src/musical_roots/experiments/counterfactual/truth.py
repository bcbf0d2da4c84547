"""The truth by retraining, as tables: joined by the run that made it, taken by studies that fit it.

It speaks of one generator, its training tokens, and outputs by their tokens. Where these are not
those of the study at hand, its tables are empty there, and a sentence says why.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from musical_roots.arrays import read_json
from musical_roots.errors import InputError
from musical_roots.experiments.counterfactual.halves import seed_of
from musical_roots.provenance import environment
from musical_roots.tables import read_table, write_table
from musical_roots.weights import files

TEXT, WHOLE, REAL = "str", "int64", "float64"
TABLES = {
    "members": {"model": TEXT, "design": TEXT, "half": WHOLE, "seed_number": WHOLE}
    | {"track_id": TEXT, "inside": "bool"},
    "losses": {"model": TEXT, "output_id": TEXT, "loss": REAL, "n_tokens": WHOLE},
    "track_losses": {"model": TEXT, "track_id": TEXT, "loss": REAL},
}
TAKEN = TABLES | {"losses": TABLES["losses"] | {"relative": REAL}}
LEAST_SHARE = 0.5  # of a study's outputs that a truth must speak of
ABOUT = "about.json"
SAID = ("generator", "tokens", "outputs", "made")  # what it says of itself, at least
MAKE = "make counterfactual"
# what the file of the generator's weights says of their training
TRAINING = ("source", "trained_on", "codec", "size", "steps", "batch", "precision", "version")


def fingerprints(generator: dict, tokens: Mapping[str, np.ndarray], outputs: pd.DataFrame) -> dict:
    """What a truth speaks of.

    Parameters
    ----------
    generator : dict
        What the file of its weights says of itself.
    tokens : mapping of str to ndarray, int [codebooks, frames]
        Of the train split.
    outputs : DataFrame
        output_id, tokens_digest (of `generate.tokens_digest`).

    Returns
    -------
    dict
        generator (of it what says how it was trained), tokens (their digest), outputs (output_id to
        tokens_digest).
    """
    return {
        "generator": {key: generator.get(key) for key in TRAINING},
        "tokens": files.digest(dict(tokens)),
        "outputs": dict(zip(outputs.output_id, outputs.tokens_digest, strict=True)),
    }


def joined(
    members: pd.DataFrame, losses: pd.DataFrame, track_losses: pd.DataFrame, outputs: pd.DataFrame
) -> dict[str, pd.DataFrame]:
    """The tables of a truth, from those of all its jobs.

    Parameters
    ----------
    members : DataFrame
        Of `halves.members`.
    losses, track_losses : DataFrame
        Of `losses.of_models`.
    outputs : DataFrame
        output_id: what was asked after.

    Returns
    -------
    dict
        The keys of `TABLES`.

    Raises
    ------
    InputError
        If a model is lacking, or an output that was not asked after is there.
    """
    lacking = set(members.model) ^ (set(losses.model) & set(track_losses.model))
    other = set(losses.output_id) - set(outputs.output_id)
    if lacking or other:
        raise InputError(
            f"counterfactual: losses of {len(lacking)} models are lacking, and of {len(other)} "
            "outputs too many; delete the folder counterfactual/losses, and run again"
        )
    return {"members": members, "losses": losses, "track_losses": track_losses}


def about(
    members: pd.DataFrame,
    speaks_of: dict,
    processors: Iterable[str],
    seed: int,
    masks: int,
    precision: str,
    command: str,
) -> dict:
    """What a truth says of itself: of what it speaks, how it was made, and on what machines.

    Parameters
    ----------
    members : DataFrame
        Of `halves.members`.
    speaks_of : dict
        Of `fingerprints`.
    processors : iterable of str
        Of `processors`.
    seed, masks, precision
        What it was made with.
    command : str
        That makes it.
    """
    numbers = sorted(set(members.seed_number.tolist()))
    designs = members.groupby("design", sort=False)
    made = {
        "seed": seed,
        "seeds": [seed_of(seed, number) for number in numbers],
        "masks": masks,
        "precision": precision,
        "models": designs.model.nunique().to_dict(),
        "halves": designs.half.nunique().to_dict(),
        "command": command,
    }
    made |= environment() | {"processor": "; ".join(sorted(set(processors)))}
    return speaks_of | {"made": made}


def processors(retrained: Path, members: pd.DataFrame) -> list[str]:
    """What each retrained model was trained on, by its file: a processor or GPU, or "unknown"."""
    models = members.model.unique()
    said = (files.about_of(retrained / f"{model}.safetensors") or {} for model in models)
    return [about.get("processor", "unknown") for about in said]


def taken(folder: Path, here: dict) -> tuple[dict[str, pd.DataFrame], dict]:
    """The truth of a folder, as far as it speaks of the study at hand.

    Parameters
    ----------
    folder : path
        With the files of a truth; it may be missing.
    here : dict
        `fingerprints` of the study at hand.

    Returns
    -------
    tables : dict
        `TAKEN`: losses have a column relative, too, the loss less its model's mean over all outputs
        of the truth. Without rows, where it speaks of something else; losses of outputs whose
        tokens are others are left out.
    told : dict
        matches, reason ("" where it does), folder, outputs (how many it speaks of), outputs_here
        (how many there are), made.

    Raises
    ------
    InputError
        If what it says of itself is not what a truth says.
    """
    said = said_of(folder)
    reason = difference(folder, said, here)
    known = said.get("outputs", {})
    same = [name for name, digest in here["outputs"].items() if known.get(name) == digest]
    told = {"matches": not reason, "reason": reason, "folder": str(folder)}
    told |= {"outputs": 0 if reason else len(same), "outputs_here": len(here["outputs"])}
    if reason:
        return {name: _empty(name) for name in TAKEN}, told | {"made": {}}
    tables = read(folder)
    losses = relative(tables["losses"])  # before any is left out: it is the same mean output
    tables["losses"] = losses[losses.output_id.isin(same)]
    return tables, told | {"made": said["made"]}


def said_of(folder: Path) -> dict:
    """What the truth of a folder says of itself; nothing, if there is none.

    Raises
    ------
    InputError
        If it is damaged, or what is said of a truth that a study took.
    """
    path = folder / ABOUT
    if not path.is_file():
        return {}
    try:
        said = read_json(path)
    except ValueError as error:
        raise InputError(f"{path}: no JSON ({error}); copy it again, or {MAKE}") from error
    lacking = [key for key in SAID if key not in said]
    if lacking:
        raise InputError(
            f"{path}: says nothing of {', '.join(lacking)}, so it is no truth that was made; name"
            f" the folder that one was made in, not what a study took of it, or {MAKE}"
        )
    return said


def difference(folder: Path, said: dict, here: dict) -> str:
    """Why a truth says nothing of the study at hand, in a sentence; "" if it speaks of it.

    Parameters
    ----------
    folder : path
        Where it lies.
    said : dict
        What it says of itself; nothing, if there is none.
    here : dict
        `fingerprints` of the study at hand.
    """
    if not said:
        return f"There is no truth by retraining in {folder}; it is made with: {MAKE}."
    start = f"The truth by retraining in {folder} speaks of"
    for key, value in here["generator"].items():
        told = said["generator"].get(key)
        if told != value and key == "trained_on":
            return f"{start} a generator that was trained on other tracks."
        if told != value:
            return f"{start} a generator whose {key} is {told}, where here it is {value}."
    if said["tokens"] != here["tokens"]:
        return f"{start} training tracks with other tokens."
    outputs = here["outputs"]
    same = sum(said["outputs"].get(name) == digest for name, digest in outputs.items())
    if not same:
        return f"{start} other outputs: none of the {len(outputs)} here has their tokens."
    if same < LEAST_SHARE * len(outputs):
        return (
            f"{start} other outputs: only {same} of the {len(outputs)} here have their tokens,"
            f" fewer than {100 * LEAST_SHARE:.0f} %."
        )
    return ""


def relative(losses: pd.DataFrame) -> pd.DataFrame:
    """Losses with a column relative: each model's mean over all of its outputs taken off."""
    means = losses.groupby("model").loss.transform("mean")
    return losses.assign(relative=losses.loss - means)


def read(folder: Path) -> dict[str, pd.DataFrame]:
    """The tables of a truth that lies in a folder."""
    return {name: read_table(folder / f"{name}.parquet", list(TABLES[name])) for name in TABLES}


def read_taken(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame, dict]:
    """Members, losses, and what is told of them: of `taken`, from where that was written.

    Raises
    ------
    InputError
        If it is the folder of a truth that was made.
    """
    told = read_json(folder / ABOUT)
    if "reason" not in told:
        raise InputError(
            f"{folder}: a truth as it was made; give what a study took of it, by"
            " python -m musical_roots counterfactual take"
        )
    return *(read_table(folder / f"{name}.parquet") for name in ("members", "losses")), told


def write(
    tables: dict[str, pd.DataFrame], paths: dict[str, Path], columns: Mapping[str, dict] = TABLES
) -> None:
    """Write the tables of a truth, each to its path, with the columns and types of `columns`."""
    for name, path in paths.items():
        write_table(tables[name][list(columns[name])].astype(columns[name]), path)


def _empty(name: str) -> pd.DataFrame:
    return pd.DataFrame(columns=list(TAKEN[name])).astype(TAKEN[name])
