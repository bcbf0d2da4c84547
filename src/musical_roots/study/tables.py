"""The results tables of a config: which there are, and what parts Experiment C's are made of."""

from musical_roots.study.clip_sets import active, attributed

# What of openvamp is measured.
OPENVAMP = ("openvamp", "codec", "ngram_overlap")
# Tables of Experiment C that are made for each generator,
BY_GENERATOR = (
    *("exceedance", "calibration", "calibration_curve", "planted", "paired"),
    *("prompt_vs_training", "songs", "evidence", "agreement", "outputs"),
)
# and those that are made for each generator and encoder.
BY_ENCODER = ("concentration", "lorenz", "hubness")
INFLUENCE = (*BY_GENERATOR, *BY_ENCODER)


def parts(config: dict) -> list[tuple[str, str, str]]:
    """Parts that Experiment C's tables are joined from: (table, generator, name of the part)."""
    encoders = active(config["encoders"])
    names = {table: [table] for table in BY_GENERATOR}
    names |= {table: [f"{table}-{encoder}" for encoder in encoders] for table in BY_ENCODER}
    return [
        (table, generator, part)
        for table in INFLUENCE
        for generator in attributed(config)
        for part in names[table]
    ]


def tables(config: dict) -> list[str]:
    """Names of the results tables that claims are held against."""
    names = ["robustness", "retrieval"]
    names += OPENVAMP if config["generators"]["openvamp"]["activate"] else []
    names += [*INFLUENCE, "findings"] if attributed(config) else []
    return names
