"""Golden values for the statistics of the listening study, from programs that this project is not.

    python -m venv /tmp/golden
    /tmp/golden/bin/pip install bambi==0.17.2 "matplotlib<3.11" krippendorff==0.9.0
    PYTHONPATH=src OMP_NUM_THREADS=1 /tmp/golden/bin/python tests/data/make_listening_golden.py

bambi samples the posterior of the crossed-effects logistic model, and of that with a slope and an
effect of trials (NUTS; priors wide enough to say nothing), krippendorff gives alpha. Both are kept
out of the environment: the one for its size, the other for its licence.
"""

from pathlib import Path

import bambi
import krippendorff
import numpy as np
import pandas as pd
from scipy.special import expit

from musical_roots.experiments.listening.power import Design, study

# design, logit, listener_sd, x_sd
STUDIES = {
    "paper": (Design(15, 90, 10), 0.5, 0.4, 0.8),
    "ours": (Design(60, 60, 20), 0.8, 0.4, 0.8),
}


SLOPE, TRIAL_SD = 0.5, 0.9


def with_gaps() -> dict[str, np.ndarray]:
    """A study in which agreement grows with a gap, and trials of one gap differ."""
    draw = np.random.default_rng(2026)
    x = np.tile(np.arange(20), 60)
    listener, trial = np.repeat(np.arange(60), 20), 4 * x + draw.integers(0, 4, len(x))
    gap = draw.standard_normal(80)
    sizes = ((0.4, listener), (0.8, x), (TRIAL_SD, trial))
    effect = sum(sd * draw.standard_normal(who.max() + 1)[who] for sd, who in sizes)
    agrees = draw.random(len(x)) < expit(0.5 + SLOPE * gap[trial] + effect)
    return {"agrees": agrees, "listener": listener, "x": x, "trial": trial, "gap": gap[trial]}


def posterior(agrees, listener, x, gap=None, trial=None) -> dict[str, np.ndarray]:
    """Mean and standard deviation of the logit, of the slope, and means of the effects' SDs."""
    groups = {"listener": listener, "x": x} | ({} if trial is None else {"trial": trial})
    columns = {name: labels.astype(str) for name, labels in groups.items()}
    table = pd.DataFrame({"agrees": agrees.astype(int), **columns})
    terms = ["1", *(f"(1|{name})" for name in columns)]
    spread, wide = bambi.Prior("HalfNormal", sigma=2.5), bambi.Prior("Normal", mu=0, sigma=5)
    priors = {"Intercept": wide}
    priors |= {f"1|{name}": bambi.Prior("Normal", mu=0, sigma=spread) for name in columns}
    if gap is not None:
        table["gap"], priors["gap"] = gap, wide
        terms.append("gap")
    model = bambi.Model(f"agrees ~ {' + '.join(terms)}", table, family="bernoulli", priors=priors)
    drawn = model.fit(draws=2000, tune=1000, chains=2, cores=1, random_seed=1, progressbar=False)
    drawn = drawn.posterior
    slope = {} if gap is None else {"slope": _told(drawn["gap"])}
    return slope | {
        "logit": _told(drawn["Intercept"]),
        "sds": np.array([float(drawn[f"1|{name}_sigma"].mean()) for name in columns]),
    }


def _told(drawn) -> np.ndarray:
    return np.array([float(drawn.mean()), float(drawn.std())])


def main() -> None:
    """Write listening_golden.npz."""
    found = {}
    for name, (design, *truth) in STUDIES.items():
        agrees, listener, x = study(design, *truth, np.random.default_rng(2024))
        found |= {f"{name}_{key}": value for key, value in posterior(agrees, listener, x).items()}
        found |= {f"{name}_agrees": agrees, f"{name}_listener": listener.astype(np.int16)}
        found[f"{name}_x"] = x.astype(np.int16)
    gaps = with_gaps()
    found |= {f"gap_{key}": value for key, value in posterior(**gaps).items()}
    found |= {f"gap_{key}": gaps[key].astype(np.int16) for key in ("listener", "x", "trial")}
    found |= {"gap_agrees": gaps["agrees"], "gap_gap": gaps["gap"]}
    draw = np.random.default_rng(2025)
    counts = draw.binomial(draw.integers(0, 9, 40)[:, None], draw.random((40, 1)), (40, 1))
    counts = np.hstack([counts, draw.integers(0, 5, (40, 1))])
    found["counts"] = counts.astype(np.int16)
    found["alpha"] = np.array(
        krippendorff.alpha(value_counts=counts[counts.sum(1) > 0], level_of_measurement="nominal")
    )
    np.savez_compressed(Path(__file__).parent / "listening_golden.npz", **found)
    print({key: value for key, value in found.items() if value.size < 5})


if __name__ == "__main__":
    main()
