"""The presenter's view, walked through by keys."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from core.domain.settings import Home
from core.store.database import open_database
from tests.analysis.study_store import finished_sweep
from tests.browser.conftest import OpenPage
from tests.browser.fake_worker import Script
from tests.browser.reading import button, settled
from tests.browser.serving import Server, end_workers

HOSTILE = "![x](https://example.org/x.png) <b>bold</b> " + "long " * 60
STEPS = (
    ("A language model writes the training data", "asked for a movie review"),
    ("Conservative settings: the model repeats itself", "12 of 12 texts begin with"),
    ("Turning up the knobs: texts become more diverse", "Diversity rises from 0.300 to 0.500"),
    ("The cost: fewer labels are correct", "falls from 90.0% to 70.0%"),
    ("Correcting labels: inspecting 4 texts raises label accuracy", "from 70.0% to 82.0%"),
    (
        "Worth it: corrected diverse data trains a better classifier",
        "rises from 60.0% to 70.0%",
    ),
    ("Recommended setting", "LR with 4 inspected texts, has the highest model accuracy"),
)
_FITS = """() => {
  const main = document.querySelector('[data-testid=stMain]');
  const stage = document.querySelector('.st-key-present_stage').getBoundingClientRect();
  const foot = document.querySelector('.st-key-present_foot').getBoundingClientRect();
  return {
    down: document.documentElement.scrollHeight - innerHeight,
    across: document.documentElement.scrollWidth - innerWidth,
    inside: main.scrollHeight - main.clientHeight,
    room: foot.top - stage.bottom, below: innerHeight - foot.bottom
  };
}"""


def _text(temperature: float, strength: float, number: int) -> str:
    if temperature < 0.5:
        return "I am so happy with this." if number % 2 else f"I am so happy with number {number}."
    return HOSTILE if number == 2 else f"Number {number} is a marvel in {strength:g} ways."


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    home = Home(tmp_path / "home").prepare()
    Script().write(home)
    with closing(open_database(home)) as db:
        finished_sweep(db, texts=_text)
        finished_sweep(db, texts=_text, name="Second")
    with Server(home) as server:
        yield server
    end_workers(home)


def expect_step(page: Page, place: int) -> None:
    """The step's words are there, and nothing scrolls or overlaps."""
    title, said = STEPS[place]
    expect(page.get_by_role("heading", name=title, exact=True)).to_be_visible()
    expect(page.locator(".st-key-present_sentence")).to_contain_text(said)
    dots = page.locator(".st-key-present_dots")
    expect(dots).to_have_text("○" * place + "●" + "○" * (len(STEPS) - 1 - place))
    if place in (1, 3, 4, 5):
        expect(page.locator(".st-key-present_figure .main-svg").first).to_be_visible()
    settled(page)
    found = page.evaluate(_FITS)
    assert max(found[one] for one in ("down", "across", "inside")) <= 0, (place, found)
    assert min(found[one] for one in ("room", "below")) >= 0, (place, found)


def test_a_talk_by_keys(server: Server, new_page: OpenPage, tmp_path: Path) -> None:
    options: dict[str, Any] = {"viewport": {"width": 1280, "height": 720}}
    page = new_page(f"{server.url}/compare", **options)
    button(page, "present_open").click()
    keys = ("ArrowRight", "PageDown", "Space", "ArrowRight", "PageDown", "ArrowRight")
    for place in range(len(STEPS)):
        expect_step(page, place)
        page.screenshot(path=tmp_path / f"step-{place + 1}.png")
        if place == 2:
            expect(page.locator(".st-key-present_text_right_1")).to_contain_text("![x](https://")
            expect(page.locator(".st-key-present_stage img")).to_have_count(0)
        if place < len(keys):
            page.keyboard.press(keys[place])
    page.keyboard.press("ArrowLeft")
    expect_step(page, 5)
    page.keyboard.press("PageUp")
    expect_step(page, 4)
    page.reload()
    expect_step(page, 4)
    expect(page.get_by_test_id("stSidebar")).to_be_hidden()
    page.keyboard.press("Escape")
    expect(page.get_by_role("tab", name="Frontier")).to_be_visible()
    assert "present" not in page.url
    expect(page.get_by_test_id("stSidebar")).to_be_visible()


_CUT = """() => [...document.querySelectorAll(
    "[class*='st-key-present'] :is(p, h2), .js-plotly-plot text")].filter(part => {
  const box = part.getBoundingClientRect();
  const seen = box.width && box.height && getComputedStyle(part).visibility !== 'hidden';
  return seen && (box.left < -1 || box.right > innerWidth + 1 || box.bottom > innerHeight + 1
    || (part.scrollWidth > part.clientWidth + 2 && getComputedStyle(part).overflow !== 'visible'));
}).map(part => part.textContent)"""


def test_nothing_is_cut_off_in_a_small_window(server: Server, new_page: OpenPage) -> None:
    page = new_page(f"{server.url}/compare?present=1", viewport={"width": 900, "height": 800})
    for place in range(len(STEPS)):
        expect_step(page, place)
        assert page.evaluate(_CUT) == [], place
        page.keyboard.press("ArrowRight")


def test_on_a_phone_the_note_follows_the_figure(server: Server, new_page: OpenPage) -> None:
    page = new_page(f"{server.url}/compare?present=4", viewport={"width": 390, "height": 844})
    expect(page.locator(".st-key-present_figure .main-svg").first).to_be_visible()
    settled(page)
    found = page.evaluate(_FITS)
    assert found["across"] <= 0
    assert found["room"] >= 0
    expect(button(page, "present_next-3")).to_be_in_viewport()


def test_in_the_dark_on_a_larger_window(server: Server, new_page: OpenPage, tmp_path: Path) -> None:
    options: dict[str, Any] = {"viewport": {"width": 1440, "height": 900}, "color_scheme": "dark"}
    page = new_page(f"{server.url}/compare?present=7", **options)
    expect_step(page, 6)
    expect(page.locator(".st-key-present_support tbody tr")).to_have_count(6)
    page.screenshot(path=tmp_path / "dark.png")
    page.keyboard.press("ArrowRight")  # the last one stays
    page.keyboard.press("x")
    expect(page.get_by_role("tab", name="Frontier")).to_be_visible()
