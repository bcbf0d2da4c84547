"""A few tracks, their tokens, and halves of them: what tests of retraining begin with."""

import numpy as np
import pandas as pd
from tiny_openvamp import SIZE

from musical_roots.experiments.counterfactual import halves

NAMES = list("abcdefgh")
TRACKS = pd.DataFrame(
    {
        "track_id": NAMES,
        "group_id": list("abcdefgg"),  # h is a near duplicate of g
        "artist": ["One", "One & Two", "Two", "Three", "Four", "Five", "Six", "Seven"],
        "duration_s": [100.0, 60, 80, 120, 90, 70, 110, 110],
        "split": "train",
    }
)
TOKENS = {
    track: np.random.default_rng(number).integers(SIZE.entries, size=(SIZE.codebooks, 270 + number))
    for number, track in enumerate(NAMES)
}
CONTROL = TRACKS.assign(track_id=TRACKS.track_id.str.upper(), split="control")
DRAWN = {"seed": 3, "halves": 6, "second_seeds": 2, "artist_halves": 3, "split_artists": True}
DRAWN |= {"left_out": False, "control": CONTROL, "other_halves": 0}


def drawn(**changed) -> pd.DataFrame:
    return halves.members(TRACKS, **(DRAWN | changed))


def inside_of(members: pd.DataFrame) -> dict[str, list[str]]:
    return members[members.inside].groupby("model").track_id.agg(list).to_dict()
