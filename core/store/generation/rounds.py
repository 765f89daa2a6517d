"""Rounds and requests in the store: which parts of a run are complete, and what was sent."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field, fields, replace

from core.domain.runs import Attempt, FinishedRound
from core.domain.spending import Spent
from core.domain.texts import storable_text
from core.store.database import Database

_FIELDS = [item.name for item in fields(Attempt) if item.name not in ("number", "at")]


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptTotals(Spent):
    """What a run's requests come to.

    Args:
        texts: that came back.
        outcomes: attempts by outcome.
    """

    texts: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)

    @property
    def known_tokens(self) -> tuple[int | None, int | None]:
        """Tokens in and out; None while any answer's are unknown."""
        return (None, None) if self.unreported else (self.tokens_in, self.tokens_out)


def add_attempt(
    db: Database, attempt: Attempt, *, run_id: str | None, job_id: str | None = None
) -> None:
    """Store an attempt; once this returns it survives a crash.

    Raises:
        StoreFull, StoreBusy: it was not stored.
        sqlite3.IntegrityError: there is no such run, or a number is out of its range.
    """
    attempt = replace(attempt, other_model=storable_text(attempt.other_model)[:500])
    values = [getattr(attempt, name) for name in _FIELDS]
    marks = ", ".join("?" * (len(_FIELDS) + 3))
    with db.write() as connection:
        connection.execute(
            f"INSERT INTO attempts (run_id, job_id, at, {', '.join(_FIELDS)}) VALUES ({marks})",
            (run_id, job_id, db.now(), *values),
        )


def attempts_of(db: Database, run_id: str, *, limit: int | None = None) -> list[Attempt]:
    """A run's attempts, the earliest first; with a limit, the latest so many."""
    with db.read() as connection:
        rows = connection.execute(
            f"SELECT number, at, {', '.join(_FIELDS)} FROM attempts WHERE run_id = ?"
            " ORDER BY number DESC LIMIT ?",
            (run_id, -1 if limit is None else limit),
        ).fetchall()
    return [Attempt(**dict(row)) for row in reversed(rows)]


def other_models(db: Database, run_id: str) -> tuple[str, ...]:
    """The models that answered a run's requests though another was asked, by name."""
    with db.read() as connection:
        rows = connection.execute(
            "SELECT DISTINCT other_model FROM attempts WHERE run_id = ? AND other_model <> ''"
            " ORDER BY other_model",
            (run_id,),
        )
        return tuple(row["other_model"] for row in rows)


def totals(db: Database, run_id: str) -> AttemptTotals:
    """What a run's requests come to so far, over all its resumptions."""
    return _totals(db, "run_id", run_id)


def totals_of_job(db: Database, job_id: str) -> AttemptTotals:
    """What a job's requests come to so far; for jobs whose requests are of no run."""
    return _totals(db, "job_id", job_id)


def _totals(db: Database, column: str, value: str) -> AttemptTotals:
    with db.read() as connection:
        rows = connection.execute(
            "SELECT outcome, count(*) AS requests, sum(texts_returned) AS texts,"
            " coalesce(sum(tokens_in), 0) AS tokens_in, coalesce(sum(tokens_out), 0) AS tokens_out,"
            " sum(texts_returned > 0 AND (tokens_in IS NULL OR tokens_out IS NULL)) AS unreported"
            f" FROM attempts WHERE {column} = ? GROUP BY outcome ORDER BY outcome",
            (value,),
        ).fetchall()
    return AttemptTotals(
        requests=sum(row["requests"] for row in rows),
        texts=sum(row["texts"] for row in rows),
        tokens_in=sum(row["tokens_in"] for row in rows),
        tokens_out=sum(row["tokens_out"] for row in rows),
        unreported=sum(row["unreported"] for row in rows),
        outcomes={row["outcome"]: row["requests"] for row in rows},
    )


def finish_round(db: Database, run_id: str, finished: FinishedRound) -> bool:
    """Store a complete round, after its last sample was stored or in the same `write`.

    Returns:
        Whether it was new; a round that is complete already keeps its first record.

    Raises:
        sqlite3.IntegrityError: there is no such run, or a number is out of its range.
    """
    with db.write() as connection:
        return bool(
            connection.execute(
                "INSERT INTO rounds (run_id, cycle, position, requested, done_at, seconds, tokens)"
                " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (
                    *(run_id, finished.cycle, finished.position),
                    *(json.dumps(dict(finished.requested)), db.now()),
                    *(finished.seconds, finished.tokens),
                ),
            ).rowcount
        )


def rounds_of(db: Database, run_id: str) -> list[FinishedRound]:
    """A run's complete rounds, by cycle and position."""
    with db.read() as connection:
        rows = connection.execute(
            "SELECT * FROM rounds WHERE run_id = ? ORDER BY cycle, position", (run_id,)
        ).fetchall()
    return [
        FinishedRound(
            row["cycle"],
            row["position"],
            json.loads(row["requested"]),
            row["seconds"],
            row["tokens"],
        )
        for row in rows
    ]


def seconds_of(db: Database, run_ids: Iterable[str]) -> dict[str, float]:
    """Seconds that each run's complete rounds took, by run id; a run without any is missing."""
    with db.read() as connection:
        rows = connection.execute(
            "SELECT run_id, sum(seconds) AS seconds FROM rounds"
            " WHERE run_id IN (SELECT value FROM json_each(?)) GROUP BY run_id",
            (json.dumps(sorted(set(run_ids))),),
        ).fetchall()
    return {row["run_id"]: row["seconds"] for row in rows}


def recent_speed(db: Database, model: str, *, rounds: int = 20) -> float | None:
    """Texts per second over the last complete rounds of runs with this model; None without any.

    Args:
        db: the store.
        model: as in `core.domain.runs.ModelChoice.model`.
        rounds: over how many at most.
    """
    with db.read() as connection:
        rows = connection.execute(
            "SELECT requested, seconds FROM rounds JOIN runs ON runs.id = rounds.run_id"
            " WHERE json_extract(runs.spec, '$.model.model') = ? AND seconds > 0"
            " ORDER BY done_at DESC LIMIT ?",
            (model, rounds),
        ).fetchall()
    seconds = sum(row["seconds"] for row in rows)
    texts = sum(sum(json.loads(row["requested"]).values()) for row in rows)
    return texts / seconds if seconds > 0 else None
