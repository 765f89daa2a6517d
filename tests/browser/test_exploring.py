"""The Explore page as a person works with it: lasso, click, search, colours, replay, refit."""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from core.domain.settings import Home
from core.jobs.queue import list_jobs, start_run
from core.store.database import Database, open_database
from core.store.generation.runs import RunRecord
from tests.browser.conftest import OpenPage
from tests.browser.fake_worker import Script
from tests.browser.reading import GENERATE, SST2, badge, button, cells, metric, settled, tables
from tests.browser.serving import Server, end_workers, wait_until
from tests.pages.evidence import map_all, measure_all, run_of
from tests.store.making import make_spec

LISTED = "Texts with label"
MAP, REPLAY = ".st-key-map .js-plotly-plot", ".st-key-replay-map .js-plotly-plot"
WIDE = 6  # texts a row of the grid below

# Where a place of the map is on the screen; places in units of its axes.
ON_SCREEN = """
(figure, places) => {
  const {xaxis, yaxis} = figure._fullLayout, box = figure.getBoundingClientRect();
  return places.map(([x, y]) => [
    box.left + xaxis._offset + xaxis.l2p(x), box.top + yaxis._offset + yaxis.l2p(y)]);
}
"""
# The points of a map, where there is one: id, trace, opacity.
POINTS = """
figures => figures.flatMap(figure => figure._fullData ?? []).filter(
  trace => trace.customdata).flatMap(trace =>
  Array.from(trace.customdata, (id, place) => [id, trace.name,
    typeof trace.marker.opacity === 'number' ? trace.marker.opacity : trace.marker.opacity[place]]))
"""
# Of a figure that is being drawn anew, none.
BOUNDS = """
figures => figures.filter(figure => figure._fullLayout?.xaxis).map(
  figure => [figure._fullLayout.xaxis.range, figure._fullLayout.yaxis.range])
"""
DRAGS = "figures => figures.map(figure => figure._fullLayout?.dragmode)"


@dataclass(frozen=True)
class Explored:
    """A server whose store has two runs that are measured and mapped.

    `run` has the texts of a grid on the map: the text of row r and column c lies at (c, r).
    """

    server: Server
    run: RunRecord
    other: RunRecord

    @property
    def url(self) -> str:
        """Where the run is explored."""
        return f"{self.server.url}/explore?run={self.run.id}"


def grid(rows: int) -> list[tuple[str, str]]:
    return [
        (f"text of row {row} and column {column}", ("pos", "neg")[row % 2])
        for row in range(rows)
        for column in range(WIDE)
    ]


@pytest.fixture(scope="module")
def explored_server(
    tmp_path_factory: pytest.TempPathFactory, model_cache: Path
) -> Iterator[Explored]:
    home = Home(tmp_path_factory.mktemp("explore") / "home").prepare()
    with closing(open_database(home)) as db:
        other = run_of(db, grid(2), name="The other")
        run = run_of(db, grid(5), name="The grid")
        measure_all(db, other, run)
    with Server(home) as server:
        yield Explored(server, run, other)
    end_workers(home)


@pytest.fixture
def explored(explored_server: Explored) -> Explored:
    """Laid out anew, whatever map an earlier test left behind."""
    with closing(open_database(explored_server.server.home)) as db:
        map_all(db, explored_server.run, columns=WIDE)
    return explored_server


Points = list[tuple[str, str, float]]  # id, trace, opacity


def drawn(
    page: Page, true: Callable[[Points], bool] = bool, *, figure: str = MAP, count: int
) -> Points:
    """The points of a map, once there are so many of them and something is true of them."""
    found: Points = []

    def ready() -> bool:
        found[:] = [tuple(point) for point in page.locator(figure).evaluate_all(POINTS)]
        page.wait_for_timeout(20)
        return len(found) == count and true(found)

    wait_until(ready, what="the map is drawn")
    settled(page)
    return found


def on_screen(page: Page, places: Sequence[tuple[float, float]]) -> list[list[float]]:
    page.locator(MAP).scroll_into_view_if_needed()
    found: list[list[float]] = page.locator(MAP).evaluate(ON_SCREEN, places)
    return found


def lasso(page: Page, corners: Sequence[tuple[float, float]]) -> None:
    """Draw round the corners with the mouse."""
    first, *others = on_screen(page, corners)
    page.mouse.move(*first)
    page.mouse.down()
    for x, y in [*others, first]:
        page.mouse.move(x, y, steps=4)
    page.mouse.up()


def downloaded(page: Page, key: str) -> list[dict[str, Any]]:
    settled(page)
    with page.expect_download() as download:
        button(page, key).click()
    lines = Path(download.value.path()).read_text("utf-8").split("\n")
    return [json.loads(line) for line in lines if line]


