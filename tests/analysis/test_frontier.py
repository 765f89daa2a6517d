"""The frontier on cases by hand and against the definition in a double loop."""

import math

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from core.analysis.frontier import frontier

NAN = math.nan


def points(rows: list[tuple[float, float]], reach: float | None = None) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["diversity", "label_accuracy"], dtype=float)
    frame.insert(0, "point", [f"p{k}" for k in range(len(rows))])
    if reach is not None:
        for metric in ("diversity", "label_accuracy"):
            frame[f"{metric}_low"] = frame[metric] - reach
            frame[f"{metric}_high"] = frame[metric] + reach
    return frame


def test_by_hand() -> None:
    found = frontier(points([(0.1, 0.9), (0.2, 0.8), (0.2, 0.7), (0.05, 0.9), (0.3, 0.2)]))
    assert found["pareto"].tolist() == [True, True, False, False, True]
    assert found["dominated_by"].tolist() == ["", "", "p1", "p0", ""]


def test_equal_points_do_not_beat_each_other() -> None:
    found = frontier(points([(0.2, 0.8), (0.2, 0.8), (0.1, 0.8)]))
    assert found["pareto"].tolist() == [True, True, False]
    assert found["dominated_by"].tolist() == ["", "", "p0"]


def test_a_point_that_lacks_a_metric_neither_beats_nor_stands_there() -> None:
    found = frontier(points([(0.9, NAN), (0.1, 0.5), (NAN, 0.9), (NAN, NAN)]))
    assert found["pareto"].tolist() == [False, True, False, False]
    assert found["not_clearly_worse"].tolist() == [False, True, False, False]
    assert set(found["dominated_by"]) == {""}
    assert frontier(points([(NAN, NAN)]))["pareto"].tolist() == [False]
    assert frontier(points([])).empty


def test_what_beats_by_most_is_named() -> None:
    # Gains of the last as shares of the ranges 0.4 and 0.8: 0.25 + 0.5 by p0, 1 + 0 by p1.
    found = frontier(points([(0.2, 0.9), (0.5, 0.5), (0.1, 0.1), (0.1, 0.5)]))
    assert found["dominated_by"].tolist() == ["", "", "p1", "p1"]
    # Ranges 0.15 and 0.8: 0.67 + 0.5 by p0, 1 + 0 by p1.
    found = frontier(points([(0.2, 0.9), (0.25, 0.5), (0.1, 0.1), (0.1, 0.5)]))
    assert found["dominated_by"].tolist() == ["", "", "p0", "p0"]


def test_intervals_that_overlap_leave_it_open() -> None:
    rows = [(0.3, 0.9), (0.28, 0.89), (0.1, 0.5)]
    assert frontier(points(rows, 0.05))["not_clearly_worse"].tolist() == [True, True, False]
    assert frontier(points(rows, 0.001))["not_clearly_worse"].tolist() == [True, False, False]
    # Ends that meet in both metrics leave it open, too.
    assert frontier(points([(1.0, 1.0), (0.5, 0.5)], 0.25))["not_clearly_worse"].all()
    # What has no interval is beaten by its value, but not clearly.
    alone = frontier(points(rows))
    assert alone["pareto"].tolist() == [True, False, False]
    assert alone["not_clearly_worse"].all()
    one_sided = points(rows, 0.001).assign(diversity_low=[NAN, 0.279, 0.099])
    assert frontier(one_sided)["not_clearly_worse"].tolist() == [True, True, False]


def test_other_metrics_and_the_index_of_the_frame() -> None:
    frame = points([(0.1, 0.9), (0.2, 0.8)]).set_index(pd.Index([7, 3]))
    frame["model_accuracy"] = [0.5, 0.9]
    found = frontier(frame, y="model_accuracy")
    assert found["pareto"].to_dict() == {7: False, 3: True}


VALUE = st.one_of(st.just(NAN), st.integers(0, 5).map(float))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(VALUE, VALUE, st.integers(0, 2), st.integers(0, 2)), max_size=12))
def test_it_agrees_with_the_definition(rows: list[tuple[float, float, int, int]]) -> None:
    frame = points([(x, y) for x, y, _, _ in rows])
    for metric, place in (("diversity", 2), ("label_accuracy", 3)):
        reach = pd.Series([row[place] for row in rows], dtype=float)
        frame[f"{metric}_low"] = frame[metric] - reach
        frame[f"{metric}_high"] = frame[metric] + reach
    told = frontier(frame)
    known = [k for k, row in enumerate(rows) if row[0] == row[0] and row[1] == row[1]]

    cells = frame.to_dict("list")
    found = told.to_dict("list")

    def beats(q: int, p: int, low: str, high: str) -> bool:
        xq, yq = cells[f"diversity{low}"][q], cells[f"label_accuracy{low}"][q]
        xp, yp = cells[f"diversity{high}"][p], cells[f"label_accuracy{high}"][p]
        return xq >= xp and yq >= yp and (xq > xp or yq > yp)

    for p in range(len(rows)):
        winners = [q for q in known if p in known and q != p and beats(q, p, "", "")]
        assert found["pareto"][p] == (p in known and not winners)
        clear = any(beats(q, p, "_low", "_high") for q in known if q != p)
        assert found["not_clearly_worse"][p] == (p in known and not clear)
        if found["pareto"][p]:
            assert found["not_clearly_worse"][p]
        by = found["dominated_by"][p]
        assert bool(by) == bool(winners)
        if by:
            assert int(by[1:]) in winners
            assert found["pareto"][int(by[1:])]
