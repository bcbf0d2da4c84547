"""What of a config is raced against a truth by retraining: openvamp's vamps, by every method."""

import os
from dataclasses import dataclass

from musical_roots.study.clip_sets import ClipSet, attributed, clip_sets
from musical_roots.study.hearing import hearing

GENERATOR = "openvamp"
TABLES = ("race", "removal", "race_findings")
GRADIENTS = "gradient_scores.parquet"  # beside the truth


@dataclass(frozen=True)
class Race:
    """Methods that are held against the truth, and what they need.

    Attributes
    ----------
    results : str
        The study's folder.
    clip_sets : dict
        Of the study.
    encoders : tuple of str
        That hear the vamps; none where there is no race.
    hear_coded : tuple of str
        Those of them that hear training clips after the codec.
    truth : tuple of str
        Files of the truth, taken or empty.
    gradients : tuple of str
        Scores by gradients: those that lie beside the truth, or where this run makes the truth, its
        own.
    """

    results: str
    clip_sets: dict[str, ClipSet]
    encoders: tuple[str, ...]
    hear_coded: tuple[str, ...]
    truth: tuple[str, ...]
    gradients: tuple[str, ...]

    @property
    def vamps(self) -> list[str]:
        """Lists of the vamps."""
        shards = self.clip_sets[f"vamps-{GENERATOR}"].shards if self.encoders else ()
        return [f"{self.results}/vamps/{GENERATOR}/{shard}.parquet" for shard in shards]

    @property
    def scores(self) -> list[str]:
        """Scores of all methods."""
        names = (*self.encoders, "tokens") if self.encoders else ()
        made = [f"{self.results}/counterfactual/scores/{name}.parquet" for name in names]
        return [*made, *self.gradients]

    def outputs(self, encoder: str) -> list[str]:
        """Embeddings of the vamps."""
        return self.clip_sets[f"vamps-{GENERATOR}"].embeddings(encoder)

    def corpus(self, encoder: str) -> list[str]:
        """Embeddings of the training clips as they are."""
        return self.clip_sets["train"].embeddings(encoder)

    def null(self, encoder: str) -> list[str]:
        """Nearest training clips of control music after the codec."""
        return self.clip_sets[f"control_roundtrip-{GENERATOR}"].influence("nearest", [encoder])

    def coded(self, encoder: str) -> list[str]:
        """Embeddings of training clips after the codec; none, if the encoder hears none."""
        if encoder not in self.hear_coded:
            return []
        return self.clip_sets[f"coded-train-{GENERATOR}"].embeddings(encoder)

    def coded_null(self, encoder: str) -> list[str]:
        """Nearest of these of control music; none, if the encoder hears none."""
        if encoder not in self.hear_coded:
            return []
        clips = self.clip_sets[f"control_roundtrip-{GENERATOR}"]
        return clips.influence(f"coded-{GENERATOR}/nearest", [encoder])

    @property
    def indexes(self) -> list[str]:
        """Which training clips went through the codec; none, if the study has none."""
        there = f"coded-train-{GENERATOR}" in self.clip_sets
        return [f"{self.results}/influence/coded-{GENERATOR}/indexes.parquet"] if there else []


def race(config: dict) -> Race:
    """The race of a config."""
    there = raced(config)
    folder = f"{config['results']}/counterfactual/truth"
    files = [f"{folder}/{name}" for name in ("members.parquet", "losses.parquet", "about.json")]
    shipped = config["counterfactual"]["shipped"]
    gradients = f"{shipped or config['results'] + '/counterfactual'}/{GRADIENTS}"
    sets, coded = clip_sets(config), f"coded-train-{GENERATOR}"
    return Race(
        config["results"],
        sets,
        tuple(hearing(config, f"vamps-{GENERATOR}")) if there else (),
        tuple(hearing(config, coded)) if there and coded in sets else (),
        tuple(files) if there else (),
        (gradients,) if there and (not shipped or os.path.isfile(gradients)) else (),
    )


def raced(config: dict) -> bool:
    """Whether there are vamps of openvamp that Experiment C asks after."""
    return GENERATOR in attributed(config)
