"""Pages in a browser as benchmarks open them: a server in a fresh process, a page with a figure,
its tabs, and how long each takes."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psutil

from core.domain.errors import BackendFailed
from core.domain.settings import Home
from tests.benchmarks.report import Report, median
from tests.benchmarks.work import ROOT

PATIENCE_SECONDS = 120.0
LOOK_SECONDS = 1.5
HEADING = "h1, h2, h3"
# The traces with marks to be clicked, once so many are drawn: their names, and whether by shades.
_DRAWN = """
() => {
  const figure = document.querySelector('.st-key-%s .js-plotly-plot');
  const traces = (figure?._fullData ?? []).filter(trace => trace.customdata);
  const points = traces.reduce((sum, trace) => sum + trace.customdata.length, 0);
  return points >= %d ? JSON.stringify(traces.map(t => [t.name, !!t.marker?.colorscale])) : null;
}
"""
# Milliseconds from a click on a tab until its script is done.
_TAB = """
async name => {
  const app = document.querySelector('[data-test-script-state]');
  const start = performance.now();
  const tab = Array.from(document.querySelectorAll('[role=tab]')).find(
    one => one.textContent.trim() === name);
  tab.click();
  let begun = false;
  while (performance.now() - start < 60000) {
    const state = app.getAttribute('data-test-script-state');
    begun ||= state === 'running';
    if (begun && state === 'notRunning') return performance.now() - start;
    await new Promise(resolve => setTimeout(resolve, 2));
  }
  throw new Error('the tab was not drawn');
}
"""


@dataclass(frozen=True)
class Visit:
    """A page of a browser at a server that no other page was asked of but Home.

    Args:
        page: playwright's page.
        server: the process.
        url: the server's address.
    """

    page: Any
    server: psutil.Popen
    url: str

    def seconds_to(self, path: str, drawn: str) -> float:
        """From asking for the address to what is `drawn_marks`; returns at rest."""
        start = time.monotonic()
        self.page.goto(f"{self.url}/{path}", wait_until="commit")
        self.page.wait_for_function(drawn, polling=20)
        seconds = time.monotonic() - start
        settled(self.page)
        return seconds

    def seconds_by_link(self, name: str, drawn: str) -> float:
        """From a click on the page's name on Home to what is `drawn_marks`; returns at rest."""
        self.page.goto(self.url)
        at_rest(self.page)
        start = time.monotonic()
        self.page.get_by_role("link", name=name).first.click()
        self.page.wait_for_function(drawn, polling=20)
        seconds = time.monotonic() - start
        settled(self.page)
        return seconds

    def seconds_of_tab(self, name: str) -> float:
        """From a click on a tab until it is drawn."""
        seconds = float(self.page.evaluate(_TAB, name)) / 1000
        self.page.wait_for_timeout(300)
        return seconds


@dataclass(frozen=True)
class Openings:
    """Seconds to a page's figure: as the server's first page, once more, and by Home's link.

    Args:
        name: of the page, in the navigation.
        drawn: its `drawn_marks`.
    """

    name: str
    drawn: str
    first: list[float] = field(default_factory=list)
    again: list[float] = field(default_factory=list)
    linked: list[float] = field(default_factory=list)

    def take(self, seen: Visit) -> None:
        """Open it in each way; the last leaves it open."""
        for times in (self.first, self.again, self.again):
            times.append(seen.seconds_to(self.name.lower(), self.drawn))
        self.linked.append(seen.seconds_by_link(self.name, self.drawn))

    def add_to(self, report: Report, *, wanted: float) -> None:
        """A row for each way; a failure where the server's first takes more than is wanted."""
        for way, times in (
            ("the server's first", self.first),
            ("once more", self.again),
            ("by Home's link", self.linked),
        ):
            report.add([f"opening it, {way}", median(times), times, "s"])
        if median(self.first) > wanted:
            report.failures.append(f"Opening took over {wanted:g} s.")


def drawn_marks(key: str, points: int) -> str:
    """JavaScript that tells of the figure of a key once it has so many marks; null before."""
    return _DRAWN % (key, points)


@contextmanager
def visit(browser: Any, home: Home) -> Iterator[Visit]:
    """A fresh server whose Home a browser has open and at rest; it ends with the block."""
    server, url = serve(home)
    try:
        page = browser.new_page(viewport={"width": 1440, "height": 1000})
        page.set_default_timeout(PATIENCE_SECONDS * 1000)
        page.goto(url)
        at_rest(page)
        yield Visit(page, server, url)
        page.close()
    finally:
        end(server)


def serve(home: Home) -> tuple[psutil.Popen, str]:
    """A fresh server of a home that answers, and its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "app.py", f"--server.port={port}"]
    command += ["--server.headless=true", "--browser.gatherUsageStats=false"]
    environment = {**os.environ, "WIDESET_HOME": str(home.folder)}
    # As a person's Python does, it keeps what it compiled: only the very first start compiles.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    with (home.folder / "server.log").open("wb") as log:
        server = psutil.Popen(
            command,
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    url = f"http://127.0.0.1:{port}"
    end = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            with urllib.request.urlopen(f"{url}/_stcore/health", timeout=10):
                return server, url
        except OSError as error:
            if server.poll() is not None or time.monotonic() > end:
                said = (home.folder / "server.log").read_text()[-500:]
                raise BackendFailed(f"The server does not answer: {said}", "") from error
        time.sleep(0.01)


def at_rest(page: Any) -> None:
    """Wait until all is drawn, and as long as anyone would look at it before going on."""
    settled(page)
    page.wait_for_timeout(LOOK_SECONDS * 1000)


def settled(page: Any) -> None:
    """Wait until something is drawn and the script is done."""
    page.locator(HEADING).first.wait_for(timeout=PATIENCE_SECONDS * 1000)
    page.wait_for_function(
        "document.querySelector('[data-test-script-state]')"
        "?.getAttribute('data-test-script-state') === 'notRunning'",
        timeout=PATIENCE_SECONDS * 1000,
    )


def end(server: psutil.Popen) -> None:
    """End a server and the worker that its pages started."""
    # The worker that the page started is the server's child while the server lives.
    family = [*server.children(recursive=True), server]
    for process in family:
        process.terminate()
    _, left = psutil.wait_procs(family, timeout=30)
    for process in left:
        process.kill()
