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


_PALE = """() => {
  const pen = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const channels = color => {
    pen.clearRect(0, 0, 1, 1);
    pen.fillStyle = color;
    pen.fillRect(0, 0, 1, 1);
    return Array.from(pen.getImageData(0, 0, 1, 1).data, part => part / 255);
  };
  const over = (top, below) =>
    [0, 1, 2].map(at => top[at] * top[3] + below[at] * (1 - top[3])).concat(1);
  const luminance = color => color.slice(0, 3)
    .map(part => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
    .reduce((sum, part, at) => sum + part * [0.2126, 0.7152, 0.0722][at], 0);
  const around = element => {
    const found = [];
    for (let one = element; one; one = one.parentElement) found.push(one);
    return found;
  };
  const pale = {};
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const words = walk.currentNode.textContent.trim(), element = walk.currentNode.parentElement;
    const style = getComputedStyle(element), box = element.getBoundingClientRect();
    const skipped = 'style, script, [disabled], [aria-disabled=true], '
      + '[data-testid=stIconMaterial], '
      + '[data-testid=stSlider] :not(label) > [data-testid=stMarkdownContainer]';
    if (!/[\\p{L}\\p{N}]/u.test(words) || !box.width || !box.height
      || style.visibility !== 'visible' || element.closest(skipped)) continue;
    const color = channels(element.closest('svg') ? style.fill : style.color);
    color[3] *= around(element).reduce((left, one) => left * getComputedStyle(one).opacity, 1);
    const ground = around(element).map(one => channels(getComputedStyle(one).backgroundColor))
      .reverse().reduce((below, top) => over(top, below), [1, 1, 1, 1]);
    if (color[3] < 0.05) continue;
    const [low, high] = [luminance(over(color, ground)), luminance(ground)].sort((a, b) => a - b);
    const ratio = (high + 0.05) / (low + 0.05);
    const large = parseFloat(style.fontSize) >= 24
      || (parseFloat(style.fontSize) >= 18.66 && style.fontWeight >= 700);
    if (ratio < (large ? 3 : 4.5)) pale[words.slice(0, 60)] = ratio;
  }
  return pale;
}"""


def pale_words(page: Page) -> dict[str, float]:
    """Words whose contrast is below WCAG's AA (4.5 to 1, large ones 3 to 1), with their contrast.

    Pictures, disabled widgets, values above a slider and what a canvas draws are left out.
    """
    return dict(page.evaluate(_PALE))
