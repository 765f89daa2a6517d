import threading
import time
from collections.abc import Mapping
from typing import Any

import pytest

from core.domain.errors import BadInput, NoAnswer
from core.jobs.questions import answer_all, ask
from core.store.database import Database
from tests.store.making import FakeClock


def double(spec: Mapping[str, Any]) -> Mapping[str, Any]:
    if spec["number"] < 0:
        raise BadInput("It is negative.", "Give another.")
    return {"answer": spec["number"] * 2, "text": "ü\ud800"}


class Answering:
    """A thread that answers as the worker does."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._answer)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _answer(self) -> None:
        while not self._end.wait(0.005):
            answer_all(self._db, {"double": double})
        self._db.close()


@pytest.mark.alone
def test_a_question_is_answered_within_the_promised_time(real_db: Database) -> None:
    with Answering(real_db):
        started = time.monotonic()
        assert ask(real_db, "double", {"number": 21}) == {"answer": 42, "text": "ü\ud800"}
        assert time.monotonic() - started < 0.4


@pytest.mark.parametrize(
    ("kind", "spec", "message", "remedy"),
    [
        ("double", {"number": -1}, "It is negative.", "Give another."),
        ("double", {}, "The worker failed to answer.", "Its log has the details."),
        ("other", {}, "The worker can't answer this at the moment.", "Start a run."),
    ],
)
def test_a_failing_answer_is_told(
    real_db: Database, kind: str, spec: dict[str, Any], message: str, remedy: str
) -> None:
    with Answering(real_db), pytest.raises(NoAnswer) as caught:
        ask(real_db, kind, spec)
    assert (caught.value.what, caught.value.remedy) == (message, remedy)


def test_nobody_answers(db: Database) -> None:
    waits: list[float] = []
    times = iter([0.0, *(n * 0.02 for n in range(100))])
    with pytest.raises(NoAnswer, match="in time"):
        ask(db, "double", {}, timeout=0.1, sleep=waits.append, timer=lambda: next(times))
    assert waits == [0.02] * 5
    assert db.connection().execute("SELECT count(*) FROM questions").fetchone()[0] == 0


def test_old_questions_are_left_and_cleared(db: Database, clock: FakeClock) -> None:
    with db.write() as connection:
        connection.execute(
            "INSERT INTO questions (id, kind, spec, asked_at) VALUES ('q', 'double', '{}', ?)",
            (clock.now,),
        )
    clock.forward(61)
    assert answer_all(db, {"double": double}) == 0
    with pytest.raises(NoAnswer):
        ask(db, "double", {}, timeout=0)
    assert db.connection().execute("SELECT count(*) FROM questions").fetchone()[0] == 0
