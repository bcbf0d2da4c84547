"""What the race says, in sentences: none with a number that is not in its tables."""

import pandas as pd

from musical_roots.experiments.counterfactual.bounds import (
    DATAMODEL,
    EXCHANGED,
    OTHER_MODELS,
    OTHER_PROMPT,
    RANDOM,
    SECOND_SEED,
    highest,
)
from musical_roots.experiments.counterfactual.halves import LEFT_OUT
from musical_roots.experiments.counterfactual.removal import BY_HALVES, LESS

KINDS = {  # and what one of its methods goes by
    "embedding": "an encoder",
    "tokens": "the generator's own tokens",
    "gradient": "gradients",
    "baseline": "what is known of prompts and tracks without listening",
}
NOTHING = {
    RANDOM: "Random scores have an LDS of",
    EXCHANGED: "with the members of halves exchanged, the best method has",
    OTHER_MODELS: "held against models that learned from other music, it has",
}
COMMON = {
    OTHER_PROMPT: "Held against the loss of another prompt's output, the best method has an LDS of",
}
REMOVED = {
    "tracks": "Estimated from halves, in which half of the other tracks are missing, too",
    LEFT_OUT: "Retrained without one track at a time",
}
OTHERS = {
    "random": "a track at random",
    "matched": "one like it in length and in how many tracks its artist has",
}
# what is drawn anew for their second interval is not the halves
OF_DRAWS = {DATAMODEL, RANDOM, EXCHANGED, OTHER_MODELS, OTHER_PROMPT}
UNTRAINED = "random: "  # the encoder of random weights, which has learned nothing


def findings(race: pd.DataFrame, removal: pd.DataFrame, about: dict) -> pd.DataFrame:
    """One row a question.

    Parameters
    ----------
    race, removal : DataFrame
        The tables of these names.
    about : dict
        Of `truth.taken`: reason (why they have no rows: then it is the only sentence), outputs,
        outputs_here.

    Returns
    -------
    DataFrame
        question, finding.
    """
    if race.empty:
        reason = about["reason"] or "There are too few halves to tell."
        said = {"What do resemblances tell of influence?": reason}
        return pd.DataFrame(said.items(), columns=["question", "finding"])
    whole = race[race.setting == "all"]
    tracks = whole[whole.design == "tracks"]
    said = {
        "What was it held against?": _truth(tracks, about),
        "What do resemblances tell of influence?": _best(tracks, "embedding"),
        "What do the generator's own tokens tell of it?": _best(tracks, "tokens"),
        "What do gradients tell of it?": _best(tracks, "gradient"),
        "What tells of it without hearing anything?": _best(tracks, "baseline"),
        "Who names the track of the largest effect?": _top(tracks),
        "What is found where nothing is?": _controls(tracks, NOTHING),
        "What do all outputs have in common?": _controls(tracks, COMMON),
        "What would an output lose without the track that is named?": _removal(
            removal, tracks, "tracks"
        ),
        "What does it lose where that track alone is left out?": _removal(
            removal, tracks, LEFT_OUT
        ),
        "Do halves tell which single track counts most?": _largest(removal, tracks),
        "Does it hold where whole artists are left out?": _artists(whole),
        "What does this not tell?": (
            "An effect is that of a track in random halves of the training set, or among all"
            " others where it alone is left out, on the loss of made-up tokens, against the mean"
            " output's: what all outputs lose together is not in it, nor whether anybody hears a"
            " likeness."
        ),
    }
    return pd.DataFrame(
        [(question, told) for question, told in said.items() if told],
        columns=["question", "finding"],
    )


def best(rows: pd.DataFrame, kind: str) -> str | None:
    """The method of a kind with the highest lds, mean over train and control prompts."""
    return highest(rows[rows.kind == kind], "lds")


def _of(rows: pd.DataFrame, method: str) -> pd.DataFrame:
    """Rows of a method by prompts."""
    return rows[rows.method == method].set_index("prompts")


def _lds(rows: pd.DataFrame, method: str) -> str:
    """Its lds, with both intervals."""
    mine = _of(rows, method)
    return " and ".join(
        f"{row.lds:.2f} [{row.low:.2f}, {row.high:.2f}; {_over(method)} {row.low_models:.2f},"
        f" {row.high_models:.2f}] for {prompts} prompts"
        for prompts, row in mine.iterrows()
    )


def _over(method: str) -> str:
    return f"over {'draws' if method in OF_DRAWS else 'halves'}"


def _truth(rows: pd.DataFrame, about: dict) -> str:
    n_models = rows.n_models[rows.kind != "ceiling"].max()
    told = [
        f"Losses under {n_models:.0f} models trained on random halves of the tracks, which speak of"
        f" {about['outputs']} of the {about['outputs_here']} outputs here"
    ]
    if SECOND_SEED in set(rows.method):
        told.append(
            "another seed of the same half gives losses with a rank correlation over halves of"
            f" {_lds(rows, SECOND_SEED)}, so that what all seeds have in common could reach an LDS"
            f" of about {' and '.join(_roots(rows))}"
        )
    if DATAMODEL in set(rows.method):
        told.append(
            "a datamodel that is fitted to half of the halves reaches on the others an LDS of"
            f" {_lds(rows, DATAMODEL)}"
        )
    return "; ".join(told) + "."


