"""Pairs of clips -> trials: which clip is A, catch trials and repeats, sessions and their order.

A block is what one person answers in one session. What stands in trials.csv of an arm:

========================  =========================================================================
trial_id, arm, encoder    the encoder whose cosines are asked after
x_clip_id, x_kind         X: a training clip, a vamp or a perturbed clip
a_*, b_*                  clip_id, cosine to X, rank among the clips of other tracks, bin, why drawn
nearer                    a or b: which the encoder holds nearer to X (of a catch trial: is right)
gap_stratum               1 (nearly equal cosines) to 4 (far apart), of our arm
kind, repeats             test, catch_identical, catch_absurd, repeat; trial_id that is repeated
block, position           session, from 1, and place in it, from 1
x_audio, a_audio, b_audio paths from the folder of the arm
========================  =========================================================================
"""

import hashlib

import numpy as np
import pandas as pd

from musical_roots.listening.kinds import dealt
from musical_roots.seeding import rng

AUDIO = "page/audio"
NOISE = "noise"  # what catch_absurd holds against music
COLUMNS = [
    *("trial_id", "arm", "encoder", "x_clip_id", "x_kind", "a_clip_id", "b_clip_id"),
    *("a_cosine", "b_cosine", "a_rank", "b_rank", "a_bin", "b_bin", "a_drawn", "b_drawn"),
    *("gap_stratum", "nearer", "kind", "repeats", "block", "position"),
    *("x_audio", "a_audio", "b_audio"),
]
WHOLE = ["a_rank", "b_rank", "a_bin", "b_bin", "gap_stratum"]


def trials(
    pairs: pd.DataFrame,
    arm: str,
    questions: int,
    catch_share: float,
    repeat_share: float,
    mixed: bool,
    seed: int,
) -> pd.DataFrame:
    """The trials of an arm.

    Parameters
    ----------
    pairs : DataFrame
        `stimuli.PAIR_COLUMNS`, of one encoder or more.
    arm : str
    questions : int
        Trials a block, at most; blocks are about equally long.
    catch_share, repeat_share : float
        Of a block: trials with a right answer, half of them with X itself as A or B, half with
        noise; and trials that come twice in it.
    mixed : bool
        Whether a block holds pairs of several encoders, or those of one.
    seed : int

    Returns
    -------
    DataFrame
        `COLUMNS`, by block and position.
    """
    if pairs.empty:
        return pd.DataFrame(columns=COLUMNS)
    tests = pairs.assign(kind="test").reset_index(drop=True)
    length, catches, repeats = dealt(questions, catch_share, repeat_share)
    music = tests[tests.x_kind == "training"]
    music = tests if music.empty else music  # a perturbed X may be noise itself
    parts = [tests] if mixed else [part for _, part in tests.groupby("encoder")]
    blocks = []
    for number, part in enumerate(_blocks(parts, length, f"listening.order {arm}", seed), 1):
        chance = rng(seed, f"listening.block {arm}", str(number))
        caught = [
            _catch(music.iloc[int(chance.integers(len(music)))], number * catches + turn)
            for turn in range(catches)
        ]
        block = pd.concat([part, pd.DataFrame(caught)]).astype(object)
        block = _named(_sides(block, chance), arm, number)
        block = _with_repeats(block.iloc[chance.permutation(len(block))], repeats, chance)
        blocks.append(block.assign(block=number, position=range(1, len(block) + 1)))
    made = pd.concat(blocks, ignore_index=True)
    for one in "xab":
        made[f"{one}_audio"] = [f"{AUDIO}/{clip}.flac" for clip in made[f"{one}_clip_id"]]
    made[WHOLE] = made[WHOLE].astype("Int64")
    made[["a_cosine", "b_cosine"]] = made[["a_cosine", "b_cosine"]].astype(float)
    return made[COLUMNS]


