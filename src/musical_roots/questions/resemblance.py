"""Answers on what is near to what: encoders, transformations, songs that come up often."""

import pandas as pd

from musical_roots.perturb import PERTURBATIONS
from musical_roots.questions.words import full, kind, listed, plain, quoted, share, shares, spread

CONDITION = ["kind", "generator", "level"]


def embeddings(tables: dict[str, pd.DataFrame]) -> list[str]:
    """Trained encoders beside what is computed from the audio, and the untrained one."""
    known = tables["retrieval"].sort_values("recall_at_1", ascending=False, kind="stable")
    parts = [
        f"{row.encoder} {spread(row, 'recall_at_1', 'recall_low', 'recall_high')}"
        for _, row in known.iterrows()
    ]
    found, ways = common(tables["robustness"])
    told = [
        f"Of {known.n_clips.iloc[0]} clips of {known.n_tracks.iloc[0]} control tracks the nearest"
        f" other clip is of the same track for {listed(parts)}; by chance for"
        f" {share(known.chance.iloc[0])}.",
        *_untaught(list(known.encoder)),
        _better(known, "raw"),
        _better(known, "untrained"),
        f"Of clips that are perturbed in {ways} ways, the unmodified one comes first for"
        f" {shares(found)} (mean over ways).",
    ]
    planted = full(tables["planted"])
    if len(planted):
        power = planted.groupby("encoder", sort=False).power_at_05.mean()
        told.append(f"Training clips hidden among control music have p <= .05 for {shares(power)}.")
    return [sentence for sentence in told if sentence]


def _untaught(encoders: list[str]) -> list[str]:
    """Which of them have learned nothing, and are there to be held against."""
    raw, untrained = (
        sorted(name for name in encoders if kind(name) == what) for what in ("raw", "untrained")
    )
    told = [f"Computed from the audio, without anything learned: {listed(raw)}."] if raw else []
    return told + ([f"An untrained network: {listed(untrained)}."] if untrained else [])


def _better(known: pd.DataFrame, than: str) -> str:
    """Whether the best trained encoder is above the best of another kind; the best come first."""
    kinds = known.encoder.map(kind)
    if not {"trained", than} <= set(kinds):
        return ""
    trained, other = known[kinds == "trained"].iloc[0], known[kinds == than].iloc[0]
    if trained.recall_low > other.recall_high:
        return f"{trained.encoder} is above {other.encoder}: their intervals are apart."
    if other.recall_low > trained.recall_high:
        return f"{other.encoder} is above {trained.encoder}: their intervals are apart."
    pair = f"{trained.encoder} and {other.encoder}"
    return f"The intervals of {pair} overlap: no difference is shown."


def common(table: pd.DataFrame) -> tuple[pd.Series, int]:
    """Mean recall of every encoder over the conditions that all of them have, and how many."""
    wide = table.pivot_table("recall_at_1", CONDITION, "encoder").dropna()
    return wide.mean(), len(wide)


def without_people(tables: dict[str, pd.DataFrame]) -> list[str]:
    """False positives of held-out music, power for planted copies, and models retrained."""
    told = []
    held = full(tables["calibration"])
    held = held[held.prompt_track == "excluded"]
    if len(held):
        false = held.set_index("encoder").false_positives_at_05
        told.append(
            f"Of held-out music, where nothing is to be found, p <= .05 has {shares(false)};"
            f" {held.n_null_tracks.iloc[0]} control tracks can show no p below"
            f" {held.smallest_p.iloc[0]:.3g}."
        )
    planted = full(tables["planted"])
    if len(planted):
        power = planted.groupby("encoder", sort=False).power_at_05.mean()
        told.append(f"Of planted copies it finds {shares(power)} at that level.")
    if "race" in tables:  # of the study's own generator
        told.append(_influence(tables["race"], tables["race_findings"]))
    else:
        told.append("Influence itself is not validated in this run: nothing here is retrained.")
    return told


