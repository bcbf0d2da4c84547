"""From clips to songs and artists: what an output's matches add up to, and when they sound.

Three ways to add up: the sum of cosines over the nearest clips and their maximum, as the authors'
own prototypes do, and evidence: how improbable the matches are for control music, which the
generator never saw.
"""

import numpy as np
import pandas as pd

from musical_roots import statistics

GRANULARITIES = {"song": "track_id", "artist": "artist"}
SHOWN = 3  # songs an output, for people to read


def songs(
    matches: pd.DataFrame,
    clips: pd.DataFrame,
    corpus: pd.DataFrame,
    null: pd.DataFrame,
    granularity: str = "song",
) -> pd.DataFrame:
    """From clips to songs, or artists: what each output's matches add up to.

    Parameters
    ----------
    matches : DataFrame
        Of `attribute`: the index "train" is used.
    clips : DataFrame
        Clip list of the outputs.
    corpus : DataFrame
        The corpus's clips: clip_id, and the column of what is added up.
    null : DataFrame
        Rows of `best`, one a clip of control music, of the same encoder.
    granularity : str
        What is added up: a key of `GRANULARITIES`, which names its column.

    Returns
    -------
    DataFrame
        encoder, prompt_track, output_id, track_id or artist, split, setting; n_matches, sum and
        maximum of the cosines of the output's k nearest clips that are of it; evidence: sum over
        the output's clips of -log10 of the conformal p-value of their best match in it;
        query_clip_id and clip_id of the best pair. By output, the most evidence first, then the
        larger maximum.
    """
    column = GRANULARITIES[granularity]
    found = matches[(matches.target == "") & (matches["index"] == "train")]
    found = found[["encoder", "prompt_track", "query_clip_id", "clip_id", "cosine"]]
    found = found.merge(corpus[["clip_id", column]], on="clip_id")
    asked = clips.assign(query_clip_id=clips.clip_id)
    asked = asked[["query_clip_id", "output_id", "split", "setting"]]
    found = found.merge(asked, on="query_clip_id")
    found = found.sort_values(["cosine", "query_clip_id", "clip_id"], ascending=[False, True, True])
    keys = ["encoder", "prompt_track", "output_id", column]
    p = statistics.conformal_p(found.cosine, null.cosine, null.cluster)
    # the best pair of an output's clip and a song comes first: the others add nothing
    again = found.duplicated([*keys, "query_clip_id"])
    found["evidence"] = np.where(again, 0.0, -np.log10(p))
    table = found.groupby(keys, sort=False).agg(
        split=("split", "first"),
        setting=("setting", "first"),
        n_matches=("cosine", "size"),
        sum=("cosine", "sum"),
        maximum=("cosine", "first"),
        evidence=("evidence", "sum"),
        query_clip_id=("query_clip_id", "first"),
        clip_id=("clip_id", "first"),
    )
    order = ["encoder", "prompt_track", "output_id", "evidence", "maximum", column]
    ascending = [True, True, True, False, False, True]
    return table.reset_index().sort_values(order, ascending=ascending, ignore_index=True)


def prompt_found(
    songs: pd.DataFrame, prompts: pd.Series, granularity: str = "song"
) -> pd.DataFrame:
    """How often the prompt's own song, or artist, comes first: what each aggregation is worth.

    A prompt from the train split is the one song of which it is known that the output comes from
    it.

    Parameters
    ----------
    songs : DataFrame
        Of `songs`.
    prompts : Series
        output_id -> the prompt's track_id, or artist.
    granularity : str
        Of `songs`.

    Returns
    -------
    DataFrame
        encoder, granularity, setting ("all" too), aggregation (sum, maximum, evidence), n_outputs,
        prompt_first; of outputs from train prompts, whose track is included.
    """
    column = GRANULARITIES[granularity]
    part = songs[(songs.prompt_track == "included") & (songs.split == "train")]
    rows = []
    for encoder, mine in part.groupby("encoder", sort=False):
        for aggregation in ("sum", "maximum", "evidence"):
            order = [aggregation, "maximum", column]
            first = mine.sort_values(order, ascending=[False, False, True])
            first = first.drop_duplicates("output_id")
            first = first.assign(right=first[column] == first.output_id.map(prompts))
            for setting, some in [("all", first), *first.groupby("setting")]:
                rows.append(
                    {
                        "encoder": encoder,
                        "granularity": granularity,
                        "setting": setting,
                        "aggregation": aggregation,
                        "n_outputs": len(some),
                        "prompt_first": some.right.mean(),
                    }
                )
    columns = ["encoder", "granularity", "setting", "aggregation", "n_outputs", "prompt_first"]
    return pd.DataFrame(rows, columns=columns)


def resemblances(
    matches: pd.DataFrame,
    clips: pd.DataFrame,
    corpus: pd.DataFrame,
    null: pd.DataFrame,
    tracks: pd.DataFrame,
) -> dict[str, pd.DataFrame]:
    """Songs and artists of every encoder, and how often the prompt's own comes first.

    Parameters
    ----------
    matches : DataFrame
        Of `influence.attribute`, of outputs.
    clips, corpus : DataFrame
        Clips of the outputs and of the corpus, with encoder and the span that it really heard.
    null : DataFrame
        Rows of `influence.best`, one a clip of control music.
    tracks : DataFrame
        track_id, title, artist.

    Returns
    -------
    dict of str to DataFrame
        song and artist: of `songs`, with the seconds of the output and of the track that match
        best: query_start_s, query_end_s, start_s, end_s. evidence: the first `SHOWN` songs of each
        output. found: of `prompt_found`.
    """
    credits = tracks.set_index("track_id")
    tables = {"song": [], "artist": [], "found": []}
    for encoder, mine in matches.groupby("encoder", sort=False):
        asked, there = (part[part.encoder == encoder] for part in (clips, corpus))
        there = there.assign(artist=there.track_id.map(credits.artist))
        base = null[null.encoder == encoder]
        prompts = asked.drop_duplicates("output_id").set_index("output_id").track_id
        for granularity in GRANULARITIES:
            added = timed(songs(mine, asked, there, base, granularity), asked, there)
            of_prompt = prompts if granularity == "song" else prompts.map(credits.artist)
            tables["found"].append(prompt_found(added, of_prompt, granularity))
            if granularity == "song":
                added = added.join(credits[["title", "artist"]], on="track_id")
            tables[granularity].append(added)
    tables = {name: pd.concat(parts, ignore_index=True) for name, parts in tables.items()}
    of_output = tables["song"].groupby(["encoder", "prompt_track", "output_id"], sort=False)
    return tables | {"evidence": of_output.head(SHOWN)}


def timed(songs: pd.DataFrame, clips: pd.DataFrame, corpus: pd.DataFrame) -> pd.DataFrame:
    """`songs` with the seconds of the output and of the track that match best."""
    for name, spans in (("query_", clips), ("", corpus)):
        heard = spans.set_index("clip_id").reindex(songs[f"{name}clip_id"])
        songs[f"{name}start_s"] = heard.heard_start_s.to_numpy()
        songs[f"{name}end_s"] = (heard.heard_start_s + heard.heard_s).to_numpy()
    return songs