def listed(page: Page) -> Locator:
    return tables(page, LISTED).locator('[role=gridcell][aria-colindex="2"]')


def choose_four(page: Page) -> list[str]:
    """Draw a lasso round columns 1 and 2 of rows 2 and 3; the texts in it."""
    lasso(page, [(0.6, 1.6), (2.4, 1.6), (2.4, 3.4), (0.6, 3.4)])
    expect(page.get_by_text("4 texts selected")).to_be_visible()
    return [f"text of row {row} and column {column}" for row in (2, 3) for column in (1, 2)]


def test_a_cold_address_has_navigation_and_its_first_click_works(
    own_home: Home, new_page: OpenPage
) -> None:
    with closing(open_database(own_home)) as db:
        run = run_of(db, grid(2))
        measure_all(db, run)
        map_all(db, run, columns=WIDE)
    with Server(own_home) as server:
        # The first request of this server, which Streamlit runs without app.py.
        page = new_page(f"{server.url}/explore")
        expect(page.get_by_role("link", name="Generate")).to_be_visible()
        drawn(page, count=12)
        page.get_by_role("tab", name="Scores").click()
        expect(page.get_by_text("Remote-Clique by label")).to_be_visible()
        expect(page.get_by_role("tab", name="Scores")).to_have_attribute("aria-selected", "true")
        page.get_by_role("link", name="Generate").click()
        expect(button(page, GENERATE)).to_be_visible()
        page.get_by_role("link", name="Explore").click()
        expect(page.get_by_role("tab", name="Map")).to_be_visible()


def test_a_lasso_lists_and_exports_exactly_what_is_inside(
    explored: Explored, new_page: OpenPage
) -> None:
    page = new_page(explored.url)
    drawn(page, count=30)
    inside = choose_four(page)
    expect(listed(page)).to_have_text(inside)
    rows = downloaded(page, "chosen-jsonl")
    assert [row["text"] for row in rows] == inside
    ids = [f"{explored.run.id}-{row * WIDE + column}" for row in (2, 3) for column in (1, 2)]
    assert [row["id"] for row in rows] == ids
    assert [row["label"] for row in rows] == ["pos", "pos", "neg", "neg"]
    # Other colours make another figure; what is chosen stays on the list.
    page.locator(".st-key-explore_colour input").click()
    page.get_by_role("option", name="Run", exact=True).click()
    drawn(page, lambda points: {trace for _, trace, _ in points} == {"The grid"}, count=30)
    expect(listed(page)).to_have_text(inside)
    assert [row["id"] for row in downloaded(page, "chosen-jsonl")] == ids
    button(page, "clear_map").click()
    expect(page.get_by_text("Draw a lasso or a box")).to_be_visible()
    expect(tables(page, LISTED)).to_have_count(0)


def test_a_click_on_a_text_lists_its_nearest(explored: Explored, new_page: OpenPage) -> None:
    page = new_page(explored.url)
    drawn(page, count=30)
    page.get_by_role("radio", name="Click").click()
    wait_until(
        lambda: page.locator(MAP).evaluate_all(DRAGS) == ["pan"], what="a click chooses by now"
    )
    page.mouse.click(*on_screen(page, [(3, 2)])[0])
    expect(page.get_by_text("Text and nearest neighbours")).to_be_visible()
    expect(listed(page).first).to_have_text("text of row 2 and column 3")
    settled(page)
    texts, distances = cells(page, LISTED, 1), cells(page, LISTED, 2)
    numbers = list(map(float, distances))
    # The same words in another order are the same to the encoder; so are no others.
    assert texts[1] == "text of row 3 and column 2"
    assert numbers[:2] == [0, 0]
    assert len(texts) == len(set(texts)) == 11
    assert numbers == sorted(numbers)
    assert numbers[2] > 0


def test_a_search_fades_the_others(explored: Explored, new_page: OpenPage) -> None:
    page = new_page(explored.url)
    assert {opacity for *_, opacity in drawn(page, count=30)} == {0.8}
    page.get_by_label("Search", exact=True).fill("ROW 4")
    expect(page.get_by_text("6 texts match the search.")).to_be_visible()
    found = {f"{explored.run.id}-{4 * WIDE + column}" for column in range(WIDE)}
    points = drawn(
        page, lambda all_: {one for one, _, opacity in all_ if opacity == 1} == found, count=30
    )
    assert {opacity for one, _, opacity in points if one not in found} == {0.14}
    expect(listed(page)).to_have_text([f"text of row 4 and column {n}" for n in range(WIDE)])


