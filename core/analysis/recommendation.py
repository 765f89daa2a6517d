"""Recommendation: the condition and repair that reach what a person wants, and what they cost."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from core.analysis.frames.columns import METRICS
from core.analysis.frames.results import IDLE
from core.analysis.pairs import TARGETS
from core.analysis.uninspected import ALL_RIGHT, uninspected_accuracy
from core.domain.errors import BadInput
from core.domain.registries.knobs import AXES, condition_words
from core.domain.registries.metrics import COLUMN
from core.domain.registries.stages import ALL, stage_words
from core.domain.runs import ASKED_AGAIN
from core.domain.wording import counted, listed, number


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What is wanted; None asks for nothing.

    Args:
        at_least: the lowest value wanted of each metric of sweeps, by its column.
        inspected: at most so many texts that somebody looks at.
        money: at most, in the prices' currency.
        seconds: at most, for one run and its inspection.

    Raises:
        BadInput: a value is out of its range, or there is no such metric.
    """

    at_least: Mapping[str, float] = field(default_factory=dict)
    inspected: int | None = None
    money: float | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        for name, value in self.at_least.items():
            check_metric(name)
            low, high = COLUMN[name].low, COLUMN[name].high
            if not low <= value <= high:
                raise BadInput(
                    f"The target {name} is {value}, not from {number(low)} to {number(high)}.",
                    "Choose another.",
                )
        for name in ("inspected", "money", "seconds"):
            limit = getattr(self, name)
            if limit is not None and not 0 <= limit <= math.inf:
                raise BadInput(f"The target {name} is {limit}, not 0 or more.", "Choose another.")


@dataclass(frozen=True, slots=True)
class Cost:
    """What one run of a condition takes; None is unknown.

    Args:
        seconds: of generation.
        money: in the prices' currency.
    """

    seconds: float | None = None
    money: float | None = None


LUCK = (
    "The best of several measured points is partly chance (winner's curse): expect a little less "
    "of a new run."
)


Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A metric's value with its 95% interval; None is unknown."""

    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Choice:
    """A condition with a repair.

    Args:
        point: its `point`.
        condition: in words.
        repair: in words.
        n: texts, the mean over repeats; None where unknown.
        repeats: runs that it rests on.
        inspected: texts that somebody looks at.
        metrics: the estimate of each metric.
        uninspected: label accuracy of the texts that nobody inspected after LR, 0 to 1; None where
            that can't be told (`uninspected_accuracy`).
        seconds: None where unknown; with inspection.
        money: None where unknown.
        words: all that in a sentence's part.
    """

    point: str
    condition: str
    repair: str
    n: float | None
    repeats: int
    inspected: int
    metrics: Mapping[str, Estimate]
    uninspected: float | None
    seconds: float | None
    money: float | None
    words: str


@dataclass(frozen=True, slots=True)
class Advice:
    """What to do.

    Args:
        reached: whether anything reaches the target.
        sentence: the advice.
        best: what to choose, or what comes nearest; None where no limit allows anything.
        runner_up: the next best of another condition or repair; None without one.
        reaching: how many points reach the target.
        notes: sentences on what was left out and what the advice rests on.
    """

    reached: bool
    sentence: str
    best: Choice | None
    runner_up: Choice | None
    reaching: int
    notes: tuple[str, ...]


