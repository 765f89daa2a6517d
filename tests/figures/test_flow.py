import numpy as np
import pandas as pd
import pytest

from core.figures.flow import label_flow


def changes(*rows: tuple[str, str, int]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["old", "new", "count"])


MOVES = changes(
    ("a", "a", 6), ("a", "b", 2), ("b", "b", 1), ("b", "out of scope", 1), ("b", "a", 0)
)


def test_a_band_for_each_pair_that_has_texts() -> None:
    bands = label_flow(MOVES, labels=["b", "a"]).data
    assert [band.text for band in bands] == [
        "b stays: 1 texts, 50.0%",
        "a stays: 6 texts, 75.0%",
        "b → out of scope: 1 texts, 50.0% of b",
        "a → b: 2 texts, 25.0% of a",
    ]
    # Nine tenths of the height are for texts, so one of ten has 0.09.
    heights = [band.y[-1] - band.y[0] for band in bands]
    assert heights == pytest.approx([0.09, 0.54, 0.09, 0.18])
    assert [band.fillcolor.startswith("rgba(128, 128, 128, 0.2") for band in bands] == [
        True,
        True,
        False,
        False,
    ]
    assert bands[3].fillcolor == "rgba(230, 159, 0, 0.6)"  # of a, the second label


def test_bands_fill_their_bars_without_overlap() -> None:
    figure = label_flow(MOVES, labels=["b", "a"])
    left = sorted((band.y[0], band.y[-1]) for band in figure.data)
    right = sorted((band.y[23], band.y[24]) for band in figure.data)
    bars = [(bar.y0, bar.y1) for bar in figure.layout.shapes]
    assert bars == [
        pytest.approx(bar)
        # b and a at the left; b, a and out of scope at the right, gaps of 0.1 in all
        for bar in [(0, 0.18), (0.28, 1), (0, 0.27), (0.32, 0.86), (0.91, 1)]
    ]
    assert left == [
        pytest.approx(ends) for ends in [(0, 0.09), (0.09, 0.18), (0.28, 0.46), (0.46, 1)]
    ]
    assert right == [
        pytest.approx(ends) for ends in [(0, 0.09), (0.09, 0.27), (0.32, 0.86), (0.91, 1)]
    ]


def test_names_and_counts_stand_beside_the_bars() -> None:
    notes = label_flow(MOVES, labels=["b", "a"]).layout.annotations
    assert [(note.x, note.text.rsplit("  ", 1)[1]) for note in notes[:5]] == [
        (0, "2"),
        (0, "8"),
        (1, "3"),
        (1, "6"),
        (1, "1"),
    ]
    assert "out of scope" in notes[4].text


def test_nothing_hostile_names_and_many_labels() -> None:
    assert len(label_flow(changes(), labels=["a"]).data) == 0
    figure = label_flow(changes(("<b>", "0", 3)), labels=["<b>", "0"])
    assert figure.data[0].text == "&lt;b&gt; → 0: 3 texts, 100.0% of &lt;b&gt;"
    assert "<b>" not in figure.layout.annotations[0].text
    labels = [f"label {number}" for number in range(24)]
    matrix = pd.DataFrame(np.ones((24, 24), dtype=int), index=labels, columns=labels)
    long = matrix.rename_axis("old").reset_index().melt("old", var_name="new", value_name="count")
    assert len(label_flow(long, labels=labels).data) == 576
