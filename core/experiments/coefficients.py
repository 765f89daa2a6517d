"""Coefficients of a regression of model accuracy, and what they support in plain words.

The paper regresses model accuracy on label accuracy, diversity and similarity (section 5.2) and
states neither the unit of analysis nor any scaling; so every coefficient here stands with its
specification.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from core.experiments.naming import TITLES, listed

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
        low: lower end of the 95 % interval.
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

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, with the plain sentence."""
        told = asdict(self)
        return {
            **{
                key: list(value) if isinstance(value, tuple) else value
                for key, value in told.items()
            },
            "paper_note": PAPER_NOTE,
            "sentence": sentence(self),
        }


def sentence(found: Regression) -> str:
    """What a fit supports and what it does not, in plain words."""
    held, open_ = [], []
    for one in found.coefficients:
        name = TITLES.get(one.name, one.name)
        clear = one.low > 0 or one.high < 0
        if clear:
            held.append(f"{'rises' if one.value > 0 else 'falls'} with {name} ({_told(one)})")
        else:
            blurred = one.inflation >= COLLINEAR
            why = (
                "which the other predictors nearly determine" if blurred else "its interval holds 0"
            )
            open_.append(f"{name} ({_told(one)}; {why})")
    of = f"{found.runs} runs" if not found.robust else f"{found.n} results of {found.runs} runs"
    if found.tasks > 1:
        of += f" of {found.tasks} tasks, as if they were independent"
    goal = TITLES.get(found.target, found.target)
    said = [
        f"Over {of}, {goal} {listed(held)}, the other predictors held ({found.specification})."
        if held
        else f"Over {of}, {goal} goes with none of the predictors for sure ({found.specification})."
    ]
    if open_:
        said.append(f"Nothing can be said about {listed(open_)}.")
    blurred_ = [
        TITLES.get(one.name, one.name) for one in found.coefficients if one.inflation >= COLLINEAR
    ]
    if blurred_:
        verb = "is" if len(blurred_) == 1 else "are"
        said.append(
            f"{listed(blurred_).capitalize()} {verb} hard to tell from the other predictors."
        )
    if found.runs < FEW * len(found.coefficients):
        said.append(f"{found.runs} runs are few for {len(found.coefficients)} predictors.")
    said.append("What goes together need not cause each other.")
    return " ".join(said)


def _told(one: Coefficient) -> str:
    return f"{one.value:+.2f}, {one.low:+.2f} to {one.high:+.2f}"
