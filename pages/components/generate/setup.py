"""The settings of a new run in the sidebar, its first prompt, and its seed examples."""

from dataclasses import replace
from pathlib import Path

import streamlit as st

from core.domain.conditions import Condition
from core.domain.errors import NoAnswer, StoreBusy
from core.domain.registries.capabilities import Capabilities
from core.domain.runs import EMBEDDED_TITLE, MAX_PER_LABEL, Example, ModelChoice, RunSpec
from core.domain.tasks import Task
from core.domain.wording import counted
from core.files.labelled import balanced_examples, read_labelled
from core.generation.prompts import prompt_for
from core.generation.servers.parameters import api_for
from core.generation.servers.suppression import (
    METHOD_TITLES,
    approximate_methods,
    condition_error,
    suppression_support,
)
from core.jobs.lease import living
from core.jobs.questions import ask
from core.store.database import Database
from core.store.datasets import load_dataset, reference_key
from core.store.references import reference_of
from pages.components.generate.knobs import (
    MAX_SEED,
    METHOD_KEY,
    apply_settings,
    main_knobs,
    more_knobs,
)
from pages.components.generate.task_panel import apply_choice, choose_task
from pages.components.model import capabilities_of, choose_server_model
from pages.components.shell import AppContext, error_words, escape_markdown, show_errors

_ANSWER_SECONDS = 0.4


def show_prompt(app: AppContext, spec: RunSpec) -> None:
    """Draw the prompt of the first cycle for a label that can be chosen."""
    names = list(spec.task.label_names)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        label = st.selectbox("Prompt for", names, key="preview_label", width=220)
        place = names.index(label) if label in names else 0
        st.caption(_size(app, spec, place))
    prompt = prompt_for(spec, cycle=1, label_index=place, written={})
    st.code(prompt.preview(), language=None, wrap_lines=True)
    pool = "these examples and the texts generated so far"
    if not spec.seed_examples:
        pool = "the texts generated so far"
    st.caption(
        "From the second cycle on, prompts start with one example per label, drawn with the run's "
        f"seed from {pool}."
    )


def _size(app: AppContext, spec: RunSpec, place: int) -> str:
    """Its length in tokens, if the worker holds the model already."""
    try:
        if living(app.db) is None:
            return ""
        question = {"spec": spec.to_dict(), "label_index": place}
        tokens = ask(app.db, "prompt", question, timeout=_ANSWER_SECONDS)["tokens"]
    except (NoAnswer, StoreBusy):
        return ""
    return "" if tokens is None else counted(tokens, "token")


_OFF = "off"
_METHOD_TITLES = {**METHOD_TITLES, _OFF: "off"}


def choose_method(
    condition: Condition, model: ModelChoice, capabilities: Capabilities | None
) -> Condition | None:
    """Draw warnings and choices; the condition that can be run, None while there is none.

    Args:
        condition: the knobs' values.
        model: nothing is drawn for one on this machine.
        capabilities: of a server's model; None where it was never tested.
    """
    if model.backend == "local":
        return condition
    if capabilities is not None:
        error = condition_error(condition, capabilities)
        if error is not None:
            st.error(error_words(error), icon=":material/block:")
            return None
        if condition.prompt != "chat" and api_for(condition, capabilities) == "chat":
            st.caption(
                f":material/chat: Prompt {condition.prompt} is sent as a chat: the server has no "
                "completions API."
            )
    if not condition.suppression.on:
        return condition
    if capabilities is None:
        st.info(
            "This model has not been tested. The run first checks that logit bias works on the "
            "server, and stops if it does not.",
            icon=":material/help:",
        )
        return condition
    if suppression_support(capabilities) == "exact":
        return condition
    options = [*approximate_methods(capabilities), _OFF]
    if st.session_state.get(METHOD_KEY) not in (None, *options):  # of another server
        del st.session_state[METHOD_KEY]
    chosen = st.pills(
        "Instead of logit bias",
        options,
        format_func=_METHOD_TITLES.__getitem__,
        key=METHOD_KEY,
        persist_state="session",
        help="This server ignores logit bias. Neither option is the paper's method; the run "
        "records which one it used.",
    )
    if chosen is None or chosen not in options:
        st.warning(
            "Logit bias does not work on this server. Choose an approximation, or switch "
            "suppression off.",
            icon=":material/warning:",
        )
        return None
    if chosen == _OFF:
        return replace(condition, suppression=replace(condition.suppression, strength=0.0))
    return replace(condition, suppression=replace(condition.suppression, method=chosen))


