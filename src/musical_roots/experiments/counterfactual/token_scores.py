"""Attribution by the generator's own tokens: whose training frames have what was made up?

Every method looks at made-up tokens alone: what was kept of the prompt is no evidence of training.

* "token share" and "token evidence": of `experiments.token_share`, with the coarsest codebooks.
* "4-grams of the coarsest codebook": the distinct runs of four tokens of an output that a track
  holds, too, each weighted by the log of tracks / tracks that hold it.
* "backed-off token share": of every made-up token of every codebook, each track's share of the
  training frames that agree in it and in all coarser ones. Such frames may be few or none, so the
  share is mixed with that of the frames that agree in one codebook less, and so on down to the
  share of all frames: (n_t + d * coarser share) / (n + d), with n frames, n_t of them the track's,
  of d tracks (Witten and Bell 1991, method C, with tracks as types). It has no parameter, and was
  written down before any model was trained on a half.

Source: Witten, Bell, "The zero-frequency problem", IEEE Trans. Information Theory 1991.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from musical_roots.arrays import read_arrays
from musical_roots.experiments.counterfactual.scores import COLUMNS, long
from musical_roots.experiments.generation import runs
from musical_roots.experiments.token_share import CODEBOOKS, TokenIndex

Made = Mapping[str, tuple[np.ndarray, np.ndarray]]  # output_id -> tokens, kept
NGRAM = 4  # tokens
SHARES = (1, 2, 3)  # codebooks


def read(outputs: pd.DataFrame) -> Made:
    """Tokens of some outputs: output_id, tokens_path."""
    made = ((row.output_id, read_arrays([row.tokens_path])) for row in outputs.itertuples())
    return {name: (file["tokens"], file["kept"]) for name, file in made}


def of_tokens(made: Made, tracks: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """What tokens say of every output and track: rows as in `scores`.

    Parameters
    ----------
    made : mapping of str to (ndarray int, ndarray bool), each [codebooks, frames]
        output_id to its tokens, and which of them are the prompt's.
    tracks : mapping of str to ndarray, int [codebooks, frames]
        track_id to tokens.
    """
    names, listed = list(made), list(tracks)
    if not listed:  # nothing is asked after
        return pd.DataFrame(columns=COLUMNS)
    codebooks = next(iter(tracks.values())).shape[0]
    scores = {}
    for count in [count for count in SHARES if count <= codebooks]:
        index = TokenIndex.build(tracks, count)
        shares = [index.token_share(*made[name]) for name in names]
        scores[f"token share, {count} codebook{'s' * (count > 1)}"] = np.stack(shares)
        if count == CODEBOOKS:
            evidence = [index.evidence(*made[name]) for name in names]
            scores[f"token evidence, {count} codebooks"] = np.stack(evidence)
    scores[f"{NGRAM}-grams of the coarsest codebook"] = ngram_scores(made, tracks)
    scores["backed-off token share"] = backed_off_share(made, tracks)
    return pd.concat(
        [long(method, "tokens", names, listed, values) for method, values in scores.items()],
        ignore_index=True,
    )


def ngram_scores(made: Made, tracks: Mapping[str, np.ndarray], length: int = NGRAM) -> np.ndarray:
    """Runs of the coarsest codebook that an output shares with each track, rare ones weighing more.

    Parameters
    ----------
    made, tracks
        As of `of_tokens`.
    length : int
        Tokens a run. A run of an output counts if a token of it at least was made up.

    Returns
    -------
    ndarray, float64 [outputs, tracks]
    """
    held = _distinct({name: runs(tokens[:1], length)[0] for name, tokens in tracks.items()})
    held["weight"] = np.log(len(tracks) / held.groupby("run").name.transform("size"))
    asked = _distinct({name: _made_runs(*pair, length) for name, pair in made.items()})
    both = asked.merge(held, on="run", suffixes=("", "_track"))
    weights = both.pivot_table("weight", "name", "name_track", aggfunc="sum", observed=True)
    return weights.reindex(index=list(made), columns=list(tracks)).fillna(0.0).to_numpy(np.float64)


def _made_runs(tokens: np.ndarray, kept: np.ndarray, length: int) -> np.ndarray:
    """Runs of the coarsest codebook with a made-up token at least: uint64 [n]."""
    numbers = runs(tokens[:1], length)[0]
    made = np.lib.stride_tricks.sliding_window_view(~kept[0], length).any(axis=1)
    return numbers[made]


def _distinct(numbers: dict[str, np.ndarray]) -> pd.DataFrame:
    """name, run: each run of each name once."""
    parts = {name: np.unique(part) for name, part in numbers.items()}
    names = np.repeat(np.array(list(parts), object), [len(part) for part in parts.values()])
    return pd.DataFrame({"name": names, "run": np.concatenate([*parts.values()])})


def backed_off_share(made: Made, tracks: Mapping[str, np.ndarray]) -> np.ndarray:
    """Each track's share of the training frames that are like what was made up, token by token.

    Parameters
    ----------
    made, tracks
        As of `of_tokens`.

    Returns
    -------
    ndarray, float64 [outputs, tracks]
        Mean over made-up tokens; each row adds up to 1, or is 0 where nothing was made up.
    """
    known = np.concatenate(list(tracks.values()), axis=1).astype(np.int64)
    owner = np.repeat(np.arange(len(tracks)), [part.shape[1] for part in tracks.values()])
    asked = np.concatenate([tokens for tokens, _ in made.values()], axis=1).astype(np.int64)
    free = ~np.concatenate([kept for _, kept in made.values()], axis=1)
    first = np.cumsum([0, *(tokens.shape[1] for tokens, _ in made.values())])[:-1]
    entries = max(known.max(), asked.max()) + 1
    both = np.concatenate([known, asked], axis=1)
    context, size = np.zeros(both.shape[1], np.int64), known.shape[1]
    share = np.bincount(owner, minlength=len(tracks)) / size
    share = np.tile(share, (asked.shape[1], 1))
    total = np.zeros((len(made), len(tracks)))
    for codebook, tokens in enumerate(both):
        _, context = np.unique(context * entries + tokens, return_inverse=True)
        share = _mixed(context[size:], context[:size], owner, share)
        total += np.add.reduceat(share * free[codebook][:, None], first, axis=0)
    count = np.add.reduceat(free.sum(axis=0), first)
    return total / np.maximum(count, 1)[:, None]


def _mixed(
    asked: np.ndarray, known: np.ndarray, owner: np.ndarray, coarser: np.ndarray
) -> np.ndarray:
    """Witten and Bell's mixture of each track's share of equal contexts with a coarser share.

    Parameters
    ----------
    asked, known : ndarray, int [outputs' frames], [training frames]
        The context of each.
    owner : ndarray, int [training frames]
        Position of its track.
    coarser : ndarray, float64 [outputs' frames, tracks]

    Returns
    -------
    ndarray, float64 [outputs' frames, tracks]
    """
    contexts, place = np.unique(asked, return_inverse=True)
    there = np.searchsorted(contexts, known).clip(max=len(contexts) - 1)
    mine = contexts[there] == known
    tracks = coarser.shape[1]
    counts = np.bincount(there[mine] * tracks + owner[mine], minlength=len(contexts) * tracks)
    counts = counts.reshape(len(contexts), tracks)
    types = (counts > 0).sum(axis=1, keepdims=True)
    whole = counts.sum(axis=1, keepdims=True) + types
    return np.where(
        whole[place] > 0,
        (counts[place] + types[place] * coarser) / np.maximum(whole, 1)[place],
        coarser,
    )
