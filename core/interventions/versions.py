"""A run's texts as its versions have them: what an intervention works on, the rows that it makes,
and what changed from one version to another.

An intervention sets its own columns of a row and keeps the others.
"""

import itertools
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from core.domain.datasets import Dataset
from core.domain.errors import BadInput
from core.interventions.annotators import Consensus, consensus_by_text, labels_by_row
from core.interventions.relabelling.label_accuracy import LabelAccuracy, label_accuracy
from core.interventions.relabelling.relabel import Replacement, overruled
from core.interventions.scope_filter import THRESHOLD, ScopeFilter
from core.store.database import Database
from core.store.datasets import load_dataset, run_key, version_key
from core.store.interventions.judgements import MACHINES, judgements_of
from core.store.interventions.versions import VersionRecord, VersionRow, get_version, version_rows


@dataclass(frozen=True, slots=True)
class Subject:
    """A run's texts as a version has them.

    Args:
        run_id: the run; empty for texts of no run.
        version: None while nothing was ever derived: the texts as generated.
        rows: all of the version's, removed ones included.
        texts: of all rows.
        specified: the labels that all rows' texts were generated for.
        dataset: the kept ones, under the version's labels, in the order of the rows.
        people: the consensus of people on the run's texts, by text id.
    """

    run_id: str
    version: VersionRecord | None
    rows: Sequence[VersionRow]
    texts: Sequence[str]
    specified: Sequence[str]
    dataset: Dataset
    people: Mapping[str, Consensus] = field(default_factory=dict)

    @property
    def replaced(self) -> int:
        """How many kept texts have another label than the one they were generated for."""
        pairs = zip(self.rows, self.specified, strict=True)
        return sum(row.kept and row.label != label for row, label in pairs)

    @property
    def proposed_labels(self) -> tuple[str, ...]:
        """The labels of the dataset as they would be had no person corrected one: what a repair
        works on and what people's judgements measure, so that they never measure themselves."""
        return tuple(row.proposed_label or row.label for row in self.rows if row.kept)

    @property
    def labels_of_people(self) -> dict[int, str]:
        """The labels that people gave to texts of the dataset, by row: of the version's own, those
        set by hand, and of their judgements the consensus, the audit set's included."""
        kept = (row for row in self.rows if row.kept)
        by_hand = {
            at: row.human_label
            for at, row in enumerate(kept)
            if row.human_label in self.dataset.label_names and row.who not in MACHINES
        }
        return by_hand | labels_by_row(self.dataset, self.people, audit=None)

    def overrule(self, replacement: Replacement) -> Replacement:
        """A replacement of `proposed_labels`, with people's labels in place of its own."""
        return overruled(replacement, self.labels_of_people, old=self.dataset.labels)

    def inspected_by_oracle(self, replacement: Replacement | None = None) -> set[int]:
        """Rows of the dataset whose label the oracle gave itself; with a replacement by the oracle,
        those that it would give, too."""
        kept = (row for row in self.rows if row.kept)
        rows = {
            at for at, row in enumerate(kept) if row.human_label is not None and row.who in MACHINES
        }
        if replacement is not None:
            rows |= {at for at, label in enumerate(replacement.judged) if label is not None}
        return rows - self.labels_of_people.keys()

    def accuracy_by_oracle(self, labels: Mapping[str, str]) -> LabelAccuracy | None:
        """Accuracy of the labels that the oracle did not give itself; None if it gave all, as
        labels are right by definition where their own annotator measures them.

        Args:
            labels: the oracle's, by text id.
        """
        own = self.inspected_by_oracle()
        rows = [row for row in range(len(self.dataset)) if row not in own]
        if not rows:
            return None
        return label_accuracy(
            [self.dataset.labels[row] for row in rows],
            [labels[self.dataset.ids[row]] for row in rows],
            label_names=self.dataset.label_names,
        )

    def accuracy_by_people(self, *, audit: bool | None) -> LabelAccuracy | None:
        """Accuracy of `proposed_labels` by people; None without judgements.

        Args:
            audit: as in `labels_by_row`.
        """
        judged = labels_by_row(self.dataset, self.people, audit=audit)
        labels = self.proposed_labels
        if not judged:
            return None
        return label_accuracy(
            [labels[row] for row in judged],
            list(judged.values()),
            label_names=self.dataset.label_names,
        )

    def annotators(self, other: str) -> dict[str, str]:
        """Who gave each text of the dataset its label, by id: people, or else another."""
        names = dict.fromkeys(self.dataset.ids, other)
        who = {row.sample_id: row.who or other for row in self.rows}
        judged = labels_by_row(self.dataset, self.people, audit=None)
        for at in self.labels_of_people:
            key = self.dataset.ids[at]
            names[key] = self.people[key].who if at in judged else who[key]
        return names

    @property
    def text_by_id(self) -> dict[str, str]:
        """All texts, removed ones included."""
        return {row.sample_id: text for row, text in zip(self.rows, self.texts, strict=True)}