def advise(
    points: pd.DataFrame,
    target: Target,
    *,
    aim: str | None = None,
    conservative: bool = False,
    costs: Mapping[str, Cost] | None = None,
    seconds_a_text: float = 0.0,
) -> Advice:
    """Name the point that reaches the target and has most of the aim.

    Of equals the one with fewer inspected texts comes first, then the cheaper, the faster, the
    first in the frame. Where none reaches the target, the nearest within the limits (inspected,
    money, seconds) is that with the least sum of shortfalls, each as a share of what was wanted.

    Args:
        points: a points frame of one task, encoder and classifier.
        target: what is wanted.
        aim: the metric of which there should be most; None is model accuracy where any point has
            it, else diversity.
        conservative: let the lower ends of the intervals reach the target and be aimed at, not the
            values; a point without an interval then counts by its value, and it is said so.
        costs: of one run by `condition`; with a limit of money or time, a condition whose cost is
            unknown is left out.
        seconds_a_text: that a person takes to look at one text.

    Raises:
        BadInput: the aim is no metric.
    """
    # Long: one decision read from top to bottom, its sentence and notes made on the way.
    if aim is not None:
        check_metric(aim)
    else:
        aim = "model_accuracy" if points["model_accuracy"].notna().any() else "diversity"
    points = points.reset_index(drop=True)
    notes: list[str] = []
    inspected = _inspected(points)
    money, seconds = _costs(points, costs or {}, inspected, seconds_a_text)
    allowed = np.ones(len(points), np.bool_)
    for limit, spent, what in (
        (target.inspected, inspected.astype(np.float64), "number of inspected texts"),
        (target.money, money, "price"),
        (target.seconds, seconds, "time"),
    ):
        if limit is not None:
            unknown = int(np.isnan(spent).sum())
            if unknown:
                notes.append(f"{unknown} points are left out: their {what} is unknown.")
            allowed &= spent <= limit  # NaN is not
    judged = {
        name: _judged(points, name, conservative=conservative) for name in (*target.at_least, aim)
    }
    for name in target.at_least:
        lacking = int((allowed & np.isnan(judged[name])).sum())
        if lacking:
            notes.append(
                f"{lacking} points are left out: their {COLUMN[name].noun} was not measured."
            )
        allowed &= np.isfinite(judged[name])
    if not allowed.any():
        sentence = "There are no results yet."
        if len(points):
            sentence = "No point is within the limits and has what is asked for."
        return Advice(False, sentence, None, None, 0, tuple(notes))
    short = np.zeros(len(points))
    for name, least in target.at_least.items():
        short += np.clip(least - judged[name], 0, None) / (least or 1.0)
    reaches = allowed & (short == 0)
    gain = np.nan_to_num(judged[aim], nan=-np.inf)
    keys = (seconds, money, inspected, -gain, short)  # the last counts first; NaN sorts last
    order = [place for place in np.lexsort(keys) if allowed[place]]
    first, second = order[0], order[1] if len(order) > 1 else None
    if conservative and any(_unsure(points, first, name) for name in target.at_least):
        notes.append("The choice has no interval (a single run), so its values were taken.")
    best = _choice(points, first, inspected, money, seconds)
    other = None if second is None else _choice(points, second, inspected, money, seconds)
    shown = points.iloc[order[:2]]
    if any(_by_definition(row) for row in shown.to_dict("records")):
        notes.append(ALL_RIGHT)
    if any(IDLE in other for other in shown["other"].astype(str)):
        notes.append(f"Where {IDLE}, one request covers a label: {ASKED_AGAIN}.")
    if second is not None:
        notes.append(LUCK)
    if best.repeats == 1:
        notes.append("It rests on a single run: another seed may come out differently.")
    reached = bool(reaches[first])
    by = "by the lower ends of the intervals" if conservative else "by the measured values"
    if reached:
        sentence = f"Choose {best.words}: it reaches the target {by}"
        most = f" and has the most {COLUMN[aim].noun}" if math.isfinite(gain[first]) else ""
        sentence += f"{most}."
    else:
        lacks = [
            f"{COLUMN[name].difference_words(least - judged[name][first]).lstrip('+')} of "
            f"{COLUMN[name].noun}"
            for name, least in target.at_least.items()
            if judged[name][first] < least
        ]
        sentence = f"Nothing reaches the target {by}. Nearest comes {best.words}; it lacks "
        sentence += f"{listed(lacks)}."
    if other is not None:
        misses = "" if bool(reaches[second]) == reached else ", which misses the target"
        sentence += f" Next: {other.words}{misses}."
    return Advice(reached, sentence, best, other, int(reaches.sum()), tuple(notes))


