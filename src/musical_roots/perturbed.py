"""Query clips, and their perturbed copies at every level: clip sets like any other.

Which clips are perturbed, with which partners (for a splice of the paper's third kind, the vamps
that were made from them), what is searched for afterwards, and the audio. What
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
    queries: pd.DataFrame,
    kind: str,
    unit: str,
    levels: list[float],
    partners: list[str],
    generator: str = "",
) -> pd.DataFrame:
    """Clip list of every query at every level of one kind, without paths: they are rendered later.

    Returns
    -------
    DataFrame
        Ordered by level, then query: clip_id, track_id, group_id, split, role, duration_s, kind,
        generator (what results call the one that took part, if one did), level, unit,
        parent_clip_id, partner_clip_id.
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
                    "generator": generator,
                    "level": float(level),
                    "unit": unit,
                    "parent_clip_id": queries.clip_id,
                    "partner_clip_id": partners,
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def plan(
    queries: pd.DataFrame,
    corpus: pd.DataFrame,
    kind: str,
    levels: list[float],
    seed: int,
    generator: str = "",
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
    generator : str
        What results call the one whose codec takes part, if one does.

    Returns
    -------
    DataFrame, DataFrame
        Of `perturbed_clips`, with partner_group_id, so that a search can leave the partner's track
        and its near duplicates out; and of `targets`.
    """
    partners = other_track(queries, corpus, "perturb.partner", seed)
    unit = perturb.PERTURBATIONS[kind].unit
    planned = perturbed_clips(queries, kind, unit, levels, partners, generator)
    group = corpus.set_index("clip_id").group_id
    planned["partner_group_id"] = group[planned.partner_clip_id].to_numpy()
    return planned, targets(planned, floor_of(queries, corpus, seed))


def plan_vamps(
    vamps: pd.DataFrame, corpus: pd.DataFrame, levels: list[float], duration_s: float, count: int,
    seed: int, setting: str | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:  # fmt: skip
    """Splices of a prompt's first clip and the first clip of its vamp, which is of the same time.

    Prompts come from the training set, as the paper's do. Of each, the first vamp in one setting
    takes part; of each generator, `count` prompts at most: prompt_ids are
    hashes, so the first of them are as good as drawn. A prompt whose clip is not in the corpus
    cannot be found, and is left out.

    Parameters
    ----------
    vamps : DataFrame
        Lists of the vamps of one or more generators (`generate.vamps`).
    corpus : DataFrame
        Clip list of what is searched.
    levels : list of float
        Percent of a clip that is the prompt's.
    duration_s : float
        Of a clip.
    count : int
        Prompts of a generator, at most.
    seed : int
        The config's seed.
    setting : str, optional
        Of the vamps; if there is none, the first of the list.

    Returns
    -------
    planned, targets : DataFrame
        As of `plan`; targets are the prompts' clips.
    known : DataFrame
        clip_id, path, start_s of all clips that take part, for `render_clips`.

    Raises
    ------
    InputError
        If no vamp of a train prompt has its prompt's clip in the corpus.
    """
    wanted = setting or vamps.setting.iloc[0]
    vamps = vamps[(vamps.prompt_split == "train") & (vamps.setting == wanted)]
    order = [name for name in ("generator", "prompt_id", "vamp") if name in vamps]
    vamps = vamps.sort_values(order, kind="stable").drop_duplicates(["generator", "prompt_id"])
    prompts = [
        clip_id(track, start, duration_s)
        for track, start in zip(vamps.prompt_track_id, vamps.prompt_start_s, strict=True)
    ]
    vamps = vamps.assign(prompt_clip_id=prompts)[pd.Series(prompts).isin(corpus.clip_id).to_numpy()]
    if vamps.empty:
        raise InputError(
            "splice_vamp: no vamp's prompt is a train clip of the corpus; raise clips.per_track or "
            "generation.prompts, or set robustness.perturbations.splice_vamp.activate to false"
        )
    of_corpus, parts = corpus.set_index("clip_id", drop=False), []
    vamps["clip_id"] = [clip_id(output, 0.0, duration_s) for output in vamps.output_id]
    for generator, made in vamps.groupby("generator", sort=False):
        made = made.head(count)
        prompts = of_corpus.loc[made.prompt_clip_id].reset_index(drop=True)
        how = "splice_vamp", perturb.PERTURBATIONS["splice_vamp"].unit, levels
        parts.append(perturbed_clips(prompts, *how, made.clip_id.tolist(), generator))
    planned = pd.concat(parts, ignore_index=True).assign(partner_group_id="")
    queries = of_corpus.loc[planned.parent_clip_id.unique()]
    floor = floor_of(queries, corpus, seed)
    where = ["clip_id", "path", "start_s"]
    known = pd.concat([corpus[where], vamps.assign(start_s=0.0)[where]], ignore_index=True)
    return planned, targets(planned, floor), known


def floor_of(queries: pd.DataFrame, corpus: pd.DataFrame, seed: int) -> dict[str, str]:
    """Query clip_id -> clip_id of a random clip of another track: the floor of a cosine."""
    floor = other_track(queries, corpus, "robustness.floor", seed)
    return dict(zip(queries.clip_id, floor, strict=True))


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
    **options: float,
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
    **options
        Of the kind, as `perturb.render` takes them.

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
                one = perturb.PERTURBATIONS[clip.kind]
                needed = tuple(partner) if one.needs_partner else None
                # one draw a clip and kind: levels differ in degree alone
                chance = rng(seed, f"perturb.{one.drawn_as or clip.kind}", clip.parent_clip_id)
                how = clip.duration_s, clip.kind, clip.level, sample_rate, chance, needed
                file = files[paths[clip.Index]]
                starts[clip.Index] = file.tell() / sample_rate
                file.write(perturb.render(*parent, *how, generator, **options))
                progress(1)
    return planned.assign(path=paths, start_s=starts)
