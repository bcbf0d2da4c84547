"""What sections of the config are made of."""

from os.path import normpath
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0, le=1)]
Seconds = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]
Shards = Annotated[int, Field(ge=1, le=1000)]  # they are numbered by three digits
# Braces, stars and the like mean something else to Snakemake.
Path = Annotated[str, Field(pattern=r"^[^{}<>*?\n]+$"), AfterValidator(normpath)]


class Section(BaseModel):
    """A section of the config: no unknown keys, no silent conversions."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Switch(Section):
    """Something that can be left out."""

    activate: bool = Field(True, description="Whether it takes part.")
