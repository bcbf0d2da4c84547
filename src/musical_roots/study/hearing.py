"""Which encoders hear a clip set. All do, but for those that only hold another one to account.

They answer what they are there for, and cost little:

- the untrained control answers whether training made an encoder robust and finds the same track: it
  hears the corpus, and the paper's perturbations;
- the encoder that lacks another one's treble answers what that treble is worth to retrieval: it
  hears the tracks that retrieval asks after.
"""

from musical_roots.perturb import PERTURBATIONS
from musical_roots.study.clip_sets import active, splits

UNTRAINED = ("random",)
RETRIEVAL_ALONE = ("aisfx_8k",)


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
    deaf += () if clips in corpus or paper else UNTRAINED
    return [name for name in active(config["encoders"]) if name not in deaf]
