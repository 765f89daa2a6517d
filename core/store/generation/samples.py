"""Samples in the store: durable as they arrive, never stored twice, never changed; their counts."""

import sqlite3
import sys
from array import array
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from typing import Any

from core.domain.registries.finish_reasons import SetAside
from core.domain.runs import Outcome, Sample
from core.domain.texts import MAX_TEXT, storable_text
from core.store.database import Database

SAMPLE_COLUMNS = (
    "id",
    "cycle",
    "label",
    "index",
    "order",
    "text",
    "finish_reason",
    "outcome",
    "fluency",
    "tokens",
    "duplicate_of",
    "seconds",
)
"""The columns of `sample_rows`; `tokens` is how many tokens the text has."""


def add_samples(db: Database, samples: Iterable[Sample]) -> list[Sample]:
    """Store samples in one short transaction; once this returns they survive a crash.

    A sample whose key (run, cycle, label, index) is stored already is skipped, so repeating a call
    after an interruption is safe. Texts are stored as `core.domain.texts.storable_text` makes
    them; a text that it has to cut has the outcome `truncated`.

    Returns:
        Those that were new, as stored, in the order given.

    Raises:
        StoreFull, StoreBusy: none of them was stored.
        ValueError: an id or an arrival order belongs to another sample; none was stored.
        sqlite3.IntegrityError: there is no such run, or a value is out of its range.
    """
    given = [_storable(sample) for sample in samples]
    blobs = [pack_tokens(sample.token_ids) for sample in given]
    new: list[Sample] = []
    if not given:
        return new
    with db.write() as connection:
        for sample, blob in zip(given, blobs, strict=True):
            values = [getattr(sample, field) for field in _COLUMNS]
            if connection.execute(_INSERT, (*values, blob)).rowcount:
                new.append(sample)
            else:
                _check_same_key(connection, sample)
    return new


def samples_of(
    db: Database,
    run_id: str,
    *,
    after_order: int | None = None,
    label: str | None = None,
    outcome: Outcome | None = None,
    limit: int | None = None,
) -> list[Sample]:
    """A run's samples in order of arrival.

    Args:
        db: the store.
        run_id: the run.
        after_order: only what arrived later than this one (what a page has not seen yet).
        label: only this label's.
        outcome: only those of this outcome.
        limit: at most so many, the earliest.
    """
    rows = _select(db, "*", run_id, after_order, label, outcome, limit)
    return [
        Sample(
            **{field: row[column] for field, column in _COLUMNS.items()},
            token_ids=unpack_tokens(row["token_ids"]),
        )
        for row in rows
    ]


def sample_rows(
    db: Database,
    run_id: str,
    *,
    after_order: int | None = None,
    label: str | None = None,
    outcome: Outcome | None = None,
    limit: int | None = None,
) -> list[tuple[Any, ...]]:
    """As `samples_of`, as plain rows of `SAMPLE_COLUMNS`: `pandas.DataFrame(rows, columns=...)`."""
    columns = (
        "id, cycle, label, idx, arrival, text, finish_reason, outcome, fluency,"
        " length(token_ids) / 4, duplicate_of, seconds"
    )
    rows = _select(db, columns, run_id, after_order, label, outcome, limit)
    return [tuple(row) for row in rows]


def cycles_of(db: Database, run_id: str) -> dict[str, int]:
    """The cycle of each of a run's samples, by sample id."""
    with db.read() as connection:
        rows = connection.execute("SELECT id, cycle FROM samples WHERE run_id = ?", (run_id,))
        return {row["id"]: row["cycle"] for row in rows}


def next_order(db: Database, run_id: str) -> int:
    """The arrival order that the run's next sample gets, 0 for the first."""
    with db.read() as connection:
        number: int = connection.execute(
            "SELECT coalesce(max(arrival) + 1, 0) FROM samples WHERE run_id = ?", (run_id,)
        ).fetchone()[0]
    return number


def pack_tokens(token_ids: Iterable[int]) -> bytes:
    """Token ids as little-endian int32.

    Raises:
        OverflowError: an id is outside of -2**31 to 2**31 - 1.
    """
    return _little(array("i", token_ids)).tobytes()


def unpack_tokens(blob: bytes) -> tuple[int, ...]:
    """The inverse of `pack_tokens`."""
    numbers = array("i")
    numbers.frombytes(blob)
    return tuple(_little(numbers))


_COLUMNS = {
    item.name: {"index": "idx", "order": "arrival"}.get(item.name, item.name)
    for item in fields(Sample)
    if item.name != "token_ids"
}
"""The column of each field of a sample; `token_ids` has one of another type."""

_INSERT = (
    f"INSERT INTO samples ({', '.join(_COLUMNS.values())}, token_ids)"
    f" VALUES ({', '.join('?' * (len(_COLUMNS) + 1))}) ON CONFLICT DO NOTHING"
)


def _storable(sample: Sample) -> Sample:
    text = storable_text(sample.text)
    return replace(
        sample,
        text=text,
        outcome="truncated" if len(sample.text) > MAX_TEXT else sample.outcome,
        finish_reason=storable_text(sample.finish_reason)[:100],
    )


