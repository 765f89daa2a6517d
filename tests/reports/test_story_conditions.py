"""The cast of a story: chosen by knobs, among what is comparable."""

from typing import Any

from core.analysis.frames.results import points_frame
from core.reports.story.conditions import cast
from tests.analysis.made_results import results


def rows(*knobs: tuple[float, float], **more: Any) -> list[dict[str, Any]]:
    return [
        {"temperature": heat, "suppression": strength, "diversity": 1 / (heat + 1), **more}
        for heat, strength in knobs
    ]


SQUARE = ((0.3, 0.0), (1.3, 7.5), (0.3, 7.5), (1.3, 0.0))


def ends(*made: dict[str, Any], **more: Any) -> tuple[tuple[float, float], tuple[float, float]]:
    points = points_frame(results(made))
    found = cast(points, **more)
    knobs = points.set_index("condition")[["temperature", "suppression"]]
    narrow, wide = (tuple(knobs.loc[one]) for one in (found.narrow, found.wide))
    return narrow, wide


def test_the_ends_are_those_of_the_knobs_whatever_the_results() -> None:
    # Diversity falls with temperature here; the cast does not look at it.
    assert ends(*rows(*SQUARE)) == ((0.3, 0.0), (1.3, 7.5))


def test_of_an_incomplete_grid_the_widest_there_is() -> None:
    assert ends(*rows((0.3, 7.5), (0.7, 0.0), (1.3, 0.0))) == ((0.7, 0.0), (0.3, 7.5))
    assert ends(*rows((0.7, 0.0), (1.3, 0.0))) == ((0.7, 0.0), (1.3, 0.0))


def test_more_min_p_is_narrower() -> None:
    made = [{"min_p": 0.0}, {"min_p": 0.2}]
    points = points_frame(results(made))
    found = cast(points)
    assert points.set_index("condition").loc[found.narrow, "min_p"] == 0.2


def test_only_what_is_comparable_takes_part() -> None:
    others = [
        *rows((0.1, 0.0), model="another"),
        *rows((0.1, 0.0), encoder="another", condition="x", point="x"),
    ]
    points = points_frame(results([*others, *rows(*SQUARE)]))
    found = cast(points)
    assert (len(found.points), found.left_out) == (4, 2)
    assert set(found.points["model"]) == {"m"}
    assert found.moved


def test_repaired_points_come_along() -> None:
    repaired = rows(*SQUARE, inspected="all")
    found = cast(points_frame(results([*rows(*SQUARE), *repaired])))
    assert (len(found.points), found.left_out) == (8, 0)


def test_one_condition_or_none() -> None:
    one = cast(points_frame(results(rows((0.3, 0.0)))))
    assert one.narrow == one.wide != ""
    assert not one.moved
    none = cast(points_frame(results([])))
    assert (none.narrow, none.wide, len(none.points)) == ("", "", 0)
    assert cast(points_frame(results(rows(*SQUARE))), task_key="other").narrow == ""


def test_what_is_left_out_is_told_by_what_it_differs_in() -> None:
    others = [
        *rows((0.1, 0.0), model="another"),
        *rows((0.1, 0.0), model="another", inspected="all"),
        *rows((0.1, 0.0), other="prompt C"),
    ]
    found = cast(points_frame(results([*others, *rows(*SQUARE)])))
    assert found.left_out_words == "3 points of another model or with other settings"
    alone = cast(points_frame(results([*rows((0.1, 0.0), encoder="x"), *rows(*SQUARE)])))
    assert alone.left_out_words == "1 point by another encoder"
    assert cast(points_frame(results(rows(*SQUARE)))).unlike == ()
