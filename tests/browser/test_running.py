"""A run from Start to done, and what may happen to it on the way, as the browser sees it."""

import os
import re
import signal

import pytest
from playwright.sync_api import Page, expect

from core.jobs.lease import living
from core.jobs.queue import job_of_run, status
from core.store.database import Database
from core.store.generation.runs import list_runs
from core.store.generation.samples import samples_of
from tests.browser.conftest import OpenPage
from tests.browser.fake_worker import Script
from tests.browser.reading import (
    GENERATE,
    SST2,
    TRY,
    badge,
    button,
    expect_texts,
    metric,
    newest,
    settled,
)
from tests.browser.serving import Server, wait_until


def start(page: Page, server: Server, db: Database, *, upto: int) -> str:
    """Start a run of 5 texts for each of 2 labels that waits after `upto`; its id."""
    Script(upto=upto).write(server.home)
    before = len(list_runs(db))
    button(page, GENERATE).click()
    expect(metric(page, "Texts")).to_have_text(f"{upto} / 10")
    assert len(list_runs(db)) == before + 1
    return newest(db).id


def test_texts_arrive_without_a_reload_until_it_is_done(
    server: Server, new_page: OpenPage, db: Database
) -> None:
    page = new_page(server.url + SST2)
    expect(button(page, GENERATE)).to_contain_text("Generate 10 texts")
    run_id = start(page, server, db, upto=3)
    assert f"run={run_id}" in page.url
    page.evaluate("window.sameDocument = true")
    expect(badge(page)).to_contain_text("running")
    expect_texts(page, ["positive 1 2", "positive 1 1", "positive 1 0"])
    expect(button(page, GENERATE)).to_be_disabled()
    expect(button(page, TRY)).to_be_disabled()
    Script(upto=7).write(server.home)
    expect(metric(page, "Texts")).to_have_text("7 / 10")
    expect_texts(page, ["negative 1 1", "negative 1 0", "positive 1 4"])
    Script().write(server.home)
    expect(badge(page)).to_contain_text("done")
    expect(metric(page, "Texts")).to_have_text("10 / 10")
    expect_texts(page, ["positive 1 0", "positive 1 1"])
    expect(page.get_by_text("10 of 10 rows, in order of arrival")).to_be_visible()
    expect(button(page, GENERATE)).to_be_enabled()
    assert page.evaluate("window.sameDocument")


def test_row_01_a_reload_keeps_the_run(server: Server, new_page: OpenPage, db: Database) -> None:
    page = new_page(server.url + SST2)
    run_id = start(page, server, db, upto=4)
    address = page.url
    page.reload()
    expect(metric(page, "Texts")).to_have_text("4 / 10")
    expect(badge(page)).to_contain_text("running")
    expect_texts(page, ["positive 1 3"])
    assert page.url == address
    Script().write(server.home)
    expect(badge(page)).to_contain_text("done")
    assert newest(db).id == run_id
    page.reload()
    expect(badge(page)).to_contain_text("done")
    expect_texts(page, ["positive 1 0"])


def test_row_02_a_closed_tab_ends_nothing(server: Server, new_page: OpenPage, db: Database) -> None:
    page = new_page(server.url + SST2)
    run_id = start(page, server, db, upto=2)
    page.close()
    Script().write(server.home)
    job = job_of_run(db, run_id)
    assert job is not None
    wait_until(lambda: status(db, job.id)[1] == "done", what="the run is done")
    assert len(samples_of(db, run_id)) == 10
    page = new_page(f"{server.url}?run={run_id}")
    expect(badge(page)).to_contain_text("done")


def test_row_04_a_killed_worker_reads_interrupted_and_resumes(
    server: Server, new_page: OpenPage, db: Database
) -> None:
    page = new_page(server.url + SST2)
    run_id = start(page, server, db, upto=6)
    kept = samples_of(db, run_id)
    lease = living(db)
    assert lease is not None
    os.kill(lease.pid, signal.SIGKILL)
    expect(badge(page)).to_contain_text("interrupted", timeout=15_000)
    expect(metric(page, "Texts")).to_have_text("6 / 10")
    expect(page.get_by_text("The worker stopped unexpectedly.")).to_be_visible()
    Script().write(server.home)
    button(page, "resume").click()
    expect(badge(page)).to_contain_text("done")
    after = samples_of(db, run_id)
    assert after[:6] == kept
    assert len(after) == len({(s.cycle, s.label, s.index) for s in after}) == 10


@pytest.mark.parametrize("key", [GENERATE, TRY])
def test_row_06_a_double_click_is_one_run(
    server: Server, new_page: OpenPage, db: Database, key: str
) -> None:
    page = new_page(server.url + SST2)
    expect(button(page, key)).to_be_enabled()
    before = len(list_runs(db))
    Script(upto=1).write(server.home)
    # Both clicks in one task of the browser: nothing is drawn between them.
    button(page, key).evaluate("button => { button.click(); button.click(); }")
    expect(metric(page, "Texts")).to_have_text("1 / 10")
    settled(page)
    assert len(list_runs(db)) == before + 1
    Script().write(server.home)
    expect(badge(page)).to_contain_text("done")
    assert len(list_runs(db)) == before + 1
    button(page, key).dblclick()
    # What is on the page until then is the first run, which reads just the same.
    wait_until(lambda: len(list_runs(db)) > before + 1, what="the second run starts")
    expect(page).to_have_url(re.compile(f"run={newest(db).id}"))
    expect(metric(page, "Texts")).to_have_text("10 / 10")
    expect(badge(page)).to_contain_text("done")
    settled(page)
    assert len(list_runs(db)) == before + 2


def test_row_09_stop_keeps_what_arrived(server: Server, new_page: OpenPage, db: Database) -> None:
    page = new_page(server.url + SST2)
    run_id = start(page, server, db, upto=5)
    button(page, "stop").click()
    expect(badge(page)).to_contain_text("stopped")
    expect(page.get_by_text("5 of 5 rows")).to_be_visible()
    expect(button(page, "stop")).to_have_count(0)
    kept = samples_of(db, run_id)
    assert len(kept) == 5
    Script().write(server.home)
    button(page, "resume").click()
    expect(badge(page)).to_contain_text("done")
    assert samples_of(db, run_id)[:5] == kept
    assert len(samples_of(db, run_id)) == 10
