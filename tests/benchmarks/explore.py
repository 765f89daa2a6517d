"""The Explore page at 10,000 texts: seconds from its address to the drawn map, to the next colour,
to another tab, and the server's memory."""

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from core.diversity.embedding.encoder import EncoderChoice
from core.diversity.map.projection import principal_axes
from core.diversity.measures.measure import measure
from core.domain.settings import Home
from core.domain.texts import text_hash
from core.store.database import open_database
from core.store.datasets import load_dataset, run_key
from core.store.diversity import (
    MapFacts,
    MappedDataset,
    add_vectors,
    new_map,
    recipe_of,
    save_measurement,
)
from tests.benchmarks.browsing import Openings, drawn_marks, settled, visit
from tests.benchmarks.report import Report, median
from tests.benchmarks.store import SAMPLES, filled
from tests.conftest import find_chromium

SIZE = 384
COLOURS = ("Run", "Duplicates", "Cycle", "Label")
TABS = ("Scores", "Why", "Timeline", "All metrics", "Map")
WANTED_OPEN_SECONDS, WANTED_COLOUR_SECONDS = 1.5, 0.5
# Begins to wait in the page, as asking from outside costs time of its own; milliseconds.
CLICK = """
async name => {
  const drawn = %s;
  const found = Array.from(document.querySelectorAll("[role=option]")).find(
    one => one.textContent.trim() === name);
  const before = drawn(), start = performance.now();
  found.click();
  while (performance.now() - start < 60000) {
    const now = drawn();
    if (now !== null && now !== before) return performance.now() - start;
    await new Promise(resolve => requestAnimationFrame(resolve));
  }
  throw new Error('the map was not drawn again');
}
"""


def run(options: argparse.Namespace) -> Report:
    """A store with one run, measured and mapped; fresh servers, each opened by a browser."""
    from playwright.sync_api import sync_playwright

    report = Report("explore", ["", "median", "each", "unit"], facts={"texts": SAMPLES})
    chromium = find_chromium()
    if chromium is None:
        report.notes.append("Skipped: no Chromium was found (WIDESET_CHROMIUM names one).")
        return report
    colours, memory = [], []
    tabs: dict[str, list[float]] = {name: [] for name in TABS}
    opened = Openings("Explore", drawn_marks("map", SAMPLES))
    with tempfile.TemporaryDirectory(prefix="wideset-bench-") as folder, sync_playwright() as play:
        home = Home(Path(folder)).prepare()
        _fill(home)
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        browser.new_page().goto("about:blank")
        for _ in range(options.repeats):
            with visit(browser, home) as seen:
                opened.take(seen)
                for name in COLOURS:
                    seen.page.locator(".st-key-explore_colour input").click()
                    seen.page.get_by_role("option", name=name, exact=True).wait_for()
                    took = seen.page.evaluate(CLICK % opened.drawn, name)
                    colours.append(took / 1000)
                    settled(seen.page)
                for name in TABS:
                    tabs[name].append(seen.seconds_of_tab(name))
                memory.append(_peak(seen.server))
        browser.close()
    opened.add_to(report, wanted=WANTED_OPEN_SECONDS)
    report.add(["another colour", median(colours), [min(colours), max(colours)], "s"])
    for name, times in tabs.items():
        report.add([f"tab '{name}'", median(times), times, "s"])
    report.add(["most memory of the server", median(memory), memory, "MB"])
    if median(colours) > WANTED_COLOUR_SECONDS:
        report.failures.append(f"Another colour took over {WANTED_COLOUR_SECONDS:g} s.")
    return report


def _fill(home: Home) -> None:
    """A run of different texts, with vectors round the centres of its labels."""
    db = open_database(home)
    record = filled(db, SAMPLES)
    data = load_dataset(db, run_key(record.id))
    rng = np.random.default_rng(0)
    names = list(data.label_names)
    centres = rng.normal(0, 1, (len(names), SIZE))
    places = [names.index(label) for label in data.labels]
    vectors = (centres[places] + rng.normal(0, 1, (len(data), SIZE))).astype(np.float32)
    hashes = [text_hash(text) for text in data.texts]
    encoder = {"model": "bench", "pooling": "mean", "fingerprint": "bench", "size": SIZE}
    choice = EncoderChoice()
    add_vectors(db, "bench", dict(zip(hashes, vectors, strict=True)))
    save_measurement(
        db,
        data.key,
        encoder="bench",
        recipe=recipe_of(choice, None),
        n=len(data),
        result=measure(data, vectors, rng=rng, encoder=encoder).to_dict(),
    )
    where = principal_axes(vectors).place(vectors).tolist()
    new_map(
        db,
        task_key=record.spec.task.key,
        encoder="bench",
        choice=choice,
        facts=MapFacts(
            choice=choice.to_dict(),
            datasets=(MappedDataset(data.key, data.name, len(data)),),
        ),
        fitted={key: (x, y) for key, (x, y) in zip(hashes, where, strict=True)},
    )
    db.close()


def _peak(server: Any) -> float:
    """The most memory that the server has had so far, in MB; where unknown, what it has now."""
    status = Path(f"/proc/{server.pid}/status")
    if status.is_file():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    return float(server.memory_info().rss / 2**20)
