"""How far people agree with each other: what an encoder can reach at most.

References
----------
Krippendorff, "Computing Krippendorff's alpha-reliability", 2011 (nominal data, values missing). The
package `krippendorff` is under the GPL, and this is not: tests hold the one against the other.
"""

import numpy as np
import pandas as pd

from musical_roots.experiments.listening import FEWEST
from musical_roots.listening.kinds import REPEAT, TEST
from musical_roots.seeding import rng

SPLITS = 100  # of the listeners, into halves


def people(answers: pd.DataFrame, *, resamples: int, confidence: float, seed: int) -> pd.DataFrame:
    """Agreement among listeners, and of the encoder with them, by arm and encoder.

    Tests that two listeners or more answered count. All but alpha and self_agreement are means over
    trials.

    Returns
    -------
    DataFrame
        arm, encoder, measure, value, low, high (bootstrap of X's; blank of fewer than `FEWEST`),
        trials. Measures:
        krippendorff_alpha: 1 all alike, 0 as by chance;
        human_to_human: two listeners who give one answer to one trial;
        encoder_to_human: a listener who chooses what the encoder has nearer;
        encoder_over_human: the latter over the former. It may pass 1, for an encoder is not tired;
        split_half_ceiling: a listener who chooses what most of the other half of listeners do, what
        an encoder can hope for where many answer a trial: most of a few are wrong more often;
        self_agreement: the same choice when a trial comes again.
    """
    rows = []
    for (arm, encoder), mine in answers.groupby(["arm", "encoder"]):
        draw = rng(seed, "listening.people", f"{arm} {encoder}")
        tests = mine[mine.kind == TEST]
        trials = _trials(tests, draw)
        again = _again(mine)
        quantiles = [(1 - confidence) / 2, (1 + confidence) / 2]
        for table, measures in ((trials, _measures), (again, _self)):
            sums = table.groupby("x").sum(numeric_only=True)
            if sums.empty:
                continue
            times = draw.multinomial(len(sums), np.full(len(sums), 1 / len(sums)), resamples)
            resampled = measures(pd.DataFrame(times @ sums.to_numpy(), columns=sums.columns))
            for measure, value in measures(sums.sum().to_frame().T).iloc[0].items():
                drawn = resampled[measure].dropna()
                low, high = (
                    np.quantile(drawn, quantiles)
                    if len(sums) >= FEWEST and len(drawn)
                    else (np.nan, np.nan)
                )
                about = {"arm": arm, "encoder": encoder, "measure": measure, "value": value}
                rows.append(about | {"low": low, "high": high, "trials": len(table)})
    return pd.DataFrame(
        rows, columns=["arm", "encoder", "measure", "value", "low", "high", "trials"]
    )


def alpha(a: np.ndarray, b: np.ndarray) -> float:
    """Krippendorff's alpha of units with two possible values.

    Parameters
    ----------
    a, b : ndarray [units]
        How many gave the one value, and the other.
    """
    table = pd.DataFrame({"a": a, "b": b})
    return float(_alpha(_coincidences(table[table.sum(axis=1) > 1]).sum().to_frame().T).iloc[0])


def _coincidences(units: pd.DataFrame) -> pd.DataFrame:
    both = units.a + units.b
    return pd.DataFrame(
        {"n_a": units.a, "n_b": units.b, "unlike": 2 * units.a * units.b / (both - 1)}
    )


def _alpha(sums: pd.DataFrame) -> pd.Series:
    n = sums.n_a + sums.n_b
    expected = 2 * sums.n_a * sums.n_b / (n - 1)
    return 1 - sums.unlike / expected.where(expected > 0)


def _trials(tests: pd.DataFrame, draw: np.random.Generator) -> pd.DataFrame:
    """What each trial that two listeners answered adds to the measures."""
    both = tests.groupby("trial_id").agrees
    units = pd.DataFrame({"x": tests.groupby("trial_id").x.first()})
    units["nearer"], units["given"] = both.sum(), both.size()
    units["a"] = (tests.choice == "a").groupby(tests.trial_id).sum()
    units = units[units.given > 1]
    units["b"] = units.given - units.a
    alike = units.a * (units.a - 1) + units.b * (units.b - 1)
    made = _coincidences(units).assign(x=units.x, trials=1)
    made["alike"] = alike / (units.given * (units.given - 1))
    made["encoder"] = units.nearer / units.given
    asked = tests[tests.trial_id.isin(units.index)]
    ceiling = _split_half(asked, draw).reindex(units.index)
    return made.assign(ceiling=ceiling.fillna(0), split=ceiling.notna().astype(float))


def _split_half(tests: pd.DataFrame, draw: np.random.Generator) -> pd.Series:
    """By trial: share of one half's answers that are what most of the other half chose."""
    trial, trials = pd.factorize(tests.trial_id, sort=True)
    listener, names = pd.factorize(tests.listener, sort=True)
    agrees = tests.agrees.to_numpy(np.float64)
    sums, counted = np.zeros(len(trials)), np.zeros(len(trials))
    for _ in range(SPLITS):
        half = draw.permutation(len(names))[listener] % 2 == 0
        yes, given = (
            [np.bincount(trial[part], one[part], len(trials)) for part in (half, ~half)]
            for one in (agrees, np.ones_like(agrees))
        )
        usable = (given[0] > 0) & (given[1] > 0)
        for here, there in ((0, 1), (1, 0)):
            most = (np.sign(2 * yes[there] - given[there]) + 1) / 2  # one half where it is even
            share = yes[here] / np.maximum(given[here], 1)
            sums += usable * (most * share + (1 - most) * (1 - share)) / 2
        counted += usable
    with np.errstate(invalid="ignore"):
        return pd.Series(sums / counted, index=trials)


def _again(mine: pd.DataFrame) -> pd.DataFrame:
    """Trials that came again to one listener, and whether the choice was the same."""
    again = mine[mine.kind == REPEAT].merge(
        mine[mine.kind == TEST][["listener", "trial_id", "chosen"]],
        left_on=["listener", "repeats"],
        right_on=["listener", "trial_id"],
        suffixes=("", "_before"),
    )
    same = (again.chosen == again.chosen_before).astype(float)
    return pd.DataFrame({"x": again.x, "same": same, "repeats": 1.0})


def _measures(sums: pd.DataFrame) -> pd.DataFrame:
    human, encoder = sums.alike / sums.trials, sums.encoder / sums.trials
    return pd.DataFrame(
        {
            "krippendorff_alpha": _alpha(sums),
            "human_to_human": human,
            "encoder_to_human": encoder,
            "encoder_over_human": encoder / human,
            "split_half_ceiling": sums.ceiling / sums.split.where(sums.split > 0),
        }
    )


def _self(sums: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame({"self_agreement": sums.same / sums.repeats})
