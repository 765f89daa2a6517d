"""The presenter's view and the report button, as pages without a browser."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.domain.settings import Home
from core.domain.tasks import Label, Task
from core.jobs.queue import list_jobs
from core.store.database import Database
from tests.analysis.study_store import finished_sweep

OTHER = Task("Other", "utterance", (Label("a", "a news"), Label("b", "a bait")))


def opened(app: AppTest, **address: str) -> AppTest:
    app.switch_page("pages/compare.py")
    for name, value in address.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception
    return app


def title(app: AppTest) -> str:
    return str(app.header[0].value).replace("\\", "")


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ("1", "A language model writes"),
        ("5", "Correcting labels: inspecting 4 texts"),
        ("99", "Recommended setting"),
        ("x", "A language model writes"),
    ],
)
def test_the_address_names_the_step(db: Database, app: AppTest, asked: str, shown: str) -> None:
    finished_sweep(db)
    assert title(opened(app, present=asked)).startswith(shown)


def test_the_address_names_the_sweeps_too(db: Database, app: AppTest) -> None:
    first = finished_sweep(db, task=OTHER)
    finished_sweep(db)
    opened(app, present="1", of=first.id)
    assert any("asked for an utterance" in text.value for text in app.markdown)


def test_without_a_result_there_is_a_way_out(db: Database, app: AppTest) -> None:
    sweep = finished_sweep(db, task=OTHER)
    with db.write() as connection:
        connection.execute("DELETE FROM assessments")
    opened(app, present="1", of=sweep.id)
    assert "nothing to present" in app.info[0].value
    app.button(key="present_leave").click().run()
    assert "present" not in app.query_params


def test_a_report_is_ordered_once_and_offered_when_it_is_there(
    db: Database, app: AppTest, home: Home, spawned: list[Home]
) -> None:
    finished_sweep(db)
    opened(app)
    app.button(key="report_order").click().run()
    (job,) = [one for one in list_jobs(db) if one.kind == "report"]
    assert spawned
    assert app.button(key="report_order").disabled
    folder = home.folder / "reports"
    folder.mkdir()
    name = app.session_state["report_job"][0]
    (folder / name).write_text("<p>")
    app.run()
    assert not app.exception
    assert Path(name).suffix == ".html"
    assert [one.label for one in app.get("download_button")][:1] == ["Report"]
    assert job.spec["title"] == "SST-2 sentiment"
