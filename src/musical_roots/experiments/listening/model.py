"""Crossed random effects: the main result, for other listeners and other X's than were asked.

``logit P(agrees) = b + listener + X``, listener ~ N(0, s1^2), X ~ N(0, s2^2); and with the gap of
cosines ``b + b_gap gap + listener + X + trial``, trial ~ N(0, s3^2): a trial has one gap, and
without an effect of its own each answer to it would witness to the slope anew. Fitted by gpboost
(Laplace's approximation of the likelihood; Sigrist, "Latent Gaussian model boosting", TPAMI 2023).
Intervals are Wald's, with Student's t of as many degrees of freedom as there are listeners or X's,
the fewer, less one: with 15 X's a normal quantile is too small.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import expit, stdtr, stdtrit

from musical_roots.experiments.listening import FEWEST
from musical_roots.listening.kinds import TEST
from musical_roots.proportions import holm

NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(31)
WEIGHTS = WEIGHTS / WEIGHTS.sum()
TOLD = [
    *("logit", "standard_error", "low", "high", "p_value", "share", "share_low", "share_high"),
    *("listener_sd", "x_sd", "trial_sd"),
]
# by its own 1e-6 it stops a little early, by up to .04 logits
PARAMS = {"delta_rel_conv": 1e-8}
BOUNDS = ("low", "high", "p_value", "share_low", "share_high")
COLUMNS = ["arm", "encoder", "model", "term", *TOLD, "p_holm", "answers", "listeners", "x_clips"]


@dataclass(frozen=True)
class Fit:
    """A fitted model.

    Attributes
    ----------
    logits, errors : ndarray, float64 [k]
        Coefficients and their standard errors.
    listener_sd, x_sd, trial_sd : float
        Of the random effects, on the logit scale; NaN where the model has no such effect.
    freedom : int
        Degrees of freedom for intervals.
    """

    logits: np.ndarray
    errors: np.ndarray
    listener_sd: float
    x_sd: float
    trial_sd: float
    freedom: int

    def bounds(self, confidence: float) -> tuple[np.ndarray, np.ndarray]:
        """Interval of each coefficient."""
        half = stdtrit(self.freedom, (1 + confidence) / 2) * self.errors
        return self.logits - half, self.logits + half

    def p_values(self) -> np.ndarray:
        """Of each coefficient, against 0, two-sided."""
        return 2 * stdtr(self.freedom, -np.abs(self.logits) / self.errors)

    def share(self, logit: float) -> float:
        """Share over all listeners and X's, where those at the middle have `logit`."""
        return marginal(logit, np.hypot(self.listener_sd, self.x_sd))


def marginal(logit: ArrayLike, sd: float) -> float | np.ndarray:
    """Mean of ``expit(logit + sd z)`` over a standard normal z."""
    return expit(np.asarray(logit)[..., None] + sd * NODES) @ WEIGHTS


def fit(
    agrees: ArrayLike,
    listener: ArrayLike,
    x: ArrayLike,
    gap: ArrayLike | None = None,
    trial: ArrayLike | None = None,
) -> Fit | None:
    """Fit the model; none where it cannot be: all answers or gaps the same, or one listener or X.

    Parameters
    ----------
    agrees : array_like of bool [n]
    listener, x : array_like [n]
    gap : array_like of float [n], optional
        What else the logit is linear in.
    trial : array_like [n], optional
        Which trial an answer is to, for an effect of trials.
    """
    agrees = np.asarray(agrees, np.float64)
    labels = [one for one in (listener, x, trial) if one is not None]
    groups = [np.unique(np.asarray(one), return_inverse=True)[1] for one in labels]
    clusters = min(groups[0].max(), groups[1].max())  # counted from 0: one less than there are
    if clusters < 1 or agrees.min() == agrees.max() or (gap is not None and np.ptp(gap) == 0):
        return None
    import gpboost

    columns = [np.ones(len(agrees)), *([] if gap is None else [np.asarray(gap, np.float64)])]
    # gpboost's own choice, iterative, gives standard errors that are less than half of these
    # where answers are many (3,600 to 15 X's), or none
    model = gpboost.GPModel(
        group_data=np.column_stack(groups).astype(str),
        likelihood="bernoulli_logit",
        matrix_inversion_method="cholesky",
        num_parallel_threads=1,  # sums in another order end in other digits
    )
    model.fit(y=agrees, X=np.column_stack(columns), params=PARAMS)
    found = model.get_coef(std_err=True, format_pandas=False)
    sds = np.sqrt(model.get_cov_pars(format_pandas=False).ravel())
    return Fit(found[0], found[1], *sds, *[np.nan] * (3 - len(sds)), int(clusters))


def models(answers: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """The model of each arm and encoder, with the mean alone, and with the gap of cosines.

    Returns
    -------
    DataFrame
        arm, encoder, model (mean, gap), term (mean, gap: a standard deviation of gaps more),
        logit, standard_error, low, high, p_value; share, share_low, share_high: of all answers
        that agree, over listeners and X's (mean alone); listener_sd, x_sd, trial_sd (gap alone);
        p_holm, p_value adjusted for the encoders of an arm; answers, listeners, x_clips. Blank
        where no model can be fitted; intervals and p-values also of fewer than `FEWEST` listeners
        or X's.
    """
    tests = answers[answers.kind == TEST]
    rows = []
    for (arm, encoder), mine in tests.groupby(["arm", "encoder"]):
        counted = {"answers": len(mine), "listeners": mine.listener.nunique()}
        counted["x_clips"] = mine.x.nunique()
        gap = (mine.gap - mine.gap.mean()) / (mine.gap.std() or 1.0)
        for name, more in (("mean", ()), ("gap", (gap, mine.trial_id))):
            fitted = fit(mine.agrees, mine.listener, mine.x, *more)
            terms = ["mean"] if name == "mean" else ["mean", "gap"]
            for place, term in enumerate(terms):
                about = {"arm": arm, "encoder": encoder, "model": name, "term": term}
                rows.append(about | _term(fitted, place, name, confidence) | counted)
    table = pd.DataFrame(rows, columns=COLUMNS)
    families = table.groupby(["arm", "model", "term"]).p_value
    return table.assign(p_holm=families.transform(holm).astype(float))


def _term(fitted: Fit | None, place: int, name: str, confidence: float) -> dict:
    if fitted is None:
        return dict.fromkeys(TOLD, np.nan)
    low, high = (bound[place] for bound in fitted.bounds(confidence))
    logit = fitted.logits[place]
    shares = [fitted.share(value) if name == "mean" else np.nan for value in (logit, low, high)]
    told = [logit, fitted.errors[place], low, high, fitted.p_values()[place], *shares]
    told += [fitted.listener_sd, fitted.x_sd, fitted.trial_sd]
    unsaid = BOUNDS if fitted.freedom + 1 < FEWEST else ()
    return dict(zip(TOLD, told, strict=True)) | dict.fromkeys(unsaid, np.nan)
