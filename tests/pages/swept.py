"""Sweeps that are over, as the worker would leave them: assessed with made-up numbers, straight in
the store."""

from collections.abc import Sequence
from typing import Any

from streamlit.testing.v1 import AppTest

from core.domain.conditions import Condition, Suppression
from core.domain.runs import Example, ModelChoice, RunSpec
from core.domain.serialization import to_json
from core.domain.tasks import Task
from core.store.database import Database
from core.store.generation.runs import create_run
from core.store.generation.samples import add_samples
from core.store.sweeps import (
    SweepRecord,
    add_trial,
    create_sweep,
    get_sweep,
    save_assessment,
    set_trial,
)
from core.sweeps.assessment.recipe import Recipe
from tests.store.making import TASK, make_sample

Knobs = tuple[float, float, int]
"""Temperature, suppression strength, seed examples."""

CONDITIONS: tuple[Knobs, ...] = tuple(
    (temperature, strength, 0) for temperature in (0.3, 0.7, 0.9, 1.3) for strength in (0.0, 7.5)
)
BUDGETS = ("0", "90", "180", "all")
RECIPE = Recipe(reference="r", budgets=(0, 90, 180, "all"))


def sweep_of(
    db: Database,
    *,
    conditions: Sequence[Knobs] = CONDITIONS,
    task: Task = TASK,
    name: str = "Sweep",
    study: str = "",
    repeats: int = 1,
    budgets: Sequence[str] = BUDGETS,
    filtered: bool = False,
    n: int = 200,
    texts: int = 4,
    shift: float = 0.0,
    noise: float = 0.0,
    names: Sequence[str] = (),
    model: str = "embedded",
    recipe: Recipe = RECIPE,
    metrics: Sequence[str] = ("diversity", "similarity", "label_accuracy", "model_accuracy"),
    **assessed: Any,
) -> SweepRecord:
    """A sweep without a job whose runs are done.

    Args:
        db: the store.
        conditions: of its runs.
        task: of the sweep.
        name: its name.
        study: the name that it shares with others.
        repeats: runs of each condition, with the seeds 0, 1, ...
        budgets: stages of each, "0" first.
        filtered: whether each stage is there with OOSF, too.
        n: usable texts that each run is said to have.
        texts: that it really has.
        shift: added to all values, so that tasks differ.
        noise: the most by which a run's values go beyond or below, the same in every store.
        names: of the first runs; the others go by their conditions.
        model: the language model's name.
        recipe: by which it was assessed.
        metrics: those that are known.
        assessed: what else of the assessments is told otherwise, such as `encoder`.
    """
    grid = {"recipe": to_json(recipe), "task": to_json(task)}
    with db.write():  # one commit, as many would take seconds
        sweep = create_sweep(db, grid, task_key=task.key, name=name, study=study)
        places = [(knobs, repeat) for knobs in conditions for repeat in range(repeats)]
        for position, (knobs, repeat) in enumerate(places):
            spec = spec_of(knobs, task=task, seed=repeat, n=n, model=model)
            run = create_run(db, spec, name=names[position] if position < len(names) else "")
            labels = task.label_names
            add_samples(
                db,
                [
                    make_sample(
                        run.id,
                        number,
                        text=f"text {number} of run {position}",
                        label=labels[number % len(labels)],
                    )
                    for number in range(texts)
                ],
            )
            add_trial(db, sweep.id, position, run.id, repeat=repeat, reused=False)
            set_trial(db, sweep.id, position, "done")
            by = shift + 0.004 * repeat + noise * (position * 37 % 101 / 50 - 1)
            stages = [
                _stage(knobs, budget, filtered=oosf, n=n, shift=by, known=metrics)
                for budget in budgets
                for oosf in ((False, True) if filtered else (False,))
            ]
            result = {
                "version": 1,
                "n": n,
                "encoder": "MiniLM, mean pooling",
                "distance": "cosine",
                "oracle": {"accuracy": 0.9, "n": 100, "notes": []},
                "reference": {"train": 300, "test": 100},
                "fluency": -2.5,
                "duplicates": 0.1,
                "classifier": "probe",
                "notes": [],
                "stages": stages,
                **assessed,
            }
            save_assessment(
                db, run.id, recipe=recipe.key, n=n, settings=to_json(recipe), result=result
            )
    return get_sweep(db, sweep.id)


def spec_of(
    knobs: Knobs, *, task: Task = TASK, seed: int = 0, n: int = 200, model: str = "embedded"
) -> RunSpec:
    """What a run of a sweep is asked for."""
    temperature, strength, seeds = knobs
    labels = task.label_names
    return RunSpec(
        task=task,
        condition=Condition(temperature=temperature, suppression=Suppression(strength=strength)),
        per_label=max(1, n // len(labels)),
        seed=seed,
        seed_examples=tuple(Example(f"seed {k}", labels[k % len(labels)]) for k in range(seeds)),
        model=ModelChoice(model=model),
    )


def values_of(knobs: Knobs, budget: str = "0") -> dict[str, float]:
    """The made-up values: knobs buy diversity and cost accuracy, LR brings accuracy back."""
    temperature, strength, seeds = knobs
    wide = 0.05 * temperature + 0.03 * (strength > 0) + 0.01 * (seeds > 0)
    share = {"0": 0.0, "90": 0.3, "180": 0.5, "270": 0.6, "all": 1.0}[budget]
    wrong = 2 * wide + 0.01
    return {
        "diversity": 0.10 + wide,
        "similarity": 0.85 - wide,
        "label_accuracy": 1 - wrong * (1 - share),
        "model_accuracy": 0.70 + wide - 0.8 * wrong * (1 - share),
    }


def open_compare(app: AppTest, tab: str = "Frontier") -> AppTest:
    """The page with a tab open."""
    app.switch_page("pages/compare.py")
    app.session_state["compare_tabs"] = tab
    app.run()
    assert not app.exception
    return app


def _stage(
    knobs: Knobs, budget: str, *, filtered: bool, n: int, shift: float, known: Sequence[str]
) -> dict[str, Any]:
    removed = n // 20 if filtered else 0
    told: dict[str, Any] = {}
    for metric, value in values_of(knobs, budget).items():
        value = min(1.0, value + shift)
        missing: dict[str, Any] = {"value": None, "low": None, "high": None, "why": "Left out."}
        ends = {"value": value, "low": value - 0.02, "high": min(1.0, value + 0.02)}
        told[metric] = ends if metric in known else missing
    return {
        "inspected": budget,
        "filtered": filtered,
        "repeat": 0,
        "n": n - removed,
        "removed": removed,
        **told,
    }
