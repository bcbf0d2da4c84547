"""Perturbed and spliced clips to hear, level by level, with how often each level is found.

The run's own perturbed audio is gone once every encoder has heard it. What is heard here is
rendered anew from the same clip lists and draws, and so is the same to the sample.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from musical_roots import perturbed
from musical_roots.auditions.vamps import Span
from musical_roots.corpus.clips import clip_id
from musical_roots.generators.base import Generator
from musical_roots.perturb import PERTURBATIONS

HEARD = 2  # clips of each kind
LEVELS = 7  # of a kind, at most


@dataclass(frozen=True)
class Kind:
    """A perturbation, of some clips: heading -> span, the original first; and who tells of them."""

    kind: str
    unit: str
    paper: bool
    encoder: str
    clips: list[dict[str, Span]]


def chosen(clips: pd.DataFrame) -> pd.DataFrame:
    """Of a perturbed clip list a few originals at a few levels: the first, and levels spread out.

    Parameters
    ----------
    clips : DataFrame
        Of one kind.
    """
    levels = np.sort(clips.level.unique())
    places = np.linspace(0, len(levels) - 1, min(LEVELS, len(levels))).round().astype(int)
    first = clips[clips.generator == clips.generator.iloc[0]]  # of a prompt, one generator's vamp
    heard = sorted(first.parent_clip_id.unique())[:HEARD]
    some = first.parent_clip_id.isin(heard) & first.level.isin(levels[places])
    return first[some].reset_index(drop=True)


def some(lists: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """`chosen` of each of some clip lists, one a kind, as one table."""
    return pd.concat([chosen(clips) for clips in lists], ignore_index=True)


def known(corpus: pd.DataFrame, vamps: list[pd.DataFrame], clips: pd.DataFrame) -> pd.DataFrame:
    """Where every clip that may take part lies: of the corpus, and the first clip of each vamp.

    Parameters
    ----------
    corpus : DataFrame
        Clip list.
    vamps : list of DataFrame
        Lists of vamps, if any take part.
    clips : DataFrame
        Of `some`: as long as a clip is.

    Returns
    -------
    DataFrame
        clip_id, track_id ("" of a vamp), path, start_s.
    """
    where, duration_s = ["clip_id", "track_id", "path", "start_s"], clips.duration_s.iloc[0]
    parts = [corpus[where]]
    for made in vamps:
        ids = [clip_id(output, 0.0, duration_s) for output in made.output_id]
        parts.append(made.assign(clip_id=ids, track_id="", start_s=0.0)[where])
    return pd.concat(parts, ignore_index=True)


def render(
    clips: pd.DataFrame,
    known: pd.DataFrame,
    folder: Path,
    sample_rate: int,
    seed: int,
    crossfades: dict[str, float],
    generator: Generator | None = None,
) -> pd.DataFrame:
    """Rows of `chosen`, rendered: with path and start_s of the new audio.

    Parameters
    ----------
    clips : DataFrame
        Of any kinds.
    known : DataFrame
        Of `known`.
    folder : Path
        For the audio: a folder a kind.
    sample_rate, seed, generator
        As of `perturbed.render_clips`.
    crossfades : dict
        Kind of splice -> seconds.
    """
    parts = []
    for kind, mine in clips.groupby("kind", sort=False):
        fade = {"crossfade_s": crossfades[kind]} if kind in crossfades else {}
        codec = generator if PERTURBATIONS[kind].needs_generator else None
        how = {"generator": codec, **fade}
        parts.append(perturbed.render_clips(mine, known, folder / kind, sample_rate, seed, **how))
    return pd.concat(parts, ignore_index=True)


def kinds(
    rendered: pd.DataFrame,
    known: pd.DataFrame,
    tracks: pd.DataFrame,
    matches: pd.DataFrame,
    robustness: pd.DataFrame,
) -> list[Kind]:
    """What there is to hear, kind by kind.

    Parameters
    ----------
    rendered, known : DataFrame
        Of `render` and `known`.
    tracks : DataFrame
        The corpus's tracks.
    matches : DataFrame
        Match tables of one encoder, whose rows with target "original" give cosine and rank.
    robustness : DataFrame
        Of Experiment B.
    """
    places, credits = known.set_index("clip_id"), tracks.set_index("track_id")
    original = matches[matches.target == "original"].drop_duplicates("query_clip_id")
    original = original.set_index("query_clip_id")[["cosine", "rank"]]
    encoder = matches.encoder.iloc[0]
    found = robustness[robustness.encoder == encoder]
    made = []
    for kind, mine in rendered.groupby("kind", sort=False):
        rates = found[(found.kind == kind) & (found.generator == mine.generator.iloc[0])]
        rates, clips = rates.set_index("level"), []
        for parent, levels in mine.groupby("parent_clip_id", sort=False):
            spans = _beside(parent, levels.iloc[0], places, credits)
            for clip in levels.sort_values("level").itertuples():
                facts = _facts(clip, original, rates)
                where = clip.path, float(clip.start_s), float(clip.duration_s)
                sign = "+" if clip.level > 0 > mine.level.min() else ""
                spans[f"{sign}{clip.level:g} {clip.unit}"] = Span(*where, facts=facts)
            clips.append(spans)
        about = PERTURBATIONS[kind]
        made.append(Kind(kind, about.unit, about.family == "paper", encoder, clips))
    return made


def _beside(parent: str, clip, places: pd.DataFrame, credits: pd.DataFrame) -> dict[str, Span]:
    """The original, and the other clip where one takes part."""

    def span(name: str) -> Span:
        place = places.loc[name]
        credit = credits.loc[place.track_id] if place.track_id else None
        told = {"title": credit.title, "artist": credit.artist} if credit is not None else {}
        return Span(place.path, float(place.start_s), float(clip.duration_s), **told)

    made = {"Original": replace(span(parent), facts=("this is to be found",))}
    if PERTURBATIONS[clip.kind].needs_partner:
        vamp = not places.track_id[clip.partner_clip_id]
        told = ("its vamp",) if vamp else ("this one is not looked for",)
        made["The other clip"] = replace(span(clip.partner_clip_id), facts=told)
    return made


def _facts(clip, original: pd.DataFrame, rates: pd.DataFrame) -> tuple[str, ...]:
    """How this clip was found, and how often its level is."""
    told = []
    if clip.clip_id in original.index:
        one = original.loc[clip.clip_id]
        told.append(f"the original is at rank {one['rank']:.0f}, cosine {one.cosine:.3f}")
    if clip.level in rates.index:
        rate = rates.loc[clip.level]
        told.append(
            f"of {rate.n_queries:.0f} clips {rate.recall_at_1:.0%} are found first "
            f"({rate.recall_at_1_low:.0%} to {rate.recall_at_1_high:.0%})"
        )
    return tuple(told)
