"""How often people choose the clip that an encoder has nearer: the paper's table, and groups."""

from collections.abc import Iterator

import pandas as pd

from musical_roots.experiments.listening import FEWEST
from musical_roots.listening.kinds import TEST
from musical_roots.proportions import holm, two_way, two_way_p, wilson

PAIR = ["encoder", "nearer_bin", "farther_bin"]
PAPER_ARM = "paper"
COLUMNS = [
    *("arm", "encoder", "by", "group", "agreement", "answers", "listeners", "x_clips"),
    *("wilson_low", "wilson_high", "low", "high", "p_value", "p_holm"),
]
RATIOS = [1, 10, 100, 1000, float("inf")]  # of the ranks of the farther clip and of the nearer
RATIO_NAMES = ["to 10", "to 100", "to 1000", "more"]


def paper_table(answers: pd.DataFrame, paper: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """The paper's table 1, of these answers, beside the paper's numbers.

    Parameters
    ----------
    answers : DataFrame
        Of `judged`; tests with bins are counted.
    paper : DataFrame
        encoder (CLAP, CLMR), nearer_bin, farther_bin, chose_nearer_percent, n_trials.
    confidence : float
        Of Wilson's interval, which takes every answer for independent, as pooling does.

    Returns
    -------
    DataFrame
        encoder, nearer_bin, farther_bin, chose_nearer_percent, n_trials, low, high (percent),
        paper_chose_nearer_percent, paper_n_trials; both of the paper's encoders are there even
        where nobody was asked of them.
    """
    part = answers[(answers.kind == TEST) & (answers.arm == PAPER_ARM)].dropna(subset=PAIR)
    counted = part.groupby(PAIR).agrees.agg(["sum", "size"]).reset_index()
    bounds = [wilson(*row, confidence) for row in zip(counted["sum"], counted["size"], strict=True)]
    bounds = pd.DataFrame(bounds, columns=["low", "high"], index=counted.index)
    mine = counted[PAIR].astype({"nearer_bin": int, "farther_bin": int})
    mine["chose_nearer_percent"] = 100 * counted["sum"] / counted["size"]
    mine["n_trials"] = counted["size"]
    mine[["low", "high"]] = 100 * bounds
    theirs = paper.assign(encoder=paper.encoder.str.lower())
    shown = ["chose_nearer_percent", "n_trials"]
    theirs = theirs[[*PAIR, *shown]].rename(columns={name: f"paper_{name}" for name in shown})
    both = mine.merge(theirs, "outer", on=PAIR).sort_values(PAIR, ignore_index=True)
    return both.astype({"n_trials": "Int64", "paper_n_trials": "Int64"})


def agreement(answers: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """Share of answers that agree with the encoder, by arm, encoder and group.

    Returns
    -------
    DataFrame
        arm, encoder, by (all; bins; drawn, why the nearer and the farther clip were; rank_ratio,
        the farther's rank over the nearer's; x_kind; confidence), group, agreement, answers,
        listeners, x_clips, wilson_low, wilson_high (answers taken for independent: descriptive),
        low, high (two-way clustered, by listener and X: `proportions.two_way`), p_value of the
        same, against one half, and p_holm, adjusted for the groups that stand side by side (such as
        the six pairs of bins); these four are blank of fewer than `FEWEST` listeners or X's.
    """
    tests = answers[answers.kind == TEST]
    rows = []
    for (arm, encoder), mine in tests.groupby(["arm", "encoder"]):
        for by, group, part in _groups(mine):
            rows.append(
                {
                    **{"arm": arm, "encoder": encoder, "by": by, "group": group},
                    **{"agreement": part.agrees.mean(), "answers": len(part)},
                    **_uncertainty(part, confidence),
                }
            )
    table = pd.DataFrame(rows, columns=COLUMNS)
    families = table.groupby(["arm", "encoder", "by"]).p_value
    return table.assign(p_holm=families.transform(holm).astype(float))


def _uncertainty(part: pd.DataFrame, confidence: float) -> dict:
    bounds = wilson(part.agrees.sum(), len(part), confidence)
    clusters = part.agrees, part.listener, part.x
    told = {"listeners": part.listener.nunique(), "x_clips": part.x.nunique()}
    told |= dict(zip(["wilson_low", "wilson_high"], bounds, strict=True))
    if min(told["listeners"], told["x_clips"]) < FEWEST:
        return told
    told |= dict(zip(["low", "high"], two_way(*clusters, confidence), strict=True))
    return told | {"p_value": two_way_p(*clusters)}


def _groups(mine: pd.DataFrame) -> Iterator[tuple[str, str, pd.DataFrame]]:
    yield "all", "all", mine
    binned = mine.nearer_bin.notna()
    groups = pd.DataFrame(
        {
            "bins": _joined(mine.nearer_bin, mine.farther_bin).where(binned),
            "drawn": _joined(mine.nearer_drawn, mine.farther_drawn).where(~binned),
            "rank_ratio": _decade(mine.farther_rank / mine.nearer_rank),
            "x_kind": mine.x_kind,
            "confidence": mine.confidence.map("{:.0f}".format).where(mine.confidence.notna()),
        }
    )
    for by in groups:
        for group, part in mine.groupby(groups[by].astype(object)):
            yield by, group, part


def _joined(nearer: pd.Series, farther: pd.Series) -> pd.Series:
    pairs = zip(nearer, farther, strict=True)
    told = [" : ".join(_short(side) for side in pair) for pair in pairs]
    return pd.Series(told, nearer.index, dtype=object)


def _short(value: object) -> str:
    return f"{value:g}" if isinstance(value, float | int) else str(value)


def _decade(ratio: pd.Series) -> pd.Series:
    return pd.cut(ratio, RATIOS, labels=RATIO_NAMES)
