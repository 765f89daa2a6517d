"""What a benchmark hands back, the machine it ran on, and how both are printed."""

import os
import platform
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import psutil


@dataclass
class Report:
    """Results of one benchmark.

    Args:
        name: its name on the command line.
        columns: heads of the table.
        rows: as many values each as there are columns.
        facts: what the numbers rest on.
        notes: sentences for the reader.
        failures: what missed its mark; any makes the exit code 1.
    """

    name: str
    columns: Sequence[str]
    rows: list[Sequence[Any]] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def add(self, row: Sequence[Any]) -> None:
        """Add a row, and show it at once to whoever watches."""
        self.rows.append(row)
        print(f"{self.name}: " + ", ".join(map(_shown, row)), file=sys.stderr, flush=True)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)

    def __str__(self) -> str:
        cells = [list(self.columns), *([_shown(value) for value in row] for row in self.rows)]
        widths = [max(len(row[place]) for row in cells) for place in range(len(self.columns))]
        lines = [
            "  ".join(
                text.ljust(width) if place == 0 else text.rjust(width)
                for place, (text, width) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
            for row in cells
        ]
        facts = [f"{key}: {_shown(value)}" for key, value in self.facts.items()]
        marks = [f"MISSED: {failure}" for failure in self.failures]
        return "\n".join([f"== {self.name}", *lines, *facts, *self.notes, *marks])


class Stopwatch:
    """Times a block: seconds on the clock, and what share of the machine strangers took (0 to 1).

    Strangers are all processes but this one and its children.
    """

    def __enter__(self) -> "Stopwatch":
        self._busy, self._own, self._start = _busy_seconds(), _own_seconds(), time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds = time.perf_counter() - self._start
        foreign = (_busy_seconds() - self._busy) - (_own_seconds() - self._own)
        self.others = max(0.0, foreign / self.seconds / (psutil.cpu_count() or 1))


def machine() -> dict[str, Any]:
    """The machine in a few words."""
    features = _cpu_line("flags").split()
    return {
        "processor": _cpu_line("model name") or platform.processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0,
        "features": [f for f in ("avx2", "avx512f", "avx512_bf16", "amx_tile") if f in features],
        "memory_gb": round(psutil.virtual_memory().total / 2**30),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "load": round(psutil.getloadavg()[0], 2),
    }


def median(values: Sequence[float]) -> float:
    """The middle value; the mean of the two middle ones of an even number."""
    return statistics.median(values)


def _busy_seconds() -> float:
    times = psutil.cpu_times()
    idle = times.idle + getattr(times, "iowait", 0.0)
    # Linux counts a guest's time a second time, in user.
    guests = getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)
    return sum(times) - idle - guests


def _own_seconds() -> float:
    me = psutil.Process()
    times = [process.cpu_times() for process in (me, *me.children(recursive=True))]
    return sum(spent.user + spent.system for spent in times)


def _cpu_line(key: str) -> str:
    path = Path("/proc/cpuinfo")
    if not path.is_file():
        return ""
    for line in path.read_text().splitlines():
        if line.split(":")[0].strip() == key:
            return line.partition(":")[2].strip()
    return ""


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) < 10 else f"{value:,.1f}"
    if isinstance(value, list | tuple):
        return ", ".join(map(_shown, value))
    return "-" if value is None else str(value)
