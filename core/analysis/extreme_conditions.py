"""Extreme conditions: those at the ends of a grid's knobs, which differ the most."""

import pandas as pd

from core.diversity.map.frame import display_names
from core.domain.knobs import AXES, NUMERIC_AXES, condition_words

_ORDER = ("model", "other", *(axis.name for axis in AXES[::-1] if axis.name != "model"))
"""Outermost first, as a grid is planned: conditions of several temperatures are neighbours."""


def extreme_conditions(points: pd.DataFrame, *, most: int) -> list[str]:
    """Keys of conditions, in the order of their knobs.

    All where they are few; else those at the lowest or highest value of every knob that varies,
    of each model; of more than `most`, as many at even steps.

    Args:
        points: a points frame, of one task; the stages of repair do not matter.
        most: 1 or more.
    """
    rows = points.drop_duplicates("condition").sort_values([*_ORDER, "condition"])
    if len(rows) > most:
        ends = pd.Series(True, index=rows.index)
        for knob in NUMERIC_AXES:
            values = rows[knob.name]
            ends &= values.isin([values.min(), values.max()]) | values.isna()
        rows = rows[ends] if ends.any() else rows
    keys: list[str] = rows["condition"].tolist()
    if len(keys) <= most:
        return keys
    return [keys[place * len(keys) // most] for place in range(most)]


def short_names(points: pd.DataFrame) -> dict[str, str]:
    """A short name for each condition by its temperature and the knobs that vary.

    Args:
        points: a points frame, of one task.

    Returns:
        By condition, in the order of the knobs; two of the same name are told apart by a number.
    """
    rows = points.drop_duplicates("condition").sort_values([*_ORDER, "condition"])
    varying = [name for name in _ORDER if rows[name].nunique(dropna=False) > 1]
    names = [
        condition_words(
            {name: row[name] for name in row if name in varying or name == "temperature"},
            varying=varying,
            other=str(row["other"]) if "other" in varying else "",
        )
        for row in rows.to_dict("records")
    ]
    return dict(zip(rows["condition"], display_names(names), strict=True))
