"""The whole way of a repair in a real browser: judge by keys, preview, accept, undo; and more."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from core.domain.settings import Home
from core.interventions.versions import consensus_of_people
from core.jobs.queue import LIVE, list_jobs, status
from core.store.database import Database, open_database
from core.store.datasets import load_dataset, run_key, version_key
from core.store.interventions.judgements import Verdict, add_judgements
from core.store.interventions.versions import (
    derive,
    head,
    list_versions,
    moves_of,
    raw_version,
    version_rows,
)
from tests.browser.conftest import OpenPage
from tests.browser.reading import button, cells, metric, settled, tables
from tests.browser.serving import Server, wait_until
from tests.interventions.runs import TASK, WORDS, Made, make_moods

KEYS = {name: str(place) for place, name in enumerate(TASK.label_names, 1)}


@pytest.fixture
def db(own_home: Home) -> Iterator[Database]:
    database = open_database(own_home)
    yield database
    database.close()


@pytest.fixture
def url(own_home: Home) -> Iterator[str]:
    with Server(own_home) as server:
        yield server.url


def opened(new_page: OpenPage, url: str, made: Made) -> Page:
    """The page of a run after the worker has done all that it queued by itself."""
    page = new_page(f"{url}/intervene?run={made.run_id}&annotator=Ann")
    expect(page.get_by_role("tab", name="Versions")).to_be_visible()
    expect(metric(page, "Label accuracy (oracle)")).not_to_have_text("–")
    settled(page)
    return page


def open_tab(page: Page, name: str) -> None:
    page.get_by_role("tab", name=name, exact=True).click()
    expect(page.get_by_role("tab", name=name, exact=True)).to_have_attribute(
        "aria-selected", "true"
    )
    settled(page)


def text_box(page: Page) -> Locator:
    return page.locator(".st-key-text_to_judge").get_by_test_id("stText")


def right_label(text: str) -> str:
    return next(name for name, words in WORDS.items() if text.split()[0] in words)


def judge_by_keys(page: Page, db: Database, made: Made, count: int) -> None:
    """Give so many texts their right label, each by its key, at a person's pace."""
    for done in range(1, count + 1):
        text = text_box(page).inner_text()
        page.wait_for_timeout(200)
        page.keyboard.press(KEYS[right_label(text)])
        try:
            expect(text_box(page)).not_to_have_text(text, timeout=10_000)
        except AssertionError:
            # It came before the new text's buttons listened; a person presses it again.
            page.keyboard.press(KEYS[right_label(text)])
            expect(text_box(page)).not_to_have_text(text)
        assert len(consensus_of_people(db, made.run_id)) == done


def test_judge_by_keys_preview_accept_and_undo(
    url: str, db: Database, own_home: Home, new_page: OpenPage
) -> None:
    made = make_moods(db, each=16)
    before = load_dataset(db, run_key(made.run_id)).labels
    page = opened(new_page, url, made)
    # What proxies may learn from; the audit set, which comes first, is kept apart.
    page.get_by_text("Most diverse", exact=True).click()
    expect(page.get_by_text("Texts far from each other")).to_be_visible()
    settled(page)
    page.wait_for_timeout(1000)
    judge_by_keys(page, db, made, 24)
    judged = consensus_of_people(db, made.run_id)
    assert {key: said.label for key, said in judged.items()} == {
        key: made.right[key] for key in judged
    }

    page.get_by_text("People", exact=True).click()
    open_tab(page, "Label replacement")
    expect(metric(page, "Judged so far")).to_have_text("24")
    button(page, "lr_preview").click()
    accept = button(page, "lr_accept")
    expect(accept).to_be_visible()
    settled(page)
    assert list_versions(db, made.run_id) == []
    wait_until(lambda: cells(page, "Texts with their labels", 1), what="the changes are listed")
    # It is there again after a reload, without another job.
    jobs = len(list_jobs(db))
    page.reload()
    page.get_by_text("People", exact=True).click()
    open_tab(page, "Label replacement")
    expect(accept).to_be_visible()
    assert len(list_jobs(db)) == jobs

    accept.click()
    expect(page.get_by_text("labels changed. Undo to revert.")).to_be_visible()
    now = head(db, made.run_id)
    assert now is not None
    changed = now.facts["changed"]
    expect(metric(page, "Labels replaced")).to_have_text(str(changed))
    after = load_dataset(db, version_key(now.id))
    for key, label in zip(after.ids, after.labels, strict=True):
        if key in judged:
            assert label == made.right[key]
    wrong = [
        sum(made.right[key] != label for key, label in zip(after.ids, labels, strict=True))
        for labels in (before, after.labels)
    ]
    assert wrong[1] < wrong[0] == 12

    button(page, "version_undo").click()
    expect(metric(page, "Labels replaced")).to_have_text("0")
    assert [move.action for move in moves_of(db, made.run_id)] == ["derive", "undo"]
    assert load_dataset(db, f"version:{head(db, made.run_id).id}").labels == before  # type: ignore[union-attr]
    button(page, "version_redo").click()
    expect(metric(page, "Labels replaced")).to_have_text(str(changed))


