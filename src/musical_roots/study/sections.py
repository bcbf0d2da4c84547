"""Sections of the report. Snakemake allows no colon in a name."""

CORPUS = "Corpus"
ENCODERS = "Encoders"
ROBUSTNESS = "Experiment B, robustness"
GENERATION = "Generation"
INFLUENCE = "Experiment C, influence"
CLAIMS = "Claims"
PROVENANCE = "Provenance"
