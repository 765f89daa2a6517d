"""Interventions as rows of a dataset version: each adds its own columns and keeps the others."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from core.domain.errors import BadInput, StaleEdit
from core.interventions.relabelling.preview import accept, changes_of, flows_of
from core.interventions.relabelling.relabel import Replacement
from core.interventions.scope_filter.out_of_scope import THRESHOLD, ScopeFilter
from core.interventions.versions.subject import Subject
from core.store.database import Database
from core.store.interventions.judgements import Verdict, add_judgements
from core.store.interventions.versions import (
    Kind,
    VersionRecord,
    VersionRow,
    derive,
    head,
    raw_version,
)


def kept_rows(rows: Sequence[VersionRow]) -> list[VersionRow]:
    """The rows that an intervention works on: those of the parent's dataset, in order."""
    return [row for row in rows if row.kept]


def relabelled(
    rows: Sequence[VersionRow], replacement: Replacement, *, who: str | Mapping[str, str]
) -> list[VersionRow]:
    """The parent's rows with replaced labels.

    Args:
        rows: all rows of the parent.
        replacement: of its kept rows, in their order.
        who: the annotator, or the annotators by text id.

    Returns:
        All rows again; those that the parent does not keep are as they were.
    """
    found = iter(range(len(replacement.new)))
    made = []
    for row in rows:
        if not row.kept:
            made.append(row)
            continue
        at = next(found)
        judged = replacement.judged[at]
        signed = who if isinstance(who, str) else who.get(row.sample_id)
        made.append(
            replace(
                row,
                label=replacement.new[at],
                proxy_label=replacement.proxy[at],
                confidence=replacement.confidence[at],
                human_label=row.human_label if judged is None else judged,
                who=row.who if judged is None else signed,
            )
        )
    if next(found, None) is not None:
        raise ValueError("the replacement is of other rows")
    return made


def filtered(
    rows: Sequence[VersionRow],
    scope: ScopeFilter,
    *,
    threshold: float = THRESHOLD,
    who: str | Mapping[str, str],
) -> list[VersionRow]:
    """The parent's rows, those kept that the filter lets through.

    Args:
        rows: all rows of the parent.
        scope: trained on its kept rows, in their order.
        threshold: see `ScopeFilter.kept`.
        who: the annotator, or the annotators by text id.
    """
    stays = scope.kept(threshold)
    places = np.flatnonzero([row.kept for row in rows]).tolist()
    if len(places) != len(stays):
        raise ValueError("the filter is of other rows")
    made = list(rows)
    for at, place in enumerate(places):
        row = rows[place]
        signed = who if isinstance(who, str) else who.get(row.sample_id)
        made[place] = replace(
            row,
            kept=bool(stays[at]),
            in_scope=bool(stays[at]),
            scope_confidence=float(scope.confidence[at]),
            who=signed if at in scope.judged else row.who,
        )
    return made


def edited(
    rows: Sequence[VersionRow],
    labels: Mapping[str, str],
    scopes: Mapping[str, bool],
    *,
    who: str | Mapping[str, str],
) -> list[VersionRow]:
    """The parent's rows with what people said of single texts, and nothing learned from it.

    Args:
        rows: all rows of the parent.
        labels: right labels by text id.
        scopes: whether texts are in scope, by id; one that is comes back if it had gone.
        who: the annotator, or the annotators by text id.
    """
    made = []
    for row in rows:
        key = row.sample_id
        if key not in labels and key not in scopes:
            made.append(row)
            continue
        label = labels.get(key)
        made.append(
            replace(
                row,
                label=label or row.label,
                confidence=row.confidence if label is None else None,
                human_label=label or row.human_label,
                in_scope=scopes.get(key, row.in_scope),
                kept=scopes.get(key, row.kept),
                who=who if isinstance(who, str) else who.get(key),
            )
        )
    return made


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
