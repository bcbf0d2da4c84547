"""Dose and response: what a track heard more often leaves in outputs that were prompted elsewhere.

Train tracks are given doses by lot, how often each stands in the training set, and a network is
trained on that; another one on the same tracks with other doses. Outputs are those of the study
whose prompts are of the control split, made anew: the same prompts, masks and settings. So nothing
but training tells them of the tracks. What is read of each track:

- share: frames of an output that are its own, by `token_share`, in an index that holds every track
  once, trained on or not;
- lift: the same over what its length alone would give it;
- matched_lift: lift of the control track that is nearest to it in length, which no dose can move;
- rank: of its lift among the train tracks, 1 for the highest;
- p: share of control tracks whose lift is as high, itself counted in;
- loss: of its own tokens under the network, in nats.

Trends are Spearman's rank correlation of dose and measure, each track's own mean taken off, meant
over networks; p by doses that are dealt anew within each network, which is how they were dealt.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from musical_roots.arrays import read_arrays
from musical_roots.errors import InputError
from musical_roots.experiments.counterfactual.losses import hidden_of_tracks, losses
from musical_roots.experiments.token_share import CODEBOOKS, TokenIndex
from musical_roots.generators.base import VampSettings
from musical_roots.generators.openvamp import training
from musical_roots.generators.openvamp.model import MaskedTransformer, Size
from musical_roots.generators.openvamp.sampling import fill
from musical_roots.generators.openvamp.training import longer_than_a_crop
from musical_roots.seeding import rng
from musical_roots.statistics import cluster_bootstrap, conformal_p

MEASURES = ("share", "lift", "matched_lift", "rank", "p", "loss")


def measure_network(
    tokens: Mapping[str, Mapping[str, np.ndarray]],
    outputs: pd.DataFrame,
    size: Size,
    *,
    number: int,
    doses: list[int],
    tracks_a_dose: int,
    masks: int,
    seed: int,
    progress: Callable[[int], object] = lambda done: None,
    **how,
) -> pd.DataFrame:
    """Deal doses, train a network on them, and read what each track has left in its outputs.

    Parameters
    ----------
    tokens : mapping
        "train" and "control" to track_id to tokens, int [codebooks, frames].
    outputs : DataFrame
        The study's vamps: those of control prompts are made again.
    size : Size
        Of the network.
    number, doses, tracks_a_dose
        As of `dealt`.
    masks : int
        Crops of a track on which its loss is taken.
    seed : int
        The config's seed.
    progress : callable
        Told of every step of training, and of every output.
    how
        steps, batch_size, device, precision: as of `training.train`.

    Returns
    -------
    DataFrame
        Of `measured`.
    """
    train, control = tokens["train"], tokens["control"]
    dose = dealt(longer_than_a_crop(train), number, doses, tracks_a_dose, seed)
    drawn = int(rng(seed, "counterfactual.dose_network", number).integers(2**31))
    heard = repeated(train, dose)
    model, _ = training.train(heard, {}, size, seed=drawn, progress=progress, **how)
    elsewhere = outputs[outputs.prompt_split == "control"]
    made = made_again(model, elsewhere, seed, progress)
    shown = found(made, elsewhere.prompt_track_id.tolist(), train, control)
    return measured(shown, losses_of(model, train, masks, seed), dose, number)


def dealt(
    tracks: Iterable[str], number: int, doses: list[int], tracks_a_dose: int, seed: int
) -> pd.Series:
    """The dose of each of some tracks, for one network: track_id -> int.

    Parameters
    ----------
    tracks : iterable of str
        track_id of those that are long enough to be trained on.
    number : int
        Of the network: all have the same tracks, each deals anew.
    doses : list of int
        How often a track stands in the training set.
    tracks_a_dose : int
        At most; as many as there are tracks for.
    seed : int
        The config's seed.

    Raises
    ------
    InputError
        If there is no track for each dose.
    """
    tracks = sorted(tracks)
    each = min(tracks_a_dose, len(tracks) // len(doses))
    if not each:
        raise InputError(
            f"counterfactual.dose.doses: {len(doses)} doses, and {len(tracks)} train tracks are "
            "long enough; ask for fewer doses"
        )
    order = rng(seed, "counterfactual.dosed").permutation(len(tracks))[: each * len(doses)]
    lot = rng(seed, "counterfactual.dose", number).permutation(np.repeat(doses, each))
    return pd.Series(lot, [tracks[i] for i in sorted(order)], name="dose")


def repeated(tokens: Mapping[str, np.ndarray], dose: pd.Series) -> dict[str, np.ndarray]:
    """A training set in which each track stands as often as its dose says, others once."""
    return {
        f"{track} {copy}": tokens[track]
        for track in tokens
        for copy in range(dose.get(track, default=1))
    }


def made_again(
    model: MaskedTransformer,
    outputs: pd.DataFrame,
    seed: int,
    progress: Callable[[int], object] = lambda done: None,
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Tokens of outputs that another network makes of the same prompts, masks and settings.

    Parameters
    ----------
    model : MaskedTransformer
    outputs : DataFrame
        A vamp list: output_id, tokens_path, and the fields of `VampSettings`.
    seed : int
        The config's seed.
    progress : callable
        Told of every output.

    Returns
    -------
    list of (tokens, kept)
        int and bool, both [codebooks, frames].
    """
    made = []
    for row in outputs.itertuples():
        file = read_arrays([row.tokens_path])
        told = {one.name: getattr(row, one.name) for one in fields(VampSettings)}
        chance = rng(seed, "counterfactual.dosed_vamp", row.output_id)
        tokens = fill(model, file["tokens"], file["kept"], VampSettings(**told), chance)
        made.append((tokens, file["kept"]))
        progress(1)
    return made


