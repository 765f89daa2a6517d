"""Which pages there are, and how they are found."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.store.database import Database
from pages.components.shell import PAGE_LINKS, PAGES
from tests.pages.evidence import run_of
from tests.pages.making import ROOT


def test_every_page_has_its_file() -> None:
    assert {path.stem for path in PAGES.glob("*.py")} == set(PAGE_LINKS)


def test_home_is_where_the_app_begins(db: Database) -> None:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    app.run()
    assert not app.exception
    assert [button for button in app.button if button.key == "home_start"]


def test_old_addresses_of_the_front_page_lead_to_generate(db: Database) -> None:
    run = run_of(db)
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    app.query_params["run"] = run.id
    app.run()
    assert not app.exception
    assert [button for button in app.button if button.key == "all_runs"]


@pytest.mark.parametrize("name", sorted(path.name for path in PAGES.glob("*.py")))
def test_every_page_draws_within_the_app(app: AppTest, db: Database, name: str) -> None:
    run_of(db)
    app.switch_page(f"pages/{name}")
    app.run()
    assert not app.exception
    assert not app.error
    assert app.session_state["navigated"]


@pytest.mark.parametrize("name", sorted(path.name for path in PAGES.glob("*.py")))
def test_a_page_that_is_a_program_of_its_own_stays_as_it_is(db: Database, name: str) -> None:
    run_of(db)
    app = AppTest.from_file(str(Path(PAGES) / name), default_timeout=120)
    app.run()
    assert not app.exception
    assert "navigated" not in app.session_state
