"""Answers that are known: does a study find what it must, and nothing where nothing is?"""

import pandas as pd

from musical_roots.proportions import wilson
from musical_roots.short_answers.judged import (
    CHANCE,
    NO,
    UNKNOWN,
    YES,
    Answer,
    interval,
    judged,
    ordered,
    percent,
    rows,
    shares,
    some,
    trained,
)

CONFIDENCE = 0.95
MOST = 0.5


def planted_copies(tables: dict[str, pd.DataFrame], generator: str) -> Answer:
    """Are training clips found that went through the codec, as all outputs do?"""
    coded = some(tables, "coded_index", generator=generator, measure="planted_at_05")
    if coded.empty:
        return _planted(tables, generator)
    whole = coded[coded.codebooks == coded.codebooks.max()]
    as_it_is = trained(whole[whole["index"] == "train"]).sort_values("value", ascending=False)
    through = trained(whole[whole["index"] == "coded_train"]).sort_values("value", ascending=False)
    best = as_it_is.iloc[0]
    return Answer(
        judged(best.low, best.high, MOST),
        _found(best),
        "",
        f"Of {best.n:.0f} training clips that went through the codec, as all outputs do, p <= .05"
        f" have {shares(as_it_is, 'value', 'low', 'high')}; by chance {percent(CHANCE)}. Searched"
        f" for among training clips that went through it, too: {shares(through, 'value')}. What"
        " an encoder does not find here, it cannot find in outputs either.",
    )


def _planted(tables: dict[str, pd.DataFrame], generator: str) -> Answer:
    """The same, of all kinds and levels as one, where no codec is known; with Wilson's interval."""
    found = trained(rows(tables, "planted", generator=generator))
    pooled = found.assign(hits=found.power_at_05 * found.n_planted).groupby("encoder")
    told = pooled[["hits", "n_planted"]].sum()
    told = told.assign(value=told.hits / told.n_planted, n=pooled.n_planted.max()).reset_index()
    bounds = [wilson(row.value * row.n, row.n, CONFIDENCE) for row in told.itertuples()]
    told[["low", "high"]] = bounds
    told = told.sort_values("value", ascending=False)
    best = told.iloc[0]
    return Answer(
        judged(best.low, best.high, MOST),
        _found(best),
        "",
        f"Of {best.n:.0f} training clips, changed in all ways of Experiment B, p <= .05 have"
        f" {shares(told, 'value', 'low', 'high')}; by chance {percent(CHANCE)}. What an"
        " encoder does not find here, it cannot find in outputs either.",
        table="planted",
    )


def _found(row) -> str:
    return (
        f"{percent(row.value)} {interval(row.low, row.high)} have p <= .05 by {row.encoder}, by"
        f" chance {percent(CHANCE)}"
    )


def own_track(tables: dict[str, pd.DataFrame], generator: str) -> Answer:
    """Is the track of an output's own prompt the first that is found?"""
    there = {"granularity": "song", "setting": "all", "aggregation": "maximum"}
    found = rows(tables, "songs", generator=generator, **there)
    found = ordered(tables, found[found.n_outputs > 0])
    best = found.iloc[0]
    low, high = _of_own_track(tables, generator, best)
    equal = {"granularity": "song", "index": "train_equal"}
    chance = 1 / rows(tables, "concentration", generator=generator, **equal).n_items.max()
    others = f"; {shares(found[1:], 'prompt_first')}" if len(found) > 1 else ""
    return Answer(
        judged(low, high, chance),
        f"{percent(best.prompt_first)} {interval(low, high)} come first by {best.encoder}, by"
        f" chance {percent(chance)}",
        "",
        f"It comes first for {percent(best.prompt_first)} {interval(low, high)} of"
        f" {best.n_outputs:.0f} outputs of training prompts by {best.encoder}{others}; by chance"
        f" {percent(chance)}.{_by_tokens(tables, generator)}",
    )


def _of_own_track(tables: dict, generator: str, row) -> tuple[float, float]:
    """The interval clustered by prompt's track, where a table has it; else Wilson's."""
    there = {"measure": "own_track_first", "index": "train", "encoder": row.encoder}
    known = some(tables, "coded_index", generator=generator, setting="all", **there)
    if len(known):
        return known.low.iloc[0], known.high.iloc[0]
    return wilson(row.prompt_first * row.n_outputs, row.n_outputs, CONFIDENCE)


def _by_tokens(tables: dict, generator: str) -> str:
    """Outputs of train prompts that their tokens find, their own track among what can be found."""
    there = {"prompt_track": "included", "prompts": "train", "setting": "all"}
    found = some(tables, "competition", view="token_share", generator=generator, **there)
    if found.empty:
        return ""
    row = found.loc[found.fdr.idxmin()]
    return (
        f" The generator's own tokens find {row.discoveries:.0f} of {row.n_outputs:.0f} in"
        f" competition with control music ({percent(row.fdr)} of finds false at most)."
    )


def control_music(tables: dict[str, pd.DataFrame], generator: str) -> Answer:
    """Is music accused that the generator never heard?"""
    found = trained(rows(tables, "calibration", generator=generator, prompt_track="included"))
    curve = trained(rows(tables, "calibration_curve", generator=generator, source="control"))
    at = curve[(curve.p - CHANCE).abs() < 1e-9].drop_duplicates("encoder").set_index("encoder")
    found = found.assign(low=found.encoder.map(at.low), high=found.encoder.map(at.high))
    worst = found.false_positives_at_05.max()
    found = found.sort_values("false_positives_at_05", ascending=False)
    return Answer(
        NO if worst <= CHANCE else YES if found.low.max() > CHANCE else UNKNOWN,
        f"at most {percent(worst)} {interval(found.low.iloc[0], found.high.iloc[0])} have p <= .05,"
        f" {percent(CHANCE)} are allowed",
        f"{found.n_null_tracks.max():.0f} control tracks, which can show no p below"
        f" {found.smallest_p.max():.3f}",
        f"p <= .05 have {shares(found, 'false_positives_at_05', 'low', 'high')} of excerpts of"
        f" control tracks; {percent(CHANCE)} at most are allowed. Halves of the tracks"
        " calibrate, the others are tested; the interval holds 95 % of halves.",
    )
