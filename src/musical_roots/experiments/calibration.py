"""How sure is a resemblance? p-values from music that the generator never saw, and their check.

The null of a vamp's best match is the best match of control music: excerpts as long as a vamp, of
tracks and artists that nothing was trained on, sent through the generator's codec first, so that
its artefacts do not decide. A track is one unit, however many excerpts it gives.

That the p-values are what they say is itself tested. Control tracks are split in halves many times:
one half calibrates; of the other the p-values must be uniform; and training clips that were
perturbed and hidden among it must be found, with no more false discoveries than the level allows.

A second null needs no exchangeability of vamps with real music: a vamp's best match in the
training set against its best match in a control index of as many clips. It speaks of these two
indexes: which tracks they are made of is not drawn again, and one can be nearer to everything by
accident.

Where the null is not exact: a prompt from the train split leaves its artist's other tracks in the
training set, a held-out excerpt has none there; and a vamp from a control prompt is held against a
null that holds excerpts of its prompt's track, too.

References
----------
Bates et al., "Testing for outliers with conformal p-values", Annals of Statistics 2023 (Benjamini
and Hochberg's procedure holds for conformal p-values that share a calibration set).
Benjamini, Hochberg, "Controlling the false discovery rate", JRSS B 1995.
"""

import numpy as np
import pandas as pd
from scipy.stats import false_discovery_control, ks_2samp

from musical_roots import statistics
from musical_roots.seeding import rng

GRID = np.linspace(0, 1, 101)


def p_values(vamps: pd.DataFrame, null: pd.DataFrame) -> pd.DataFrame:
    """Conformal p-value of each vamp's best match, and Benjamini and Hochberg's adjusted one.

    Parameters
    ----------
    vamps, null : DataFrame
        Rows of `influence.best`, of one encoder; those of vamps in one arm.

    Returns
    -------
    DataFrame
        `vamps` with p, and q: a vamp with q <= a is a discovery at the level a. The vamps of one
        setting and of prompts from one split are one family.
    """
    p = statistics.conformal_p(vamps.cosine, null.cosine, null.cluster)
    vamps = vamps.assign(p=p)
    return vamps.assign(q=vamps.groupby(["setting", "split"]).p.transform(false_discovery_control))


