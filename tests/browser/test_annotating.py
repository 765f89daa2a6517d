"""Annotating by keys in a real browser: what is stored, how fast the next text comes."""

import statistics
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from core.domain.settings import Home
from core.interventions.annotation_queue import QueueOrder, audit_set
from core.store.database import Database, open_database
from core.store.datasets import load_dataset, run_key
from core.store.generation.runs import RunRecord
from core.store.interventions.judgements import Verdict, add_judgements, judgements_of
from tests.browser.conftest import OpenPage
from tests.browser.reading import button, settled
from tests.browser.serving import Server, wait_until
from tests.browser.test_hostile import hostile
from tests.pages.making import make_run

COUNT = 60
# Generous: on a quiet machine of two cores it is a tenth of this.
NEXT_TEXT_SECONDS = 1.5

# Tells, of the next key, after how many milliseconds another text stands there.
STOPWATCH = """() => {
  const text = () => document.querySelector(".st-key-text_to_judge [data-testid='stText']")
    ?.textContent;
  document.addEventListener("keydown", () => {
    const start = performance.now(), before = text();
    window.next = new Promise(done => {
      const look = () => {
        const now = text();
        if (now && now !== before) done(performance.now() - start);
        else if (performance.now() - start > 10000) done(null);
        else requestAnimationFrame(look);
      };
      look();
    });
  }, true);
}"""

# Presses digits before the page can draw anything anew.
AT_ONCE = """digits => {
  for (const key of digits)
    for (const kind of ["keydown", "keyup"])
      document.body.dispatchEvent(new KeyboardEvent(
        kind, {key, code: `Digit${key}`, keyCode: key.charCodeAt(0), bubbles: true}));
}"""


@pytest.fixture
def db(own_home: Home) -> Iterator[Database]:
    database = open_database(own_home)
    yield database
    database.close()


@pytest.fixture
def url(own_home: Home) -> Iterator[str]:
    with Server(own_home) as server:
        yield server.url


def filled(db: Database, texts: list[str]) -> RunRecord:
    rows = [{"text": text, "label": ("pos", "neg")[n % 2]} for n, text in enumerate(texts)]
    return make_run(db, rows=rows)[0]


def text_box(page: Page) -> Locator:
    return page.locator(".st-key-text_to_judge").get_by_test_id("stText")


def press(page: Page, key: str, text: str) -> None:
    """Press a key at a person's pace and wait for a text.

    A key that comes before a new text's buttons listen is lost, rather than taken for the old
    text's; a person presses it again.
    """
    page.wait_for_timeout(200)
    page.keyboard.press(key)
    try:
        expect(text_box(page)).to_have_text(text, timeout=10_000)
    except AssertionError:
        page.keyboard.press(key)
        expect(text_box(page)).to_have_text(text)


def due(db: Database, run: RunRecord) -> list[tuple[str, str]]:
    """Text and label of the audit set, in the order in which it comes up."""
    texts = load_dataset(db, run_key(run.id))
    rows = [texts.ids.index(key) for key in audit_set(texts, QueueOrder("audit", 90))]
    return [(texts.texts[row], texts.labels[row]) for row in rows]


def said(db: Database, run: RunRecord) -> list[tuple[Any, ...]]:
    return [
        (one.verdict.label, one.verdict.in_scope, one.verdict.skipped)
        for one in judgements_of(db, run.id)
    ]


@pytest.mark.alone
def test_every_key_and_how_fast_the_next_text_comes(
    url: str, db: Database, new_page: OpenPage
) -> None:
    run = filled(db, [f"text number {n}" for n in range(COUNT)])
    order = due(db, run)
    page = new_page(f"{url}/intervene?run={run.id}&annotator=Ann")
    expect(text_box(page)).to_have_text(order[0][0])
    settled(page)
    keys = {
        "1": ("pos", True, False),
        "2": ("neg", True, False),
        "Space": (order[2][1], True, False),
        "o": (None, False, False),
        "s": (None, None, True),
    }
    wanted = []
    for place, (key, verdict) in enumerate(keys.items(), 1):
        press(page, key, order[place][0])
        wanted.append(verdict)
        assert said(db, run) == wanted
    for place in (4, 3):
        press(page, "z", order[place][0])
        assert said(db, run) == wanted[:place]

    # A key that is pressed once more before the next text stands there is not taken for it.
    page.wait_for_timeout(1000)
    page.evaluate(AT_ONCE, ["1", "1", "2"])
    expect(text_box(page)).to_have_text(order[4][0])
    page.wait_for_timeout(1000)
    settled(page)
    expect(text_box(page)).to_have_text(order[4][0])
    assert len(said(db, run)) == 4  # which of the two keys is not told

    # After a click on a button, Space is the key of the shown label, and not that button again.
    page.locator("[class*=st-key-give-1-] button").first.click()
    expect(text_box(page)).to_have_text(order[5][0])
    button(page, "annotation_near_button").click()
    expect(page.get_by_text("Hide neighbours")).to_be_visible()
    press(page, "Space", order[6][0])
    settled(page)
    expect(page.get_by_text("Hide neighbours")).to_be_visible()
    assert said(db, run)[4:] == [("neg", True, False), (order[5][1], True, False)]
    page.keyboard.press("n")
    expect(page.get_by_text("Hide neighbours")).to_have_count(0)

    page.evaluate(STOPWATCH)
    took = []
    for place in range(6, 26):
        page.wait_for_timeout(200)
        page.keyboard.press("12"[place % 2])
        took.append(page.evaluate("window.next"))
        if took[-1] is None:
            took.pop()
            press(page, "12"[place % 2], order[place + 1][0])
        expect(text_box(page)).to_have_text(order[place + 1][0])
    assert len(took) > 15
    assert len(said(db, run)) == 26
    middle = statistics.median(took)
    print(f"\nfrom key to next text: median {middle:.0f} ms, slowest {max(took):.0f} ms")
    assert middle < NEXT_TEXT_SECONDS * 1000


