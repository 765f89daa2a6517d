"""The way from a connection to Compare, against a real server; and the key on no page."""

import os
import re
import signal
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from core.domain.connections import Connection
from core.domain.runs import ModelChoice
from core.domain.settings import Home
from core.files.exports import export_samples
from core.jobs.lease import living
from core.jobs.queue import LIVE, start_run, status
from core.services.references import example_task
from core.store.connections import find_capabilities, get_connection, save_connection
from core.store.database import Database, open_database
from core.store.generation.rounds import attempts_of, totals
from core.store.generation.samples import samples_of
from core.store.sweeps import list_sweeps, trials_of
from tests.browser.conftest import OpenPage
from tests.browser.reading import GENERATE, badge, button, metric, newest, settled, tables
from tests.browser.serving import Server, wait_until
from tests.faults.misbehaving import Exchange, Misbehaving, error
from tests.generation.servers.conftest import llama_cpp
from tests.store.making import make_spec

__all__ = ["llama_cpp"]

MINUTES = 10 * 60_000
SENTINEL = "wideset-sentinel-0123456789-key"
FORMS = (SENTINEL, SENTINEL[:16], SENTINEL[-16:])


def end_worker(home: Home) -> None:
    """End the real worker that a page started."""
    with closing(open_database(home)) as db:
        lease = living(db)
    if lease is not None:
        os.kill(lease.pid, signal.SIGTERM)


def fill(page: Page, key: str, value: str) -> None:
    """Type into the field with a key, and leave it."""
    field = page.locator(f".st-key-{key} input").first
    field.fill(value)
    field.press("Tab")
    settled(page)


def choose(page: Page, key: str, option: str) -> None:
    """Choose from the list of a field with a key."""
    page.locator(f".st-key-{key} input").first.click()
    page.get_by_role("option", name=option).first.click()
    settled(page)


def put(page: Page, axis: str, *values: str) -> None:
    """Let an axis of a new sweep have these values alone."""
    box = page.locator(f".st-key-sweep_set_{axis}")
    box.get_by_label("Clear all").click()
    settled(page)
    for value in values:
        field = box.locator("input")
        field.fill(value)
        field.press("Enter")
        settled(page)
    page.keyboard.press("Tab")


def sweep_to_the_frontier(page: Page, db: Database, server: ModelChoice) -> None:
    """From a project's runs to the points of a sweep of a server's model, by the dialog."""
    page.get_by_role("link", name="Compare").click()
    settled(page)
    page.get_by_role("button", name="Attach reference data").click()
    page.get_by_role("button", name="Attach", exact=True).click()
    # Without a reference the dialog offers no seed examples.
    expect(page.get_by_text(re.compile(r"300 train, 150 test"))).to_be_visible()
    settled(page)
    button(page, "sweep_new").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    put(page, "models")
    choose(page, "sweep_set_models", "at 127.0.0.1")
    page.keyboard.press("Escape")
    put(page, "temperature", "0.3", "0.9")
    put(page, "suppression", "0")
    put(page, "seeding", "0")
    put(page, "budgets")
    fill(page, "sweep_set_per_label", "2")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Logit suppression is exact")
    expect(metric(page, "New texts")).to_have_text("20")
    expect(metric(page, "Requests")).to_have_text("10")
    button(page, "sweep_start").click()
    expect(dialog).to_be_hidden()
    points = page.locator(".js-plotly-plot .scatterlayer path.point")
    expect(points).not_to_have_count(0, timeout=MINUTES)
    (sweep,) = list_sweeps(db)
    wait_until(lambda: status(db, str(sweep.job_id))[1] not in LIVE, what="the sweep ends")
    assert status(db, str(sweep.job_id))[1] == "done"
    runs = [trial.run for trial in trials_of(db, sweep.id)]
    assert [run.spec.model for run in runs] == [server, server]
    assert all(set(totals(db, run.id).outcomes) == {"ok"} for run in runs)


