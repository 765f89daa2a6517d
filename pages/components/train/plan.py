"""The plan: which models would be trained, checked, timed and priced; and the start."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from uuid import uuid4

import pandas as pd
import streamlit as st

from core.classification.estimate import Estimate, estimate
from core.classification.evaluation.checks import Leakage, check, look_for_leakage
from core.classification.ladder import Rung, refuse_nothing, rungs, smallest
from core.classification.llm.llm import FEW, draw_examples
from core.classification.training import seeds_of
from core.domain.errors import BadInput, WidesetError
from core.domain.runs import Example, ModelChoice
from core.domain.spending import SpendingLimit
from core.domain.wording import MISSING, capitalized, counted, duration
from core.jobs.handlers.train import start_training
from core.jobs.launch import ensure_worker
from core.jobs.queue import LIVE
from core.services.training.training_throughput import recent_throughput
from core.store.database import Database
from core.store.datasets import reference_key, version_key
from core.store.generation.samples import counts
from core.store.interventions.versions import list_versions, raw_version
from pages.components.asked_model import (
    AskingLimit,
    choose_asking_limit,
    estimate_asked,
    estimate_words,
)
from pages.components.shell import AppContext, escape_markdown, flash, show_errors
from pages.components.train.choice import Choice
from pages.components.train.trainings import Training, dataset_at

_TOKEN = "train_token"


@dataclass(frozen=True)
class DataCheck:
    """Whether texts can be trained on.

    Args:
        warnings: what is unusual.
        refusal: why they can't be trained on; empty if they can.
        leakage: test texts among them; None where nothing is learned from them.
    """

    warnings: tuple[str, ...] = ()
    refusal: str = ""
    leakage: Leakage | None = None


@dataclass(frozen=True)
class PlannedModel:
    """A model that would be trained, or a baseline.

    Args:
        rung: name and settings.
        time: estimate, an upper bound.
        data: of its training texts.
        exists: whether it is trained or being trained already.
    """

    rung: Rung
    time: Estimate
    data: DataCheck
    exists: bool

    @property
    def state(self) -> str:
        """What becomes of it, in a word."""
        if self.data.refusal:
            return "not possible"
        return "done" if self.exists else "to train"


def show_plan(app: AppContext, choice: Choice, trainings: Sequence[Training]) -> None:
    """Draw the plan and the button that starts it."""
    if choice.test is None:
        return
    with st.container(border=True), show_errors():
        plan = _planned_models(app.db, choice, trainings)
        new = [model for model in plan if not model.exists and not model.data.refusal]
        head = st.container()
        limit = _show_cost(app, choice, [m.rung for m in new if m.rung.spec.language_server])
        with head:
            _show_head(app, choice, plan, new, limit)
        for model in plan:
            if model.data.refusal:
                name = escape_markdown(model.rung.name)
                st.error(f"{name}: {escape_markdown(model.data.refusal)}", icon=":material/error:")
        _show_warnings(plan)
        if plan:
            with st.expander(f"Plan: {counted(len(plan), 'model')}", icon=":material/list:"):
                _show_table(plan)


def _planned_models(
    db: Database, choice: Choice, trainings: Sequence[Training]
) -> list[PlannedModel]:
    try:
        refuse_nothing(choice.sources, choice.baselines)
    except BadInput:
        return []
    test = str(choice.test)
    examples: tuple[Example, ...] = ()
    if "few-shot" in choice.baselines:
        try:
            examples = _few_shot_examples(db, choice)
        except BadInput as error:
            message = escape_markdown(str(error))
            st.warning(f"LLM few-shot is left out. {message}", icon=":material/warning:")
    baselines = choice.baselines
    if choice.language_model is None:
        st.info("Choose the server's model.", icon=":material/cable:")
        baselines = tuple(name for name in baselines if name == "majority")
    tuning = asdict(choice.tuning)
    del tuning["model"]
    planned = rungs(
        choice.sources,
        test=test,
        models=choice.models,
        tuning=tuning,
        seeds=choice.seeds,
        matched=choice.matched,
        baselines=baselines,
        task=choice.task,
        examples=examples,
        language=choice.language_model or ModelChoice(),
    )
    known = recent_throughput(db)
    n_test = len(dataset_at(db, test))
    existing = [
        training.record.spec for training in trainings if training.done or training.state in LIVE
    ]
    return [
        PlannedModel(
            rung,
            estimate(rung.spec, n_train=rung.n_train, n_test=n_test, known=known),
            _check_data(db, rung, test),
            replace(rung.spec, train=_existing_version(db, rung.spec.train)).to_dict() in existing,
        )
        for rung in planned
    ]


def _check_data(db: Database, rung: Rung, test: str) -> DataCheck:
    if rung.spec.train is None:
        return DataCheck()
    origin, _, name = rung.spec.train.partition(":")
    n = sum(row.usable for row in counts(db, name).values()) if origin == "run" else 0
    return _checked(db, rung.spec.train, n, test)


@st.cache_data(max_entries=64, show_spinner=False)
def _checked(_db: Database, train: str, n: int, test: str) -> DataCheck:
    """The check, with exact leakage; `n` distinguishes the states of a run that grows."""
    data, real = dataset_at(_db, train, n), dataset_at(_db, test)
    try:
        warnings = check(data, real)
    except BadInput as error:
        return DataCheck(refusal=str(error))
    return DataCheck(tuple(warnings), leakage=look_for_leakage(data.texts, real.texts))


def _few_shot_examples(db: Database, choice: Choice) -> tuple[Example, ...]:
    """The examples of the few-shot prompt, drawn with the first seed.

    Raises:
        BadInput: the reference has too few.
    """
    if choice.reference is None:
        return ()
    pool = dataset_at(db, reference_key(choice.reference.id, "train"))
    return draw_examples(pool, task=choice.task, count=FEW, seed=choice.seeds[0])


def _existing_version(db: Database, key: str | None) -> str | None:
    """For a run, the version that already holds its texts as they are now; else the key."""
    origin, _, name = str(key).partition(":")
    if key is None or origin != "run":
        return key
    n = sum(row.usable for row in counts(db, name).values())
    raw = [version_key(version.id) for version in list_versions(db, name) if version.kind == "raw"]
    return next((version for version in raw if len(dataset_at(db, version)) == n), key)


def _frozen_version(db: Database, key: str | None) -> str | None:
    """For a run, a version with its texts as they are now, which never changes; else the key."""
    if key is None or not key.startswith("run:"):
        return key
    return version_key(raw_version(db, key.removeprefix("run:")).id)


def _show_cost(app: AppContext, choice: Choice, served: Sequence[Rung]) -> AskingLimit:
    """Draw the cost of what a server's model answers, and the limit of each."""
    if not served or choice.language_model is None:
        return AskingLimit()
    model = choice.language_model
    test = dataset_at(app.db, str(choice.test))
    for rung in served:
        cost = estimate_asked(app, model, test.texts, choice.task, rung.spec.examples)
        st.caption(estimate_words(app, model, cost, name=rung.name))
    with st.container(horizontal=True, vertical_alignment="center"):
        limit = choose_asking_limit(
            app,
            model,
            prefix="train_llm",
            requests=len(test),
            note=" The limit applies to each baseline." if len(served) > 1 else "",
        )
        st.caption(
            ":red[The limit is too low.]"
            if limit.refusal
            else "The test texts and the examples are sent to that server."
        )
    return limit


