import pytest

from core.domain.connections import Prices
from core.domain.runs import ModelChoice, RunSpec
from core.domain.tasks import Label, Task
from core.sweeps.assessment.recipe import Recipe
from core.sweeps.cost_estimate import (
    CostEstimate,
    ModelHistory,
    assessment_time,
    count_stages,
    estimate_sweep,
    tokens_a_text,
)
from core.sweeps.grid.plan import PlannedRun, plan_runs
from core.sweeps.grid.spec import Grid

TASK = Task("t", "note", (Label("a", "a"), Label("b", "b")))
SERVER = ModelChoice(backend="openai", model="m", base_url="http://127.0.0.1:1/v1")
NOTHING = Recipe(classifier="none")


def run(
    grid: Grid, pace: ModelHistory, stored: object = lambda spec: "", **other: object
) -> CostEstimate:
    given = {"n_test": 0, "train_paces": {}, **other}
    return estimate_sweep(
        grid, plan_runs(grid, train=[]), stored=stored, pace=lambda _: pace, **given
    )


def test_it_adds_up_by_hand() -> None:
    grid = Grid(
        task=TASK,
        axes={"temperature": (0.5, 1.0), "suppression": (0,), "seeding": (0,), "model": (SERVER,)},
        repeats=2,
        per_label=30,
        recipe=NOTHING,
    )
    told = run(grid, ModelHistory({0.5: 10.0, 1.2: 40.0}, 2.0, Prices(tokens_in=1, tokens_out=10)))
    assert (told.conditions, told.runs, told.reused, told.assessed) == (2, 4, 0, 0)
    assert told.texts == 4 * 60
    # Temperature 1.0 is nearer to 1.2 than to 0.5.
    assert told.tokens_out == 2 * 60 * 10 + 2 * 60 * 40
    # 30 texts a label are two requests of 20 at most; the first cycle is unseeded, the second shows
    # an example for each of both labels.
    prompt = 'Write a note to cover all following elements\nElements: a\nNote: "'
    assert len(prompt) == 64
    alone = 64 / 4
    expected = sum(2 * (2 * alone + 2 * (alone + tokens)) for tokens in (10, 10, 40, 40))
    assert told.tokens_in == expected
    assert told.money == pytest.approx((told.tokens_in * 1 + told.tokens_out * 10) / 1e6)
    assert told.currency == "USD"
    # 240 texts at 2 a second, and 4 s a run (at most 2 s to load, 0.004 s a text) of assessing.
    generated, assessed = 120.0, 4 * (2.0 + 60 * 0.004)
    assert told.minutes_low == pytest.approx((generated / 1.5 + assessed / 3) / 60)
    assert told.minutes_high == pytest.approx((generated * 1.5 + assessed * 3) / 60)
    assert told.notes == ("Without a reference, diversity alone is measured.",)


def test_requests_to_servers_are_counted_and_one_text_each_has_its_own_prompt() -> None:
    axes = {"temperature": (0.5,), "suppression": (0,), "seeding": (0,), "model": (SERVER,)}
    grid = Grid(task=TASK, axes=axes, per_label=30, recipe=NOTHING)
    several = run(grid, ModelHistory({0.5: 10.0}, 2.0))
    assert several.requests == 2 * 2  # of 20 texts at most
    alone = run(grid, ModelHistory({0.5: 10.0}, 2.0, several=False))
    assert alone.requests == 2 * 30
    assert alone.tokens_in == several.tokens_in * 15
    assert alone.tokens_out == several.tokens_out
    here = run(grid.with_axes(model=(ModelChoice(),)), ModelHistory({0.5: 10.0}, 2.0))
    assert here.requests == 0


