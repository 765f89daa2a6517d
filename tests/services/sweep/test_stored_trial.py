"""A sweep's trial in the store: placed once, handed out from where it stands, kept when it ends."""

import numpy as np

from core.domain.registries.metrics import COLUMN
from core.domain.texts import text_hash
from core.services.sweep.plan import PlannedTrial
from core.services.sweep.stored_trial import keep_assessment, keep_vectors, place_trial, trial_of
from core.store.database import Database
from core.store.diversity import known_vectors
from core.store.generation.samples import add_samples
from core.store.sweeps import create_sweep, find_assessments, trials_of
from core.sweeps.assessment.recipe import Recipe
from core.sweeps.assessment.results import AssessmentResult, Score, StageResult
from core.sweeps.execution.trial import TrialEnd
from tests.store.making import TASK, make_sample, make_spec

RECIPE = Recipe()
RESULT = AssessmentResult(
    version=1,
    n=1,
    encoder="e",
    distance="cosine",
    oracle=None,
    reference=None,
    fluency=None,
    duplicates=0.0,
    classifier="none",
    notes=(),
    stages=(
        StageResult(
            inspected="0",
            filtered=False,
            n=1,
            scores={column: Score(None, why="One text.") for column in COLUMN},
        ),
    ),
)


def wanted(run_id: str | None = None) -> PlannedTrial:
    return PlannedTrial(3, make_spec(), 1, "T 0.7", run_id)


def test_a_place_gets_a_run_and_keeps_it(db: Database) -> None:
    sweep = create_sweep(db, {}, task_key=TASK.key, name="s")
    run = place_trial(db, sweep.id, wanted(), None)
    assert place_trial(db, sweep.id, wanted(), run.id).id == run.id
    (trial,) = trials_of(db, sweep.id)
    assert (trial.run.id, trial.position, trial.repeat, trial.reused) == (run.id, 3, 1, False)
    assert run.name == "T 0.7"


def test_a_run_that_was_there_is_assessed_alone(db: Database) -> None:
    sweep = create_sweep(db, {}, task_key=TASK.key, name="s")
    run = place_trial(db, sweep.id, wanted(), None)
    add_samples(db, [make_sample(run.id, 0), make_sample(run.id, 1, outcome="empty")])
    other = create_sweep(db, {}, task_key=TASK.key, name="t")
    there = wanted(run.id)
    assert place_trial(db, other.id, there, run.id).id == run.id
    assert trials_of(db, other.id)[0].reused
    told = trial_of(db, there, run, RECIPE)
    assert (told.index, told.run_id, told.generate) == (3, run.id, False)
    assert [sample.index for sample in told.history] == [0, 1]
    assert trial_of(db, wanted(), run, RECIPE).generate


def test_what_came_of_it_is_kept(db: Database) -> None:
    sweep = create_sweep(db, {}, task_key=TASK.key, name="s")
    run = place_trial(db, sweep.id, wanted(), None)
    add_samples(db, [make_sample(run.id, 0), make_sample(run.id, 1, outcome="empty")])
    vectors = np.ones((1, 2), np.float32)
    end = TrialEnd(3, assessment=RESULT, texts=("fine",), vectors=vectors)
    keep_vectors(db, end, "encoder")
    keep_assessment(db, sweep.id, run.id, end, RECIPE)
    found = known_vectors(db, "encoder", [text_hash("fine")])
    assert found[text_hash("fine")].tolist() == [1, 1]
    (kept,) = find_assessments(db, sweep_ids=[sweep.id], recipe=RECIPE.key)
    assert (kept.run_id, kept.n) == (run.id, 1)
    assert AssessmentResult.from_dict(kept.result) == RESULT
    assert trials_of(db, sweep.id)[0].state == "done"
    keep_vectors(db, TrialEnd(3), "another")  # there may be none
