"""One table of all texts on view: what a map draws, a selection lists, a search goes through."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np

from core.diversity.measures.results import TextDistances
from core.domain.datasets import Dataset
from core.domain.texts import fold, text_hash

if TYPE_CHECKING:
    import pandas as pd

KINDS = ("new", "near", "exact")
"""What a text can be to the texts before it in its dataset: see `repeats`."""

STANDINGS = ("generated", "generated, stands in the reference", "reference")
"""What a text can be to the reference."""


def display_names(names: Sequence[str]) -> list[str]:
    """The names, told apart where two are the same: "Trial", "Trial (2)"; no two are equal."""
    shown: dict[str, None] = {}
    for name in names:
        display, number = name, 1
        while display in shown:
            number += 1
            display = f"{name} ({number})"
        shown[display] = None
    return list(shown)


def texts_frame(
    datasets: Sequence[Dataset],
    *,
    distances: Sequence[TextDistances | None],
    cycles: Mapping[str, int],
    reference: Dataset | None = None,
) -> "pd.DataFrame":
    """All texts, a row each, dataset by dataset in order of arrival, the reference's last.

    Args:
        datasets: the generated ones.
        distances: of the texts of each of them; None where they are not measured.
        cycles: by sample id; a text without one, such as a real one, has NaN.
        reference: real texts to draw beside them.

    Returns:
        id, text, hash, label, dataset (its display name), reference, standing (of `STANDINGS`),
        order (from 0, within the dataset), cycle, fluency, mean_distance, nearest,
        nearest_earlier (cosine distances; NaN where unknown), earlier_id.
    """
    import pandas as pd

    whole = [*datasets, *([reference] if reference is not None else [])]
    names = display_names([dataset.name for dataset in whole])
    real = {fold(text) for text in reference.texts} if reference is not None else set()
    parts = []
    for place, (dataset, name) in enumerate(zip(whole, names, strict=True)):
        real_one = place >= len(datasets)
        known = None if real_one else distances[place]
        standing = [
            STANDINGS[2] if real_one else STANDINGS[int(bool(real) and fold(text) in real)]
            for text in dataset.texts
        ]
        part = pd.DataFrame(
            {
                "id": list(dataset.ids),
                "text": list(dataset.texts),
                "hash": [text_hash(text) for text in dataset.texts],
                "label": list(dataset.labels),
                "dataset": name,
                "reference": real_one,
                "standing": standing,
                "order": np.arange(len(dataset)),
                "cycle": [cycles.get(text_id, np.nan) for text_id in dataset.ids],
                "fluency": np.array(dataset.fluency, dtype=np.float64),
            }
        )
        parts.append(_with_distances(part, known))
    frame = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
    return frame


def _with_distances(part: "pd.DataFrame", known: TextDistances | None) -> "pd.DataFrame":
    import pandas as pd

    columns = ("mean_distance", "nearest", "nearest_earlier")
    if known is None:
        return part.assign(**dict.fromkeys(columns, np.nan), earlier_id=None)
    distances = pd.DataFrame(asdict(known)).set_index("id")
    rows = distances.reindex(part["id"])
    for column in columns:
        part[column] = rows[column].to_numpy(dtype=np.float64)
    part["earlier_id"] = rows["earlier_id"].to_numpy(dtype=object)
    return part


def repeats(frame: "pd.DataFrame", threshold: float) -> "pd.Series":
    """What each text is to the earlier ones of its dataset: `new`, `near` or `exact`.

    `exact` is the same words (case and white space aside), `near` lies within the threshold of an
    earlier text. A text of the reference, or one that was not measured, is `new` unless exact.

    Args:
        frame: of `texts_frame`.
        threshold: cosine distance, 0 to 2.
    """
    import pandas as pd

    folded = frame["text"].map(fold)
    exact = folded.groupby(frame["dataset"]).transform(lambda own: own.duplicated())
    near = frame["nearest_earlier"] <= threshold
    kinds = np.select([exact.to_numpy(dtype=bool), near.to_numpy()], ["exact", "near"], "new")
    return pd.Series(kinds, index=frame.index)
