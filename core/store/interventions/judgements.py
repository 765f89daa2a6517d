"""Judgements in the store: events of who said what of which text, never changed, only taken back.

A person may judge a text again; the latest judgement that was not taken back is in effect, so
taking it back brings the one before into effect again. Judgements of several people of one text
stand side by side.
"""

import sqlite3
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from core.domain.errors import BadInput, StaleEdit
from core.store.database import Database
from core.store.generation.runs import get_run
from core.store.records import new_id

Why = Literal["audit", "uncertain", "spread", "label", "bulk", "lasso", "oracle", "judge"]
MACHINES = ("oracle", "judge")
"""Those whose judgements count for less than people's."""

MAX_WHO = 200


@dataclass(frozen=True, slots=True)
class Verdict:
    """What somebody says of a text; at least one of the three is said.

    Args:
        sample_id: the text.
        label: its right label; None leaves that open.
        in_scope: whether it belongs to the task at all; None leaves that open.
        skipped: looked at and passed over; says nothing else then.
    """

    sample_id: str
    label: str | None = None
    in_scope: bool | None = None
    skipped: bool = False

    def __post_init__(self) -> None:
        says = self.label is not None or self.in_scope is not None
        if says == self.skipped:
            raise ValueError("a verdict says something, or it skips")


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict as stored.

    Args:
        number: counts the events of the store from 1; later events have higher ones.
        id: stable and unique.
        run_id: the text's run.
        who: the annotator's name.
        at: seconds since 1970, UTC.
        why: what brought the text up: an order of the queue (`audit` is the random one), a bulk
            view, the lasso; `oracle` and `judge` are machines.
        session: the queue or sitting it belongs to; may be empty.
        verdict: what was said.
    """

    number: int
    id: str
    run_id: str
    who: str
    at: float
    why: Why
    session: str
    verdict: Verdict


def last_number(db: Database, run_id: str) -> int:
    """The number of the run's latest event, 0 before the first: what a reader has `seen`."""
    with db.read() as connection:
        number: int = connection.execute(
            "SELECT coalesce(max(number), 0) FROM judgements WHERE run_id = ?", (run_id,)
        ).fetchone()[0]
    return number


def add_judgements(
    db: Database,
    run_id: str,
    verdicts: Sequence[Verdict],
    *,
    who: str,
    why: Why,
    session: str = "",
    seen: int | None = None,
) -> list[Judgement]:
    """Store what somebody says of some texts, all or none.

    Args:
        db: the store.
        run_id: the texts' run.
        verdicts: one a text.
        who: the annotator's name, 1 to 200 characters.
        why: see `Judgement`.
        session: see `Judgement`.
        seen: `last_number` when the texts were shown. If somebody else judged one of them since,
            or somebody under the same name in another session, nothing is stored. None asks for
            no such check.

    Raises:
        BadInput: the name is empty or too long, or a text or label is none of the run's.
        StaleEdit: somebody else judged one of the texts meanwhile; the message says who and what.
    """
    who = who.strip()
    if not 0 < len(who) <= MAX_WHO:
        raise BadInput(
            "The annotator's name is empty or too long.", f"Give one of up to {MAX_WHO} letters."
        )
    now = db.now()
    stored = []
    with db.write() as connection:
        _check_known(db, run_id, verdicts)
        if seen is not None:
            _check_unjudged_since(connection, run_id, verdicts, who, session, seen)
        for verdict in verdicts:
            key = new_id(now)
            number = connection.execute(
                "INSERT INTO judgements (id, run_id, sample_id, who, at, why, session, label,"
                " in_scope, skipped) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    *(key, run_id, verdict.sample_id, who, now, why, session),
                    *(verdict.label, verdict.in_scope, verdict.skipped),
                ),
            ).lastrowid
            assert number is not None
            stored.append(Judgement(number, key, run_id, who, now, why, session, verdict))
    return stored


def store_verdicts(
    db: Database,
    run_id: str,
    verdicts: Sequence[Verdict],
    *,
    who: str,
    why: Why,
    session: str,
    seen: int | None = None,
) -> list[Judgement]:
    """Store verdicts given at once, all or none; arguments and errors as `add_judgements`.

    A text that the annotator judged for the audit set stays marked `audit`, however it is changed.
    """
    who = who.strip()
    with db.write():
        audited = {
            judgement.verdict.sample_id
            for judgement in judgements_of(db, run_id)
            if judgement.who == who and judgement.why == "audit"
        }
        stored = []
        for mark in (why, "audit"):
            part = [
                verdict
                for verdict in verdicts
                if (verdict.sample_id in audited) == (mark == "audit")
            ]
            if part:
                stored += add_judgements(
                    db, run_id, part, who=who, why=mark, session=session, seen=seen
                )
    return stored


def retract(db: Database, judgement_id: str, *, who: str) -> Judgement:
    """Take a judgement back; it stays in the history. Idempotent.

    Args:
        db: the store.
        judgement_id: the event.
        who: whose judgement it is; nobody takes back another's.

    Returns:
        What was taken back.

    Raises:
        BadInput: there is no such judgement of that person.
    """
    with db.write() as connection:
        row = connection.execute(
            "SELECT * FROM judgements WHERE id = ? AND who = ? AND retracts IS NULL",
            (judgement_id, who.strip()),
        ).fetchone()
        if row is None:
            raise BadInput("There is no such judgement of yours.", "Load the page again.")
        now = db.now()
        connection.execute(
            "INSERT INTO judgements (id, run_id, sample_id, who, at, why, session, skipped,"
            " retracts) VALUES (?, ?, ?, ?, ?, ?, ?, 0, ?) ON CONFLICT (retracts) DO NOTHING",
            (
                *(new_id(now), row["run_id"], row["sample_id"], row["who"], now, row["why"]),
                *(row["session"], judgement_id),
            ),
        )
    return _judgement(row)


