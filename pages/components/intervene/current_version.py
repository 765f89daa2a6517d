"""Where a run stands: its present version, what was judged, and what the oracle says of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st

from core.domain.datasets import Dataset
from core.interventions.annotation.judged import Settled, labels_by_row
from core.interventions.relabelling.label_accuracy import LabelAccuracy, Share, label_accuracy
from core.interventions.requests import JudgeRequest
from core.interventions.results import share_from_dict
from core.interventions.versions.subject import Subject, said_by_people, subject_of
from core.jobs.cached_measurements import Work, measured
from core.jobs.handlers.judge import judging
from core.jobs.previews import ask, look
from core.jobs.queue import LIVE, states_of_runs
from core.store.database import Database
from core.store.datasets import run_key
from core.store.generation.samples import counts
from core.store.interventions.judgements import last_number
from core.store.interventions.versions import VersionRecord, head
from pages.components.intervene.choice import Choice
from pages.components.shell import AppContext


@dataclass(frozen=True)
class Standing:
    """See the top of the file.

    Args:
        choice: what was chosen.
        subject: the run's texts as the present version has them.
        raw: the run's texts as generated.
        says: the oracle's label by text id, of all the run's texts; empty while unknown.
        oracle: the oracle's own accuracy, None while unknown or without a reference.
        oracle_facts: what else is known of it: `measured_on`, `notes`.
        people: what stands of what people said, by text id.
        seen: number of the latest judgement, for `core.jobs.previews`.
        fingerprint: of the encoder whose vectors are stored; None while they may be missing.
        works: the jobs that make what is missing, and a model that judges.
        going: the run still generates.
    """

    choice: Choice
    subject: Subject
    raw: Dataset
    says: Mapping[str, str]
    oracle: Share | None
    oracle_facts: Mapping[str, Any]
    people: Mapping[str, Settled]
    seen: int
    fingerprint: str | None
    works: tuple[Work, ...]
    going: bool

    @property
    def head(self) -> VersionRecord | None:
        """The version that the run stands at; None while nothing was derived."""
        return self.subject.version

    @property
    def dataset(self) -> Dataset:
        """The present version's texts."""
        return self.subject.dataset

    @property
    def label_names(self) -> tuple[str, ...]:
        """The task's labels, in its order."""
        return self.choice.task.label_names

    def by_oracle(self, dataset: Dataset) -> LabelAccuracy | None:
        """Label accuracy of some version of the run by the oracle, None while it is unknown."""
        if not self.says or any(key not in self.says for key in dataset.ids):
            return None
        said = [self.says[key] for key in dataset.ids]
        return label_accuracy(dataset.labels, said, label_names=self.label_names)

    def by_people(self, dataset: Dataset, *, audit: bool | None) -> LabelAccuracy | None:
        """Label accuracy by people; see `labels_by_row` for `audit`. None if nothing is judged."""
        judged = labels_by_row(dataset.ids, self.people, audit=audit)
        if not judged:
            return None
        borne = [dataset.labels[row] for row in judged]
        return label_accuracy(borne, list(judged.values()), label_names=self.label_names)


def standing(app: AppContext, choice: Choice) -> Standing:
    """Gather what is there; queue what is missing."""
    db, run = app.db, choice.run
    going = states_of_runs(db).get(run.id) in LIVE
    usable = sum(row.usable for row in counts(db, run.id).values())
    now = head(db, run.id)
    raw = subject_at(db, run.id, None, usable)
    works: list[Work] = []
    says: dict[str, str] = {}
    own, facts, fingerprint = None, {}, None
    if choice.reference is not None:
        request = JudgeRequest(
            n=usable, encoder=choice.encoder.to_dict(), reference=choice.reference.id
        )
        asked = look(db, run_key(run.id), request)
        if asked.result is not None:
            says = dict(zip(asked.result["ids"], asked.result["labels"], strict=True))
            own = share_from_dict(asked.result["oracle"]["accuracy"])
            facts, fingerprint = asked.result["oracle"], asked.result["encoder"]
        elif not going:
            works.append(ask(db, run_key(run.id), request))
    elif not going:
        known = measured(db, run_key(run.id), n=usable, choice=choice.encoder, reference=None)
        works += [known.work] if known.work is not None else []
        if known.result is not None:
            fingerprint = str(known.result["encoder_facts"]["fingerprint"])
    # Only while they go on: what became of one stands where it was asked for.
    works += [Work(job, state) for job, state in judging(db, run.id) if state in LIVE]
    return Standing(
        choice,
        raw if now is None else subject_at(db, run.id, now.id, usable),
        raw.dataset,
        says,
        own,
        facts,
        said_by_people(db, run.id),
        last_number(db, run.id),
        fingerprint,
        tuple(works),
        going,
    )


@st.cache_resource(max_entries=8, show_spinner=False)
def subject_at(_db: Database, run_id: str, version_id: str | None, n: int) -> Subject:
    """A run's texts as a version has them; `n` tells a run that grew from its younger self."""
    return subject_of(_db, run_id, version_id)