def _influence(race: pd.DataFrame, findings: pd.DataFrame) -> str:
    """What methods say of influence, held against models that were retrained."""
    rows = race[race.kind.isin(["embedding", "tokens", "gradient"])] if len(race) else race
    if not len(rows):
        return f"Influence itself is not validated in this run: {findings.finding.iloc[0]}"
    rows = rows[(rows.design == "tracks") & (rows.setting == "all")]
    best = rows.sort_values("lds", ascending=False, kind="stable").groupby("prompts", sort=True)
    parts = [
        f"{one.method} ({one.lds:.2f}, {one.low:.2f} to {one.high:.2f}) for {prompts} prompts"
        for prompts, group in best
        for one in [group.iloc[0]]
    ]
    return (
        "Held against models retrained on halves of the training tracks, the method whose scores"
        f" agree best with what the outputs lose (rank correlation) is {listed(parts)}."
    )


def transformations(tables: dict[str, pd.DataFrame]) -> list[str]:
    """Perturbations that the paper lacks: the level that is worst for the best encoder."""
    table = tables["robustness"]
    ours = [name for name, one in PERTURBATIONS.items() if one.family == "extended"]
    table = table[table.kind.isin(ours) & (table.encoder.map(kind) != "untrained")]
    if not len(table):
        return ["This run has no perturbation that the paper lacks: it cannot tell."]
    parts = []
    for name, rows in table.groupby("kind", sort=False):
        wide = rows.pivot_table("recall_at_1", "level", "encoder")
        level = wide.max(axis=1).idxmin()
        found = wide.loc[level].dropna()
        parts.append(
            f"{name} at {level:g} {rows.unit.iloc[0]}: {found.idxmax()} {share(found.max())},"
            f" {found.idxmin()} {share(found.min())}"
        )
    return [
        "How often the unmodified clip comes first, at the level that is worst for the best"
        f" encoder, by the best and the worst encoder but the untrained one: {'; '.join(parts)}."
    ]


def favoured(tables: dict[str, pd.DataFrame]) -> list[str]:
    """Whether a few songs come up because of the space, or because of the generator."""
    hubs = full(tables["hubness"])
    if not len(hubs):
        return ["This run asks after no output: it cannot tell."]
    wide = hubs.pivot_table("biggest_hub", ["encoder", "correction"], "queries")
    plainly = wide.xs("none", level="correction")
    parts = [
        f"{plain(name)} {share(row.outputs)} of outputs and {share(row.control)} of control music"
        for name, row in plainly.iterrows()
    ]
    told = [
        "The clip that is found most often is among the"
        f" {hubs.k.iloc[0]} nearest of so much: {listed(parts)}. What control music finds as often,"
        " which the generator never saw, is favoured by the space and not by the generator."
    ]
    corrected = wide.drop("none", level="correction").outputs
    if len(corrected):
        (name, how), least = corrected.idxmin(), corrected.min()
        told.append(
            "Of the encoders and corrections for hubs, the one with the smallest such share of"
            f" outputs is {plain(name)} with {how}: {share(least)}."
        )
    return told + _songs(tables)


def _songs(tables: dict[str, pd.DataFrame]) -> list[str]:
    """The song that is in most vamps' top, and by chance."""
    top = full(tables["top_songs"])
    top = top[(top.setting == "all") & (top.prompts == "all") & (top["rank"] == 1)]
    top = top[(top["index"] == "train") & (top.prompt_track == "excluded")]
    top = top[top.encoder.map(kind) != "untrained"]
    if not len(top):
        return []
    titles = tables["tracks"].set_index("track_id").title
    parts = [
        f'{row.encoder} "{quoted(titles[row.track_id])}" for {share(row.share_of_vamps)} of vamps'
        f" (by chance {share(row.vamps_by_chance)})"
        for row in top.itertuples()
    ]
    return [
        f"The song that is most often among the {top.k.iloc[0]} nearest, the prompt's own track"
        f" left out: {listed(parts)}; the paper tells of songs in more than"
        f" {share(top.paper_share_of_vamps.iloc[0])}."
    ]
