"""The sidebar of the Train page: task, training texts, models, baselines, settings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from core.classification.ladder import BASELINES, Baseline, Model, Source
from core.classification.settings import EMBEDDED_RATE, PAPER_RATE, FineTuning
from core.diversity.map.frame import display_names
from core.domain.references import Reference
from core.domain.registries.stages import STAGE
from core.domain.runs import ModelChoice
from core.domain.tasks import Task
from core.store.database import Database
from core.store.datasets import reference_key, run_id_of, run_key, version_key
from core.store.generation.runs import RunSummary, list_runs
from core.store.interventions.versions import VersionRecord, head, kind_name, list_versions
from core.store.references import reference_of
from pages.components.asked_model import choose_asked_model
from pages.components.reference import choose_reference
from pages.components.shell import AppContext, show_errors
from pages.components.task import at_rest, choose_task, keep_open, requested_runs, run_names
from pages.components.train.trainings import dataset_at

_REAL = "Real data"
_PROBE, _FINE_TUNED, _OTHER = "Linear probe", "MiniLM fine-tuned", "Hugging Face"
_DEFAULTS = FineTuning()
_LLM_BASELINES = {"zero-shot", "few-shot"}
_BASELINES: Mapping[Baseline, tuple[str, str]] = {
    "majority": (
        "Majority class",
        "Every text gets the most frequent label of the training texts: the lowest bar.",
    ),
    "zero-shot": (
        "LLM zero-shot",
        "The language model is asked for the label of each test text, without examples.",
    ),
    "few-shot": (
        "LLM few-shot (18)",
        "The same with 18 examples of the reference's train part, balanced over labels.",
    ),
}
"""Title and help of each baseline."""


@dataclass(frozen=True)
class Choice:
    """What to train.

    Args:
        task: whose texts.
        reference: real texts, None without.
        offered: all that can be trained on, real data last.
        sources: what to train on, in the order of `offered`.
        models: what to train.
        tuning: settings of fine-tuning; its model is that of each of `models`.
        seeds: of the repeats.
        matched: whether all sources are cut to the size of the smallest.
        baselines: what to compare with.
        language_model: of the LLM baselines; None while a server's is not chosen.
    """

    task: Task
    reference: Reference | None
    offered: tuple[Source, ...]
    sources: tuple[Source, ...]
    models: tuple[Model, ...]
    tuning: FineTuning
    seeds: tuple[int, ...]
    matched: bool
    baselines: tuple[Baseline, ...]
    language_model: ModelChoice | None = ModelChoice()

    @property
    def test(self) -> str | None:
        """Key of the real test set."""
        return None if self.reference is None else reference_key(self.reference.id, "test")


def choose(app: AppContext) -> Choice | None:
    """Draw the choice; None while there is nothing to train on."""
    summaries = [row for row in list_runs(app.db) if row.counts.usable]
    if not summaries:
        return None
    requested = requested_runs(summaries, page="train")
    with st.sidebar, show_errors():
        task = choose_task(summaries, requested, key="train_task")
        # Without a reference, the middle of the page offers to attach one.
        reference = reference_of(app.db, task)
        if reference is not None:
            reference = choose_reference(app, task)
        own = [row for row in summaries if row.run.spec.task.key == task.key]
        offered = sources_of(app.db, own, reference)
        starting = [run.id for run in requested if run.spec.task.key == task.key]
        starting = starting or [at_rest(app.db, [row.run.id for row in own])]
        sources = _choose_sources(
            offered, [active_key(app.db, run_id) for run_id in starting], anew=bool(requested)
        )
        keep_open(runs_of_sources(app.db, sources) or starting, page="train")
        matched = st.toggle(
            "Same size for all",
            True,
            key="train_matched",
            persist_state="session",
            help="Cut all training sets to the size of the smallest, keeping the share of each "
            "label; each seed draws other texts. Otherwise, larger sets may be better by their "
            "size alone.",
        )
        models = _choose_models()
        baselines = _choose_baselines()
        language_model: ModelChoice | None = ModelChoice()
        if _LLM_BASELINES & set(baselines):
            language_model = choose_asked_model(app, prefix="train_llm", local=ModelChoice())
        with st.expander("Settings", icon=":material/tune:"):
            seeds = _choose_seeds()
            tuning = _choose_tuning()
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
            language_model,
        )
    return None


def sources_of(
    db: Database, summaries: Sequence[RunSummary], reference: Reference | None
) -> tuple[Source, ...]:
    """All that can be trained on: runs with their versions, newest first, then real data."""
    names = run_names([row.run for row in summaries])
    sources: list[Source] = []
    for row in summaries:
        name = names[row.run.id]
        sources.append(Source(run_key(row.run.id), name, "raw", row.counts.usable))
        versions = {
            version.id: version for version in list_versions(db, row.run.id, include_deleted=True)
        }
        for version in versions.values():
            if version.kind != "raw" and version.deleted_at is None:
                key = version_key(version.id)
                title = name + version_words(version, versions)
                sources.append(Source(key, title, version.kind, len(dataset_at(db, key))))
    unique = display_names([source.name for source in sources])
    sources = [
        Source(source.key, name, source.kind, source.n)
        for source, name in zip(sources, unique, strict=True)
    ]
    if reference is not None and any(reference.train.values()):
        n = sum(reference.train.values())
        sources.append(Source(reference_key(reference.id, "train"), _REAL, "real", n))
    return tuple(sources)


def version_words(version: VersionRecord, versions: Mapping[str, VersionRecord]) -> str:
    """The stages of a version, after its run's name: " + LR + OOSF"; or ": its own name".

    Args:
        version: not a raw one.
        versions: all of the run by id, deleted ones included.
    """
    if version.name != kind_name(version.kind):
        return f": {version.name}"
    stages: list[str] = []
    step: VersionRecord | None = version
    while step is not None and step.kind != "raw":
        stages.append(STAGE[step.kind].short)
        step = versions.get(step.parent_id or "")
    return "".join(f" + {stage}" for stage in reversed(stages))


def active_key(db: Database, run_id: str) -> str:
    """Dataset key of a run's active version; of the run itself where nothing was derived."""
    active = head(db, run_id)
    derived = active is not None and active.kind != "raw"
    return version_key(active.id) if active is not None and derived else run_key(run_id)


