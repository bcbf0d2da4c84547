"""The whole config: its sections, and what must hold between them.

A new section is a model in a file beside this one, and a line in `Config`.
"""

from pydantic import Field, model_validator

from musical_roots.config.base import Path, Section
from musical_roots.config.corpus import Clips, Corpus
from musical_roots.config.encoders import Encode, Encoders
from musical_roots.config.experiments import Influence, Robustness, Search
from musical_roots.config.generators import Generation, Generators


class Config(Section):
    """The whole config."""

    seed: int = Field(20240125, description="The one seed; every random draw derives from it.")
    results: Path = Field(
        "results",
        description="Folder for what this study makes. Give each config that has another corpus a "
        "folder of its own.",
    )
    cache: Path = Field("resources", description="Folder for downloads: packages, weights.")
    corpus: Corpus = Corpus()
    clips: Clips = Clips()
    encode: Encode = Encode()
    encoders: Encoders = Encoders()
    generators: Generators = Generators()
    generation: Generation = Generation()
    search: Search = Search()
    robustness: Robustness = Robustness()
    influence: Influence = Field(
        Influence(),
        description="Whether Experiment C takes part; it wants a generator and a control split.",
    )

    @model_validator(mode="after")
    def _codec_there(self):
        codec = self.robustness.perturbations.codec
        there = getattr(self.generators, codec.generator).activate
        if codec.activate is None:
            codec.activate = there
        if codec.activate and not there:
            raise ValueError(
                f"robustness.perturbations.codec wants generators.{codec.generator}, which is not "
                "active: activate it, name another generator, or set the codec's activate to false"
            )
        return self
