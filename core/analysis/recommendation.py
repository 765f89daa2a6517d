"""Target: what a person wants of a condition, and what one costs."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from core.analysis.frames.columns import METRICS
from core.analysis.naming import (
    IDLE,
    TITLES,
    condition_words,
    interval_words,
    repair_words,
    value_words,
)
from core.analysis.uninspected import ALL_RIGHT, uninspected_accuracy
from core.domain.errors import BadInput
from core.domain.runs import ASKED_AGAIN


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What is wanted; None asks for nothing.

    Args:
        label_accuracy: at least, 0 to 1.
        model_accuracy: at least, 0 to 1.
        diversity: at least, 0 to 2.
        inspected: at most so many texts that somebody looks at.
        money: at most, in the prices' currency.
        seconds: at most, for one run and its inspection.

    Raises:
        BadInput: a value is out of its range.
    """

    label_accuracy: float | None = None
    model_accuracy: float | None = None
    diversity: float | None = None
    inspected: int | None = None
    money: float | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        for name, most in (
            ("label_accuracy", 1.0),
            ("model_accuracy", 1.0),
            ("diversity", 2.0),
            ("inspected", math.inf),
            ("money", math.inf),
            ("seconds", math.inf),
        ):
            value = getattr(self, name)
            if value is not None and not 0 <= value <= most:
                until = f"from 0 to {most:g}" if math.isfinite(most) else "0 or more"
                raise BadInput(f"The target {name} is {value}, not {until}.", "Choose another.")

    @property
    def least(self) -> dict[str, float]:
        """The metrics that are asked for, and how much at least."""
        told = {name: getattr(self, name) for name in METRICS if name != "similarity"}
        return {name: value for name, value in told.items() if value is not None}


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
    "The best of several measured points is partly so by luck: expect a little less of a new run."
)

Flags = npt.NDArray[np.bool_]


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
        metrics: value, low and high by metric; None where unknown.
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
    metrics: Mapping[str, Mapping[str, float | None]]
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

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {**asdict(self), "notes": list(self.notes)}


def advise(
    points: pd.DataFrame,
    target: Target,
    *,
    aim: str | None = None,
    prudent: bool = False,
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
        prudent: let the lower ends of the intervals reach the target and be aimed at, not the
            values; a point without an interval then counts by its value, and it is said so.
        costs: of one run by `condition`; with a limit of money or time, a condition whose cost is
            unknown is left out.
        seconds_a_text: that a person takes to look at one text.

    Raises:
        BadInput: the aim is no metric.
    """
    if aim is not None and aim not in METRICS:
        raise BadInput(f"There is no metric '{aim[:40]}'.", f"Use one of {', '.join(METRICS)}.")
    if aim is None:
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
    judged = {name: _judged(points, name, prudent=prudent) for name in (*target.least, aim)}
    for name in target.least:
        lacking = int((allowed & np.isnan(judged[name])).sum())
        if lacking:
            notes.append(f"{lacking} points are left out: their {TITLES[name]} was not measured.")
        allowed &= np.isfinite(judged[name])
    if not allowed.any():
        said = "No point is within the limits and has what is asked for." if len(points) else ""
        return Advice(False, said or "There are no results yet.", None, None, 0, tuple(notes))
    short = np.zeros(len(points))
    for name, least in target.least.items():
        short += np.clip(least - judged[name], 0, None) / (least or 1.0)
    reaches = allowed & (short == 0)
    gain = np.nan_to_num(judged[aim], nan=-np.inf)
    keys = (seconds, money, inspected, -gain, short)  # the last counts first; NaN sorts last
    order = [place for place in np.lexsort(keys) if allowed[place]]
    first, second = order[0], order[1] if len(order) > 1 else None
    if prudent and any(_unsure(points, first, name) for name in target.least):
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
    by = "by the lower ends of the intervals" if prudent else "by the measured values"
    if reached:
        said = f"Choose {best.words}: it reaches the target {by}"
        said += f" and has most {TITLES[aim]}." if math.isfinite(gain[first]) else "."
    else:
        lacks = [
            f"{value_words(name, least - judged[name][first], signed=True).lstrip('+')} of "
            f"{TITLES[name]}"
            for name, least in target.least.items()
            if judged[name][first] < least
        ]
        said = f"Nothing reaches the target {by}. Nearest comes {best.words}; it lacks "
        said += f"{' and '.join(lacks)}."
    if other is not None:
        fits = "" if bool(reaches[second]) == reached else ", which misses the target"
        said += f" Next: {other.words}{fits}."
    return Advice(reached, said, best, other, int(reaches.sum()), tuple(notes))


def _inspected(points: pd.DataFrame) -> npt.NDArray[np.int_]:
    """Texts looked at; "all" is all that the condition had, before any filtering."""
    whole = points.groupby("condition")["n"].transform("max").fillna(0)
    told = points["inspected"].astype(str)
    count = pd.to_numeric(told.where(told != "all"), errors="coerce").fillna(whole)
    rounded: npt.NDArray[np.int_] = np.rint(count.to_numpy(np.float64)).astype(np.int_)
    return rounded


def _costs(
    points: pd.DataFrame,
    costs: Mapping[str, Cost],
    inspected: npt.NDArray[np.int_],
    seconds_a_text: float,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    known = [costs.get(condition, Cost()) for condition in points["condition"]]
    money = np.array([math.nan if one.money is None else one.money for one in known], np.float64)
    time = np.array([math.nan if one.seconds is None else one.seconds for one in known], np.float64)
    return money, time + seconds_a_text * inspected


def _judged(points: pd.DataFrame, metric: str, *, prudent: bool) -> npt.NDArray[np.float64]:
    values: npt.NDArray[np.float64] = points[metric].to_numpy(np.float64)
    if prudent:
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
    row: dict[str, Any] = {str(name): value for name, value in points.iloc[place].items()}
    metrics = {
        metric: {
            name: None if math.isnan(row[f"{metric}{end}"]) else float(row[f"{metric}{end}"])
            for name, end in (("value", ""), ("low", "_low"), ("high", "_high"))
        }
        for metric in METRICS
    }
    condition = condition_words(row)
    repair = repair_words(str(row["inspected"]), filtered=bool(row["filtered"]))
    rest = float(uninspected_accuracy(points.iloc[[place]])[0])
    told = []
    for metric, one in metrics.items():
        if one["value"] is None or metric == "similarity":
            continue
        between = interval_words(metric, one["low"], one["high"])
        if metric == "label_accuracy" and _by_definition(row):
            between = "by definition"
        elif metric == "label_accuracy" and math.isfinite(rest):
            between += f"; of the texts not inspected {value_words(metric, rest)}"
        told.append(f"{TITLES[metric]} {value_words(metric, one['value'])} ({between})")
    runs = f"{row['repeats']} run{'s' if row['repeats'] != 1 else ''}"
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
        words=f"{condition}; {repair} ({', '.join(told)}; {runs}{size})",
    )


def _by_definition(row: Mapping[Any, Any]) -> bool:
    """Whether label accuracy is 100 %, whatever was generated."""
    return str(row["inspected"]) == "all" and row["label_accuracy"] == row["label_accuracy"]
