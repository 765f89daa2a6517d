import math
import time

import pandas as pd
import pytest

from core.figures.repairs import repairs_figure
from tests.figures.result_points import HOSTILE, grid, no_markup_of, notes, points, traces

BUDGETS = {"0": 0.7, "90": 0.8, "180": 0.85, "all": 1.0}


def repaired(count: int = 2, **more: object) -> pd.DataFrame:
    """Conditions at T 0.3 (seeded and not), each 0.01 better than the one before."""
    return points(
        *(
            {
                "condition": f"c{place}",
                "temperature": 0.3,
                "seeding": place,
                "inspected": inspected,
                "label_accuracy": value - 0.01 * place,
                "model_accuracy": value - 0.2,
                **more,
            }
            for place in range(count)
            for inspected, value in BUDGETS.items()
        )
    )


def test_means_over_inspected_texts_with_all_apart_at_the_right() -> None:
    figure = repairs_figure(repaired())
    label, model = traces(figure, "T 0.3")
    assert list(label.x) == pytest.approx([0, 90, 180, 243])
    assert list(label.y) == pytest.approx([0.695, 0.795, 0.845, 0.995])
    assert list(label.customdata) == [""] * 4
    assert list(model.y) == pytest.approx([0.5, 0.6, 0.65, 0.8])
    assert list(figure.layout.xaxis.ticktext) == ["0", "90", "180", "all"]
    assert "Means over seed examples." in notes(figure)


def test_a_panel_for_each_suppression_and_the_paper_behind() -> None:
    frame = pd.concat(
        [
            repaired(1),
            repaired(1, suppression=7.5, condition="s", temperature=1.3),
            repaired(1, source="paper", task="average", seeding=math.nan, condition="p"),
            repaired(1, source="paper", task="average", seeding=0, condition="q"),
        ]
    )
    figure = repairs_figure(frame, metrics=["label_accuracy"])
    (ours,), (paper,) = traces(figure, "T 0.3"), traces(figure, "T 0.3, the paper")
    assert (ours.yaxis, paper.yaxis) == ("y", "y")
    assert traces(figure, "T 1.3")[0].yaxis == "y2"
    assert list(ours.customdata)[:2] == ["c0|0|0", "c0|90|0"]
    assert paper.line.dash == "dash"
    # Seeded and unseeded in one: the paper's own conditions are no part of it.
    assert "mean of" not in paper.hovertext[0]
    assert figure.layout.yaxis.range == figure.layout.yaxis2.range
    assert not traces(repairs_figure(frame, paper=False), "T 0.3, the paper")


def test_a_line_for_each_condition_or_grey_ones_and_their_mean() -> None:
    few = repairs_figure(repaired(2), by="condition", metrics=["label_accuracy"])
    assert list(traces(few, "1 seed")[0].y) == pytest.approx([0.69, 0.79, 0.84, 0.99])
    figure = repairs_figure(repaired(9), by="condition", metrics=["label_accuracy"])
    (each,) = traces(figure, "condition")
    assert list(each.customdata)[:6] == ["c0|0|0", "c0|90|0", "c0|180|0", "c0|all|0", "", "c1|0|0"]
    (mean,) = traces(figure, "mean of 9 conditions")
    assert list(mean.y) == pytest.approx([0.66, 0.76, 0.81, 0.96])


def test_filtered_sets_tasks_and_nothing() -> None:
    frame = pd.concat([repaired(1), repaired(1, filtered=True, condition="f", label_accuracy=0.5)])
    figure = repairs_figure(frame, filtered=True)
    assert list(traces(figure, "T 0.3")[0].y) == [0.5] * 4
    assert "Nothing has been repaired" in notes(repairs_figure(frame, task="none"))
    assert "Nothing has been repaired" in notes(repairs_figure(grid(3)))
    assert "Nothing has been repaired" in notes(repairs_figure(points()))
    unknown = repaired(1).assign(label_accuracy=math.nan, model_accuracy=math.nan)
    assert "Nothing has been repaired" in notes(repairs_figure(unknown))


def test_hostile_names_and_speed() -> None:
    frame = repaired(2)
    frame["model"] = HOSTILE + frame["condition"]
    frame["task"] = HOSTILE
    assert no_markup_of(repairs_figure(frame, by="condition"))
    assert no_markup_of(repairs_figure(frame))
    many = repaired(500)
    began = time.process_time()
    repairs_figure(many, by="condition")
    repairs_figure(many)
    assert time.process_time() - began < 2