TRIAL_TEXTS = 10


def choose_spec(app: AppContext) -> RunSpec | None:
    """Draw the settings; None while one is missing or unusable, which is shown there."""
    apply_settings()
    apply_choice()
    with st.sidebar, show_errors():
        task = choose_task(app)
        condition = main_knobs(Condition())
        # How suppression is brought about depends on the model, which is chosen further down.
        method_box = st.container()
        left, right = st.columns(2)
        with left:
            per_label = st.number_input(
                "Texts per label", 1, MAX_PER_LABEL, 20, key="per_label", bind="query-params"
            )
        with right:
            seed = st.number_input(
                "Seed",
                0,
                MAX_SEED,
                0,
                key="seed",
                bind="query-params",
                help="The same seed and settings give the same texts on the same machine.",
            )
        if task is None:
            return None
        examples = choose_examples(app, task, seed=seed)
        condition = more_knobs(condition)
        model = _choose_model(app)
        # Drawn before returning early: Streamlit forgets widgets that are not drawn.
        targets = _targets(tuple(task.label_names), per_label)
        if examples is None or model is None:
            return None
        with method_box:
            usable = choose_method(condition, model, capabilities_of(app.db, model))
        if usable is None:
            return None
        return RunSpec(
            task=task,
            condition=usable,
            per_label=per_label,
            seed=seed,
            seed_examples=examples,
            model=model,
            targets=targets,
        )
    return None


def trial_of(spec: RunSpec) -> RunSpec:
    """The same settings for ten texts in all, spread over the labels as evenly as possible."""
    names = spec.task.label_names
    each, rest = divmod(TRIAL_TEXTS, len(names))
    targets = tuple((name, each + (place < rest)) for place, name in enumerate(names))
    return replace(spec, targets=targets)


def _choose_model(app: AppContext) -> ModelChoice | None:
    with st.expander("Model", icon=":material/memory:"):
        kind = st.segmented_control(
            "Backend",
            ["Embedded", "Hugging Face", "Server"],
            default="Embedded",
            format_func=lambda kind: "Hub" if kind == "Hugging Face" else kind,
            help="Hub runs any model of the Hugging Face hub, or of a folder, on this machine.",
            key="model_kind",
            required=True,
            persist_state="session",
        )
        if kind == "Server":
            return choose_server_model(app)
        device = st.selectbox(
            "Device", ["auto", "cpu", "cuda", "mps"], key="device", persist_state="session"
        )
        if kind == "Embedded":
            st.caption(f"{EMBEDDED_TITLE}; runs on this machine, offline.")
            return ModelChoice(device=device)
        name = st.text_input(
            "Model id or folder",
            key="model_id",
            persist_state="session",
            placeholder="HuggingFaceTB/SmolLM2-360M-Instruct",
        ).strip()
        st.caption("A model id is downloaded on first use.")
        return ModelChoice(model=name, device=device) if name else None


def _targets(names: tuple[str, ...], per_label: int) -> tuple[tuple[str, int], ...]:
    with st.expander("Texts by label", icon=":material/balance:"):
        if not st.toggle("Override per label", key="own_targets"):
            st.caption(f"{counted(per_label, 'text')} for every label.")
            return ()
        return tuple(
            (
                name,
                st.number_input(
                    f"{place + 1}. {escape_markdown(name)}",
                    0,
                    MAX_PER_LABEL,
                    per_label,
                    key=f"target-{name}",
                ),
            )
            for place, name in enumerate(names)
        )


