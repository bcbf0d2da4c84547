"""What is asked of the results: the paper's questions in its order, and what goes past it."""

import numpy as np
import pandas as pd

from musical_roots.short_answers.judged import (
    ENOUGH,
    NO,
    UNKNOWN,
    YES,
    Answer,
    Missing,
    enumerated,
    interval,
    judged,
    ordered,
    percent,
    rows,
    shares,
    some,
    trained,
)

# What the paper's text calls found "the vast majority of the time", and "fine".
MILD = {"pitch": 3, "stretch": 5}
POINTS = 0.1  # a difference of shares, or of Gini, that is small


def listeners(tables: dict[str, pd.DataFrame], _: str) -> Answer:
    """Do people hear as similar what the encoders put near?"""
    power = _power_of_listening(tables)
    if "listening_model" not in tables:
        rows(tables, "simulated_model")
        told = "Simulated listeners show how the tables look, and nothing of any encoder."
        return Answer(UNKNOWN, "nobody has answered yet", power, told, table="simulated_model")
    told = rows(tables, "listening_model", model="mean", term="mean")
    arm = "ours" if "ours" in set(told.arm) else told.arm.iloc[0]
    told = ordered(tables, told[told.arm == arm])
    best = told.iloc[0]
    return Answer(
        judged(best.share_low, best.share_high, 0.5),
        f"{percent(best.share)} {interval(best.share_low, best.share_high)} agree with"
        f" {best.encoder}, by chance 50 %",
        power,
        f"People chose the clip that the encoder puts nearer in"
        f" {shares(told, 'share', 'share_low', 'share_high')}: {best.answers:.0f} answers by"
        f" {best.listeners:.0f} listeners about {best.x_clips:.0f} clips.",
        table="listening_model",
    )


def _power_of_listening(tables: dict[str, pd.DataFrame]) -> str:
    """How often a study of this design tells agreement from chance, and the paper's design."""
    found = some(tables, "simulated_coverage", method="model")
    if found.empty:
        return ""
    found = found[found.agreement > 0.5].drop_duplicates("design").set_index("design")
    if "ours" not in found.index:
        return ""
    ours = found.loc["ours"]
    told = f"{percent(ours.agreement)} agreement shows in {percent(ours.told_from_chance)}"
    told += f" {interval(ours.told_from_chance_low, ours.told_from_chance_high)} of such studies"
    if "the paper's" in found.index:
        paper = found.told_from_chance["the paper's"]
        told += f", in {percent(paper)} of the paper's size"
    return told


def changed_clips(tables: dict[str, pd.DataFrame], _: str) -> Answer:
    """Is a clip still found after it was changed a little?"""
    table = rows(tables, "robustness").astype({"level": float})
    size = table.level.abs()
    mild = table[(size > 0) & (size <= table.kind.map(MILD))]
    if mild.empty:
        raise Missing("robustness.csv has no small shift of pitch or tempo")
    worst = mild.sort_values("recall_at_1", kind="stable").drop_duplicates("encoder")
    worst = ordered(tables, worst)
    row = worst.iloc[0]
    others = f"; {shares(worst[1:], 'recall_at_1')} at worst" if len(worst) > 1 else ""
    paper = table[(table.encoder == row.encoder) & table.kind.isin(["pitch", "stretch", "noise"])]
    hard = paper.sort_values("recall_at_1", kind="stable").drop_duplicates("kind")
    told = [f"{percent(one.recall_at_1)} after {_change(one)}" for one in hard.itertuples()]
    return Answer(
        judged(row.recall_at_1_low, row.recall_at_1_high, 0.5),
        f"{percent(row.recall_at_1)} {interval(row.recall_at_1_low, row.recall_at_1_high)} come"
        f" first after {_change(row)}, the worst, by {row.encoder}",
        "",
        f"Pitch by {MILD['pitch']} semitones or tempo by {MILD['stretch']} % at most: of"
        f" {row.n_queries:.0f} clips the unmodified one comes first among all for"
        f" {shares(worst[:1], 'recall_at_1', 'recall_at_1_low', 'recall_at_1_high')} at the worst"
        f" level{others}. Of all levels the hardest leave {enumerated(told)}.",
    )


