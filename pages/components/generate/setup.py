"""The settings of a new run in the sidebar: knobs, model, targets; and its first prompt."""

from dataclasses import replace
from typing import Any, cast, get_args

import streamlit as st

from core.domain.conditions import Condition, Method
from core.domain.errors import NoAnswer, StoreBusy
from core.domain.registries.capabilities import Capabilities
from core.domain.registries.knob import Group, Knob
from core.domain.registries.knobs import KNOBS
from core.domain.runs import (
    DEFAULT_PER_LABEL,
    EMBEDDED_TITLE,
    MAX_PER_LABEL,
    Device,
    ModelChoice,
    RunSpec,
)
from core.domain.serialization import from_json
from core.domain.tasks import Task, preset, preset_names
from core.domain.wording import counted
from core.generation.prompts import prompt_for
from core.generation.servers.parameters import api_for
from core.generation.servers.suppression import (
    METHOD_TITLES,
    approximate_methods,
    condition_error,
    suppression_support,
)
from core.jobs.handlers.generate import PromptSize
from core.jobs.lease import living
from core.jobs.questions import ask
from core.store.database import Database
from core.store.tasks import list_tasks
from pages.components.generate.task_panel import apply_choice, choose_examples, choose_task
from pages.components.model import capabilities_of, choose_server_model
from pages.components.shell import AppContext, error_words, escape_markdown, show_errors
from pages.components.task import opened_run

MAX_SEED = 2**31 - 1
METHOD_KEY = "method"
"""Key of the widget that chooses the substitute for logit bias on a server without it."""

SETTINGS_KEY = "settings_to_use"
"""Where the session keeps values for the sidebar's widgets until they are drawn next."""


def _draw_knobs(condition: Condition, *groups: Group) -> Condition:
    """Draw the knobs of these groups; the condition with their values."""
    for group in groups:
        for knob in KNOBS:
            if knob.group == group:
                condition = knob.within(condition, _widget(knob))
                st.caption(knob.help)
    return condition


def _widget(knob: Knob) -> Any:
    # The address carries the main knobs, the session the others.
    keep = {"bind": "query-params"} if knob.group == "main" else {"persist_state": "session"}
    common: dict[str, Any] = {"key": knob.name, **keep}
    if knob.kind == "toggle":
        return st.toggle(knob.title, knob.default, **common)
    if knob.choices is not None:
        chosen = st.segmented_control(
            knob.title,
            list(knob.choices),
            default=knob.default,
            format_func=knob.choices.__getitem__,
            required=True,
            **common,
        )
        return chosen or knob.default
    make = int if knob.kind == "whole" else float
    limits = make(_lowest(knob)), make(knob.high), make(knob.default), make(knob.step)
    # A slider is hard to set exactly over a long range of whole numbers.
    draw = st.number_input if knob.kind == "whole" and knob.high > 300 else st.slider
    return draw(knob.title, *limits, **common)


def _lowest(knob: Knob) -> float:
    return knob.low + knob.step if knob.open_low else knob.low


def use_settings(db: Database, spec: RunSpec) -> None:
    """Put a spec's settings where the sidebar's widgets read them when they are drawn next.

    Seed examples are not taken over: the sidebar draws them from a file, of which the run only
    knows the drawn part.
    """
    values = {
        knob.name: max(_lowest(knob), value) if knob.numeric else value
        for knob in KNOBS
        if knob.group != "none"
        for value in [knob.value_in_condition(spec.condition)]
    }
    values |= {
        "per_label": spec.per_label,
        "seed": min(spec.seed, MAX_SEED),
        "device": spec.model.device,
        "model_kind": "Embedded",
    }
    if spec.model.backend == "openai":
        method = spec.condition.suppression.method
        values |= {
            "model_kind": "Server",
            "server_url": spec.model.base_url,
            f"server_model-{spec.model.base_url}": spec.model.model,
            METHOD_KEY: None if method == "logit_bias" else method,
        }
    elif spec.model.model != "embedded":
        values |= {"model_kind": "Hugging Face", "model_id": spec.model.model}
    task = _task_key(db, spec.task)
    if task is not None:
        values["task"] = task
    st.session_state[SETTINGS_KEY] = values


def _task_key(db: Database, task: Task) -> str | None:
    for name in preset_names():
        if preset(name) == task:
            return name
    return next((f"saved-{record.id}" for record in list_tasks(db) if record.task == task), None)


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
        answer = ask(app.db, "prompt", question, timeout=_ANSWER_SECONDS)
    except (NoAnswer, StoreBusy):
        return ""
    tokens = from_json(PromptSize, answer).tokens
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
    method = cast(Method, chosen)
    return replace(condition, suppression=replace(condition.suppression, method=method))


TRIAL_TEXTS = 10


def choose_spec(app: AppContext) -> RunSpec | None:
    """Draw the settings; None while one is missing or unusable, which is shown there."""
    for key, value in st.session_state.pop(SETTINGS_KEY, {}).items():
        st.session_state[key] = value
    opened = opened_run(app.db, page="generate")
    task_key = None if opened is None else _task_key(app.db, opened.spec.task)
    if task_key is not None:
        st.session_state["task"] = task_key
    apply_choice()
    with st.sidebar, show_errors():
        task = choose_task(app)
        condition = _draw_knobs(Condition(), "main")
        # How suppression is brought about depends on the model, which is chosen further down.
        method_box = st.container()
        left, right = st.columns(2)
        with left:
            per_label = st.number_input(
                "Texts per label",
                1,
                MAX_PER_LABEL,
                DEFAULT_PER_LABEL,
                key="per_label",
                bind="query-params",
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
        with st.expander("More knobs", icon=":material/tune:"):
            condition = _draw_knobs(condition, "decoding", "requests")
        model = _choose_model(app)
        # Drawn before returning early: Streamlit forgets widgets that are not drawn.
        targets = _targets(tuple(task.label_names), per_label)
        if examples is None or model is None:
            return None
        with method_box:
            usable = choose_method(condition, model, capabilities_of(app.db, model))
        if usable is None:
            return None
        spec = RunSpec(
            task=task,
            condition=usable,
            per_label=per_label,
            seed=seed,
            seed_examples=examples,
            model=model,
            targets=targets,
        )
        if spec.idle_knob:
            with method_box:
                st.info(
                    f"{spec.idle_knob} Increase the texts per label, or decrease the texts per "
                    "request under More knobs.",
                    icon=":material/info:",
                )
        return spec
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
        device = st.selectbox("Device", get_args(Device), key="device", persist_state="session")
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
