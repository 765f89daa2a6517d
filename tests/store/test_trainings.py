"""Trainings in the store."""

import numpy as np
import pytest

from core.domain.errors import BadInput
from core.domain.settings import Home
from core.store.database import Database
from core.store.trainings import (
    Predictions,
    Repeat,
    add_repeat,
    create_training,
    delete_training,
    get_training,
    list_trainings,
    predictions_of,
    repeats_of,
    restore_training,
    set_result,
    set_training_job,
    training_folder,
)
from tests.store.making import FakeClock

SPEC = {"kind": "probe", "train": "run:a", "test": "reference:b:test"}


def make_predictions(*ids: str) -> Predictions:
    shares = np.linspace(0, 1, 2 * len(ids), dtype=np.float32).reshape(-1, 2)
    return Predictions(tuple(ids), ("pos",) * len(ids), shares)


def test_a_training_and_its_result(db: Database) -> None:
    made = create_training(db, SPEC, task_key="k", name="  A\nname\u202e ")
    assert get_training(db, made.id) == made
    assert (made.name, made.spec, made.result, made.job_id) == ("A name", SPEC, None, None)
    set_training_job(db, made.id, "job")
    set_result(db, made.id, {"accuracy": {"mean": 0.5}})
    found = get_training(db, made.id)
    assert (found.job_id, found.result) == ("job", {"accuracy": {"mean": 0.5}})


def test_lists_are_by_task_newest_first_without_the_deleted(db: Database, clock: FakeClock) -> None:
    first = create_training(db, SPEC, task_key="k", name="first").id
    clock.forward(1)
    second = create_training(db, SPEC, task_key="k", name="second").id
    clock.forward(1)
    other = create_training(db, SPEC, task_key="o", name="other").id
    assert [t.id for t in list_trainings(db, task_key="k")] == [second, first]
    assert [t.id for t in list_trainings(db)] == [other, second, first]
    delete_training(db, second)
    deleted_at = get_training(db, second).deleted_at
    clock.forward(1)
    delete_training(db, second)
    assert get_training(db, second).deleted_at == deleted_at
    assert [t.id for t in list_trainings(db, task_key="k")] == [first]
    assert len(list_trainings(db, include_deleted=True)) == 3
    restore_training(db, second)
    assert [t.id for t in list_trainings(db, task_key="k")] == [second, first]


def test_repeats_and_predictions_come_back_as_they_were(db: Database) -> None:
    training = create_training(db, SPEC, task_key="k", name="x").id
    add_repeat(db, training, Repeat(3, [{"epoch": 1}], {"n_train": 4}), make_predictions("b", "a"))
    add_repeat(db, training, Repeat(1, [], {}), make_predictions("b"))
    assert [repeat.seed for repeat in repeats_of(db, training)] == [1, 3]
    assert repeats_of(db, training)[1] == Repeat(3, [{"epoch": 1}], {"n_train": 4})
    found = predictions_of(db, training, 3)
    assert (found.text_ids, found.labels) == (("b", "a"), ("pos", "pos"))
    assert found.probabilities.tolist() == make_predictions("b", "a").probabilities.tolist()
    assert found.probabilities.dtype == np.float32


def test_a_repeat_that_is_there_is_replaced(db: Database) -> None:
    training = create_training(db, SPEC, task_key="k", name="x").id
    add_repeat(db, training, Repeat(0, [], {}), make_predictions("a", "b", "c"))
    add_repeat(db, training, Repeat(0, [], {"new": 1}), make_predictions("a"))
    assert repeats_of(db, training) == [Repeat(0, [], {"new": 1})]
    assert predictions_of(db, training, 0).text_ids == ("a",)


def test_what_is_not_there_is_told(db: Database) -> None:
    for ask in (get_training, delete_training, restore_training):
        with pytest.raises(BadInput, match="no training 'nothing'"):
            ask(db, "nothing")
    with pytest.raises(BadInput, match="no training 'nothing'"):
        set_result(db, "nothing", {})
    training = create_training(db, SPEC, task_key="k", name="x").id
    with pytest.raises(BadInput, match="no predictions of that seed"):
        predictions_of(db, training, 0)


@pytest.mark.parametrize("hostile", ["", "../x", "a/b", "a\0", ".", "é"])
def test_folders_are_made_from_ids_alone(home: Home, db: Database, hostile: str) -> None:
    made = create_training(db, SPEC, task_key="k", name="../../x").id
    assert training_folder(home, made) == home.folder / "trainings" / made
    with pytest.raises(ValueError, match="not an id"):
        training_folder(home, hostile)
