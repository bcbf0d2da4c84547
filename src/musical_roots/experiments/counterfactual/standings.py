"""The tables of the race: every method, its bounds, what removal says, and the sentences."""

from collections.abc import Iterable

import pandas as pd

from musical_roots.experiments.counterfactual.bounds import bounds
from musical_roots.experiments.counterfactual.race import COLUMNS, race, truth_of
from musical_roots.experiments.counterfactual.race_findings import findings
from musical_roots.experiments.counterfactual.removal import COLUMNS as REMOVAL
from musical_roots.experiments.counterfactual.removal import removal

SCORES = ["method", "output_id", "track_id", "score"]
LEAST = 4  # halves: of fewer there is nothing to correlate
DESIGN = "tracks"  # whose halves tell of single tracks


def joined(tables: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Scores of all methods; of those that do not say what kind they are, it is "gradient"."""
    whole = pd.concat([table.assign(kind=table.get("kind", "gradient")) for table in tables])
    return whole.reset_index(drop=True)


def standings(
    scores: pd.DataFrame,
    members: pd.DataFrame,
    losses: pd.DataFrame,
    outputs: pd.DataFrame,
    tracks: pd.DataFrame,
    told: dict,
    draws: int,
    resamples: int,
    confidence: float,
    seed: int,
) -> dict[str, pd.DataFrame]:
    """All of it, of every design.

    Parameters
    ----------
    scores : DataFrame
        Of `joined`.
    members, losses : DataFrame
        Of the truth; without rows, if none speaks of this study. A design of fewer than `LEAST`
        halves is left out.
    outputs, tracks : DataFrame
        Lists of the vamps and of the recordings.
    told : dict
        Of `truth.taken`: why the truth has no rows, and of how many outputs it speaks.
    draws, resamples, confidence, seed
        As of `bounds.bounds` and `race.race`.

    Returns
    -------
    dict of str to DataFrame
        race (of `race.race` and `bounds.bounds`), removal, findings.
    """
    how = {"resamples": resamples, "confidence": confidence, "seed": seed}
    raced, removed = [pd.DataFrame(columns=COLUMNS)], pd.DataFrame(columns=REMOVAL)
    halves = members.groupby("design", sort=False).half.nunique()
    for design in halves.index[halves >= LEAST]:
        truth = truth_of(members, losses, design)
        found = race(scores, truth, outputs, design, **how)
        limits = bounds(found, scores, members, losses, truth, outputs, design, draws=draws, **how)
        raced += [limits[limits.kind == "ceiling"], found, limits[limits.kind == "control"]]
        if design == DESIGN:
            removed = removal(scores, truth, outputs, tracks, **how)
    table = pd.concat(raced if len(raced) == 1 else raced[1:], ignore_index=True)
    return {"race": table, "removal": removed, "findings": findings(table, removed, told)}
