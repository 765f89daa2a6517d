"""INTERVENTIONS: what each kind of `core.domain.registries.stages.STAGES` makes of a run's texts.

A kind's function proposes the rows of a new version; `apply_intervention` stores them. A kind whose
function needs nothing but numbers names them as `settings`: the Intervene page then previews and
applies it in a tab of its own, without further code.
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from core.domain.errors import BadInput, StaleEdit
from core.domain.registries.stages import VersionFacts
from core.domain.serialization import to_json
from core.interventions.relabelling.relabel import Replacement, accept_changes
from core.interventions.scope_filter import ScopeFilter
from core.interventions.versions import Subject, consensus_of_people, edited, filtered, relabelled
from core.store.database import Database
from core.store.interventions.judgements import Verdict, add_judgements
from core.store.interventions.versions import (
    VersionRecord,
    VersionRow,
    derive,
    head,
    raw_version,
    row_count,
)

ORACLE = "oracle"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A version that an intervention would make; nothing is stored yet.

    Args:
        rows: all rows of the subject, in their order.
        spec: the settings, JSON-ready.
        facts: counts and measures, JSON-ready, see `VersionRecord`.
        judged: the oracle's labels that are stored as judgements with the version.
    """

    rows: Sequence[VersionRow]
    spec: Mapping[str, object] = field(default_factory=dict)
    facts: Mapping[str, object] = field(default_factory=dict)
    judged: Sequence[Verdict] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberSetting:
    """A number that an intervention takes, as a slider; `help` is one plain sentence."""

    name: str
    title: str
    low: float
    high: float
    default: float
    step: float = 1.0
    help: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Implementation:
    """How a kind of intervention is computed.

    Args:
        propose: from the subject and the `Decision` that the kind takes.
        settings: what the page asks for; empty where the page has a tab made for the kind.
    """

    propose: Callable[[Subject, Any], Proposal]
    settings: tuple[NumberSetting, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedLabels:
    """The changes of a label replacement that a person accepted.

    Args:
        replacement: of the subject's dataset.
        accepted: ids of the texts whose change is accepted; people's labels need no acceptance.
        spec: settings of the preview.
        facts: what is known of it beyond the counts.
        by: who judged the inspected texts: the oracle, or people by text id.
    """

    replacement: Replacement
    accepted: Collection[str]
    spec: Mapping[str, object] = field(default_factory=dict)
    facts: Mapping[str, object] = field(default_factory=dict)
    by: str | Mapping[str, str] = ORACLE


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedFilter:
    """A trained filter with the threshold that a person chose; fields as `AcceptedLabels`.

    Args:
        scope: trained on the subject's dataset.
        threshold: see `ScopeFilter.kept`.
    """

    scope: ScopeFilter
    threshold: float
    spec: Mapping[str, object] = field(default_factory=dict)
    facts: Mapping[str, object] = field(default_factory=dict)
    by: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Edits:
    """Edits of single texts by hand.

    Args:
        labels: new labels by text id.
        scopes: whether texts stay, by id.
        who: the person.
    """

    labels: Mapping[str, str] = field(default_factory=dict)
    scopes: Mapping[str, bool] = field(default_factory=dict)
    who: str


Decision = AcceptedLabels | AcceptedFilter | Edits | Mapping[str, float]
"""What a person decided: of a kind with `settings`, the numbers by name."""


def _propose_labels(subject: Subject, decision: AcceptedLabels) -> Proposal:
    ids = subject.dataset.ids
    if not decision.accepted:
        raise BadInput("No change was accepted, so there is nothing to apply.")
    corrected = {ids[row] for row in subject.labels_of_people}
    own = decision.replacement.own or decision.replacement
    replacement = subject.overrule(own)
    wanted = {ids[row] for row in own.changed} & set(decision.accepted)
    accepted = subject.overrule(accept_changes(own, ids, wanted))
    counts: VersionFacts = {
        "n": len(ids),
        "inspected": replacement.inspected,
        "proposed": len(replacement.changed),
        "changed": len(accepted.changed),
        "flows": [(flow.old, flow.new, flow.count) for flow in accepted.flows],
    }
    by, verdicts = decision.by, list[Verdict]()
    if isinstance(by, str):
        by = subject.annotators(by)
        verdicts = [
            Verdict(key, label)
            for key, label in zip(ids, replacement.judged, strict=True)
            if label is not None and key not in corrected
        ]
    return Proposal(
        rows=relabelled(subject.rows, accepted, who=by),
        spec=decision.spec,
        facts={**counts, **decision.facts},
        judged=verdicts,
    )


def _propose_filter(subject: Subject, decision: AcceptedFilter) -> Proposal:
    scope, threshold, dataset = decision.scope, decision.threshold, subject.dataset
    removed = scope.going(threshold)
    if not removed:
        raise BadInput("No text would go, so there is nothing to apply.", "Raise the threshold.")
    if len(removed) == len(dataset):
        raise BadInput("Every text would go; none was removed.", "Lower the threshold.")
    counts: VersionFacts = {
        "n": len(dataset),
        "inspected": len(scope.judged),
        "removed": len(removed),
        "removed_per_label": dict(Counter(dataset.labels[row] for row in removed)),
        "quality": to_json(scope.quality(threshold)),
    }
    return Proposal(
        rows=filtered(subject.rows, scope, threshold=threshold, who=decision.by),
        spec={**decision.spec, "threshold": threshold},
        facts={**counts, **decision.facts},
    )


def _propose_edits(subject: Subject, decision: Edits) -> Proposal:
    return Proposal(rows=edited(subject.rows, decision.labels, decision.scopes, who=decision.who))


INTERVENTIONS: dict[str, Implementation] = {
    "lr": Implementation(propose=_propose_labels),
    "oosf": Implementation(propose=_propose_filter),
    "manual": Implementation(propose=_propose_edits),
}
"""By the stage's kind."""


def preview_intervention(subject: Subject, kind: str, decision: Decision) -> Proposal:
    """What an intervention would make of a run's texts, with the counts of what changes.

    Args:
        subject: the run's texts as the active version has them.
        kind: of `INTERVENTIONS`.
        decision: what its function takes.

    Raises:
        BadInput: nothing would change, or nothing would be left.
    """
    proposal = INTERVENTIONS[kind].propose(subject, decision)
    pairs = list(zip(subject.rows, proposal.rows, strict=True))
    counts = {
        "changed": sum(old.label != new.label for old, new in pairs),
        "removed": sum(old.kept and not new.kept for old, new in pairs),
        "brought_back": sum(new.kept and not old.kept for old, new in pairs),
    }
    if not proposal.facts and not any(counts.values()):
        raise BadInput("These texts are so already; nothing was changed.")
    if INTERVENTIONS[kind].settings and not any(row.kept for row in proposal.rows):
        raise BadInput("Every text would be removed; none was.", "Choose other settings.")
    return replace(proposal, facts=proposal.facts or counts)


def apply_intervention(
    db: Database, subject: Subject, kind: str, decision: Decision, *, who: str
) -> VersionRecord:
    """Derive the version that an intervention makes, in one step with the oracle's judgements.

    Args:
        db: the store.
        subject: what was previewed; it must still be the run's active version.
        kind: see `preview_intervention`.
        decision: likewise.
        who: the person that applies it.

    Raises:
        BadInput: as `preview_intervention`.
        StaleEdit: the run has another version or more texts meanwhile; nothing was changed.
    """
    with db.write():
        # What people judged since the subject was read wins as well.
        subject = replace(subject, people=consensus_of_people(db, subject.run_id))
        proposal = preview_intervention(subject, kind, decision)
        parent_id = _check_still_active(db, subject, len(proposal.rows))
        version = derive(
            db, parent_id, kind, proposal.rows, who=who, spec=proposal.spec, facts=proposal.facts
        )
        if proposal.judged:
            add_judgements(
                db, subject.run_id, proposal.judged, who=ORACLE, why="oracle", session=version.id
            )
    return version


def _check_still_active(db: Database, subject: Subject, rows: int) -> str:
    """The id of the version to derive from."""
    active = head(db, subject.run_id)
    before = None if subject.version is None else subject.version.id
    if (None if active is None else active.id) != before:
        raise StaleEdit(
            "The run stands at another version meanwhile; nothing was changed.",
            "Look at it and preview again if you still want to.",
        )
    if before is not None:
        return before
    raw = raw_version(db, subject.run_id)
    if rows != row_count(db, raw.id):
        raise StaleEdit("The run has more texts meanwhile; nothing was changed.", "Preview again.")
    return raw.id