def found(
    made: list[tuple[np.ndarray, np.ndarray]],
    prompt_tracks: list[str],
    train: Mapping[str, np.ndarray],
    control: Mapping[str, np.ndarray],
) -> pd.DataFrame:
    """What outputs show of every track, by the generator's tokens.

    Parameters
    ----------
    made : list of (tokens, kept)
        Of `made_again`.
    prompt_tracks : list of str
        track_id of the prompt of each; of that track the output says nothing.
    train, control : mapping of str to ndarray, int [codebooks, frames]

    Returns
    -------
    DataFrame
        A row a track: track_id, split, n_frames, share (frames an output), lift.
    """
    index = TokenIndex.build({**train, **control}, CODEBOOKS)
    shares = pd.DataFrame([index.token_share(*one) for one in made], columns=index.tracks)
    for row, track in enumerate(prompt_tracks):
        if track in shares:
            shares.loc[row, track] = np.nan
    lengths = pd.Series({track: one.shape[1] for track, one in {**train, **control}.items()})
    due = shares.sum(axis=1).mean() * lengths / lengths.sum()
    share = shares.mean()
    table = pd.DataFrame({"n_frames": lengths, "share": share, "lift": share / due})
    table["split"] = ["train" if track in train else "control" for track in table.index]
    return table.rename_axis("track_id").reset_index()


def measured(shown: pd.DataFrame, loss: pd.Series, dose: pd.Series, network: int) -> pd.DataFrame:
    """The measures of each track that was given a dose.

    Parameters
    ----------
    shown : DataFrame
        Of `found`.
    loss : Series
        track_id -> nats a token.
    dose : Series
        Of `dealt`.
    network : int

    Returns
    -------
    DataFrame
        network, track_id, dose, and `MEASURES`.
    """
    shown = shown.set_index("track_id").sort_index()
    train = shown[shown.split == "train"]
    # where every prompt is of one track, nothing is known of that
    control = shown[shown.split == "control"].dropna(subset="lift")
    table = shown.loc[dose.index, ["share", "lift"]].assign(dose=dose, network=network)
    apart = np.abs(control.n_frames.to_numpy() - shown.n_frames[dose.index].to_numpy()[:, None])
    table["matched_lift"] = control.lift.to_numpy()[apart.argmin(axis=1)]
    table["rank"] = train.lift.rank(ascending=False)[dose.index]
    table["p"] = conformal_p(table.lift, control.lift, control.index)
    table["loss"] = loss[dose.index]
    return table.rename_axis("track_id").reset_index()[["network", "track_id", "dose", *MEASURES]]


def losses_of(
    model: MaskedTransformer, tokens: Mapping[str, np.ndarray], masks: int, seed: int
) -> pd.Series:
    """Loss of each track under a network: track_id -> nats a token."""
    return losses(model, hidden_of_tracks(tokens, seed, masks)).set_index("of").loss


def summarised(
    measured: pd.DataFrame, draws: int, resamples: int, confidence: float, seed: int
) -> pd.DataFrame:
    """Each measure by dose, and its trend.

    Parameters
    ----------
    measured : DataFrame
        Of `measured`, of all networks.
    draws : int
        Deals of the doses, for p.
    resamples, confidence, seed
        Of the intervals of means, clustered by track.

    Returns
    -------
    DataFrame
        measure, dose, mean, low, high, n_tracks, n_networks; rho and p_trend, of all doses.
    """
    rows = []
    for measure in MEASURES:
        rho, p = trend(measured, measure, draws, seed)
        for dose, part in measured.groupby("dose"):
            chance = rng(seed, "counterfactual.dose_mean", f"{measure} {dose}")
            low, high = cluster_bootstrap(
                part[measure], part.track_id, resamples=resamples, confidence=confidence, rng=chance
            )
            row = {"measure": measure, "dose": dose, "mean": part[measure].mean()}
            row |= {"low": low, "high": high, "n_tracks": part.track_id.nunique()}
            rows.append(row | {"n_networks": part.network.nunique(), "rho": rho, "p_trend": p})
    return pd.DataFrame(rows)


def trend(measured: pd.DataFrame, measure: str, draws: int, seed: int) -> tuple[float, float]:
    """Rank correlation of dose and a measure, and its p on both sides, by dealing anew.

    Parameters
    ----------
    measured : DataFrame
        network, track_id, dose, and the measure; every network has the same tracks.
    measure : str
    draws : int
    seed : int

    Returns
    -------
    rho : float
        Mean over networks, each track's mean over networks taken off if there are several.
    p : float
    """
    values = measured.pivot(index="network", columns="track_id", values=measure).to_numpy(float)
    doses = measured.pivot(index="network", columns="track_id", values="dose").to_numpy(float)
    if len(values) > 1:
        values = values - values.mean(axis=0)
    values, doses = (_standardised(rankdata(each, axis=1)) for each in (values, doses))
    rho = (values * doses).mean()
    chance = rng(seed, "counterfactual.dose_trend", measure)
    null = [(values * chance.permuted(doses, axis=1)).mean() for _ in range(draws)]
    return float(rho), float((1 + (np.abs(null) >= abs(rho) - 1e-12).sum()) / (1 + draws))


def _standardised(ranks: np.ndarray) -> np.ndarray:
    centred = ranks - ranks.mean(axis=1, keepdims=True)
    return centred / np.maximum(centred.std(axis=1, keepdims=True), 1e-12)
