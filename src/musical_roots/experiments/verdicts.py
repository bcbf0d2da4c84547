"""Several views of one output: do encoders agree, and what does the evidence amount to?

A tier is a sentence about one output: copy, near-copy, resembles, nothing found. Its rules are in
`tiers.py`, and nowhere else.
"""

from itertools import combinations

import numpy as np
import pandas as pd
from scipy.stats import kendalltau

from musical_roots import statistics
from musical_roots.experiments.draw_names import AGREEMENT, draw_name
from musical_roots.seeding import rng


def agreement(
    views: pd.DataFrame,
    clusters: pd.Series,
    tracks: pd.DataFrame,
    resamples: int,
    confidence: float,
    seed: int,
) -> pd.DataFrame:
    """Do two views rank the outputs alike, and do they name the same tracks?

    Parameters
    ----------
    views : DataFrame
        A row an output, a column a view: how near the training set it finds the output to be.
    clusters : Series
        Of the same rows: the prompt's track.
    tracks : DataFrame
        The same shape of rows; the views that name a track name it here, "" for none.
    resamples, confidence, seed
        As everywhere.

    Returns
    -------
    DataFrame
        one, other, n_outputs; kendall_tau (rank agreement, -1 to 1) with low and high; same_track
        (share of outputs for which both name the same) and same_track_by_chance (that share, if one
        view's tracks were shuffled over the outputs).
    """
    rows = []
    for one, other in combinations(views.columns, 2):
        a, b = views[one].to_numpy(), views[other].to_numpy()
        known = np.flatnonzero(np.isfinite(a) & np.isfinite(b))
        if len(known) < 2:
            continue

        def tau(positions: np.ndarray, a=a, b=b) -> float:
            at = positions.astype(int)
            found = kendalltau(a[at], b[at]).statistic
            return 0.0 if np.isnan(found) else found  # a view that says the same of all

        item = f"{draw_name(AGREEMENT, one)} {draw_name(AGREEMENT, other)}"
        low, high = statistics.cluster_bootstrap(
            known,
            clusters.to_numpy()[known],
            tau,
            resamples=resamples,
            confidence=confidence,
            rng=rng(seed, "verdicts.agreement", item),
        )
        row = {"one": one, "other": other, "n_outputs": len(known), "kendall_tau": tau(known)}
        row |= {"low": low, "high": high, "same_track": np.nan, "same_track_by_chance": np.nan}
        if {one, other} <= set(tracks.columns):
            mine, theirs = tracks[one].iloc[known], tracks[other].iloc[known]
            shares = [names.value_counts(normalize=True) for names in (mine, theirs)]
            row["same_track"] = np.mean(mine.to_numpy() == theirs.to_numpy())
            row["same_track_by_chance"] = shares[0].mul(shares[1], fill_value=0).sum()
        rows.append(row)
    columns = ["one", "other", "n_outputs", "kendall_tau", "low", "high"]
    return pd.DataFrame(rows, columns=[*columns, "same_track", "same_track_by_chance"])


def verdicts(evidence: pd.DataFrame, copy_at: dict[str, float], fdr: float) -> pd.DataFrame:
    """The tier of each output, by the rules of `tiers.TIERS`.

    Parameters
    ----------
    evidence : DataFrame
        A row an output and encoder, or view of tokens: output_id, encoder, q (adjusted p-value),
        track_id (of the nearest clip), cosine (to it). The caller leaves out encoders that were
        never trained.
    copy_at : dict of str to float
        Encoder -> cosine from which on a match is as near as a copy; NaN, or none, if that is not
        known.
    fdr : float
        False discovery rate: a match is found where q <= fdr.

    Returns
    -------
    DataFrame
        output_id, tier, n_encoders (that find a match), encoders (their names), track_id: that
        which most of them name, or "". Of tracks that as many name, the one that more find as near
        as a copy, then that with the smaller q.
    """
    rows = []
    evidence = evidence.assign(
        as_near=evidence.cosine >= evidence.encoder.map(copy_at).astype(float)
    )
    for output_id, part in evidence.groupby("output_id", sort=False):
        found = part[part.q <= fdr]
        named = found.groupby("track_id").agg(
            encoders=("encoder", "size"), as_near=("as_near", "sum"), q=("q", "min")
        )
        order = ["encoders", "as_near", "q", "track_id"]
        named = named.reset_index().sort_values(order, ascending=[False, False, True, True])
        tier, track = "nothing found", ""
        if len(named):
            tier, track = "resembles", named.track_id.iloc[0]
            if named.encoders.iloc[0] >= 2:
                tier = "copy" if named.as_near.iloc[0] >= 2 else "near-copy"
        rows.append(
            {
                "output_id": output_id,
                "tier": tier,
                "n_encoders": len(found),
                "encoders": " ".join(sorted(found.encoder)),
                "track_id": track,
            }
        )
    return pd.DataFrame(rows, columns=["output_id", "tier", "n_encoders", "encoders", "track_id"])