def _roots(rows: pd.DataFrame) -> list[str]:
    """Square roots of the second seed's."""
    return [f"{max(0, lds) ** 0.5:.2f}" for lds in _of(rows, SECOND_SEED).lds]


def _best(rows: pd.DataFrame, kind: str) -> str:
    name = best(rows, kind)
    if name is None:
        return ""
    count = rows[rows.kind == kind].method.nunique()
    many = (
        f"Of {count} methods that go by {KINDS[kind]}, the best on average, chosen after the fact"
        f" and so a maximum of {count}, is {name}"
    )
    first = many if count > 1 else f"One method goes by {KINDS[kind]}: {name}"
    told = f"{first}, with an LDS of {_lds(rows, name)}.{_reaches(rows, name)}"
    untrained = best(rows[rows.method.str.startswith(UNTRAINED)], kind)
    if untrained:
        told += f" The best by an untrained network is {untrained}, with {_lds(rows, untrained)}."
    return told


def _reaches(rows: pd.DataFrame, name: str) -> str:
    """How it stands to the datamodel, whose intervals are over draws of halves."""
    mine, limit = _of(rows, name), _of(rows, DATAMODEL)
    told = []
    for prompts in mine.index.intersection(limit.index):
        row, other = mine.loc[prompts], limit.loc[prompts]
        where = (
            "no less than"
            if row.lds >= other.lds
            else "less than, by no more than its interval,"
            if max(row.high, row.high_models) >= other.lds
            else "less than"
        )
        told.append(f"{where} the datamodel for {prompts} prompts")
    return f" That is {', and '.join(told)}." if told else ""


def _top(rows: pd.DataFrame) -> str:
    told = []
    for kind in KINDS:
        mine = rows[(rows.kind == kind) & rows.top_agreement.notna()]
        if mine.empty:
            continue
        name = highest(mine, "top_agreement")
        shares = " and ".join(
            f"{_percent(row.top_agreement)} [{_percent(row.top_low)}, {_percent(row.top_high)}] of"
            f" outputs of {prompts} prompts"
            for prompts, row in _of(mine, name).iterrows()
        )
        told.append(f"by {KINDS[kind]}: {name}, for {shares}")
    if not told:
        return ""
    chance = _of(rows, RANDOM).top_agreement.mean()
    return f"Most often, {'; '.join(told)}. By chance it is {_percent(chance)}."


def _controls(rows: pd.DataFrame, named: dict[str, str]) -> str:
    told = [
        f"{name} "
        + " and ".join(
            f"{row.lds:.2f} [{_over(method)} {row.low_models:.2f}, {row.high_models:.2f}] for"
            f" {prompts} prompts"
            for prompts, row in _of(rows, method).iterrows()
        )
        for method, name in named.items()
        if method in set(rows.method)
    ]
    return "; ".join(told) + "." if told else ""


def _removal(removal: pd.DataFrame, rows: pd.DataFrame, design: str) -> str:
    """What is lost without the tracks that the best methods name, more than without others."""
    mine = removal[removal.design == design]
    named = [best(rows, kind) for kind in ("tokens", "gradient", "embedding")]
    named = [name for name in named if name in set(mine.method)]
    if not named:
        return ""
    parts = [
        f"more than without {what}: "
        + "; ".join(f"by {name} {_losses(_of(mine, name), other)}" for name in named)
        for other, what in OTHERS.items()
    ]
    return f"{REMOVED[design]}, in nats a made-up token, {'. And '.join(parts)}."


def _losses(rows: pd.DataFrame, other: str) -> str:
    return " and ".join(
        f"{_less(row, other)} for {prompts} prompts" for prompts, row in rows.iterrows()
    )


def _largest(removal: pd.DataFrame, rows: pd.DataFrame) -> str:
    left_out = removal[removal.design == LEFT_OUT]
    if BY_HALVES not in set(left_out.method):
        return ""
    names = [name for name in (best(rows, kind) for kind in KINDS) if name]
    told = []
    for name in [BY_HALVES, *names]:
        shares = " and ".join(
            f"{_percent(row.largest)} [{_percent(row.largest_low)}, {_percent(row.largest_high)}]"
            f" of {row.n_outputs} outputs of {prompts} prompts"
            for prompts, row in _of(left_out, name).iterrows()
        )
        if shares:
            told.append(f"{name}, for {shares}")
    return (
        "The track without which, of models that lack one track each, an output loses most is"
        f" named by {'; by '.join(told)}. It is known from one model a track, so that no method,"
        " halves neither, could name it always."
    )


def _less(row: pd.Series, other: str) -> str:
    """What more is lost than without another track, with both intervals."""
    low, high = row[f"{other}_low_models"], row[f"{other}_high_models"]
    over = "the tracks named" if row.design == LEFT_OUT else "halves"
    models = f"; over {over} {low:.3f}, {high:.3f}" if pd.notna(low) else ""
    return f"{row[LESS[other]]:.3f} [{row[f'{other}_low']:.3f}, {row[f'{other}_high']:.3f}{models}]"


def _artists(whole: pd.DataFrame) -> str:
    tracks, artists = (whole[whole.design == design] for design in ("tracks", "artists"))
    told = [
        f"{name} has an LDS of {_lds(artists, name)}"
        for name in (best(tracks, kind) for kind in KINDS)
        if name and name in set(artists.method)
    ]
    if not told:
        return ""
    n_models = artists.n_models.max()
    return f"Held against {n_models:.0f} models of halves of the artists: {'; '.join(told)}."


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
