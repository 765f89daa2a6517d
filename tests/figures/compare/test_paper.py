import math
import time
from typing import Any

import pandas as pd
import pytest

from core.figures.compare.paper import PaperView, repair_panels, temperature_panels
from tests.figures.compare.result_points import HOSTILE, grid, no_markup_of, notes, points, traces

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
    figure = temperature_panels(corners(), metrics=["diversity", "label_accuracy"])
    drawn = traces(figure, "S 7.5 · 18 examples")
    assert [(list(one.x), list(one.y), one.yaxis) for one in drawn] == [
        ([0.3, 1.3], [0.7, 0.8], "y"),
        ([0.3, 1.3], [0.7, 0.7], "y2"),
    ]
    assert list(drawn[0].customdata) == ["reviews0.37.518|0|0", "reviews1.37.518|0|0"]
    looks = {
        name: (traces(figure, name)[0].line.color, traces(figure, name)[0].marker.symbol)
        for name in ("no suppression · unseeded", "no suppression · 18 examples")
    }
    assert [symbol for _, symbol in looks.values()] == ["circle-open", "circle"]
    assert len({color for color, _ in looks.values()}) == 1
    assert drawn[0].marker.symbol == "diamond"
    assert "Diversity" in notes(figure)
    assert list(figure.layout.xaxis.tickvals) == [0.3, 1.3]


def test_the_papers_lines_are_pale_and_dashed_on_our_axes_or_their_own() -> None:
    behind = temperature_panels(both(), metrics=["diversity"])
    (paper,) = traces(behind, "S 7.5 · 18 examples, the paper")
    assert (list(paper.y), paper.line.dash, paper.yaxis) == ([0.7, 0.8], "dash", "y")
    assert "0.6)" in paper.line.color
    assert "the paper, read from its figures" in [one.name for one in behind.data]
    assert "Not comparable: 2 encoders (BERT, MiniLM)" in notes(behind)
    own = temperature_panels(both(), PaperView(paper="own axis"), metrics=["diversity"])
    assert traces(own, "S 7.5 · 18 examples, the paper")[0].yaxis == "y2"
    assert (own.layout.yaxis2.overlaying, own.layout.yaxis2.side) == ("y", "right")
    none = temperature_panels(both(), PaperView(paper="none"), metrics=["diversity"])
    assert not any("the paper" in (one.name or "") for one in none.data)
    beside = temperature_panels(both(), PaperView(paper="beside"), metrics=["diversity"])
    assert traces(beside, "S 7.5 · 18 examples")[0].yaxis == "y"
    assert traces(beside, "S 7.5 · 18 examples, the paper")[0].yaxis == "y2"
    assert "reviews, ours" in notes(beside)
    assert "average, the paper" in notes(beside)


def test_the_papers_task_of_the_same_name_goes_before_its_average() -> None:
    frame = pd.concat([both(), corners("RE-views", **PAPER).assign(diversity=0.9)])
    name = "S 7.5 · 18 examples, the paper"
    assert list(traces(temperature_panels(frame), name)[0].y) == [0.9, 0.9]
    chosen = temperature_panels(frame, PaperView(paper_tasks={"reviews": "average"}))
    assert list(traces(chosen, name)[0].y) == [0.7, 0.8]


def test_changes_against_the_plain_corner() -> None:
    figure = temperature_panels(both(), PaperView(relative=True), metrics=["diversity"])
    for name in ("S 7.5 · unseeded", "S 7.5 · unseeded, the paper"):
        assert list(traces(figure, name)[0].y) == pytest.approx([0.2, 0.3])
    (plain,) = traces(figure, "no suppression · unseeded")
    assert list(plain.y) == pytest.approx([0, 0.1])
    assert "change against T 0.3 · no suppression · unseeded: +0.100" in plain.hovertext[1]
    assert plain.error_y.array is None
    frame = both()
    seeded = frame[(frame["source"] == "paper") | (frame["seeding"] > 0)]
    figure = temperature_panels(seeded, PaperView(relative=True), metrics=["diversity"])
    assert not traces(figure, "S 7.5 · 18 examples")
    assert traces(figure, "S 7.5 · 18 examples, the paper")
    assert "Ours of reviews: no baseline condition T 0.3 · no suppression · unseeded" in notes(
        figure
    )


def test_a_row_for_each_task() -> None:
    frame = pd.concat([corners(), corners("news").assign(diversity=0.5)])
    figure = temperature_panels(frame, metrics=["diversity", "label_accuracy"])
    drawn = traces(figure, "no suppression · unseeded")
    assert [one.yaxis for one in drawn] == ["y", "y2", "y3", "y4"]
    assert list(drawn[2].y) == [0.5, 0.5]
    assert "<b>news</b>" in notes(figure)
    one = temperature_panels(frame, tasks=["news"], metrics=["diversity"])
    assert list(traces(one, "no suppression · unseeded")[0].y) == [0.5, 0.5]


