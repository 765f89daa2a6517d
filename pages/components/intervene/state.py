"""What the Intervene page shows: the choice in its sidebar, and the state of the chosen run."""

from collections.abc import Mapping
from dataclasses import dataclass

import streamlit as st

from core.diversity.embedding.encoder import EncoderChoice
from core.domain.datasets import Dataset
from core.domain.references import Reference
from core.domain.registries.metrics import METRIC
from core.domain.registries.stages import Annotator
from core.domain.tasks import Task
from core.domain.wording import MISSING, UNKNOWN
from core.interventions.annotators import Consensus
from core.interventions.previews import JudgeRequest, OracleOpinion
from core.interventions.relabelling.label_accuracy import LabelAccuracy, Share
from core.interventions.versions import Subject, subject_of
from core.jobs.handlers.interventions import preview_state, request_preview
from core.jobs.handlers.llm_judge import judging
from core.jobs.handlers.measurements import measured
from core.jobs.queue import LIVE, Work, states_of_runs
from core.store.database import Database
from core.store.datasets import run_key
from core.store.generation.runs import RunRecord, list_runs
from core.store.generation.samples import counts
from core.store.interventions.judgements import last_number
from core.store.interventions.versions import VersionRecord, head
from pages.components.encoder import choose_encoder
from pages.components.reference import choose_reference
from pages.components.shell import AppContext, show_errors
from pages.components.task import at_rest, choose_task, keep_open, requested_runs, run_names

_NAMES: dict[Annotator, str] = {"oracle": "Oracle", "people": "People"}


@dataclass(frozen=True)
class Choice:
    """What to repair.

    Args:
        task: the run's.
        run: whose texts.
        name: the run's for display.
        reference: real texts, None without.
        encoder: what makes the vectors.
        annotator: who inspects.
        error_rate: chance that the oracle gives a wrong label on purpose, 0 to 1.
    """

    task: Task
    run: RunRecord
    name: str
    reference: Reference | None
    encoder: EncoderChoice
    annotator: Annotator
    error_rate: float

    @property
    def oracle_reference(self) -> str | None:
        """Id of the reference that the inspecting oracle learns from; None if people inspect."""
        if self.annotator != "oracle" or self.reference is None:
            return None
        return self.reference.id


def choose(app: AppContext) -> Choice | None:
    """Draw the choice; None while it is incomplete."""
    summaries = [row for row in list_runs(app.db) if row.counts.usable]
    if not summaries:
        return None
    requested = requested_runs(summaries, page="intervene")
    with st.sidebar, show_errors():
        task = choose_task(summaries, requested, key="intervene_task")
        runs = {row.run.id: row.run for row in summaries if row.run.spec.task.key == task.key}
        names = run_names(list(runs.values()))
        if requested:
            st.session_state["intervene_run"] = requested[0].id
        if st.session_state.get("intervene_run") not in runs:
            st.session_state["intervene_run"] = at_rest(app.db, runs)
        run_id = st.selectbox(
            "Run",
            list(runs),
            format_func=lambda run: names.get(run, run),
            key="intervene_run",
            persist_state="session",
        )
        keep_open([run_id], page="intervene")
        reference = choose_reference(app, task)
        encoder = choose_encoder()
        annotator = _choose_annotator(with_oracle=reference is not None)
        error_rate = _choose_error_rate() if annotator == "oracle" else 0.0
        if encoder is not None:
            run = runs[run_id]
            return Choice(task, run, names[run_id], reference, encoder, annotator, error_rate)
    return None


def _choose_annotator(*, with_oracle: bool) -> Annotator:
    options: list[Annotator] = ["oracle", "people"] if with_oracle else ["people"]
    key = "intervene_annotator"
    if st.session_state.get(key) not in options:
        st.session_state[key] = options[0]
    annotator: Annotator | None = st.segmented_control(
        "Annotator",
        options,
        format_func=_NAMES.__getitem__,
        key=key,
        required=True,
        persist_state="session",
        help="Who inspects texts: people, on the Annotate tab, or the oracle, a classifier trained "
        "on the reference that stands in for a person.",
    )
    if not with_oracle:
        st.caption("Attach a reference to let an oracle stand in for people.")
    return annotator or options[0]


def _choose_error_rate() -> float:
    percent = st.slider(
        "Oracle error rate",
        0,
        50,
        0,
        5,
        format="%d%%",
        key="intervene_errors",
        persist_state="session",
        help="Chance that the oracle gives a wrong label on purpose, to simulate human errors. "
        "Label accuracy is measured without these errors.",
    )
    return percent / 100


