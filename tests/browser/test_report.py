"""A report opened from the disk, in a browser without a network."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from core.analysis.study import study
from core.reports.html.report import report_html
from core.reports.html.tables import Manifest
from tests.browser.serving import wait_until
from tests.reports.html.test_report import HOSTILE, frame

_INK = "getComputedStyle(document.querySelector('.xtick text')).fill"
_CHARTS = """() => [...document.querySelectorAll('.chart')].map(one =>
    [one.id, one.querySelectorAll('.main-svg').length > 0, one.scrollWidth <= one.clientWidth])"""


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report whose names and texts try to run scripts."""
    made = frame(task=HOSTILE, model=HOSTILE)
    texts = {one: [(HOSTILE, HOSTILE)] for one in made["condition"]}
    told = report_html(HOSTILE, made, study(made), texts, manifest=Manifest({HOSTILE: {}}), now=0)
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(told, "utf-8")
    return path


def test_it_draws_offline_and_asks_for_nothing(
    browser: Browser, path: Path, tmp_path: Path
) -> None:
    context = browser.new_context(
        offline=True, color_scheme="light", viewport={"width": 1100, "height": 900}
    )
    page = context.new_page()
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("dialog", lambda dialog: said.append("a dialog"))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(path.as_uri())
    expect(page.locator(".chart").last).to_be_attached()
    expect(page.locator(".chart:not([data-drawn])")).to_have_count(0)
    page.screenshot(path=tmp_path / "report.png", full_page=True)
    charts = page.evaluate(_CHARTS)
    assert len(charts) >= 10
    assert all(drawn and fits for _, drawn, fits in charts), charts
    # Live: a hover over the first mark of the frontier tells its condition.
    mark = page.locator("#frontier-task-0 .scatterlayer .points path").last
    mark.scroll_into_view_if_needed()
    mark.hover(force=True)
    page.locator("#frontier-task-0 .hoverlayer .hovertext").first.wait_for()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate(_INK) == "rgb(34, 33, 30)"
    page.emulate_media(color_scheme="dark")
    wait_until(lambda: page.evaluate(_INK) == "rgb(233, 231, 226)", what="the ink turns light")
    # Even a script that got into the page could neither run nor ask.
    blocked = page.evaluate(
        "() => { const one = document.createElement('script'); one.textContent = 'window.ran = 1';"
        " document.body.append(one); return window.ran === undefined }"
    )
    assert blocked
    assert [one for one in said if "Content Security Policy" not in one] == []
    assert asked == [path.as_uri()]
    context.close()
