"""The race in a sentence: does what resembles an output tell what influenced it?"""

import pandas as pd

from musical_roots.short_answers.judged import (
    NO,
    UNKNOWN,
    YES,
    Answer,
    Missing,
    enumerated,
    rows,
    some,
)

OUTSIDERS = ("ceiling", "control", "baseline")  # kinds that are no answer to the question
CALLED = {"embedding": "resemblance", "tokens": "the generator's own tokens"}
UNTRAINED = "random: "  # methods of the control
MARGIN = 0.1  # a rank correlation that is small


def resemblance(tables: dict[str, pd.DataFrame], _: str) -> Answer:
    """Against models trained anew on halves of the training set, where there is such a truth."""
    if some(tables, "race").empty:
        told = rows(tables, "race_findings").finding.iloc[0]
        return Answer(UNKNOWN, "there is no truth by retraining", "", told)
    race = rows(tables, "race", setting="all", design="tracks")
    means = race.groupby(["kind", "method"]).lds.mean()
    hears = ~means.index.get_level_values("method").str.startswith(UNTRAINED)
    methods = {
        kind: of.idxmax()[1]
        for kind, of in means[hears].groupby(level="kind")
        if kind not in OUTSIDERS and of.notna().any()
    }
    if "embedding" not in methods:
        raise Missing("no encoder that has learned anything is in the race")
    bounds = race[race.method == methods["embedding"]]
    low = bounds[["low", "low_models"]].min(axis=None)
    high = bounds[["high", "high_models"]].max(axis=None)
    order = sorted(methods, key=lambda kind: kind != "embedding")
    told = enumerated(
        f"{CALLED.get(kind, kind + 's')} {_lds(race, methods[kind])}" for kind in order
    )
    mean = bounds.lds.mean()
    return Answer(
        YES if low > 0 else NO if high < MARGIN else UNKNOWN,
        f"rank correlation with the truth {mean:.2f} [{low:.2f}, {high:.2f}]"
        f" ({bounds.method.iloc[0]})",
        _ceiling(race),
        f"Rank correlation with what models say that were trained anew on halves of the training"
        f" set: {told}. Each is the best method of its kind, chosen after"
        " the fact; the short answer has the widest of its intervals, over prompts and halves.",
    )


def _lds(race: pd.DataFrame, method: str) -> str:
    told = enumerated(
        f"{row.lds:.2f} [{row.low:.2f}, {row.high:.2f}] for {row.prompts} prompts"
        for row in race[race.method == method].itertuples()
    )
    return f"{told} ({method})"


def _ceiling(race: pd.DataFrame) -> str:
    """What a perfect method could reach, for the truth itself is noisy."""
    ceilings = race[race.kind == "ceiling"].groupby("method", sort=False).lds.mean()
    told = [f"{lds:.2f} ({method})" for method, lds in ceilings.items()]
    return f"what has seen the losses reaches {enumerated(told)}" if told else ""
