"""Subject: what an intervention works on, a run's texts as the active version has them."""

from collections.abc import Sequence
from dataclasses import dataclass

from core.domain.datasets import Dataset
from core.domain.errors import BadInput
from core.interventions.annotation.consensus import MACHINES, Consensus, consensus_by_text
from core.store.database import Database
from core.store.datasets import load_dataset, run_key, version_key
from core.store.interventions.judgements import judgements_of
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
    """

    run_id: str
    version: VersionRecord | None
    rows: Sequence[VersionRow]
    texts: Sequence[str]
    specified: Sequence[str]
    dataset: Dataset

    @property
    def replaced(self) -> int:
        """How many kept texts have another label than the one they were generated for."""
        pairs = zip(self.rows, self.specified, strict=True)
        return sum(row.kept and row.label != label for row, label in pairs)

    @property
    def text_by_id(self) -> dict[str, str]:
        """All texts, removed ones included."""
        return {row.sample_id: text for row, text in zip(self.rows, self.texts, strict=True)}


def dataset_key_of(run_id: str, version_id: str | None) -> str:
    """The key of a run's texts, as generated or as a version has them."""
    return run_key(run_id) if version_id is None else version_key(version_id)


def subject_of(db: Database, run_id: str, version_id: str | None) -> Subject:
    """A run's texts as a version has them; None as they were generated.

    Raises:
        BadInput: there is no such run or version.
    """
    whole = load_dataset(db, run_key(run_id))
    if version_id is None:
        rows = [VersionRow(*pair) for pair in zip(whole.ids, whole.labels, strict=True)]
        return Subject(run_id, None, rows, whole.texts, whole.labels, whole)
    rows = version_rows(db, version_id)
    place = {sample_id: at for at, sample_id in enumerate(whole.ids)}
    places = [place[row.sample_id] for row in rows]
    return Subject(
        run_id,
        get_version(db, version_id),
        rows,
        [whole.texts[at] for at in places],
        [whole.labels[at] for at in places],
        load_dataset(db, version_key(version_id)),
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
