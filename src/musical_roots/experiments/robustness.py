"""Experiment B: what a perturbation does to retrieval and similarity.

Query clips are drawn from the corpus, perturbed, and searched for among all clips of the corpus.
For each encoder, kind and level: how often is the unmodified clip among the first 1, 5, 10 (the
paper's measure), how near is the perturbed clip to it, and how near would a clip of another track
be?

Source: Barnett, Flores Garcia and Pardo, arXiv 2401.14542, section 5.1 and figure 1; the intervals,
ranks, cosines and the floor are ours.
"""

import numpy as np
import pandas as pd

from musical_roots import statistics
from musical_roots.experiments.draw_names import ROBUSTNESS, draw_name
from musical_roots.seeding import rng

FIRST = (1, 5, 10)  # the paper's


def summarise(
    kind: str,
    matches: pd.DataFrame,
    perturbed: pd.DataFrame,
    resamples: int,
    confidence: float,
    seed: int,
) -> pd.DataFrame:
    """Results of one encoder and kind, one row a generator and level.

    Parameters
    ----------
    kind : str
        What the rows are called: two kinds may be one clip set, searched in two ways.
    matches : DataFrame
        Match table of the perturbed clips, with their targets (`perturbed.targets`).
    perturbed : DataFrame
        Clip list that holds them; other clips in it are left alone.
    resamples, confidence
        Of the bootstrap, clustered by track: that of the target.
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
    for (generator, level), part in perturbed.groupby(["generator", "level"], sort=False):
        cosine = original.cosine.reindex(part.clip_id).to_numpy()
        ranks = original["rank"].reindex(part.clip_id).to_numpy()
        # all from the same resamples, which are those of every generator with the same tracks
        low, high = statistics.cluster_bootstrap(
            np.column_stack([cosine, *(ranks <= k for k in FIRST)]),
            part.track_id.to_numpy(),
            resamples=resamples,
            confidence=confidence,
            rng=rng(
                seed,
                "robustness.bootstrap",
                f"{encoder} {draw_name(ROBUSTNESS, kind)} {level:g}",
            ),
        )
        row = {
            "encoder": encoder,
            "kind": kind,
            "generator": generator,
            "level": level,
            "unit": part.unit.iloc[0],
            "n_queries": len(part),
            "n_tracks": part.track_id.nunique(),
        }
        for column, k in enumerate(FIRST, start=1):
            row[f"recall_at_{k}"] = statistics.recall_at(ranks, k)
            row |= {f"recall_at_{k}_low": low[column], f"recall_at_{k}_high": high[column]}
        found = first.track_id.reindex(part.clip_id).to_numpy()
        row |= {
            "recall_at_50": statistics.recall_at(ranks, 50),
            "mrr": statistics.mean_reciprocal_rank(ranks),
            "median_rank": statistics.median_rank(ranks),
            "track_recall_at_1": float(np.mean(found == part.track_id.to_numpy())),
            "cosine_mean": cosine.mean(),
            "cosine_low": low[0],
            "cosine_high": high[0],
            "cosine_floor": random.cosine.reindex(part.clip_id).mean(),
        }
        rows.append(row)
    return pd.DataFrame(rows)
