"""The pages to hear a study by: of each generator's vamps, and of perturbed clips."""

from dataclasses import dataclass

from musical_roots.study.clip_sets import active, attributed
from musical_roots.study.hearing import hearing, trained
from musical_roots.study.models import models
from musical_roots.study.sections import GENERATION, ROBUSTNESS

PERTURBED = "perturbed"  # its page is listen_to_perturbed, beside those of generators
SAME_AUDIO = ("splice_outside",)  # is heard under another name


@dataclass(frozen=True)
class Audition:
    """A page to hear.

    Attributes
    ----------
    title, section, text : str
        Section of the report; a paragraph above all.
    encoder : str
        Whose nearest clips, ranks and cosines are told; "" where nothing was asked.
    kinds : tuple of str
        Perturbations that are heard.
    """

    title: str
    section: str
    text: str
    encoder: str = ""
    kinds: tuple[str, ...] = ()


def auditions(config: dict) -> dict[str, Audition]:
    """The pages to hear, by generator, and that of perturbed clips."""
    known, made = models(config), {}
    ear = [*trained(config), *hearing(config, "vamps")][0]  # the control only where it is alone
    credit = " Every track is credited on the page of the corpus, with its licence."
    for name in active(config["generators"]):
        found = ear if name in attributed(config) else ""
        label = known[name].label if name in known else "another generator"
        made[name] = Audition(
            f"Vamps of {label}, beside their prompts"
            + (" and what they resemble" if found else ""),
            GENERATION,
            "To be near is not to come from. p says how much of control music, which the generator"
            " never saw and which went through its codec where that is known, comes as near to the"
            " training set as the vamp does." + credit,
            found,
        )
    made[PERTURBED] = Audition(
        "Perturbed and spliced clips, level by level",
        ROBUSTNESS,
        "Two clips of each kind, the first by name, at levels spread over those that Experiment B"
        " asks after; rendered as there, then brought to one loudness: a gain is heard where it"
        " clips, and nowhere else. A splice begins with the original. splice_outside is the audio"
        " of splice_training." + credit,
        ear,
        tuple(
            kind for kind in active(config["robustness"]["perturbations"]) if kind not in SAME_AUDIO
        ),
    )
    return made
