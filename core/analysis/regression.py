"""Which metric goes with model accuracy: ordinary least squares over runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from core.domain.errors import BadInput
from core.domain.registries.metrics import COLUMN
from core.domain.wording import capitalized, counted, listed

Specification = Literal["raw", "standardised", "standardised within task"]
SPECIFICATIONS: tuple[Specification, ...] = get_args(Specification)

PREDICTORS = ("label_accuracy", "diversity", "similarity")
TARGET = "model_accuracy"

PAPER_COEFFICIENTS: Mapping[str, float] = {
    "label_accuracy": 0.4797,
    "diversity": 0.2260,
    "similarity": 0.1980,
}
PAPER_NOTE = (
    "The paper's coefficients (p < .001, < .001, < .005): their unit of analysis and scaling are "
    "not stated, so their size is not comparable with any of these, only their sign."
)

COLLINEAR = 10.0
"""A variance inflation from here on is called collinear."""

FEW = 10
"""Fewer runs for each predictor are called few."""


@dataclass(frozen=True, slots=True)
class Coefficient:
    """What goes with one more unit of a predictor, the others held.

    Args:
        name: the metric.
        value: in the units of the specification.
        low: lower end of the 95% interval.
        high: upper end.
        p: of the hypothesis that it is 0, two-sided.
        inflation: variance inflation factor, 1 or more: how much the other predictors blur it.
        paper: the paper's, None for another predictor.
    """

    name: str
    value: float
    low: float
    high: float
    p: float
    inflation: float
    paper: float | None


@dataclass(frozen=True, slots=True)
class Regression:
    """A fit.

    Args:
        specification: `raw`, in the metrics' own units; `standardised`, all by mean and standard
            deviation over the rows; `standardised within task`, over each task's rows by itself,
            which leaves differences between tasks out.
        target: what is explained.
        coefficients: in the order of the predictors.
        intercept: None where a standardised one is 0 by construction.
        r2: share of the variance explained, 0 to 1 (of that within tasks, where within task).
        adjusted_r2: made less for the number of predictors; can be below 0.
        n: rows: one run at one stage of repair.
        runs: different runs among them.
        tasks: different tasks.
        robust: several rows are of one run, so errors are cluster-robust by run.
        points: `point` of each row, in order.
        run_ids: likewise, the run.
        fitted: of each row, in the units of the specification.
        residuals: likewise.
        notes: sentences on what was left out and how it was computed.
    """

    specification: Specification
    target: str
    coefficients: tuple[Coefficient, ...]
    intercept: float | None
    r2: float
    adjusted_r2: float
    n: int
    runs: int
    tasks: int
    robust: bool
    points: tuple[str, ...]
    run_ids: tuple[str, ...]
    fitted: tuple[float, ...]
    residuals: tuple[float, ...]
    notes: tuple[str, ...]


def sentence(fit: Regression) -> str:
    """What a fit supports and what it does not, in plain words."""
    clear, unclear = [], []
    for term in fit.coefficients:
        noun = COLUMN[term.name].noun
        if term.low > 0 or term.high < 0:
            direction = "rises" if term.value > 0 else "falls"
            clear.append(f"{direction} with {noun} ({_coefficient_words(term)})")
        else:
            why = (
                "which the other predictors nearly determine"
                if term.inflation >= COLLINEAR
                else "its interval includes 0"
            )
            unclear.append(f"{noun} ({_coefficient_words(term)}; {why})")
    of = counted(fit.runs, "run")
    if fit.robust:
        of = f"{counted(fit.n, 'result')} of {of}"
    if fit.tasks > 1:
        of += f" of {fit.tasks} tasks, as if they were independent"
    goal = COLUMN[fit.target].noun
    parts = [
        f"Over {of}, {goal} {listed(clear)}, the other predictors held ({fit.specification})."
        if clear
        else f"Over {of}, {goal} is clearly associated with none of the predictors "
        f"({fit.specification})."
    ]
    if unclear:
        parts.append(f"Nothing can be said about {listed(unclear)}.")
    collinear = [COLUMN[term.name].noun for term in fit.coefficients if term.inflation >= COLLINEAR]
    if collinear:
        verb = "is" if len(collinear) == 1 else "are"
        parts.append(
            f"{capitalized(listed(collinear))} {verb} hard to tell from the other predictors."
        )
    if fit.runs < FEW * len(fit.coefficients):
        parts.append(f"{fit.runs} runs are few for {len(fit.coefficients)} predictors.")
    parts.append("Correlation is not causation.")
    return " ".join(parts)


def _coefficient_words(term: Coefficient) -> str:
    return f"{term.value:+.2f}, {term.low:+.2f} to {term.high:+.2f}"


_RIDGE = 1e-9  # relative spread below which a column counts as constant

Numbers = npt.NDArray[np.float64]


class CannotRegress(BadInput):
    """There is nothing to be estimated from these results, and why."""


def regress(
    results: pd.DataFrame,
    *,
    specification: Specification,
    predictors: Sequence[str] = PREDICTORS,
    target: str = TARGET,
) -> Regression:
    """Fit by ordinary least squares (statsmodels).

    The unit of analysis is one run at one stage of repair. Rows that lack a value are left out; a
    predictor that no row has is left out as a whole, and said so. Within task each task has a mean
    of its own, which costs a degree of freedom a task.

    Args:
        results: a results frame.
        specification: see `Regression`.
        predictors: metrics.
        target: a metric.

    Raises:
        CannotRegress: there are too few rows or runs (not more than coefficients and one), a
            column is constant, predictors determine each other, or the errors vanish.
    """
    # Long: fit, residuals and notes share the design matrix.
    import statsmodels.api as sm

    notes: list[str] = []
    rows, used = _complete(results, predictors, target, notes)
    within = specification == "standardised within task"
    if within:
        rows = _varied(rows, [target, *used], notes)
    of, tasks = pd.factorize(rows["task_key"] + "\n" + rows["task"])
    groups = of if within else np.zeros(len(rows), np.intp)
    means = len(tasks) if within else 1
    runs = rows["run_id"].nunique()
    if min(len(rows), runs + means - 1) <= len(used) + means:
        many = "" if runs == len(rows) else f" of {runs} runs"
        extra = "" if means == 1 else f" and the means of {means} tasks"
        raise CannotRegress(
            f"{len(rows)} results{many} are too few for {len(used)} coefficients{extra}.",
            "Assess more runs, or look at one predictor.",
        )
    for name in (target, *used):
        if _constant(rows[name].to_numpy(np.float64)):
            raise CannotRegress(
                f"The {COLUMN[name].noun} is the same in all {len(rows)} results.",
                "Vary a knob that changes it, or leave it out.",
            )
    scaled = {
        name: _scaled(rows[name].to_numpy(np.float64), groups, raw=specification == "raw")
        for name in (target, *used)
    }
    x = np.column_stack([scaled[name] for name in used])
    inflations = _inflations(x, groups)
    dummies = (groups[:, None] == np.arange(means)).astype(np.float64)
    model = sm.OLS(scaled[target], np.column_stack([dummies, x]), hasconst=True)
    robust = runs < len(rows)
    if robust:
        notes.append(
            "Several results are of one run (its stages of repair), so errors and intervals are "
            f"cluster-robust by run, with {runs} clusters."
        )
        codes = pd.factorize(rows["run_id"])[0]
        fit = model.fit(cov_type="cluster", cov_kwds={"groups": codes}, use_t=True)
    else:
        fit = model.fit()
    if "label_accuracy" in used and (rows["inspected"].astype(str) != "0").any():
        notes.append(
            "After LR inspected texts count as right by definition, and all do where all were "
            "inspected: label accuracy there is no measurement alone."
        )
    if len(tasks) > 1:
        notes.append(
            f"Runs of a task are alike, and these are of {len(tasks)}: as they count as "
            "independent here, the intervals are too narrow. The fifth finding goes by tasks."
        )
    if fit.ssr <= 1e-18 * max(fit.centered_tss, 1e-300):
        raise CannotRegress(
            "The predictors determine the target without any error, which real results don't.",
            "Check where the results are from.",
        )
    ends = np.asarray(fit.conf_int(0.05))
    return Regression(
        specification=specification,
        target=target,
        coefficients=tuple(
            Coefficient(
                name=name,
                value=float(fit.params[at]),
                low=float(ends[at, 0]),
                high=float(ends[at, 1]),
                p=float(fit.pvalues[at]),
                inflation=inflations[place],
                paper=PAPER_COEFFICIENTS.get(name) if target == TARGET else None,
            )
            for place, name in enumerate(used)
            for at in [means + place]
        ),
        intercept=float(fit.params[0]) if specification == "raw" else None,
        r2=float(fit.rsquared),
        # The tasks' means are taken off the variance that is explained, too.
        adjusted_r2=float(1 - (1 - fit.rsquared) * (len(rows) - means) / fit.df_resid),
        n=len(rows),
        runs=runs,
        tasks=len(tasks),
        robust=robust,
        points=tuple(rows["point"]),
        run_ids=tuple(rows["run_id"]),
        fitted=tuple(float(value) for value in fit.fittedvalues),
        residuals=tuple(float(value) for value in fit.resid),
        notes=tuple(notes),
    )


def _complete(
    results: pd.DataFrame, predictors: Sequence[str], target: str, notes: list[str]
) -> tuple[pd.DataFrame, list[str]]:
    used = [name for name in predictors if results[name].notna().any()]
    for name in predictors:
        if name not in used:
            notes.append(f"No result has the {COLUMN[name].noun}: it is left out.")
    rows = results.dropna(subset=[target, *used])
    if not used or rows.empty:
        raise CannotRegress(
            f"No result has {COLUMN[target].noun} and a predictor at once.",
            "Assess the runs with a reference and a classifier.",
        )
    if len(rows) < len(results):
        left = len(results) - len(rows)
        notes.append(f"{left} of {len(results)} results lack a value and are left out.")
    return rows, used


def _varied(rows: pd.DataFrame, names: Sequence[str], notes: list[str]) -> pd.DataFrame:
    """The rows of tasks in which every column varies; within another there is nothing to scale."""
    kept = []
    for (_, task), part in rows.groupby(["task_key", "task"], sort=False):
        still = [name for name in names if _constant(part[name].to_numpy(np.float64))]
        if still:
            notes.append(f"{task} is left out: its {COLUMN[still[0]].noun} does not vary.")
        else:
            kept.append(part)
    if not kept:
        raise CannotRegress(
            "There is no task in which all of the metrics vary.", "Vary more knobs in the sweep."
        )
    return pd.concat(kept)


def _constant(values: Numbers) -> bool:
    return bool(np.ptp(values) <= _RIDGE * max(1.0, float(np.abs(values).max())))


def _scaled(values: Numbers, groups: npt.NDArray[np.intp], *, raw: bool) -> Numbers:
    if raw:
        return values
    scaled = np.empty_like(values)
    for group in np.unique(groups):
        part = values[groups == group]
        scaled[groups == group] = (part - part.mean()) / part.std(ddof=1)
    return scaled


def _inflations(x: Numbers, groups: npt.NDArray[np.intp]) -> list[float]:
    """Variance inflation (Marquardt 1970): the diagonal of the inverse correlation matrix."""
    centred = x.copy()
    for group in np.unique(groups):
        centred[groups == group] -= centred[groups == group].mean(axis=0)
    centred /= np.sqrt((centred**2).sum(axis=0))
    if np.linalg.matrix_rank(centred, tol=1e-7) < x.shape[1]:
        raise CannotRegress(
            "The predictors determine each other: their effects can't be told apart.",
            "Leave one of them out, or vary more knobs in the sweep.",
        )
    return [float(value) for value in np.diag(np.linalg.inv(centred.T @ centred))]
