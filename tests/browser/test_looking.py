"""Looking at a run and choosing settings: search, downloads, the list, the address, dialogs."""

import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from core.domain.runs import RunSpec
from core.domain.settings import Home
from core.files.exports import export_samples
from core.jobs.lease import living
from core.jobs.queue import start_run, status
from core.store.database import Database
from core.store.generation.runs import RunRecord, get_run
from core.store.generation.samples import samples_of
from core.store.tasks import delete_task, list_tasks
from tests.browser.conftest import OpenPage
from tests.browser.fake_worker import Script
from tests.browser.reading import (
    GENERATE,
    SST2,
    badge,
    button,
    choose_from_menu,
    expect_texts,
    pale_words,
    settled,
    tables,
)
from tests.browser.serving import Server, wait_until
from tests.store.making import make_spec

TEXTS = ("an old film", "=1+1", "a new FILM", "nothing", "@cmd", "\u202eten", "- dash", "film")
ROW, HEADER = 35, 35  # pixels of a table's rows


def finished(db: Database, home: Home, *, spec: RunSpec | None = None, name: str = "") -> RunRecord:
    """A run that the fake worker wrote to its end."""
    Script(texts=TEXTS).write(home)
    run, job = start_run(db, spec or make_spec(), name=name)
    wait_until(lambda: status(db, job.id)[1] == "done", what="the run is done")
    return run


@pytest.fixture
def working(server: Server, new_page: OpenPage, db: Database) -> Server:
    """The server after a page has started its worker; the worker of an earlier test will do."""
    if living(db) is None:
        page = new_page(f"{server.url}/generate")
        expect(button(page, GENERATE)).to_be_enabled()
        page.close()
    return server


