"""Acceptance: a preview becomes a version, and what the oracle said for it becomes events."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from core.errors import BadInput, StaleEdit
from core.interventions.apply import edited, filtered, relabelled
from core.interventions.out_of_scope import ScopeFilter
from core.interventions.preview import accept, changes_of, flows_of
from core.interventions.relabel import Replacement
from core.interventions.subject import Subject
from core.store.database import Database
from core.store.judgements import Verdict, add_judgements
from core.store.version_moves import derive, head
from core.store.versions import Kind, VersionRecord, VersionRow, raw_version

ORACLE = "oracle"


def accept_labels(
    db: Database,
    subject: Subject,
    replacement: Replacement,
    accepted: Collection[str],
    *,
    who: str,
    spec: Mapping[str, Any],
    facts: Mapping[str, Any],
    by: str | Mapping[str, str] = ORACLE,
) -> VersionRecord:
    """Derive the version with the accepted changes, in one step with the oracle's judgements.

    Args:
        db: the store.
        subject: what the preview is of; the run must still stand there.
        replacement: of the subject's dataset.
        accepted: ids of the texts whose label changes.
        who: the person that accepts.
        spec: settings of the preview.
        facts: what came of it, see `VersionRecord`; counts are added here.
        by: who judged the inspected texts: the oracle, or people by text id.

    Raises:
        BadInput: nothing would change.
        StaleEdit: the run stands elsewhere meanwhile; nothing was changed.
    """
    if not accepted:
        raise BadInput("No change was accepted, so there is nothing to apply.")
    ids = subject.dataset.ids
    taken = accept(replacement, ids, accepted)
    flows = flows_of(changes_of(ids, taken))
    counted = {
        "n": len(ids),
        "inspected": replacement.inspected,
        "proposed": len(replacement.changed),
        "changed": len(taken.changed),
        "flows": [[flow.old, flow.new, flow.count] for flow in flows],
    }
    rows = relabelled(subject.rows, taken, who=by)
    with db.write():
        version = _derive(db, subject, "lr", rows, who, spec, {**counted, **facts})
        if by == ORACLE:
            pairs = zip(ids, replacement.judged, strict=True)
            verdicts = [Verdict(key, label) for key, label in pairs if label is not None]
            add_judgements(
                db, subject.run_id, verdicts, who=ORACLE, why="oracle", session=version.id
            )
    return version


def accept_filter(
    db: Database,
    subject: Subject,
    scope: ScopeFilter,
    *,
    threshold: float,
    who: str,
    spec: Mapping[str, Any],
    facts: Mapping[str, Any],
    by: Mapping[str, str],
) -> VersionRecord:
    """Derive the version without what is out of scope; arguments as `accept_labels`.

    Args:
        threshold: see `ScopeFilter.kept`.

    Raises:
        BadInput: no text would go, or all would.
        StaleEdit: as `accept_labels`.
    """
    going = scope.going(threshold)
    if not going:
        raise BadInput("No text would go, so there is nothing to apply.", "Raise the threshold.")
    if len(going) == len(subject.dataset):
        raise BadInput("Every text would go; none was removed.", "Lower the threshold.")
    labels = Counter(subject.dataset.labels[row] for row in going)
    counted = {
        "n": len(subject.dataset),
        "inspected": len(scope.judged),
        "removed": len(going),
        "removed_per_label": dict(labels),
        "quality": scope.quality(threshold).to_dict(),
    }
    rows = filtered(subject.rows, scope, threshold=threshold, who=by)
    spec = {**spec, "threshold": threshold}
    return _derive(db, subject, "oosf", rows, who, spec, {**counted, **facts})


def accept_edits(
    db: Database,
    subject: Subject,
    labels: Mapping[str, str],
    scopes: Mapping[str, bool],
    *,
    who: str,
) -> VersionRecord:
    """Derive the version with what a person set of single texts.

    Args:
        labels: right labels by text id.
        scopes: whether texts stay, by id.

    Raises:
        BadInput: nothing would change.
        StaleEdit: as `accept_labels`.
    """
    rows = edited(subject.rows, labels, scopes, who=who)
    pairs = list(zip(subject.rows, rows, strict=True))
    changed = sum(old.label != new.label for old, new in pairs)
    removed = sum(old.kept and not new.kept for old, new in pairs)
    back = sum(new.kept and not old.kept for old, new in pairs)
    if not changed + removed + back:
        raise BadInput("These texts are so already; nothing was changed.")
    facts = {"changed": changed, "removed": removed, "brought_back": back}
    return _derive(db, subject, "manual", rows, who, {}, facts)


def _derive(
    db: Database,
    subject: Subject,
    kind: Kind,
    rows: Sequence[VersionRow],
    who: str,
    spec: Mapping[str, Any],
    facts: Mapping[str, Any],
) -> VersionRecord:
    with db.write():
        now = head(db, subject.run_id)
        before = None if subject.version is None else subject.version.id
        if (None if now is None else now.id) != before:
            raise StaleEdit(
                "The run stands at another version meanwhile; nothing was changed.",
                "Look at it and preview again if you still want to.",
            )
        if before is None:
            raw = raw_version(db, subject.run_id)
            if len(rows) != _count(db, raw.id):
                raise StaleEdit(
                    "The run has more texts meanwhile; nothing was changed.", "Preview again."
                )
            before = raw.id
        return derive(db, before, kind, rows, who=who, spec=spec, facts=facts)


def _count(db: Database, version_id: str) -> int:
    with db.read() as connection:
        counted: int = connection.execute(
            "SELECT count(*) FROM version_rows WHERE version_id = ?", (version_id,)
        ).fetchone()[0]
    return counted
