"""Which encoders hear a clip set. All do, but for one that only answers a question of retrieval.

The encoder that lacks another one's treble says what that treble is worth: it hears the tracks that
retrieval asks after, and costs little.
"""

from musical_roots.study.clip_sets import active, splits

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
    asked = clips == splits(config)[-1]
    return [name for name in active(config["encoders"]) if asked or name not in RETRIEVAL_ALONE]


def trained(config: dict) -> list[str]:
    """The encoders that listeners are asked after: those that hear everything, but the control."""
    return [name for name in hearing(config, "vamps") if name != UNTRAINED]
