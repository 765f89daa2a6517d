from collections import Counter
from dataclasses import replace

import pytest

from core.domain.conditions import Condition, Suppression
from core.domain.errors import BadInput
from core.domain.runs import Example, ModelChoice, RunSpec
from core.domain.tasks import preset
from core.files.labelled import balanced_examples
from core.sweeps.grid.plan import condition_key, plan_runs
from core.sweeps.grid.spec import Grid, GridError

SST2 = preset("sst2")
TRAIN = [Example(f"{label} text {k}", label) for k in range(30) for label in SST2.label_names]


def test_every_condition_is_there_once_in_every_repeat() -> None:
    grid = Grid(
        task=SST2,
        axes={
            "temperature": (0.3, 1.3),
            "suppression": (0, 7.5),
            "seeding": (0, 4),
            "min_p": (0, 0.1),
            "model": (ModelChoice(), ModelChoice(model="gpt2")),
        },
        repeats=3,
        per_label=11,
        base=Condition(temperature=2, top_p=0.9, suppression=Suppression(strength=1, tokens=50)),
    )
    runs = plan_runs(grid, train=TRAIN)
    assert len(runs) == grid.runs == 2**5 * 3
    assert [run.position for run in runs] == list(range(96))
    told = Counter(
        (
            run.repeat,
            run.spec.model.model,
            run.spec.condition.temperature,
            run.spec.condition.suppression.strength,
            len(run.spec.seed_examples),
            run.spec.condition.min_p,
        )
        for run in runs
    )
    assert set(told.values()) == {1}
    assert {run.spec.condition.top_p for run in runs} == {0.9}
    assert {run.spec.condition.suppression.tokens for run in runs} == {50}
    assert {run.spec.per_label for run in runs} == {11}
    assert len({run.condition_key for run in runs}) == 32
    assert len({run.name for run in runs}) == 96


def test_the_first_repeat_of_all_conditions_comes_before_the_second() -> None:
    runs = plan_runs(Grid(task=SST2, axes={"seeding": (0,)}, repeats=2), train=[])
    assert [run.repeat for run in runs] == [0] * 8 + [1] * 8
    assert [a.condition_key for a in runs[:8]] == [b.condition_key for b in runs[8:]]


def test_the_seed_is_the_grids_plus_the_repeat() -> None:
    runs = plan_runs(Grid(task=SST2, axes={"seeding": (0,)}, repeats=3, seed=40), train=[])
    assert {(run.repeat, run.spec.seed) for run in runs} == {(0, 40), (1, 41), (2, 42)}


def test_conditions_of_one_repeat_share_their_seed_examples() -> None:
    runs = plan_runs(Grid(task=SST2, axes={"seeding": (0, 4)}, repeats=2, seed=5), train=TRAIN)
    drawn = {(r.repeat, r.spec.seed_examples) for r in runs if r.spec.seed_examples}
    assert drawn == {(k, balanced_examples(TRAIN, task=SST2, count=4, seed=5 + k)) for k in (0, 1)}
    even = Counter({"positive": 2, "negative": 2})
    assert all(Counter(example.label for example in examples) == even for _, examples in drawn)
    assert len({d for _, d in drawn}) == 2


def test_a_grid_that_grows_asks_for_the_same_runs_again() -> None:
    small = Grid(task=SST2, axes={"temperature": (0.7,), "seeding": (4,)}, repeats=1)
    large = Grid(task=SST2, axes={"temperature": (0.2, 0.7, 1), "seeding": (0, 4, 6)}, repeats=2)
    wanted = [run.spec for run in plan_runs(large, train=TRAIN)]
    assert all(run.spec in wanted for run in plan_runs(small, train=TRAIN))


def test_names_tell_what_varies() -> None:
    grid = Grid(task=SST2, axes={"temperature": (0.3, 1), "seeding": (0, 2)}, repeats=2)
    names = [run.name for run in plan_runs(grid, train=TRAIN)]
    assert names[0] == "SST-2 sentiment, T 0.3 · no suppression · unseeded, repeat 1"
    assert names[-1] == "SST-2 sentiment, T 1 · S 7.5 · 2 examples, repeat 2"


def test_too_many_conditions_are_refused_before_anything_is_drawn() -> None:
    class Untouched(list[Example]):
        def __iter__(self):  # type: ignore[no-untyped-def]
            raise AssertionError("drawn from")

    grid = Grid(
        task=SST2,
        axes={"temperature": tuple(k / 1_000 for k in range(501)), "seeding": (0, 2)},
    )
    with pytest.raises(GridError, match="2,004 conditions"):
        plan_runs(grid, train=Untouched(TRAIN))


def test_seeding_needs_texts_to_draw_from() -> None:
    with pytest.raises(GridError, match=r"axes.seeding: 18 real examples need a reference"):
        plan_runs(Grid(task=SST2), train=[])
    with pytest.raises(BadInput, match="need 9 different texts with the label 'positive'"):
        plan_runs(Grid(task=SST2), train=TRAIN[:10])


def test_a_conditions_key_leaves_out_chance_and_the_device_alone() -> None:
    spec = RunSpec(task=SST2, seed_examples=(TRAIN[0], TRAIN[1]))
    key = condition_key(spec)
    assert len(key) == 24
    assert int(key, 16) >= 0
    alike = (
        replace(spec, seed=7),
        replace(spec, seed_examples=(TRAIN[4], TRAIN[5])),
        replace(spec, model=ModelChoice(device="cpu")),
    )
    assert {condition_key(one) for one in alike} == {key}
    others = (
        replace(spec, seed_examples=()),
        replace(spec, per_label=21),
        replace(spec, condition=Condition(top_p=0.9)),
        replace(spec, model=ModelChoice(model="gpt2")),
        replace(spec, task=replace(SST2, text_type="film review")),
        replace(spec, targets=(("positive", 3),)),
    )
    assert len({key, *(condition_key(one) for one in others)}) == 7
