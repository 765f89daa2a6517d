import math
import time
from typing import Any

import pandas as pd
import pytest

from core.figures.panels import panels_figure
from tests.figures.result_points import HOSTILE, grid, no_markup_of, notes, points, traces

PAPER = {"source": "paper", "encoder": "BERT", "n": 5600}


def corners(task: str = "reviews", **more: Any) -> pd.DataFrame:
    """Two temperatures by suppression and seeding; diversity 0.1 to 0.8."""
    rows = [
        {
            "condition": f"{more.get('source', '')}{task}{t}{s}{e}",
            "task": task,
            "temperature": t,
            "suppression": s,
            "seeding": e,
            "diversity": round(0.1 + (t > 1) * 0.1 + (s > 0) * 0.2 + (e > 0) * 0.4, 1),
            "label_accuracy": 0.7,
            **more,
        }
        for t in (1.3, 0.3)
        for s in (0.0, 7.5)
        for e in (0, 18)
    ]
    return points(*rows)


def both(task: str = "average") -> pd.DataFrame:
    return pd.concat([corners(), corners(task, **PAPER)])


def test_a_line_for_each_suppression_and_seeding_over_temperature() -> None:
    figure = panels_figure(corners(), metrics=["diversity", "label_accuracy"])
    drawn = traces(figure, "suppression 7.5, 18 seeds")
    assert [(list(one.x), list(one.y), one.yaxis) for one in drawn] == [
        ([0.3, 1.3], [0.7, 0.8], "y"),
        ([0.3, 1.3], [0.7, 0.7], "y2"),
    ]
    assert list(drawn[0].customdata) == ["reviews0.37.518|0|0", "reviews1.37.518|0|0"]
    looks = {
        name: (traces(figure, name)[0].line.color, traces(figure, name)[0].marker.symbol)
        for name in ("no suppression, unseeded", "no suppression, 18 seeds")
    }
    assert [symbol for _, symbol in looks.values()] == ["circle-open", "circle"]
    assert len({color for color, _ in looks.values()}) == 1
    assert drawn[0].marker.symbol == "diamond"
    assert "diversity" in notes(figure)
    assert list(figure.layout.xaxis.tickvals) == [0.3, 1.3]


def test_the_papers_lines_are_pale_and_dashed_on_our_axes_or_their_own() -> None:
    behind = panels_figure(both(), metrics=["diversity"])
    (paper,) = traces(behind, "suppression 7.5, 18 seeds, the paper")
    assert (list(paper.y), paper.line.dash, paper.yaxis) == ([0.7, 0.8], "dash", "y")
    assert "0.6)" in paper.line.color
    assert "the paper, read from its figures" in [one.name for one in behind.data]
    assert "Not alike: 2 encoders (BERT, MiniLM)" in notes(behind)
    own = panels_figure(both(), metrics=["diversity"], paper="own axis")
    assert traces(own, "suppression 7.5, 18 seeds, the paper")[0].yaxis == "y2"
    assert (own.layout.yaxis2.overlaying, own.layout.yaxis2.side) == ("y", "right")
    none = panels_figure(both(), metrics=["diversity"], paper="none")
    assert not any("the paper" in (one.name or "") for one in none.data)
    beside = panels_figure(both(), metrics=["diversity"], paper="beside")
    assert traces(beside, "suppression 7.5, 18 seeds")[0].yaxis == "y"
    assert traces(beside, "suppression 7.5, 18 seeds, the paper")[0].yaxis == "y2"
    assert "reviews, ours" in notes(beside)
    assert "average, the paper" in notes(beside)


def test_the_papers_task_of_the_same_name_goes_before_its_average() -> None:
    frame = pd.concat([both(), corners("RE-views", **PAPER).assign(diversity=0.9)])
    name = "suppression 7.5, 18 seeds, the paper"
    assert list(traces(panels_figure(frame), name)[0].y) == [0.9, 0.9]
    chosen = panels_figure(frame, paper_tasks={"reviews": "average"})
    assert list(traces(chosen, name)[0].y) == [0.7, 0.8]


def test_changes_against_the_plain_corner() -> None:
    figure = panels_figure(both(), metrics=["diversity"], relative=True)
    for name in ("suppression 7.5, unseeded", "suppression 7.5, unseeded, the paper"):
        assert list(traces(figure, name)[0].y) == pytest.approx([0.2, 0.3])
    (plain,) = traces(figure, "no suppression, unseeded")
    assert list(plain.y) == pytest.approx([0, 0.1])
    assert "change against T 0.3, no suppression, unseeded: +0.100" in plain.hovertext[1]
    assert plain.error_y.array is None
    frame = both()
    seeded = frame[(frame["source"] == "paper") | (frame["seeding"] > 0)]
    figure = panels_figure(seeded, metrics=["diversity"], relative=True)
    assert not traces(figure, "suppression 7.5, 18 seeds")
    assert traces(figure, "suppression 7.5, 18 seeds, the paper")
    assert "Ours of reviews: no condition T 0.3, no suppression, unseeded" in notes(figure)


def test_a_row_for_each_task() -> None:
    frame = pd.concat([corners(), corners("news").assign(diversity=0.5)])
    figure = panels_figure(frame, metrics=["diversity", "label_accuracy"])
    drawn = traces(figure, "no suppression, unseeded")
    assert [one.yaxis for one in drawn] == ["y", "y2", "y3", "y4"]
    assert list(drawn[2].y) == [0.5, 0.5]
    assert "<b>news</b>" in notes(figure)
    one = panels_figure(frame, tasks=["news"], metrics=["diversity"])
    assert list(traces(one, "no suppression, unseeded")[0].y) == [0.5, 0.5]


def test_what_else_differs_is_averaged_and_said() -> None:
    other = corners().assign(model="large", diversity=0.9)
    other["condition"] += "large"
    figure = panels_figure(pd.concat([corners(), other]), metrics=["diversity"])
    (plain,) = traces(figure, "no suppression, unseeded")
    assert list(plain.y) == pytest.approx([0.5, 0.55])
    assert list(plain.customdata) == ["", ""]
    assert "mean of 2 conditions" in plain.hovertext[0]
    assert "Ours are means over model." in notes(figure)


def test_a_stage_gaps_one_temperature_and_nothing() -> None:
    frame = corners(inspected="180")
    assert "No condition" in notes(panels_figure(frame))
    assert traces(panels_figure(frame, inspected="180"), "no suppression, unseeded")
    assert "No condition" in notes(panels_figure(points()))
    holed = corners()
    holed.loc[holed["temperature"] == 1.3, "diversity"] = math.nan
    figure = panels_figure(holed, metrics=["diversity", "similarity"])
    assert list(traces(figure, "no suppression, unseeded")[0].x) == [0.3]
    one = panels_figure(corners().query("temperature == 0.3"), metrics=["diversity"])
    assert "One temperature only." in notes(one)


def test_hostile_names_and_speed() -> None:
    frame = pd.concat([corners(HOSTILE), corners("news")])
    figure = panels_figure(frame, paper="beside")
    assert no_markup_of(figure)
    assert "&lt;a" in notes(figure)
    many = grid(500, task="reviews")
    began = time.process_time()
    figure = panels_figure(many)
    assert time.process_time() - began < 1.5
    assert len(traces(figure, "suppression 2.5, 18 seeds")[0].x) == 10
