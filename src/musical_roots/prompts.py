"""Prompts: where in the corpus a vamp, or control music of its length, begins."""

import pandas as pd

from musical_roots.corpus.clips import clip_id
from musical_roots.errors import InputError
from musical_roots.seeding import rng

PROMPT_COLUMNS = [
    *("prompt_id", "track_id", "group_id", "split", "path", "start_s", "duration_s"),
]


def choose_prompts(
    clips: pd.DataFrame,
    tracks: pd.DataFrame,
    count: int,
    duration_s: float,
    seed: int,
    stage: str = "prompts",
) -> pd.DataFrame:
    """Prompts from every split, as many of each, spread over as many tracks as there are.

    Parameters
    ----------
    clips : DataFrame
        The corpus's clip list: a prompt begins where a clip does.
    tracks : DataFrame
        Its tracks: track_id, duration_s.
    count : int
        Prompts wanted in all.
    duration_s : float
        Length of a prompt, in seconds.
    seed : int
        The config's seed.
    stage : str
        What they are drawn for: another stage draws others.

    Returns
    -------
    DataFrame
        `PROMPT_COLUMNS`, by split and prompt_id: first one prompt of every track, then a second
        one, and so on, tracks and places in random order, none over another. A split that has too
        few gives all.

    Raises
    ------
    InputError
        If a split has no track that is long enough.
    """
    length = clips.track_id.map(tracks.set_index("track_id").duration_s)
    found = clips[clips.start_s + duration_s <= length]
    splits = sorted(set(clips.split))
    parts = []
    for number, split in enumerate(splits):
        mine = found[found.split == split]
        if mine.empty:
            raise InputError(
                f"generation.duration_s: no {split} track has {duration_s:g} s after a clip's "
                "start; lower it or add longer tracks"
            )
        draw = pd.Series([rng(seed, stage, clip).random() for clip in mine.clip_id], mine.index)
        draw = draw[_apart(mine.loc[draw.sort_values().index], duration_s)]
        turn = draw.groupby(mine.track_id.loc[draw.index]).rank(method="first")
        order = pd.DataFrame({"turn": turn, "draw": draw}).sort_values(["turn", "draw"]).index
        wanted = count // len(splits) + (number < count % len(splits))
        parts.append(mine.loc[order[:wanted]])
    prompts = pd.concat(parts).assign(duration_s=float(duration_s))
    prompts["prompt_id"] = [
        clip_id(row.track_id, row.start_s, duration_s) for row in prompts.itertuples()
    ]
    return prompts.sort_values(["split", "prompt_id"], ignore_index=True)[PROMPT_COLUMNS]


def _apart(clips: pd.DataFrame, duration_s: float) -> list:
    """Index of the clips that start so far from all earlier ones of their track: greedily."""
    kept, starts = [], {}
    for index, track, start in zip(clips.index, clips.track_id, clips.start_s, strict=True):
        mine = starts.setdefault(track, [])
        if all(abs(start - other) >= duration_s - 1e-6 for other in mine):
            mine.append(start)
            kept.append(index)
    return kept


def excerpts(prompts: pd.DataFrame) -> pd.DataFrame:
    """Control music as a list of vamps: of each prompt, one that is the prompt itself."""
    rows = [
        {
            "output_id": prompt.prompt_id,
            "setting": "control",
            "prompt_id": prompt.prompt_id,
            **of_prompt(prompt),
            "path": prompt.path,
        }
        for prompt in prompts.itertuples()
    ]
    return pd.DataFrame(rows)


def control_excerpts(
    clips: pd.DataFrame, tracks: pd.DataFrame, count: int, duration_s: float, seed: int
) -> pd.DataFrame:
    """Excerpts of control tracks, as long as vamps: music that no generator of ours has seen.

    Parameters
    ----------
    clips, tracks, count, duration_s, seed
        As of `choose_prompts`.

    Returns
    -------
    DataFrame
        Of `excerpts`; fewer than `count` where the control tracks have no more.

    Raises
    ------
    InputError
        If there are not two control tracks.
    """
    control = clips[clips.split == "control"]
    if control.group_id.nunique() < 2:
        raise InputError(
            "influence wants 2 control tracks at least; add recordings, raise "
            "corpus.control_share, or set influence.activate to false"
        )
    return excerpts(choose_prompts(control, tracks, count, duration_s, seed, "excerpts"))


def of_prompt(prompt) -> dict:
    """What a list of vamps says of a prompt, a row of `choose_prompts`."""
    return {
        "prompt_track_id": prompt.track_id,
        "prompt_group_id": prompt.group_id,
        "prompt_split": prompt.split,
        "prompt_path": prompt.path,
        "prompt_start_s": prompt.start_s,
        "duration_s": prompt.duration_s,
    }
