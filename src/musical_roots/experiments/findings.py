"""What Experiment C found, in sentences: none without what music never seen gives by itself."""

import pandas as pd


def findings(
    exceedance: pd.DataFrame,
    calibration: pd.DataFrame,
    paired: pd.DataFrame,
    prompts: pd.DataFrame,
    concentration: pd.DataFrame,
    hubness: pd.DataFrame,
) -> pd.DataFrame:
    """One row a generator, encoder and question.

    Parameters
    ----------
    exceedance, calibration, paired, prompts, concentration, hubness : DataFrame
        The results tables of these names (prompts: ``prompt_vs_training``).

    Returns
    -------
    DataFrame
        generator, encoder, question, finding.
    """
    rows = []
    for (generator, encoder), part in calibration.groupby(["generator", "encoder"], sort=False):

        def of(table, generator=generator, encoder=encoder):
            return table[(table.generator == generator) & (table.encoder == encoder)]

        said = {
            "How near do outputs come?": _near(of(exceedance)),
            "Is any of it more than chance?": _discoveries(part),
            "Is the training set nearer than a control index of equal size?": _paired(of(paired)),
            "Is training music nearer than the prompt?": _prompts(of(prompts)),
            "Do a small number of songs influence many outputs?": _concentrated(
                of(concentration), of(hubness)
            ),
        }
        rows += [(generator, encoder, question, said[question]) for question in said]
    return pd.DataFrame(rows, columns=["generator", "encoder", "question", "finding"])


def _near(table: pd.DataFrame) -> str:
    """At the cosine that one in twenty held-out excerpts reaches."""
    wide = table.pivot_table(index="threshold", columns="source", values="share")
    null = "roundtrip_train" if "roundtrip_train" in wide else "heldout_train"
    # a few excerpts alone cannot show one in twenty
    at = wide.index[wide[null] <= max(0.05, wide[null].min())].min()
    shares = wide.loc[at]
    music = "after the codec " if null == "roundtrip_train" else ""
    return (
        f"At a cosine of {at:.2f} or more to a training clip are {_percent(shares[null])} of "
        f"held-out excerpts {music}and of vamps {_percent(shares.vamp_train)} without the prompt's "
        f"track, {_percent(shares.vamp_train_own_kept)} with it; of indexes of one size, "
        f"{_percent(shares.vamp_train_equal)} in the training set, {_percent(shares.vamp_control)} "
        f"in control."
    )


def _discoveries(table: pd.DataFrame) -> str:
    rows = table.set_index("own")
    out, kept = rows.loc["left_out"], rows.loc["kept"]
    return (
        f"{out.discoveries:.0f} of {out.n_vamps:.0f} vamps at a false discovery rate of "
        f"{_percent(out.level)} without the prompt's track, {kept.discoveries:.0f} with it. "
        f"p <= .05 have {_percent(out.p_at_05)} and {_percent(kept.p_at_05)}, of held-out music "
        f"{_percent(out.false_positives_at_05)}. {out.n_null_tracks:.0f} control tracks can show "
        f"no p below {out.smallest_p:.3f}."
    )


def _paired(table: pd.DataFrame) -> str:
    rows = table[table.own == "left_out"].set_index("prompts")
    told = [
        f"{row.difference:+.3f} [{row.low:+.3f}, {row.high:+.3f}], sign-flip "
        f"p {row.sign_flip_p:.3f}, for {name} prompts"
        for name, row in rows.iterrows()
    ]
    return (
        f"Difference of the best cosines, without the prompt's track, given these two indexes: "
        f"{'; '.join(told)}."
    )


def _prompts(table: pd.DataFrame) -> str:
    if table.empty:
        return "No prompt is known."
    rows = table[(table.setting == "all") & (table.own == "left_out")]
    rows = rows.set_index(["prompts", "side"])
    told = [
        f"of vamps from {prompts} prompts, "
        f"{_percent(rows.nearer_share[prompts, 'train_equal'])} are nearer to a training clip than "
        f"to their prompt, {_percent(rows.nearer_share[prompts, 'control'])} to a clip of the "
        f"control index; one training clip at random is nearer in "
        f"{_percent(rows.size_matched[prompts, 'train_equal'])}"
        for prompts in ("train", "control")
        if (prompts, "train_equal") in rows.index and (prompts, "control") in rows.index
    ]
    return f"Without the prompt's track: {'; '.join(told)}."


def _concentrated(table: pd.DataFrame, hubness: pd.DataFrame) -> str:
    rows = table[table.level == "song"].set_index("source")
    names = ["vamps, training set", "vamps, control index", "held-out music, training set"]
    ginis = [
        f"{rows.gini[name]:.2f} [{rows.gini_low[name]:.2f}, {rows.gini_high[name]:.2f}] for {name}"
        for name in names
    ]
    hubs = hubness[hubness.correction == "none"].set_index("queries").skewness
    above = all(rows.gini_low[names[0]] > rows.gini_high[name] for name in names[1:])
    verdict = (
        "A small subset of songs influences many outputs, more than in both nulls"
        if above
        else "The matches are not more concentrated than in both nulls"
    )
    return (
        f"{verdict}: Gini over songs (95 % of draws) {'; '.join(ginis)}. What hubs give: skewness "
        f"of the k-occurrence {hubs['vamps']:.1f} for vamps, "
        f"{hubs['held-out music']:.1f} for as much held-out music."
    )


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