def halves(null: pd.DataFrame, draws: int, seed: int) -> list[tuple[pd.DataFrame, pd.DataFrame]]:
    """Control music in two: tracks that calibrate, and those that are tested. Many random times.

    A track that calibrates does so with all its excerpts, one that is tested with a single one
    (`single`), drawn by the seed: these are independent. The same tracks go together whatever the
    encoder.
    """
    draw = pd.Series([rng(seed, "calibration.excerpt", unit).random() for unit in null.unit])
    null = null.reset_index(drop=True)
    null["single"] = draw.groupby(null.cluster).rank(method="first") == 1
    one = null[null.single]
    tracks = np.array(sorted(set(null.cluster)))
    pairs = []
    for number in range(draws):
        order = rng(seed, "calibration.halves", str(number)).permutation(len(tracks))
        calibrating = tracks[order[: len(tracks) // 2]]
        pairs.append((null[null.cluster.isin(calibrating)], one[~one.cluster.isin(calibrating)]))
    return pairs


def uniformity(null: pd.DataFrame, draws: int, seed: int) -> tuple[dict, pd.DataFrame]:
    """Are the p-values of held-out music uniform?

    Parameters
    ----------
    null : DataFrame
        Rows of `influence.best` of one encoder, one or more a track.
    draws : int
        Random halves.
    seed : int
        The config's seed.

    Returns
    -------
    summary : dict
        n_calibration and n_validation (tracks of the first halves). ks and ks_p: Kolmogorov and
        Smirnov's test that one excerpt each of the calibrating and of the tested tracks are of one
        distribution, which is what makes p-values uniform; of the first halves. ks_rejected: share
        of all halves in which that is rejected at 5 %. false_positives_at_05: share of p <= .05,
        mean over all halves.
    curve : DataFrame
        p, share (of p-values at or below it, mean over halves), low, high (95 % of halves).
    """
    shares, tests = [], []
    pairs = halves(null, draws, seed)
    for calibrating, tested in pairs:
        p = statistics.conformal_p(tested.cosine, calibrating.cosine, calibrating.cluster)
        shares.append(np.searchsorted(np.sort(p), GRID + 1e-12) / len(p))
        tests.append(ks_2samp(calibrating.cosine[calibrating.single], tested.cosine))
    low, high = np.quantile(shares, [0.025, 0.975], axis=0)
    mean = np.mean(shares, axis=0)
    summary = {
        "n_calibration": pairs[0][0].cluster.nunique(),
        "n_validation": len(pairs[0][1]),
        "ks": tests[0].statistic,
        "ks_p": tests[0].pvalue,
        "ks_rejected": np.mean([test.pvalue <= 0.05 for test in tests]),
        "false_positives_at_05": mean[5],
    }
    return summary, pd.DataFrame({"p": GRID, "share": mean, "low": low, "high": high})


def p_curve(p: np.ndarray, clusters, resamples: int, confidence: float, chance) -> pd.DataFrame:
    """Share of p-values at or below each of `GRID`: p, share, low, high."""
    below = np.asarray(p)[:, None] <= GRID + 1e-12
    low, high = statistics.cluster_bootstrap(
        below, clusters, resamples=resamples, confidence=confidence, rng=chance
    )
    return pd.DataFrame({"p": GRID, "share": below.mean(axis=0), "low": low, "high": high})


def planted(
    copies: pd.DataFrame,
    clips: pd.DataFrame,
    null: pd.DataFrame,
    level: float,
    draws: int,
    seed: int,
) -> pd.DataFrame:
    """Known matches hidden among music without any: how many are found, and how many falsely.

    Training clips that were perturbed are hidden among the clips of control tracks that do not
    calibrate, and Benjamini and Hochberg's procedure picks from all of them.

    Parameters
    ----------
    copies : DataFrame
        Rows of `influence.best` of one encoder and kind of perturbation, one a clip.
    clips : DataFrame
        Their clip list: clip_id, kind, level, unit.
    null : DataFrame
        Rows of `influence.best`, one a clip of control music.
    level : float
        False discovery rate that is asked for.
    draws : int
        Random halves.
    seed : int
        The config's seed.

    Returns
    -------
    DataFrame
        encoder, kind, level, unit, n_planted; discoveries (mean over halves), false_share (mean
        share of discoveries that are false, the realised false discovery rate; 0 where nothing is
        found) with false_share_high (its largest in 95 % of halves); power (share of planted clips
        that are discovered); power_at_05 (that have p <= .05); perturbed_false_at_05 (share of
        p <= .05 among control clips that were perturbed in the same way: above .05, the
        perturbation itself looks like a match).
    """
    described = clips.set_index("clip_id")[["kind", "level", "unit"]].reindex(copies.unit)
    copies = copies.reset_index(drop=True)
    pairs = halves(null, draws, seed)
    rows = []
    for (kind, at, unit), index in copies.groupby(
        [described[name].to_numpy() for name in ("kind", "level", "unit")]
    ).groups.items():
        part = copies.loc[index]
        hidden, others = part[part.split == "train"], part[part.split != "train"]
        if hidden.empty:
            continue
        outcomes = []
        for calibrating, tested in pairs:
            p = statistics.conformal_p(
                np.concatenate([hidden.cosine, tested.cosine]),
                calibrating.cosine,
                calibrating.cluster,
            )
            found = false_discovery_control(p) <= level
            right, wrong = found[: len(hidden)], found[len(hidden) :]
            outcomes.append(
                (
                    found.sum(),
                    wrong.sum() / max(1, found.sum()),
                    right.mean(),
                    (p[: len(hidden)] <= 0.05).mean(),
                )
            )
        discoveries, false_share, power, power_at_05 = np.transpose(outcomes)
        against = statistics.conformal_p(others.cosine, null.cosine, null.cluster)
        rows.append(
            {
                "encoder": part.encoder.iloc[0],
                "kind": kind,
                "level": at,
                "unit": unit,
                "n_planted": len(hidden),
                "discoveries": discoveries.mean(),
                "false_share": false_share.mean(),
                "false_share_high": np.quantile(false_share, 0.95),
                "power": power.mean(),
                "power_at_05": power_at_05.mean(),
                "perturbed_false_at_05": np.mean(against <= 0.05) if len(others) else np.nan,
            }
        )
    return pd.DataFrame(rows)


def paired(vamps: pd.DataFrame, resamples: int, confidence: float, seed: int) -> pd.DataFrame:
    """Best match in the training set less best match in the control index, of the same size.

    Parameters
    ----------
    vamps : DataFrame
        Rows of `influence.best` of one encoder, with the sides train_equal and control.
    resamples, confidence, seed
        As everywhere; clusters are prompts' tracks.

    Returns
    -------
    DataFrame
        encoder, own, prompts ("train", "control", "all"), n_vamps, n_prompts, difference (mean
        cosine), low, high, sign_flip_p (one-sided: the training set is nearer, given these two
        indexes). Vamps lean to the side that their prompts are from, above all in the arm "kept".
    """
    wide = vamps.pivot_table(
        index=["encoder", "own", "unit", "cluster", "split"], columns="side", values="cosine"
    ).reset_index()
    wide["difference"] = wide.train_equal - wide.control
    wide["split"] = wide.split.replace("", "unknown")
    rows = []
    for key, part in pd.concat([wide.assign(split="all"), wide]).groupby(
        ["encoder", "own", "split"], sort=False
    ):
        name = " ".join(key)
        low, high = statistics.cluster_bootstrap(
            part.difference,
            part.cluster,
            resamples=resamples,
            confidence=confidence,
            rng=rng(seed, "calibration.paired", name),
        )
        rows.append(
            {
                **dict(zip(["encoder", "own", "prompts"], key, strict=True)),
                "n_vamps": len(part),
                "n_prompts": part.cluster.nunique(),
                "difference": part.difference.mean(),
                "low": low,
                "high": high,
                "sign_flip_p": statistics.sign_flip(
                    part.difference,
                    part.cluster,
                    resamples,
                    rng=rng(seed, "calibration.sign_flip", name),
                ),
            }
        )
    return pd.DataFrame(rows)


def calibrate(
    vamps: pd.DataFrame,
    null: pd.DataFrame,
    copies: pd.DataFrame,
    copy_clips: pd.DataFrame,
    level: float,
    draws: int,
    resamples: int,
    confidence: float,
    seed: int,
) -> dict[str, pd.DataFrame]:
    """All of this, of every encoder.

    Parameters
    ----------
    vamps, null, copies : DataFrame
        Rows of `influence.best` with the column `of`: "vamp" for a row a vamp or excerpt, "clip"
        for a row a clip. Of vamps; of real music that the generator never saw, after its codec;
        and of perturbed clips.
    copy_clips : DataFrame
        Clip list of `copies`.
    level, draws, resamples, confidence, seed
        As above.

    Returns
    -------
    dict of str to DataFrame
        p_values: of each vamp, in each arm, against all control tracks. calibration: a row an
        encoder and arm; smallest_p is what so many control tracks can show at best. curve: shares
        of p-values. planted, paired.
    """
    tables = {name: [] for name in ("p_values", "calibration", "curve", "planted", "paired")}
    for encoder, mine in vamps[vamps.of == "vamp"].groupby("encoder", sort=False):
        never = null[null.encoder == encoder]
        base, base_clips = never[never.of == "vamp"], never[never.of == "clip"]
        summary, curve = uniformity(base, draws, seed)
        tables["curve"].append(curve.assign(encoder=encoder, own="kept", music="held out"))
        for own, arm in mine[mine.side == "train"].groupby("own", sort=False):
            found = p_values(arm, base)
            row = {"encoder": encoder, "own": own, **summary}
            tracks = base.cluster.nunique()
            row |= {"n_null_tracks": tracks, "smallest_p": 1 / (1 + tracks)}
            row |= {"level": level, "n_vamps": len(found), "p_at_05": (found.p <= 0.05).mean()}
            row["discoveries"] = int((found.q <= level).sum())
            for split in ("train", "control"):
                part = found[found.split == split]
                row[f"n_{split}_prompts"] = len(part)
                row[f"discoveries_{split}_prompts"] = int((part.q <= level).sum())
            for split, part in found.groupby("split"):
                chance = rng(seed, "calibration.curve", f"{encoder} {own} {split}")
                shares = p_curve(part.p, part.cluster, resamples, confidence, chance)
                music = f"vamps, {split or 'unknown'} prompts"
                tables["curve"].append(shares.assign(encoder=encoder, own=own, music=music))
            tables["p_values"].append(found)
            tables["calibration"].append(pd.DataFrame([row]))
        tables["paired"].append(paired(mine, resamples, confidence, seed))
        hidden = copies[(copies.encoder == encoder) & (copies.of == "clip")]
        tables["planted"].append(planted(hidden, copy_clips, base_clips, level, draws, seed))
    return {name: pd.concat(parts, ignore_index=True) for name, parts in tables.items()}