def subject_of(db: Database, run_id: str, version_id: str | None) -> Subject:
    """A run's texts as a version has them; None as they were generated.

    Raises:
        BadInput: there is no such run or version.
    """
    generated = load_dataset(db, run_key(run_id))
    if version_id is None:
        rows = [VersionRow(*pair) for pair in zip(generated.ids, generated.labels, strict=True)]
        people = consensus_of_people(db, run_id)
        return Subject(run_id, None, rows, generated.texts, generated.labels, generated, people)
    rows = version_rows(db, version_id)
    place = {sample_id: at for at, sample_id in enumerate(generated.ids)}
    places = [place[row.sample_id] for row in rows]
    return Subject(
        run_id,
        get_version(db, version_id),
        rows,
        [generated.texts[at] for at in places],
        [generated.labels[at] for at in places],
        load_dataset(db, version_key(version_id)),
        consensus_of_people(db, run_id),
    )


def subject_of_dataset(db: Database, dataset: Dataset) -> Subject:
    """A dataset as what an intervention works on, whether it is a run's, a version's or neither.

    Raises:
        BadInput: it has no text.
    """
    if not len(dataset):
        raise BadInput(f"{dataset.name} has no usable texts.", "Choose another.")
    kind, _, key = dataset.key.partition(":")
    if kind == "run":
        return subject_of(db, key, None)
    if kind == "version":
        return subject_of(db, get_version(db, key).run_id, key)
    rows = [VersionRow(*pair) for pair in zip(dataset.ids, dataset.labels, strict=True)]
    return Subject("", None, rows, dataset.texts, dataset.labels, dataset)


def consensus_of_people(db: Database, run_id: str) -> dict[str, Consensus]:
    """The consensus of people on a run's texts, by text id; machines are left out."""
    return consensus_by_text(j for j in judgements_of(db, run_id) if j.why not in MACHINES)


Signed = str | Mapping[str, str]
"""The annotator, or the annotators by text id."""


def _signature(who: Signed, sample_id: str) -> str | None:
    return who if isinstance(who, str) else who.get(sample_id)


def _who_of_scope(row: VersionRow, who: Signed) -> str | None:
    """Who stands behind a row whose scope was judged: whoever gave its label, if anybody did."""
    return _signature(who, row.sample_id) if row.human_label is None else row.who


def relabelled(
    rows: Sequence[VersionRow], replacement: Replacement, *, who: Signed
) -> list[VersionRow]:
    """All rows of the parent, the kept ones with replaced labels.

    Args:
        rows: the parent's.
        replacement: of its kept rows, in their order.
        who: who judged.
    """

    own = replacement.own or replacement

    def relabel(row: VersionRow, at: int) -> VersionRow:
        judged, label, proposed = replacement.judged[at], replacement.new[at], own.new[at]
        return replace(
            row,
            label=label,
            proposed_label=None if proposed == label else proposed,
            proxy_label=replacement.proxy[at],
            confidence=replacement.confidence[at],
            human_label=row.human_label if judged is None else judged,
            who=row.who if judged is None else _signature(who, row.sample_id),
        )

    return _change_kept(rows, relabel, count=len(replacement.new))


