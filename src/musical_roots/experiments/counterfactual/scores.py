"""Cheap attribution: scores of training tracks from embeddings, and baselines that hear nothing.

A score says how much a training track should have influenced an output; higher is more. All scores
are rows of one long table: method, kind (embedding, tokens, baseline), output_id, track_id, score.

Of an encoder, over the pairs of an output's and a track's clips:

* "max": the largest cosine.
* "sum of the nearest": of each clip of the output the nearest training clips, as many as the search
  keeps; cosines of those that are of the track, added up.
* "mean exp": mean of exp(20 cosine), for which near clips count most, and all count.
* "evidence": sum over the output's clips of -log10 p of its best match in the track, p by control
  music as in `experiments.songs`.
* "csls": the largest cosine, less what either clip is used to (`concentration.csls`), against hubs.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from musical_roots.concentration import csls, local_similarity
from musical_roots.statistics import conformal_p
from musical_roots.tables import Embeddings

SHARPNESS = 20.0  # of "mean exp"
RAW, UNCODED, CODED = "train", "uncoded_train", "coded_train"
# and what the names of methods say of it; the last two hold the same clips, some of each track
INDEXES = {RAW: "", UNCODED: ", uncoded index", CODED: ", coded index"}
COLUMNS = ["method", "kind", "output_id", "track_id", "score"]


def long(
    method: str, kind: str, outputs: Sequence[str], tracks: Sequence[str], scores: np.ndarray
) -> pd.DataFrame:
    """Scores as rows: of an array [outputs, tracks]."""
    columns = {
        "method": method,
        "kind": kind,
        "output_id": np.repeat(np.asarray(outputs, object), len(tracks)),
        "track_id": np.tile(np.asarray(tracks, object), len(outputs)),
        "score": np.asarray(scores, np.float64).ravel(),
    }
    return pd.DataFrame(columns)


def together(tables: list[pd.DataFrame]) -> pd.DataFrame:
    """Scores of several methods as one table; columns and types stand even where there are none."""
    whole = pd.concat(tables, ignore_index=True)[COLUMNS]
    return whole.astype(dict.fromkeys(COLUMNS[:-1], "str") | {"score": "float64"})


def of_embeddings(
    outputs: Embeddings,
    corpus: Embeddings,
    tracks: Sequence[str],
    k: int,
    null: pd.DataFrame | None = None,
    index: str = RAW,
) -> pd.DataFrame:
    """What one encoder says of every output and track.

    Parameters
    ----------
    outputs : Embeddings
        Clips of outputs, with output_id.
    corpus : Embeddings
        Training clips, as they are or through the generator's codec. All cosines of these with the
        outputs' and with each other are in memory at once: some thousands of clips.
    tracks : sequence of str
        Training tracks that are asked after; clips of others are left out.
    k : int
        Nearest clips, and neighbours that a clip is used to.
    null : DataFrame, optional
        Rows of `influence.nearest` of this encoder: control music in that index; without, there is
        no evidence.
    index : str
        `RAW`, `UNCODED` or `CODED`.

    Returns
    -------
    DataFrame
        A row a method, output and track that has clips.
    """
    order = np.argsort(corpus.clips.track_id.to_numpy(str), kind="stable")
    order = order[corpus.clips.track_id.iloc[order].isin(tracks).to_numpy()]
    if not len(order):  # nothing is asked after
        return pd.DataFrame(columns=COLUMNS)
    there, of_track = np.unique(corpus.clips.track_id.iloc[order].to_numpy(str), return_index=True)
    queries = np.argsort(outputs.clips.output_id.to_numpy(str), kind="stable")
    names, of_output = np.unique(
        outputs.clips.output_id.iloc[queries].to_numpy(str), return_index=True
    )
    found = _unit(corpus)[order]
    cosines = _unit(outputs)[queries] @ found.T
    k = min(k, len(found) - 1)

    def by_track(values: np.ndarray, add: np.ufunc) -> np.ndarray:
        return add.reduceat(values, of_track, axis=1)

    def by_output(values: np.ndarray, add: np.ufunc) -> np.ndarray:
        return add.reduceat(values, of_output, axis=0)

    near = cosines >= -np.partition(-cosines, k - 1, axis=1)[:, k - 1 : k]
    best = by_track(cosines, np.maximum)
    pairs = np.outer(np.diff([*of_output, len(queries)]), np.diff([*of_track, len(order)]))
    within = found @ found.T
    np.fill_diagonal(within, -np.inf)
    used = csls(cosines, local_similarity(cosines, k), local_similarity(within, k))
    exp = by_track(np.exp(SHARPNESS * cosines.astype(np.float64)), np.add)
    made = {
        "max": by_output(best, np.maximum),
        "sum of the nearest": by_output(by_track(np.where(near, cosines, 0), np.add), np.add),
        "mean exp": by_output(exp, np.add) / pairs,
        "csls": by_output(by_track(used, np.maximum), np.maximum),
    }
    if null is not None:
        null = null[(null.of == "clip") & (null["index"] == index)]
        p = conformal_p(best.ravel(), null.cosine, null.cluster).reshape(best.shape)
        made["evidence"] = by_output(-np.log10(p), np.add)
    encoder = corpus.provenance["encoder"]
    return pd.concat(
        [
            long(f"{encoder}{INDEXES[index]}: {how}", "embedding", names, there, values)
            for how, values in made.items()
        ],
        ignore_index=True,
    )


def baselines(outputs: pd.DataFrame, tracks: pd.DataFrame, asked: Sequence[str]) -> pd.DataFrame:
    """What needs no ear: the prompt's own track or artist, how long a track is.

    Parameters
    ----------
    outputs : DataFrame
        output_id, prompt_track_id, prompt_group_id.
    tracks : DataFrame
        track_id, group_id, artist, duration_s.
    asked : sequence of str
        Training tracks that are asked after.
    """
    known = tracks.set_index("track_id")
    mine = known.loc[list(asked)]
    artist = outputs.prompt_track_id.map(known.artist).to_numpy(object)
    group = outputs.prompt_group_id.to_numpy(object)
    made = {
        "the prompt's own track": group[:, None] == mine.group_id.to_numpy(object),
        "the prompt's artist": artist[:, None] == mine.artist.to_numpy(object),
        "length of the track": np.tile(mine.duration_s, (len(outputs), 1)),
    }
    return pd.concat(
        [
            long(name, "baseline", outputs.output_id, mine.index, values)
            for name, values in made.items()
        ],
        ignore_index=True,
    )


def _unit(embeddings: Embeddings) -> np.ndarray:
    """All vectors, whose norms float16 made differ from 1 a little: float32 [n, dim]."""
    vectors = embeddings.rows(0, len(embeddings))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
