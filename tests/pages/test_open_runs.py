"""The task and the runs that are open: in the address, and the same from page to page."""

from streamlit.testing.v1 import AppTest

from core.domain.tasks import Label, Task, preset
from core.store.database import Database
from core.store.datasets import run_key, version_key
from core.store.generation.runs import RunRecord
from core.store.interventions.versions import derive, raw_version, undo, version_rows
from pages.components.train.choice import active_key
from tests.pages.evidence import run_of, spec_of
from tests.pages.making import make_run, words

POEMS = Task("Poems", "poem", (Label("pos", "joy"), Label("neg", "grief")))


def opened(db: Database) -> tuple[RunRecord, RunRecord, RunRecord]:
    """Two runs of a task, and a newer one of another."""
    return (
        run_of(db, name="One"),
        run_of(db, name="Two"),
        run_of(db, name="Poem", spec=spec_of(POEMS)),
    )


def show(app: AppTest, page: str, *runs: RunRecord) -> None:
    app.switch_page(f"pages/{page}.py")
    app.query_params.clear()
    if runs:
        app.query_params["run"] = [run.id for run in runs]
    app.run()
    assert not app.exception


def test_an_address_brings_back_all_runs_and_their_task(app: AppTest, db: Database) -> None:
    one, two, _ = opened(db)
    show(app, "explore", one, two)
    assert app.multiselect(key="explore_runs").value == [one.id, two.id]
    assert app.selectbox(key="explore_task").value == spec_of().task.key
    app.multiselect(key="explore_runs").set_value([two.id]).run()
    assert app.query_params["run"] == two.id


def test_the_task_follows_from_page_to_page(app: AppTest, db: Database) -> None:
    one, two, poem = opened(db)
    show(app, "explore", one, two)
    show(app, "intervene")
    assert app.selectbox(key="intervene_run").value == one.id
    assert app.query_params["run"] == one.id
    assert "Poems" not in words(app)
    show(app, "compare")
    assert app.selectbox(key="compare_task").value == one.spec.task.key
    show(app, "train")
    assert app.selectbox(key="train_task").value == one.spec.task.key
    assert app.multiselect(key="train_sources").value == [run_key(one.id)]
    # What another page opened is among those shown here, so the second one stays.
    show(app, "explore")
    assert app.multiselect(key="explore_runs").value == [one.id, two.id]
    show(app, "train", poem)
    show(app, "explore")
    assert app.multiselect(key="explore_runs").value == [poem.id]


def test_a_run_that_is_not_there_is_said_so(app: AppTest, db: Database) -> None:
    *_, poem = opened(db)
    app.switch_page("pages/explore.py")
    app.query_params["run"] = "gone"
    app.run()
    assert not app.exception
    assert "has no texts or was deleted" in app.warning[0].value
    assert app.query_params["run"] == poem.id
    app.switch_page("pages/generate.py")
    app.query_params["run"] = "\0"
    app.run()
    assert "There is no such run in this store" in words(app)


def test_generate_shows_the_task_of_the_run_in_its_address(app: AppTest, db: Database) -> None:
    task = preset("carer")
    run = run_of(db, [("a text", task.label_names[0])], spec=spec_of(task))
    app.switch_page("pages/generate.py")
    app.query_params["run"] = run.id
    app.run()
    assert not app.exception
    assert app.selectbox(key="task").value == "carer"
    app.selectbox(key="task").select("sst2").run()  # it is asked for once
    assert app.selectbox(key="task").value == "sst2"


def test_a_run_that_is_being_written_is_not_where_a_page_starts(app: AppTest, db: Database) -> None:
    one = run_of(db, name="One")
    make_run(db, "running", rows=[{"text": "a new text"}])
    show(app, "explore")
    assert app.multiselect(key="explore_runs").value == [one.id]
    show(app, "intervene")
    assert app.selectbox(key="intervene_run").value == one.id


def test_training_starts_from_the_active_version(app: AppTest, db: Database) -> None:
    one = run_of(db, name="One")
    raw = raw_version(db, one.id)
    assert active_key(db, one.id) == run_key(one.id)
    version = derive(
        db, raw.id, "lr", version_rows(db, raw.id), who="me", name="", spec={}, facts={}
    )
    show(app, "train")
    assert app.multiselect(key="train_sources").value == [version_key(version.id)]
    undo(db, one.id, who="me", seen=version.id)
    assert active_key(db, one.id) == run_key(one.id)