def retract_all(db: Database, judgement_ids: Collection[str], *, who: str) -> None:
    """Retract judgements, all or none; errors as `retract`."""
    with db.write():
        for judgement_id in judgement_ids:
            retract(db, judgement_id, who=who)


def retract_model_judgements(db: Database, run_id: str, *, who: str) -> list[Verdict]:
    """Retract all judgements of a model on a run's texts; they stay on record.

    Args:
        db: the store.
        run_id: the texts' run.
        who: the model's name as an annotator. Judgements of people under that name stay.

    Returns:
        What was in effect, so that it can be stored again.
    """
    with db.write():
        standing = standing_of(db, run_id, who=who)
        verdicts = [judgement.verdict for judgement in standing if judgement.why == "judge"]
        retract_all(db, [j.id for j in standing if j.why == "judge"], who=who)
    return list({verdict.sample_id: verdict for verdict in verdicts}.values())


def last_judgement(
    db: Database, run_id: str, *, who: str, session: str | None = None
) -> Judgement | None:
    """The latest judgement that a person has not taken back, of one session if it is named: what
    the next undo takes back."""
    query = f"{_STANDING} AND who = ? AND (? IS NULL OR session = ?) ORDER BY number DESC LIMIT 1"
    with db.read() as connection:
        row = connection.execute(query, (run_id, who.strip(), session, session)).fetchone()
    return None if row is None else _judgement(row)


def standing_of(db: Database, run_id: str, *, who: str) -> list[Judgement]:
    """All that somebody said and did not take back, later words on the same text included."""
    query = f"{_STANDING} AND who = ? ORDER BY number"
    with db.read() as connection:
        return [_judgement(row) for row in connection.execute(query, (run_id, who.strip()))]


def judgements_of(db: Database, run_id: str) -> list[Judgement]:
    """What is in effect: of each person and text the latest that was not taken back, oldest first.

    A skip is in effect, too: it takes the place of what the person said of the text before.
    """
    latest: dict[tuple[str, str], Judgement] = {}
    with db.read() as connection:
        rows = connection.execute(f"{_STANDING} ORDER BY number", (run_id,)).fetchall()
    for row in rows:
        latest[row["who"], row["sample_id"]] = _judgement(row)
    return sorted(latest.values(), key=lambda judgement: judgement.number)


def by_person(judgements: Iterable[Judgement]) -> dict[str, dict[str, Judgement]]:
    """Judgements in effect by who made them and by text, people in the order they began."""
    people: dict[str, dict[str, Judgement]] = {}
    for judgement in judgements:
        people.setdefault(judgement.who, {})[judgement.verdict.sample_id] = judgement
    return people


_STANDING = """
SELECT * FROM judgements WHERE run_id = ? AND retracts IS NULL
    AND NOT EXISTS (SELECT 1 FROM judgements AS later WHERE later.retracts = judgements.id)
"""


def _check_known(db: Database, run_id: str, verdicts: Sequence[Verdict]) -> None:
    labels = get_run(db, run_id).spec.task.label_names
    with db.read() as connection:
        for verdict in verdicts:
            if verdict.label is not None and verdict.label not in labels:
                raise BadInput(
                    f"The task has no label '{verdict.label[:60]}'.", "Choose one of its labels."
                )
            sample = connection.execute(
                "SELECT 1 FROM samples WHERE id = ? AND run_id = ?", (verdict.sample_id, run_id)
            ).fetchone()
            if sample is None:
                raise BadInput("A judged text is none of the run's.", "Load the page again.")


def _check_unjudged_since(
    connection: sqlite3.Connection,
    run_id: str,
    verdicts: Sequence[Verdict],
    who: str,
    session: str,
    seen: int,
) -> None:
    wanted = {verdict.sample_id for verdict in verdicts}
    rows = connection.execute(
        f"{_STANDING} AND number > ? AND (who <> ? OR session <> ?) ORDER BY number DESC",
        (run_id, seen, who, session),
    ).fetchall()
    rows = [row for row in rows if row["sample_id"] in wanted]
    if not rows:
        return
    others = len({row["sample_id"] for row in rows}) - 1
    more = f" (and {others} more of these texts were judged)" if others else ""
    message = f"judged this text meanwhile: {_in_words(rows[0])}{more}. Nothing was overwritten."
    if any(row["who"] == who for row in rows):
        raise StaleEdit(
            f"Somebody under your name, {who}, {message}",
            "If it was not you, take another name. Judge it again if you still want to; of one "
            "name the later judgement counts.",
        )
    raise StaleEdit(
        f"{rows[0]['who']} {message}",
        "Look at it; judge it again if you still want to, and both judgements stand.",
    )


def _in_words(row: sqlite3.Row) -> str:
    if row["skipped"]:
        return "skipped"
    scope = {None: "", 0: "out of scope", 1: "in scope"}[row["in_scope"]]
    label = "" if row["label"] is None else f"'{row['label']}'"
    return ", ".join(part for part in (label, scope) if part)


def _judgement(row: sqlite3.Row) -> Judgement:
    in_scope = None if row["in_scope"] is None else bool(row["in_scope"])
    verdict = Verdict(row["sample_id"], row["label"], in_scope, bool(row["skipped"]))
    names = ("number", "id", "run_id", "who", "at", "why", "session")
    return Judgement(**{name: row[name] for name in names}, verdict=verdict)