def _show_head(
    app: AppContext,
    choice: Choice,
    plan: Sequence[PlannedModel],
    new: Sequence[PlannedModel],
    limit: AskingLimit,
) -> None:
    least = smallest(choice.sources)
    test = dataset_at(app.db, str(choice.test))
    measured = all(model.time.measured for model in new)
    seconds = max(1.0, sum(model.time.seconds for model in new))
    sizes = [model.rung.n_train for model in new if model.data.leakage is not None]
    with st.grid(5, min_column_width=110, gap="small", vertical_alignment="center"):
        st.metric("To train", counted(len(new), "model"))
        st.metric(
            "Texts each",
            _range_words(sizes),
            help=f"Cut to the smallest set, {counted(least, 'text')}, drawn anew per repeat."
            if choice.matched and least is not None
            else "All texts of each set: larger sets may be better by their size alone.",
        )
        st.metric("Test texts", f"{len(test):,}", help="Real texts, never trained on.")
        pace = (
            "Based on earlier trainings on this machine."
            if measured
            else "Based on typical speed until a first training has measured this machine."
        )
        st.metric(
            "Max time",
            duration(seconds) if new else MISSING,
            help=f"{pace} Early stopping often ends fine-tuning sooner.",
        )
        token = st.session_state.setdefault(_TOKEN, uuid4().hex)
        st.button(
            "Start training",
            type="primary",
            icon=":material/model_training:",
            key="train_start",
            disabled=not new or bool(limit.refusal),
            help=escape_markdown(limit.refusal) or (None if new else _nothing_new_words(plan)),
            on_click=_start,
            args=(app, choice, [model.rung for model in new], token, limit.limit),
        )