def test_keys_are_letters_in_the_name_field_and_the_name_is_stored(
    url: str, db: Database, new_page: OpenPage
) -> None:
    run = filled(db, [f"text number {n}" for n in range(6)])
    order = due(db, run)
    page = new_page(f"{url}/intervene?run={run.id}&annotator=Ann")
    expect(text_box(page)).to_have_text(order[0][0])
    name = page.locator(".st-key-annotator input")
    name.fill("")
    name.press_sequentially("1 sozn")
    expect(name).to_have_value("1 sozn")
    settled(page)
    assert said(db, run) == []
    name.press("Enter")
    expect(page.get_by_text("0 by 1 sozn in this run")).to_be_visible()
    text_box(page).click()
    press(page, "o", order[1][0])
    assert [one.who for one in judgements_of(db, run.id)] == ["1 sozn"]


def test_hostile_texts_stay_texts(url: str, db: Database, new_page: OpenPage) -> None:
    texts = hostile("http://127.0.0.1:9")
    run = filled(db, texts)
    order = due(db, run)
    page = new_page(f"{url}/intervene?run={run.id}&annotator=Ann")
    for place, (text, _) in enumerate(order):
        expect(text_box(page)).to_have_text(text)
        settled(page)
        assert text_box(page).locator("*:not(span):not(div)").count() == 0
        assert page.evaluate("window.hacked") is None
        assert page.locator(".st-key-text_to_judge").locator("a, img, iframe, .katex").count() == 0
        if place < len(order) - 1:
            press(page, "Space", order[place + 1][0])
    page.get_by_text("History", exact=True).click()
    expect(page.get_by_role("button", name="Retract")).to_have_count(len(order) - 1)
    for text, _ in order[:-1]:
        shown = " ".join(text.split())[:40]
        expect(page.get_by_test_id("stText").filter(has_text=shown).first).to_be_visible()
    assert page.evaluate("window.hacked") is None
    assert page.locator("[src*='127.0.0.1:9'], [href*='127.0.0.1:9']").count() == 0


def test_two_people_at_once_lose_nothing(url: str, db: Database, new_page: OpenPage) -> None:
    run = filled(db, [f"text number {n}" for n in range(6)])
    order = due(db, run)
    page = new_page(f"{url}/intervene?run={run.id}&annotator=Ann")
    expect(text_box(page)).to_have_text(order[0][0])
    settled(page)
    texts = load_dataset(db, run_key(run.id))
    key = texts.ids[texts.texts.index(order[0][0])]
    add_judgements(db, run.id, [Verdict(key, "neg")], who="Bob", why="audit")
    page.wait_for_timeout(1000)
    page.keyboard.press("1")
    expect(page.get_by_text("Bob judged this text meanwhile: 'neg'")).to_be_visible()
    expect(text_box(page)).to_have_text(order[0][0])
    assert said(db, run) == [("neg", None, False)]
    press(page, "1", order[1][0])
    assert said(db, run) == [("neg", None, False), ("pos", True, False)]


def test_the_table_saves_what_was_ticked_and_takes_it_back(
    url: str, db: Database, new_page: OpenPage
) -> None:
    run = filled(db, [f"text number {n}" for n in range(6)])
    page = new_page(f"{url}/intervene?run={run.id}&annotator=Ann")
    page.get_by_text("Table", exact=True).click()
    table = page.get_by_test_id("stDataFrame").last
    expect(table.locator("[role=gridcell]").first).to_be_attached()
    settled(page)
    canvas = table.locator("canvas").first
    box = canvas.bounding_box()
    assert box is not None
    # The last column of the third row: 35 pixels a row, the header among them.
    page.mouse.click(box["x"] + box["width"] - 48, box["y"] + 35 * 3 + 17)
    expect(button(page, "bulk_save")).to_contain_text("Save 1 change")
    expect(page.get_by_label("Search", exact=True)).to_be_disabled()
    button(page, "bulk_save").click()
    wait_until(lambda: said(db, run) == [(None, False, False)], what="it is stored")
    assert judgements_of(db, run.id)[0].verdict.sample_id.endswith("-2")
    expect(page.get_by_text("5 texts, all shown.")).to_be_visible()
    button(page, "bulk_undo").click()
    expect(page.get_by_text("6 texts, all shown.")).to_be_visible()
    assert said(db, run) == []
