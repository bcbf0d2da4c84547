"""The figures of a config: which table each draws, and where it stands in the report."""

from dataclasses import dataclass

from musical_roots.generators.base import FULL, GENERATORS
from musical_roots.perturb import PERTURBATIONS
from musical_roots.study import answers
from musical_roots.study.clip_sets import active, attributed, coded, pairs
from musical_roots.study.race import raced
from musical_roots.study.retraining import BESIDE
from musical_roots.study.sections import (
    ENCODERS,
    GENERATION,
    INFLUENCE,
    LISTENING,
    ROBUSTNESS,
)

PAPER = "config/paper"  # the paper's published numbers
OPENVAMP_FIGURES = ("openvamp_training", "ngram_overlap")
# Figure of Experiment C -> the table that it draws.
INFLUENCE_FIGURES = {
    "exceedance": "exceedance",
    "calibration": "calibration_curve",
    "planted": "planted",
    "competition": "competition",
    "competition_planted": "competition_planted",
    "prompt_vs_training": "prompt_vs_training",
    "concentration": "lorenz",
    "hubness": "hubness",
    "agreement": "agreement",
}
# Figure of Experiment C -> the paper's own numbers that it shows beside ours.
INFLUENCE_PAPER = {"exceedance": f"{PAPER}/table3.csv"}
# Figure of Experiment A -> the table that it draws, whoever answered.
LISTENING_FIGURES = {
    "listening_agreement": "agreement",
    "listening_curves": "psychometric",
    "listening_people": "people",
}


@dataclass(frozen=True)
class Figure:
    """A figure in the report.

    Attributes
    ----------
    draws : str
        A key of `musical_roots.figures.FIGURES`; its caption is workflow/report/<draws>.rst.
    table : str
        Path of the table that it draws.
    section : str
        Of the report.
    generator : str
        Whose rows it draws; "" for all.
    paper : str
        Path of the paper's own numbers, which it shows beside ours; "" for none.
    """

    draws: str
    table: str
    section: str
    generator: str = ""
    paper: str = ""


def figures(config: dict) -> dict[str, Figure]:
    """The figures of a config, by name."""
    results = config["results"]
    made = {}

    def add(
        draws: str, table: str, section: str, generator: str = "", paper: str = "", name: str = ""
    ) -> None:
        name = name or (f"{draws}_of_{generator}" if generator else draws)
        made[name] = Figure(draws, f"{results}/{table}", section, generator, paper)

    add("robustness", "tables/robustness.csv", ROBUSTNESS, paper=f"{PAPER}/figure1.csv")
    kinds = set(active(config["robustness"]["perturbations"])) & set(PERTURBATIONS)
    if any(PERTURBATIONS[kind].family == "extended" for kind in kinds):
        add("robustness_extended", "tables/robustness.csv", ROBUSTNESS)
    add("robustness_cosine", "tables/robustness.csv", ROBUSTNESS)
    add("retrieval", "tables/retrieval.csv", ENCODERS)
    add("bins", "tables/bins_histogram.csv", ENCODERS)
    if config["generators"]["openvamp"]["activate"]:
        for draws in OPENVAMP_FIGURES:
            add(draws, f"tables/{draws}.csv", GENERATION)
    if "openvamp_small" in pairs(config):
        small = "openvamp_small_training"
        add("openvamp_training", f"tables/{small}.csv", GENERATION, name=small)
    for generator in active(config["generators"]):
        if generator in GENERATORS and generator not in FULL:
            add("vamps", f"vamps/{generator}/000.parquet", GENERATION, generator)
    if raced(config):
        add("race", "tables/race.csv", INFLUENCE)
        for draws in BESIDE:
            add(draws, f"tables/{draws}.csv", INFLUENCE)
    for generator in attributed(config):
        if generator in FULL:
            continue  # its rows are in the tables, and small_training_set.csv says what is other
        for draws, table in INFLUENCE_FIGURES.items():
            paper = INFLUENCE_PAPER.get(draws, "")
            add(draws, f"tables/{table}.csv", INFLUENCE, generator, paper)
    for generator in coded(config):
        add("coded_index", "tables/coded_index.csv", INFLUENCE, generator)
    answered = answers.tables(config)
    for draws, table in LISTENING_FIGURES.items() if answered else ():
        name = answered[table]  # is called simulated where nobody has answered
        made[name] = Figure(draws, f"{results}/tables/{name}.csv", LISTENING)
    for draws in answers.DESIGN_TABLES if answered else ():
        add(draws, f"tables/{draws}.csv", LISTENING)
    return made