def click_cell(table: Locator, *, row: int, x: int) -> None:
    """Click into a row (from 0) of a table, whose canvas lies under what takes the mouse."""
    table.scroll_into_view_if_needed()
    expect(table.locator("[role=gridcell]").first).to_be_attached()
    box = table.locator("canvas").first.bounding_box()
    assert box is not None
    table.page.mouse.click(box["x"] + x, box["y"] + HEADER + ROW * row + ROW // 2)


def test_search_and_downloads_in_every_format(
    working: Server, new_page: OpenPage, db: Database
) -> None:
    run = finished(db, working.home)
    page = new_page(f"{working.url}?run={run.id}")
    expect_texts(page, list(TEXTS[:2]))
    page.get_by_label("Search", exact=True).fill("film")
    expect(page.get_by_text("3 of 8 rows")).to_be_visible()
    wanted = [sample for sample in samples_of(db, run.id) if "film" in sample.text.casefold()]
    expect_texts(page, [sample.text for sample in wanted])
    page.get_by_label("Search", exact=True).fill("")
    expect(page.get_by_text("8 of 8 rows")).to_be_visible()
    for form in ("csv", "jsonl", "parquet"):
        settled(page)
        with page.expect_download() as download:
            button(page, f"download-{form}").click()
        assert download.value.suggested_filename == f"wideset-{run.id}.{form}"
        content = Path(download.value.path()).read_bytes()
        assert content == export_samples(samples_of(db, run.id), format=form)  # type: ignore[arg-type]


def test_row_30_the_only_csv_is_the_safe_one(
    working: Server, new_page: OpenPage, db: Database
) -> None:
    run = finished(db, working.home)
    page = new_page(f"{working.url}?run={run.id}")
    expect_texts(page, list(TEXTS[:2]))
    tables(page, "Samples").hover()
    expect(page.locator('button[aria-label^="Fullscreen"]').first).to_be_visible()
    expect(page.locator('button[aria-label^="Download as CSV"]:visible')).to_have_count(0)
    settled(page)
    with page.expect_download() as download:
        button(page, "download-csv").click()
    lines = Path(download.value.path()).read_text("utf-8-sig").splitlines()
    assert "'=1+1" in lines[2]
    settled(page)
    with page.expect_download() as download:
        button(page, "download-jsonl").click()
    lines = Path(download.value.path()).read_text("utf-8").split("\n")[:-1]
    assert [json.loads(line)["text"] for line in lines] == list(TEXTS)


def test_a_row_of_the_list_opens_its_run_though_another_came(
    working: Server, new_page: OpenPage, db: Database
) -> None:
    run = finished(db, working.home, name="The one to open")
    page = new_page(f"{working.url}/generate")
    expect(tables(page, "Runs").locator('[role=gridcell][aria-colindex="1"]').first).to_have_text(
        "The one to open"
    )
    finished(db, working.home, name="Came later")
    click_cell(tables(page, "Runs"), row=0, x=17)
    expect(page.get_by_role("heading", name="The one to open")).to_be_visible()
    assert f"run={run.id}" in page.url
    button(page, "all_runs").click()
    expect(tables(page, "Runs").locator('[role=gridcell][aria-colindex="1"]').first).to_have_text(
        "Came later"
    )
    settled(page)
    click_cell(tables(page, "Runs"), row=1, x=17)
    expect(page.get_by_role("heading", name="The one to open")).to_be_visible()


def test_settings_are_in_the_address_and_survive_a_reload(
    server: Server, new_page: OpenPage
) -> None:
    page = new_page(f"{server.url}/generate")
    page.locator(".st-key-task input").click()
    page.get_by_role("option", name="SST-2 sentiment").click()
    number = page.get_by_label("Texts per label")
    number.fill("7")
    number.press("Enter")
    expect(button(page, GENERATE)).to_contain_text("Generate 14 texts")
    handle = page.locator(".st-key-temperature input[type=range]")
    handle.focus()
    handle.press("ArrowRight")
    expect(handle).to_have_value("0.75")
    settled(page)
    page.reload()
    expect(button(page, GENERATE)).to_contain_text("Generate 14 texts")
    expect(page.locator(".st-key-temperature input[type=range]")).to_have_value("0.75")
    expect(page.get_by_test_id("stCode")).to_contain_text("movie review")


def test_the_prompt_changes_with_label_and_form(server: Server, new_page: OpenPage) -> None:
    page = new_page(server.url + SST2)
    code = page.get_by_test_id("stCode")
    expect(code).to_contain_text("Elements: ")
    before = code.inner_text()
    page.locator(".st-key-preview_label input").click()
    page.get_by_role("option", name="negative").click()
    expect(code).not_to_have_text(before)
    settled(page)
    page.get_by_text("More knobs").click()
    # A click does not count whose button moves on between its press and its release.
    page.wait_for_function("() => document.getAnimations().every(a => a.playState != 'running')")
    form = page.get_by_role("radio", name="C", exact=True)
    form.click()
    expect(form).to_be_checked()
    expect(code).to_contain_text("Show me a ")
    expect(code).to_contain_text("Characteristics: ")


def test_a_task_of_ones_own_with_labels_only(
    server: Server, new_page: OpenPage, db: Database
) -> None:
    page = new_page(f"{server.url}/generate")
    button(page, "new_task").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox", name="Name").fill("Haikus")
    dialog.get_by_role("textbox", name="Text type").fill("haiku")
    dialog.get_by_role("textbox", name="Text type").press("Enter")
    table = dialog.get_by_test_id("stDataFrame")
    settled(page)
    editor = page.locator("#portal").locator("textarea, input")
    for row, word in ((0, "spring"), (1, "autumn"), (3, "winter")):  # the last is a new row
        click_cell(table, row=row, x=90)
        if row == 3:
            expect(table.locator("[role=grid]")).to_have_attribute("aria-rowcount", "6")
        settled(page)
        while not editor.is_visible():  # nothing shows when the table begins to listen to keys
            click_cell(table, row=row, x=90)
            page.keyboard.press("Enter")
            page.wait_for_timeout(500)
        editor.fill(word)
        editor.press("Enter")
        expect(dialog.locator('[role=gridcell][aria-colindex="1"]').nth(row)).to_have_text(word)
        settled(page)
    dialog.get_by_role("button", name="Save task").click()
    expect(dialog).to_have_count(0)
    expect(page.get_by_text("3 × haiku: spring, autumn, winter")).to_be_visible()
    (kept,) = list_tasks(db)
    assert [(label.name, label.phrase) for label in kept.task.labels] == [
        ("spring", "spring"),
        ("autumn", "autumn"),
        ("winter", "winter"),
    ]
    delete_task(db, kept.id)


def test_rename_and_delete_from_the_menu(working: Server, new_page: OpenPage, db: Database) -> None:
    run = finished(db, working.home, name="Before")
    page = new_page(f"{working.url}?run={run.id}")
    expect(badge(page)).to_contain_text("done")
    choose_from_menu(page, "Rename")
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox", name="Name").fill("After")
    dialog.get_by_role("textbox", name="Name").press("Enter")
    dialog.get_by_role("button", name="Rename").click()
    expect(page.get_by_role("heading", name="After")).to_be_visible()
    choose_from_menu(page, "Delete")
    expect(page.get_by_text("Use Restore in the same menu")).to_be_visible()
    expect(page.locator(".stMarkdownBadge").nth(1)).to_contain_text("deleted")
    choose_from_menu(page, "Restore")
    expect(page.locator(".stMarkdownBadge")).to_have_count(1)
    assert get_run(db, run.id).deleted_at is None


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 900])
def test_nothing_is_wider_than_the_page(
    working: Server, new_page: OpenPage, db: Database, tmp_path: Path, scheme: str, width: int
) -> None:
    run = finished(db, working.home, name="W" * 120)
    options: dict[str, Any] = {"viewport": {"width": width, "height": 900}, "color_scheme": scheme}
    page = new_page(f"{working.url}/generate", **options)
    expect(tables(page, "Runs")).to_be_visible()
    settled(page)
    for view in ("list", "Texts", "Balance and tokens", "Settings"):
        if view == "Texts":
            page.goto(f"{working.url}?run={run.id}")
            expect(badge(page)).to_contain_text("done")
        elif view != "list":
            page.get_by_role("tab", name=view).click()
        settled(page)
        page.screenshot(path=tmp_path / f"{view}-{scheme}-{width}.png", full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), view
        assert page.get_by_test_id("stMain").evaluate("e => e.scrollWidth <= e.clientWidth"), view
        assert pale_words(page) == {}, view
        expect(page.get_by_test_id("stTopNav").get_by_role("link", name="Connect")).to_be_visible()
