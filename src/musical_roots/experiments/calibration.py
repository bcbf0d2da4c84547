"""How sure is a resemblance? p-values from control music, and their check.

The null of an output's best match is the best match of control music: excerpts as long as an
output, of tracks and artists that nothing was trained on, sent through the generator's codec first,
so that its artefacts do not decide. A track counts once, however many excerpts it gives.

What is computed is itself tested. Control tracks are split in halves many times: one half
calibrates; of the other the p-values must be uniform; and of training clips that were perturbed and
hidden among it, those that are found must be with no more false discoveries than were asked for.
Control is held against control there: that it is like the training music in all but having been
heard is a choice of corpus, which this does not test.

A second null needs no exchangeability of outputs with real music: an output's best match in the
training set against its best match in a control index of as many artists and clips. It speaks of
these two indexes: which tracks they are made of is not drawn again, and one can be nearer to
everything by accident.

Several vamps of one prompt are outputs of their own in a family, each with its p-value: they lean
the same way, under which Benjamini and Hochberg's procedure holds as well (Benjamini and Yekutieli
2001). Intervals and sign flips take all that a prompt's track gave for one.

Where the null is not exact: a prompt from the train split leaves its artist's other tracks in the
training set, an excerpt of a control track has none there; and an output of a control prompt is
held against a null that holds excerpts of its prompt's track, too.

References
----------
Bates et al., "Testing for outliers with conformal p-values", Annals of Statistics 2023 (Benjamini
and Hochberg's procedure holds for conformal p-values that share a calibration set).
Benjamini, Hochberg, "Controlling the false discovery rate", JRSS B 1995.
Benjamini, Yekutieli, "The control of the false discovery rate in multiple testing under
dependency", Annals of Statistics 2001 (positive dependence).
"""

import numpy as np
import pandas as pd
from scipy.stats import false_discovery_control, ks_2samp

from musical_roots import statistics
from musical_roots.experiments.draw_names import PROMPT_TRACK, draw_name
from musical_roots.seeding import rng

CODED = "codec"  # the kind of perturbation that sends a clip through the generator's codec
GRID = np.linspace(0, 1, 101)


def p_values(outputs: pd.DataFrame, null: pd.DataFrame) -> pd.DataFrame:
    """Conformal p-value of each output's best match, and Benjamini and Hochberg's adjusted one.

    Parameters
    ----------
    outputs, null : DataFrame
        Rows of `influence.best`, of one encoder; those of outputs of one prompt_track.

    Returns
    -------
    DataFrame
        `outputs` with p, and q: an output with q <= a is a discovery at the false discovery rate a.
        The outputs of one setting and of prompts from one split are one family.
    """
    p = statistics.conformal_p(outputs.cosine, null.cosine, null.cluster)
    outputs = outputs.assign(p=p)
    families = outputs.groupby(["setting", "split"])
    return outputs.assign(q=families.p.transform(false_discovery_control))


