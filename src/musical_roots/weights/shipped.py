"""Weights that an earlier run of this workflow trained, in the place of training them again.

A file is taken only where this run would train the very same: on the same tracks, with the same
sizes, steps and seed, by training of the same version. A GPU or another processor would not repeat
it to the bit; a taken file is the same everywhere.
"""

import logging
import shutil
from pathlib import Path

from musical_roots.atomic import atomic
from musical_roots.errors import InputError
from musical_roots.provenance import TAKEN
from musical_roots.weights import files

log = logging.getLogger("musical_roots")

ASIDE = {"processor", "device"}  # what may differ: a taken file is the same everywhere


def take(shipped: Path | None, out: Path, about: dict, also: tuple[str, ...] = ()) -> bool:
    """Take a file of weights that was trained before, or say why it is trained here.

    Parameters
    ----------
    shipped : path or None
        Folder that may hold one of the name of `out`; None for training in any case.
    out : path
        The file that is wanted.
    about : dict
        What the file of this run's own training would say of itself: trained_on, source, ...
    also : tuple of str
        Names of files that must lie beside it.

    Returns
    -------
    bool
        Whether `out` is there now.
    """
    if shipped is None:
        return False
    reason = difference(shipped / out.name, about)
    lacking = [name for name in also if not (shipped / name).is_file()]
    if reason or lacking:
        log.info("%s: trained here; %s", out.stem, reason or f"no {shipped / lacking[0]}")
        return False
    tensors, told = files.read(shipped / out.name)
    files.save(out, tensors, told | {TAKEN: str(shipped)})
    log.info(
        "%s: taken from %s, where an earlier run trained it on these very %d tracks",
        *(out.stem, shipped, len(about["trained_on"])),
    )
    return True


def difference(path: Path, about: dict) -> str:
    """Why a file of weights is not what this run would train; "" if it is.

    Parameters
    ----------
    path, about
        As of `take`.
    """
    told = files.about_of(path)
    if told is None:
        return f"there is no {path}, or it is damaged"
    heard, wanted = set(told.get("trained_on", ())), set(about["trained_on"])
    if heard != wanted:
        return (
            f"{path} was trained on {len(heard)} tracks, of which {len(heard - wanted)} are not "
            f"among the {len(wanted)} here"
        )
    for key, value in about.items():
        if key not in ASIDE and told.get(key) != value:
            return f"{path} says {key} {told.get(key)}, this run {value}"
    return ""


def ship(names: dict[str, tuple[str, str]], models: Path, tables: Path, out: Path) -> None:
    """Copy what a run trained into a folder, for others to take.

    Parameters
    ----------
    names : dict of str to (str, str)
        File of weights -> its curve, and its card as it is called there; "" for none.
    models, tables : path
        A run's folders.
    out : path
        The folder.

    Raises
    ------
    InputError
        If a file is missing, or was taken from somewhere instead of trained.
    """
    for file, (curve, card) in names.items():
        _, about = files.read(models / file)
        if TAKEN in about:
            raise InputError(
                f"{models / file} was taken from {about[TAKEN]}: there is nothing new to ship; "
                "train it with generators.openvamp.shipped: null (make models)"
            )
        _copy(models / file, out / file)
        if curve:
            _copy(tables / curve, out / curve)
            _copy(models / f"{Path(file).stem}.md", out / card)


def _copy(source: Path, out: Path) -> None:
    if not source.is_file():
        raise InputError(f"{source}: no such file; run the workflow, which makes it")
    out.parent.mkdir(parents=True, exist_ok=True)
    with atomic(out) as temporary:
        shutil.copyfile(source, temporary)
