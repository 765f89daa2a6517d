"""Home: ways to begin, projects, and what the worker does."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.domain.connections import Connection
from core.domain.runs import RunSpec
from core.domain.settings import Home
from core.domain.tasks import preset
from core.services.references import TRAIN_FILE
from core.store.bundle import pack
from core.store.connections import save_connection
from core.store.database import Database, open_database
from core.store.generation.runs import create_run
from core.store.references import reference_of
from core.store.tasks import list_tasks, save_task
from tests.pages.evidence import reference, run_of
from tests.pages.making import ROOT, make_run, words
from tests.store.making import TASK


@pytest.fixture
def front() -> AppTest:
    return AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)


def test_an_empty_home_says_how_to_begin(front: AppTest, db: Database) -> None:
    front.run()
    assert not front.exception
    assert "None yet" in words(front)
    assert "Idle" in words(front)


def test_a_preset_is_chosen_on_generate(front: AppTest, db: Database) -> None:
    front.run()
    front.selectbox(key="home_preset").select("sst2").run()
    front.button(key="home_start").click().run()
    assert not front.exception
    assert front.selectbox(key="task").value == "sst2"


def test_a_project_opens_on_the_page_asked_for(front: AppTest, db: Database) -> None:
    run = run_of(db)
    front.run()
    frame = front.dataframe[0].value
    assert frame["project"].tolist() == [run.spec.task.name]
    assert frame["runs"].tolist() == [1]
    front.button(key="home_to_explore").click().run()
    assert not front.exception
    assert front.session_state["explore_task"] == run.spec.task.key


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("running", "Generating Reviews"),
        ("queued", "1 job in the queue"),
        ("interrupted", "was interrupted"),
    ],
)
def test_what_the_worker_does(front: AppTest, db: Database, state: str, said: str) -> None:
    make_run(db, state)  # type: ignore[arg-type]
    front.run()
    assert not front.exception
    shown = words(front) + "".join(one.text for one in front.get("progress"))  # type: ignore[attr-defined]
    assert said in shown


def test_the_demo_opens_on_compare(
    front: AppTest, db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = open_database(Home(tmp_path / "made"))
    run = run_of(made)
    bundle = tmp_path / "bundle.sqlite3"
    pack(made, bundle)
    made.close()
    monkeypatch.setattr("core.services.demo.open_demo.__kwdefaults__", {"bundle": bundle})
    front.run()
    front.button(key="home_demo").click().run()
    assert not front.exception
    assert not front.error
    from core.store.generation.runs import list_runs

    assert [row.run.id for row in list_runs(db)] == [run.id]


def test_a_missing_demo_is_told(
    front: AppTest, db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = {"bundle": tmp_path / "gone"}
    monkeypatch.setattr("core.services.demo.open_demo.__kwdefaults__", gone)
    front.run()
    front.button(key="home_demo").click().run()
    assert not front.exception
    assert "make demo" in words(front) + "".join(one.value for one in front.error)


def own_data_page() -> None:
    from pages.components.home import ask_for_data
    from pages.components.shell import set_up

    ask_for_data(set_up())


def test_own_data_becomes_a_task_with_its_reference(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    went: list[str] = []
    monkeypatch.setattr("streamlit.switch_page", went.append)
    app = AppTest.from_function(own_data_page, default_timeout=60)
    app.run()
    app.file_uploader(key="own_file").upload(
        TRAIN_FILE.name, TRAIN_FILE.read_bytes(), "text/csv"
    ).run()
    assert not app.exception
    assert app.button(key="own_make").disabled
    assert "Required: text type" in words(app)
    app.text_input(key="own_name").input(" ").run()
    assert "Required: name and text type" in words(app)
    app.text_input(key="own_name").input("Messages").run()
    app.text_input(key="own_type").input("support message").run()
    assert "Required" not in words(app)
    app.button(key="own_make").click().run()
    assert not app.exception
    (kept,) = list_tasks(db)
    assert kept.task.text_type == "support message"
    assert sorted(kept.task.label_names) == ["account", "delivery", "fault", "praise", "refund"]
    reference = reference_of(db, kept.task)
    assert reference is not None
    assert sum(reference.train.values()) + sum(reference.test.values()) == 300
    assert went == ["pages/generate.py"]
    assert app.session_state["choose_task"] == f"saved-{kept.id}"


def test_own_data_without_known_columns_says_to_choose_them(db: Database) -> None:
    app = AppTest.from_function(own_data_page, default_timeout=60)
    app.run()
    app.file_uploader(key="own_file").upload("x.csv", b"a,b\n1,2\n", "text/csv").run()
    assert not app.exception
    assert "Choose the text column and the label column." in words(app)


def test_a_task_without_runs_is_listed_with_its_next_step(front: AppTest, db: Database) -> None:
    kept = save_task(db, TASK)
    front.run()
    frame = front.dataframe[0].value
    assert frame["project"].tolist() == [TASK.name]
    assert frame["next"].tolist() == ["Generate texts or add a reference"]
    reference(db, [("fine", TASK.label_names[0])])
    front.run()
    assert front.dataframe[0].value["next"].tolist() == ["Generate texts"]
    assert not [one for one in front.button if one.key == "home_to_explore"]
    front.button(key="home_to_generate").click().run()
    assert not front.exception
    assert front.selectbox(key="task").value == f"saved-{kept.id}"


def test_a_preset_with_real_texts_and_a_run_without_any(front: AppTest, db: Database) -> None:
    film = preset("sst2")
    reference(db, [("fine", film.label_names[0])], task=film)
    front.run()
    front.button(key="home_to_generate").click().run()
    assert front.selectbox(key="task").value == "sst2"
    run = create_run(db, RunSpec(film))
    front.switch_page("pages/home.py")
    front.run()
    assert front.dataframe[0].value["next"].tolist() == ["Resume its run"]
    front.button(key="home_to_generate").click().run()
    assert not front.exception
    assert front.query_params["run"] in (run.id, [run.id])


def test_projects_with_texts_have_no_next_step(front: AppTest, db: Database) -> None:
    run_of(db)
    front.run()
    assert "next" not in front.dataframe[0].value


def test_a_home_with_a_connection_alone_names_it(front: AppTest, db: Database) -> None:
    save_connection(db, Connection(base_url="http://127.0.0.1:9/v1", name="The *lab*"))
    front.run()
    assert not front.exception
    said = "Start with one of the options above, or use the model of your connection The *lab*."
    assert said in words(front)
