"""What of a config is there for readers: its notebooks, and tables that answer their questions."""

from dataclasses import dataclass

from musical_roots.study import answers
from musical_roots.study.clip_sets import attributed
from musical_roots.study.figures import figures
from musical_roots.study.race import raced
from musical_roots.study.sections import CORPUS, INFLUENCE, LISTENING, ROBUSTNESS
from musical_roots.study.stimuli import stimuli
from musical_roots.study.tables import tables

# Beside the results tables: of the corpus,
CORPUS_TABLES = ("corpus/tracks.csv", "corpus/rejected.csv")
# and what single items cost (`benchmarks/paper_scale.py`).
COSTS = "benchmarks/paper_scale.csv"


@dataclass(frozen=True)
class Notebook:
    """A notebook of notebooks/.

    Attributes
    ----------
    section : str
        Of the report.
    needs : tuple of str
        Paths of the tables and figures that it reads.
    """

    section: str
    needs: tuple[str, ...]


def notebooks(config: dict) -> dict[str, Notebook]:
    """The notebooks of a config, by name: one an experiment, and one on music of one's own."""
    results, drawn = config["results"], figures(config)
    known = [f"{results}/tables/{name}.csv" for name in tables(config)]
    corpus = [f"{results}/{name}" for name in CORPUS_TABLES]
    made = {}

    def add(name: str, section: str, needs: list[str], pictures: list[str]) -> None:
        shown = [f"{results}/figures/{one}.png" for one in pictures if one in drawn]
        made[name] = Notebook(section, (*needs, *shown))

    if answers.tables(config):
        kept = [name for name, figure in drawn.items() if figure.section == LISTENING]
        add("experiment_a", LISTENING, known, kept)
    if stimuli(config).arms:
        arms = [f"{results}/listening/{arm}/trials.csv" for arm in stimuli(config).arms]
        add("listening", LISTENING, [*arms, f"{results}/tables/bins.csv"], ["bins"])
    add("experiment_b", ROBUSTNESS, [*known, *corpus], ["robustness", "robustness_extended"])
    if attributed(config):
        of = [name for name, figure in drawn.items() if figure.section == INFLUENCE]
        add("experiment_c", INFLUENCE, [*known, *corpus], of)
    if raced(config):
        add("race", INFLUENCE, known, ["race"])
    add("your_own", CORPUS, corpus, [])
    return made


def asked_tables(config: dict) -> list[str]:
    """The tables from which readers' questions are answered."""
    results = config["results"]
    return [
        *(f"{results}/tables/{name}.csv" for name in tables(config)),
        *(f"{results}/{name}" for name in CORPUS_TABLES),
        COSTS,
    ]