def runs_of_sources(db: Database, sources: Sequence[Source]) -> list[str]:
    """Ids of the runs that sources stem from, each once, in their order."""
    runs = (run_id_of(db, source.key) for source in sources if source.kind != "real")
    return list(dict.fromkeys(runs))


def _choose_sources(
    offered: Sequence[Source], starting: Sequence[str], *, anew: bool
) -> tuple[Source, ...]:
    """Draw the choice.

    Args:
        offered: all that can be chosen.
        starting: keys to begin with, of which there may be fewer in `offered`.
        anew: whether to begin with them now, whatever was chosen before.
    """
    key = "train_sources"
    by_key = {source.key: source for source in offered}
    before = st.session_state.get(key)
    kept = [source for source in before or [] if source in by_key]
    own = [source for source in starting if source in by_key] or [offered[0].key]
    if (anew and not set(own) <= set(kept)) or not (kept or before == []):
        kept = [*own, *(source.key for source in offered if source.kind == "real")]
    st.session_state[key] = kept
    chosen = st.multiselect(
        "Train on",
        list(by_key),
        format_func=lambda one: f"{by_key[one].name} ({by_key[one].n:,})" if one in by_key else one,
        key=key,
        persist_state="session",
        placeholder="Choose texts",
        wrap=True,
        help="Runs as generated, their versions after interventions, and the train part of the "
        "reference. One model is trained per choice and model type.",
    )
    return tuple(source for source in offered if source.key in chosen)


def _choose_models() -> tuple[Model, ...]:
    chosen = st.pills(
        "Model",
        [_PROBE, _FINE_TUNED, _OTHER],
        default=[_PROBE],
        selection_mode="multi",
        key="train_models",
        persist_state="session",
        wrap=True,
        help="A linear probe is logistic regression on embeddings and takes seconds. Fine-tuning "
        "trains the whole encoder and takes minutes.",
    )
    models = []
    if _PROBE in chosen:
        models.append(Model("probe"))
    if _FINE_TUNED in chosen:
        models.append(Model("fine-tuning"))
    if _OTHER in chosen:
        name = st.text_input(
            "Model id or folder",
            key="train_model_id",
            persist_state="session",
            placeholder="google-bert/bert-base-uncased",
            help="Any Hugging Face encoder with safetensors weights; it is fine-tuned.",
        ).strip()
        if name:
            models.append(Model("fine-tuning", name))
        else:
            st.info("Enter a model id or folder.")
    return tuple(models)


def _choose_baselines() -> tuple[Baseline, ...]:
    st.caption("Baselines")
    return tuple(
        name
        for name in BASELINES
        if st.checkbox(
            _BASELINES[name][0],
            name == "majority",
            key=f"train_{name}",
            persist_state="session",
            help=_BASELINES[name][1],
        )
    )


def _choose_seeds() -> tuple[int, ...]:
    with st.container(horizontal=True):
        repeats = _integer("Repeats", "train_repeats", 3, 1, 10, "Each with another seed.")
        seed = _integer("First seed", "train_seed", 0, 0, 2**31 - 20)
    return tuple(range(seed, seed + repeats))


def _choose_tuning() -> FineTuning:
    """Draw the settings of fine-tuning."""
    rate = None
    if st.toggle(
        "Custom learning rate",
        key="train_own_rate",
        persist_state="session",
        help=f"Default: {EMBEDDED_RATE:g} for MiniLM (measured), {PAPER_RATE:g} for other encoders "
        "(paper).",
    ):
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
        epochs = _integer("Max epochs", "train_epochs", _DEFAULTS.max_epochs, 1, 1_000)
        patience = _integer(
            "Patience",
            "train_patience",
            _DEFAULTS.patience,
            1,
            1_000,
            "Training stops after this many epochs without improvement on held-out texts, a tenth "
            "of each label's.",
        )
    with st.container(horizontal=True):
        warmup = _integer("Warm-up epochs", "train_warmup", _DEFAULTS.warmup_epochs, 0, 100)
        batch = _integer("Batch size", "train_batch", _DEFAULTS.batch_size, 1, 1_024)
    weights = st.toggle(
        "Class weights",
        key="train_weights",
        persist_state="session",
        help="Weight texts by the inverse frequency of their label, so that all labels count the "
        "same. Labels may be imbalanced after label replacement.",
    )
    return FineTuning(
        learning_rate=rate,
        max_epochs=epochs,
        patience=patience,
        warmup_epochs=warmup,
        batch_size=batch,
        class_weights=weights,
    )


def _integer(
    label: str, key: str, default: int, low: int, high: int, help: str | None = None
) -> int:
    return int(
        st.number_input(
            label, low, high, default, key=key, persist_state="session", help=help, width=130
        )
    )
