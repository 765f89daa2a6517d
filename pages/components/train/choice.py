"""Settings of training in the side bar of the Train page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from core.classification.ladder import BASELINES, Baseline, Model, Source, SourceKind
from core.classification.settings import EMBEDDED_RATE, PAPER_RATE, FineTuning
from core.diversity.map.frame import display_names
from core.domain.references import Reference
from core.domain.runs import ModelChoice
from core.domain.tasks import Task
from core.store.database import Database
from core.store.datasets import reference_key, run_key, version_key
from core.store.generation.runs import RunRecord, RunSummary, list_runs
from core.store.interventions.versions import KIND_NAMES, VersionRecord, list_versions
from core.store.references import reference_of
from pages.components.asked_model import choose_asked_model
from pages.components.reference import choose_reference
from pages.components.shell import AppContext, show_errors
from pages.components.task import choose_task, requested_run, run_names
from pages.components.train.answers import dataset_at

_USUAL = FineTuning()


def choose_settings(encoders: Sequence[str]) -> tuple[dict[str, Any], tuple[int, ...]]:
    """Draw the settings, folded away.

    Args:
        encoders: those that are trained or probed.

    Returns:
        Arguments of `FineTuning` but its model, and the seeds of the repeats.
    """
    with st.expander("Settings", icon=":material/tune:"):
        with st.container(horizontal=True):
            repeats = _whole("Repeats", "train_repeats", 3, 1, 10, "Each with a seed of its own.")
            seed = _whole("First seed", "train_seed", 0, 0, 2**31 - 20)
        own_rate = st.toggle(
            "Learning rate of my own",
            key="train_own_rate",
            persist_state="session",
            help=f"Else {EMBEDDED_RATE:g} for MiniLM (measured) and the paper's {PAPER_RATE:g} "
            "for other encoders.",
        )
        rate = None
        if own_rate:
            rate = st.number_input(
                "Learning rate",
                1e-7,
                1.0,
                EMBEDDED_RATE,
                format="%.1e",
                step=1e-5,
                key="train_rate",
                persist_state="session",
            )
        with st.container(horizontal=True):
            epochs = _whole("Epochs at most", "train_epochs", _USUAL.max_epochs, 1, 1_000)
            patience = _whole(
                "Patience",
                "train_patience",
                _USUAL.patience,
                1,
                1_000,
                "Epochs without a better one on the texts held out, after which training ends.",
            )
        with st.container(horizontal=True):
            warmup = _whole("Warm-up epochs", "train_warmup", _USUAL.warmup_epochs, 0, 100)
            batch = _whole("Batch size", "train_batch", _USUAL.batch_size, 1, 1_024)
        weights = st.toggle(
            "Class weights",
            key="train_weights",
            persist_state="session",
            help="Rare labels count more, so that all labels count the same. Label replacement "
            "may leave labels of unlike size.",
        )
        if encoders and all(one == "embedded" for one in encoders):
            st.caption("A tenth of each label's texts is held out for early stopping.")
    tuning = {
        "learning_rate": rate,
        "max_epochs": epochs,
        "patience": patience,
        "warmup_epochs": warmup,
        "batch_size": batch,
        "class_weights": weights,
    }
    return tuning, tuple(range(seed, seed + repeats))


def _whole(label: str, key: str, value: int, low: int, high: int, told: str | None = None) -> int:
    return int(
        st.number_input(
            label, low, high, value, key=key, persist_state="session", help=told, width=130
        )
    )


_REAL = "Real data"
_BASELINE_WORDS: Mapping[Baseline, str] = {
    "majority": "Majority class",
    "zero-shot": "LLM zero-shot",
    "few-shot": "LLM few-shot (18)",
}
_PROBE, _TUNED, _OTHER = "Linear probe", "MiniLM fine-tuned", "Hugging Face"


@dataclass(frozen=True)
class Choice:
    """What was chosen.

    Args:
        task: whose texts.
        reference: real texts, None without.
        offered: all that can be trained on, real data last.
        sources: what to train on, in the order of `offered`.
        models: what to train.
        tuning: arguments of `FineTuning` but its model.
        seeds: of the repeats.
        matched: cut all to the size of the smallest.
        baselines: what to compare with.
        asked: the language model of these; None while a server's is not named.
    """

    task: Task
    reference: Reference | None
    offered: tuple[Source, ...]
    sources: tuple[Source, ...]
    models: tuple[Model, ...]
    tuning: Mapping[str, Any]
    seeds: tuple[int, ...]
    matched: bool
    baselines: tuple[Baseline, ...]
    asked: ModelChoice | None = ModelChoice()

    @property
    def test(self) -> str | None:
        """Key of the real test set."""
        return None if self.reference is None else reference_key(self.reference.id, "test")


def choose(app: AppContext) -> Choice | None:
    """Draw the choice; None while there is nothing to train on."""
    found = [row for row in list_runs(app.db) if row.counts.usable]
    if not found:
        return None
    asked = requested_run(found, page="train")
    with st.sidebar, show_errors():
        task = choose_task(found, asked, key="train_task")
        # A task without one is told so in the middle of the page, which offers to attach it.
        reference = reference_of(app.db, task)
        if reference is not None:
            reference = choose_reference(app, task)
        own = [row for row in found if row.run.spec.task.key == task.key]
        offered = sources_of(app.db, own, reference)
        sources = _sources(offered, asked)
        matched = st.toggle(
            "Same size for all",
            True,
            key="train_matched",
            persist_state="session",
            help="Everything is cut to the size of the smallest, each label keeping its share; the "
            "seeds draw different texts. Without it, more texts alone may make the difference.",
        )
        models = _models()
        baselines = _baselines()
        asked_model = _asked_model(app, baselines)
        tuning, seeds = choose_settings([model.encoder for model in models])
        return Choice(
            task,
            reference,
            offered,
            sources,
            models,
            tuning,
            seeds,
            matched,
            baselines,
            asked_model,
        )
    return None


def sources_of(
    db: Database, own: Sequence[RunSummary], reference: Reference | None
) -> tuple[Source, ...]:
    """All that can be trained on: runs with their versions, the newest first, then real data."""
    names = run_names([row.run for row in own])
    found: list[Source] = []
    for row in own:
        name = names[row.run.id]
        found.append(Source(run_key(row.run.id), name, "raw", row.counts.usable))
        versions = {one.id: one for one in list_versions(db, row.run.id, include_deleted=True)}
        for version in versions.values():
            if version.kind != "raw" and version.deleted_at is None:
                key = version_key(version.id)
                n = len(dataset_at(db, key))
                words = name + version_words(version, versions)
                found.append(Source(key, words, version.kind, n))
    unique = display_names([one.name for one in found])
    shown = [
        Source(one.key, name, one.kind, one.n) for one, name in zip(found, unique, strict=True)
    ]
    if reference is not None and any(reference.train.values()):
        real: SourceKind = "real"
        n = sum(reference.train.values())
        shown.append(Source(reference_key(reference.id, "train"), _REAL, real, n))
    return tuple(shown)


_SHORT = {"lr": "LR", "oosf": "OOSF", "manual": "edits"}


def version_words(version: VersionRecord, versions: Mapping[str, VersionRecord]) -> str:
    """What was done to a run's texts, behind the run's name: " + LR + OOSF", or ": its own name".

    Args:
        version: not a raw one.
        versions: all of the run by id, deleted ones included.
    """
    if version.name != KIND_NAMES[version.kind]:
        return f": {version.name}"
    chain: list[str] = []
    now: VersionRecord | None = version
    while now is not None and now.kind != "raw":
        chain.append(_SHORT[now.kind])
        now = versions.get(now.parent_id or "")
    return "".join(f" + {what}" for what in reversed(chain))


def _sources(offered: Sequence[Source], asked: RunRecord | None) -> tuple[Source, ...]:
    key = "train_sources"
    by_key = {one.key: one for one in offered}
    before = st.session_state.get(key)
    kept = [one for one in before or [] if one in by_key]
    if asked is not None or not (kept or before == []):
        first = next(
            (one.key for one in offered if asked is not None and asked.id in one.key),
            offered[0].key,
        )
        kept = [first, *(one.key for one in offered if one.kind == "real")]
    st.session_state[key] = kept
    chosen = st.multiselect(
        "Train on",
        list(by_key),
        format_func=lambda one: f"{by_key[one].name} ({by_key[one].n:,})" if one in by_key else one,
        key=key,
        persist_state="session",
        placeholder="Choose texts",
        wrap=True,
        help="Runs as generated, their versions after interventions, and the reference's own train "
        "part. Each becomes a row of the ladder for each model.",
    )
    return tuple(one for one in offered if one.key in chosen)


def _models() -> tuple[Model, ...]:
    picked = st.pills(
        "Model",
        [_PROBE, _TUNED, _OTHER],
        default=[_PROBE],
        selection_mode="multi",
        key="train_models",
        persist_state="session",
        wrap=True,
        help="A probe is logistic regression on embeddings: seconds. Fine-tuning trains the whole "
        "encoder: minutes.",
    )
    models = []
    if _PROBE in picked:
        models.append(Model("probe"))
    if _TUNED in picked:
        models.append(Model("fine-tuning"))
    if _OTHER in picked:
        name = st.text_input(
            "Model id or folder",
            key="train_model_id",
            persist_state="session",
            placeholder="google-bert/bert-base-uncased",
            help="Any Hugging Face encoder with safetensors; it is fine-tuned.",
        ).strip()
        if name:
            models.append(Model("fine-tuning", name))
        else:
            st.info("Write an encoder's id.")
    return tuple(models)


def _baselines() -> tuple[Baseline, ...]:
    st.caption("Compare with")
    picked = []
    for name in BASELINES:
        if st.checkbox(
            _BASELINE_WORDS[name],
            name == "majority",
            key=f"train_{name}",
            persist_state="session",
            help=_HELP[name],
        ):
            picked.append(name)
    return tuple(picked)


def _asked_model(app: AppContext, baselines: Sequence[Baseline]) -> ModelChoice | None:
    """Who is asked; as by default while nobody is."""
    if not {"zero-shot", "few-shot"} & set(baselines):
        return ModelChoice()
    return choose_asked_model(app, prefix="train_llm", local=ModelChoice())


_HELP: Mapping[Baseline, str] = {
    "majority": "Every text gets the label that training has most of: the least to beat.",
    "zero-shot": "The language model is asked for each test text, without examples.",
    "few-shot": "The same with 18 examples of the reference's train part, balanced over labels.",
}
