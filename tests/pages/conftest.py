"""Pages without a browser: a home of the test's own, and no worker process behind it."""

from collections.abc import Iterator

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from core.domain.settings import Home
from core.store.database import Database, open_database
from tests.pages.making import ROOT


@pytest.fixture(autouse=True)
def spawned(monkeypatch: pytest.MonkeyPatch) -> list[Home]:
    """The homes for which a worker would have been started; none is."""
    homes: list[Home] = []
    monkeypatch.setattr("core.jobs.launch.spawn_worker", homes.append)
    # None lives, so that another would be started as soon as a page took longer than this.
    monkeypatch.setattr("core.jobs.launch.SPAWN_SECONDS", 600.0)
    return homes


@pytest.fixture(autouse=True)
def _no_caches() -> None:
    st.cache_data.clear()
    st.cache_resource.clear()


@pytest.fixture
def db(home: Home) -> Iterator[Database]:
    """The store that the pages use."""
    database = open_database(home)
    yield database
    database.close()


@pytest.fixture
def app() -> AppTest:
    """The app, not yet drawn, at Generate."""
    test = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    return test.switch_page("pages/generate.py")
