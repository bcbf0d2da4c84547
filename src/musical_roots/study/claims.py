"""Of each results table that a claim may be held against: its figures, and the jobs behind it.

Only jobs that the workflow times are counted: those that train, vamp and encode. All others take
seconds.
"""

from pathlib import Path

from musical_roots.study import answers
from musical_roots.study.figures import figures
from musical_roots.study.tables import OPENVAMP_TABLES, tables

CORPUS = ("encode/*-train-[0-9]*.tsv", "encode/*-control-[0-9]*.tsv", "train_clmr_open.tsv")
PERTURBED = ("encode/*-perturbed-*.tsv",)
GENERATOR = ("train_openvamp*.tsv", "vamp/*.tsv")
EVERYTHING = ("*.tsv", "encode/*.tsv", "vamp/*.tsv", "code_clips/*.tsv")
# Table -> globs in the folder of benchmarks; what is not named here is of Experiment C.
TIMED = {
    "robustness": (*CORPUS, *PERTURBED, *GENERATOR),
    "retrieval": CORPUS,
    "bins": CORPUS,
    **dict.fromkeys(OPENVAMP_TABLES, GENERATOR),
}


def about(config: dict) -> dict[str, dict[str, list[str]]]:
    """Table -> its figures (names) and its timed jobs (globs), of all tables of a config."""
    drawn = figures(config).items()
    heard = answers.names(config)
    return {
        name: {
            "figures": [figure for figure, one in drawn if Path(one.table).stem == name],
            "timed": list(TIMED.get(name, CORPUS if name in heard else EVERYTHING)),
        }
        for name in tables(config)
    }
