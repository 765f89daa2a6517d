"""The side bar of the Generate page: everything that decides a run."""

from dataclasses import replace

import streamlit as st

from core.runs import ModelChoice, RunSpec
from pages.components.knobs import main_knobs, more_knobs
from pages.components.known_server import found_of
from pages.components.office import Office, told
from pages.components.plain import plain
from pages.components.reuse import apply_settings
from pages.components.seeding import choose_examples
from pages.components.server_choice import choose_server_model
from pages.components.suppression_method import choose_method
from pages.components.task_panel import apply_choice, choose_task

TRIAL_TEXTS = 10


def choose_spec(office: Office) -> RunSpec | None:
    """Draw the settings; None while something in them is unusable (and said so there)."""
    apply_settings()
    apply_choice()
    with st.sidebar, told():
        task = choose_task(office)
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
        examples = choose_examples(office, task, seed=seed)
        condition = more_knobs(temperature, strength)
        model = _choose_model(office)
        # Before anything is given up: numbers that are not drawn would be forgotten.
        targets = _targets(tuple(task.label_names), per_label)
        if examples is None or model is None:
            return None
        with beneath:
            sent = choose_method(condition, model, found_of(office.db, model))
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


def _choose_model(office: Office) -> ModelChoice | None:
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
            return choose_server_model(office)
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
                    f"{place + 1}. {plain(name)}", 0, 100_000, per_label, key=f"target-{name}"
                ),
            )
            for place, name in enumerate(names)
        )