def _change(row) -> str:
    return f"{row.kind} {row.level:+.0f} {row.unit}"


def more_than_chance(tables: dict[str, pd.DataFrame], generator: str) -> Answer:
    """Does any output come nearer to the training set than chance, its prompt's track aside?"""
    found = trained(rows(tables, "calibration", generator=generator, prompt_track="excluded"))
    row = found.iloc[0]
    power, told = _power_to_discover(tables, generator, row.fdr)
    artist = {"prompt_track": "artist_excluded", "prompts": "all", "setting": "all"}
    rivals = some(tables, "competition", generator=generator, fdr=row.fdr, **artist)
    rivals = trained(rivals, "view") if len(rivals) else rivals
    count = max(found.discoveries.max(), rivals.discoveries.max() if len(rivals) else 0)
    names = enumerated(f"{one.discoveries:.0f} by {one.encoder}" for one in found.itertuples())
    against = ""
    if len(rivals):
        won = enumerated(f"{one.discoveries:.0f} by {one.view}" for one in rivals.itertuples())
        against = f"; in competition with control music, without the prompt's artist, {won}"
    return Answer(
        YES if count else NO if power >= ENOUGH else UNKNOWN,
        f"{count:.0f} of {row.n_outputs:.0f} outputs are discovered",
        told,
        f"Of {row.n_outputs:.0f} outputs, without their prompt's track, are discovered {names}"
        f" (of the finds in each setting and split {percent(row.fdr)} false at most){against}."
        f"{_paired(tables, generator)}",
    )


def _power_to_discover(tables: dict, generator: str, fdr: float) -> tuple[float, str]:
    """Of copies that were planted, how many are discovered at this rate: the best encoder's."""
    planted = trained(rows(tables, "planted", generator=generator))
    codec = planted[planted.kind == "codec"]
    copies = codec[codec.level == codec.level.max()] if len(codec) else planted
    mean = copies.groupby("encoder", sort=False).power.mean()
    artist = {"prompt_track": "artist_excluded", "prompts": "all", "setting": "all"}
    rivals = some(tables, "competition", generator=generator, fdr=fdr, **artist)
    rivals = trained(rivals, "view").set_index("view").planted_power if len(rivals) else None
    what = "planted copies that went through the codec" if len(codec) else "planted copies"
    best = mean.idxmax()
    told = f"of {what} {percent(mean[best])} would be"
    power = mean.max()
    if rivals is not None and rivals.notna().any():
        power = max(power, rivals.max())
        told += f", in competition {percent(rivals.max())} of all planted ({rivals.idxmax()})"
    return power, told


def _paired(tables: dict, generator: str) -> str:
    there = {"prompt_track": "excluded", "prompts": "all"}
    found = some(tables, "paired", generator=generator, **there)
    if found.empty:
        return ""
    row = ordered(tables, found).iloc[0]
    return (
        f" Best cosine in the training set less that in control music of equal size:"
        f" {row.difference:+.3f} [{row.low:+.3f}, {row.high:+.3f}] by {row.encoder}."
    )


