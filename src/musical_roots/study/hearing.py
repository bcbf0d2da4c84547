"""Which encoders hear a clip set. All do, but for those that answer one question alone.

- aisfx, of another family than musicnn, says whether robustness is one encoder's own: it hears the
  corpus and the paper's perturbations, and takes no part in Experiment C.
- aisfx_8k says what the treble is worth to retrieval: it hears the tracks that this asks after.
- the untrained control does not hear the corpus a second time, after a codec, unless it is alone.
"""

from musical_roots.perturb import PERTURBATIONS
from musical_roots.study.clip_sets import active, splits

ROBUSTNESS_ALONE = ("aisfx",)
RETRIEVAL_ALONE = ("aisfx_8k",)
UNTRAINED = "random"  # the control


def hearing(config: dict, clips: str) -> list[str]:
    """The encoders that hear a clip set.

    Parameters
    ----------
    config : dict
        A whole config, as `config.load` gives it.
    clips : str
        Name of the clip set.
    """
    corpus, kind = splits(config), clips.removeprefix("perturbed-")
    paper = kind != clips and PERTURBATIONS[kind].family == "paper"
    deaf = () if clips == corpus[-1] else RETRIEVAL_ALONE
    deaf += () if clips in corpus or paper else ROBUSTNESS_ALONE
    heard = [name for name in active(config["encoders"]) if name not in deaf]
    if clips.startswith("coded-") and heard != [UNTRAINED]:
        return [name for name in heard if name != UNTRAINED]
    return heard


def trained(config: dict) -> list[str]:
    """The encoders that listeners are asked after: those that hear everything, but the control."""
    return [name for name in hearing(config, "vamps") if name != UNTRAINED]
