import numpy as np
import pytest

from core.figures.nearest import nearest_histogram
from core.figures.palette import LABEL_COLORS


def test_shares_of_texts_in_steps() -> None:
    figure = nearest_histogram(
        {"one": np.array([0.0, 0.01, 0.2, 0.4]), "two": np.array([0.3, 0.4])}, threshold=0.1
    )
    one, two = figure.data
    edges = np.linspace(0, 0.4, 41)
    assert np.allclose(one.x[::2], edges)
    assert np.allclose(one.x[1::2], edges)
    heights = np.asarray(one.y)[1:-1:2]
    assert len(heights) == 40
    # 0.01 is the first edge of the second bin; the last bin holds its upper edge.
    assert [(place, share) for place, share in enumerate(heights) if share] == [
        (0, 0.25),
        (1, 0.25),
        (20, 0.25),
        (39, 0.25),
    ]
    assert (one.y[0], one.y[-1]) == (0, 0)
    assert sum(np.asarray(two.y)[1:-1:2]) == pytest.approx(1)
    assert (one.name, two.name) == ("one: 50.0% within", "two: 0.0% within")
    assert [one.line.color, two.line.color] == list(LABEL_COLORS[:2])


def test_the_threshold_has_its_line_and_is_always_in_sight() -> None:
    figure = nearest_histogram({"one": np.array([0.01])}, threshold=0.5)
    assert (figure.layout.shapes[0].x0, figure.layout.shapes[0].x1) == (0.5, 0.5)
    assert figure.layout.annotations[0].text == "near duplicates within 0.5"
    assert figure.layout.xaxis.range[1] > 0.5


def test_nothing_equal_texts_alone_and_hostile_names() -> None:
    assert len(nearest_histogram({"none": np.array([])}, threshold=0.1).data) == 0
    same = nearest_histogram({"<b>": np.zeros(3)}, threshold=0)
    assert same.data[0].name == "&lt;b&gt;: 100.0% within"
    assert same.data[0].y[1] == 1
