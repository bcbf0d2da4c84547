"""What the notebooks conclude, in sentences from a run's own tables."""

import pandas as pd

from musical_roots.questions import resemblance
from musical_roots.questions.words import full, kind, listed, share, shares

Tables = dict[str, pd.DataFrame]
READINGS = ("pooled", "clustered", "model")  # of answers: docs/listening_analysis.md


def experiment_a(tables: Tables) -> list[str]:
    """Whether listeners agree with encoders, and what the design could have shown."""
    who = "listening" if "listening_agreement" in tables else "simulated"
    agreement = tables[f"{who}_agreement"]
    told = []
    if who == "simulated":
        told.append(
            "Simulated: nobody has answered. The answers are drawn with a skill that is put in, and"
            " say nothing of any encoder."
        )
    for row in agreement[agreement.by == "all"].itertuples():
        found = f"{share(row.agreement)} ({100 * row.low:.3g} to {100 * row.high:.3g})"
        told.append(
            f"Arm {row.arm}, {row.encoder}: in {found} of {row.answers} answers by"
            f" {row.listeners} {row.source} the clip that is nearer to the encoder was chosen;"
            " chance is 50 %."
        )
    return told + _design(tables["simulated_coverage"])


def _design(coverage: pd.DataFrame) -> list[str]:
    """How often the paper's design tells agreement from chance, by how it is read."""
    rows = coverage[(coverage.design == "the paper's") & coverage.method.isin(READINGS)]
    parts = [
        f"read as {method}, "
        + listed(
            [
                f"{share(row.told_from_chance)} where true agreement is {share(row.agreement)}"
                for row in part.itertuples()
            ]
        )
        for method, part in rows.groupby("method", sort=False)
    ]
    if not parts:
        return []
    first = "Of simulated studies of the paper's design tell agreement from chance"
    return [f"{first}: {'; '.join(parts)}."]


def listening(trials: dict[str, pd.DataFrame], bins: pd.DataFrame) -> list[str]:
    """What listeners would hear, and which of the paper's bins could not be filled."""
    told = []
    for arm, rows in trials.items():
        asked = rows[rows.kind == "test"]
        by = [f"{name} {count}" for name, count in asked.encoder.value_counts().items()]
        told.append(
            f"Arm {arm}: {len(asked)} test trials about {asked.x_clip_id.nunique()} clips X, by"
            f" {listed(by)}; {len(rows) - len(asked)} more are catches or repeats."
        )
    full_bins = bins[bins.quantity.isin([f"bin_{number}" for number in (1, 2, 3)])]
    above = full_bins[full_bins.value > 1]
    parts = [f"{row.encoder}'s {row.quantity}" for row in above.itertuples()]
    if parts:
        told.append(f"Nothing can be in {listed(parts)}: the recipe puts them above a cosine of 1.")
    return told


def experiment_b(tables: Tables) -> list[str]:
    """Which encoder keeps finding the clip, and how far a perturbation may go."""
    table = tables["robustness"]
    mean, ways = resemblance.common(table)
    told = [
        f"Over the {ways} perturbations and levels that every encoder has, the unmodified clip"
        f" comes first for {shares(mean)}."
    ]
    best = mean[[kind(name) != "untrained" for name in mean.index]].idxmax()
    rows = table[(table.encoder == best) & (table.recall_at_1 < 0.5)]
    lost = rows.groupby("kind", sort=False).size()
    if len(lost):
        parts = [f"{name} at {count}" for name, count in lost.items()]
        told.append(
            f"Fewer than half of the originals come first by {best} for {listed(parts)} of the"
            " levels tried."
        )
    return told + resemblance.transformations(tables)


def experiment_c(tables: Tables) -> list[str]:
    """What is found above chance, what could have been, and how often that is false."""
    outputs, held = full(tables["outputs"]), full(tables["calibration"])
    told = []
    if len(outputs):
        tiers = outputs.tier.value_counts()
        parts = [f"{name} {count}" for name, count in tiers.items()]
        told.append(f"Verdicts on {len(outputs)} outputs: {listed(parts)}.")
    held = held[(held.prompt_track == "excluded") & (held.encoder.map(kind) != "untrained")]
    planted = full(tables["planted"])
    power = planted.groupby("encoder", sort=False).power_at_05.mean() if len(planted) else {}
    for row in held.itertuples():
        could = f" Of planted copies it finds {share(power[row.encoder])}." if len(power) else ""
        told.append(
            f"{row.encoder}: p <= .05 has {share(row.p_at_05)} of outputs, and"
            f" {share(row.false_positives_at_05)} of control music, where all is false.{could}"
        )
    paired = full(tables["paired"])
    paired = paired[(paired.prompt_track == "artist_excluded") & (paired.prompts == "all")]
    for row in paired[paired.encoder.map(kind) != "untrained"].itertuples():
        sure = "above" if row.low > 0 else "below" if row.high < 0 else "not told from"
        told.append(
            f"{row.encoder}: the nearest training clip less the nearest control clip, at equal size"
            f" and without the prompt's artist, is {row.difference:.3f}"
            f" ({row.low:.3f} to {row.high:.3f}), {sure} 0."
        )
    return told


def race(tables: Tables) -> list[str]:
    """What resemblance tells of influence: the sentences of its own table."""
    return list(tables["race_findings"].finding)


def corpus(tables: Tables) -> list[str]:
    """What a corpus has, and whether it has control tracks enough for small p-values."""
    tracks, rejected = tables["tracks"], tables["rejected"]
    sides = tracks.groupby("split")
    parts = [
        f"{split} {len(rows)} tracks by {rows.artist.nunique()} artists" for split, rows in sides
    ]
    told = [f"{listed(parts)}; {len(rejected)} files were rejected."]
    control = (tracks.split == "control").sum()
    if control:
        told.append(
            f"With {control} control tracks no p-value is below {1 / (control + 1):.3g}: more of"
            " them, not more training tracks, show smaller ones."
        )
    return told