@dataclass(frozen=True)
class RunState:
    """The state of a run.

    Args:
        choice: what was chosen.
        subject: the run's texts as the active version has them.
        generated: the run's texts as generated.
        opinion: of the oracle; None while it is not trained, or without a reference.
        judgements: what people said, settled, by text id.
        last_judgement: number of the latest judgement, for `core.jobs.handlers.interventions`.
        fingerprint: of the encoder whose vectors are stored; None while they may be missing.
        jobs: the jobs that compute what is missing, and a language model that judges.
        generating: whether the run is still generating.
    """

    choice: Choice
    subject: Subject
    generated: Subject
    opinion: OracleOpinion | None
    judgements: Mapping[str, Consensus]
    last_judgement: int
    fingerprint: str | None
    jobs: tuple[Work, ...]
    generating: bool

    @property
    def raw(self) -> Dataset:
        """The run's texts as generated."""
        return self.generated.dataset

    @property
    def version(self) -> VersionRecord | None:
        """The active version; None while nothing was derived."""
        return self.subject.version

    @property
    def version_id(self) -> str | None:
        """Its id."""
        return None if self.version is None else self.version.id

    def at(self, db: Database, version_id: str | None) -> Subject:
        """The run's texts as any of its versions has them."""
        return subject_at(
            db, self.choice.run.id, version_id, len(self.raw), last_judgement=self.last_judgement
        )

    @property
    def dataset(self) -> Dataset:
        """The active version's texts."""
        return self.subject.dataset

    @property
    def label_names(self) -> tuple[str, ...]:
        """The task's labels, in its order."""
        return self.choice.task.label_names

    def labels_by_oracle(self, dataset: Dataset) -> list[str] | None:
        """The oracle's label for each text; None while it did not judge all of them."""
        labels = {} if self.opinion is None else self.opinion.label_by_id
        judged = [labels[key] for key in dataset.ids if key in labels]
        return judged if len(judged) == len(dataset) > 0 else None

    def accuracy_by_oracle(self, subject: Subject) -> LabelAccuracy | None:
        """Label accuracy of a version of the run by the oracle, see `Subject`; None while it is
        unknown."""
        if self.opinion is None or self.labels_by_oracle(subject.dataset) is None:
            return None
        return subject.accuracy_by_oracle(self.opinion.label_by_id)

    def mean_accuracy_by_oracle(self, subject: Subject) -> float | None:
        """Overall label accuracy by the oracle, 0 to 1; None while it is unknown."""
        accuracy = self.accuracy_by_oracle(subject)
        interval = None if accuracy is None else accuracy.overall.interval
        return None if interval is None else interval.mean

    def oracle_words(self, dataset: Dataset) -> str:
        """The oracle's own accuracy on texts with the dataset's labels."""
        return UNKNOWN if self.opinion is None else self.opinion.oracle.words(dataset.labels)


def load_state(app: AppContext, choice: Choice) -> RunState:
    """Gather what exists; queue what is missing."""
    db, run = app.db, choice.run
    generating = states_of_runs(db).get(run.id) in LIVE
    usable = sum(row.usable for row in counts(db, run.id).values())
    active = head(db, run.id)
    last = last_number(db, run.id)
    generated = subject_at(db, run.id, None, usable, last_judgement=last)
    jobs: list[Work] = []
    opinion, fingerprint = None, None
    if choice.reference is not None:
        request = JudgeRequest(n=usable, encoder=choice.encoder, reference=choice.reference.id)
        opinion = preview_state(db, run_key(run.id), request).result
        if opinion is not None:
            fingerprint = opinion.encoder
        elif not generating:
            jobs.append(request_preview(db, run_key(run.id), request))
    elif not generating:
        known = measured(db, run_key(run.id), n=usable, choice=choice.encoder, reference=None)
        jobs += [known.work] if known.work is not None else []
        if known.result is not None:
            fingerprint = known.result.encoder_facts["fingerprint"]
    # Only live ones: how a finished one ended is shown where it was started.
    jobs += [Work(job, state) for job, state in judging(db, run.id) if state in LIVE]
    return RunState(
        choice,
        generated
        if active is None
        else subject_at(db, run.id, active.id, usable, last_judgement=last),
        generated,
        opinion,
        generated.people,
        last,
        fingerprint,
        tuple(jobs),
        generating,
    )


@st.cache_resource(max_entries=8, show_spinner=False)
def subject_at(
    _db: Database, run_id: str, version_id: str | None, n: int, *, last_judgement: int
) -> Subject:
    """A run's texts as a version has them; `n` and `last_judgement` distinguish the states of a run
    that grows and is judged."""
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


def overall_words(accuracy: LabelAccuracy | None) -> str:
    """Overall label accuracy as `share_words`."""
    return share_words(None if accuracy is None else accuracy.overall)


def sized_share_words(share: Share | None) -> str:
    """The same with its number of texts: "72.5% (68.1% to 76.4%, n = 400)"."""
    if share is None or share.interval is None:
        return "unknown"
    return f"{share_words(share)[:-1]}, n = {share.n:,})"
