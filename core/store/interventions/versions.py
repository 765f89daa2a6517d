"""Dataset versions in the store: a run's texts after interventions, derived and never changed."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Literal

from core.domain.errors import BadInput, StaleEdit
from core.domain.registries.stages import STAGE, VersionFacts, VersionSettings
from core.store.database import Database
from core.store.generation.runs import get_run
from core.store.records import clean_name, new_id


def kind_name(kind: str) -> str:
    """The name that a version has unless it is given another one."""
    return "Raw" if kind == "raw" else STAGE[kind].title


@dataclass(frozen=True, slots=True)
class VersionRow:
    """A text of a version; what it was generated for (`samples.label`) stays with the sample.

    Args:
        sample_id: the text.
        label: its label in this version.
        proxy_label: the label that the proxies alone would give; None where none judged it.
        confidence: the proxies' (or the oracle's) confidence in `label`, 0 to 1; None where the
            label is a person's or was never questioned.
        human_label: the annotator's label; None where it was not inspected.
        who: the annotator behind `human_label` or `in_scope`.
        in_scope: what the annotator or the filter said; None where nobody asked.
        scope_confidence: the filter's confidence that it is in scope, 0 to 1.
        kept: whether it belongs to the version's dataset.
        proposed_label: the label that it would have had no person corrected it; None where that is
            `label`.
    """

    sample_id: str
    label: str
    proxy_label: str | None = None
    confidence: float | None = None
    human_label: str | None = None
    who: str | None = None
    in_scope: bool | None = None
    scope_confidence: float | None = None
    kept: bool = True
    proposed_label: str | None = None


_ROW_COLUMNS = tuple(field.name for field in fields(VersionRow))


@dataclass(frozen=True, slots=True)
class VersionRecord:
    """A version without its rows.

    Args:
        id: made by us, only a-z and 0-9, later ones sort later.
        run_id: the run whose texts it holds.
        parent_id: what it derives from; None for a raw one.
        kind: the intervention that made it, of `core.domain.registries.stages.STAGES`.
        name: for display only.
        spec: the intervention's settings; one that is declared elsewhere may have others.
        facts: what came of it, likewise.
        created_at: seconds since 1970, UTC.
        deleted_at: when it was hidden, None for a living one.
    """

    id: str
    run_id: str
    parent_id: str | None
    kind: str
    name: str
    spec: VersionSettings
    facts: VersionFacts
    created_at: float
    deleted_at: float | None = None


def raw_version(db: Database, run_id: str) -> VersionRecord:
    """The version of a run's usable texts as they are now; made if there is none.

    A run that generated more since gets another raw version; the old one stays as it was.

    Raises:
        BadInput: there is no such run, or it has no usable texts.
    """
    with db.write() as connection:
        name = get_run(db, run_id).name
        samples = connection.execute(
            "SELECT id, label FROM samples WHERE run_id = ? AND outcome = 'usable'"
            " ORDER BY arrival",
            (run_id,),
        ).fetchall()
        if not samples:
            raise BadInput(f"The run '{name}' has no usable texts.", "Let it generate some first.")
        # Samples never go, so equal counts are equal sets.
        kept = connection.execute(
            "SELECT * FROM versions WHERE run_id = ? AND kind = 'raw' AND deleted_at IS NULL AND"
            " (SELECT count(*) FROM version_rows WHERE version_id = versions.id) = ?",
            (run_id, len(samples)),
        ).fetchone()
        if kept is not None:
            return _record(kept)
        rows = [VersionRow(row["id"], row["label"]) for row in samples]
        return _insert(db, run_id, None, "raw", kind_name("raw"), {}, {}, rows)


def get_version(db: Database, version_id: str) -> VersionRecord:
    """A version, deleted or not.

    Raises:
        BadInput: there is none of that id.
    """
    with db.read() as connection:
        row = connection.execute("SELECT * FROM versions WHERE id = ?", (version_id,)).fetchone()
    if row is None:
        raise BadInput("There is no such version in this store.", "Choose one from the list.")
    return _record(row)


def list_versions(
    db: Database, run_id: str, *, include_deleted: bool = False
) -> list[VersionRecord]:
    """A run's versions, each after its parent; `parent_id` tells the lineage."""
    with db.read() as connection:
        rows = connection.execute(
            "SELECT * FROM versions WHERE run_id = ? AND (? OR deleted_at IS NULL) ORDER BY rowid",
            (run_id, include_deleted),
        ).fetchall()
    return [_record(row) for row in rows]


