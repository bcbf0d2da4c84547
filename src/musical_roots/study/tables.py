"""The results tables of a config: which there are, and what pieces Experiment C's are made of."""

from musical_roots.study import answers
from musical_roots.study.clip_sets import active, attributed

# What of openvamp is measured.
OPENVAMP_TABLES = ("openvamp", "codec", "ngram_overlap")
# Tables of Experiment C that are made for each generator,
BY_GENERATOR = (
    *("exceedance", "calibration", "calibration_curve", "planted", "paired"),
    *("prompt_vs_training", "songs", "evidence", "agreement", "outputs"),
)
# and those that are made for each generator and encoder.
BY_ENCODER = ("concentration", "lorenz", "hubness")
INFLUENCE_TABLES = (*BY_GENERATOR, *BY_ENCODER)


def pieces(config: dict) -> list[tuple[str, str, str]]:
    """What Experiment C's tables are joined from: (table, generator, name of the piece)."""
    encoders = active(config["encoders"])
    names = {table: [table] for table in BY_GENERATOR}
    names |= {table: [f"{table}-{encoder}" for encoder in encoders] for table in BY_ENCODER}
    return [
        (table, generator, piece)
        for table in INFLUENCE_TABLES
        for generator in attributed(config)
        for piece in names[table]
    ]


def tables(config: dict) -> list[str]:
    """Names of the results tables that claims are held against."""
    names = ["robustness", "retrieval"]
    names += OPENVAMP_TABLES if config["generators"]["openvamp"]["activate"] else []
    names += [*INFLUENCE_TABLES, "findings"] if attributed(config) else []
    names += answers.names(config)
    return names
