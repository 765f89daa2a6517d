"""What commands print: lines that a terminal does not obey, tables and JSON."""

import json
from collections.abc import Sequence
from typing import Any


def one_line(text: str) -> str:
    """A message on one line, without characters that a terminal would obey."""
    return " ".join(
        "".join(
            c if c.isprintable() else " " if c.isspace() else "\N{REPLACEMENT CHARACTER}"
            for c in word
        )
        for word in text.split()
    )


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
