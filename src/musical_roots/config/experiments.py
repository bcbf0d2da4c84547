"""Sections `search`, `robustness` and `influence`: what the experiments measure."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from musical_roots.config.base import Count, Section, Share, Switch
from musical_roots.errors import InputError
from musical_roots.generators.base import FULL, GENERATORS


class Search(Section):
    """How neighbours are found."""

    k: Count = Field(50, description="Matches a query.")


class Perturbation(Switch):
    """One kind of perturbation."""

    levels: list[float | int] = Field(
        [],  # `Perturbations` puts the kind's own in its place
        min_length=1,
        description="Levels, in the unit of the kind; see `perturb.py`.",
    )


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


class Perturbations(Section):
    """Kinds and levels. The first four are the paper's."""

    pitch: Perturbation = _kind([-12, -7, -5, -3, -1, 0, 1, 3, 5, 7, 12], "Pitch shift, semitones.")
    stretch: Perturbation = _kind([-20, -10, 0, 10, 20], "Tempo, percent.")
    noise: Perturbation = _kind([-30, -20, -10, 0, 10, 20, 30], "White noise, SNR in dB.")
    mashup: Perturbation = _kind(
        [-30, -20, -10, 0, 10, 20, 30], "Mix with a clip of another track; dB above that clip."
    )
    mp3: Perturbation = _kind([32, 64, 128], "MP3 round trip, kbit/s.")
    opus: Perturbation = _kind([16, 32, 64], "Opus round trip, kbit/s.")
    lowpass: Perturbation = _kind([1000, 3000, 8000], "Low-pass, cut-off in Hz.")
    reverb: Perturbation = _kind([0.3, 1.0, 3.0], "Reverberation, RT60 in seconds.")
    gain: Perturbation = _kind([-20, 0, 10, 20], "Gain with hard clipping, dB.")
    crop: Perturbation = _kind([0.5, 1.0, 1.5], "Shift of the clip grid, seconds.")
    codec: RoundTrip = Field(
        RoundTrip(levels=[1, 4, 8]),
        description="Round trip through a generator's codec, codebooks decoded.",
    )

    @model_validator(mode="before")
    @classmethod
    def _levels_left_out(cls, kinds: Any) -> Any:
        """`mp3: {activate: false}` is enough."""
        if not isinstance(kinds, dict):
            return kinds
        defaults = {kind: field.default for kind, field in cls.model_fields.items()}
        return {
            kind: {"levels": defaults[kind].levels} | value
            if kind in defaults and isinstance(value, dict)
            else value
            for kind, value in kinds.items()
        }


class Robustness(Section):
    """Experiment B: what a perturbation does to similarity and retrieval."""

    queries: Count = Field(125, description="Clips that are perturbed, drawn by the seed.")
    resamples: Count = Field(1000, description="Bootstrap resamples, clustered by track.")
    confidence: Annotated[float, Field(gt=0, lt=1)] = Field(0.95, description="Of the intervals.")
    sample_rate: Count = Field(44100, description="Hz at which perturbed clips are rendered.")
    perturbations: Perturbations = Perturbations()

    @model_validator(mode="after")
    def _levels_possible(self):
        from musical_roots.perturb import check_level

        for kind, value in self.perturbations:
            for level in value.levels:
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
    fdr: Share = Field(0.05, description="False discovery rate that is asked for.")
    draws: Count = Field(
        200, description="Random halves of the control tracks, and draws of equally many queries."
    )
    hubness_clips: Count = Field(
        4000, description="Training clips whose similarities are held in memory at once."
    )
    resamples: Count = Field(1000, description="Bootstrap resamples, and sign flips.")
    confidence: Annotated[float, Field(gt=0, lt=1)] = Field(0.95, description="Of the intervals.")
