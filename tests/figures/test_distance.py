import pytest

from core.figures.distance import accuracy_by_distance

PARTS = [
    {"from": 0.1, "to": 0.3, "n": 20, "mean": 0.8, "low": 0.7, "high": 0.85},
    {"from": 0.3, "to": 0.6, "n": 21, "mean": 0.5, "low": 0.3, "high": 0.7},
]


def test_from_near_to_far_with_intervals() -> None:
    figure = accuracy_by_distance(PARTS, overall=0.65)
    (dots,) = figure.data
    assert (list(dots.x), list(dots.y)) == ([0, 1], [0.8, 0.5])
    assert list(dots.error_y.array) == pytest.approx([0.05, 0.2])
    assert list(dots.error_y.arrayminus) == pytest.approx([0.1, 0.2])
    assert list(figure.layout.xaxis.ticktext) == ["to 0.30", "to 0.60"]
    assert figure.layout.shapes[0].y0 == 0.65
    assert "21 texts<br>right 0.500 (0.300 to 0.700)" in dots.hovertext[1]


def test_nothing() -> None:
    assert len(accuracy_by_distance([], overall=0.0).data[0].x) == 0
