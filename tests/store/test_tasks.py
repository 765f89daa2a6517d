from dataclasses import replace

import pytest

from core.domain.errors import BadInput, StaleEdit
from core.store.database import Database
from core.store.tasks import delete_task, get_task, list_tasks, save_task
from tests.store.making import TASK


def test_a_task_is_saved_and_listed_by_name(db: Database) -> None:
    later = save_task(db, replace(TASK, name="Zoo"))
    first = save_task(db, TASK)
    assert (first.task, first.revision) == (TASK, 1)
    assert list_tasks(db) == [first, later]


def test_a_living_name_is_taken_once(db: Database) -> None:
    first = save_task(db, TASK)
    with pytest.raises(BadInput, match="already"):
        save_task(db, TASK)
    other = save_task(db, replace(TASK, name="Other"))
    with pytest.raises(BadInput, match="already"):
        save_task(db, TASK, task_id=other.id, expected_revision=1)
    delete_task(db, first.id)
    delete_task(db, first.id)
    second = save_task(db, TASK)
    assert [t.id for t in list_tasks(db)] == [other.id, second.id]
    assert len(list_tasks(db, include_deleted=True)) == 3


def test_the_later_of_two_edits_is_told(db: Database) -> None:
    saved = save_task(db, TASK)
    mine = replace(TASK, text_type="book review")
    assert save_task(db, mine, task_id=saved.id, expected_revision=1).revision == 2
    with pytest.raises(StaleEdit, match="somebody else"):
        save_task(db, TASK, task_id=saved.id, expected_revision=1)
    assert get_task(db, saved.id).task == mine


def test_editing_a_deleted_or_unknown_task_is_told(db: Database) -> None:
    saved = save_task(db, TASK)
    delete_task(db, saved.id)
    with pytest.raises(StaleEdit):
        save_task(db, TASK, task_id=saved.id, expected_revision=1)
    with pytest.raises(BadInput, match="no task 'nope'"):
        save_task(db, TASK, task_id="nope", expected_revision=1)
