"""The tables of the race: every method, its bounds, what removal says, and the sentences."""

from collections.abc import Iterable

import pandas as pd

from musical_roots.experiments.counterfactual.bounds import LEAST, bounds
from musical_roots.experiments.counterfactual.halves import DESIGNS, LEFT_OUT
from musical_roots.experiments.counterfactual.race import COLUMNS, race, truth_of
from musical_roots.experiments.counterfactual.race_findings import findings
from musical_roots.experiments.counterfactual.removal import COLUMNS as REMOVAL
from musical_roots.experiments.counterfactual.removal import by_halves, removal

SCORES = ["method", "output_id", "track_id", "score"]
OF_TRACKS = ("tracks", LEFT_OUT)  # designs that tell of single tracks


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
    raced, removed = [pd.DataFrame(columns=COLUMNS)], [pd.DataFrame(columns=REMOVAL)]
    halves = members.groupby("design", sort=False).half.nunique()
    enough = halves.index[halves >= LEAST]
    for design in enough[enough.isin(DESIGNS)]:
        truth = truth_of(members, losses, design)
        found = race(scores, truth, outputs, design, **how)
        limits = bounds(found, scores, members, losses, truth, outputs, design, draws=draws, **how)
        raced += [limits[limits.kind == "ceiling"], found, limits[limits.kind == "control"]]
    for design in enough[enough.isin(OF_TRACKS)]:
        truth, named = truth_of(members, losses, design), scores
        if design == LEFT_OUT and "tracks" in enough:
            named = pd.concat([scores, by_halves(truth_of(members, losses, "tracks"))])
        removed.append(removal(named, truth, outputs, tracks, design, **how))
    race_table, removal_table = (
        pd.concat(tables[1:] or tables, ignore_index=True) for tables in (raced, removed)
    )
    told = findings(race_table, removal_table, told)
    return {"race": race_table, "removal": removal_table, "findings": told}