def _range_words(sizes: Sequence[int]) -> str:
    if not sizes:
        return MISSING
    low, high = min(sizes), max(sizes)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _nothing_new_words(plan: Sequence[PlannedModel]) -> str:
    if plan and all(model.exists for model in plan):
        return "All models are trained or being trained: equal settings give equal results."
    return "Choose texts and a model in the sidebar."


def _show_warnings(plan: Sequence[PlannedModel]) -> None:
    """Each warning once, with the models that it applies to."""
    names: dict[str, list[str]] = {}
    for model in plan:
        leakage = None if model.data.leakage is None else model.data.leakage.warning()
        for warning in [*model.data.warnings, *([leakage] if leakage else [])]:
            names.setdefault(warning, []).append(model.rung.name)
    for warning, models in names.items():
        subject = "All models" if len(models) == len(plan) else ", ".join(dict.fromkeys(models))
        st.warning(
            f"{escape_markdown(subject)}: {escape_markdown(warning)}", icon=":material/warning:"
        )


def _show_table(plan: Sequence[PlannedModel]) -> None:
    leakage = [model.data.leakage for model in plan]
    text, number = st.column_config.TextColumn, st.column_config.NumberColumn
    st.dataframe(
        pd.DataFrame(
            {
                "name": [model.rung.name for model in plan],
                "n": [model.rung.n_train for model in plan],
                "repeats": [len(seeds_of(model.rung.spec)) for model in plan],
                "time": [duration(max(1.0, model.time.seconds)) for model in plan],
                "pace": ["measured" if model.time.measured else "typical" for model in plan],
                "leak": [None if overlap is None else len(overlap.exact) for overlap in leakage],
                "state": [capitalized(model.state) for model in plan],
            }
        ),
        hide_index=True,
        height="content",
        placeholder="–",
        column_config={
            "name": text("Model", width=300),
            "n": number("Texts", format="localized", width=70),
            "repeats": number("Repeats", width=75),
            "time": text("Max time", width=110),
            "pace": text("Speed", width=85),
            "leak": number(
                "Test leakage",
                width=120,
                help="Test texts among the training texts, word for word. Near duplicates are "
                "searched for when the training starts.",
            ),
            "state": text("State", width=120),
        },
        alt="Models to train, their time, and what is done already",
    )


def _start(
    app: AppContext,
    choice: Choice,
    planned: Sequence[Rung],
    token: str,
    limit: SpendingLimit | None,
) -> None:
    """Queue a job per model, once per token."""
    try:
        for place, rung in enumerate(planned):
            start_training(
                app.db,
                replace(rung.spec, train=_frozen_version(app.db, rung.spec.train)),
                task_key=choice.task.key,
                name=rung.name,
                token=f"train {token} {place}",
                cap=limit if rung.spec.language_server else None,
            )
        ensure_worker(app.home, app.db)
    except WidesetError as error:
        flash(error)
        return
    st.session_state[_TOKEN] = uuid4().hex