def copy_cosine(matches: pd.DataFrame, quantile: float = 0.05) -> float:
    """Cosine that all but a few round trips reach to their own original.

    Parameters
    ----------
    matches : DataFrame
        Of `influence.attribute` for round trips, of one encoder, with their originals as parents.
    quantile : float
        So many fall below.

    Returns
    -------
    float
        NaN without such rows.
    """
    to_original = matches[matches.target == "parent"].cosine
    return float(to_original.quantile(quantile)) if len(to_original) else float("nan")


def views(
    outputs: pd.DataFrame,
    p_values: pd.DataFrame,
    songs: pd.DataFrame,
    tracks: pd.DataFrame,
    ngram_overlap: pd.DataFrame | None,
    roundtrips: pd.DataFrame | None,
    tokens: pd.DataFrame | None,
    competition: pd.DataFrame,
    fdr: float,
    without: tuple[str, ...],
    resamples: int,
    confidence: float,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What encoders and tokens say of each output: how far they agree, and the verdict.

    Parameters
    ----------
    outputs : DataFrame
        Vamp list of one generator.
    p_values : DataFrame
        Of `calibration.p_values`, of all encoders, of either prompt_track.
    songs : DataFrame
        Of `songs.songs`.
    tracks : DataFrame
        track_id, title, artist.
    ngram_overlap : DataFrame or None
        Of `generation.ngram_overlap`, where the generator gives tokens: a view of its own.
    roundtrips : DataFrame or None
        Of `influence.attribute`, of control music after the codec, where that is known: as near as
        that is to its own original, a match is a copy.
    tokens : DataFrame or None
        p_values of `token_evidence.testify`, where the generator gives tokens: a view that names
        tracks and has a say, but not on what is as near as a copy.
    competition : DataFrame
        outputs of `competition.compete`.
    fdr : float
        False discovery rate.
    without : tuple of str
        Encoders that have no say in the verdict: the untrained control.
    resamples, confidence, seed
        As everywhere.

    Returns
    -------
    agreement : DataFrame
        Of `agreement`; the prompt's own track is excluded.
    table : DataFrame
        A row an output: what it was made from; tier, encoders, track_id, title and artist, the
        prompt's own track excluded, and with it (_prompt_included); cosine and p of each encoder,
        score and p of tokens; q_competition of each of these, nothing of the prompt's artist among
        what can be found.
    """
    back = [] if roundtrips is None else roundtrips.groupby("encoder")
    copy_at = {encoder: copy_cosine(part) for encoder, part in back}
    keys = ["encoder", "prompt_track", "output_id"]
    # the track of the nearest clip: it is what the p-value speaks of
    first = songs.sort_values("maximum", ascending=False, kind="stable")
    first = first.drop_duplicates(keys)[[*keys, "track_id"]]
    said = p_values.merge(first, on=keys)
    by_tokens = set() if tokens is None else set(tokens["view"])
    if tokens is not None:
        heard = tokens.rename(columns={"view": "encoder", "score": "cosine"})
        said = pd.concat([said, heard[heard.columns.intersection(said.columns)]], ignore_index=True)
    outputs, credits = outputs.set_index("output_id"), tracks.set_index("track_id")
    columns = ["generator", "setting", "prompt_id", "prompt_split", "kept_share"]
    table = outputs[[name for name in columns if name in outputs]].copy()
    excluded = said[said.prompt_track == "excluded"]
    nearness, named = (
        excluded.pivot(index="output_id", columns="encoder", values=name).reindex(table.index)
        for name in ("cosine", "track_id")
    )
    if ngram_overlap is not None:
        shares = ngram_overlap.set_index("output_id").overlap_elsewhere_share.reindex(table.index)
        nearness["ngram_overlap"] = table["overlap_elsewhere_share"] = shares
    clusters = outputs.prompt_group_id.where(outputs.prompt_group_id != "", outputs.index)
    agreed = agreement(nearness, clusters, named, resamples, confidence, seed)
    for prompt_track, suffix in (("excluded", ""), ("included", "_prompt_included")):
        part = said[(said.prompt_track == prompt_track) & ~said.encoder.isin(without)]
        found = verdicts(part, copy_at, fdr).set_index("output_id")
        found["title"] = found.track_id.map(credits.title).fillna("")
        found["artist"] = found.track_id.map(credits.artist).fillna("")
        columns = ["tier", "encoders", "track_id", "title", "artist"]
        table = table.join(found[columns].add_suffix(suffix))
    for encoder, part in excluded.groupby("encoder", sort=False):
        mine, score = part.set_index("output_id"), "score" if encoder in by_tokens else "cosine"
        table[f"{score}_{encoder}"], table[f"p_{encoder}"] = mine.cosine, mine.p
    apart = competition[competition.prompt_track == "artist_excluded"]
    for view, part in apart.groupby("view", sort=False):
        table[f"q_competition_{view}"] = part.set_index("output_id").q
    return agreed, table.rename_axis("output_id").reset_index()
