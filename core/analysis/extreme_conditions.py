"""Corners: the conditions at the ends of a grid's knobs, which differ the most from each other."""

import pandas as pd

from core.analysis.frames.columns import KNOBS
from core.domain.runs import short_model

_ORDER = ("model", "other", "seeding", "suppression", "min_p", "temperature")
"""Outermost first, as a grid is planned: side by side stand the temperatures."""


def corners(points: pd.DataFrame, *, most: int) -> list[str]:
    """Keys of conditions, in the order of their knobs.

    All where they are few; else those at the lowest or highest value of every knob that varies,
    of each model; of more than `most`, as many at even steps.

    Args:
        points: a points frame, of one task; the stages of repair do not matter.
        most: 1 or more.
    """
    known = points.drop_duplicates("condition").sort_values([*_ORDER, "condition"])
    if len(known) > most:
        ends = pd.Series(True, index=known.index)
        for knob in KNOBS:
            if knob != "model":
                values = known[knob]
                ends &= values.isin([values.min(), values.max()]) | values.isna()
        known = known[ends] if ends.any() else known
    keys: list[str] = known["condition"].tolist()
    if len(keys) <= most:
        return keys
    return [keys[place * len(keys) // most] for place in range(most)]


def short_names(points: pd.DataFrame) -> dict[str, str]:
    """A short name for each condition by temperature, suppression and what else varies.

    Args:
        points: a points frame, of one task.

    Returns:
        By condition, in the order of the knobs; two of the same name are told apart by a number.
    """
    known = points.drop_duplicates("condition").sort_values([*_ORDER, "condition"])
    varies = {name for name in _ORDER if known[name].nunique(dropna=False) > 1}
    names: dict[str, str] = {}
    seen: dict[str, int] = {}
    for row in known.to_dict("records"):
        words = [f"T {row['temperature']:g}", f"S {row['suppression']:g}"]
        if "seeding" in varies:
            words.append(f"{row['seeding']:g} seeds")
        if "min_p" in varies:
            words.append(f"min_p {row['min_p']:g}")
        told = {"model": short_model(str(row["model"])), "other": str(row["other"])}
        words += [said for name, said in told.items() if name in varies and said]
        name = ", ".join(words)
        seen[name] = seen.get(name, 0) + 1
        names[row["condition"]] = name if seen[name] == 1 else f"{name} ({seen[name]})"
    return names