SEED_COUNT = 18
_NONE, _REFERENCE, _FILE, _PATH = "None", "Reference", "Upload", "Path"


def choose_examples(app: AppContext, task: Task, *, seed: int) -> tuple[Example, ...] | None:
    """Draw the choice; the train part of the task's reference is offered where it has one.

    Returns:
        The drawn examples, empty for an unseeded run; None while the choice can't be used.
    """
    reference = reference_of(app.db, task)
    offered = [_NONE, *([_REFERENCE] if reference is not None else []), _FILE, _PATH]
    if st.session_state.get("seeding") not in offered:
        st.session_state.pop("seeding", None)  # this task has no reference
    source = st.segmented_control(
        "Example seeding",
        offered,
        default=_NONE,
        key="seeding",
        required=True,
        persist_state="session",
    )
    if source == _NONE:
        st.caption("The first cycle has no examples; later ones draw from the generated texts.")
        return ()
    st.caption("Prompts show labelled real texts from the first cycle on.")
    with show_errors():
        if source == _REFERENCE and reference is not None:
            examples = _of_reference(app.db, reference_key(reference.id, "train"))
        else:
            examples = _uploaded(task) if source == _FILE else _at_path(task)
        if examples is None:
            return None
        most = max(len(task.labels), min(200, len(examples)))
        count = st.number_input(
            "Examples", 1, most, min(SEED_COUNT, most), key="seed_count", persist_state="session"
        )
        drawn = balanced_examples(examples, task=task, count=count, seed=seed)
        with st.expander(f"{len(drawn)} of {len(examples):,} texts, balanced"):
            st.dataframe(
                [{"Label": example.label, "Text": example.text} for example in drawn],
                hide_index=True,
                height=220,
                alt="Seed examples drawn from the file",
            )
        return drawn
    return None


@st.cache_data(max_entries=4, show_spinner=False)
def _of_reference(_db: Database, key: str) -> list[Example]:
    """The texts of a reference's part, which never change."""
    dataset = load_dataset(_db, key)
    return [Example(*pair) for pair in zip(dataset.texts, dataset.labels, strict=True)]


def _uploaded(task: Task) -> list[Example] | None:
    file = st.file_uploader(
        "File with examples",
        type=["csv", "jsonl", "parquet"],
        key="seed_file",
        help="Columns text and label; the labels are the task's label names.",
    )
    if file is not None:
        # Streamlit drops an upload when the page is left, so its bytes are kept.
        st.session_state["seed_upload"] = (file.name, file.getvalue())
    upload = st.session_state.get("seed_upload")
    if upload is None:
        st.info("Choose a CSV, JSONL or Parquet file with the columns text and label.")
        return None
    name, data = upload
    return _read(data, name, task)


def _at_path(task: Task) -> list[Example] | None:
    path = st.text_input(
        "File path",
        key="seed_path",
        persist_state="session",
        placeholder="/data/reviews/train.csv",
        help="CSV, JSONL or Parquet on this machine with the columns text and label.",
    ).strip()
    if not path:
        st.info("Enter the path of a CSV, JSONL or Parquet file on this machine.")
        return None
    file = Path(path).expanduser()
    changed = file.stat().st_mtime_ns if file.is_file() else 0
    return _read_path(file, changed, task)


@st.cache_data(max_entries=4, show_spinner=False)
def _read_path(file: Path, changed: int, task: Task) -> list[Example]:
    """Cached until the file's modification time, `changed`, is another."""
    return read_labelled(file, name=file.name, task=task)


@st.cache_data(max_entries=4, show_spinner=False)
def _read(data: bytes, name: str, task: Task) -> list[Example]:
    return read_labelled(data, name=name, task=task)
