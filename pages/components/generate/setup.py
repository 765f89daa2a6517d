"""The very prompt that a run sends first."""

from dataclasses import replace

import streamlit as st

from core.domain.conditions import Condition
from core.domain.errors import NoAnswer, StoreBusy
from core.domain.runs import ModelChoice, RunSpec
from core.generation.prompts import prompt_for
from core.generation.servers.capabilities import Capabilities
from core.generation.servers.parameters import api_for
from core.generation.servers.suppression import (
    METHOD_TITLES,
    approximate_methods,
    condition_error,
    suppression_support,
)
from core.jobs.lease import living
from core.jobs.questions import ask
from pages.components.generate.knobs import main_knobs, more_knobs
from pages.components.generate.reuse import apply_settings
from pages.components.generate.seeding import choose_examples
from pages.components.generate.task_panel import apply_choice, choose_task
from pages.components.model import choose_server_model, found_of
from pages.components.shell import AppContext, escape_markdown, show_errors

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
    later = "drawn by the seed from what the run wrote"
    if spec.seed_examples:
        later = "drawn by the seed from these examples and what the run wrote"
    st.caption(f"From the second cycle on: one example a label in front, {later}.")


def _size(app: AppContext, spec: RunSpec, place: int) -> str:
    """Its length in tokens, if the worker holds the model already."""
    try:
        if living(app.db) is None:
            return ""
        question = {"spec": spec.to_dict(), "label_index": place}
        tokens = ask(app.db, "prompt", question, timeout=_ANSWER_SECONDS)["tokens"]
    except (NoAnswer, StoreBusy):
        return ""
    return "" if tokens is None else f"{tokens} tokens"


_OFF = "off"
_WORDS = {**METHOD_TITLES, _OFF: "off"}


def choose_method(
    condition: Condition, model: ModelChoice, found: Capabilities | None
) -> Condition | None:
    """Draw what is to be said and chosen; the condition as it can be run, None while it can't.

    Args:
        condition: as the knobs stand.
        model: the chosen one; on this machine nothing is drawn.
        found: of a server's, what probing found; None where it was never probed.
    """
    if model.backend == "local":
        return condition
    if found is not None:
        refused = condition_error(condition, found)
        if refused is not None:
            st.error(escape_markdown(f"{refused.what} {refused.remedy}"), icon=":material/block:")
            return None
        if condition.prompt != "chat" and api_for(condition, found) == "chat":
            st.caption(
                f":material/chat: Prompt {condition.prompt} is sent as a chat: the server has no "
                "Completions."
            )
    if not condition.suppression.on:
        return condition
    kind = suppression_support(found)
    if kind == "exact" or found is None:
        if found is None:
            st.info(
                "This model was never tested: the canary runs first, and the run stops at once if "
                "logit bias does not work there.",
                icon=":material/raven:",
            )
        return condition
    options = [*approximate_methods(found), _OFF]
    if st.session_state.get("method") not in (None, *options):  # of another server
        del st.session_state["method"]
    chosen = st.pills(
        "In place of logit bias",
        options,
        format_func=_WORDS.__getitem__,
        key="method",
        persist_state="session",
        help="This server does not honour logit bias. Neither of these is the paper's method, and "
        "the run says which one it used.",
    )
    if chosen is None or chosen not in options:
        st.warning(
            "Logit bias does not work on this server. Choose what stands in for it, or switch "
            "suppression off.",
            icon=":material/warning:",
        )
        return None
    if chosen == _OFF:
        return replace(condition, suppression=replace(condition.suppression, strength=0.0))
    return replace(condition, suppression=replace(condition.suppression, method=chosen))


TRIAL_TEXTS = 10


def choose_spec(app: AppContext) -> RunSpec | None:
    """Draw the settings; None while something in them is unusable (and said so there)."""
    apply_settings()
    apply_choice()
    with st.sidebar, show_errors():
        task = choose_task(app)
        temperature, strength = main_knobs()
        # What stands in for suppression hangs on the model, which is chosen further down.
        beneath = st.container()
        left, right = st.columns(2)
        with left:
            per_label = st.number_input(
                "Texts a label", 1, 100_000, 20, key="per_label", bind="query-params"
            )
        with right:
            seed = st.number_input(
                "Seed",
                0,
                2**31 - 1,
                0,
                key="seed",
                bind="query-params",
                help="The same seed and settings give the same texts on the same machine.",
            )
        if task is None:
            return None
        examples = choose_examples(app, task, seed=seed)
        condition = more_knobs(temperature, strength)
        model = _choose_model(app)
        # Before anything is given up: numbers that are not drawn would be forgotten.
        targets = _targets(tuple(task.label_names), per_label)
        if examples is None or model is None:
            return None
        with beneath:
            sent = choose_method(condition, model, found_of(app.db, model))
        if sent is None:
            return None
        return RunSpec(
            task=task,
            condition=sent,
            per_label=per_label,
            seed=seed,
            seed_examples=examples,
            model=model,
            targets=targets,
        )
    return None


def trial_of(spec: RunSpec) -> RunSpec:
    """The same settings for ten texts in all, spread over the labels as evenly as goes."""
    names = spec.task.label_names
    each, more = divmod(TRIAL_TEXTS, len(names))
    targets = tuple((name, each + (place < more)) for place, name in enumerate(names))
    return replace(spec, targets=targets)


def _choose_model(app: AppContext) -> ModelChoice | None:
    with st.expander("Model", icon=":material/memory:"):
        own = st.segmented_control(
            "Backend",
            ["Embedded", "Hugging Face", "Server"],
            default="Embedded",
            format_func=lambda kind: "Hub" if kind == "Hugging Face" else kind,
            help="Hub is any model of the Hugging Face hub, or a folder, on this machine.",
            key="model_kind",
            required=True,
            persist_state="session",
        )
        if own == "Server":
            return choose_server_model(app)
        device = st.selectbox(
            "Device", ["auto", "cpu", "cuda", "mps"], key="device", persist_state="session"
        )
        if own == "Embedded":
            st.caption("SmolLM2-135M-Instruct, on this machine, without a network.")
            return ModelChoice(device=device)
        name = st.text_input(
            "Model id or folder",
            key="model_id",
            persist_state="session",
            placeholder="HuggingFaceTB/SmolLM2-360M-Instruct",
        ).strip()
        st.caption("An id is downloaded once, where there is a network.")
        return ModelChoice(model=name, device=device) if name else None


def _targets(names: tuple[str, ...], per_label: int) -> tuple[tuple[str, int], ...]:
    with st.expander("Numbers by label", icon=":material/balance:"):
        if not st.toggle("Other numbers for some labels", key="own_targets"):
            st.caption(f"Every label gets {per_label}.")
            return ()
        return tuple(
            (
                name,
                st.number_input(
                    f"{place + 1}. {escape_markdown(name)}",
                    0,
                    100_000,
                    per_label,
                    key=f"target-{name}",
                ),
            )
            for place, name in enumerate(names)
        )
