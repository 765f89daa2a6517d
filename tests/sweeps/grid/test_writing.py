"""A grid written as a file and read again."""

import tomllib
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.classification.settings import FineTuning
from core.diversity.embedding.encoder import EncoderChoice
from core.domain.conditions import Condition, Suppression
from core.domain.runs import ModelChoice
from core.domain.spending import SpendingLimit
from core.domain.tasks import preset
from core.sweeps.assessment.recipe import Recipe
from core.sweeps.grid.file import grid_from_toml
from core.sweeps.grid.spec import Grid
from core.sweeps.grid.writing import grid_toml

SST2 = preset("sst2")


def again(grid: Grid, reference: str | None = "r1") -> Grid:
    written = grid_toml(grid, task="sst2", reference=reference)
    read = grid_from_toml(written, find_task=preset)
    assert read.reference == reference
    return read.grid.with_reference(grid.recipe.reference)


def test_the_paper_s_grid_reads_well() -> None:
    grid = Grid(task=SST2, name="Mine", recipe=Recipe(reference="abc"))
    assert grid_toml(grid, task="sst2", reference="abc").splitlines() == [
        'name = "Mine"',
        'task = "sst2"',
        'reference = "abc"',
        "per_label = 100",
        "seed = 0",
        "repeats = 1",
        "",
        "[axes]",
        "temperature = [0.3, 0.7, 0.9, 1.3]",
        "suppression = [0.0, 7.5]",
        "seeding = [0, 18]",
        "min_p = [0.0]",
        'model = ["embedded"]',
        "",
        "[repair]",
        'inspect = [0, 90, 180, 270, "all"]',
        "repeats = 5",
        "weight = 0.3",
        "out_of_scope = false",
        "",
        "[train]",
        'kind = "probe"',
    ]


def test_every_setting_comes_back() -> None:
    grid = Grid(
        task=SST2,
        name='A "quoted" \\ name',
        study="Ünïcode",
        per_label=7,
        seed=3,
        repeats=2,
        axes={
            "temperature": (0.0, 1e-07, 2.0),
            "suppression": (0.0, 0.2),
            "seeding": (0, 4),
            "min_p": (0.0, 0.05),
            "model": (
                ModelChoice(),
                ModelChoice(model="org/other", device="cpu"),
                ModelChoice(backend="openai", model="m", base_url="http://127.0.0.1:8000/v1"),
            ),
        },
        spend=SpendingLimit(money=1.5, tokens=10_000),
        base=Condition(
            top_p=0.9,
            frequency_penalty=0.5,
            max_tokens=50,
            texts_a_request=5,
            prompt="C",
            strict_order=True,
            only_new=True,
            logit_bias=((5, -1.5), (6, 2.0)),
            suppression=Suppression(tokens=50, floor=-3.0, scope="label", method="avoid_words"),
        ),
        recipe=Recipe(
            reference="abc",
            budgets=(0, 20, "all"),
            lr_repeats=2,
            weight=0.5,
            filter=True,
            classifier="fine-tuning",
            train_seeds=2,
            seed=3,
            fine_tuning=FineTuning(learning_rate=1e-5, max_epochs=3, class_weights=True),
        ),
        cap=5000,
    )
    assert again(grid) == grid


@given(
    axis=st.lists(st.floats(0, 2), min_size=1, max_size=4, unique=True),
    name=st.text(st.characters(exclude_categories=["C", "Zl", "Zp", "Zs"]), max_size=30),
    knobs=st.fixed_dictionaries(
        {},
        optional={
            "top_p": st.floats(0.01, 1),
            "max_tokens": st.integers(1, 1000),
            "only_new": st.booleans(),
        },
    ),
)
def test_any_grid_comes_back(axis: list[float], name: str, knobs: dict[str, Any]) -> None:
    grid = Grid(
        task=SST2,
        name=name,
        axes={"temperature": tuple(axis), "seeding": (0,)},
        base=Condition(**knobs),
    )
    assert again(grid, None) == grid


def test_a_model_s_name_is_written_as_toml_has_it() -> None:
    grid = Grid(
        task=SST2,
        axes={"seeding": (0,), "model": (ModelChoice(model='a\x7fb"\t'),)},
    )
    written = grid_toml(grid, task="sst2")
    assert tomllib.loads(written)["axes"]["model"] == ['a\x7fb"\t']


def test_what_a_file_can_t_say_is_refused() -> None:
    grid = Grid(task=SST2, seed=1, recipe=Recipe(seed=1))
    assert "seed = 1" in grid_toml(grid, task="sst2")
    for recipe in (Recipe(seed=2), Recipe(seed=1, encoder=EncoderChoice("other"))):
        with pytest.raises(ValueError, match="one seed"):
            grid_toml(replace(grid, recipe=recipe), task="sst2")
