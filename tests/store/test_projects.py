"""Projects: what is counted to a task, and which was worked on last."""

from dataclasses import replace

from core.domain.runs import Example
from core.domain.serialization import to_json
from core.domain.tasks import preset
from core.store.database import Database
from core.store.generation.runs import create_run, delete_run
from core.store.generation.samples import add_samples
from core.store.interventions.versions import VersionRow, derive, raw_version
from core.store.projects import list_projects
from core.store.references import add_reference
from core.store.sweeps import create_sweep
from core.store.tasks import delete_task, save_task
from core.store.trainings import create_training
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


def test_what_has_no_run_yet_is_there_if_asked_for(db: Database, clock: FakeClock) -> None:
    hidden = save_task(db, replace(TASK, name="Gone", text_type="ode"))
    delete_task(db, hidden.id)
    saved = save_task(db, TASK)
    clock.forward(10)
    example = Example("fine", preset("sst2").label_names[0])
    add_reference(db, preset("sst2"), "Films", [example], [example], {})
    clock.forward(10)
    songs = replace(TASK, name="Songs", text_type="song")
    create_sweep(db, {"task": to_json(songs)}, task_key=songs.key, name="s")
    unknown = replace(TASK, text_type="riddle")  # neither saved nor a preset: it has no name
    line = Example("why", TASK.label_names[0])
    add_reference(db, unknown, "Riddles", [line], [line], {})

    assert list_projects(db) == []
    found = list_projects(db, planned=True)
    assert [one.task.name for one in found] == ["Songs", preset("sst2").name, TASK.name]
    assert [(one.runs, one.texts, one.latest_run) for one in found] == [(0, 0, "")] * 3
    assert [(one.sweeps, one.references) for one in found] == [(1, 0), (0, 1), (0, 0)]
    assert found[2].active_at == saved.created_at == clock.now - 20
    run = create_run(db, make_spec())
    assert [one.latest_run for one in list_projects(db, planned=True)] == [run.id, "", ""]
    assert len(list_projects(db)) == 1
