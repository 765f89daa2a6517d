"""Upright axes of parallel coordinates: where values stand on them, and their ticks."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from core.figures.results import METRICS, Numbers, is_share, knob_values, numbers, title
from core.figures.words import shortened

if TYPE_CHECKING:
    import pandas as pd

_FEW = 8  # values of a knob that all have a tick
_INSET = 0.04  # of an axis' length, free above and below


class Upright:
    """An upright axis: where each row stands on it, 0 to 1, NaN for a missing value; its ticks."""

    def __init__(self, points: "pd.DataFrame", column: str) -> None:
        self.title = title(column)
        known = knob_values(points, column) if column not in METRICS else []
        named = any(isinstance(one, str) for one in known)
        if named:
            place = {one: number for number, one in enumerate(known)}
            raw = np.array([place.get(one, np.nan) for one in points[column]], dtype=np.float64)
            ticks = {shortened(str(one), 16): float(number) for one, number in place.items()}
        else:
            raw = numbers(points, column)
            ticks = _ticks(raw, column, known)
        there = raw[np.isfinite(raw)]
        low, high = (float(there.min()), float(there.max())) if len(there) else (0.0, 1.0)
        self.places = _scaled(raw, low, high)
        self.ticks = {
            words: float(_scaled(np.array([value]), low, high)[0]) for words, value in ticks.items()
        }


def _ticks(values: Numbers, column: str, known: Sequence[Any]) -> dict[str, float]:
    """A knob's few values, or the ends of a scale; what lies between is told by hovers."""
    there = values[np.isfinite(values)]
    if not len(there):
        return {}
    if known and len(known) <= _FEW:
        return {f"{one:g}": float(one) for one in known}
    form = ".1%" if is_share(column) else ".3f" if column in METRICS else ".3g"
    ends = float(there.min()), float(there.max())
    return {f"{one:{form}}": one for one in ends}


def _scaled(values: Numbers, low: float, high: float) -> Numbers:
    if high <= low:
        return np.where(np.isfinite(values), 0.5, np.nan)
    return np.asarray(_INSET + (1 - 2 * _INSET) * (values - low) / (high - low))
