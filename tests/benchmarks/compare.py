"""The Compare page with 500 conditions at four stages of repair: seconds from its address to the
drawn frontier, and to each of the tabs with figures."""

import argparse
import tempfile
from pathlib import Path

from core.domain.settings import Home
from core.store.database import open_database
from tests.benchmarks.browsing import Openings, drawn_marks, visit
from tests.benchmarks.report import Report, median
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


def run(options: argparse.Namespace) -> Report:
    """A store with one sweep of 500 assessed runs; fresh servers, each opened by a browser."""
    from playwright.sync_api import sync_playwright

    facts = {"conditions": len(CONDITIONS), "stages": len(BUDGETS), "texts a run": TEXTS}
    report = Report("compare", ["", "median", "each", "unit"], facts=facts)
    chromium = find_chromium()
    if chromium is None:
        report.notes.append("Skipped: no Chromium was found (WIDESET_CHROMIUM names one).")
        return report
    tabs: dict[str, list[float]] = {name: [] for name in TABS}
    opened = Openings("Compare", drawn_marks("frontier", len(CONDITIONS)))
    with tempfile.TemporaryDirectory(prefix="wideset-bench-") as folder, sync_playwright() as play:
        home = Home(Path(folder)).prepare()
        db = open_database(home)
        sweep_of(db, conditions=CONDITIONS, texts=TEXTS, n=TEXTS, noise=0.05)
        db.close()
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        browser.new_page().goto("about:blank")
        for _ in range(options.repeats):
            with visit(browser, home) as seen:
                opened.take(seen)
                for name in TABS:
                    tabs[name].append(seen.seconds_of_tab(name))
        browser.close()
    opened.add_to(report, wanted=WANTED_OPEN_SECONDS)
    for name, times in tabs.items():
        report.add([f"tab '{name}'", median(times), times, "s"])
    return report
