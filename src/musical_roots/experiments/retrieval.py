"""Which encoder knows a song: same-track retrieval on tracks that nothing was trained or fitted on.

Every clip of the control tracks looks for its nearest neighbour among all others of them. It is
right if that clip is of the same track, or of a near duplicate of it.
"""

import numpy as np

from musical_roots import statistics
from musical_roots.errors import InputError
from musical_roots.search import matches
from musical_roots.seeding import rng
from musical_roots.tables import Embeddings


def same_track(embeddings: Embeddings, resamples: int, confidence: float, seed: int) -> dict:
    """Same-track recall@1 of one encoder.

    Parameters
    ----------
    embeddings : Embeddings
        Clips of the control tracks. A clip whose track has no other is searched for, not with.
    resamples, confidence
        Of the bootstrap, clustered by track.
    seed : int
        The config's seed.

    Returns
    -------
    dict
        encoder, n_clips, n_tracks, recall_at_1, recall_low, recall_high, and chance: the recall of
        a neighbour drawn at random.

    Raises
    ------
    InputError
        If no track has two clips.
    """
    clips = embeddings.clips
    size = clips.groupby("group_id").clip_id.transform("size")
    asked = clips[size > 1].set_index("clip_id")
    if asked.empty:
        raise InputError("retrieval: no control track has two clips; raise clips.per_track")
    encoder = embeddings.provenance["encoder"]
    found = matches(embeddings, embeddings, k=1, exclude="self").set_index("query_clip_id").clip_id
    group_of = clips.set_index("clip_id").group_id
    right = found.reindex(asked.index).map(group_of).to_numpy() == asked.group_id.to_numpy()
    low, high = statistics.cluster_bootstrap(
        right.astype(float),
        asked.track_id.to_numpy(),
        resamples=resamples,
        confidence=confidence,
        rng=rng(seed, "retrieval.bootstrap", encoder),
    )
    return {
        "encoder": encoder,
        "n_clips": len(asked),
        "n_tracks": asked.track_id.nunique(),
        "recall_at_1": right.mean(),
        "recall_low": low,
        "recall_high": high,
        "chance": np.mean((size[size > 1] - 1) / (len(clips) - 1)),
    }
