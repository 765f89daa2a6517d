"""The state of a run: its active version, its judgements, and the oracle's labels."""

from collections.abc import Mapping
from dataclasses import dataclass

import streamlit as st

from core.domain.datasets import Dataset
from core.domain.registries.metrics import METRIC
from core.domain.wording import MISSING
from core.interventions.annotation.consensus import Consensus, labels_by_row
from core.interventions.relabelling.label_accuracy import LabelAccuracy, Share, label_accuracy
from core.interventions.requests import JudgeRequest
from core.interventions.versions.subject import Subject, consensus_of_people, subject_of
from core.jobs.cached_measurements import Work, measured
from core.jobs.handlers.llm_judge import judging
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
class Oracle:
    """What the oracle says of a run.

    Args:
        labels: its label by text id, of all the run's texts.
        accuracy: its own.
        measured_on: the texts that its accuracy was measured on, in words.
        notes: what else a reader should know of it.
        encoder: fingerprint of its encoder.
    """

    labels: Mapping[str, str]
    accuracy: Share
    measured_on: str
    notes: tuple[str, ...]
    encoder: str


@dataclass(frozen=True)
class RunState:
    """The state of a run.

    Args:
        choice: what was chosen.
        subject: the run's texts as the active version has them.
        raw: the run's texts as generated.
        oracle: None while it is not trained, or without a reference.
        judgements: what people said, settled, by text id.
        last_judgement: number of the latest judgement, for `core.jobs.previews`.
        fingerprint: of the encoder whose vectors are stored; None while they may be missing.
        jobs: the jobs that compute what is missing, and a language model that judges.
        generating: whether the run is still generating.
    """

    choice: Choice
    subject: Subject
    raw: Dataset
    oracle: Oracle | None
    judgements: Mapping[str, Consensus]
    last_judgement: int
    fingerprint: str | None
    jobs: tuple[Work, ...]
    generating: bool

    @property
    def version(self) -> VersionRecord | None:
        """The active version; None while nothing was derived."""
        return self.subject.version

    @property
    def dataset(self) -> Dataset:
        """The active version's texts."""
        return self.subject.dataset

    @property
    def label_names(self) -> tuple[str, ...]:
        """The task's labels, in its order."""
        return self.choice.task.label_names

    def accuracy_by_oracle(self, dataset: Dataset) -> LabelAccuracy | None:
        """Label accuracy of a version of the run by the oracle, None while it is unknown."""
        if self.oracle is None or any(key not in self.oracle.labels for key in dataset.ids):
            return None
        judged = [self.oracle.labels[key] for key in dataset.ids]
        return label_accuracy(dataset.labels, judged, label_names=self.label_names)

    def accuracy_by_people(self, dataset: Dataset, *, audit: bool | None) -> LabelAccuracy | None:
        """Label accuracy by people, None without judgements; `audit` as in `labels_by_row`."""
        judged = labels_by_row(dataset.ids, self.judgements, audit=audit)
        if not judged:
            return None
        current = [dataset.labels[row] for row in judged]
        return label_accuracy(current, list(judged.values()), label_names=self.label_names)


def load_state(app: AppContext, choice: Choice) -> RunState:
    """Gather what exists; queue what is missing."""
    db, run = app.db, choice.run
    generating = states_of_runs(db).get(run.id) in LIVE
    usable = sum(row.usable for row in counts(db, run.id).values())
    active = head(db, run.id)
    raw = subject_at(db, run.id, None, usable)
    jobs: list[Work] = []
    oracle, fingerprint = None, None
    if choice.reference is not None:
        encoder = choice.encoder.to_dict()
        request = JudgeRequest(n=usable, encoder=encoder, reference=choice.reference.id)
        oracle = _oracle(db, run.id, request)
        if oracle is not None:
            fingerprint = oracle.encoder
        elif not generating:
            jobs.append(ask(db, run_key(run.id), request))
    elif not generating:
        known = measured(db, run_key(run.id), n=usable, choice=choice.encoder, reference=None)
        jobs += [known.work] if known.work is not None else []
        if known.result is not None:
            fingerprint = str(known.result["encoder_facts"]["fingerprint"])
    # Only live ones: how a finished one ended is shown where it was started.
    jobs += [Work(job, state) for job, state in judging(db, run.id) if state in LIVE]
    return RunState(
        choice,
        raw if active is None else subject_at(db, run.id, active.id, usable),
        raw.dataset,
        oracle,
        consensus_of_people(db, run.id),
        last_number(db, run.id),
        fingerprint,
        tuple(jobs),
        generating,
    )


def _oracle(db: Database, run_id: str, request: JudgeRequest) -> Oracle | None:
    result = look(db, run_key(run_id), request).result
    if result is None:
        return None
    return Oracle(
        dict(zip(result.ids, result.labels, strict=True)),
        result.accuracy,
        result.measured_on,
        result.notes,
        result.encoder,
    )


@st.cache_resource(max_entries=8, show_spinner=False)
def subject_at(_db: Database, run_id: str, version_id: str | None, n: int) -> Subject:
    """A run's texts as a version has them; `n` distinguishes the states of a run that grows."""
    return subject_of(_db, run_id, version_id)


def accuracy_value(accuracy: LabelAccuracy | None) -> str:
    """Overall label accuracy as "72.5%", or a dash."""
    if accuracy is None or accuracy.overall.interval is None:
        return MISSING
    return METRIC["label_accuracy"].words(accuracy.overall.interval.mean)


def share_words(share: Share | None) -> str:
    """A share with its interval, "72.5% (68.1% to 76.4%)"; a dash where it is unknown."""
    if share is None or share.interval is None:
        return MISSING
    interval = share.interval
    return METRIC["label_accuracy"].estimate_words(interval.mean, interval.low, interval.high)


def sized_share_words(share: Share | None) -> str:
    """The same with its number of texts: "72.5% (68.1% to 76.4%, n = 400)"."""
    if share is None or share.interval is None:
        return "unknown"
    return f"{share_words(share)[:-1]}, n = {share.n:,})"