def lineage(db: Database, version_id: str) -> list[VersionRecord]:
    """A version and what it derives from, the raw one first.

    Raises:
        BadInput: there is no such version.
    """
    chain = [get_version(db, version_id)]
    while chain[-1].parent_id is not None:
        chain.append(get_version(db, chain[-1].parent_id))
    return chain[::-1]


def version_rows(db: Database, version_id: str) -> list[VersionRow]:
    """A version's rows in the order of the texts' arrival, those that went included."""
    with db.read() as connection:
        rows = connection.execute(
            "SELECT version_rows.* FROM version_rows JOIN samples ON samples.id = sample_id"
            " WHERE version_id = ? ORDER BY arrival",
            (version_id,),
        ).fetchall()
    return [
        VersionRow(
            **{name: row[name] for name in _ROW_COLUMNS if name not in ("in_scope", "kept")},
            in_scope=None if row["in_scope"] is None else bool(row["in_scope"]),
            kept=bool(row["kept"]),
        )
        for row in rows
    ]


def row_count(db: Database, version_id: str) -> int:
    """How many rows a version has."""
    with db.read() as connection:
        (count,) = connection.execute(
            "SELECT count(*) FROM version_rows WHERE version_id = ?", (version_id,)
        ).fetchone()
    return int(count)


def _insert(
    db: Database,
    run_id: str,
    parent_id: str | None,
    kind: str,
    name: str,
    spec: Mapping[str, object],
    facts: Mapping[str, object],
    rows: Sequence[VersionRow],
) -> VersionRecord:
    now = db.now()
    version_id = new_id(now)
    with db.write() as connection:
        connection.execute(
            "INSERT INTO versions (id, run_id, parent_id, kind, name, spec, facts, created_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(version_id, run_id, parent_id, kind, name),
                *(json.dumps(dict(spec)), json.dumps(dict(facts)), now),
            ),
        )
        columns, marks = ", ".join(_ROW_COLUMNS), ", ?" * len(_ROW_COLUMNS)
        connection.executemany(
            f"INSERT INTO version_rows (version_id, {columns}) VALUES (?{marks})",
            [(version_id, *(getattr(row, name) for name in _ROW_COLUMNS)) for row in rows],
        )
    return get_version(db, version_id)


def _record(row: sqlite3.Row) -> VersionRecord:
    parts = dict(row)
    spec, facts = json.loads(parts.pop("spec")), json.loads(parts.pop("facts"))
    return VersionRecord(spec=spec, facts=facts, **parts)


Action = Literal["derive", "undo", "redo", "choose"]


@dataclass(frozen=True, slots=True)
class Move:
    """A step: to which version, how, by whom, when (seconds since 1970, UTC)."""

    number: int
    version_id: str
    action: Action
    who: str
    at: float


def moves_of(db: Database, run_id: str) -> list[Move]:
    """A run's moves, the earliest first."""
    with db.read() as connection:
        rows = connection.execute(
            "SELECT number, version_id, action, who, at FROM version_moves WHERE run_id = ?"
            " ORDER BY number",
            (run_id,),
        ).fetchall()
    return [Move(*row) for row in rows]


def head(db: Database, run_id: str) -> VersionRecord | None:
    """The version that a run stands at; None while nothing was ever derived."""
    with db.read() as connection:
        row = connection.execute(
            "SELECT version_id FROM version_moves WHERE run_id = ? ORDER BY number DESC LIMIT 1",
            (run_id,),
        ).fetchone()
    return None if row is None else get_version(db, row["version_id"])


