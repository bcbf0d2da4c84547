"""Which tracks each retrained model learns from: random halves of the train split.

Halves are drawn one by one, not in complementary pairs: of a pair, the second tells a linear model
nothing that the first does not, and what the other tracks do is most of an effect's error. Models
of one seed number begin with the same weights, and draw their batches by the same numbers, so that
they differ by what they learned from; those of number 0 begin as the study's own generator did. A
second seed says how much hangs on that beginning.

Two more designs are no halves of the train split: "left_out", all of its tracks but one, and
"other_music", in which each track of a half has a control track of about its length in its place.
Such a half is like the half whose place it takes in all but the music: what a prediction found of
it would come of how much and how long the tracks are.
"""

import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment

from musical_roots.corpus.split import blocks
from musical_roots.errors import InputError
from musical_roots.seeding import rng

COLUMNS = ["model", "design", "half", "seed_number", "track_id", "inside"]
DESIGNS = ("tracks", "artists")  # the units that are inside or outside as a whole
LEFT_OUT, OTHER_MUSIC = "left_out", "other_music"


def members(
    tracks: pd.DataFrame,
    seed: int,
    halves: int,
    second_seeds: int,
    artist_halves: int,
    split_artists: bool,
    left_out: bool,
    control: pd.DataFrame,
    other_halves: int,
) -> pd.DataFrame:
    """What each model learns from.

    Parameters
    ----------
    tracks : DataFrame
        What the study's generator learned from: track_id, group_id, artist, duration_s.
    seed : int
        The config's seed.
    halves, artist_halves : int
        Halves of the tracks (a track and its near duplicates are one), and of the artists.
    second_seeds : int
        The first so many halves of the tracks are learned twice, from other weights.
    split_artists : bool
        See `corpus.split.blocks`.
    left_out : bool
        Whether each track, with its near duplicates, is left out once.
    control : DataFrame
        As `tracks`, of the control split.
    other_halves : int
        So many of the first halves of the tracks are made of `stand_ins`, too.

    Returns
    -------
    DataFrame
        A row a model and track: model (its name), design (of `DESIGNS`, "left_out", "other_music"),
        half (its number; of "left_out" that of what is left out), seed_number (0 or 1), track_id,
        inside.

    Raises
    ------
    InputError
        If there are not two units of a design, or fewer control tracks than tracks.
    """
    if other_halves and len(control) < len(tracks):
        raise InputError(
            f"counterfactual.other_halves: {len(control)} control tracks are as long as a crop, too"
            f" few to stand in for {len(tracks)} of the train split; add control music, or set it"
            " to 0"
        )
    units = {"tracks": tracks.group_id, "artists": blocks(tracks, split_artists)}
    counts = {"tracks": halves, "artists": artist_halves}
    parts = []
    for design in DESIGNS:
        for half in range(counts[design]):
            inside = one_half(units[design], tracks.duration_s, seed, f"{design} {half}")
            for number in range(1 + (design == "tracks" and half < second_seeds)):
                rows = tracks[["track_id"]].assign(inside=inside, model=name(design, half, number))
                parts.append(rows.assign(design=design, half=half, seed_number=number))
    for place, unit in enumerate(sorted(set(units["tracks"])) if left_out else ()):
        rows = tracks[["track_id"]].assign(inside=(units["tracks"] != unit).to_numpy())
        rows = rows.assign(model=name(LEFT_OUT, place, 0), design=LEFT_OUT, half=place)
        parts.append(rows.assign(seed_number=0))
    table = pd.concat(parts, ignore_index=True)[COLUMNS]
    others = {name("tracks", half, 0): name(OTHER_MUSIC, half, 0) for half in range(other_halves)}
    taken = table[table.model.isin(others)].assign(design=OTHER_MUSIC)
    instead = taken.track_id.map(stand_ins(tracks, control))
    taken = taken.assign(model=taken.model.map(others), track_id=instead)
    return pd.concat([table, taken], ignore_index=True)


def stand_ins(tracks: pd.DataFrame, control: pd.DataFrame) -> dict[str, str]:
    """A control track for each train track, so that they differ least in length, all together.

    Parameters
    ----------
    tracks, control : DataFrame
        track_id, duration_s.

    Returns
    -------
    dict
        track_id of a train track to that of a control track, which stands in for no other.
    """
    one, other = (
        table.sort_values("track_id").set_index("track_id").duration_s
        for table in (tracks, control)
    )
    places = linear_sum_assignment(np.abs(one.to_numpy()[:, None] - other.to_numpy()))
    return dict(zip(one.index[places[0]], other.index[places[1]], strict=True))


def train_tracks(members: pd.DataFrame) -> np.ndarray:
    """The tracks whose halves models learned from: str [tracks]."""
    return members.track_id[members.design.isin(DESIGNS)].unique()


def name(design: str, half: int, seed_number: int) -> str:
    """What a model is called."""
    return f"{design}-{half:03d}-{seed_number}"


def seed_of(seed: int, number: int) -> int:
    """The seed that models of a seed number are trained by: of number 0 the config's own."""
    return int(rng(seed, "counterfactual.seed", str(number)).integers(2**31)) if number else seed


def one_half(units: pd.Series, seconds: pd.Series, seed: int, item: str) -> np.ndarray:
    """A random half: units in a random order, until half of the playing time is next to reached.

    Parameters
    ----------
    units : Series of str
        The unit of each track.
    seconds : Series of float
        Length of each track.
    seed : int
        The config's seed.
    item : str
        Which half it is.

    Returns
    -------
    ndarray of bool
        Of each track, whether it is inside; a unit is inside or outside as a whole, and one at
        least is either.

    Raises
    ------
    InputError
        If there are not two units.
    """
    lengths = seconds.groupby(units).sum().sort_index()
    if len(lengths) < 2:
        raise InputError(
            f"counterfactual: of {len(lengths)} {item.partition(' ')[0]} in the train split there "
            "is no half; add recordings, or ask for no such halves"
        )
    order = rng(seed, "counterfactual.half", item).permutation(len(lengths))
    filled = lengths.to_numpy()[order].cumsum()
    count = 1 + int(np.abs(filled[:-1] - filled[-1] / 2).argmin())
    return units.isin(lengths.index[order[:count]]).to_numpy()
