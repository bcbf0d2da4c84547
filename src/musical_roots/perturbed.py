"""Query clips, and their perturbed copies at every level: clip sets like any other.

Which clips are perturbed, with which partners, what is searched for afterwards, and the audio. What
a perturbation does to one clip is in `perturb.py`, what comes of it in `experiments/robustness.py`.
"""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pandas as pd
from soundfile import SoundFile

from musical_roots import perturb
from musical_roots.corpus.clips import clip_id
from musical_roots.errors import InputError
from musical_roots.generators.base import Generator
from musical_roots.seeding import rng

# seconds of music on both sides of a clip that a perturbation may need
CONTEXT_S = max(perturbation.context_s for perturbation in perturb.PERTURBATIONS.values())


def choose_queries(
    clips: pd.DataFrame, tracks: pd.DataFrame, count: int, seed: int, context_s: float = CONTEXT_S
) -> pd.DataFrame:
    """Query clips, spread over as many tracks as there are.

    Parameters
    ----------
    clips : DataFrame
        The corpus's clip list.
    tracks : DataFrame
        Its tracks: track_id, duration_s.
    count : int
        Clips wanted.
    seed : int
        The config's seed.
    context_s : float
        Seconds of music that must lie on both sides of a clip, for perturbations that need them.

    Returns
    -------
    DataFrame
        At most `count` rows of `clips`, ordered by clip_id: first one clip of every track, then a
        second one, and so on, tracks and clips in random order.

    Raises
    ------
    InputError
        If no clip has that much context.
    """
    length = clips.track_id.map(tracks.set_index("track_id").duration_s)
    room = (clips.start_s >= context_s) & (clips.start_s + clips.duration_s + context_s <= length)
    found = clips[room]
    if found.empty:
        raise InputError(f"no clip has {context_s} s of music on both sides: tracks are too short")
    draw = pd.Series([rng(seed, "queries", clip).random() for clip in found.clip_id], found.index)
    turn = draw.groupby(found.track_id).rank(method="first")
    chosen = pd.DataFrame({"turn": turn, "draw": draw}).sort_values(["turn", "draw"]).index[:count]
    return found.loc[chosen].sort_values("clip_id", ignore_index=True)


def other_track(queries: pd.DataFrame, clips: pd.DataFrame, stage: str, seed: int) -> list[str]:
    """For each query, a random clip_id of `clips` that is not of its track or a duplicate of it."""
    groups, ids = clips.group_id.to_numpy(), clips.clip_id.to_numpy()
    if len(set(groups)) < 2:
        raise InputError("the corpus holds one track alone: nothing to compare it with; add tracks")
    chosen = []
    for query, group in zip(queries.clip_id, queries.group_id, strict=True):
        generator = rng(seed, stage, query)
        row = generator.integers(len(ids))
        while groups[row] == group:
            row = generator.integers(len(ids))
        chosen.append(ids[row])
    return chosen


