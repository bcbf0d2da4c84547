"""Sections `search`, `bins`, `robustness` and `influence`: what the experiments measure."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from musical_roots.config.base import Count, Seconds, Section, Share, Switch
from musical_roots.errors import InputError
from musical_roots.generators.base import FULL, GENERATORS


class Approximate(Switch):
    """Search by inverted lists, whose recall is measured beside it."""

    activate: bool = Field(
        False,
        description="Whether Experiments B and C search by inverted lists; else all clips are "
        "looked at.",
    )
    quantiser: Literal["pq", "rabitq", "sq"] = Field(
        "pq", description="What a clip's vector is coded by (`search/codes.py`)."
    )
    recall: Share = Field(
        0.99,
        description="Share of the 50 nearest that should be found; the plan that is made for it "
        "says what is.",
    )
    trial_queries: Count = Field(
        500, description="Queries of the study that a plan is tried on, at most."
    )


class Search(Section):
    """How neighbours are found."""

    k: Count = Field(50, description="Matches a query.")
    approximate: Approximate = Field(
        Approximate(),
        description="Whether Experiments B and C search by inverted lists; else all clips are "
        "looked at.",
    )


class Bins(Section):
    """The paper's bins of cosine."""

    clips: Count = Field(
        1000, description="Clips of train, drawn by the seed, whose cosines to others are binned."
    )


class Perturbation(Switch):
    """One kind of perturbation."""

    levels: list[float | int] = Field(
        [],  # `Perturbations` puts the kind's own in its place
        min_length=1,
        description="Levels, in the unit of the kind; see `perturb.py`.",
    )


SPLICES = list(range(5, 100, 5))


def _kind(levels: list[float], what: str) -> Any:
    return Field(Perturbation(levels=levels), description=what)


class RoundTrip(Perturbation):
    """A generator's codec, without generation."""

    activate: bool | None = Field(
        None, description="Whether it takes part; null for yes, where its generator does."
    )

    generator: Literal[tuple(name for name in GENERATORS if name not in FULL)] = Field(
        "openvamp", description="Whose codec."
    )


class OutsideSplice(Section):
    """The clips of `splice_training`, where the other clip's track cannot be found."""

    activate: bool | None = Field(
        None, description="Whether it takes part; null for yes, where splice_training does."
    )


class VampSplice(Perturbation):
    """A prompt's clip, then its vamp."""

    activate: bool | None = Field(
        None, description="Whether it takes part; null for yes, where a generator gives vamps."
    )
    setting: str | None = Field(
        None,
        description="Of the vamps: a name in generation.settings; null for `periodic`, or, where "
        "that is not active, the first. The more of a prompt it keeps, the easier it is found.",
    )


class CrossfadedSplice(Perturbation):
    """A splice that is not cut hard."""

    crossfade_s: Seconds = Field(0.01, description="Length of its cross-fade, in seconds.")


