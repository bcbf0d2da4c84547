"""Section `listening`: Experiment A, the listening study."""

from typing import Annotated

from pydantic import Field

from musical_roots.config.base import Count, Path, Seconds, Section, Share, Switch
from musical_roots.config.listening_study import Stimuli, StudyPage


class Exclusions(Section):
    """Rules by which answers are left out; fix them before the first answer is seen."""

    headphones_correct: Annotated[int, Field(ge=0)] = Field(
        5, description="Headphone trials that a listener must pass, where there were any."
    )
    catch_correct: Share = Field(
        0.75,
        description="Share of the catch trials that a listener must pass, if any: of two, both.",
    )
    minimum_decided: Seconds = Field(
        1.0,
        description="A listener is out who, once all three were heard, answered faster than that "
        "(median).",
    )
    one_sided: Annotated[float, Field(gt=0.5, le=1)] = Field(
        0.95, description="A listener is out who chose one side in this share of answers or more."
    )
    minimum_answers: Count = Field(5, description="Answers that a listener must have given.")


class Analysis(Section):
    """How answers become tables."""

    lapse: Annotated[float, Field(ge=0, lt=0.5)] = Field(
        0.1, description="Share of blind answers that the psychometric curve allows at most."
    )
    high_agreement: Annotated[float, Field(gt=0.5, lt=1)] = Field(
        0.9, description="Similarity is high where so many choose the clip that is nearer."
    )
    resamples: Count = Field(1000, description="Bootstrap resamples of listeners and of X's.")
    confidence: Annotated[float, Field(gt=0, lt=1)] = Field(0.95, description="Of the intervals.")


class Power(Section):
    """Simulated listeners: what a design can show."""

    simulations: Count = Field(60, description="Simulated studies a design of the grid.")
    coverage_simulations: Count = Field(
        200, description="The same of the paper's design and ours, which are looked at closely."
    )
    x_clips: list[Count] = Field([15, 30, 60, 120], min_length=1, description="Numbers of X's.")
    listeners: list[Count] = Field([20, 40, 90], min_length=1, description="Numbers of listeners.")
    answers_each: list[Count] = Field(
        [5, 10, 20, 40], min_length=1, description="Answers of a listener on one encoder."
    )
    agreement: Annotated[float, Field(gt=0.5, lt=1)] = Field(
        0.6, description="Share of answers that agree with the encoder, in truth."
    )
    listener_sd: Annotated[float, Field(ge=0)] = Field(
        0.4, description="How listeners differ, on the logit scale."
    )
    x_sd: Annotated[float, Field(ge=0)] = Field(0.8, description="How X's differ, likewise.")
    trial_sd: Annotated[float, Field(ge=0)] = Field(
        0.8, description="How trials of one X differ, likewise, where the gap is asked after."
    )


class Listening(Switch):
    """Experiment A: whether people hear as similar what an encoder does."""

    stimuli: Stimuli = Stimuli()
    page: StudyPage = StudyPage()
    responses: Path | None = Field(
        None, description="Folder of people's answers; null until there are any."
    )
    simulated_listeners: Count = Field(
        90,
        description="Simulated listeners of our arm, and for each encoder of the paper's; they "
        "answer until people have.",
    )
    exclusions: Exclusions = Exclusions()
    analysis: Analysis = Analysis()
    power: Power = Power()
