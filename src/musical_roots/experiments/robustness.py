"""Experiment B: what a perturbation does to similarity and retrieval.

Query clips are drawn from the corpus, perturbed, and searched for among all clips of the corpus.
For each encoder, kind and level: how near is the perturbed clip to its original, how near would a
clip of another track be, and is the original still found?

Source: Barnett, Flores Garcia and Pardo, ISMIR 2024, section on robustness; the ranks, the floor
and the intervals are ours.
"""

import numpy as np
import pandas as pd

from musical_roots import statistics
from musical_roots.seeding import rng


def summarise(
    matches: pd.DataFrame,
    perturbed: pd.DataFrame,
    resamples: int,
    confidence: float,
    seed: int,
) -> pd.DataFrame:
    """Results of one encoder and kind, one row a level.

    Parameters
    ----------
    matches : DataFrame
        Match table of the perturbed clips, with their targets (`perturbed.targets`).
    perturbed : DataFrame
        Clip list that holds them; other clips in it are left alone.
    resamples, confidence
        Of the bootstrap, clustered by track.
    seed : int
        The config's seed.

    Returns
    -------
    DataFrame
        Columns of ``results/tables/robustness.csv``. `track_recall_at_1` is the share of queries
        whose first match is of the right track, the original counted.
    """
    encoder = matches.encoder.iloc[0]
    first = matches[(matches.target == "") & (matches["rank"] == 1)].set_index("query_clip_id")
    original = matches[matches.target == "original"].set_index("query_clip_id")
    random = matches[matches.target == "random"].set_index("query_clip_id")

    perturbed = perturbed[perturbed.clip_id.isin(original.index)]
    rows = []
    for level, part in perturbed.groupby("level"):
        kind, unit = part.kind.iloc[0], part.unit.iloc[0]
        cosine = original.cosine.reindex(part.clip_id).to_numpy()
        ranks = original["rank"].reindex(part.clip_id).to_numpy()
        low, high = statistics.cluster_bootstrap(
            cosine,
            part.track_id.to_numpy(),
            resamples=resamples,
            confidence=confidence,
            rng=rng(seed, "robustness.bootstrap", f"{encoder} {kind} {level:g}"),
        )
        found = first.track_id.reindex(part.clip_id).to_numpy()
        rows.append(
            {
                "encoder": encoder,
                "kind": kind,
                "level": level,
                "unit": unit,
                "n_queries": len(part),
                "cosine_mean": cosine.mean(),
                "cosine_low": low,
                "cosine_high": high,
                "cosine_floor": random.cosine.reindex(part.clip_id).mean(),
                "recall_at_1": statistics.recall_at(ranks, 1),
                "recall_at_10": statistics.recall_at(ranks, 10),
                "recall_at_50": statistics.recall_at(ranks, 50),
                "mrr": statistics.mean_reciprocal_rank(ranks),
                "median_rank": statistics.median_rank(ranks),
                "track_recall_at_1": float(np.mean(found == part.track_id.to_numpy())),
            }
        )
    return pd.DataFrame(rows)
