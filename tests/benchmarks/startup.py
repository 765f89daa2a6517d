"""The page: seconds from the start of the server to the first paint in a browser and to the first
heading, its memory, and how long a redraw takes with a run of 10,000 samples open."""

import argparse
import tempfile
import time
from pathlib import Path

import psutil

from core.domain.settings import Home
from core.store.database import open_database
from tests.benchmarks.browsing import HEADING, PATIENCE_SECONDS, end, serve, settled
from tests.benchmarks.report import Report, median
from tests.benchmarks.store import SAMPLES, filled
from tests.conftest import find_chromium

REDRAWS = 10
WANTED_PAINT_SECONDS = 3.0
# The browser's own first paint of something to see, in milliseconds from its request.
PAINTED = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
# In the page: presses the first toggle (else nudges the first slider), and gives the milliseconds
# until the script that this starts has begun and has finished.
REDRAW = """
async () => {
  const app = document.querySelector('[data-test-script-state]');
  const state = () => app.getAttribute('data-test-script-state');
  const start = performance.now();
  let begun = null;
  const done = new Promise((resolve, reject) => {
    const seen = () => {
      if (state() === 'running' && begun === null) begun = performance.now() - start;
      if (state() === 'notRunning' && begun !== null) {
        observer.disconnect();
        resolve([begun, performance.now() - start]);
      }
    };
    const observer = new MutationObserver(seen);
    observer.observe(app, {attributes: true, attributeFilter: ['data-test-script-state']});
    setTimeout(() => reject(new Error('the page was not drawn again')), 60000);
  });
  document.querySelector('[data-testid="stCheckbox"] input').click();
  return await done;
}
"""


def run(options: argparse.Namespace) -> Report:
    """Start servers in fresh processes, one after the other, and open each in a browser."""
    from playwright.sync_api import sync_playwright

    report = Report("startup", ["", "median", "each", "unit"])
    chromium = find_chromium()
    if chromium is None:
        report.notes.append("Skipped: no Chromium was found (WIDESET_CHROMIUM names one).")
        return report
    paints, headings, memory, redraws, torch = [], [], [], [], False
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        browser.new_page().goto("about:blank")  # the browser's own start is not ours
        for _ in range(options.repeats):
            with tempfile.TemporaryDirectory(prefix="wideset-bench-") as folder:
                home = Home(Path(folder)).prepare()
                db = open_database(home)
                record = filled(db, SAMPLES)
                db.close()
                start = time.monotonic()
                server, url = serve(home)
                try:
                    page = browser.new_page()
                    asked = time.monotonic() - start
                    page.goto(url, wait_until="commit")
                    page.locator(HEADING).first.wait_for(timeout=PATIENCE_SECONDS * 1000)
                    headings.append(time.monotonic() - start)
                    paints.append(asked + page.evaluate(PAINTED) / 1000)
                    page.goto(f"{url}/?run={record.id}")
                    settled(page)
                    redraws += [page.evaluate(REDRAW) for _ in range(REDRAWS)]
                    memory.append(server.memory_info().rss / 2**20)
                    torch = torch or _maps_torch(server)
                    page.close()
                finally:
                    end(server)
        browser.close()
    report.add(["first paint, from the start of the server", median(paints), paints, "s"])
    report.add(["first heading, from the start of the server", median(headings), headings, "s"])
    report.add(["memory of the server, run open", median(memory), memory, "MB"])
    begun = [begin for begin, _ in redraws]
    whole = [end for _, end in redraws]
    report.add(["redraw: click to script begun", median(begun), [min(begun), max(begun)], "ms"])
    report.add(["redraw: click to script done", median(whole), [min(whole), max(whole)], "ms"])
    report.facts["torch in the server"] = "yes" if torch else "no"
    if torch:
        report.failures.append("The server has loaded torch.")
    if median(paints) > WANTED_PAINT_SECONDS:
        report.failures.append(f"First paint took over {WANTED_PAINT_SECONDS:g} s.")
    return report


def _maps_torch(server: psutil.Popen) -> bool:
    return any("libtorch" in mapped.path for mapped in server.memory_maps())
