"""Points for tests of maps."""

from typing import Any

import numpy as np
import pandas as pd

COLUMNS = ["id", "x", "y", "text", "label", "dataset", "cycle", "duplicate", "reference", "order"]


def points(*rows: dict[str, Any]) -> pd.DataFrame:
    """A frame of points; what a row leaves out is told from its place."""
    return pd.DataFrame(
        [
            {
                "id": f"p{place}",
                "x": float(place),
                "y": -2.0 * place,
                "text": f"text {place}",
                "label": "a",
                "dataset": "run",
                "cycle": place + 1,
                "duplicate": "new",
                "reference": False,
                "order": place,
            }
            | row
            for place, row in enumerate(rows)
        ],
        columns=COLUMNS,
    )


def real(**more: Any) -> dict[str, Any]:
    """A row of a reference."""
    return {"reference": True, "cycle": None, "order": None, "dataset": "real"} | more


def many(count: int, labels: list[str]) -> pd.DataFrame:
    """Points at random places, with the labels in turn."""
    rng = np.random.default_rng(0)
    frame = points(*({} for _ in range(count)))
    frame["x"], frame["y"] = rng.normal(size=(2, count))
    frame["label"] = [labels[place % len(labels)] for place in range(count)]
    return frame


def drawn(figure: Any) -> list[Any]:
    """The traces that draw points, without those that stand for the legend alone."""
    return [trace for trace in figure.data if trace.customdata is not None]


def entries(figure: Any) -> list[tuple[str, str]]:
    """The legend: names and colours."""
    return [(trace.name, trace.marker.color) for trace in figure.data if trace.showlegend]