def check_metric(name: str) -> None:
    """See that sweeps have a metric.

    Raises:
        BadInput: they do not.
    """
    if name not in COLUMN:
        raise BadInput(f"There is no metric '{name[:40]}'.", f"Use one of {', '.join(COLUMN)}.")


def _inspected(points: pd.DataFrame) -> npt.NDArray[np.int_]:
    """Texts looked at; "all" is all that the condition had, before any filtering."""
    whole = points.groupby("condition")["n"].transform("max").fillna(0)
    inspected = points["inspected"].astype(str)
    count = pd.to_numeric(inspected.where(inspected != ALL), errors="coerce").fillna(whole)
    rounded: npt.NDArray[np.int_] = np.rint(count.to_numpy(np.float64)).astype(np.int_)
    return rounded


def _costs(
    points: pd.DataFrame,
    costs: Mapping[str, Cost],
    inspected: npt.NDArray[np.int_],
    seconds_a_text: float,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    own = [costs.get(condition, Cost()) for condition in points["condition"]]
    money = np.array([math.nan if c.money is None else c.money for c in own], np.float64)
    time = np.array([math.nan if c.seconds is None else c.seconds for c in own], np.float64)
    return money, time + seconds_a_text * inspected


def _judged(points: pd.DataFrame, metric: str, *, conservative: bool) -> npt.NDArray[np.float64]:
    values: npt.NDArray[np.float64] = points[metric].to_numpy(np.float64)
    if conservative:
        low = points[f"{metric}_low"].to_numpy(np.float64)
        values = np.where(np.isfinite(low), low, values)
    return values


def _unsure(points: pd.DataFrame, place: int, metric: str) -> bool:
    return not math.isfinite(points[f"{metric}_low"].iloc[place])


def _choice(
    points: pd.DataFrame,
    place: int,
    inspected: npt.NDArray[np.int_],
    money: npt.NDArray[np.float64],
    seconds: npt.NDArray[np.float64],
) -> Choice:
    row = {str(name): value for name, value in points.iloc[place].items()}
    metrics = {
        metric: Estimate(
            *(
                None if math.isnan(row[f"{metric}{end}"]) else float(row[f"{metric}{end}"])
                for end in ("", "_low", "_high")
            )
        )
        for metric in METRICS
    }
    values = {axis.name: row[axis.name] for axis in AXES}
    condition = condition_words(values, varying=TARGETS, other=str(row["other"]))
    repair = stage_words(str(row["inspected"]), filtered=bool(row["filtered"]), raw="no repair")
    rest = float(uninspected_accuracy(points.iloc[[place]])[0])
    parts = []
    for column, estimate in metrics.items():
        if estimate.value is None or column == "similarity":
            continue
        metric = COLUMN[column]
        between = metric.interval_words(estimate.low, estimate.high)
        if column == "label_accuracy" and _by_definition(row):
            between = "by definition"
        elif column == "label_accuracy" and math.isfinite(rest):
            between += f"; of the texts not inspected {metric.words(rest)}"
        parts.append(f"{metric.noun} {metric.words(estimate.value)} ({between})")
    runs = counted(int(row["repeats"]), "run")
    size = f" of {row['n']:,.0f} texts" if row["n"] == row["n"] else ""
    return Choice(
        point=str(row["point"]),
        condition=condition,
        repair=repair,
        n=None if math.isnan(row["n"]) else float(row["n"]),
        repeats=int(row["repeats"]),
        inspected=int(inspected[place]),
        metrics=metrics,
        uninspected=rest if math.isfinite(rest) else None,
        seconds=None if math.isnan(seconds[place]) else float(seconds[place]),
        money=None if math.isnan(money[place]) else float(money[place]),
        words=f"{condition}; {repair} ({', '.join(parts)}; {runs}{size})",
    )


def _by_definition(row: Mapping[Any, Any]) -> bool:
    """Whether label accuracy is 100%, whatever was generated."""
    return str(row["inspected"]) == ALL and row["label_accuracy"] == row["label_accuracy"]
