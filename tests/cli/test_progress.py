"""Progress on stderr: a line drawn over itself on a terminal, else a line now and then."""

import io
from dataclasses import replace

import pytest

from core.cli.progress import ProgressLine, WorkProgress, bar_of, words_of
from core.domain.progress import JobProgress
from core.domain.wording import clock
from core.generation.progress import GenerationProgress
from core.services.progress import countdown

REPORT = GenerationProgress(
    phase="generating",
    usable=45,
    target=120,
    texts_per_second=3.21,
    tokens_per_second=85.4,
    seconds_left=83.4,
)


class Screen:
    def __init__(self, terminal: bool) -> None:
        self.terminal = terminal
        self.written = ""

    def isatty(self) -> bool:
        return self.terminal

    def write(self, text: str) -> int:
        self.written += text
        return len(text)

    def flush(self) -> None:
        pass


def test_the_report_in_words() -> None:
    assert words_of(REPORT) == "45 of 120 texts, 3.2 texts/s, 85 tokens/s, 1:23 left"
    assert words_of(replace(REPORT, seconds_left=None)).endswith("85 tokens/s")
    assert words_of(GenerationProgress(phase="loading")) == "loading the model"
    assert words_of(GenerationProgress()) == ""


@pytest.mark.parametrize(
    ("usable", "bar"),
    [
        (0, "-" * 24),
        (45, "#" * 9 + "-" * 15),
        (119, "#" * 23 + "-"),
        (120, "#" * 24),
        (130, "#" * 24),
    ],
)
def test_the_bar_is_full_only_at_the_target(usable: int, bar: str) -> None:
    assert bar_of(GenerationProgress(usable=usable, target=120)) == f"[{bar}]"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00"), (5.4, "0:05"), (59.6, "1:00"), (3723, "1:02:03")]
)
def test_the_clock(seconds: float, text: str) -> None:
    assert clock(seconds) == text


def test_a_terminal_gets_one_line_that_is_drawn_over_and_taken_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    screen = Screen(terminal=True)
    with ProgressLine(screen) as line:  # type: ignore[arg-type]
        line.show(REPORT)
        line.show(REPORT)
        line.show(replace(REPORT, usable=46, seconds_left=None))
    first, second, blank, end = screen.written.split("\r")[1:]
    assert (
        first == "[#########---------------] 45 of 120 texts, 3.2 texts/s, 85 tokens/s, 1:23 left"
    )
    assert second.rstrip().endswith("46 of 120 texts, 3.2 texts/s, 85 tokens/s")
    assert len(second) == len(first)
    assert blank.strip() == end == ""


def test_elsewhere_a_line_comes_every_ten_seconds() -> None:
    now = [100.0]
    screen = Screen(terminal=False)
    line = ProgressLine(screen, timer=lambda: now[0])  # type: ignore[arg-type]
    for seconds in (0, 1, 9.9, 10, 19, 20):
        now[0] = 100.0 + seconds
        line.show(replace(REPORT, usable=int(seconds) + 1, seconds_left=None))
    said = [text.split(" of")[0] for text in screen.written.splitlines()]
    assert said == ["1", "11", "21"]


def test_a_note_is_said_once() -> None:
    screen = Screen(terminal=False)
    line = ProgressLine(screen)  # type: ignore[arg-type]
    for note in ("a", "a", "b"):
        line.note(note)
    assert screen.written == "a\nb\n"


def test_progress_goes_to_a_terminal_or_by_lines() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    for stream, expected in (
        (Terminal(), "Embedding: 600 of 1,000 texts, 0:02 left"),
        (io.StringIO(), "Embedding: 600 of 1,000 texts, 0:02 left\n"),
    ):
        now = [0.0]
        with WorkProgress(stream, timer=lambda now=now: now[0]) as progress:  # type: ignore[misc]
            progress.report(JobProgress(phase="loading"))
            embedded = countdown(progress, "embedding", timer=lambda now=now: now[0])  # type: ignore[misc]
            for now[0], done in ((0.0, 200), (2.0, 600), (3.0, 700)):
                embedded(done, 1000)
        assert expected in stream.getvalue()
        assert ("700" in stream.getvalue()) == stream.isatty()
        assert ("Loading" in stream.getvalue()) == stream.isatty()
