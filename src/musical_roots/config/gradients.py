"""Section `counterfactual.gradients`: attribution by gradients of openvamp."""

from typing import Annotated

from pydantic import Field

from musical_roots.config.base import Count, Section, Shards


class Trak(Section):
    """TRAK: projected gradients of single crops."""

    every: Count = Field(512, description="Frames from one crop of a track to the next.")
    output_masks: Count = Field(4, description="Masks of an output.")
    dimensions: Count = Field(256, description="That gradients are projected to.")
    at_once: Count = Field(64, description="Crops and masks that are taken at once.")


class Cosine(Section):
    """Gradients of whole tracks and outputs."""

    every: Count = Field(
        256, description="Frames from one crop of a track to the next; 256 for all of it."
    )
    output_masks: Count = Field(4, description="Masks of an output.")


class Unlearning(Section):
    """Each output unlearnt, and the loss on each track read before and after."""

    track_crops: Count = Field(2, description="Crops of a track.")
    output_masks: Count = Field(4, description="Masks of an output.")
    unlearning_steps: Count = Field(1, description="Uphill on the loss of an output.")
    step_length: Annotated[float, Field(gt=0)] = Field(
        0.01, description="Of such a step, as a share of the length of the vector of all weights."
    )
    shards: Shards = Field(4, description="Jobs that the outputs are cut into.")


class Gradients(Section):
    """Attribution by gradients of openvamp, in the target `counterfactual` alone."""

    trak: Trak = Trak()
    cosine: Cosine = Cosine()
    unlearning: Unlearning = Unlearning()
