"""Which song comes first, where sound and harmony do not say the same.

Sound finds another mix of a recording, harmony another arrangement of a tune; which of the two a
remake is, nobody knows before. So what either puts first comes first, and of two such that which
stands out more from all other tracks.

The rule was chosen on ten remakes and variants among Debian's recordings, and so suits them:
docs/trace.md says how, and what a choice without the pair that is tried gives.

References
----------
Cormack, Clarke, Büttcher, "Reciprocal rank fusion outperforms Condorcet and individual rank
learning methods", SIGIR 2009.
"""

import numpy as np
import pandas as pd

DEEPEST = 10  # ranks beyond say nothing
POWER = 3  # between the sum of what stands out (1) and the largest of it


def ranked(sound: list[np.ndarray], harmony: np.ndarray | None = None) -> pd.DataFrame:
    """Tracks by what several views say of them.

    Parameters
    ----------
    sound : list of ndarray, float [tracks]
        Scores by an encoder each: how far they stand out is averaged to one view.
    harmony : ndarray, float [tracks], optional
        The other view.

    Returns
    -------
    DataFrame
        sound_rank, harmony_rank (0 without it), score (sum of reciprocal ranks, of those up to
        `DEEPEST`), standing (sum over views of the cubes of how many standard deviations a track
        stands out). In the order of the tracks: larger scores come first, then larger standings.

    Examples
    --------
    >>> ranked([np.array([3.0, 2.0, 1.0])], np.array([0.0, 9.0, 0.1])).score.tolist()
    [1.3333333333333333, 1.5, 0.8333333333333333]
    """
    views = [np.mean([standing_out(scores) for scores in sound], axis=0)]
    if harmony is not None:
        views.append(standing_out(harmony))
    ranks = [_ranks(view) for view in views]
    made = {"sound_rank": ranks[0], "harmony_rank": ranks[1] if harmony is not None else 0}
    made["score"] = sum(np.where(rank <= DEEPEST, 1 / rank, 0.0) for rank in ranks)
    made["standing"] = sum(np.sign(view) * np.abs(view) ** POWER for view in views)
    return pd.DataFrame(made)


def standing_out(scores: np.ndarray) -> np.ndarray:
    """By how many standard deviations each score exceeds the mean of all."""
    spread = scores.std()
    return (scores - scores.mean()) / (spread if spread > 0 else 1.0)


def _ranks(scores: np.ndarray) -> np.ndarray:
    ranks = np.empty(len(scores), int)
    ranks[np.argsort(-scores, kind="stable")] = np.arange(1, len(scores) + 1)
    return ranks
