"""How far a generation is, on stderr: a bar on a terminal, a line now and then elsewhere."""

import shutil
import time
from collections.abc import Callable, Mapping
from typing import Any, TextIO

LINE_SECONDS = 10.0
BAR_CELLS = 24


class ProgressLine:
    """Shows the progress of one job.

    Args:
        stream: where to; a terminal gets a bar that is drawn over itself.
        timer: seconds that only grow.
    """

    def __init__(self, stream: TextIO, *, timer: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._timer = timer
        self._terminal = stream.isatty()
        self._shown = ""
        self._next_line = 0.0
        self._last_note = ""

    def __enter__(self) -> "ProgressLine":
        return self

    def __exit__(self, *_: object) -> None:
        self.clear()

    def show(self, progress: Mapping[str, Any]) -> None:
        """Show a progress report of a generate job; parts that it lacks are left out."""
        if self._terminal:
            self._draw(f"{bar_of(progress)} {words_of(progress)}".strip())
        elif progress.get("usable") and self._timer() >= self._next_line:
            self._next_line = self._timer() + LINE_SECONDS
            self._print(words_of(progress))

    def note(self, line: str) -> None:
        """Say something once, until something else is said."""
        if line == self._last_note:
            return
        self._last_note = line
        self.clear()
        self._print(line)

    def clear(self) -> None:
        """Take the bar off the terminal."""
        if self._shown:
            self._stream.write("\r" + " " * len(self._shown) + "\r")
            self._stream.flush()
            self._shown = ""

    def _draw(self, line: str) -> None:
        line = line[: shutil.get_terminal_size().columns - 1]
        if line != self._shown:
            self._stream.write("\r" + line.ljust(len(self._shown)))
            self._stream.flush()
            self._shown = line

    def _print(self, line: str) -> None:
        print(line, file=self._stream, flush=True)


def words_of(progress: Mapping[str, Any]) -> str:
    """The report in words: texts, texts/s, tokens/s and time left."""
    if progress.get("phase") == "loading":
        return "loading the model"
    if "usable" not in progress:
        return ""
    parts = [f"{progress['usable']} of {progress.get('target', '?')} texts"]
    for key, unit, digits in (
        ("texts_per_second", "texts/s", 1),
        ("tokens_per_second", "tokens/s", 0),
    ):
        if progress.get(key):
            parts.append(f"{progress[key]:.{digits}f} {unit}")
    if progress.get("seconds_left") is not None and progress.get("phase") != "done":
        parts.append(f"{clock(progress['seconds_left'])} left")
    return ", ".join(parts)


def bar_of(progress: Mapping[str, Any]) -> str:
    """The share of texts done as a bar of 24 cells; empty while the target is unknown."""
    target = progress.get("target")
    if not target:
        return ""
    filled = min(BAR_CELLS, BAR_CELLS * int(progress.get("usable", 0)) // int(target))
    return "[" + "#" * filled + "-" * (BAR_CELLS - filled) + "]"


def clock(seconds: float) -> str:
    """Seconds as 0:05, 12:34 or 1:02:03."""
    minutes, rest = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
