"""What a person sees on the page."""

from playwright.sync_api import Locator, Page, expect

from core.store.database import Database
from core.store.generation.runs import RunRecord, list_runs

SST2 = "/generate?task=SST-2+sentiment&per_label=5"
GENERATE, TRY = "start-primary", "start-secondary"


def button(page: Page, key: str) -> Locator:
    """The button with a key; one with a tooltip stands there twice, for the mouse and for touch."""
    return page.locator(f".st-key-{key} button").first


def badge(page: Page) -> Locator:
    """The state of the open run."""
    return page.locator(".stMarkdownBadge").first


def metric(page: Page, label: str) -> Locator:
    """The value of a metric."""
    return (
        page.get_by_test_id("stMetric")
        .filter(has=page.get_by_text(label, exact=True))
        .get_by_test_id("stMetricValue")
    )


def tables(page: Page, alt: str) -> Locator:
    """Tables by the beginning of what they are called for those who can't see them."""
    return page.get_by_test_id("stDataFrame").filter(
        has=page.locator(f'button[aria-label*="{alt}"]')
    )


def cells(page: Page, alt: str, column: int) -> list[str]:
    """A column (from 0) of the one table of that name, as far as it is on screen."""
    found = tables(page, alt)
    expect(found).to_have_count(1)
    return found.locator(f'[role=gridcell][aria-colindex="{column + 1}"]').all_text_contents()


def expect_texts(page: Page, texts: list[str]) -> None:
    """Wait until the table of samples begins with these texts."""
    column = tables(page, "Samples").locator('[role=gridcell][aria-colindex="2"]')
    for place, text in enumerate(texts):
        expect(column.nth(place)).to_have_text(text)


def settled(page: Page) -> None:
    """Wait until the script has run to its end."""
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")


def choose_from_menu(page: Page, option: str) -> None:
    """Choose from the menu of an open run."""
    button(page, "run_menu").click()
    page.get_by_role("menuitem").filter(has_text=option).click()


def newest(db: Database) -> RunRecord:
    """The run that was started last."""
    return list_runs(db)[0].run