def nearer_than_prompt(tables: dict[str, pd.DataFrame], generator: str) -> Answer:
    """Is training music nearer than the prompt, more than music is that was never heard?"""
    there = {"setting": "all", "prompt_track": "excluded"}
    table = ordered(tables, rows(tables, "prompt_vs_training", generator=generator, **there))
    encoder = table.encoder.iloc[0]
    prompts = "train" if "train" in set(table.prompts) else table.prompts.iloc[0]
    mine = table[(table.encoder == encoder) & (table.prompts == prompts)].set_index("index")
    heard, never = mine.loc["train_equal"], mine.loc["control"]
    columns = ("nearer_share", "nearer_low", "nearer_high")
    low, high = difference(heard[list(columns)], never[list(columns)])
    answer = YES if low > 0 else NO if high < POINTS else UNKNOWN
    more = 100 * (heard.nearer_share - never.nearer_share)
    return Answer(
        answer,
        f"{more:+.0f} points [{100 * low:+.0f}, {100 * high:+.0f}] by {encoder}",
        f"less than {100 * (high - low) / 2:.0f} points would not show",
        f"Of outputs of {prompts} prompts {_share(heard, columns)} are nearer to a training clip of"
        f" another track than to their prompt, and {_share(never, columns)} are nearer to a clip"
        f" of as much music that the generator never heard, by {encoder}; one training clip at"
        f" random is nearer for {percent(heard.size_matched)}.",
    )


def _share(row, columns: tuple[str, str, str]) -> str:
    value, low, high = (row[column] for column in columns)
    return f"{percent(value)} {interval(low, high)}"


def difference(one, other) -> tuple[float, float]:
    """Interval of a difference from two intervals, as if they were independent.

    Each is (value, low, high); half widths add up by their squares (Zou and Donner 2008, MOVER).
    """
    (value, low, high), (base, base_low, base_high) = one, other
    down = np.hypot(value - low, base_high - base)
    up = np.hypot(high - value, base - base_low)
    return value - base - down, value - base + up


def few_songs(tables: dict[str, pd.DataFrame], generator: str) -> Answer:
    """Do a few songs take most of the matches, more than music does by itself?"""
    table = ordered(tables, rows(tables, "concentration", generator=generator, granularity="song"))
    encoder = table.encoder.iloc[0]
    mine = table[table.encoder == encoder].set_index(["source", "index"])
    columns = ["gini", "gini_low", "gini_high"]
    ours = mine.loc[("outputs", "train_equal")]
    nulls = {
        "in control music": mine.loc[("outputs", "control")],
        "for control music": mine.loc[("control", "train_equal")],
    }
    gaps = [difference(ours[columns], null[columns]) for null in nulls.values()]
    answer = YES if all(low > 0 for low, _ in gaps) else UNKNOWN
    answer = NO if answer != YES and min(high for _, high in gaps) < POINTS else answer
    beside = enumerated(f"{_gini(null)} {name}" for name, null in nulls.items())
    low, high = min(gaps)
    return Answer(
        answer,
        f"Gini over songs {(low + high) / 2:+.2f} [{low:+.2f}, {high:+.2f}] above the higher of two"
        f" nulls, by {encoder}",
        f"less than {(high - low) / 2:.2f} would not show",
        f"Gini over songs {_gini(ours)} for outputs in the training set, {beside}, by {encoder}:"
        " a few songs influence many only where the first is above both.",
    )


def _gini(row) -> str:
    return f"{row.gini:.2f} [{row.gini_low:.2f}, {row.gini_high:.2f}]"


def claims(tables: dict[str, pd.DataFrame], _: str) -> Answer:
    """Does what the paper claims hold here?"""
    tally = rows(tables, "claims_tally", source="all").set_index("claims")
    paper = tally.iloc[0]
    told = " ".join(
        f"{name[0].upper()}{name[1:].partition(':')[0]}: {row.in_words}"
        for name, row in tally.iterrows()
    )
    answer = UNKNOWN if not paper.n_tested else YES if paper.n_hold == paper.n_tested else NO
    number = (
        f"{paper.n_tested:.0f} of {paper.n_claims:.0f} could be tested, {paper.n_hold:.0f} hold"
    )
    if len(tally) > 1:
        asked = tally.iloc[1]
        number += (
            f"; of its questions, asked of what is here, {asked.n_hold:.0f} of"
            f" {asked.n_tested:.0f} hold"
        )
    return Answer(answer, number, "", told)