def filtered(
    rows: Sequence[VersionRow], scope: ScopeFilter, *, threshold: float = THRESHOLD, who: Signed
) -> list[VersionRow]:
    """All rows of the parent, of which those stay kept that the filter lets through.

    Args:
        rows: the parent's.
        scope: trained on its kept rows, in their order.
        threshold: see `ScopeFilter.kept`.
        who: who judged.
    """
    stays = scope.kept(threshold).tolist()

    def decide(row: VersionRow, at: int) -> VersionRow:
        return replace(
            row,
            kept=stays[at],
            in_scope=stays[at],
            scope_confidence=float(scope.confidence[at]),
            who=_who_of_scope(row, who) if at in scope.judged else row.who,
        )

    return _change_kept(rows, decide, count=len(stays))


def _change_kept(
    rows: Sequence[VersionRow], change: Callable[[VersionRow, int], VersionRow], *, count: int
) -> list[VersionRow]:
    """The rows, the kept ones changed by their row and their place among the kept."""
    if sum(row.kept for row in rows) != count:
        raise ValueError("the intervention is of other rows")
    places = itertools.count()
    return [change(row, next(places)) if row.kept else row for row in rows]


def edited(
    rows: Sequence[VersionRow],
    labels: Mapping[str, str],
    scopes: Mapping[str, bool],
    *,
    who: Signed,
) -> list[VersionRow]:
    """All rows of the parent with people's edits of single texts.

    Args:
        rows: the parent's.
        labels: right labels by text id.
        scopes: whether texts are in scope, by id; those in scope are restored if removed.
        who: who judged.
    """

    def edit(row: VersionRow) -> VersionRow:
        key, label = row.sample_id, labels.get(row.sample_id)
        proposed = row.proposed_label or row.label
        return replace(
            row,
            label=label or row.label,
            proposed_label=None if (label or row.label) == proposed else proposed,
            confidence=row.confidence if label is None else None,
            human_label=label or row.human_label,
            in_scope=scopes.get(key, row.in_scope),
            kept=scopes.get(key, row.kept),
            who=_who_of_scope(row, who) if label is None else _signature(who, key),
        )

    changed = {*labels, *scopes}
    return [edit(row) if row.sample_id in changed else row for row in rows]


@dataclass(frozen=True, slots=True)
class VersionDifference:
    """What changed from one version to another of the same run.

    Args:
        relabelled: ids of texts that both keep under different labels.
        gone: ids of texts that only the first keeps.
        come: ids of texts that only the second keeps.
        balance: how many texts each keeps, by label in the order given: (before, after).
    """

    relabelled: tuple[str, ...]
    gone: tuple[str, ...]
    come: tuple[str, ...]
    balance: dict[str, tuple[int, int]]


def compare_versions(
    before: Sequence[VersionRow], after: Sequence[VersionRow], *, label_names: Sequence[str]
) -> VersionDifference:
    """Compare two versions.

    Args:
        before: the first version's rows, with or without removed ones.
        after: the second version's rows.
        label_names: all labels, in task order.
    """
    old = {row.sample_id: row.label for row in before if row.kept}
    new = {row.sample_id: row.label for row in after if row.kept}
    relabelled = [key for key in old if key in new and old[key] != new[key]]
    counts = Counter(old.values()), Counter(new.values())
    return VersionDifference(
        relabelled=tuple(relabelled),
        gone=tuple(key for key in old if key not in new),
        come=tuple(key for key in new if key not in old),
        balance={name: (counts[0][name], counts[1][name]) for name in label_names},
    )
