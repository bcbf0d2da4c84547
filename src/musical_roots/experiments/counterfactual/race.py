"""The race: what do attribution methods tell of influence, held against models trained anew?

The truth is the loss of each output under models that were trained on random halves of the training
tracks. A method gives each training track a score for each output: higher is more influence.

Conventions
-----------
Of each model's losses the mean over all outputs of the truth is taken off (`truth.relative`), be
they outputs of this study or not: how well it learned at all is no influence. A half counts once,
with the mean over its models, after what another seed adds to an output's loss in all halves is
taken off, too. What cannot be told apart, tracks that are inside together in every half, such as an
artist's where artists were drawn, is one unit, and its score the sum of theirs. Scores that are the
same for all tracks say nothing, and have no row, though halves of more tracks have a larger sum of
them.

Measures, of each output
------------------------
* `lds`, linear datamodelling score: rank correlation, over halves, of the summed scores of the
  tracks inside with minus the loss (Park et al. 2023, section 2; Ilyas et al. 2022).
* `top_agreement`: whether the unit with the highest score is the one with the largest effect, which
  is the mean loss of halves without it less the mean loss of halves with it.
* `top_in_five`: whether it is among the five with the largest effects.
* `effect_correlation`: rank correlation, over units, of scores with effects.

References
----------
Ilyas, Park, Engstrom, Leclerc, Mądry, "Datamodels: predicting predictions from training data",
ICML 2022.
Park, Georgiev, Ilyas, Leclerc, Mądry, "TRAK: attributing model behavior at scale", ICML 2023.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from musical_roots.errors import InputError
from musical_roots.experiments.counterfactual.correlations import (
    drawn_halves,
    moved_interval,
    rank_correlation,
    resampled_correlation,
)
from musical_roots.seeding import rng
from musical_roots.statistics import cluster_bootstrap

FIVE = 5
DIGITS = 10  # of a sum of scores, of the sum of all: beyond, only the order of adding tells
MEASURES = ["lds", "top_agreement", "top_in_five", "effect_correlation"]
COLUMNS = [
    *("design", "method", "kind", "prompts", "setting", "n_outputs", "n_models"),
    *("lds", "low", "high", "low_models", "high_models"),
    *("top_agreement", "top_low", "top_high", "top_in_five", "effect_correlation"),
]


@dataclass(frozen=True)
class Truth:
    """Losses of outputs under models that were trained on halves of the training tracks.

    Attributes
    ----------
    inside : ndarray, bool [halves, tracks]
        Which tracks a half holds.
    loss : ndarray, float64 [halves, outputs]
        Nats a made-up token, mean over the half's models, each model's mean over outputs taken off.
    unit : ndarray, int [tracks]
        Which tracks are one: those that are inside together in every half.
    tracks, outputs : Index of str
        track_id, output_id.
    n_models : int
    """

    inside: np.ndarray
    loss: np.ndarray
    unit: np.ndarray
    tracks: pd.Index
    outputs: pd.Index
    n_models: int

    def of(self, halves: np.ndarray) -> "Truth":
        """Some of its halves, by position or mask."""
        return replace(self, inside=self.inside[halves], loss=self.loss[halves])


def relative_losses(losses: pd.DataFrame) -> pd.DataFrame:
    """Relative losses (`truth.relative`): a row a model, a column an output.

    Raises
    ------
    InputError
        If a model lacks the loss of an output, or has two.
    """
    if losses.duplicated(["model", "output_id"]).any():
        raise InputError("losses: a model has two losses of one output; make the table again")
    wide = losses.pivot(index="model", columns="output_id", values="relative")
    lacking = wide.index[wide.isna().any(axis=1)]
    if len(lacking):
        raise InputError(
            f"losses: model {lacking[0]} lacks the loss of an output; make the table again"
        )
    return wide


def truth_of(members: pd.DataFrame, losses: pd.DataFrame, design: str) -> Truth:
    """The truth of one design.

    Parameters
    ----------
    members : DataFrame
        model, design, half, seed_number, track_id, inside.
    losses : DataFrame
        Of `truth.taken`: model, output_id, relative (nats a made-up token).
    design : str
        Which of `members`: "tracks" or "artists", after what was drawn.
    """
    mine = members[members.design == design]
    of_seed = by_seed(mine, losses)
    first = of_seed.pop(0)
    adjusted = [first]
    for again in of_seed.values():  # another beginning moves an output's loss, whatever the half
        adjusted.append(again - (again - first.loc[again.index]).mean())
    loss = pd.concat(adjusted).groupby(level=0).mean()
    inside = mine[mine.seed_number == 0]
    inside = inside.pivot(index="half", columns="track_id", values="inside").loc[loss.index]
    drawn = inside.to_numpy(bool)
    _, unit = np.unique(drawn, axis=1, return_inverse=True)
    n_models = sum(map(len, adjusted))
    return Truth(drawn, loss.to_numpy(), unit.ravel(), inside.columns, loss.columns, n_models)


def by_seed(members: pd.DataFrame, losses: pd.DataFrame) -> dict[int, pd.DataFrame]:
    """`relative_losses` of one design by seed number: a row a half, a column an output."""
    models = members.drop_duplicates("model").set_index("model")
    wide = relative_losses(losses[losses.model.isin(models.index)])
    models = models.loc[wide.index]
    return {
        number: wide.loc[part.index].set_axis(part.half.to_numpy()).sort_index()
        for number, part in models.groupby("seed_number")
    }


def predicted(truth: Truth, scores: np.ndarray) -> np.ndarray:
    """Sum of the scores of the tracks inside each half: float64 [halves, outputs].

    Rounded, so that equal sums tie in whatever order they were added.
    """
    return np.round(truth.inside.astype(np.float64) @ of_their_sum(scores).T, DIGITS)


def of_their_sum(scores: np.ndarray) -> np.ndarray:
    """Scores of each output, of the sum of their magnitudes: their scale says nothing."""
    sums = np.abs(scores).sum(axis=1, keepdims=True)
    return scores / np.where(sums > 0, sums, 1)


def effects(inside: np.ndarray, loss: np.ndarray) -> np.ndarray:
    """Mean loss of halves without something less mean loss of halves with it.

    Parameters
    ----------
    inside : ndarray, bool or float [halves, tracks or units]
    loss : ndarray, float64 [halves, outputs]

    Returns
    -------
    ndarray, float64 [outputs, tracks or units]
        NaN for what is in every half, or in none.
    """
    inside = inside.astype(np.float64)
    outside = 1 - inside
    with np.errstate(invalid="ignore"):  # 0 / 0
        return loss.T @ outside / outside.sum(axis=0) - loss.T @ inside / inside.sum(axis=0)


def units(truth: Truth) -> np.ndarray:
    """Which units a half holds: float64 [halves, units]."""
    _, first = np.unique(truth.unit, return_index=True)
    return truth.inside[:, first].astype(np.float64)


def by_unit(truth: Truth, scores: np.ndarray) -> np.ndarray:
    """Scores of tracks, added up by unit: float64 [outputs, units]."""
    return scores @ np.eye(truth.unit.max() + 1)[truth.unit]


def measured(truth: Truth, scores: np.ndarray) -> pd.DataFrame:
    """Each measure of each output.

    Parameters
    ----------
    truth : Truth
    scores : ndarray, float64 [outputs, tracks]
        Of one method. Among equal highest scores one is chosen at random: what that gives on
        average counts.

    Returns
    -------
    DataFrame
        `MEASURES`, a row an output. Where no two units have an effect that is known, all but lds
        are NaN.
    """
    true = effects(units(truth), truth.loss)
    known = np.isfinite(true[0]) if len(true) else np.empty(0, bool)
    lds = rank_correlation(predicted(truth, scores), -truth.loss)
    if known.sum() < 2:
        return pd.DataFrame({"lds": lds}).reindex(columns=MEASURES)
    true, mine = true[:, known], by_unit(truth, of_their_sum(scores))[:, known]
    mine = np.round(mine, DIGITS)
    best = mine == mine.max(axis=1, keepdims=True)
    best = best / best.sum(axis=1, keepdims=True)
    place = rankdata(-true, axis=1, method="ordinal")
    return pd.DataFrame(
        {
            "lds": lds,
            "top_agreement": (best * (place == 1)).sum(axis=1),
            "top_in_five": (best * (place <= FIVE)).sum(axis=1),
            "effect_correlation": rank_correlation(mine.T, true.T),
        }
    )


def matrix(truth: Truth, scores: pd.DataFrame) -> np.ndarray:
    """Scores of one method as an array.

    Parameters
    ----------
    truth : Truth
    scores : DataFrame
        output_id, track_id, score.

    Returns
    -------
    ndarray, float64 [outputs, tracks]
        What a method does not say of a track is the least that it says of any; NaN all along for an
        output of which it says nothing.
    """
    found = np.full((len(truth.outputs), len(truth.tracks)), np.nan)
    row = truth.outputs.get_indexer(scores.output_id)
    column = truth.tracks.get_indexer(scores.track_id)
    there = (row >= 0) & (column >= 0)
    found[row[there], column[there]] = scores.score.to_numpy(np.float64)[there]
    said = np.isfinite(found).any(axis=1)
    least = np.where(np.isfinite(found), found, np.inf).min(axis=1)
    found[said] = np.where(np.isfinite(found), found, least[:, None])[said]
    return found


def race(
    scores: pd.DataFrame,
    truth: Truth,
    outputs: pd.DataFrame,
    design: str,
    resamples: int,
    confidence: float,
    seed: int,
) -> pd.DataFrame:
    """Every method against the truth of one design.

    Parameters
    ----------
    scores : DataFrame
        method, kind, output_id, track_id, score.
    truth : Truth
    outputs : DataFrame
        List of the outputs: output_id, setting, prompt_split, prompt_group_id.
    design : str
        What the truth's halves were drawn of.
    resamples, confidence, seed
        As everywhere.

    Returns
    -------
    DataFrame
        `COLUMNS`: by prompts ("train", "control") and setting ("all" too), means over outputs of
        the measures. low and high: a bootstrap over outputs, clustered by the prompt's track;
        low_models and high_models: of lds, over halves; top_low and top_high: of top_agreement,
        over outputs. No row where a method says nothing of any output.
    """
    times = drawn_halves(len(truth.inside), resamples, seed, design)
    resampled = resampled_correlation(-truth.loss, times)
    tables = []
    for (kind, method), part in scores.groupby(["kind", "method"], sort=False):
        mine = matrix(truth, part)
        asked = np.isfinite(mine).all(axis=1)
        mine = np.where(asked[:, None], mine, 0.0)
        each = measured(truth, mine).assign(asked=asked, says=np.ptp(mine, axis=1) > 0)
        spread = resampled(predicted(truth, mine))
        about = {"design": design, "method": method, "kind": kind, "n_models": truth.n_models}
        tables += summed_up(about, each, spread, truth, outputs, resamples, confidence, seed)
    return pd.DataFrame(tables, columns=COLUMNS)


def summed_up(
    about: dict,
    each: pd.DataFrame,
    spread: np.ndarray,
    truth: Truth,
    outputs: pd.DataFrame,
    resamples: int,
    confidence: float,
    seed: int,
) -> Iterator[dict]:
    """Rows of `race` of one method.

    Parameters
    ----------
    about : dict
        design, method, kind, n_models.
    each : DataFrame
        `MEASURES` of each output of the truth; asked: whether the method has scores for it; says:
        whether these tell any track from another.
    spread : ndarray [draws, outputs]
        The lds in each resample of halves, or draw.
    truth, outputs, resamples, confidence, seed
        As of `race`.
    """
    listed = outputs.set_index("output_id").loc[truth.outputs].reset_index()
    values = each[MEASURES].to_numpy()
    for prompts, setting, mask in groups(listed):
        mask = mask & each.asked.to_numpy()
        if not each.says[mask].any():
            continue
        name = " ".join((about["design"], about["method"], prompts, setting))
        low, high = cluster_bootstrap(
            np.nan_to_num(values[mask]),
            listed.prompt_group_id[mask].to_numpy(str),
            resamples=resamples,
            confidence=confidence,
            rng=rng(seed, "counterfactual.outputs", name),
        )
        mean = float(values[mask, 0].mean())
        of_models = moved_interval(spread[:, mask].mean(axis=1), mean, confidence)
        row = about | {"prompts": prompts, "setting": setting, "n_outputs": int(mask.sum())}
        row |= dict(zip(MEASURES, values[mask].mean(axis=0), strict=True))
        row |= {"low": low[0], "high": high[0], "low_models": of_models[0]}
        row |= {"high_models": of_models[1], "top_low": low[1], "top_high": high[1]}
        top = np.isfinite(row["top_agreement"])
        yield row if top else row | dict.fromkeys(["top_low", "top_high"], np.nan)


def groups(listed: pd.DataFrame) -> Iterator[tuple[str, str, np.ndarray]]:
    """prompts, setting and mask of each group of outputs that a row is of."""
    for prompts in ("train", "control"):
        for setting in ("all", *sorted(set(listed.setting.dropna()))):
            mask = (listed.prompt_split == prompts) & (
                (listed.setting == setting) | (setting == "all")
            )
            if mask.any():
                yield prompts, setting, mask.to_numpy()
