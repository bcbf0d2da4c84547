"""Trials of both arms of the listening study, as results/listening/<arm>/trials.csv has them."""

from itertools import combinations

import numpy as np
import pandas as pd

CENTRES = {1: 0.875, 2: 0.784, 3: 0.693, 4: 0.151}  # of the paper's CLMR


def paper_trials(x_clips=15, encoders=("clmr",), questions=10):
    """All pairs of four bins for each X, an encoder at a time."""
    rows = [
        _trial("paper", encoder, f"x{x}", (near, far), CENTRES)
        for encoder in encoders
        for x in range(x_clips)
        for near, far in combinations(CENTRES, 2)
    ]
    return _in_blocks(pd.DataFrame(rows), questions)


def our_trials(x_clips=60, encoders=("clmr", "musicnn"), questions=20):
    """Pairs of ranks for each X; in each block two catch trials and a repeat."""
    cosines = {1: 0.9, 10: 0.8, 100: 0.7, None: 0.2}
    rows = [
        _trial("ours", encoder, f"y{x}", pair, cosines, ("training", "vamp", "perturbed")[x % 3])
        for encoder in encoders
        for x in range(x_clips)
        for pair in ((1, 10), (10, 100), (1, None), (100, None))
    ]
    return _in_blocks(pd.DataFrame(rows).sample(frac=1, random_state=1), questions - 3, True)


def _trial(arm, encoder, x, pair, cosines, x_kind="training"):
    told = f"{arm}-{encoder}-{x}-{pair[0]}-{pair[1]}"
    draw = np.random.default_rng(list(told.encode()))
    sides = "ab" if draw.random() < 0.5 else "ba"
    what, other = ("bin", "rank") if arm == "paper" else ("rank", "bin")
    row = {"trial_id": told, "arm": arm, "encoder": encoder, "x_clip_id": x, "x_kind": x_kind}
    for side, place in zip(sides, pair, strict=True):
        row |= {
            f"{side}_{what}": place,
            f"{side}_{other}": None,
            f"{side}_clip_id": f"{told}{side}",
        }
        row[f"{side}_drawn"] = f"{what}_{place}" if place else "random"
        row[f"{side}_rank"] = row[f"{side}_rank"] or 1000 * (place or 1)
        row[f"{side}_cosine"] = cosines[place] + draw.uniform(-0.02, 0.02)
    return row | {"nearer": sides[0], "kind": "test", "repeats": ""}


def _in_blocks(tests, length, checked=False):
    blocks = []
    for number, first in enumerate(range(0, len(tests), length), 1):
        block = tests.iloc[first : first + length]
        if checked:
            same = [
                block.iloc[place].to_dict()
                | {"kind": kind, "trial_id": f"{kind}-{number}", "a_rank": None, "b_rank": None}
                for place, kind in ((1, "catch_identical"), (2, "catch_absurd"))
            ]
            again = block.iloc[0].to_dict()
            again |= {"kind": "repeat", "trial_id": f"again-{number}", "repeats": again["trial_id"]}
            block = pd.concat([block, pd.DataFrame([*same, again])])
        blocks.append(block.assign(block=number, position=range(1, len(block) + 1)))
    return pd.concat(blocks, ignore_index=True)
