"""Section `counterfactual.dose`: train tracks that are heard more often."""

from typing import Annotated

from pydantic import Field

from musical_roots.config.base import Count, Section


class Dose(Section):
    """Train tracks repeated in training by lot, in the target `counterfactual` alone."""

    doses: list[Annotated[int, Field(ge=0)]] = Field(
        [0, 1, 2, 4, 8, 16],
        min_length=2,
        description="How often a track stands in the training set.",
    )
    tracks_a_dose: Count = Field(8, description="Train tracks of each dose, at most.")
    networks: Count = Field(
        3, description="Networks that are trained; each deals the doses anew to the same tracks."
    )
    masks: Count = Field(4, description="Crops of a track on which its loss is taken.")
    deals: Count = Field(10_000, description="Deals of the doses that p of a trend counts.")
    lengths: list[Annotated[list[Count], Field(min_length=2, max_length=2)]] = Field(
        [[800, 8], [800, 32], [2500, 8], [2500, 32], [8000, 32]],
        description="Lengths of training whose networks are compared: steps, and crops a step. The "
        "longest takes a CPU hours, a GPU a minute.",
    )