def _check_same_key(connection: sqlite3.Connection, sample: Sample) -> None:
    # DO NOTHING skips any clash; only a clash of the key may be skipped, others lose a sample.
    key = (sample.run_id, sample.cycle, sample.label, sample.index)
    known = connection.execute(
        "SELECT 1 FROM samples WHERE run_id = ? AND cycle = ? AND label = ? AND idx = ?", key
    ).fetchone()
    if known is None:
        raise ValueError(
            f"id {sample.id!r} or order {sample.order} of run {sample.run_id} is another sample's"
        )


def _select(
    db: Database,
    columns: str,
    run_id: str,
    after_order: int | None,
    label: str | None,
    outcome: str | None,
    limit: int | None,
) -> list[sqlite3.Row]:
    query = f"SELECT {columns} FROM samples WHERE run_id = ?"
    values: list[Any] = [run_id]
    for clause, value in (
        ("arrival > ?", after_order),
        ("label = ?", label),
        ("outcome = ?", outcome),
    ):
        if value is not None:
            query += f" AND {clause}"
            values.append(value)
    query += " ORDER BY arrival LIMIT ?"
    values.append(-1 if limit is None else limit)
    with db.read() as connection:
        return connection.execute(query, values).fetchall()


def _little(numbers: "array[int]") -> "array[int]":
    if sys.byteorder == "big":
        numbers = numbers[:]
        numbers.byteswap()
    return numbers


COUNT_COLUMNS = """
    sum(outcome = 'usable') AS usable, sum(outcome = 'empty') AS empty,
    sum(outcome = 'truncated') AS truncated,
    sum(outcome = 'usable' AND duplicate_of IS NOT NULL) AS duplicates
"""
"""What a query over `samples` selects for `counts_in`."""


@dataclass(frozen=True, slots=True)
class Counts:
    """How many samples came out how; `duplicates` are those among the usable."""

    usable: int = 0
    empty: int = 0
    truncated: int = 0
    duplicates: int = 0

    @property
    def total(self) -> int:
        """Samples of any outcome."""
        return self.usable + self.empty + self.truncated

    @property
    def new(self) -> int:
        """Usable samples that repeat no earlier one."""
        return self.usable - self.duplicates


def counts(db: Database, run_id: str) -> dict[str, Counts]:
    """Counts of a run by label name; a label without samples is missing."""
    with db.read() as connection:
        rows = connection.execute(
            f"SELECT label, {COUNT_COLUMNS} FROM samples WHERE run_id = ? GROUP BY label",
            (run_id,),
        ).fetchall()
    return {row["label"]: counts_in(row) for row in rows}


def counts_in(row: sqlite3.Row) -> Counts:
    """The counts that a row with `COUNT_COLUMNS` holds; NULL, of no samples, is 0."""
    return Counts(
        row["usable"] or 0, row["empty"] or 0, row["truncated"] or 0, row["duplicates"] or 0
    )


def set_aside(db: Database, run_id: str) -> list[SetAside]:
    """What came of a run that is no usable text, the most frequent first."""
    with db.read() as connection:
        rows = connection.execute(
            "SELECT label, finish_reason, count(*) AS found FROM samples"
            " WHERE run_id = ? AND outcome <> 'usable'"
            " GROUP BY label, finish_reason ORDER BY found DESC, finish_reason, label",
            (run_id,),
        ).fetchall()
    return [SetAside(*row) for row in rows]


def stripped_counts(db: Database, run_id: str) -> dict[str, int]:
    """How many samples lost which wrapping (`core.generation.servers.wrappings`)."""
    with db.read() as connection:
        rows = connection.execute(
            "SELECT stripped, count(*) FROM samples WHERE run_id = ? AND stripped <> ''"
            " GROUP BY stripped",
            (run_id,),
        ).fetchall()
    counted: Counter[str] = Counter()
    for names, count in rows:
        for name in names.split(", "):
            counted[name] += count
    return dict(counted.most_common())


_RUNS = 50


def tokens_by_temperature(db: Database, model: str) -> dict[float, float]:
    """Mean tokens drawn for a usable text, by temperature, over the last 50 runs with a model.

    The end of each text counts as one token, and what went into unusable texts counts, too.
    Texts whose tokens are not known are left out.

    Args:
        db: the store.
        model: as in `core.domain.runs.ModelChoice.model`.
    """
    with db.read() as connection:
        rows = connection.execute(
            "SELECT temperature, sum(length(token_ids) / 4 + 1) AS tokens,"
            " sum(outcome = 'usable') AS usable FROM ("
            " SELECT id, json_extract(spec, '$.condition.temperature') AS temperature FROM runs"
            " WHERE json_extract(spec, '$.model.model') = ?"
            " ORDER BY rowid DESC LIMIT ?"
            ") AS recent JOIN samples ON run_id = recent.id"
            " WHERE length(token_ids) > 0 GROUP BY temperature",
            (model, _RUNS),
        ).fetchall()
    return {row["temperature"]: row["tokens"] / row["usable"] for row in rows if row["usable"]}