def _blocks(parts: list[pd.DataFrame], length: int, stage: str, seed: int):
    """Pairs of each part, `length` at a time; those of one X are far apart."""
    for part in parts:
        told = part.encoder + " " + part.x_clip_id + " " + part.a_clip_id + " " + part.b_clip_id
        draw = pd.Series([rng(seed, stage, one).random() for one in told], part.index)
        turn = draw.groupby(part.x_clip_id).rank(method="first")
        order = pd.DataFrame({"turn": turn, "draw": draw}).sort_values(["turn", "draw"]).index
        for rows in np.array_split(order, -(-len(order) // length)):
            yield part.loc[rows]


def _catch(pair: pd.Series, number: int) -> dict:
    """A trial with a right answer: X itself, or any music, against what is far from it."""
    blank = dict.fromkeys(["a_rank", "b_rank", "a_bin", "b_bin", "gap_stratum"])
    made = pair.to_dict() | blank
    if number % 2 == 0:
        # the farther clip of the pair against X itself
        if pair.a_cosine < pair.b_cosine:
            made |= {f"b_{key}": pair[f"a_{key}"] for key in ("clip_id", "cosine", "drawn")}
        same = {"a_clip_id": pair.x_clip_id, "a_cosine": 1.0, "a_drawn": "identical"}
        return made | same | {"kind": "catch_identical"}
    if pair.a_cosine < pair.b_cosine:
        made |= {f"a_{key}": pair[f"b_{key}"] for key in ("clip_id", "cosine", "drawn")}
    noise = {"b_clip_id": NOISE, "b_cosine": np.nan, "b_drawn": NOISE}
    return made | noise | {"kind": "catch_absurd"}


def _sides(block: pd.DataFrame, chance: np.random.Generator) -> pd.DataFrame:
    """Which clip is A, at random; and which of the two is the nearer one."""
    turned, block = chance.random(len(block)) < 0.5, block.copy()
    for key in ("clip_id", "cosine", "rank", "bin", "drawn"):
        a, b = block[f"a_{key}"].to_numpy(), block[f"b_{key}"].to_numpy()
        block[f"a_{key}"], block[f"b_{key}"] = np.where(turned, b, a), np.where(turned, a, b)
    a, b = (block[f"{side}_cosine"].astype(float).fillna(-2) for side in "ab")
    return block.assign(nearer=np.where(a >= b, "a", "b"))


def _named(block: pd.DataFrame, arm: str, number: int) -> pd.DataFrame:
    """With a trial_id each, which hangs on what is in the trial; a catch trial's on its block."""
    told = ["encoder", "kind", "x_clip_id", "a_clip_id", "b_clip_id"]
    ids = [
        _hash(arm, *row[told], *([] if row.kind == "test" else [str(number), str(place)]))
        for place, (_, row) in enumerate(block.iterrows())
    ]
    return block.assign(trial_id=ids, arm=arm, repeats="")


def _with_repeats(block: pd.DataFrame, count: int, chance: np.random.Generator) -> pd.DataFrame:
    """Some trials of a block's first half once more, near its end."""
    half = block.iloc[: (len(block) + 1) // 2]
    early = half[half.kind == "test"]
    chosen = early.iloc[chance.permutation(len(early))[:count]]
    again = chosen.assign(
        kind="repeat",
        repeats=chosen.trial_id,
        trial_id=[_hash("repeat", one) for one in chosen.trial_id],
    )
    keys = np.concatenate(
        [np.arange(len(block)), chance.uniform(0.75 * len(block), len(block), len(again))]
    )
    return pd.concat([block, again]).iloc[np.argsort(keys, kind="stable")]


def _hash(*told: str) -> str:
    return hashlib.sha256("\0".join(told).encode()).hexdigest()[:16]


def practice(made: pd.DataFrame) -> pd.DataFrame:
    """Two trials to begin with, which are not counted: one of each kind of catch trial.

    Returns
    -------
    DataFrame
        trial_id, x_clip_id, a_clip_id, b_clip_id; A is the right answer. None where there are no
        trials.
    """
    keep = ["trial_id", "x_clip_id", "a_clip_id", "b_clip_id"]
    tests = made[made.kind == "test"]
    if tests.empty:
        return tests[keep]
    music = tests[tests.x_kind == "training"]
    pair = (tests if music.empty else music).iloc[-1]
    shown = pd.DataFrame([_catch(pair, number) for number in range(2)])
    return shown.assign(trial_id=["practice-1", "practice-2"])[keep]
