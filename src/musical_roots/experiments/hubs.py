"""Do a few songs influence many outputs, or are a few songs near to everything?

Concentration is measured over as many queries for each source: one clip each of so many prompts, or
of so many control tracks, drawn again and again without replacement. A count of neighbours grows
more even with more queries, so sources of different size cannot be compared otherwise.

Two nulls: control music, which the generator never saw, searched for in the same training set, and
the outputs, searched for in a control index of equal size.
"""

import numpy as np
import pandas as pd
from scipy.stats import skew

from musical_roots import concentration
from musical_roots.experiments.draw_names import CONCENTRATION, HUBNESS, draw_name
from musical_roots.seeding import rng
from musical_roots.tables import Embeddings

GRANULARITIES = {"clip": "clip_id", "song": "group_id", "artist": "artist"}
GRID = np.linspace(0, 1, 101)

# (source, index) -> what was found there, and the clips that could be
Sources = dict[tuple[str, str], tuple[pd.DataFrame, pd.DataFrame]]


def items(corpus: Embeddings, indexes: pd.DataFrame, tracks: pd.DataFrame) -> pd.DataFrame:
    """The corpus's clips, each with its artist, and which indexes it is in.

    Parameters
    ----------
    corpus : Embeddings
        All clips of the corpus, by one encoder.
    indexes : DataFrame
        Of `influence.equal_indexes`.
    tracks : DataFrame
        track_id, artist.
    """
    clips = corpus.clips.merge(indexes, on="clip_id")
    return clips.assign(artist=clips.track_id.map(tracks.set_index("track_id").artist))


def sources(
    outputs: pd.DataFrame,
    output_clips: pd.DataFrame,
    control: pd.DataFrame,
    control_clips: pd.DataFrame,
    items: pd.DataFrame,
) -> Sources:
    """What `concentration_of` compares: outputs, and their two nulls.

    Parameters
    ----------
    outputs, control : DataFrame
        Of `influence.attribute`, of one encoder.
    output_clips, control_clips : DataFrame
        Their clip lists.
    items : DataFrame
        The corpus's clips: clip_id, group_id, artist, and train_equal and control of
        `influence.equal_indexes`: the training set, cut to the size of the control index.
    """
    made = {
        ("outputs", "train_equal"): (outputs, output_clips, "excluded"),
        ("control", "train_equal"): (control, control_clips, "included"),
        ("outputs", "control"): (outputs, output_clips, "excluded"),
    }
    found = {}
    for (source, index), (matches, clips, prompt_track) in made.items():
        part = matches[(matches.target == "") & (matches["index"] == index)]
        part = part[part.prompt_track == prompt_track]
        cluster = clips.group_id.where(clips.group_id != "", clips.output_id)
        part = part[["query_clip_id", "clip_id"]].assign(
            cluster=part.query_clip_id.map(dict(zip(clips.clip_id, cluster, strict=True)))
        )
        there = items[items[index]]
        part = part.merge(there[["clip_id", "group_id", "artist"]], on="clip_id")
        found[source, index] = part, there
    return found