def halves(null: pd.DataFrame, draws: int, seed: int) -> list[tuple[pd.DataFrame, pd.DataFrame]]:
    """Control music in two: tracks that calibrate, and those that are tested. Many random times.

    A track that calibrates does so with all its excerpts, one that is tested with a single one
    (`single`), drawn by the seed: these are independent. The same tracks go together whatever the
    encoder.
    """
    draw = pd.Series([rng(seed, "calibration.excerpt", name).random() for name in null.output_id])
    null = null.reset_index(drop=True)
    null["single"] = draw.groupby(null.cluster).rank(method="first") == 1
    one = null[null.single]
    tracks, cluster = np.unique(null.cluster, return_inverse=True)
    pairs = []
    for number in range(draws):
        order = rng(seed, "calibration.halves", str(number)).permutation(len(tracks))
        calibrates = np.isin(cluster, order[: len(tracks) // 2])
        pairs.append((null[calibrates], one[~calibrates[one.index]]))
    return pairs


def _numbered(null: pd.DataFrame) -> pd.DataFrame:
    """What `halves` needs, tracks by their place among the names: these take longer to compare."""
    places = np.unique(null.cluster, return_inverse=True)[1]
    return null[["output_id", "cosine"]].assign(cluster=places)


def uniformity(null: pd.DataFrame, draws: int, seed: int) -> tuple[dict, pd.DataFrame]:
    """Are the p-values of control music uniform?

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
    pairs = halves(_numbered(null), draws, seed)
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
    matches: pd.DataFrame,
    planted_clips: pd.DataFrame,
    null: pd.DataFrame,
    control: pd.DataFrame,
    fdr: float,
    draws: int,
    seed: int,
) -> pd.DataFrame:
    """Known matches hidden among music without any: how many are found, and how many falsely.

    Training clips that were perturbed are hidden among the clips of control tracks that do not
    calibrate, and Benjamini and Hochberg's procedure picks from all of them. They are held against
    control music that went through what they went through: clips that were coded against coded
    ones, all others against control music as it is. What the codec takes from a clip is no sign of
    a match in one that it never took from.

    Parameters
    ----------
    matches : DataFrame
        Rows of `influence.best` of one encoder and kind of perturbation, one a clip.
    planted_clips : DataFrame
        Their clip list: clip_id, kind, level, unit.
    null, control : DataFrame
        Rows of `influence.best`, one a clip of control music: after the codec, and as it is.
    fdr : float
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
    described = planted_clips.set_index("clip_id")[["kind", "level", "unit"]]
    described = described.reindex(matches.output_id)
    matches = matches.reset_index(drop=True)
    if not (matches.split == "train").any():
        return pd.DataFrame()
    nulls = {True: _half_nulls(null, draws, seed)}
    nulls[False] = nulls[True] if control is null else _half_nulls(control, draws, seed)
    rows = []
    for (kind, at, unit), rows_of in matches.groupby(
        [described[name].to_numpy() for name in ("kind", "level", "unit")]
    ).groups.items():
        part = matches.loc[rows_of]
        hidden, others = part[part.split == "train"], part[part.split != "train"]
        if hidden.empty:
            continue
        of_null, of_halves, p_tested = nulls[kind == CODED]
        p = np.stack([of_half(hidden.cosine) for of_half in of_halves])
        found = false_discovery_control(np.hstack([p, p_tested]), axis=1) <= fdr
        discoveries, wrong = found.sum(axis=1), found[:, len(hidden) :].sum(axis=1)
        false_share = wrong / np.maximum(1, discoveries)
        power = found[:, : len(hidden)].mean(axis=1)
        power_at_05 = (p <= 0.05).mean(axis=1)
        against = of_null(others.cosine)
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


def _half_nulls(null: pd.DataFrame, draws: int, seed: int) -> tuple:
    """Conformal p by all of a null and by its halves; p of what each leaves, [draws, tracks]."""
    pairs = halves(_numbered(null), draws, seed)
    of_halves = [statistics.conformal(half.cosine, half.cluster) for half, _ in pairs]
    p = [of_half(tested.cosine) for of_half, (_, tested) in zip(of_halves, pairs, strict=True)]
    return statistics.conformal(null.cosine, null.cluster), of_halves, np.stack(p)


def paired(outputs: pd.DataFrame, resamples: int, confidence: float, seed: int) -> pd.DataFrame:
    """Best match in the training set less best match in the control index, of the same size.

    Parameters
    ----------
    outputs : DataFrame
        Rows of `influence.best` of one encoder, with the indexes train_equal and control.
    resamples, confidence, seed
        As everywhere; clusters are prompts' tracks.

    Returns
    -------
    DataFrame
        encoder, prompt_track, prompts ("train", "control", "all"), n_outputs, n_prompts, difference
        (mean cosine), low, high, sign_flip_p (one-sided: the training set is nearer, given these
        two indexes). Outputs lean to the index that their prompts are from, above all where the
        prompt's track is included.
    """
    keys = ["encoder", "prompt_track", "output_id", "cluster", "split"]
    wide = outputs.pivot_table("cosine", keys, "index").reset_index()
    wide["difference"] = wide.train_equal - wide.control
    wide["split"] = wide.split.replace("", "unknown")
    rows = []
    for key, part in pd.concat([wide.assign(split="all"), wide]).groupby(
        ["encoder", "prompt_track", "split"], sort=False
    ):
        encoder, prompt_track, split = key
        name = f"{encoder} {draw_name(PROMPT_TRACK, prompt_track)} {split}"
        low, high = statistics.cluster_bootstrap(
            part.difference,
            part.cluster,
            resamples=resamples,
            confidence=confidence,
            rng=rng(seed, "calibration.paired", name),
        )
        rows.append(
            {
                **dict(zip(["encoder", "prompt_track", "prompts"], key, strict=True)),
                "n_outputs": len(part),
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
    outputs: pd.DataFrame,
    null: pd.DataFrame,
    control: pd.DataFrame,
    planted_matches: pd.DataFrame,
    planted_clips: pd.DataFrame,
    fdr: float,
    draws: int,
    resamples: int,
    confidence: float,
    seed: int,
) -> dict[str, pd.DataFrame]:
    """All of this, of every encoder.

    Parameters
    ----------
    outputs, null, control, planted_matches : DataFrame
        Rows of `influence.best` with the column `of`: "output" for a row an output or excerpt,
        "clip" for a row a clip. Of outputs; of control music, after the generator's codec and as
        it is; and of perturbed clips.
    planted_clips : DataFrame
        Clip list of the perturbed clips.
    fdr, draws, resamples, confidence, seed
        As above.

    Returns
    -------
    dict of str to DataFrame
        p_values: of each output, for each prompt_track, against all control tracks. calibration: a
        row an encoder and prompt_track; smallest_p is what so many control tracks can show at best.
        curve: shares of p-values, by source (control, outputs) and prompts (train, control,
        unknown; "" for control music, which has none). planted, paired.
    """
    tables = {name: [] for name in ("p_values", "calibration", "curve", "planted", "paired")}
    for encoder, mine in outputs[outputs.of == "output"].groupby("encoder", sort=False):
        base, base_clips = _in_training_set(null, encoder)
        as_it_is = base_clips if control is null else _in_training_set(control, encoder)[1]
        summary, curve = uniformity(base, draws, seed)
        about = {"encoder": encoder, "prompt_track": "included", "source": "control", "prompts": ""}
        tables["curve"].append(curve.assign(**about))
        in_train = mine[mine["index"] == "train"]
        for prompt_track, part in in_train.groupby("prompt_track", sort=False):
            found = p_values(part, base)
            row = {"encoder": encoder, "prompt_track": prompt_track, **summary}
            tracks = base.cluster.nunique()
            row |= {"n_null_tracks": tracks, "smallest_p": 1 / (1 + tracks)}
            row |= {"fdr": fdr, "n_outputs": len(found), "p_at_05": (found.p <= 0.05).mean()}
            row["discoveries"] = int((found.q <= fdr).sum())
            for split in ("train", "control"):
                some = found[found.split == split]
                row[f"n_{split}_prompts"] = len(some)
                row[f"discoveries_{split}_prompts"] = int((some.q <= fdr).sum())
            for split, some in found.groupby("split"):
                item = f"{encoder} {draw_name(PROMPT_TRACK, prompt_track)} {split}"
                chance = rng(seed, "calibration.curve", item)
                shares = p_curve(some.p, some.cluster, resamples, confidence, chance)
                about |= {"prompt_track": prompt_track, "source": "outputs"}
                tables["curve"].append(shares.assign(**about | {"prompts": split or "unknown"}))
            tables["p_values"].append(found)
            tables["calibration"].append(pd.DataFrame([row]))
        tables["paired"].append(paired(mine, resamples, confidence, seed))
        hidden = planted_matches[
            (planted_matches.encoder == encoder) & (planted_matches.of == "clip")
        ]
        tables["planted"].append(
            planted(hidden, planted_clips, base_clips, as_it_is, fdr, draws, seed)
        )
    return {name: pd.concat(parts, ignore_index=True) for name, parts in tables.items()}


def _in_training_set(nearest: pd.DataFrame, encoder: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows a whole excerpt, and rows a clip, of an encoder's nearest training clips."""
    mine = nearest[(nearest.encoder == encoder) & (nearest["index"] == "train")]
    return mine[mine.of == "output"], mine[mine.of == "clip"]
