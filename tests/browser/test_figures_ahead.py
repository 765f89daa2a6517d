"""Home has the browser load what draws figures, once, and a figure's page uses that."""

from playwright.sync_api import expect

from core.store.database import Database
from tests.browser.conftest import OpenPage
from tests.browser.reading import settled
from tests.browser.serving import Server
from tests.pages.swept import sweep_of

LOADED = """
() => performance.getEntriesByType('resource').filter(
  one => one.name.includes('/PlotlyChart.')).length
"""


def test_home_loads_what_draws_figures(server: Server, new_page: OpenPage, db: Database) -> None:
    sweep_of(db)
    page = new_page(server.url)
    settled(page)
    page.wait_for_function(f"({LOADED})() === 1")
    page.get_by_role("link", name="Compare").first.click()
    expect(page.locator(".st-key-frontier .js-plotly-plot .main-svg").first).to_be_visible()
    assert page.evaluate(LOADED) == 1
    expect(page.locator(".st-key-figures_ahead")).to_be_hidden()
