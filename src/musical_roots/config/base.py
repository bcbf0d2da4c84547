"""What sections of the config are made of."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0, le=1)]
Seconds = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]


class Section(BaseModel):
    """A section of the config: no unknown keys, no silent conversions."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Switch(Section):
    """Something that can be left out."""

    activate: bool = Field(True, description="Whether it takes part.")
