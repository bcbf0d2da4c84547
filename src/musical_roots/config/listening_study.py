"""Sections `listening.stimuli` and `listening.page`: what listeners hear, and where they answer."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from musical_roots.config.base import Count, Section, Share


class Stimuli(Section):
    """Which clips are compared, and how they sound."""

    paper_x: Count = Field(15, description="X's of the paper's arm, an encoder; each in six pairs.")
    bin_width: Annotated[float, Field(gt=0)] = Field(
        0.02, description="Half the width of a bin of cosines."
    )
    ours_x: Count = Field(60, description="X's of our arm: training clips, vamps, perturbed clips.")
    pairs: Count = Field(2, description="Pairs of an X and encoder of our arm.")
    catch_share: Share = Field(0.1, description="Catch trials, of a session of our arm.")
    repeat_share: Share = Field(0.1, description="Trials that come twice, of a session of our arm.")
    loudness_lufs: Annotated[float, Field(ge=-70, lt=0)] = Field(
        -23.0, description="Of every clip (ITU-R BS.1770)."
    )
    fade_ms: Annotated[float, Field(ge=0)] = Field(20.0, description="At both ends of a clip.")
    sample_rate: Literal[16000, 32000, 44100, 48000] = Field(
        44100, description="Hz, of the audio that listeners hear."
    )

    @model_validator(mode="after")
    def _tests_left(self):
        asked = self.catch_share + self.repeat_share
        if asked > 0.5:
            raise ValueError(
                f"catch_share and repeat_share make {asked:g} of a session together: half of it at "
                "least must be left for tests; lower one of them"
            )
        return self


class StudyPage(Section):
    """The page on which listeners answer."""

    questions: Annotated[int, Field(ge=2, le=500)] = Field(
        10, description="Questions a session, paper's arm."
    )
    questions_ours: Annotated[int, Field(ge=2, le=500)] = Field(
        20, description="The same of our arm, catch trials and repeats included."
    )
    headphone_test: Literal["required", "recorded", "none"] = Field(
        "required",
        description="Whether who fails the headphone test is sent away, goes on, or has no test.",
    )
    contact: str = Field(
        "", description="Whom listeners can ask, as the consent says; fill it in before recruiting."
    )
    consent: str = Field(
        "", description="A sentence of your review board for the consent, such as its number."
    )
    post_url: Annotated[str, Field(pattern=r"^https?://[^\s<>\"]+$")] | None = Field(
        None, description="Where answers are sent; null to let the listener save them as a file."
    )