def test_what_is_stored_is_not_paid_again() -> None:
    grid = Grid(
        task=TASK,
        axes={"temperature": (0.1, 0.2, 0.3), "suppression": (0,), "seeding": (0,)},
    )
    had = {0.1: "assessed", 0.2: "generated", 0.3: ""}

    def stored(spec: RunSpec) -> str:
        return had[spec.condition.temperature]

    told = run(grid, ModelHistory({0.3: 10.0}, 10.0), stored)
    assert (told.runs, told.reused, told.assessed, told.texts) == (3, 2, 1, 200)
    assert told.tokens_out == 2_000
    assert told.minutes_high == pytest.approx((20 * 1.5 + 2 * (2 + 0.8) * 3) / 60)
    nothing = run(grid, ModelHistory(), lambda spec: "assessed")
    assert (nothing.texts, nothing.tokens_in, nothing.minutes_high, nothing.money) == (0, 0, 0, 0)


def test_a_server_without_prices_costs_nobody_knows_what() -> None:
    grid = Grid(
        task=TASK,
        axes={"seeding": (0,), "model": (SERVER,)},
    )
    told = run(grid, ModelHistory({1.0: 10.0}, 1.0))
    assert (told.money, told.currency) == (None, "")
    assert any(note.startswith("The cost is unknown") for note in told.notes)


def test_an_unknown_model_takes_nobody_knows_how_long() -> None:
    other = run(
        Grid(
            task=TASK,
            axes={"seeding": (0,), "model": (ModelChoice(model="x"),)},
        ),
        ModelHistory(),
    )
    assert (other.minutes_low, other.minutes_high) == (None, None)
    assert "No earlier run tells the speed of x; the time is unknown." in other.notes
    own = run(Grid(task=TASK, axes={"seeding": (0,)}), ModelHistory())
    assert own.minutes_low is not None
    assert own.minutes_low < own.minutes_high
    assert own.tokens_out == 8 * 200 * 30


def test_a_knob_that_can_do_nothing_is_told() -> None:
    told = run(Grid(task=TASK, axes={"seeding": (0,)}, per_label=20), ModelHistory({1: 1.0}, 1.0))
    assert told.notes[-1].startswith("In 4 of 8 runs logit suppression has almost no effect: ")
    assert "only re-requested texts are suppressed" in told.notes[-1]


@pytest.mark.parametrize(
    ("temperature", "tokens"), [(0.0, 10.0), (0.7, 10.0), (0.9, 20.0), (2.0, 20.0)]
)
def test_the_nearest_temperature_counts(temperature: float, tokens: float) -> None:
    assert tokens_a_text({1.0: 20.0, 0.4: 10.0}, temperature) == tokens
    assert tokens_a_text({}, temperature) == 30.0


def test_stages_are_counted() -> None:
    assert count_stages(Recipe(), 1_000) == 1 + 3 * 5 + 1
    assert count_stages(Recipe(), 100) == 1 + 5 + 1
    assert count_stages(Recipe(filter=True, lr_repeats=2), 91) == 2 * (1 + 2 + 1)
    assert count_stages(Recipe(), 90) == 1 + 1  # a budget of all texts is "all"


def test_fine_tuning_takes_its_pace_at_every_stage() -> None:
    recipe = Recipe(reference="r", budgets=(0, "all"), classifier="fine-tuning", train_seeds=2)
    pace = {"fine-tuning:embedded": 0.01}
    time = assessment_time(recipe, 100, n_test=30, known=pace)
    assert time.measured
    # 2 stages of 2 seeds: 4 s to load, 20 epochs of 100 texts, a third of an epoch's pace to test.
    assert time.seconds == pytest.approx(2 * (2 * (4 + 0.01 * (2_000 + 10)) + 0.3))
    probe = assessment_time(Recipe(reference="r"), 100, n_test=30, known=pace)
    assert not probe.measured
    assert probe.seconds == pytest.approx(2 + 0.4 + 7 * 0.3)


def test_runs_are_taken_as_planned() -> None:
    grid = Grid(task=TASK, axes={"seeding": (0,)})
    some: list[PlannedRun] = plan_runs(grid, train=[])[:3]
    told = estimate_sweep(
        grid, some, stored=lambda _: "", pace=lambda _: ModelHistory(), n_test=0, train_paces={}
    )
    assert (told.conditions, told.runs) == (8, 3)
