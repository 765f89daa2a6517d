"""Projects: what is counted to a task, and which was worked on last."""

from dataclasses import replace

from core.store.database import Database
from core.store.projects import list_projects
from core.store.runs import create_run, delete_run
from core.store.samples import add_samples
from core.store.trainings import create_training
from core.store.version_moves import derive
from core.store.versions import VersionRow, raw_version
from tests.store.making import TASK, FakeClock, make_sample, make_spec


def test_an_empty_store_has_none(db: Database) -> None:
    assert list_projects(db) == []


def test_a_task_with_all_that_was_made_for_it(db: Database, clock: FakeClock) -> None:
    renamed = replace(make_spec(), task=replace(TASK, name="Reviews, renamed"))
    other = replace(make_spec(), task=replace(TASK, name="Tweets", text_type="tweet"))
    first = create_run(db, make_spec())
    add_samples(db, [make_sample(first.id, 0), make_sample(first.id, 1, outcome="empty")])
    clock.forward(10)
    second = create_run(db, renamed)  # the name is no part of a task's key
    add_samples(db, [make_sample(second.id, number) for number in range(2)])
    hidden = create_run(db, make_spec())
    add_samples(db, [make_sample(hidden.id, 0)])
    delete_run(db, hidden.id)
    clock.forward(10)
    tweets = create_run(db, other)
    raw = raw_version(db, first.id)
    clock.forward(10)
    derive(db, raw.id, "manual", [VersionRow(f"{first.id}-0", "neg")], who="", spec={}, facts={})
    create_training(db, {}, task_key=TASK.key, name="Probe")

    reviews, second_project = list_projects(db)
    assert reviews.task.name == "Reviews, renamed"
    assert (reviews.runs, reviews.texts, reviews.versions, reviews.trainings) == (2, 3, 1, 1)
    assert reviews.latest_run == second.id
    assert reviews.active_at == clock.now
    assert (second_project.task.name, second_project.texts) == ("Tweets", 0)
    assert second_project.latest_run == tweets.id
    assert second_project.active_at == clock.now - 10
