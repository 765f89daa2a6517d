"""The table of all texts on view, by hand."""

from dataclasses import asdict

import numpy as np
import pandas as pd

from core.diversity.map.frame import STANDINGS, display_names, repeats, texts_frame
from core.diversity.measures.results import TextDistances
from core.domain.datasets import Dataset
from core.domain.texts import text_hash


def dataset(key: str, name: str, texts: list[str], fluency: float | None = -1.0) -> Dataset:
    n = len(texts)
    ids = tuple(f"{key}-{row}" for row in range(n))
    return Dataset(key, name, ("a", "b"), ids, tuple(texts), ("a",) * n, (fluency,) * n)


RUN = dataset("run:1", "Trial", ["one fine day", "One  fine day", "a nice day", "rain"])
OTHER = dataset("run:2", "Trial", ["rain"])
REAL = dataset("reference:r:train", "Real", ["RAIN", "sun"], None)
DISTANCES = TextDistances(
    id=("run:1-0", "run:1-1", "run:1-2", "run:1-3"),
    mean_distance=(0.3, 0.3, 0.4, 0.9),
    nearest=(0.0, 0.0, 0.2, 0.8),
    nearest_earlier=(None, 0.0, 0.2, 0.8),
    earlier_id=(None, "run:1-0", "run:1-0", "run:1-2"),
)


def test_every_text_has_its_row_and_the_reference_comes_last() -> None:
    frame = texts_frame(
        [RUN, OTHER],
        distances=[DISTANCES, None],
        cycles={"run:1-0": 1, "run:1-3": 2},
        reference=REAL,
    )
    assert list(frame["id"]) == [*RUN.ids, *OTHER.ids, *REAL.ids]
    assert list(frame["dataset"]) == ["Trial"] * 4 + ["Trial (2)"] + ["Real"] * 2
    assert list(frame["reference"]) == [False] * 5 + [True] * 2
    assert list(frame["order"]) == [0, 1, 2, 3, 0, 0, 1]
    assert frame["hash"].iloc[3] == frame["hash"].iloc[4] == text_hash("rain")
    assert list(frame["standing"]) == [STANDINGS[0]] * 3 + [STANDINGS[1]] * 2 + [STANDINGS[2]] * 2
    assert list(frame["mean_distance"].iloc[:4]) == [0.3, 0.3, 0.4, 0.9]
    assert frame["mean_distance"].iloc[4:].isna().all()
    assert frame["earlier_id"].iloc[3] == "run:1-2"
    assert list(frame["cycle"].iloc[[0, 3]]) == [1, 2]
    assert frame["cycle"].iloc[5:].isna().all()
    assert frame["fluency"].iloc[5:].isna().all()


def test_the_result_is_read_by_id_and_not_by_row() -> None:
    backwards = TextDistances(**{name: own[::-1] for name, own in asdict(DISTANCES).items()})
    frame = texts_frame([RUN], distances=[backwards], cycles={})
    assert list(frame["mean_distance"]) == [0.3, 0.3, 0.4, 0.9]


def test_a_run_without_texts_is_an_empty_table() -> None:
    frame = texts_frame([dataset("run:0", "Empty", [])], distances=[None], cycles={})
    assert frame.empty
    assert {"id", "text", "dataset", "reference", "nearest_earlier"} <= set(frame.columns)


def test_what_repeats_hangs_on_the_threshold_and_on_the_own_dataset() -> None:
    frame = texts_frame([RUN, OTHER], distances=[DISTANCES, None], cycles={})
    assert list(repeats(frame, 0.0)) == ["new", "exact", "new", "new", "new"]
    assert list(repeats(frame, 0.2)) == ["new", "exact", "near", "new", "new"]
    assert list(repeats(frame, 1.0)) == ["new", "exact", "near", "near", "new"]
    rows = frame.iloc[[3, 2]]
    pd.testing.assert_index_equal(repeats(rows, 0.2).index, rows.index)
    assert np.array_equal(repeats(rows, 0.2), ["new", "near"])


def test_names_are_told_apart() -> None:
    assert display_names(["a", "b", "a", "a"]) == ["a", "b", "a (2)", "a (3)"]
    # One may be called as another would be.
    assert display_names(["a", "a (2)", "a"]) == ["a", "a (2)", "a (3)"]
    assert display_names(["a", "a", "a (2)"]) == ["a", "a (2)", "a (2) (2)"]
