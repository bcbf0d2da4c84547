"""Section `counterfactual`: models retrained on random halves of the train split."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from musical_roots.config.base import Count, Path, Section, Shards
from musical_roots.config.dose import Dose
from musical_roots.config.gradients import Gradients


class Counterfactual(Section):
    """What openvamp's outputs would have been without some of its training tracks."""

    shipped: Path | None = Field(
        "models/counterfactual",
        description="Folder with the truth by retraining that an earlier run made (`make "
        "counterfactual`). It is taken where it speaks of this very generator and these very "
        "outputs, and else there is none, for it takes hours; null to make it here.",
    )
    halves: Annotated[int, Field(ge=2)] = Field(
        48, description="Random halves of the train tracks; a model is retrained on each."
    )
    second_seeds: Annotated[int, Field(ge=0)] = Field(
        12, description="Of these, how many are learned a second time, from other weights."
    )
    artist_halves: Annotated[int, Field(ge=0)] = Field(
        24, description="Random halves of the artists, each with all of its tracks."
    )
    left_out: bool = Field(
        True, description="Whether a model is retrained without each single train track, too."
    )
    other_halves: Annotated[int, Field(ge=0)] = Field(
        24,
        description="So many of the first halves are learned with a control track of about its "
        "length in each track's place: what such models say of the outputs must tell nothing of "
        "any train track.",
    )
    masks: Count = Field(
        4, description="Masks of each output, and crops of each track, on which its loss is taken."
    )
    precision: Literal["fp32", "bf16"] = Field(
        "fp32",
        description="Models are retrained in; bf16 is faster where the processor has it. Losses "
        "are float32.",
    )
    shards: Shards = Field(
        21,
        description="Jobs that the models are cut into. A CPU trains those of a job one after "
        "another, a GPU eight at a time.",
    )
    gradients: Gradients = Gradients()
    dose: Dose = Dose()

    @model_validator(mode="after")
    def _seconds_of_some(self):
        if self.second_seeds > self.halves:
            raise ValueError(
                f"second_seeds, {self.second_seeds}, is more than halves, {self.halves}: of so many"
                " there is no second; lower it"
            )
        if self.other_halves > self.halves:
            raise ValueError(
                f"other_halves, {self.other_halves}, is more than halves, {self.halves}, whose"
                " tracks others stand in for; lower it"
            )
        return self
