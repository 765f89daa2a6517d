"""What commands print: lines that a terminal does not obey, tables and JSON."""

import json
import sys
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from core.domain.spending import SpendingProgress
from core.domain.wording import UNKNOWN, number


def one_line(text: str) -> str:
    """A message on one line, without characters that a terminal would obey."""
    return " ".join(
        "".join(
            c if c.isprintable() else " " if c.isspace() else "\N{REPLACEMENT CHARACTER}"
            for c in word
        )
        for word in text.split()
    )


def print_lines(*lines: str) -> None:
    """Print each on a line of standard output."""
    for line in lines:
        print(one_line(line))


def print_note(line: str) -> None:
    """Print what to mind on standard error, where it is no part of the result."""
    print(one_line(line), file=sys.stderr)


def print_json(data: Any) -> None:
    """Print JSON-ready data on one line of standard output."""
    print(json.dumps(data, allow_nan=False), flush=True)


def table(rows: Sequence[Sequence[str]], *, left: Sequence[int] = (0,)) -> str:
    """Rows in aligned columns; those at the places in `left` to the left, the others right."""
    cells = [[one_line(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if place in left else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    )


def date_time(seconds: float) -> str:
    """Seconds since 1970 as "2026-11-30 14:05", local time."""
    return datetime.fromtimestamp(seconds).strftime("%Y-%m-%d %H:%M")


def spending_words(spending: SpendingProgress) -> str:
    """What requests took, in one sentence; what the server did not report is unknown."""
    money = spending.money
    cost = UNKNOWN if money is None else f"{money:.4g} {spending.currency}"
    return (
        f"It took {number(spending.requests)} requests, {number(spending.tokens_in)} tokens in, "
        f"{number(spending.tokens_out)} tokens out; cost: {cost}."
    )
