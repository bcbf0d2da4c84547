"""From clips to songs and artists: what a vamp's matches add up to, and when they sound.

Three ways to add up: the sum of cosines over the nearest clips and their maximum, as the authors'
own prototypes do, and evidence: how improbable the matches are for music that the generator never
saw.
"""

import numpy as np
import pandas as pd

from musical_roots import statistics

LEVELS = {"song": "track_id", "artist": "artist"}
SHOWN = 3  # songs a vamp, for people to read


def songs(
    matches: pd.DataFrame,
    clips: pd.DataFrame,
    corpus: pd.DataFrame,
    null: pd.DataFrame,
    level: str = "track_id",
) -> pd.DataFrame:
    """From clips to songs, or artists: what each vamp's matches add up to.

    Parameters
    ----------
    matches : DataFrame
        Of `attribute`: the side "train" is used.
    clips : DataFrame
        Clip list of the vamps.
    corpus : DataFrame
        The corpus's clips: clip_id, and the column `level`.
    null : DataFrame
        Rows of `best`, one a clip of music that the generator never saw, of the same encoder.
    level : str
        Column of `corpus` that says what is added up.

    Returns
    -------
    DataFrame
        encoder, own, unit (vamp_id), split, setting, `level`; n_matches, sum and maximum of the
        cosines of the vamp's k nearest clips that are of it; evidence: sum over the vamp's clips of
        -log10 of the conformal p-value of their best match in it; query_clip_id and clip_id of the
        best pair. By vamp, the most evidence first, then the larger maximum.
    """
    found = matches[(matches.target == "") & (matches.side == "train")]
    found = found.merge(corpus[["clip_id", level]], on="clip_id")
    asked = clips.assign(query_clip_id=clips.clip_id, unit=clips.vamp_id)
    asked = asked[["query_clip_id", "unit", "split", "setting"]]
    found = found.merge(asked, on="query_clip_id")
    found = found.sort_values(["cosine", "query_clip_id", "clip_id"], ascending=[False, True, True])
    keys = ["encoder", "own", "unit", level]
    p = statistics.conformal_p(found.cosine, null.cosine, null.cluster)
    # the best pair of a vamp's clip and a song comes first: the others add nothing
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
    order = ["encoder", "own", "unit", "evidence", "maximum", level]
    ascending = [True, True, True, False, False, True]
    return table.reset_index().sort_values(order, ascending=ascending, ignore_index=True)


def prompt_found(songs: pd.DataFrame, own: pd.Series, level: str = "track_id") -> pd.DataFrame:
    """How often the prompt's own song, or artist, comes first: what each aggregation is worth.

    A prompt from the train split is the one song of which it is known that the vamp comes from it.

    Parameters
    ----------
    songs : DataFrame
        Of `songs`.
    own : Series
        unit (vamp_id) -> the prompt's value of `level`.
    level : str

    Returns
    -------
    DataFrame
        encoder, level, setting ("all" too), aggregation (sum, maximum, evidence), n_vamps,
        prompt_first; of vamps from train prompts, with nothing left out.
    """
    part = songs[(songs.own == "kept") & (songs.split == "train")]
    rows = []
    for encoder, mine in part.groupby("encoder", sort=False):
        for aggregation in ("sum", "maximum", "evidence"):
            order = [aggregation, "maximum", level]
            first = mine.sort_values(order, ascending=[False, False, True]).drop_duplicates("unit")
            first = first.assign(right=first[level] == first.unit.map(own))
            for setting, some in [("all", first), *first.groupby("setting")]:
                rows.append(
                    {
                        "encoder": encoder,
                        "level": level.removesuffix("_id"),
                        "setting": setting,
                        "aggregation": aggregation,
                        "n_vamps": len(some),
                        "prompt_first": some.right.mean(),
                    }
                )
    columns = ["encoder", "level", "setting", "aggregation", "n_vamps", "prompt_first"]
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
        Of `influence.attribute`, of vamps.
    clips, corpus : DataFrame
        Clips of the vamps and of the corpus, with encoder and the span that it really heard.
    null : DataFrame
        Rows of `influence.best`, one a clip of music that the generator never saw.
    tracks : DataFrame
        track_id, title, artist.

    Returns
    -------
    dict of str to DataFrame
        song and artist: of `songs`, with the seconds of the vamp and of the track that match best:
        query_start_s, query_end_s, start_s, end_s. evidence: the first `SHOWN` songs of each vamp.
        found: of `prompt_found`.
    """
    credits = tracks.set_index("track_id")
    tables = {"song": [], "artist": [], "found": []}
    for encoder, mine in matches.groupby("encoder", sort=False):
        asked, there = (part[part.encoder == encoder] for part in (clips, corpus))
        there = there.assign(artist=there.track_id.map(credits.artist))
        base = null[null.encoder == encoder]
        prompts = asked.drop_duplicates("vamp_id").set_index("vamp_id").track_id
        for level, column in LEVELS.items():
            added = timed(songs(mine, asked, there, base, column), asked, there)
            own = prompts if level == "song" else prompts.map(credits.artist)
            tables["found"].append(prompt_found(added, own, column))
            if level == "song":
                added = added.join(credits[["title", "artist"]], on="track_id")
            tables[level].append(added)
    tables = {name: pd.concat(parts, ignore_index=True) for name, parts in tables.items()}
    of_vamp = tables["song"].groupby(["encoder", "own", "unit"], sort=False)
    return tables | {"evidence": of_vamp.head(SHOWN)}


def timed(songs: pd.DataFrame, clips: pd.DataFrame, corpus: pd.DataFrame) -> pd.DataFrame:
    """`songs` with the seconds of the vamp and of the track that match best."""
    for name, spans in (("query_", clips), ("", corpus)):
        heard = spans.set_index("clip_id").reindex(songs[f"{name}clip_id"])
        songs[f"{name}start_s"] = heard.heard_start_s.to_numpy()
        songs[f"{name}end_s"] = (heard.heard_start_s + heard.heard_s).to_numpy()
    return songs
