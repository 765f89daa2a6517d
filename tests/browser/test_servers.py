"""Servers that die, start anew, or find the store locked."""

import sqlite3
from contextlib import closing

from playwright.sync_api import expect

from core.domain.settings import Home
from core.jobs.queue import start_run
from core.store.database import open_database
from tests.browser.conftest import OpenPage
from tests.browser.fake_worker import Script
from tests.browser.reading import (
    GENERATE,
    SST2,
    badge,
    button,
    expect_texts,
    metric,
    newest,
)
from tests.browser.serving import Server, worker_pids
from tests.store.making import make_spec


def test_row_03_the_server_is_killed_and_the_run_goes_on(
    own_home: Home, new_page: OpenPage
) -> None:
    Script(upto=3).write(own_home)
    with Server(own_home) as first:
        # The first request of this server is a deep link, which Streamlit runs without app.py.
        page = new_page(first.url + SST2)
        expect(button(page, GENERATE)).to_contain_text("Generate 10 texts")
        button(page, GENERATE).click()
        expect(metric(page, "Texts")).to_have_text("3 / 10")
        workers = worker_pids(own_home)
        first.kill()
    with closing(open_database(own_home)) as db:
        run_id = newest(db).id
    Script(upto=8).write(own_home)
    with Server(own_home) as second:
        # And of this one, a run.
        page = new_page(f"{second.url}/?run={run_id}")
        expect(metric(page, "Texts")).to_have_text("8 / 10")
        expect(badge(page)).to_contain_text("running")
        assert worker_pids(own_home) == workers
        Script().write(own_home)
        expect(badge(page)).to_contain_text("done")
        expect_texts(page, ["positive 1 0", "positive 1 1"])
        # Where there is no such page, the app still is.
        other = new_page(f"{second.url}/no-such-page")
        expect(button(other, "home_start")).to_be_visible()


def test_row_40_a_locked_store_is_told_and_the_page_recovers(
    server: Server, new_page: OpenPage
) -> None:
    page = new_page(server.url + SST2)
    expect(button(page, GENERATE)).to_be_enabled()
    with closing(sqlite3.connect(server.home.store, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        page.reload()
        expect(page.get_by_text("Another process kept the store locked")).to_be_visible()
        expect(page.get_by_test_id("stException")).to_have_count(0)
        other.execute("ROLLBACK")
    expect(button(page, GENERATE)).to_be_enabled()  # by itself


def test_row_40_a_live_run_outlives_a_lock(server: Server, new_page: OpenPage) -> None:
    Script(upto=2).write(server.home)
    with closing(open_database(server.home)) as db:
        run, _ = start_run(db, make_spec())
    page = new_page(f"{server.url}?run={run.id}")
    expect(metric(page, "Texts")).to_have_text("2 / 8")
    with closing(sqlite3.connect(server.home.store, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        expect(page.get_by_text("The store is busy")).to_be_visible()
        other.execute("ROLLBACK")
    Script().write(server.home)
    expect(metric(page, "Texts")).to_have_text("8 / 8")