def test_what_else_differs_is_averaged_and_said() -> None:
    other = corners().assign(model="large", diversity=0.9)
    other["condition"] += "large"
    figure = temperature_panels(pd.concat([corners(), other]), metrics=["diversity"])
    (plain,) = traces(figure, "no suppression · unseeded")
    assert list(plain.y) == pytest.approx([0.5, 0.55])
    assert list(plain.customdata) == ["", ""]
    assert "mean of 2 conditions" in plain.hovertext[0]
    assert "Ours are means over model." in notes(figure)


def test_a_stage_gaps_one_temperature_and_nothing() -> None:
    frame = corners(inspected="180")
    assert "No condition" in notes(temperature_panels(frame))
    assert traces(
        temperature_panels(frame, PaperView(inspected="180")), "no suppression · unseeded"
    )
    assert "No condition" in notes(temperature_panels(points()))
    holed = corners()
    holed.loc[holed["temperature"] == 1.3, "diversity"] = math.nan
    figure = temperature_panels(holed, metrics=["diversity", "similarity"])
    assert list(traces(figure, "no suppression · unseeded")[0].x) == [0.3]
    one = temperature_panels(corners().query("temperature == 0.3"), metrics=["diversity"])
    assert "One temperature only." in notes(one)


def test_panels_hostile_names_and_speed() -> None:
    frame = pd.concat([corners(HOSTILE), corners("news")])
    figure = temperature_panels(frame, PaperView(paper="beside"))
    assert no_markup_of(figure)
    assert "&lt;a" in notes(figure)
    many = grid(500, task="reviews")
    began = time.process_time()
    figure = temperature_panels(many)
    assert time.process_time() - began < 1.5
    assert len(traces(figure, "S 2.5 · 18 examples")[0].x) == 10


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
    figure = repair_panels(repaired())
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
    figure = repair_panels(frame, metrics=["label_accuracy"])
    (ours,), (paper,) = traces(figure, "T 0.3"), traces(figure, "T 0.3, the paper")
    assert (ours.yaxis, paper.yaxis) == ("y", "y")
    assert traces(figure, "T 1.3")[0].yaxis == "y2"
    assert list(ours.customdata)[:2] == ["c0|0|0", "c0|90|0"]
    assert paper.line.dash == "dash"
    # Seeded and unseeded in one: the paper's own conditions are no part of it.
    assert "mean of" not in paper.hovertext[0]
    assert figure.layout.yaxis.range == figure.layout.yaxis2.range
    assert not traces(repair_panels(frame, paper=False), "T 0.3, the paper")


def test_a_line_for_each_condition_or_grey_ones_and_their_mean() -> None:
    few = repair_panels(repaired(2), by="condition", metrics=["label_accuracy"])
    assert list(traces(few, "1 example")[0].y) == pytest.approx([0.69, 0.79, 0.84, 0.99])
    figure = repair_panels(repaired(9), by="condition", metrics=["label_accuracy"])
    (each,) = traces(figure, "condition")
    assert list(each.customdata)[:6] == ["c0|0|0", "c0|90|0", "c0|180|0", "c0|all|0", "", "c1|0|0"]
    (mean,) = traces(figure, "mean of 9 conditions")
    assert list(mean.y) == pytest.approx([0.66, 0.76, 0.81, 0.96])


def test_filtered_sets_tasks_and_nothing() -> None:
    frame = pd.concat([repaired(1), repaired(1, filtered=True, condition="f", label_accuracy=0.5)])
    figure = repair_panels(frame, filtered=True)
    assert list(traces(figure, "T 0.3")[0].y) == [0.5] * 4
    assert "Label replacement has not been run" in notes(repair_panels(frame, task="none"))
    assert "Label replacement has not been run" in notes(repair_panels(grid(3)))
    assert "Label replacement has not been run" in notes(repair_panels(points()))
    unknown = repaired(1).assign(label_accuracy=math.nan, model_accuracy=math.nan)
    assert "Label replacement has not been run" in notes(repair_panels(unknown))


def test_repairs_hostile_names_and_speed() -> None:
    frame = repaired(2)
    frame["model"] = HOSTILE + frame["condition"]
    frame["task"] = HOSTILE
    assert no_markup_of(repair_panels(frame, by="condition"))
    assert no_markup_of(repair_panels(frame))
    many = repaired(500)
    began = time.process_time()
    repair_panels(many, by="condition")
    repair_panels(many)
    assert time.process_time() - began < 2
