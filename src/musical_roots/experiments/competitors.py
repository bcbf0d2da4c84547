"""Who competes: encoders' match tables as `competition` takes them."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from musical_roots.corpus.split import blocks as tied
from musical_roots.experiments import competition
from musical_roots.experiments.competition import SIDES


@dataclass(frozen=True)
class Corpus:
    """What is searched in.

    Attributes
    ----------
    clips, indexes : DataFrame
        The corpus's clip list, and which clips are in which index (`influence.equal_indexes`).
    blocks : Series
        track_id -> block of tied artists.
    """

    clips: pd.DataFrame
    indexes: pd.DataFrame
    blocks: pd.Series

    @classmethod
    def of(
        cls, indexes: pd.DataFrame, tracks: pd.DataFrame, clips: pd.DataFrame, split_artists: bool
    ) -> "Corpus":
        """The corpus of some tracks; credits as of `corpus.split.blocks`."""
        return cls(clips, indexes, tied(tracks.set_index("track_id"), split_artists))


def all_views(
    nearest: pd.DataFrame,
    matches: pd.DataFrame,
    clips: pd.DataFrame,
    held_out_matches: pd.DataFrame,
    held_out_clips: pd.DataFrame,
    planted_nearest: pd.DataFrame,
    planted_clips: pd.DataFrame,
    token_nearest: pd.DataFrame | None,
    token_by_artist: pd.DataFrame | None,
    token_planted: pd.DataFrame | None,
    corpus: Corpus,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """What `competition.compete` takes first: outputs, by_artist, planted, sizes.

    Parameters
    ----------
    nearest
        As of `outputs`.
    matches, clips, held_out_matches, held_out_clips
        As of `by_artist`, of outputs and of control music.
    planted_nearest, planted_clips
        As of `planted`.
    token_nearest, token_by_artist, token_planted : DataFrame or None
        Of `token_evidence.testify`, where the generator gives tokens.
    corpus : Corpus
    """
    music = {"outputs": (matches, clips), "control": (held_out_matches, held_out_clips)}
    by_encoders = (
        outputs(nearest, corpus.clips),
        pd.concat([by_artist(*of, corpus.blocks).assign(of=name) for name, of in music.items()]),
        planted(planted_nearest, planted_clips, corpus.indexes),
    )
    by_tokens = (token_nearest, token_by_artist, token_planted)
    made, music, hidden = (
        pd.concat([part for part in both if part is not None], ignore_index=True)
        for both in zip(by_encoders, by_tokens, strict=True)
    )
    sizes = competition.sizes(corpus.clips, corpus.indexes, corpus.blocks)
    return competition.sides(made), music, hidden, sizes


def outputs(nearest: pd.DataFrame, clips: pd.DataFrame) -> pd.DataFrame:
    """Nearest clips of outputs, as of `competition.sides`.

    Parameters
    ----------
    nearest : DataFrame
        Of `influence.nearest`, of outputs.
    clips : DataFrame
        The corpus's clip list.
    """
    part = nearest[(nearest.of == "output") & nearest["index"].isin(SIDES)]
    part = part.rename(columns={"encoder": "view", "cosine": "score"})
    return part.assign(track_id=part.clip_id.map(clips.set_index("clip_id").track_id).fillna(""))


def by_artist(matches: pd.DataFrame, clips: pd.DataFrame, blocks: pd.Series) -> pd.DataFrame:
    """The best match of music with each block of artists, as of `competition.compete`.

    Parameters
    ----------
    matches : DataFrame
        Of `influence.attribute`: those in the indexes `competition.SIDES` count, where nothing of
        the music's own artist can be found.
    clips : DataFrame
        Clip list of the music.
    blocks : Series
        track_id -> block of tied artists.
    """
    asked = pd.DataFrame(
        {
            "query_clip_id": clips.clip_id,
            "output_id": clips.output_id,
            "own_block": clips.track_id.map(blocks).fillna(""),
        }
    )
    found = matches[(matches.target == "") & matches["index"].isin(SIDES)]
    found = found[found.prompt_track == "artist_excluded"]
    found = found.assign(artist_block=found.track_id.map(blocks))
    found = found.merge(asked, on="query_clip_id").rename(columns={"encoder": "view"})
    keys = ["view", "output_id", "own_block", "artist_block"]
    return found.groupby(keys, as_index=False).cosine.max().rename(columns={"cosine": "score"})


def planted(nearest: pd.DataFrame, clips: pd.DataFrame, indexes: pd.DataFrame) -> pd.DataFrame:
    """Perturbed clips whose original is in the target: view, kind, target, decoy.

    Parameters
    ----------
    nearest : DataFrame
        Of `influence.nearest`, of perturbed clips.
    clips : DataFrame
        Their clip lists: clip_id, kind, parent_clip_id.
    indexes : DataFrame
        Of `influence.equal_indexes`.
    """
    there = set(indexes.clip_id[indexes.train_equal])
    copies = clips[clips.parent_clip_id.isin(there)].drop_duplicates("clip_id")
    part = nearest[(nearest.of == "clip") & nearest["index"].isin(SIDES)]
    part = part.assign(side=part["index"].map(SIDES)).rename(columns={"encoder": "view"})
    wide = part.pivot(index=["view", "output_id"], columns="side", values="cosine")
    wide = wide.reindex(columns=list(SIDES.values())).fillna(-np.inf).reset_index()
    kinds = copies.set_index("clip_id").kind
    wide = wide.assign(kind=wide.output_id.map(kinds)).dropna(subset="kind")
    return wide[["view", "kind", "target", "decoy"]].reset_index(drop=True)


def heard(small: pd.DataFrame) -> set[str]:
    """track_id of the small training set: of a table with track_id, small."""
    return set(small.track_id[small.small])
