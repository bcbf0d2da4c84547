"""Model cards: of a model that the workflow trained, on what, how, and how good it is."""

import numpy as np
import pandas as pd

from musical_roots.provenance import TAKEN

WHAT = {
    "openvamp": "A masked acoustic token model with its codec, trained on nothing but the "
    "recordings below: a generator whose training set is known.",
    "openvamp_small": "openvamp once more, trained on a part of its training set, with the same "
    "codec, network and steps: what differs is the training set alone.",
    "clmr_open": "SampleCNN trained with CLMR's objective (Spijkervet and Burgoyne 2021) on "
    "nothing but the recordings below: an encoder whose training set is known.",
}
STEP = {  # what one of its training steps sees
    "openvamp": "crops a step",
    "openvamp_small": "crops a step",
    "clmr_open": "tracks a step, two views each",
}
ROWS = 12  # of a training curve


def card(
    name: str,
    about: dict,
    tracks: pd.DataFrame,
    command: str,
    tables: dict[str, pd.DataFrame],
    vamps: str = "",
) -> str:
    """A model card, in Markdown.

    Parameters
    ----------
    name : str
        A key of `WHAT`.
    about : dict
        What the weights' file says of itself: trained_on, steps, batch, precision, processor, ...
    tracks : DataFrame
        tracks.csv: credits of what it was trained on.
    command : str
        That trains it anew.
    tables : dict
        Heading -> table of results; of a curve (with a column `step`) some rows are shown.
    vamps : str
        What is said of a generator's vamps: see `expected.told`.

    Returns
    -------
    str
    """
    heard = tracks[tracks.track_id.isin(about["trained_on"])].sort_values(["artist", "title"])
    licences = heard.licence.value_counts().sort_index()
    taken = about.get(TAKEN)
    facts = {
        "these weights": f"taken from {taken}, where an earlier run trained them, as follows"
        if taken
        else "trained by the run that wrote this card",
        "recordings": f"{len(heard)}, {heard.duration_s.sum() / 3600:.1f} h, "
        f"{heard.artist.nunique()} artists",
        "their licences": ", ".join(f"{name} ({count})" for name, count in licences.items()),
        "trained with": f"`{command}`",
        "on": about["processor"],
        "steps": f"{about['steps']}, {about['batch']} {STEP[name]}",
        "precision": about["precision"],
        "seed": about["source"].rpartition(" ")[2],
    } | ({"its vamps": vamps} if vamps else {})
    parts = [
        f"# {name}",
        WHAT[name],
        table_text(pd.DataFrame(facts.items(), columns=["", "training"])),
    ]
    for heading, table in tables.items():
        if "step" in table and len(table) > ROWS:
            table = table.iloc[np.linspace(0, len(table) - 1, ROWS).round().astype(int)]
        parts += [f"## {heading}", table_text(table)]
    credits = "\n".join(f"- {line}" for line in heard.attribution)
    parts += ["## Trained on", credits]
    return "\n\n".join(parts) + "\n"


def table_text(table: pd.DataFrame) -> str:
    """A table in Markdown."""
    shown = table.rename(columns=lambda name: name.replace("_", " "))
    return shown.to_markdown(index=False, floatfmt=".4g", intfmt="")
