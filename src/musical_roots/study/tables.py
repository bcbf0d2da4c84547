"""The results tables of a config: which there are, and what pieces Experiment C's are made of."""

from musical_roots.study import answers
from musical_roots.study.clip_sets import attributed, coded, pairs
from musical_roots.study.hearing import hearing
from musical_roots.study.race import TABLES as RACE_TABLES
from musical_roots.study.race import raced
from musical_roots.study.retraining import BESIDE

# What of openvamp is measured.
OPENVAMP_TABLES = ("openvamp", "codec", "ngram_overlap")
# Tables of Experiment C that are made for each generator,
BY_GENERATOR = (
    *("exceedance", "calibration", "calibration_curve", "planted", "paired"),
    *("prompt_vs_training", "songs", "evidence", "agreement", "outputs"),
    *("paper_table2", "paper_table3", "top_songs", "competition", "competition_planted"),
)
# and those that are made for each generator and encoder.
BY_ENCODER = ("concentration", "lorenz", "hubness")
# Those that are made for each pair of generators of which one learned from less: under the other.
BY_PAIR = ("small_training_set",)
# Those that are made for each generator through whose codec a part of the corpus goes.
BY_CODEC = ("coded_index",)


def influence_tables(config: dict) -> list[str]:
    """Names of the tables that Experiment C makes of its pieces, if it takes part."""
    if not attributed(config):
        return []
    more = (*(BY_PAIR if pairs(config) else ()), *(BY_CODEC if coded(config) else ()))
    return [*BY_GENERATOR, *BY_ENCODER, *more]


def pieces(config: dict) -> list[tuple[str, str, str]]:
    """What Experiment C's tables are joined from: (table, generator, name of the piece)."""
    encoders = hearing(config, "vamps")
    names = {table: [table] for table in BY_GENERATOR}
    names |= {table: [f"{table}-{encoder}" for encoder in encoders] for table in BY_ENCODER}
    names |= {table: [table] for table in (*BY_PAIR, *BY_CODEC)}
    some = {table: set(pairs(config).values()) for table in BY_PAIR}
    some |= {table: set(coded(config)) for table in BY_CODEC}
    return [
        (table, generator, piece)
        for table in influence_tables(config)
        for generator in attributed(config)
        for piece in names[table]
        if table not in some or generator in some[table]
    ]


def tables(config: dict) -> list[str]:
    """Names of the results tables that claims are held against."""
    names = ["robustness", "retrieval", "bins"]
    names += OPENVAMP_TABLES if config["generators"]["openvamp"]["activate"] else []
    names += [*influence_tables(config), "findings"] if attributed(config) else []
    names += [*RACE_TABLES, *BESIDE] if raced(config) else []
    names += answers.names(config)
    names += ["search_recall"] if config["search"]["approximate"]["activate"] else []
    return names