def perturbed_clips(
    queries: pd.DataFrame, kind: str, unit: str, levels: list[float], partners: list[str]
) -> pd.DataFrame:
    """Clip list of every query at every level of one kind, without paths: they are rendered later.

    Returns
    -------
    DataFrame
        Ordered by level, then query: clip_id, track_id, group_id, split, role, duration_s, kind,
        level, unit, parent_clip_id, partner_clip_id.
    """
    parts = []
    for level in sorted(levels):
        made = [
            clip_id(track, start, duration, transform=f"{kind} {level:g} {unit} {partner}")
            for track, start, duration, partner in zip(
                queries.track_id, queries.start_s, queries.duration_s, partners, strict=True
            )
        ]
        parts.append(
            pd.DataFrame(
                {
                    "clip_id": made,
                    "track_id": queries.track_id,
                    "group_id": queries.group_id,
                    "split": queries.split,
                    "role": "perturbed",
                    "duration_s": queries.duration_s,
                    "kind": kind,
                    "level": float(level),
                    "unit": unit,
                    "parent_clip_id": queries.clip_id,
                    "partner_clip_id": partners,
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def plan(
    queries: pd.DataFrame, corpus: pd.DataFrame, kind: str, levels: list[float], seed: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What is rendered, and what is looked for with it.

    Parameters
    ----------
    queries, corpus : DataFrame
        Clip lists of what is perturbed, and of whatever partners are drawn from.
    kind : str
        A key of `perturb.PERTURBATIONS`.
    levels : list of float
        In its unit.
    seed : int
        The config's seed.

    Returns
    -------
    DataFrame, DataFrame
        Of `perturbed_clips`, and of `targets`.
    """
    partners = other_track(queries, corpus, "perturb.partner", seed)
    floor = other_track(queries, corpus, "robustness.floor", seed)
    planned = perturbed_clips(queries, kind, perturb.PERTURBATIONS[kind].unit, levels, partners)
    return planned, targets(planned, dict(zip(queries.clip_id, floor, strict=True)))


def targets(perturbed: pd.DataFrame, floor: dict[str, str]) -> pd.DataFrame:
    """Pairs whose cosine and rank are always wanted: the original, and a random other track.

    Parameters
    ----------
    perturbed : DataFrame
        A perturbed clip list.
    floor : dict
        Parent clip_id -> clip_id of a random clip of another track.

    Returns
    -------
    DataFrame
        query_clip_id, clip_id, target (``original`` or ``random``).
    """
    pairs = {"original": perturbed.parent_clip_id, "random": perturbed.parent_clip_id.map(floor)}
    return pd.concat(
        [
            pd.DataFrame({"query_clip_id": perturbed.clip_id, "clip_id": ids, "target": target})
            for target, ids in pairs.items()
        ],
        ignore_index=True,
    )


def render_clips(
    planned: pd.DataFrame,
    corpus: pd.DataFrame,
    folder: Path,
    sample_rate: int,
    seed: int,
    progress: Callable[[int], object] = lambda done: None,
    generator: Generator | None = None,
) -> pd.DataFrame:
    """Render perturbed clips, one WAV file a level, one clip after the other in each.

    Parameters
    ----------
    planned : DataFrame
        clip_id, kind, level, parent_clip_id, partner_clip_id, duration_s.
    corpus : DataFrame
        Clip list that holds parents and partners.
    folder : Path
        Where the audio goes.
    sample_rate : int
        Hz.
    seed : int
        The config's seed.
    progress : callable
        Told of every clip that was rendered.
    generator : Generator, optional
        Whose codec a round trip goes through.

    Returns
    -------
    DataFrame
        `planned` with path and start_s: a clip list like any other.
    """
    folder.mkdir(parents=True, exist_ok=True)
    where = corpus.set_index("clip_id")[["path", "start_s"]]
    paths = planned.level.map(lambda level: str(folder / f"{level:g}.wav"))
    starts = pd.Series(0.0, index=planned.index)
    with ExitStack() as stack:
        files = {
            path: stack.enter_context(SoundFile(path, "w", sample_rate, 1, "FLOAT"))
            for path in paths.unique()
        }
        for _, levels in planned.groupby("parent_clip_id", sort=False):
            for clip in levels.itertuples():
                parent, partner = where.loc[clip.parent_clip_id], where.loc[clip.partner_clip_id]
                needed = tuple(partner) if perturb.PERTURBATIONS[clip.kind].needs_partner else None
                # one draw a clip and kind: levels differ in degree alone
                chance = rng(seed, f"perturb.{clip.kind}", clip.parent_clip_id)
                how = clip.duration_s, clip.kind, clip.level, sample_rate, chance, needed
                file = files[paths[clip.Index]]
                starts[clip.Index] = file.tell() / sample_rate
                file.write(perturb.render(*parent, *how, generator))
                progress(1)
    return planned.assign(path=paths, start_s=starts)
