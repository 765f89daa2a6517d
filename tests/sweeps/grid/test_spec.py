import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.conditions import Condition, Suppression
from core.domain.errors import BadInput
from core.domain.runs import ModelChoice
from core.domain.serialization import to_json
from core.domain.tasks import preset
from core.sweeps.assessment.recipe import Recipe
from core.sweeps.grid.spec import Grid, GridError, grid_from_dict

SUPPORT = preset("support")


def test_the_defaults_are_the_papers_sixteen_conditions() -> None:
    grid = Grid(task=SUPPORT)
    assert grid.axes["temperature"] == (0.3, 0.7, 0.9, 1.3)
    assert (grid.axes["suppression"], grid.axes["seeding"]) == ((0.0, 7.5), (0, 18))
    assert (grid.conditions, grid.runs) == (16, 16)


def test_counts_are_products() -> None:
    models = (ModelChoice(), ModelChoice(model="gpt2"))
    grid = Grid(
        task=SUPPORT, axes={"min_p": (0, 0.1, 0.2), "model": models}, repeats=5, per_label=7
    )
    assert grid.conditions == 4 * 2 * 2 * 3 * 2
    assert grid.runs == 96 * 5
    assert grid.texts == 96 * 5 * 7 * 5


def test_a_million_conditions_are_counted_and_refused_above_the_cap() -> None:
    thousand = tuple(k / 1_000 for k in range(1_000))
    grid = Grid(
        task=SUPPORT,
        axes={"temperature": thousand, "min_p": thousand, "suppression": (0,), "seeding": (0,)},
    )
    with pytest.raises(GridError) as caught:
        grid.check_size()
    assert str(caught.value) == (
        "axes: they make 1,000,000 conditions (1000 temperature x 1000 min_p), above the cap of "
        "1,000. Give fewer values, or raise the cap (limits.conditions, --cap)."
    )
    raised = Grid(
        task=SUPPORT,
        axes={"temperature": thousand, "min_p": thousand, "suppression": (0,), "seeding": (0,)},
        cap=1_000_000,
    )
    raised.check_size()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"axes": {"temperature": (0.3, 3)}}, "axes.temperature: 3 is above 2."),
        ({"axes": {"temperature": (-0.1,)}}, "axes.temperature: -0.1 is below 0."),
        ({"axes": {"temperature": (math.nan,)}}, "axes.temperature: nan is not a number."),
        ({"axes": {"temperature": (True,)}}, "axes.temperature: True is not a number."),
        ({"axes": {"temperature": ("hot",)}}, "axes.temperature: hot is not a number."),
        ({"axes": {"temperature": ()}}, "axes.temperature: it has no value."),
        ({"axes": {"temperature": (1, 1.0)}}, "axes.temperature: 1.0 is given twice."),
        ({"axes": {"suppression": (21,)}}, "axes.suppression: 21 is above 20."),
        ({"axes": {"seeding": (1.5,)}}, "axes.seeding: 1.5 is not a whole number."),
        ({"axes": {"seeding": (1_001,)}}, "axes.seeding: 1001 is above 1,000."),
        ({"axes": {"min_p": (math.inf,)}}, "axes.min_p: inf is above 1."),
        ({"axes": {"model": ()}}, "axes.model: it has no value."),
        ({"axes": {"model": (ModelChoice(),) * 2}}, "axes.model: embedded is given twice."),
        ({"repeats": 0}, "repeats: 0 is below 1."),
        ({"repeats": 101}, "repeats: 101 is above 100."),
        ({"seed": -1}, "seed: -1 is below 0."),
        ({"per_label": 2.0}, "per_label: 2.0 is not a whole number."),
        ({"cap": 0}, "limits.conditions: 0 is below 1."),
        ({"name": "a\nb"}, "name: it is not one line of up to 200 characters."),
    ],
)
def test_a_value_that_is_refused_is_named_by_its_key(given: dict, said: str) -> None:
    with pytest.raises(GridError) as caught:
        Grid(task=SUPPORT, **given)
    assert caught.value.what == said
    assert said.startswith(caught.value.key)


def test_whole_numbers_on_an_axis_of_reals_make_the_same_grid() -> None:
    # Runs are found again by the text of their spec.
    one, other = (
        Grid(
            task=SUPPORT,
            axes={"temperature": (t,), "min_p": (-0.0,)},
        )
        for t in (1, 1.0)
    )
    assert json.dumps(one.to_dict()) == json.dumps(other.to_dict())
    assert '"temperature": [1.0], ' in json.dumps(one.to_dict())
    assert '"min_p": [0.0]' in json.dumps(one.to_dict())


@given(
    st.lists(st.floats(0, 2), min_size=1, max_size=5, unique=True),
    st.lists(st.integers(0, 1_000), min_size=1, max_size=5, unique=True),
    st.integers(1, 100),
    st.sampled_from(["probe", "fine-tuning", "none"]),
)
def test_a_grid_comes_back_from_json(
    temperature: list[float], seeding: list[int], repeats: int, classifier: str
) -> None:
    grid = Grid(
        task=SUPPORT,
        name="n",
        study="s",
        axes={
            "temperature": tuple(temperature),
            "seeding": tuple(seeding),
            "model": (
                ModelChoice(),
                ModelChoice(backend="openai", model="m", base_url="http://127.0.0.1:1/v1"),
            ),
        },
        repeats=repeats,
        base=Condition(top_p=0.5, suppression=Suppression(tokens=7), logit_bias=((3, -1.0),)),
        recipe=Recipe(reference="r1", budgets=(0, 9, "all"), classifier=classifier),
        cap=77,
    )
    back = grid_from_dict(json.loads(json.dumps(grid.to_dict())))
    assert back.to_dict() == grid.to_dict()
    assert back.recipe.key == grid.recipe.key
    assert (back.models, back.base, back.cap) == (grid.models, grid.base, 77)


def test_an_unknown_part_is_refused() -> None:
    with pytest.raises(BadInput, match="The part 'colour' of a grid is unknown"):
        grid_from_dict({"task": to_json(SUPPORT), "colour": 1})


def test_a_reference_is_put_in_later() -> None:
    grid = Grid(task=SUPPORT)
    assert grid.recipe.reference is None
    assert grid.with_reference("abc").recipe.reference == "abc"
