"""Golden values for the statistics of the listening study, from programs that this project is not.

    python -m venv /tmp/golden
    /tmp/golden/bin/pip install bambi==0.17.2 "matplotlib<3.11" krippendorff==0.9.0
    PYTHONPATH=src OMP_NUM_THREADS=1 /tmp/golden/bin/python tests/data/make_listening_golden.py

bambi samples the posterior of the crossed-effects logistic model (NUTS; priors wide enough to say
nothing), krippendorff gives alpha. Both are kept out of the environment: the one for its size, the
other for its licence.
"""

from pathlib import Path

import bambi
import krippendorff
import numpy as np
import pandas as pd

from musical_roots.experiments.listening.power import Design, study

# design, logit, listener_sd, x_sd
STUDIES = {
    "paper": (Design(15, 90, 10), 0.5, 0.4, 0.8),
    "ours": (Design(60, 60, 20), 0.8, 0.4, 0.8),
}


def posterior(agrees, listener, x) -> dict[str, np.ndarray]:
    """Mean and standard deviation of the mean's logit, and means of both standard deviations."""
    columns = {"listener": listener.astype(str), "x": x.astype(str)}
    table = pd.DataFrame({"agrees": agrees.astype(int), **columns})
    spread = bambi.Prior("HalfNormal", sigma=2.5)
    priors = {"Intercept": bambi.Prior("Normal", mu=0, sigma=5)}
    priors |= {f"1|{name}": bambi.Prior("Normal", mu=0, sigma=spread) for name in columns}
    model = bambi.Model(
        "agrees ~ 1 + (1|listener) + (1|x)", table, family="bernoulli", priors=priors
    )
    drawn = model.fit(draws=2000, tune=1000, chains=2, cores=1, random_seed=1, progressbar=False)
    drawn = drawn.posterior
    return {
        "logit": np.array([float(drawn["Intercept"].mean()), float(drawn["Intercept"].std())]),
        "sds": np.array([float(drawn[f"1|{name}_sigma"].mean()) for name in columns]),
    }


def main() -> None:
    """Write listening_golden.npz."""
    found = {}
    for name, (design, *truth) in STUDIES.items():
        agrees, listener, x = study(design, *truth, np.random.default_rng(2024))
        found |= {f"{name}_{key}": value for key, value in posterior(agrees, listener, x).items()}
        found |= {f"{name}_agrees": agrees, f"{name}_listener": listener.astype(np.int16)}
        found[f"{name}_x"] = x.astype(np.int16)
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
