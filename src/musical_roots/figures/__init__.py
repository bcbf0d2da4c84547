"""Figures: each draws one results table, and writes SVG and PNG with the same bytes every time.

A new figure is one function from a table (and the paper's own, if it stands beside one) to a
`Figure`, in the file of its experiment, and one line in `FIGURES`; which tables a study draws is in
`study/figures.py`. Its headline says what is seen, in numbers of the table.
"""

import os
from collections.abc import Callable
from pathlib import Path

import matplotlib
import pandas as pd
from matplotlib.figure import Figure

from musical_roots.atomic import atomic
from musical_roots.figures import (
    bins,
    concentration,
    dose,
    generation,
    influence,
    listening,
    planted,
    race,
    retrieval,
    robustness,
)
from musical_roots.figures.carried import carry
from musical_roots.figures.looks import add_line

FIGURES: dict[str, Callable[..., Figure]] = {
    "robustness": robustness.robustness,
    "robustness_extended": robustness.robustness_extended,
    "robustness_cosine": robustness.robustness_cosine,
    "bins": bins.bins,
    "retrieval": retrieval.retrieval,
    "openvamp_training": generation.openvamp_training,
    "ngram_overlap": generation.ngram_overlap,
    "vamps": generation.vamps,
    "exceedance": influence.exceedance,
    "calibration": influence.calibration,
    "planted": planted.planted,
    "competition": planted.competition,
    "competition_planted": planted.competition_planted,
    "prompt_vs_training": influence.prompt_vs_training,
    "coded_index": influence.coded_index,
    "concentration": concentration.concentration,
    "hubness": concentration.hubness,
    "agreement": influence.agreement,
    "race": race.race,
    "dose": dose.dose,
    "lengths": dose.lengths,
    "listening_agreement": listening.agreement,
    "listening_curves": listening.curves,
    "listening_people": listening.people,
    "simulated_power": listening.power,
    "simulated_coverage": listening.coverage,
}


def draw(
    name: str, table: pd.DataFrame, svg: Path, png: Path, paper: pd.DataFrame | None = None
) -> None:
    """Draw the figure called `name` from its table, and write both files.

    Parameters
    ----------
    name : str
        A key of `FIGURES`.
    table : DataFrame
        That it draws; the PNG carries its numbers (`carried.carried`).
    svg, png : Path
        The files.
    paper : DataFrame, optional
        The paper's own numbers (``config/paper``), for a figure that stands beside one of its.
    """
    # No date and no random ids in the files: the same table gives the same bytes.
    os.environ["SOURCE_DATE_EPOCH"] = "0"
    matplotlib.rcParams.update({"svg.hashsalt": "musical-roots", "svg.fonttype": "none"})
    matplotlib.rcParams.update(
        {"font.size": 9, "axes.spines.top": False, "axes.spines.right": False}
    )
    figure = FIGURES[name](table) if paper is None else FIGURES[name](table, paper)
    # as its label says, random weights are never shown as the real ones
    if "generator" in table and table.generator.nunique() == 1:
        add_line(figure, table.generator.iloc[0])
    numbers = {"pil_kwargs": {"pnginfo": carry(table)}}
    for path, how in ((svg, {"metadata": {"Date": None}}), (png, numbers)):
        with atomic(path) as temporary:
            figure.savefig(temporary, format=path.suffix[1:], dpi=150, **how)
