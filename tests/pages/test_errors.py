"""A home or a store that can't be used: one clear message and nothing else, never a traceback."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.domain.errors import StoreBusy, StoreFull, StoreUnusable
from core.domain.settings import Home
from core.store.database import Database, open_database
from tests.pages.making import ROOT, buttons, make_run, open_run, words

SCRIPTS = ["app.py", "pages/generate.py"]


def draw(script: str) -> AppTest:
    app = AppTest.from_file(str(ROOT / script), default_timeout=120).run()
    assert not app.exception
    return app


def assert_only_told(app: AppTest, *, what: str, remedy: str) -> None:
    assert len(app.error) == 1
    assert what in words(app)
    assert remedy in words(app)
    assert buttons(app) == {"try_again": True}
    assert not app.selectbox
    assert not app.dataframe


@pytest.mark.parametrize("script", SCRIPTS)
def test_row_38_the_home_is_not_writable(
    script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("WIDESET_HOME", str(tmp_path / "file" / "home"))
    assert_only_told(draw(script), what=str(tmp_path / "file" / "home"), remedy="WIDESET_HOME")


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize("kind", ["newer", "corrupt", "text"])
def test_row_39_the_store_is_newer_or_damaged(script: str, kind: str, home: Home) -> None:
    open_database(home).close()
    if kind == "newer":
        with closing(sqlite3.connect(home.store)) as connection:
            connection.execute("PRAGMA user_version = 2000")
    if kind == "corrupt":
        home.store.write_bytes(home.store.read_bytes()[:5000])
    if kind == "text":
        home.store.write_text("dear diary\n" * 1000)
    before = home.store.read_bytes()
    app = draw(script)
    assert_only_told(app, what=str(home.store), remedy="")
    assert home.store.read_bytes() == before


def test_a_home_that_becomes_usable_is_used(home: Home) -> None:
    home.store.write_text("dear diary\n" * 1000)
    app = draw("app.py")
    assert app.error
    home.store.unlink()
    app.button(key="try_again").click().run()
    assert not app.exception
    assert not app.error
    assert app.selectbox


@pytest.mark.parametrize("button", ["start-primary", "start-secondary"])
@pytest.mark.parametrize("error", [StoreBusy, StoreFull])
def test_a_start_that_fails_is_told_and_can_be_repeated(
    app: AppTest,
    db: Database,
    monkeypatch: pytest.MonkeyPatch,
    button: str,
    error: type[StoreBusy] | type[StoreFull],
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise error("It did not *work*.", "Do <b>this</b>.")

    with monkeypatch.context() as patched:
        patched.setattr("core.jobs.queue.start_run", refuse)
        app.run()
        app.button(key=button).click().run()
        assert not app.exception
        assert "It did not *work*. Do <b>this</b>." in words(app)
        assert "run" not in app.query_params
    app.run()
    app.button(key=button).click().run()
    assert not app.exception
    assert not app.error
    assert "run" in app.query_params


@pytest.mark.parametrize("error", [StoreBusy, StoreFull, StoreUnusable])
@pytest.mark.parametrize("state", ["queued", "running"])
def test_a_live_run_outlives_a_store_that_fails(
    app: AppTest,
    db: Database,
    monkeypatch: pytest.MonkeyPatch,
    state: str,
    error: type[StoreBusy],
) -> None:
    run, _ = make_run(db, state)  # type: ignore[arg-type]
    open_run(app, run)

    def refuse(*_: object, **__: object) -> None:
        raise error("The store said no.", "Wait.")

    with monkeypatch.context() as patched:
        patched.setattr("pages.components.generate.progress.counts", refuse)
        app.run()
        assert not app.exception
        assert app.subheader[0].value
    app.run()
    assert not app.exception
    assert app.metric