def concentration_of(sources: Sources, draws: int, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """How unequally clips, songs and artists are found, for each source on equal terms.

    Parameters
    ----------
    sources : dict
        (source, index) -> (found, items). found: query_clip_id, cluster, and the columns of
        `GRANULARITIES`, one row a match of one encoder. items: all clips that could be found, with
        these columns.
    draws : int
        Draws of half as many queries as the smallest source has clusters.
    seed : int
        The config's seed.

    Returns
    -------
    table : DataFrame
        source (outputs, control), index, granularity, n_queries (a draw), n_items; of gini,
        top_1_percent_share, effective_number and effective_share (of n_items): the mean over draws,
        and _low and _high, which hold 95 % of draws.
    curves : DataFrame
        source, index, granularity, items (share of items, least found first), matches (share of
        matches; mean over draws).
    """
    size = max(1, min(found.cluster.nunique() for found, _ in sources.values()) // 2)
    rows, curves = [], []
    for (source, index), (found, items) in sources.items():
        drawn = _draws(found, size, draws, seed, draw_name(CONCENTRATION, (source, index)))
        for granularity, column in GRANULARITIES.items():
            names = pd.Index(sorted(set(items[column])))
            place = pd.Series(names.get_indexer(found[column]), found.query_clip_id)
            of_query = {query: part.to_numpy() for query, part in place.groupby(level=0)}
            share, measured, mean = np.linspace(0, 1, len(names) + 1), [], 0.0
            for draw in drawn:  # one at a time: there can be millions of clips
                places = np.concatenate([of_query[query] for query in draw])
                counts = concentration.k_occurrence(places, len(names))
                number = concentration.effective_number(counts)
                measured.append(
                    {
                        "gini": concentration.gini(counts),
                        "top_1_percent_share": concentration.top_share(counts),
                        "effective_number": number,
                        "effective_share": number / len(names),
                    }
                )
                mean += np.interp(GRID, share, concentration.lorenz(counts)) / len(drawn)
            about = {"source": source, "index": index, "granularity": granularity}
            row = about | {"n_queries": size, "n_items": len(names)}
            for name, values in pd.DataFrame(measured).items():
                low, high = np.quantile(values, [0.025, 0.975])
                row |= {name: values.mean(), f"{name}_low": low, f"{name}_high": high}
            rows.append(row)
            curves.append(pd.DataFrame(about | {"items": GRID, "matches": mean}))
    return pd.DataFrame(rows), pd.concat(curves, ignore_index=True)


def hubness(
    queries: dict[str, Embeddings],
    index: Embeddings,
    k: int,
    most: int,
    seed: int,
    among: np.ndarray | None = None,
) -> pd.DataFrame:
    """Hubs among training clips, as they are and after three corrections.

    Parameters
    ----------
    queries : dict of str to Embeddings
        Name to clips that are searched for; as many are drawn of each as the smallest has, of
        their tracks (or prompts' tracks) in turns: many vamps of one prompt are no many queries.
        The index is searched for in itself, too.
    index : Embeddings
        Training clips, or more: see `among`.
    k : int
        Neighbours.
    most : int
        Clips of the index at most; more are drawn from by the seed. All similarities of these are
        in memory at once: float32 [most, most].
    seed : int
        The config's seed.
    among : ndarray, bool [len(index)], optional
        The training clips of the index.

    Returns
    -------
    DataFrame
        encoder, queries (train, and the names of `queries`), correction (none, centring, csls,
        mutual proximity), k, n_queries, n_items; skewness of the k-occurrence (0 if nobody is a
        hub), biggest_hub (share of queries that find the most found clip), anti_hubs (share of
        clips that nobody finds), gini.
    """
    vectors = _drawn(index, most, "index", seed, among)
    size = min([len(part) for part in queries.values()] + [most])
    asked = {
        name: _drawn(part, size, draw_name(HUBNESS, name), seed, in_turns=True)
        for name, part in queries.items()
    }
    asked = {"train": vectors, **asked}
    k = min(k, len(vectors) - 1)
    mean = vectors.mean(axis=0)
    within = _without_self(vectors @ vectors.T)
    density = concentration.local_similarity(within, k)
    spread = _moments(within)
    rows = []
    for name, given in asked.items():
        itself = name == "train"
        plain = within if itself else given @ vectors.T
        finite = np.where(np.isfinite(plain), plain, np.nan)
        of_queries = (np.nanmean(finite, axis=1), np.nanstd(finite, axis=1))
        moved = concentration.centred(given, mean) @ concentration.centred(vectors, mean).T
        corrected = {
            "none": plain,
            "centring": _without_self(moved) if itself else moved,
            "csls": concentration.csls(plain, concentration.local_similarity(plain, k), density),
            "mutual proximity": concentration.mutual_proximity(plain, of_queries, spread),
        }
        for correction, similarity in corrected.items():
            found = concentration.nearest(similarity, k)
            counts = concentration.k_occurrence(found, len(vectors))
            rows.append(
                {
                    "encoder": index.provenance["encoder"],
                    "queries": name,
                    "correction": correction,
                    "k": k,
                    "n_queries": len(given),
                    "n_items": len(vectors),
                    "skewness": skew(counts) if np.ptp(counts) else 0.0,
                    "biggest_hub": counts.max() / len(given),
                    "anti_hubs": np.mean(counts == 0),
                    "gini": concentration.gini(counts),
                }
            )
    return pd.DataFrame(rows)


def _draws(found: pd.DataFrame, size: int, draws: int, seed: int, source: str) -> list[list[str]]:
    """Query clips of each draw: of `size` clusters, one clip each."""
    clips = found.drop_duplicates("query_clip_id").sort_values("query_clip_id")
    of_cluster = [part.to_numpy() for _, part in clips.groupby("cluster").query_clip_id]
    drawn = []
    for draw in range(draws):
        chance = rng(seed, "influence.concentration", f"{source} {draw}")
        clusters = chance.choice(len(of_cluster), size, replace=False)
        drawn.append([chance.choice(of_cluster[cluster]) for cluster in clusters])
    return drawn


def _drawn(
    embeddings: Embeddings,
    count: int,
    name: str,
    seed: int,
    among: np.ndarray | None = None,
    in_turns: bool = False,
) -> np.ndarray:
    """Vectors of `count` clips at most, drawn by the seed: float32 [count, dim].

    `in_turns` takes one clip of every track, or prompt's track, before a second one of any.
    """
    rows = np.arange(len(embeddings)) if among is None else np.flatnonzero(among)
    rows = rows[np.argsort(embeddings.clips.clip_id.to_numpy(str)[rows])]  # whatever their order
    rows = rng(seed, "influence.hubness", name).permutation(rows)
    if in_turns:
        rows = rows[np.argsort(_turns(embeddings.clips.iloc[rows]), kind="stable")]
    mask = np.zeros(len(embeddings), bool)
    mask[rows[:count]] = True
    part = embeddings.where(mask)
    return part.rows(0, len(part))


def _turns(clips: pd.DataFrame) -> np.ndarray:
    """How many clips of the same track, or prompt's track, come before each: int [n]."""
    cluster = clips.group_id.where(clips.group_id != "", clips.get("output_id", clips.clip_id))
    return clips.groupby(cluster.to_numpy()).cumcount().to_numpy()


def _without_self(similarity: np.ndarray) -> np.ndarray:
    """No clip is its own neighbour."""
    np.fill_diagonal(similarity, -np.inf)
    return similarity


def _moments(similarity: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each row, without what is infinite."""
    finite = np.where(np.isfinite(similarity), similarity, np.nan)
    return np.nanmean(finite, axis=1), np.nanstd(finite, axis=1)
