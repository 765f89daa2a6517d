"""Interventions on any dataset: a file's, a run's or a version's; a run gets a version of it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from core.domain.datasets import Dataset
from core.domain.errors import BadInput
from core.domain.registries.stages import VersionFacts
from core.domain.serialization import to_json
from core.files.exports import format_of, write_whole
from core.interventions.card import card_file, export_version, version_card
from core.interventions.registry import Proposal
from core.interventions.relabelling.oracle import OracleInspection, relabel_by_oracle
from core.interventions.relabelling.oracle_quality import (
    AccuracyChange,
    OracleQuality,
    accuracy_change,
    likely_worse_notes,
)
from core.interventions.relabelling.relabel import Replacement
from core.interventions.scope_filter import Quality, ScopeFilter, learn_filter
from core.interventions.versions import Subject, filtered, relabelled
from core.services.embedding import Embedder
from core.services.training.judge import train_oracle_on
from core.store.database import Database
from core.store.interventions.versions import VersionRow, derive, raw_version


@dataclass(frozen=True, slots=True, kw_only=True)
class RelabelResult:
    """What label replacement by the oracle came to.

    Args:
        rows: all rows of the new version.
        replacement: the labels.
        oracle: how good the oracle is on real texts.
        change: label accuracy according to it.
        explanations: what to mind, whole sentences.
    """

    rows: Sequence[VersionRow]
    replacement: Replacement
    oracle: OracleQuality
    change: AccuracyChange
    explanations: tuple[str, ...]

    @property
    def facts(self) -> VersionFacts:
        """What is stored with the version."""
        return {
            "n": len(self.replacement.old),
            "inspected": self.replacement.inspected,
            "changed": len(self.replacement.changed),
            "removed": 0,
            "label_accuracy": to_json(self.change),
            "oracle": self.oracle.facts(self.replacement.old),
            "flows": [(flow.old, flow.new, flow.count) for flow in self.replacement.flows],
            "explanations": list(self.explanations),
        }


def relabel_subject(
    subject: Subject,
    train: Dataset,
    test: Dataset | None,
    inspection: OracleInspection,
    *,
    embedder: Embedder,
) -> RelabelResult:
    """Label replacement by an oracle that learns from real texts; nothing but vectors is stored.

    Reports the phases embedding and training.

    Args:
        subject: what is relabelled. A run's labels stay its task's; a file's may become more.
        train: what the oracle learns from.
        test: what it is measured on; None is cross-validation.
        inspection: what it inspects.
        embedder: embeds all texts.

    Raises:
        BadInput: the reference has other labels, or teaches nothing.
        BackendFailed: the encoder can't be loaded or failed.
    """
    dataset = subject.dataset
    known = dict.fromkeys(train.labels)
    extra = [name for name in known if name not in dataset.label_names]
    if extra and (subject.run_id or len(extra) == len(known)):
        raise BadInput(
            f"The reference has the label '{extra[0]}', which {dataset.name} lacks.",
            f"Its labels are {', '.join(dataset.label_names[:20])}.",
        )
    present = list(dict.fromkeys(dataset.labels))
    trained = train_oracle_on(embedder, train, test, label_names=present, seed=inspection.seed)
    names = (*dataset.label_names, *extra)
    vectors = embedder.embed(dataset.texts)
    opinion = trained.oracle.judge(dataset.texts, vectors)
    replacement = subject.overrule(
        relabel_by_oracle(
            subject.proposed_labels, opinion, inspection, label_names=names, vectors=vectors
        )
    )
    quality = trained.oracle.quality
    change = accuracy_change(
        replacement.old,
        replacement.new,
        opinion.labels,
        inspected=subject.inspected_by_oracle(replacement),
    )
    notes = list(trained.notes)
    if extra:
        listed = ", ".join(f"'{name}'" for name in extra[:5])
        notes.append(f"The reference has the label {listed}, which no text had.")
    notes += likely_worse_notes(
        replacement.old, replacement.new, opinion.labels, quality, label_names=names
    )
    return RelabelResult(
        rows=relabelled(subject.rows, replacement, who=subject.annotators(trained.oracle.name)),
        replacement=replacement,
        oracle=quality,
        change=change,
        explanations=(*notes, *replacement.explanations),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterResult:
    """What out-of-scope filtering came to.

    Args:
        rows: all rows of the new version.
        scope: the filter.
        judged: texts that were judged, those that are none of the dataset's included.
        removed: places of the removed texts in the dataset.
        removed_per_label: their number by label.
        quality: on judged texts held out.
        explanations: what to mind, whole sentences.
    """

    rows: Sequence[VersionRow]
    scope: ScopeFilter
    judged: int
    removed: tuple[int, ...]
    removed_per_label: Mapping[str, int]
    quality: Quality
    explanations: tuple[str, ...]

    @property
    def facts(self) -> VersionFacts:
        """What is stored with the version."""
        return {
            "n": len(self.scope.confidence),
            "inspected": len(self.scope.judged),
            "judged": self.judged,
            "changed": 0,
            "removed": len(self.removed),
            "removed_per_label": dict(self.removed_per_label),
            "quality": to_json(self.quality),
            "explanations": list(self.explanations),
        }


def filter_subject(
    subject: Subject,
    judgements: Mapping[str, bool],
    *,
    threshold: float,
    who: str,
    seed: int,
    embedder: Embedder,
) -> FilterResult:
    """Train the filter on judged texts and remove what is out of scope; only vectors are stored.

    Reports the phase embedding.

    Args:
        subject: what is filtered.
        judgements: whether a text is in scope, by text; also of texts that are not the subject's.
        threshold: in-scope probability below which a text is removed.
        who: whose judgements they are.
        seed: of splits and training.
        embedder: embeds all texts.

    Raises:
        BadInput: nothing would be left, or too little was judged.
        BackendFailed: the encoder can't be loaded or failed.
    """
    dataset = subject.dataset
    keys = [text.strip() for text in dataset.texts]
    own = set(keys)
    elsewhere = [text for text in judgements if text not in own]
    texts = [*keys, *elsewhere]
    judged = {row: judgements[text] for row, text in enumerate(texts) if text in judgements}
    vectors = embedder.embed([*dataset.texts, *elsewhere])
    scope = learn_filter(texts, vectors, judged, count=len(dataset), seed=seed)
    removed = tuple(scope.going(threshold))
    if len(removed) == len(dataset):
        raise BadInput("Every text would be removed; none was.", "Lower --threshold.")
    notes = [f"{len(elsewhere)} judged texts are none of these."] if elsewhere else []
    return FilterResult(
        rows=filtered(subject.rows, scope, threshold=threshold, who=who),
        scope=scope,
        judged=len(judgements),
        removed=removed,
        removed_per_label=Counter(dataset.labels[row] for row in removed),
        quality=scope.quality(threshold),
        explanations=(*notes, *scope.explanations),
    )


def save_version(
    db: Database,
    subject: Subject,
    kind: str,
    proposal: Proposal,
    *,
    who: str,
    out: Path,
    card: Path | None = None,
    store: bool = True,
) -> str | None:
    """Store the version of a run, and write its texts and its data card.

    Args:
        db: the store.
        subject: what the version derives from.
        kind: the intervention.
        proposal: the version.
        who: the person that makes it.
        out: the file of texts, replaced if it exists.
        card: FILE.md or FILE.json; None writes none.
        store: whether a run gets the version; not where it would equal the one before.

    Returns:
        The version's id; None for texts of no run, and where it is not to be stored.

    Raises:
        BadInput: a file can't be written.
    """
    record = None
    if subject.run_id and store:
        with db.write():
            before = subject.version or raw_version(db, subject.run_id)
            record = derive(
                db,
                before.id,
                kind,
                proposal.rows,
                who=who,
                spec=proposal.spec,
                facts=proposal.facts,
            )
    made = replace(subject, version=record, rows=proposal.rows)
    content = export_version(made.texts, made.specified, made.rows, format=format_of(out))
    write_whole(out, content)
    if card is not None:
        measures = {"settings": dict(proposal.spec), **proposal.facts}
        now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
        data = version_card(db, made, measures=measures, made=now)
        write_whole(card, card_file(data, as_json=card.suffix.lower() == ".json"))
    return None if record is None else record.id
