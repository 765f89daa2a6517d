"""The conditions of a story: chosen by knobs, among what is comparable."""

from typing import Any

from core.analysis.frames.results import points_frame
from core.reports.story.conditions import choose_conditions
from tests.analysis.made_results import results


def rows(*knobs: tuple[float, float], **more: Any) -> list[dict[str, Any]]:
    return [
        {"temperature": heat, "suppression": strength, "diversity": 1 / (heat + 1), **more}
        for heat, strength in knobs
    ]


SQUARE = ((0.3, 0.0), (1.3, 7.5), (0.3, 7.5), (1.3, 0.0))


def ends(*made: dict[str, Any], **more: Any) -> tuple[tuple[float, float], tuple[float, float]]:
    points = points_frame(results(made))
    chosen = choose_conditions(points, **more)
    knobs = points.set_index("condition")[["temperature", "suppression"]]
    first, last = (tuple(knobs.loc[key]) for key in (chosen.baseline, chosen.most_diverse))
    return first, last


def test_the_ends_are_those_of_the_knobs_whatever_the_results() -> None:
    # Diversity falls with temperature here; the choice does not look at it.
    assert ends(*rows(*SQUARE)) == ((0.3, 0.0), (1.3, 7.5))


def test_of_an_incomplete_grid_the_widest_there_is() -> None:
    assert ends(*rows((0.3, 7.5), (0.7, 0.0), (1.3, 0.0))) == ((0.7, 0.0), (0.3, 7.5))
    assert ends(*rows((0.7, 0.0), (1.3, 0.0))) == ((0.7, 0.0), (1.3, 0.0))


def test_more_min_p_is_narrower() -> None:
    made = [{"min_p": 0.0}, {"min_p": 0.2}]
    points = points_frame(results(made))
    chosen = choose_conditions(points)
    assert points.set_index("condition").loc[chosen.baseline, "min_p"] == 0.2


def test_only_what_is_comparable_takes_part() -> None:
    others = [
        *rows((0.1, 0.0), model="another"),
        *rows((0.1, 0.0), encoder="another", condition="x", point="x"),
    ]
    points = points_frame(results([*others, *rows(*SQUARE)]))
    chosen = choose_conditions(points)
    assert (len(chosen.points), chosen.left_out) == (4, 2)
    assert set(chosen.points["model"]) == {"m"}
    assert chosen.differ


def test_repaired_points_come_along() -> None:
    repaired = rows(*SQUARE, inspected="all")
    chosen = choose_conditions(points_frame(results([*rows(*SQUARE), *repaired])))
    assert (len(chosen.points), chosen.left_out) == (8, 0)


def test_one_condition_or_none() -> None:
    single = choose_conditions(points_frame(results(rows((0.3, 0.0)))))
    assert single.baseline == single.most_diverse != ""
    assert not single.differ
    none = choose_conditions(points_frame(results([])))
    assert (none.baseline, none.most_diverse, len(none.points)) == ("", "", 0)
    assert choose_conditions(points_frame(results(rows(*SQUARE))), task_key="other").baseline == ""


def test_what_is_left_out_is_told_by_what_it_differs_in() -> None:
    others = [
        *rows((0.1, 0.0), model="another"),
        *rows((0.1, 0.0), model="another", inspected="all"),
        *rows((0.1, 0.0), other="prompt C"),
    ]
    chosen = choose_conditions(points_frame(results([*others, *rows(*SQUARE)])))
    assert chosen.left_out_words == "3 points of another model or with other settings"
    alone = choose_conditions(
        points_frame(results([*rows((0.1, 0.0), encoder="x"), *rows(*SQUARE)]))
    )
    assert alone.left_out_words == "1 point by another encoder"
    assert choose_conditions(points_frame(results(rows(*SQUARE)))).unlike == ()