class Perturbations(Section):
    """Kinds and levels. The first six are the paper's, on its grid and with the identity."""

    pitch: Perturbation = _kind([-12, -9, -6, -3, -1, 0, 1, 3, 6, 9, 12], "Pitch shift, semitones.")
    stretch: Perturbation = _kind([-20, -10, -5, -1, 0, 1, 5, 10, 20], "Tempo, percent.")
    noise: Perturbation = _kind(
        [-30, -24, -18, -12, -6, -3, -1, 0, 1, 3, 6, 9, 12, 18, 24, 30],
        "White noise over the clip, dB; -30 is the quietest.",
    )
    splice_training: Perturbation = _kind(
        SPLICES, "The first percent of the clip, then another track's, from the same place of it."
    )
    splice_outside: OutsideSplice = Field(
        OutsideSplice(),
        description="The same audio, searched for where the other track, and its near duplicates, "
        "cannot be found; its levels are those of splice_training.",
    )
    splice_vamp: VampSplice = Field(
        VampSplice(levels=SPLICES),
        description="The first percent of a train prompt's first clip, then its vamp: of each "
        "generator, the first vamp in one setting; `queries` prompts at most.",
    )
    splice_crossfade: CrossfadedSplice = Field(
        CrossfadedSplice(levels=[25, 50, 75]),
        description="As splice_training, with a cross-fade of equal power at the cut.",
    )
    mix: Perturbation = _kind(
        [-20, -10, 0, 10, 20], "Mix with a clip of another track; dB above that clip."
    )
    mp3: Perturbation = _kind([32, 128], "MP3 round trip, kbit/s.")
    opus: Perturbation = _kind([16, 64], "Opus round trip, kbit/s.")
    lowpass: Perturbation = _kind([1000, 3000, 8000], "Low-pass, cut-off in Hz.")
    reverb: Perturbation = _kind([0.3, 3.0], "Reverberation, RT60 in seconds.")
    gain: Perturbation = _kind([-20, 0, 20], "Gain with hard clipping, dB.")
    crop: Perturbation = _kind([0.5, 1.5], "Shift of the clip grid, seconds.")
    codec: RoundTrip = Field(
        RoundTrip(levels=[1, 4, 8]),
        description="Round trip through a generator's codec, codebooks decoded.",
    )

    @model_validator(mode="after")
    def _outside_where_training(self):
        if self.splice_outside.activate is None:
            self.splice_outside.activate = self.splice_training.activate
        if self.splice_outside.activate and not self.splice_training.activate:
            raise ValueError(
                "splice_outside is the audio of splice_training, which is not active: activate it, "
                "or set the activate of splice_outside to null"
            )
        return self

    @model_validator(mode="before")
    @classmethod
    def _levels_left_out(cls, kinds: Any) -> Any:
        """`mp3: {activate: false}` is enough."""
        if not isinstance(kinds, dict):
            return kinds
        defaults = {kind: field.default for kind, field in cls.model_fields.items()}
        return {
            kind: {"levels": defaults[kind].levels} | value
            if isinstance(defaults.get(kind), Perturbation) and isinstance(value, dict)
            else value
            for kind, value in kinds.items()
        }


class Robustness(Section):
    """Experiment B: what a perturbation does to similarity and retrieval."""

    queries: Count = Field(48, description="Clips that are perturbed, drawn by the seed.")
    resamples: Count = Field(1000, description="Bootstrap resamples, clustered by track.")
    confidence: Annotated[float, Field(gt=0, lt=1)] = Field(0.95, description="Of the intervals.")
    sample_rate: Count = Field(44100, description="Hz at which perturbed clips are rendered.")
    crossfade_s: Annotated[float, Field(ge=0)] = Field(
        0.0,
        description="Cross-fade of equal power at the cut of the paper's three kinds of splice, in "
        "seconds; 0 for a hard cut. The paper does not say.",
    )
    perturbations: Perturbations = Perturbations()

    @model_validator(mode="after")
    def _levels_possible(self):
        from musical_roots.perturb import check_level

        for kind, value in self.perturbations:
            for level in getattr(value, "levels", ()):  # splice_outside has none of its own
                try:
                    check_level(kind, level)
                except InputError as error:
                    raise ValueError(f"perturbations.{kind}.levels: {error}") from error
        return self


class Influence(Switch):
    """Experiment C: which training music an output resembles, and how sure that is."""

    excerpts: Count = Field(
        134, description="Excerpts of control tracks, as long as vamps: control music."
    )
    coded_clips_per_track: Annotated[int, Field(ge=0)] = Field(
        3,
        description="Clips of a track, at most, that go through a generator's codec for the coded "
        "index, first those that Experiment B perturbs; 0 for no such index.",
    )
    fdr: Share = Field(0.05, description="False discovery rate that is asked for.")
    draws: Count = Field(
        200, description="Random halves of the control tracks, and draws of equally many queries."
    )
    hubness_clips: Count = Field(
        4000, description="Training clips whose similarities are held in memory at once."
    )
    resamples: Count = Field(1000, description="Bootstrap resamples, and sign flips.")
    confidence: Annotated[float, Field(gt=0, lt=1)] = Field(0.95, description="Of the intervals.")