@pytest.mark.model
def test_from_a_connection_to_compare(own_home: Home, new_page: OpenPage, llama_cpp: str) -> None:
    with Server(own_home, real=True) as server, closing(open_database(own_home)) as db:
        try:
            page = new_page(f"{server.url}/connect")
            button(page, "connect_add").click()
            button(page, "connect_template-llama-cpp").click()
            expect(page.locator(".st-key-connect_name input")).to_have_value("llama.cpp")
            fill(page, "connect_url", llama_cpp)
            button(page, "connect_save").click()
            expect(tables(page, "Connections with model")).to_be_visible()
            # It lists one model, so the first test finds it and probes it.
            button(page, "connect_test").click()
            expect(page.get_by_text("Logit suppression is exact")).to_be_visible(timeout=MINUTES)
            model = get_connection(db, llama_cpp).model
            assert find_capabilities(db, llama_cpp, model) is not None
            row = page.get_by_test_id("stTable").get_by_role("row").filter(has_text="Logit bias")
            expect(row).to_contain_text("works")
            button(page, "connect_use").click()
            expect(page.get_by_text(re.compile(r"at 127\.0\.0\.1.*At least"))).to_be_visible()
            choose(page, "task", example_task().name)
            fill(page, "per_label", "1")
            expect(button(page, GENERATE)).to_contain_text("Generate 5 texts")
            button(page, GENERATE).click()
            expect(badge(page)).to_contain_text(re.compile("done|failed|paused"), timeout=MINUTES)
            expect(badge(page)).to_contain_text("done", timeout=1)
            run = newest(db)
            assert run.spec.model == ModelChoice(backend="openai", model=model, base_url=llama_cpp)
            usable = [one for one in samples_of(db, run.id) if one.outcome == "usable"]
            assert len(usable) >= 5
            took = totals(db, run.id)
            assert took.tokens_out > 0
            expect(metric(page, "Tokens out")).to_have_text(f"{took.tokens_out:,}")
            expect(metric(page, "Requests")).to_have_text(str(took.requests))
            button(page, "all_runs").click()
            condition = tables(page, "Runs with state").locator(
                '[role=gridcell][aria-colindex="6"]'
            )
            expect(condition.first).to_contain_text("at 127.0.0.1")
            sweep_to_the_frontier(page, db, run.spec.model)
        finally:
            end_worker(own_home)


def refusing(exchange: Exchange) -> None:
    """A 401 that repeats the key wherever it can."""
    given = exchange.headers["authorization"]
    error(401, message=f"Bad key {given}, {SENTINEL!r}", headers={"X-Key": SENTINEL})(exchange)


def found_in(folder: Path) -> list[str]:
    """Files under a folder that hold a form of the sentinel."""
    return [
        f"{path.name}: {form}"
        for path in folder.rglob("*")
        if path.is_file()
        for form in FORMS
        if form.encode() in path.read_bytes()
    ]


def test_row_35_a_key_that_a_server_repeats_is_on_no_page(
    own_home: Home, new_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SENTINEL_KEY", SENTINEL)
    with (
        Misbehaving(then=refusing) as refuses,
        Server(own_home, real=True) as server,
        closing(open_database(own_home)) as db,
    ):
        try:
            url = refuses.base_url
            kept = Connection(base_url=url, key_variable="SENTINEL_KEY", model="m")
            save_connection(db, kept)
            page = new_page(f"{server.url}/connect")
            expect(page.get_by_text("SENTINEL_KEY is set")).to_be_visible()
            button(page, "connect_test").click()
            expect(page.get_by_text("The last test failed")).to_be_visible()
            seen = [page.content()]
            spec = make_spec()
            run, _ = start_run(
                db,
                type(spec)(
                    spec.task,
                    spec.condition,
                    per_label=2,
                    model=ModelChoice(backend="openai", model="m", base_url=url),
                ),
            )
            page.goto(f"{server.url}/generate?run={run.id}")
            expect(badge(page)).to_contain_text("failed")
            settled(page)
            seen.append(page.content())
            page.get_by_role("tab", name="Settings").click()
            settled(page)
            seen.append(page.content())
            assert refuses.seen[-1].headers["authorization"] == f"Bearer {SENTINEL}"
            for shown in seen:
                assert not [form for form in FORMS if form in shown]
            assert not any(form.encode() in _exported(db, run.id) for form in FORMS)
        finally:
            end_worker(own_home)
    assert found_in(own_home.folder) == []
    assert (own_home.folder / "worker.log").is_file()  # the log was among them


def _exported(db: object, run_id: str) -> bytes:
    samples = samples_of(db, run_id)  # type: ignore[arg-type]
    attempts = repr(attempts_of(db, run_id)).encode()  # type: ignore[arg-type]
    return export_samples(samples, format="jsonl") + attempts
