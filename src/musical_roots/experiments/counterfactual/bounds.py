"""What the race is held against: ceilings, which no method that knows no losses need reach, and
negative controls, which must find nothing.

Ceilings
--------
* "two seeds of one half": the losses of a half's other model, trained with another seed, in the
  place of a prediction. It is no ceiling itself: a prediction of what all seeds have in common can
  reach its square root.
* "datamodel of half of the halves": ridge regression of losses on members (Ilyas et al. 2022,
  section 2), fitted on half of the halves, drawn at random, and held against the others.

Negative controls
-----------------
* "random scores": normal, of mean 0, drawn anew for each output and track.
* "exchanged members": the best method, where the halves have each other's members in a random
  order. Some have their own: were none allowed it, those of the others would tell of it, and so
  would those of a few that are like in size.
* "another prompt": the best method, where each output has the losses of the vamp of another prompt
  of the same split, in the same setting. What all vamps have in common remains, so this need not
  be 0.
* "a generator of other music": the best method, where the losses are those under models that heard
  a control track of about its length in the place of each track (`halves.stand_ins`). What it
  found there would come of how much and how long the tracks of a half are. A stand-in does
  something to an output by itself: so this is held against the same stand-ins of other tracks, in
  a random order.

Source of the datamodel: Ilyas et al., "Datamodels", ICML 2022 (theirs is a lasso). Its penalty is
the one of least error, each fitted half left out in turn, over all outputs.
"""

from dataclasses import replace

import numpy as np
import pandas as pd

from musical_roots.experiments.counterfactual import SECOND_SEED
from musical_roots.experiments.counterfactual.correlations import (
    drawn_halves,
    rank_correlation,
    resampled_correlation,
)
from musical_roots.experiments.counterfactual.halves import OTHER_MUSIC
from musical_roots.experiments.counterfactual.race import (
    COLUMNS,
    MEASURES,
    Truth,
    by_seed,
    matrix,
    measured,
    predicted,
    summed_up,
)
from musical_roots.seeding import rng

DATAMODEL = "datamodel of half of the halves"
RANDOM = "random scores"
EXCHANGED = "exchanged members"
OTHER_PROMPT = "another prompt"
OTHER_MODELS = "a generator of other music"
LEAST = 4  # halves: of fewer there is nothing to correlate
PENALTIES = np.logspace(-1, 4, 26)


def bounds(
    raced: pd.DataFrame,
    scores: pd.DataFrame,
    members: pd.DataFrame,
    losses: pd.DataFrame,
    truth: Truth,
    outputs: pd.DataFrame,
    design: str,
    draws: int,
    resamples: int,
    confidence: float,
    seed: int,
) -> pd.DataFrame:
    """Rows of ceilings and negative controls, as of `race.race`.

    Parameters
    ----------
    raced : DataFrame
        Of `race.race`: which method is the best.
    draws : int
        Of controls, and of halves of the halves. low_models and high_models hold `confidence` of
        the draws: of exchanged members, of orders of the halves or stand-ins; of the second seed,
        resamples of the halves that have one.
    scores, members, losses, truth, outputs, design, resamples, confidence, seed
        As of `race.race`.
    """
    rows = []

    def add(method: str, kind: str, n_models: int, each: pd.DataFrame, spread: np.ndarray) -> None:
        about = {"design": design, "method": method, "kind": kind, "n_models": n_models}
        told = each.assign(asked=True, says=True)
        rows.extend(summed_up(about, told, spread, truth, outputs, resamples, confidence, seed))

    one, other = second_seeds(members, losses, design)
    if len(one) > 2:
        each = pd.DataFrame({"lds": rank_correlation(one, other)}).reindex(columns=MEASURES)
        times = drawn_halves(len(one), resamples, seed, f"{design} {SECOND_SEED}")
        add(SECOND_SEED, "ceiling", 2 * len(one), each, resampled_correlation(other, times)(one))
    add(DATAMODEL, "ceiling", truth.n_models, *datamodels(truth, draws, seed, design))
    shape = len(truth.outputs), len(truth.tracks)
    chances = (rng(seed, "counterfactual.random", f"{design} {draw}") for draw in range(draws))
    found = [measured(truth, chance.normal(size=shape)) for chance in chances]
    add(RANDOM, "control", truth.n_models, *over_draws(found))
    best = best_method(raced)
    if best is None:
        return pd.DataFrame(rows, columns=COLUMNS)
    mine = np.nan_to_num(matrix(truth, scores[scores.method == best]))
    found = [measured(members, mine) for members in exchanged(truth, draws, seed, design)]
    add(EXCHANGED, "control", truth.n_models, *over_draws(found))
    orders = other_prompts(truth, outputs, draws, seed, design)
    found = [measured(replace(truth, loss=truth.loss[:, order]), mine) for order in orders]
    add(OTHER_PROMPT, "control", truth.n_models, *over_draws(found))
    others = of_other_music(members, losses, truth) if design == "tracks" else None
    if others is not None:
        spread = [
            rank_correlation(predicted(other, mine), -other.loss)
            for other in other_stand_ins(others, draws, seed)
        ]
        add(OTHER_MODELS, "control", others.n_models, measured(others, mine), np.array(spread))
    return pd.DataFrame(rows, columns=COLUMNS)


