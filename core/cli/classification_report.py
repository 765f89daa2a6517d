"""How far a training is, and its result, in words."""

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TextIO

from core.cli.parser import one_line
from core.cli.progress import LINE_SECONDS, clock

if TYPE_CHECKING:
    from core.classification.fine_tuning.fine_tuning import Step

_TABLE = ("", "precision", "recall", "F1", "texts")


class TrainProgress:
    """What is being done: on a terminal one line drawn over itself, else a line now and then.

    Args:
        stream: where to.
        timer: seconds that only grow.
    """

    def __init__(self, stream: TextIO, *, timer: Callable[[], float] = time.monotonic) -> None:
        self._stream, self._timer = stream, timer
        self._terminal = stream.isatty()
        self._shown = ""
        self._next_line = 0.0
        self._repeat, self._repeats = 0, 1

    def __enter__(self) -> "TrainProgress":
        return self

    def __exit__(self, *_: object) -> None:
        self._draw("")

    def begin(self, repeat: int, repeats: int) -> None:
        """Tell which repeat (from 0) of how many begins."""
        self._repeat, self._repeats = repeat, repeats
        self.say(f"Repeat {repeat + 1} of {repeats}")

    def say(self, what: str) -> None:
        """Tell a phase; on a terminal only."""
        if self._terminal:
            self._draw(what)

    def note(self, line: str) -> None:
        """Tell something that stays."""
        self._draw("")
        print(one_line(line), file=self._stream, flush=True)

    def embedded(self, done: int, total: int) -> None:
        """Tell how many of the texts have their vectors."""
        self._tell(f"Embedding: {done:,} of {total:,} texts", worth=0 < done < total)

    def step(self, step: "Step") -> None:
        """Tell where a training is."""
        parts = [f"Repeat {self._repeat + 1} of {self._repeats}: epoch {step.epoch}"]
        if step.loss is not None:
            parts.append(f"loss {step.loss:.3f}")
        if step.history:
            parts.append(f"validation accuracy {step.history[-1]['accuracy']:.3f}")
        if step.seconds_left is not None:
            parts.append(f"at most {clock(step.seconds_left)} left")
        self._tell(", ".join(parts), worth=step.step == step.steps)

    def _tell(self, line: str, *, worth: bool) -> None:
        if self._terminal:
            self._draw(line)
        elif worth and self._timer() >= self._next_line:
            self._next_line = self._timer() + LINE_SECONDS
            print(line, file=self._stream, flush=True)

    def _draw(self, line: str) -> None:
        if self._terminal and line != self._shown:
            self._stream.write("\r" + line.ljust(len(self._shown)) + ("" if line else "\r"))
            self._stream.flush()
            self._shown = line


def plain_data(result: Mapping[str, Any]) -> dict[str, Any]:
    """The result as one JSON object says it: all but the epochs of each repeat."""
    kept = dict(result)
    kept["repeats"] = [
        {key: value for key, value in repeat.items() if key != "history"}
        for repeat in result["repeats"]
    ]
    return kept


def in_words(result: Mapping[str, Any]) -> str:
    """The result as text: the scores with their intervals, and a table by label."""
    count = len(result["seeds"])
    lines = [
        f"{_what(result)}, {result['n_train']:,} training and {result['n_test']:,} test texts, "
        f"{count} repeat{'' if count == 1 else 's'}.",
        f"Accuracy {_score(result['accuracy'])}; macro-F1 {_score(result['macro_f1'])}.",
    ]
    rows = [
        (
            name,
            *(_number(scores[what]) for what in ("precision", "recall", "f1")),
            f"{scores['support']:,}",
        )
        for name, scores in result["per_label"].items()
    ]
    cells = [_TABLE, *((one_line(row[0]), *row[1:]) for row in rows)]
    widths = [max(len(row[place]) for row in cells) for place in range(len(_TABLE))]
    lines += [
        "  ".join(
            cell.ljust(width) if place == 0 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    ]
    if result["kind"] == "llm":
        lines.append(_scored(result["repeats"][0]["facts"]))
    if result["calibration"] is not None:
        lines.append(f"Expected calibration error {result['calibration']['ece']:.3f}.")
    return "\n".join(lines)


def _what(result: Mapping[str, Any]) -> str:
    model = one_line(result["model"])
    return {
        "fine-tuning": f"Fine-tuned encoder {model}",
        "probe": f"Linear probe of encoder {model}",
        "majority": "Most frequent label",
        "llm": f"Language model {model}, {_shots(result['n_train'])}",
    }[result["kind"]]


def _scored(facts: Mapping[str, Any]) -> str:
    """How a language model was asked, and what could not be read."""
    calibrated = facts.get("calibration") == "batch"
    way = {
        "likeliest tokens": "Scored by the odds of each label's letter",
        "forced answers": "Scored by the letter answered, all others being suppressed",
        "answers": "Scored by the letter or phrase answered",
    }.get(str(facts.get("scores")), "Scored by the odds of each label's phrase")
    said = f"{way}, {'with batch calibration' if calibrated else 'uncalibrated'}"
    unread = facts.get("not_parsed")
    return f"{said}." if unread is None else f"{said}; not parsed: {unread:,}."


def _shots(examples: int) -> str:
    return f"{examples} examples" if examples else "no examples"


def _score(score: Mapping[str, Any]) -> str:
    if score["low"] is None:
        return f"{score['mean']:.3f}"
    said = f"95 % interval {score['low']:.3f} to {score['high']:.3f}, {score['interval']}"
    return f"{score['mean']:.3f} ({said})"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
