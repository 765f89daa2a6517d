"""A whole sweep: the paper's 16 conditions on the example, with LR and probes, and its peak."""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from core.domain.settings import home_from
from core.generation.local.loading import converted_embedded
from tests.benchmarks.report import Report
from tests.benchmarks.work import ROOT

TEXTS = 100
MOST_SECONDS = 600.0
_GRID = f"""\
task = "support"
reference = "example"
per_label = {TEXTS // 5}
seed = 1
[condition]
texts_a_request = 5
[repair]
inspect = [0, 30, 60, 90, "all"]
"""


def run(options: argparse.Namespace) -> Report:
    """Run the command as a person does, in a home folder of its own; once, as it takes minutes."""
    del options
    report = Report("sweep", ["", "value", "unit"])
    models = home_from().models
    converted_embedded(models)
    with tempfile.TemporaryDirectory(prefix="wideset-sweep-") as folder:
        grid = Path(folder) / "grid.toml"
        grid.write_text(_GRID, "utf-8")
        environment = {**os.environ, "WIDESET_HOME": folder, "WIDESET_MODELS": str(models)}
        start = time.monotonic()
        command = [sys.executable, "-m", "core", "sweep", str(grid)]
        done = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
        peak = 0
        while done.poll() is None:
            peak = max(peak, _memory(done.pid))
            time.sleep(0.5)
        seconds = time.monotonic() - start
    report.add([f"16 conditions x {TEXTS} texts, LR, probes", seconds, "s"])
    report.add(["memory peak of all its processes", peak / 1e6, "MB"])
    if done.returncode:
        report.failures.append(f"the sweep ended with {done.returncode}")
    if seconds > MOST_SECONDS:
        report.failures.append(f"it took {seconds:.0f} s, above {MOST_SECONDS:.0f}")
    return report


def _memory(pid: int) -> int:
    """Bytes that a process and its children hold; what they share counts as often."""
    total = 0
    try:
        root = psutil.Process(pid)
        for process in [root, *root.children(recursive=True)]:
            total += process.memory_info().rss
    except psutil.Error:  # one of them ended while we looked
        return total
    return total