def best_method(raced: pd.DataFrame) -> str | None:
    """The method of the highest lds, mean over train and control prompts; None if there is none."""
    rows = raced[(raced.setting == "all") & ~raced.kind.isin(["baseline", "ceiling", "control"])]
    return highest(rows, "lds")


def highest(rows: pd.DataFrame, measure: str) -> str | None:
    """The method with the highest mean over train and control prompts; None if there is none.

    Of prompts of which a method says nothing it has 0.
    """
    if rows.empty:
        return None
    wide = rows.pivot_table(measure, "method", "prompts", sort=False, fill_value=0.0)
    return wide.mean(axis=1).idxmax()


def over_draws(found: list[pd.DataFrame]) -> tuple[pd.DataFrame, np.ndarray]:
    """Measures of each output, mean over draws; and their lds: [draws, outputs]."""
    values = np.stack([each[MEASURES].to_numpy() for each in found])
    return pd.DataFrame(values.mean(axis=0), columns=MEASURES), values[:, :, 0]


def second_seeds(
    members: pd.DataFrame, losses: pd.DataFrame, design: str
) -> tuple[np.ndarray, np.ndarray]:
    """Losses of the two models of each half that has a second seed: float64 [halves, outputs]."""
    of_seed = by_seed(members[members.design == design], losses)
    if 1 not in of_seed:
        return np.empty((0, 0)), np.empty((0, 0))
    other = of_seed[1]
    return of_seed[0].loc[other.index].to_numpy(), other.to_numpy()


def datamodels(truth: Truth, draws: int, seed: int, design: str) -> tuple[pd.DataFrame, np.ndarray]:
    """Datamodels of random halves of the halves, each held against the other halves."""
    size, found = len(truth.inside), []
    for draw in range(draws):
        order = rng(seed, "counterfactual.datamodel", f"{design} {draw}").permutation(size)
        fitted, held = order[: size // 2], order[size // 2 :]
        weights = datamodel(truth.inside[fitted], truth.loss[fitted])
        found.append(measured(truth.of(held), -weights))
    return over_draws(found)


def datamodel(inside: np.ndarray, loss: np.ndarray) -> np.ndarray:
    """Ridge regression of losses on members, its penalty by leaving one half out at a time.

    Parameters
    ----------
    inside : ndarray, bool [halves, tracks]
    loss : ndarray, float64 [halves, outputs]

    Returns
    -------
    ndarray, float64 [outputs, tracks]
        What a track inside adds to each output's loss.
    """
    members = inside - inside.mean(axis=0)
    wanted = loss - loss.mean(axis=0)
    values, vectors = np.linalg.eigh(members @ members.T)
    turned = vectors.T @ wanted

    def shrunk(penalty: float) -> np.ndarray:
        return vectors * (1 / (values.clip(min=0) + penalty))

    def error(penalty: float) -> float:
        """Of each half, predicted by the others: its residual / (1 - leverage), mean included."""
        part = penalty * shrunk(penalty)
        left = (part * vectors).sum(axis=1, keepdims=True) - 1 / len(vectors)
        return float(((part @ turned / left) ** 2).sum())

    return (members.T @ (shrunk(min(PENALTIES, key=error)) @ turned)).T


def exchanged(truth: Truth, draws: int, seed: int, design: str) -> list[Truth]:
    """The truth with the members of its halves in a random order, an order a draw."""
    chances = (rng(seed, "counterfactual.exchange", f"{design} {draw}") for draw in range(draws))
    return [replace(truth, inside=chance.permutation(truth.inside)) for chance in chances]


def of_other_music(members: pd.DataFrame, losses: pd.DataFrame, truth: Truth) -> Truth | None:
    """The first halves of a truth, with losses under models of other music; None without these."""
    models = members[members.design == OTHER_MUSIC]
    if models.half.nunique() < LEAST:
        return None
    loss = by_seed(models, losses)[0][truth.outputs].to_numpy()[: len(truth.inside)]
    return replace(truth.of(np.arange(len(loss))), loss=loss, n_models=len(loss))


def other_stand_ins(others: Truth, draws: int, seed: int) -> list[Truth]:
    """Of models of other music, with the stand-ins of tracks in a random order, an order a draw."""
    chances = (rng(seed, "counterfactual.stand_ins", str(draw)) for draw in range(draws))
    return [replace(others, inside=chance.permutation(others.inside, axis=1)) for chance in chances]


def other_prompts(
    truth: Truth, outputs: pd.DataFrame, draws: int, seed: int, design: str
) -> list[np.ndarray]:
    """Positions of outputs of other prompts, of the same split and setting: int [outputs] each.

    Where a prompt has more than half of a setting's vamps, some of these keep their own.
    """
    listed = outputs.set_index("output_id").loc[truth.outputs].reset_index()
    orders = []
    for draw in range(draws):
        chance = rng(seed, "counterfactual.prompts", f"{design} {draw}")
        order = np.arange(len(listed))
        turn = {  # the same for all settings
            split: chance.permutation(sorted(set(part.prompt_group_id)))
            for split, part in listed.groupby("prompt_split")
        }
        for (split, _setting), part in listed.groupby(["prompt_split", "setting"]):
            place = dict(zip(turn[split], range(len(turn[split])), strict=True))
            rows = part.index[np.argsort(part.prompt_group_id.map(place), kind="stable")]
            step = part.prompt_group_id.value_counts().max()  # past the largest group
            order[rows] = np.roll(rows, step)
        orders.append(order)
    return orders
