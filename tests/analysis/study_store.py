"""A store with a finished sweep whose assessments are made up: nothing is generated or trained."""

from collections.abc import Callable, Mapping
from typing import Any

from core.domain.conditions import Condition, Suppression
from core.domain.runs import Example, ModelChoice, RunSpec, Sample
from core.domain.serialization import to_json
from core.domain.tasks import Task
from core.store.database import Database
from core.store.generation.runs import create_run
from core.store.generation.samples import add_samples
from core.store.sweeps import SweepRecord, add_trial, create_sweep, save_assessment, set_trial
from core.sweeps.assessment.recipe import Recipe
from tests.analysis.made_results import SST2, assessment, stage

Values = Callable[[float, float, int, str], Mapping[str, float]]
"""Temperature, suppression, repeat and stage to the metrics' values."""

_OBJECTS = ("plot", "cast", "score", "ending", "dialogue", "camera", "pacing", "script")


def trade_off(temperature: float, strength: float, repeat: int, inspected: str) -> dict[str, float]:
    """Each knob brings 0.1 diversity for 10 points of label accuracy; LR brings most of it back."""
    up = (temperature > 0.5) + (strength > 0)
    jitter = 0.004 * (1 if repeat else -1)
    back = {"0": 0.0, "4": 0.06, "all": 0.1}[inspected] * up
    return {
        "diversity": 0.30 + 0.1 * up + jitter,
        "similarity": 0.6 - 0.02 * up,
        "label_accuracy": min(1.0, 0.9 - 0.1 * up + back + jitter),
        "model_accuracy": 0.6 + 0.02 * up + back / 2 + jitter,
    }


def nothing_there(
    temperature: float, strength: float, repeat: int, inspected: str
) -> dict[str, float]:
    """No knob and no repair does anything but chance."""
    jitter = 0.03 if (repeat + (temperature > 0.5) + (strength > 0)) % 2 else -0.03
    return {
        "diversity": 0.4 + jitter,
        "similarity": 0.6,
        "label_accuracy": 0.8 + jitter,
        "model_accuracy": 0.6 + jitter * (1 if inspected == "0" else -1),
    }


def finished_sweep(
    db: Database,
    *,
    values: Values = trade_off,
    task: Task = SST2,
    name: str = "Sweep",
    study: str = "",
    texts: Callable[[float, float, int], str] | None = None,
    repeats: int = 2,
) -> SweepRecord:
    """A sweep of two temperatures and two strengths, 12 texts a run, LR with 4 and all texts.

    Args:
        db: the store.
        values: what is measured.
        task: whose.
        name: of the sweep.
        study: its study.
        texts: temperature, strength and number to a text; None writes reviews.
        repeats: runs of each condition.
    """
    recipe = Recipe(budgets=(0, 4, "all"), lr_repeats=1)
    sweep = create_sweep(db, {"recipe": to_json(recipe)}, task_key=task.key, name=name, study=study)
    position = 0
    for repeat in range(repeats):
        for temperature in (0.3, 1.3):
            for strength in (0.0, 7.5):
                spec = _spec(task, temperature, strength, repeat)
                run = create_run(db, spec, name=f"run {position}")
                add_samples(db, _samples(run.id, task, temperature, strength, texts or _review))
                stages = [
                    stage(one, n=12, **values(temperature, strength, repeat, one))
                    for one in ("0", "4", "all")
                ]
                share = 0.0 if temperature > 0.5 else 0.5
                save_assessment(
                    db,
                    run.id,
                    recipe=recipe.key,
                    n=12,
                    settings=to_json(recipe),
                    result=assessment(stages, n=12, duplicates=share),
                )
                add_trial(db, sweep.id, position, run.id, repeat=repeat, reused=False)
                set_trial(db, sweep.id, position, "done")
                position += 1
    return sweep


def _spec(task: Task, temperature: float, strength: float, seed: int) -> RunSpec:
    return RunSpec(
        task=task,
        # Fewer texts a request than a label has, so that suppression has something to do.
        condition=Condition(
            temperature=temperature, suppression=Suppression(strength=strength), texts_a_request=3
        ),
        per_label=12 // len(task.labels),
        seed=seed,
        seed_examples=tuple[Example, ...](),
        model=ModelChoice(model="embedded"),
    )


def _review(temperature: float, strength: float, number: int) -> str:
    of = _OBJECTS[number % len(_OBJECTS)]
    if temperature < 0.5:
        return "I am so happy with this movie." if number % 2 else f"I am so happy with the {of}."
    verdict = "a marvel" if strength else "fine"
    return f"{of.capitalize()} number {number}: {verdict} in {temperature:g} ways."


def _samples(
    run_id: str,
    task: Task,
    temperature: float,
    strength: float,
    texts: Callable[[float, float, int], str],
) -> list[Sample]:
    names = task.label_names
    rows: list[dict[str, Any]] = [
        {"label": names[number % len(names)], "index": number // len(names)} for number in range(12)
    ]
    return [
        Sample(
            id=f"{run_id}-{number}",
            run_id=run_id,
            cycle=1,
            label=row["label"],
            index=row["index"],
            order=number,
            text=texts(temperature, strength, number),
            finish_reason="quote",
            outcome="usable",
            fluency=-1.0,
            token_ids=(1, 2, 3),
            duplicate_of=None,
            seconds=0.1,
        )
        for number, row in enumerate(rows)
    ]