def test_the_replay_goes_back_in_time(explored: Explored, new_page: OpenPage) -> None:
    page = new_page(explored.url)
    drawn(page, count=30)
    page.get_by_role("tab", name="Timeline").click()
    assert "not yet generated" not in {
        trace for _, trace, _ in drawn(page, figure=REPLAY, count=30)
    }
    handle = page.locator("[class*=st-key-replay-] input[type=range]")
    handle.focus()
    handle.press("Home")
    expect(page.get_by_text("Newest texts at this point (1)")).to_be_visible()
    first = [f"{explored.run.id}-0"]
    drawn(
        page,
        lambda points: [one for one, trace, _ in points if trace != "not yet generated"] == first,
        figure=REPLAY,
        count=30,
    )


def test_what_is_missing_comes_by_itself(explored: Explored, new_page: OpenPage) -> None:
    with closing(open_database(explored.server.home)) as db:
        Script(texts=tuple(f"quite new {n}" for n in range(8))).write(explored.server.home)
        page = new_page(explored.url)
        drawn(page, count=30)
        third, _ = start_run(db, make_spec(), name="The third")
        page.goto(f"{explored.server.url}/?run={third.id}")
        expect(badge(page)).to_contain_text("done")
        page.goto(f"{explored.server.url}/explore?run={third.id}")
        # The worker measures and places them while the page is open; nobody reloads it.
        page.evaluate("window.sameDocument = true")
        drawn(page, count=8)
        expect(page.get_by_text("8 texts on the task's map")).to_be_visible()
        expect(page.get_by_text("Encoder fake")).to_be_visible()
        assert page.evaluate("window.sameDocument")
        works = list_jobs(db)[:2]
        assert {(job.kind, job.state) for job in works} == {
            ("measure", "done"),
            ("project", "done"),
        }


def test_a_double_click_is_one_new_map(explored: Explored, new_page: OpenPage) -> None:
    with closing(open_database(explored.server.home)) as db:
        page = new_page(explored.url)
        drawn(page, count=30)
        old = page.locator(MAP).evaluate_all(BOUNDS)
        before = len(list_jobs(db))
        button(page, "refit").evaluate("button => { button.click(); button.click(); }")
        wait_until(lambda: len(list_jobs(db)) > before, what="the job is queued")
        wait_until(lambda: list_jobs(db)[0].state == "done", what="the map is made")
        settled(page)
        assert len(list_jobs(db)) == before + 1
        # The new map is drawn by itself, in its own bounds, and listens as the old one did.
        wait_until(
            lambda: page.locator(MAP).evaluate_all(BOUNDS) not in ([], old),
            what="the new map is drawn",
        )
        settled(page)
        (((left, right), (low, high)),) = page.locator(MAP).evaluate_all(BOUNDS)
        x, y = 0.01 * (right - left), 0.01 * (high - low)
        outside = [
            (left + x, low + y),
            (right - x, low + y),
            (right - x, high - y),
            (left + x, high - y),
        ]
        lasso(page, outside)
        expect(page.get_by_text("30 texts selected")).to_be_visible()


@pytest.mark.parametrize(("scheme", "width"), [("light", 1440), ("dark", 900)])
def test_nothing_is_wider_than_the_page(
    explored: Explored, new_page: OpenPage, tmp_path: Path, scheme: str, width: int
) -> None:
    options: dict[str, Any] = {"viewport": {"width": width, "height": 900}, "color_scheme": scheme}
    page = new_page(explored.url, **options)
    for tab in ("Map", "Scores", "Timeline", "Why", "All metrics"):
        page.get_by_role("tab", name=tab).click()
        expect(page.get_by_role("tab", name=tab)).to_have_attribute("aria-selected", "true")
        settled(page)
        page.screenshot(path=tmp_path / f"{tab}-{scheme}-{width}.png", full_page=True)
        assert page.get_by_test_id("stException").count() == 0
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), tab
        assert page.get_by_test_id("stMain").evaluate("e => e.scrollWidth <= e.clientWidth"), tab


def test_the_meter_moves_while_texts_arrive(
    server: Server, new_page: OpenPage, db: Database
) -> None:
    page = new_page(server.url + SST2)
    Script(upto=3).write(server.home)
    button(page, GENERATE).click()
    expect(metric(page, "Texts")).to_have_text("3 / 10")
    expect(page.get_by_text("3 texts · fake · cosine distance")).to_be_visible()
    shown = page.get_by_role("heading", name=re.compile(r"^0\.\d\d\d "))
    early = shown.inner_text()
    curve = page.locator(".st-key-meter .js-plotly-plot")
    expect(curve).to_be_visible()
    Script(upto=7).write(server.home)
    expect(page.get_by_text("7 texts · fake · cosine distance")).to_be_visible()
    expect(shown).not_to_have_text(early)
    Script().write(server.home)
    expect(badge(page)).to_contain_text("done")
