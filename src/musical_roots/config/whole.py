"""The whole config: its sections, and what must hold between them.

A new section is a model in a file beside this one, and a line in `Config`.
"""

from pydantic import Field, model_validator

from musical_roots.config.base import Path, Section
from musical_roots.config.corpus import Clips, Corpus
from musical_roots.config.counterfactual import Counterfactual
from musical_roots.config.encoders import Encode, Encoders
from musical_roots.config.experiments import Bins, Influence, Robustness, Search
from musical_roots.config.generators import Generation, Generators
from musical_roots.config.listening import Listening
from musical_roots.generators.base import FULL

SPLICED = "periodic"  # keeps little of a prompt; chosen once it was seen that paper_time keeps most


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
    bins: Bins = Bins()
    robustness: Robustness = Robustness()
    influence: Influence = Field(
        Influence(),
        description="Whether Experiment C takes part; it wants a generator and a control split.",
    )
    counterfactual: Counterfactual = Counterfactual()
    listening: Listening = Field(Listening(), description="Whether Experiment A takes part.")

    @model_validator(mode="after")
    def _lengths_fit(self):
        if self.corpus.minimum_s > self.corpus.maximum_s:
            raise ValueError(
                f"corpus.minimum_s, {self.corpus.minimum_s:g}, is more than corpus.maximum_s, "
                f"{self.corpus.maximum_s:g}: no recording can be so long; mend one of them"
            )
        made, clip = self.generation.duration_s, self.clips.duration_s
        if made < clip and any(generator.activate for _, generator in self.generators):
            raise ValueError(
                f"generation.duration_s, {made:g}, is less than clips.duration_s, {clip:g}: "
                "outputs are cut into clips; raise the one, or lower the other"
            )
        splices = self.robustness.perturbations.splice_crossfade
        for key, fade in (
            ("crossfade_s", self.robustness.crossfade_s),
            ("perturbations.splice_crossfade.crossfade_s", splices.crossfade_s),
        ):
            if fade > clip:
                raise ValueError(
                    f"robustness.{key}, {fade:g}, is more than clips.duration_s, {clip:g}: no clip "
                    "has room for it; lower it"
                )
        return self

    @model_validator(mode="after")
    def _vamps_there(self):
        splice = self.robustness.perturbations.splice_vamp
        there = any(part.activate for name, part in self.generators if name != "external")
        if splice.activate is None:
            splice.activate = there
        if splice.activate and not there:
            raise ValueError(
                "robustness.perturbations.splice_vamp wants vamps, and no generator that makes "
                "them is active: activate one, or set the activate of splice_vamp to null"
            )
        settings = [name for name, setting in self.generation.settings.items() if setting.activate]
        if there and not settings:
            raise ValueError(
                "generation.settings: a generator vamps in one of them at least, and none is active"
            )
        if splice.setting is None and settings:
            splice.setting = SPLICED if SPLICED in settings else settings[0]
        if splice.activate and splice.setting not in settings:
            raise ValueError(
                f"robustness.perturbations.splice_vamp.setting: {splice.setting} is no active one "
                f"of generation.settings; choose from {', '.join(settings)}, or null"
            )
        return self

    @model_validator(mode="after")
    def _settings_there(self):
        there = [name for name, one in self.generation.settings.items() if one.activate]
        for small in FULL:
            section = getattr(self.generators, small)
            if section.settings is None:
                asked = [*there[:1], self.robustness.perturbations.splice_vamp.setting]
                section.settings = [name for name in there if name in asked]
            given = set(section.settings)
            if section.activate and not (given and given <= set(there)):
                raise ValueError(
                    f"generators.{small}.settings: {section.settings} must be of the settings that "
                    f"take part: {', '.join(there)}"
                )
        return self

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
