"""What Experiment C found, in sentences: none without what control music gives by itself."""

import pandas as pd


def findings(
    exceedance: pd.DataFrame,
    calibration: pd.DataFrame,
    paired: pd.DataFrame,
    prompts: pd.DataFrame,
    concentration: pd.DataFrame,
    hubness: pd.DataFrame,
    coded: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """One row a generator, encoder and question.

    Parameters
    ----------
    exceedance, calibration, paired, prompts, concentration, hubness : DataFrame
        The results tables of these names (prompts: ``prompt_vs_training``).
    coded : DataFrame, optional
        The table ``coded_index``, where there is one.

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
        if coded is not None and len(of(coded)):
            said["Does a coded index find more?"] = _coded(of(coded))
        rows += [(generator, encoder, question, said[question]) for question in said]
    return pd.DataFrame(rows, columns=["generator", "encoder", "question", "finding"])


def _near(table: pd.DataFrame) -> str:
    """At the cosine that one in twenty excerpts of control music reaches."""
    keys = ["source", "index", "prompt_track"]
    wide = table.pivot_table(index="threshold", columns=keys, values="share")
    codec = ("control_roundtrip", "train", "included")
    null = codec if codec in wide else ("control", "train", "included")
    # a few excerpts alone cannot show one in twenty
    at = wide.index[wide[null] <= max(0.05, wide[null].min())].min()
    shares, outputs = wide.loc[at], wide.loc[at].outputs
    music = "after the codec " if null == codec else ""
    return (
        f"At a cosine of {at:.2f} or more to a training clip are {_percent(shares[null])} of "
        f"control excerpts {music}(music that the generator never saw) and of outputs "
        f"{_percent(outputs['train', 'excluded'])} without the prompt's track, "
        f"{_percent(outputs['train', 'included'])} with it; of indexes of one size, "
        f"{_percent(outputs['train_equal', 'excluded'])} in the training set, "
        f"{_percent(outputs['control', 'excluded'])} in control."
    )


def _discoveries(table: pd.DataFrame) -> str:
    rows = table.set_index("prompt_track")
    out, with_it = rows.loc["excluded"], rows.loc["included"]
    return (
        f"{out.discoveries:.0f} of {out.n_outputs:.0f} outputs, at a false discovery rate of "
        f"{_percent(out.fdr)} in each setting and split, without the prompt's track, "
        f"{with_it.discoveries:.0f} with it. "
        f"p <= .05 have {_percent(out.p_at_05)} and {_percent(with_it.p_at_05)}, of control music "
        f"{_percent(out.false_positives_at_05)}. {out.n_null_tracks:.0f} control tracks can show "
        f"no p below {out.smallest_p:.3f}."
    )


def _paired(table: pd.DataFrame) -> str:
    rows = table[table.prompt_track == "excluded"].set_index("prompts")
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
    rows = table[(table.setting == "all") & (table.prompt_track == "excluded")]
    rows = rows.set_index(["prompts", "index"])
    told = [
        f"of outputs of {prompts} prompts, "
        f"{_percent(rows.nearer_share[prompts, 'train_equal'])} are nearer to a training clip than "
        f"to their prompt, {_percent(rows.nearer_share[prompts, 'control'])} to a clip of the "
        f"control index; one training clip at random is nearer in "
        f"{_percent(rows.size_matched[prompts, 'train_equal'])}"
        for prompts in ("train", "control")
        if (prompts, "train_equal") in rows.index and (prompts, "control") in rows.index
    ]
    return f"Without the prompt's track: {'; '.join(told)}."


def _concentrated(table: pd.DataFrame, hubness: pd.DataFrame) -> str:
    rows = table[table.granularity == "song"].set_index(["source", "index"])
    names = {
        ("outputs", "train_equal"): "outputs in the training set",
        ("outputs", "control"): "outputs in the control index",
        ("control", "train_equal"): "control music in the training set",
    }
    ginis = [
        f"{rows.gini[key]:.2f} [{rows.gini_low[key]:.2f}, {rows.gini_high[key]:.2f}] for {name}"
        for key, name in names.items()
    ]
    hubs = hubness[hubness.correction == "none"].set_index("queries").skewness
    ours, *nulls = names
    above = all(rows.gini_low[ours] > rows.gini_high[null] for null in nulls)
    verdict = (
        "A small subset of songs influences many outputs, more than in both nulls"
        if above
        else "The matches are not more concentrated than in both nulls"
    )
    return (
        f"{verdict}: Gini over songs (95 % of draws) {'; '.join(ginis)}. What hubs give: skewness "
        f"of the k-occurrence {hubs.outputs:.1f} for outputs, {hubs.control:.1f} for as much "
        "control music."
    )


def _coded(table: pd.DataFrame) -> str:
    """The coded index against the same clips as they were."""
    whole = table.codebooks.isna() | (table.codebooks == table.codebooks.max())
    rows = table[whole & (table.setting.fillna("all") == "all")].set_index(["measure", "index"])
    measures = {
        "own_track_first": "outputs of train prompts whose nearest clip is of their prompt's track",
        "planted_at_05": "planted copies after the codec with p <= .05",
        "false_positives_at_05": "control music with p <= .05",
    }
    told = []
    for measure, name in measures.items():
        if (measure, "coded_train") in rows.index:
            before, after = rows.loc[(measure, "uncoded_train")], rows.loc[(measure, "coded_train")]
            points = [
                f"{100 * share:+.0f}".replace("-0", "+0")
                for share in after[["difference", "difference_low", "difference_high"]]
            ]
            told.append(
                f"{name}, {_percent(before.value)} and {_percent(after.value)} (difference "
                f"{points[0]} [{points[1]}, {points[2]}] points)"
            )
    return (
        "Searched for among the same clips as they are, and after the generator's codec: "
        f"{'; '.join(told)}."
    )


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
