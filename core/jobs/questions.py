"""The fast lane: a page's short question, answered by the worker between two decode steps."""

import json
import logging
import time
from collections.abc import Callable, Mapping

from core.domain.errors import NoAnswer, WidesetError
from core.store.database import Database
from core.store.records import new_id

POLL_SECONDS = 0.02
KEPT_SECONDS = 60.0

log = logging.getLogger("wideset.questions")

Answerer = Callable[[Mapping[str, object]], Mapping[str, object]]
"""Answers a question's spec with JSON-ready data; may raise WidesetError."""


def ask(
    db: Database,
    kind: str,
    spec: Mapping[str, object],
    *,
    timeout: float = 2.0,
    sleep: Callable[[float], None] = time.sleep,
    timer: Callable[[], float] = time.monotonic,
) -> Mapping[str, object]:
    """Ask the worker and wait, polling every 20 ms.

    Args:
        db: the store.
        kind: which answerer is meant.
        spec: the question (JSON-ready).
        timeout: seconds to wait.
        sleep: waits so many seconds.
        timer: monotonic seconds.

    Raises:
        NoAnswer: none came in time, or the worker could not give one.
    """
    now = db.now()
    question = new_id(now)
    with db.write() as connection:
        connection.execute("DELETE FROM questions WHERE asked_at < ?", (now - KEPT_SECONDS,))
        connection.execute(
            "INSERT INTO questions (id, kind, spec, asked_at) VALUES (?, ?, ?, ?)",
            (question, kind, json.dumps(dict(spec)), now),
        )
    end = timer() + timeout
    seen = None
    while timer() < end:
        sleep(POLL_SECONDS)
        version = db.data_version()
        if version == seen:
            continue
        seen = version
        with db.read() as connection:
            row = connection.execute(
                "SELECT answer, error FROM questions WHERE id = ? AND answered_at IS NOT NULL",
                (question,),
            ).fetchone()
        if row is not None:
            if row["error"] is not None:
                raise NoAnswer(*json.loads(row["error"]))
            answer: Mapping[str, object] = json.loads(row["answer"])
            return answer
    with db.write() as connection:  # nobody waits for it any more
        connection.execute("DELETE FROM questions WHERE id = ?", (question,))
    raise NoAnswer("The worker did not answer in time.", "Try again in a moment.")


def answer_all(db: Database, answerers: Mapping[str, Answerer]) -> int:
    """Answer all open questions; how many there were. For the worker only.

    An answerer's WidesetError becomes the answer; so does any other error of it, in plain words,
    with the details in the log. A question of a kind without answerer is declined at once.

    Raises:
        StoreBusy, StoreFull: an answer could not be stored; the question stays open.
    """
    with db.read() as connection:
        rows = connection.execute(
            "SELECT id, kind, spec FROM questions WHERE answered_at IS NULL AND asked_at > ?"
            " ORDER BY asked_at, rowid",
            (db.now() - KEPT_SECONDS,),
        ).fetchall()
    for row in rows:
        answer, error = _answer(answerers.get(row["kind"]), json.loads(row["spec"]))
        with db.write() as connection:
            connection.execute(
                "UPDATE questions SET answer = ?, error = ?, answered_at = ? WHERE id = ?",
                (answer, error, db.now(), row["id"]),
            )
    return len(rows)


def _answer(answerer: Answerer | None, spec: Mapping[str, object]) -> tuple[str | None, str | None]:
    if answerer is None:
        return None, json.dumps(["The worker can't answer this at the moment.", "Start a run."])
    try:
        return json.dumps(dict(answerer(spec))), None
    except WidesetError as error:
        return None, json.dumps([error.what, error.remedy])
    except Exception:
        log.exception("A question could not be answered")
        return None, json.dumps(["The worker failed to answer.", "Its log has the details."])
