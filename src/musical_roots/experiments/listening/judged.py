"""Answers beside the trials that they are to, and which of them are left out, by which rule."""

import numpy as np
import pandas as pd

from musical_roots.listening.kinds import ABSURD, IDENTICAL

WHO = ["arm", "listener"]
TRIALS = [
    *("trial_id", "arm", "encoder", "x_clip_id", "a_clip_id", "b_clip_id", "a_cosine", "b_cosine"),
    *("a_rank", "b_rank", "a_bin", "b_bin", "a_drawn", "b_drawn"),
    *("nearer", "x_kind", "kind", "repeats"),
]


def judged(answers: pd.DataFrame, trials: pd.DataFrame) -> pd.DataFrame:
    """Answers with what their trials say.

    Parameters
    ----------
    answers : DataFrame
        `listening.responses.ANSWERS`.
    trials : DataFrame
        The columns of `TRIALS`, of all arms.

    Returns
    -------
    DataFrame
        A row an answer: arm, encoder, listener, x, trial_id, kind, x_kind, repeats, choice (a, b),
        chosen (its clip_id), agrees, first (the first shown was chosen), seconds, decided,
        confidence, gap; cosine, bin and rank of the nearer clip and of the farther, as
        nearer_cosine (NaN where there is none), and why they were drawn.
    """
    found = answers.merge(trials[TRIALS], on=["arm", "trial_id"], validate="many_to_one")
    nearer_a, chose_a = found.nearer == "a", found.choice == "a"
    made = found[["arm", "encoder", "trial_id", "kind", "x_kind", "choice"]].copy()
    made["repeats"] = found.repeats.fillna("").astype(str)
    made["listener"], made["x"] = found.listener_id, found.x_clip_id
    made["chosen"] = np.where(chose_a, found.a_clip_id, found.b_clip_id)
    made["agrees"] = found.choice == found.nearer
    made["first"] = found.choice == found.order.str[0]
    made[["seconds", "decided", "confidence"]] = found[["seconds", "decided", "confidence"]]
    made["gap"] = (found.a_cosine - found.b_cosine).abs()
    for value in ("cosine", "bin", "rank", "drawn"):
        a, b = (found[f"{side}_{value}"] for side in "ab")
        if value != "drawn":
            a, b = pd.to_numeric(a), pd.to_numeric(b)
        made[f"nearer_{value}"] = np.where(nearer_a, a, b)
        made[f"farther_{value}"] = np.where(nearer_a, b, a)
    return made


def exclusions(
    answers: pd.DataFrame, sessions: pd.DataFrame, rules: dict
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Leave out listeners by rules that were fixed before, and count them.

    Parameters
    ----------
    answers : DataFrame
        Of :func:`judged`.
    sessions : DataFrame
        `listening.responses.SESSIONS`.
    rules : dict
        The config's `listening.exclusions`. A rule holds only for whom it can be asked: who had
        no headphone test cannot fail it, and who was sent away by it was asked nothing else.

    Returns
    -------
    kept : DataFrame
        Rows of `answers` of listeners that fail no rule.
    counted : DataFrame
        A row an arm and rule: limit, listeners and answers that it leaves out (a listener may
        fail several), listeners that no other rule leaves out; then all that came, and what is
        kept.
    """
    broken = listeners(answers, sessions, rules)
    failed = broken[list(LIMITS)]
    out = failed.any(axis=1)
    rows = []
    for arm, part in broken.groupby("arm"):
        mine = failed.loc[part.index]
        sole = mine.sum(axis=1) == 1
        for rule, limit in LIMITS.items():
            who = mine[rule]
            rows.append(
                {
                    **{"arm": arm, "rule": rule, "limit": rules[limit]},
                    **{"listeners": who.sum(), "answers": part.given[who].sum()},
                    "listeners_by_this_rule_alone": (who & sole).sum(),
                }
            )
        for rule, who in (("all that came", slice(None)), ("kept", ~out[part.index])):
            some = part.given[who]
            rows.append({"arm": arm, "rule": rule, "listeners": len(some), "answers": some.sum()})
    kept = pd.MultiIndex.from_frame(answers[WHO]).isin(pd.MultiIndex.from_frame(broken[~out][WHO]))
    whole = ["listeners", "answers", "listeners_by_this_rule_alone"]
    counted = pd.DataFrame(rows, columns=["arm", "rule", "limit", *whole])
    counted[whole] = counted[whole].astype("Int64")
    return answers[kept].reset_index(drop=True), counted


# Rule -> the key of its limit.
LIMITS = {
    "failed the headphone test": "headphones_correct",
    "failed catch trials": "catch_correct",
    "decided too fast": "minimum_decided",
    "chose one side": "one_sided",
    "gave too few answers": "minimum_answers",
}


def listeners(answers: pd.DataFrame, sessions: pd.DataFrame, rules: dict) -> pd.DataFrame:
    """Which rules each listener breaks; those are told of, too, who were sent away unasked.

    Returns
    -------
    DataFrame
        arm, listener, given (number of answers), and bool columns named by the rules.
    """
    heard = sessions.rename(columns={"listener_id": "listener"}).groupby(WHO)
    heard = heard.headphones_correct.min()
    each = answers.groupby(WHO)
    found = pd.DataFrame({"given": each.size()}).reindex(heard.index, fill_value=0)
    catch = answers[answers.kind.isin([IDENTICAL, ABSURD])].groupby(WHO)
    caught = catch.agrees.mean().reindex(found.index)
    first = each["first"].mean().reindex(found.index)
    deaf = heard < rules["headphones_correct"]
    measured = [
        deaf,
        caught < rules["catch_correct"],
        each.decided.median().reindex(found.index) < rules["minimum_decided"],
        np.maximum(first, 1 - first) >= rules["one_sided"],
        (found.given < rules["minimum_answers"]) & ~(deaf & (found.given == 0)),
    ]
    return found.assign(**dict(zip(LIMITS, measured, strict=True))).reset_index()
