"""Raw features -> unit vectors: standardised by the training clips, of length 1."""

import hashlib

import numpy as np

from musical_roots.errors import InputError

# of the sidecar of features: what says whether they can be kept
KEPT_BY = ("made_from", "sha256")


def fit(shards: list[np.ndarray], standardise: bool) -> np.ndarray:
    """Per-dimension mean and scale over shards of raw features.

    Parameters
    ----------
    shards : list of ndarray, float32 [n_i, dim]
        Features of the training clips.
    standardise : bool
        The encoder's wish; without it the mean is 0 and the scale 1, so that one path serves all.

    Returns
    -------
    ndarray, float64 [2, dim]
        Mean and standard deviation.

    Raises
    ------
    InputError
        If there are no training clips.
    """
    count = sum(len(shard) for shard in shards)
    if count == 0:
        raise InputError("no training clips: nothing to fit statistics on; widen the corpus filter")
    dim = shards[0].shape[1]
    if not standardise:
        return np.stack([np.zeros(dim), np.ones(dim)])
    shards = [_finite(shard) for shard in shards]
    count = sum(len(shard) for shard in shards)
    mean = sum(shard.sum(axis=0, dtype=np.float64) for shard in shards) / count
    squares = sum(((shard - mean) ** 2).sum(axis=0) for shard in shards)
    scale = np.sqrt(squares / count)
    # A dimension that all but never varies tells clips apart by rounding alone: it is only centred.
    typical = np.median(scale[scale > 1e-12]) if (scale > 1e-12).any() else np.inf
    return np.stack([mean, np.where(scale > 1e-4 * typical, scale, 1.0)])


def _finite(features: np.ndarray) -> np.ndarray:
    """Features of the clips that were heard."""
    there = np.isfinite(features).all(axis=1)
    return features if there.all() else features[there]


def of(features: np.ndarray, statistics: np.ndarray) -> np.ndarray:
    """Standardised rows of unit length: float32 [n, dim] -> float16 [n, dim].

    A row of zeros has no direction and stays zero: its cosine to everything is 0. So does that of
    a clip that could not be heard.
    """
    mean, scale = statistics
    standard = (features - mean) / scale
    standard[~np.isfinite(standard).all(axis=1)] = 0
    norms = np.linalg.norm(standard, axis=1, keepdims=True)
    return (standard / np.where(norms > 0, norms, 1.0)).astype(np.float16)


def digest(statistics: np.ndarray) -> str:
    """Eight hex digits that change with the statistics: part of the stored fingerprint."""
    return hashlib.sha256(np.ascontiguousarray(statistics).tobytes()).hexdigest()[:8]


def made_by(features: dict, statistics: np.ndarray) -> dict:
    """What made unit vectors: as the sidecar of their features, with a fingerprint of both."""
    told = {key: value for key, value in features.items() if key not in KEPT_BY}
    return told | {"fingerprint": f"{told['fingerprint']}+{digest(statistics)}"}
