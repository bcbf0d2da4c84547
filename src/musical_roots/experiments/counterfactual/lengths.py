"""How long a network is trained: what it learns of music, what of its tracks, and what shows.

Held-out loss says how good a model it is, the gap to the loss on its own tracks how much it knows
by heart. Outputs are the study's, made again by each network of the same prompts and masks.
"""

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from musical_roots.experiments.counterfactual.dose import made_again
from musical_roots.experiments.token_share import CODEBOOKS, TokenIndex
from musical_roots.generators.openvamp import training
from musical_roots.generators.openvamp.model import Size


def measure_length(
    tokens: Mapping[str, Mapping[str, np.ndarray]],
    outputs: pd.DataFrame,
    size: Size,
    *,
    steps: int,
    batch_size: int,
    device: str,
    precision: str,
    seed: int,
    progress: Callable[[int], object] = lambda done: None,
) -> pd.DataFrame:
    """Train a network on the train split for so long, and measure it.

    Parameters
    ----------
    tokens, outputs, size, seed, progress
        As of `dose.measure_network`.
    steps, batch_size, device, precision
        As of `training.train`.

    Returns
    -------
    DataFrame
        A row a setting, and one of all: steps, batch, train_loss and control_loss (nats a masked
        token), gap (the second less the first), setting, own_track (share of outputs with train
        prompts whose prompt's track has the highest token share of all train tracks), n_outputs.
    """
    how = {"steps": steps, "batch_size": batch_size, "device": device, "precision": precision}
    model, _ = training.train(tokens["train"], {}, size, seed=seed, progress=progress, **how)
    losses = {
        f"{split}_loss": training.evaluate(model, tokens[split], seed)["loss"]
        for split in ("train", "control")
    }
    told = {"steps": steps, "batch": batch_size, **losses}
    told["gap"] = told["control_loss"] - told["train_loss"]
    prompted = outputs[outputs.prompt_split == "train"]
    own = own_track(made_again(model, prompted, seed, progress), prompted, tokens["train"])
    groups = [("all", own), *own.groupby(prompted.setting.to_numpy())]
    return pd.DataFrame(
        [told | {"setting": name, "own_track": part.mean(), "n_outputs": len(part)}
         for name, part in groups]
    )  # fmt: skip


def own_track(
    made: list[tuple[np.ndarray, np.ndarray]],
    outputs: pd.DataFrame,
    train: Mapping[str, np.ndarray],
) -> pd.Series:
    """Whether the track with the highest token share of each output is that of its prompt.

    Parameters
    ----------
    made : list of (tokens, kept)
        Of `made_again`.
    outputs : DataFrame
        prompt_track_id of each.
    train : mapping of str to ndarray, int [codebooks, frames]

    Returns
    -------
    Series of float64
        1, 0, or where several tracks have the highest, the share of one: as in the race.
    """
    index = TokenIndex.build(train, CODEBOOKS)
    tracks = np.array(index.tracks)
    shares = []
    for one, own in zip(made, outputs.prompt_track_id, strict=True):
        score = index.token_share(*one)
        shares.append((tracks[score == score.max()] == own).mean())
    return pd.Series(shares, dtype="float64")
