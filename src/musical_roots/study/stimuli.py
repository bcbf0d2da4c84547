"""What of a config the listening study is made from."""

import hashlib
from dataclasses import dataclass

from musical_roots.listening.files import FILES, STATIC, WEB
from musical_roots.perturb import PERTURBATIONS
from musical_roots.study import answers
from musical_roots.study.clip_sets import active
from musical_roots.study.hearing import trained


@dataclass(frozen=True)
class Stimuli:
    """What listeners hear.

    Attributes
    ----------
    arms : tuple of str
        None where the listening study takes no part.
    encoders : tuple of str
        Whose cosines are held against what people hear.
    vamps, perturbed : tuple of str
        Clip sets that X of our arm come from, beside the training clips.
    files : tuple of str
        Of the page, beside its audio.
    page : str
        Digest of their sources.
    """

    arms: tuple[str, ...]
    encoders: tuple[str, ...]
    vamps: tuple[str, ...]
    perturbed: tuple[str, ...]
    files: tuple[str, ...]
    page: str


def stimuli(config: dict) -> Stimuli:
    """The listening study of a config."""
    kinds = active(config["robustness"]["perturbations"])
    # others hold a second track, or want a generator to be rendered again
    alone = [
        kind
        for kind in kinds
        if kind in PERTURBATIONS
        and not (PERTURBATIONS[kind].needs_partner or PERTURBATIONS[kind].needs_generator)
    ]
    files = [(WEB / name).read_bytes() for name in STATIC]
    return Stimuli(
        answers.ARMS if answers.takes_part(config) else (),
        tuple(trained(config)),
        tuple(f"vamps-{name}" for name in active(config["generators"])),
        tuple(f"perturbed-{kind}" for kind in alone),
        FILES,
        hashlib.sha256(b"\0".join(files)).hexdigest()[:16],
    )
