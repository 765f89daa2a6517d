"""The Compare page with 500 conditions at four stages of repair: seconds from its address to the
drawn frontier, and to each of the tabs with figures."""

import argparse
import tempfile
import time
from pathlib import Path

from core.settings import Home
from core.store.database import open_database
from tests.benchmarks.explore import TAB
from tests.benchmarks.report import Report, median
from tests.benchmarks.startup import PATIENCE_SECONDS, end, serve, settled
from tests.conftest import find_chromium
from tests.pages.swept import BUDGETS, sweep_of

CONDITIONS = tuple(
    (temperature / 10, strength / 2, seeds)
    for temperature in range(1, 11)
    for strength in range(10)
    for seeds in (0, 2, 6, 12, 18)
)
TEXTS = 200  # of each run
TABS = ("The paper", "Knobs", "Table", "Frontier")
WANTED_OPEN_SECONDS = 1.5
# The marks of the frontier that are drawn, once they are all there, and whose colours they have.
DRAWN = """
() => {
  const figure = document.querySelector('.st-key-frontier .js-plotly-plot');
  const traces = (figure?._fullData ?? []).filter(trace => trace.customdata);
  const points = traces.reduce((sum, trace) => sum + trace.customdata.length, 0);
  return points >= %d ? JSON.stringify(traces.map(trace => trace.name)) : null;
}
"""


def run(options: argparse.Namespace) -> Report:
    """A store with one sweep of 500 assessed runs; fresh servers, each opened by a browser."""
    from playwright.sync_api import sync_playwright

    facts = {"conditions": len(CONDITIONS), "stages": len(BUDGETS), "texts a run": TEXTS}
    report = Report("compare", ["", "median", "each", "unit"], facts=facts)
    chromium = find_chromium()
    if chromium is None:
        report.notes.append("Skipped: no Chromium was found (WIDESET_CHROMIUM names one).")
        return report
    first, again = [], []
    tabs: dict[str, list[float]] = {name: [] for name in TABS}
    drawn = DRAWN % len(CONDITIONS)
    with tempfile.TemporaryDirectory(prefix="wideset-bench-") as folder, sync_playwright() as play:
        home = Home(Path(folder)).prepare()
        db = open_database(home)
        sweep_of(db, conditions=CONDITIONS, texts=TEXTS, n=TEXTS, noise=0.05)
        db.close()
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        browser.new_page().goto("about:blank")
        for _ in range(options.repeats):
            server, url = serve(home)
            try:
                page = browser.new_page(viewport={"width": 1440, "height": 1000})
                page.set_default_timeout(PATIENCE_SECONDS * 1000)
                page.goto(url)  # the browser has Streamlit's files, the server has drawn a page
                settled(page)
                for times in (first, again, again):
                    start = time.monotonic()
                    page.goto(f"{url}/compare", wait_until="commit")
                    page.wait_for_function(drawn, polling=20)
                    times.append(time.monotonic() - start)
                    settled(page)
                for name in TABS:
                    tabs[name].append(page.evaluate(TAB, name) / 1000)
                    page.wait_for_timeout(300)
                page.close()
            finally:
                end(server)
        browser.close()
    report.add(["opening it, the server's first", median(first), first, "s"])
    report.add(["opening it once more", median(again), again, "s"])
    for name, times in tabs.items():
        report.add([f"tab '{name}'", median(times), times, "s"])
    if median(first) > WANTED_OPEN_SECONDS:
        report.failures.append(f"Opening took over {WANTED_OPEN_SECONDS:g} s.")
    return report
