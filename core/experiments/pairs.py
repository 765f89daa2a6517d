"""Pairs: results that differ in one thing alone, their differences, and what these say."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from core.classification.intervals import t_quantile
from core.experiments.columns import METRICS

Verdict = Literal["holds", "does not", "undecided"]
Numbers = npt.NDArray[np.float64]

LEAST = 3
"""Fewer pairs decide nothing."""

TARGETS: Mapping[str, tuple[float, float]] = {
    "temperature": (0.3, 1.3),
    "suppression": (0.0, 7.5),
    "seeding": (0.0, 18.0),
}
"""The values of the paper that a knob's effect is told between."""

SAME = (
    "task",
    "task_key",
    "model",
    "min_p",
    "other",
    "encoder",
    "classifier",
    "temperature",
    "suppression",
    "seeding",
    "inspected",
    "filtered",
    "seed",
)
"""What the two of a pair share, but for what is looked at. Repeats are paired by their seed: it
draws the same seed examples for all conditions."""

_OFF_OR_ON = ("suppression", "seeding")
_EVEN = 1e-12  # differences of decimals such as 0.3 - 0.1 - 0.2 are not 0


@dataclass(frozen=True, slots=True)
class Effect:
    """A mean difference over pairs, with Student's t interval (95 %).

    Args:
        mean: NaN without a pair.
        low: None below two pairs.
        high: likewise.
        n: pairs.
    """

    mean: float
    low: float | None
    high: float | None
    n: int

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self) | {"mean": None if math.isnan(self.mean) else self.mean}


def effect(differences: Numbers) -> Effect:
    """Mean and interval of differences (pairs,), NaN left out.

    The interval takes the pairs as independent; where several are of one task they are not quite,
    and it is too narrow.
    """
    found = differences[np.isfinite(differences)]
    if not len(found):
        return Effect(math.nan, None, None, 0)
    mean = float(found.mean())
    if len(found) < 2:
        return Effect(mean, None, None, 1)
    reach = t_of(len(found) - 1) * float(found.std(ddof=1)) / math.sqrt(len(found))
    return Effect(mean, mean - reach, mean + reach, len(found))


def verdict(found: Effect, direction: Literal[1, -1], *, least: int = LEAST) -> Verdict:
    """What an effect says of a claim about its sign.

    `holds`: the interval lies wholly on the claim's side of 0; `does not`: wholly on the other;
    `undecided`: it holds 0 (as its end, too), or there are fewer than `least` pairs.

    Args:
        found: the effect.
        direction: the claim: 1 for more, -1 for less.
        least: see above.
    """
    if found.n < least or found.low is None or found.high is None:
        return "undecided"
    low, high = (found.low, found.high) if direction > 0 else (-found.high, -found.low)
    if low > _EVEN:
        return "holds"
    return "does not" if high < -_EVEN else "undecided"


def within(found: Effect, bound: float, *, least: int = LEAST) -> Verdict:
    """What an effect says of the claim that it is small: between -bound and bound.

    `holds`: so is the whole interval; `does not`: the interval lies wholly outside; else undecided.
    """
    if found.n < least or found.low is None or found.high is None:
        return "undecided"
    if -bound < found.low and found.high < bound:
        return "holds"
    return "does not" if found.low > bound or found.high < -bound else "undecided"


def levels(frame: pd.DataFrame, knob: str) -> tuple[float, float] | None:
    """The two values of a knob in the frame that an effect is told between; None without two.

    Those nearest to `TARGETS`; for suppression and seeding the first must be 0, off.
    """
    first, second = TARGETS[knob]
    values = np.unique(frame[knob].to_numpy(np.float64))
    values = values[np.isfinite(values)]
    if knob in _OFF_OR_ON:
        on = values[values > 0]
        if not len(on) or 0.0 not in values:
            return None
        return 0.0, float(on[np.argmin(np.abs(on - second))])
    if len(values) < 2:
        return None
    low = float(values[np.argmin(np.abs(values[:-1] - first))])
    rest = values[values > low]
    return low, float(rest[np.argmin(np.abs(rest - second))])


def of_knob(frame: pd.DataFrame, knob: str) -> pd.DataFrame:
    """Pairs that differ in one knob alone, its two `levels` chosen for each task by itself.

    Returns:
        One row a pair: what the two share, `<metric>_a` at the first value and `<metric>_b` at the
        second; runs that agree in all of that are averaged first.
    """
    parts = []
    for _, part in frame.groupby(["task_key", "task"], sort=False):
        both = levels(part, knob)
        if both:
            sides = [part[part[knob] == value] for value in both]
            parts.append(matched(sides, ("a", "b"), but=(knob,)))
    return pd.concat(parts, ignore_index=True) if parts else _nothing(("a", "b"))


def crossed(frame: pd.DataFrame) -> pd.DataFrame:
    """Squares of temperature and suppression: the two `levels` of both, all else alike.

    Returns:
        One row a square: `<metric>_00` at low temperature without suppression, `_10` at high
        temperature, `_01` with suppression, `_11` with both.
    """
    names = ("00", "10", "01", "11")
    parts = []
    for _, part in frame.groupby(["task_key", "task"], sort=False):
        heat, strength = levels(part, "temperature"), levels(part, "suppression")
        if heat and strength:
            sides = [
                part[(part["temperature"] == t) & (part["suppression"] == s)]
                for s in strength
                for t in heat
            ]
            parts.append(matched(sides, names, but=("temperature", "suppression")))
    return pd.concat(parts, ignore_index=True) if parts else _nothing(names)


def matched(
    sides: Sequence[pd.DataFrame], names: Sequence[str], *, but: Sequence[str]
) -> pd.DataFrame:
    """Rows of each side that agree in all of `SAME` but some, side by side.

    Args:
        sides: two frames or more.
        names: of the sides: a metric's column becomes `<metric>_<name>`.
        but: columns in which they may differ.
    """
    same = [name for name in SAME if name not in but and name in sides[0]]
    merged: pd.DataFrame | None = None
    for side, name in zip(sides, names, strict=True):
        mean = side.groupby(same, dropna=False, sort=False)[list(METRICS)].mean()
        mean = mean.add_suffix(f"_{name}").reset_index()
        merged = mean if merged is None else merged.merge(mean, on=same)
    assert merged is not None
    return merged


def _nothing(names: Sequence[str]) -> pd.DataFrame:
    columns = [f"{metric}_{name}" for metric in METRICS for name in names]
    return pd.DataFrame(columns=[*SAME, *columns]).astype(dict.fromkeys(columns, np.float64))


@cache
def t_of(freedom: int) -> float:
    """Student's t quantile at 0.975."""
    return t_quantile(freedom)