def test_the_threshold_and_chosen_rows(url: str, db: Database, new_page: OpenPage) -> None:
    made = make_moods(db, each=40)
    page = opened(new_page, url, made)
    open_tab(page, "Label replacement")
    button(page, "lr_preview").click()
    accept = button(page, "lr_accept")
    expect(accept).to_contain_text("Accept all")
    settled(page)
    # At the top, by keyboard, only what the annotator saw is left.
    page.locator(".st-key-lr_band input").first.focus()
    page.keyboard.press("End")
    expect(accept).to_contain_text(" of ")
    # The first row alone.
    table = tables(page, "Texts with their labels")
    expect(table.locator("[role=gridcell]").first).to_be_attached()
    table.scroll_into_view_if_needed()
    box = table.locator("canvas").first.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + 16, box["y"] + 35 + 17)
    expect(accept).to_contain_text("Accept 1 selected")
    accept.click()
    expect(metric(page, "Labels replaced")).to_have_text("1")
    now = head(db, made.run_id)
    assert now is not None
    assert now.facts["changed"] == 1


def test_another_person_s_version_is_not_overwritten(
    url: str, db: Database, new_page: OpenPage
) -> None:
    made = make_moods(db, each=40)
    page = opened(new_page, url, made)
    open_tab(page, "Label replacement")
    button(page, "lr_preview").click()
    accept = button(page, "lr_accept")
    expect(accept).to_contain_text("Accept all")
    settled(page)
    raw = raw_version(db, made.run_id)
    other = derive(
        db, raw.id, "manual", version_rows(db, raw.id), who="Bob", name="Bob's", spec={}, facts={}
    )
    accept.click()
    expect(page.get_by_text("The run stands at another version meanwhile")).to_be_visible()
    assert head(db, made.run_id) == other


def test_a_cell_of_the_confusion_opens_its_texts(
    url: str, db: Database, new_page: OpenPage
) -> None:
    made = make_moods(db, each=12)
    page = opened(new_page, url, made)
    open_tab(page, "Label accuracy")
    expect(page.get_by_text("Disagreements")).to_be_visible()
    plot = page.locator(".js-plotly-plot").first
    expect(plot).to_be_visible()
    plot.scroll_into_view_if_needed()
    # The first cell: texts under "joy" that the oracle takes for joy.
    spot = page.evaluate(
        """() => {
          const plot = document.querySelector(".js-plotly-plot"), axes = plot._fullLayout;
          const box = plot.getBoundingClientRect();
          return [box.x + axes.xaxis._offset + axes.xaxis.l2p(0),
                  box.y + axes.yaxis._offset + axes.yaxis.l2p(0)];
        }"""
    )
    page.mouse.click(*spot)
    expect(page.get_by_text("Texts of the selected cell")).to_be_visible()
    dataset = load_dataset(db, run_key(made.run_id))
    expected = {
        text
        for key, text, label in zip(dataset.ids, dataset.texts, dataset.labels, strict=True)
        if label == made.right[key] == "joy"
    }
    wait_until(
        lambda: set(cells(page, "Texts with their labels", 0)) == expected,
        what="the table shows the cell's texts",
    )


def test_out_of_scope_texts_leave_and_return(url: str, db: Database, new_page: OpenPage) -> None:
    made = make_moods(db, each=20, out=16)
    verdicts = [
        Verdict(key, in_scope=label is not None)
        for place, (key, label) in enumerate(made.right.items())
        if place % 2 == 0
    ]
    add_judgements(db, made.run_id, verdicts, who="ada", why="bulk")
    page = opened(new_page, url, made)
    open_tab(page, "Out-of-scope filtering")
    button(page, "oosf_learn").click()
    remove = button(page, "oosf_remove")
    expect(remove).to_be_enabled()
    remove.click()
    wait_until(lambda: head(db, made.run_id) is not None, what="a version is derived")
    now = head(db, made.run_id)
    assert now is not None
    left = load_dataset(db, version_key(now.id))
    expect(metric(page, "Texts")).to_have_text(str(len(left)))
    judged_out = {one.sample_id for one in verdicts if not one.in_scope}
    assert judged_out.isdisjoint(left.ids)
    button(page, "version_undo").click()
    expect(metric(page, "Texts")).to_have_text("76")


def test_a_version_is_exported_with_its_card(url: str, db: Database, new_page: OpenPage) -> None:
    made = make_moods(db, each=12)
    raw = raw_version(db, made.run_id)
    derive(db, raw.id, "manual", version_rows(db, raw.id), who="ada", spec={}, facts={})
    page = opened(new_page, url, made)
    open_tab(page, "Versions")
    page.get_by_text("Export", exact=True).click()
    # When the oracle has judged, the page is drawn again, which could swallow a click.
    wait_until(
        lambda: all(status(db, job.id)[1] not in LIVE for job in list_jobs(db)),
        what="the oracle has judged",
    )
    page.wait_for_timeout(2_000)
    settled(page)
    with page.expect_download() as download:
        button(page, "export-jsonl").click()
    content = download.value.path().read_text("utf-8")
    assert content.count("\n") == 36
    assert '"specified"' in content
    settled(page)
    with page.expect_download() as download:
        button(page, "export-card-md").click()
    card = download.value.path().read_text("utf-8")
    assert card.startswith("# Mine")
    assert "label accuracy by oracle" in card