def derive(
    db: Database,
    parent_id: str,
    kind: str,
    rows: Sequence[VersionRow],
    *,
    who: str,
    name: str = "",
    spec: Mapping[str, object],
    facts: Mapping[str, object],
) -> VersionRecord:
    """Derive a version and stand at it, in one step.

    Args:
        db: the store.
        parent_id: what it derives from.
        kind: the intervention, not `raw`.
        rows: one for each text of the parent, those that go included.
        who: the person.
        name: any text, see `clean_name`; without one, that of the kind.
        spec: see `VersionRecord`.
        facts: see `VersionRecord`.

    Raises:
        BadInput: there is no living version of that id.
        ValueError: the rows are not the parent's texts, or a label is none of the task's.
    """
    with db.write():
        parent = _living(db, parent_id)
        known = [row.sample_id for row in version_rows(db, parent_id)]
        if sorted(known) != sorted(row.sample_id for row in rows):
            raise ValueError("a version holds the texts of its parent, each once")
        labels = get_run(db, parent.run_id).spec.task.label_names
        if not {row.label for row in rows} <= set(labels):
            raise ValueError("a version's labels are the task's")
        name = clean_name(name if name.strip() else kind_name(kind))
        version = _insert(db, parent.run_id, parent_id, kind, name, spec, facts, rows)
        _move(db, version, "derive", who)
    return version


def undo(db: Database, run_id: str, *, who: str, seen: str) -> VersionRecord:
    """Stand at what the present version derives from.

    Args:
        db: the store.
        run_id: the run.
        who: the person.
        seen: id of the version that this person saw the run stand at.

    Raises:
        BadInput: there is nothing before it.
        StaleEdit: the run stands at another version meanwhile; nothing was changed.
    """
    with db.write():
        now = _expected_head(db, run_id, seen)
        if now.parent_id is None:
            raise BadInput("There is nothing to undo: these are the texts as generated.")
        target = get_version(db, now.parent_id)
        _move(db, target, "undo", who)
    return target


def redo(db: Database, run_id: str, *, who: str, seen: str) -> VersionRecord:
    """Undo the last undo that was not redone; arguments as `undo`.

    Raises:
        BadInput: nothing derives from the present version.
        StaleEdit: as `undo`.
    """
    with db.write():
        target = redo_target(db, run_id)
        _expected_head(db, run_id, seen)
        if target is None:
            raise BadInput("There is nothing to redo: nothing derives from this version.")
        _move(db, target, "redo", who)
    return target


def redo_target(db: Database, run_id: str) -> VersionRecord | None:
    """Where redo goes: one step towards the version below that the run stood at last."""
    now = head(db, run_id)
    if now is None:
        return None
    living = {version.id: version for version in list_versions(db, run_id)}
    for move in reversed(moves_of(db, run_id)):
        step = living.get(move.version_id)
        while step is not None and step.parent_id is not None:
            if step.parent_id == now.id:
                return step
            step = living.get(step.parent_id)
    return None


def choose(db: Database, version_id: str, *, who: str) -> VersionRecord:
    """Stand at any living version.

    Raises:
        BadInput: there is none of that id.
    """
    with db.write():
        version = _living(db, version_id)
        _move(db, version, "choose", who)
    return version


def _living(db: Database, version_id: str) -> VersionRecord:
    version = get_version(db, version_id)
    if version.deleted_at is not None:
        raise BadInput(f"The version '{version.name}' was deleted.", "Choose another.")
    return version


def _expected_head(db: Database, run_id: str, seen: str) -> VersionRecord:
    now = head(db, run_id)
    if now is None:
        raise BadInput("There is nothing to undo or redo: nothing was derived yet.")
    if now.id != seen:
        raise StaleEdit(
            f"The run stands at '{now.name}' meanwhile; nothing was changed.",
            "Look at it and try again if you still want to.",
        )
    return now


def _move(db: Database, version: VersionRecord, action: Action, who: str) -> None:
    with db.write() as connection:
        connection.execute(
            "INSERT INTO version_moves (run_id, version_id, action, who, at)"
            " VALUES (?, ?, ?, ?, ?)",
            (version.run_id, version.id, action, who, db.now()),
        )
