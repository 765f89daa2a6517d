"""How `measure` reads: its progress on stderr and its result as tables and notes."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TextIO

from core.cli.parser import one_line
from core.cli.progress import LINE_SECONDS, clock
from core.diversity.measures.scores import GIBBERISH
from core.domain.metrics import MEASURED, Metric

_TOLD = "reference_distance"  # 1 minus the similarity: one of them a label is enough
_SHARES = ("exact_duplicates", "near_duplicates")


class Progress:
    """What is being done, and how far the embedding is.

    Args:
        stream: where to; a terminal gets one line that is drawn over itself.
        timer: seconds that only grow.
    """

    def __init__(self, stream: TextIO, *, timer: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._timer = timer
        self._terminal = stream.isatty()
        self._shown = ""
        self._begun: tuple[int, float] | None = None
        self._next_line = 0.0

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *_: object) -> None:
        self._draw("")

    def say(self, what: str) -> None:
        """Tell a phase; on a terminal only, as elsewhere it is worth no line."""
        self._draw(what)

    def embedded(self, done: int, total: int) -> None:
        """Tell how many of the texts have their vectors."""
        now = self._timer()
        known, start = self._begun = self._begun or (done, now)
        line = f"Embedding: {done:,} of {total:,} texts"
        if known < done < total:
            line += f", {clock((now - start) / (done - known) * (total - done))} left"
        if self._terminal:
            self._draw(line)
        elif known < done and now >= self._next_line:
            self._next_line = now + LINE_SECONDS
            print(line, file=self._stream, flush=True)

    def _draw(self, line: str) -> None:
        if self._terminal and line != self._shown:
            self._stream.write("\r" + line.ljust(len(self._shown)) + ("" if line else "\r"))
            self._stream.flush()
            self._shown = line


def in_words(result: Mapping[str, Any]) -> str:
    """A result as text: a table of all texts, one by label, and what to mind."""
    parts = [
        one_line(
            f"{result['name']}: {_counted(result['n'])}. Encoder: {result['encoder']}; "
            f"{result['distance']} distance."
        ),
        _table(
            ["", "value", "95 % interval", "texts", "direction"], _whole(result), numbers=(1, 2, 3)
        ),
    ]
    if len(result["labels"]) > 1:
        shown = [
            m for m in MEASURED if m.by_label and m.field and m.name in result and m.name != _TOLD
        ]
        heads = ["label", "texts", *(m.name.replace("_", " ") for m in shown)]
        rows = [
            [name, f"{n:,}", *(_with_interval(m, result[m.name]["per_label"][name]) for m in shown)]
            for name, n in result["labels"].items()
        ]
        parts.append(_table(heads, rows, numbers=range(1, len(heads))))
    if result["openings"]:
        listed = ", ".join(f'"{o["words"]}" {o["share"]:.1%}' for o in result["openings"][:5])
        parts.append(one_line(f"Commonest openings: {listed}."))
    return "\n\n".join([*parts, "\n".join(_notes(result))]).rstrip()


def _counted(texts: int) -> str:
    """How many texts, in words."""
    return f"{texts:,} text" + ("" if texts == 1 else "s")


def _whole(result: Mapping[str, Any]) -> list[list[str]]:
    rows = []
    for measure in MEASURED:
        entry = result.get(measure.name)
        if entry is None or measure.field is None:
            continue
        title = measure.title
        if measure.name == "near_duplicates":
            title += f" (within {entry['threshold']})"
        direction = measure.direction + (" *" if measure.grows_with_n else "")
        rows.append([title, _value(measure, entry), _interval(entry), f"{entry['n']:,}", direction])
    return rows


def _value(measure: Metric, entry: Mapping[str, Any]) -> str:
    value = entry[measure.field or "value"]
    if value is None:
        return "-"
    if measure.name in _SHARES:
        return f"{value:.1%}"
    if measure.name == "fluency":
        return f"{value:.2f}" + (f" ± {entry['sd']:.2f}" if entry["sd"] is not None else "")
    return f"{value:.4f}" if abs(value) < 10 else f"{value:.1f}"


def _with_interval(measure: Metric, entry: Mapping[str, Any]) -> str:
    ends = "" if entry.get("low") is None else f" [{entry['low']:.3f}, {entry['high']:.3f}]"
    return _value(measure, entry) + ends


def _interval(entry: Mapping[str, Any]) -> str:
    if entry.get("low") is None:
        return ""
    return f"{entry['low']:.4f} to {entry['high']:.4f}"


def _notes(result: Mapping[str, Any]) -> list[str]:
    notes = ["* depends on the number of texts: compare datasets of equal size only."]
    if "interval" in result["remote_clique"]:
        notes.append(f"Interval of Remote-Clique: {result['remote_clique']['interval']}.")
    if result["self_bleu"]["sampled"]:
        notes.append(f"Self-BLEU rests on {result['self_bleu']['n']:,} texts, drawn at random.")
    if "reference" in result:
        notes += _beside(result)
    for measure in MEASURED:
        entry = result.get(measure.name)
        if isinstance(entry, Mapping) and entry.get("why"):
            notes.append(f"{measure.title}: {entry['why']}")
    fluency = result["fluency"]["mean"]
    if fluency is not None and fluency <= GIBBERISH:
        notes.append(
            f"A fluency of {fluency:.1f} a token is that of gibberish, which lies far from "
            "everything: read the texts before you praise a score."
        )
    return [one_line(note) for note in notes]


def _beside(result: Mapping[str, Any]) -> list[str]:
    real, matched = result["reference"], result["size_matched"]
    clique = real["remote_clique"]
    notes = []
    if clique["value"] is not None:
        notes.append(
            f"Reference {real['name']}: {real['n']:,} texts, Remote-Clique of its own "
            f"{_ranged(clique)}."
        )
    if real["n"] != result["n"] and matched["dataset"]["value"] is not None:
        notes.append(
            f"The two differ in size; at {matched['n']:,} texts each, Remote-Clique is "
            f"{_ranged(matched['dataset'])} here and {_ranged(matched['reference'])} in the "
            "reference."
        )
    lacking = [
        name
        for name, found in result["similarity"]["per_label"].items()
        if found["value"] is None and result["labels"][name]
    ]
    if lacking:
        notes.append(f"The reference has no texts of: {', '.join(lacking)}.")
    return notes


def _ranged(entry: Mapping[str, Any]) -> str:
    interval = _interval(entry)
    return f"{entry['value']:.4f}" + (f" ({interval})" if interval else "")


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], *, numbers: Sequence[int]) -> str:
    """Rows under their heads; the columns named in `numbers` stand to the right."""
    cells = [list(heads), *([one_line(cell) for cell in row] for row in rows)]
    widths = [max(len(row[place]) for row in cells) for place in range(len(heads))]
    return "\n".join(
        "  ".join(
            text.rjust(width) if place in numbers else text.ljust(width)
            for place, (text, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    )
