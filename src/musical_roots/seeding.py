"""The one way to draw at random: every draw derives from (seed, stage, item).

So a result does not depend on how many shards or cores there were, or in which order they ran.
"""

import hashlib

import numpy as np


def rng(seed: int, stage: str, item: str = "") -> np.random.Generator:
    """Generator for one item of one stage.

    Parameters
    ----------
    seed : int
        The config's `seed`.
    stage : str
        What the draw is for, such as ``"perturb.noise"``.
    item : str
        What it is drawn for: a clip_id, a track_id; never a row position.
    """
    digest = hashlib.sha256("\0".join((str(seed), stage, str(item))).encode()).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest[:16], "big")))
