"""Taking a run's settings over into the side bar."""

import streamlit as st

from core.domain.runs import RunSpec
from core.domain.tasks import Task, preset, preset_names
from core.store.database import Database
from core.store.tasks import list_tasks


def use_settings(db: Database, spec: RunSpec) -> None:
    """Put a spec's settings where the side bar's widgets read them when they are drawn next.

    Seed examples are not taken over: the side bar draws them from a file, which the run only
    knows the drawn part of.
    """
    condition, method = spec.condition, spec.condition.suppression.method
    values = {
        "temperature": condition.temperature,
        "suppression": condition.suppression.strength,
        "suppressed_tokens": condition.suppression.tokens,
        "tally": condition.suppression.scope,
        "top_p": max(0.01, condition.top_p),
        "min_p": condition.min_p,
        "frequency_penalty": condition.frequency_penalty,
        "max_tokens": condition.max_tokens,
        "prompt": condition.prompt,
        "only_new": condition.only_new,
        "strict_order": condition.strict_order,
        "per_label": spec.per_label,
        "seed": min(spec.seed, 2**31 - 1),
        "device": spec.model.device,
        "model_kind": "Embedded",
    }
    if spec.model.backend == "openai":
        values |= {
            "model_kind": "Server",
            "server_url": spec.model.base_url,
            f"server_model-{spec.model.base_url}": spec.model.model,
            "method": None if method == "logit_bias" else method,
        }
    elif spec.model.model != "embedded":
        values |= {"model_kind": "Hugging Face", "model_id": spec.model.model}
    task = _key_of(db, spec.task)
    if task is not None:
        values["task"] = task
    st.session_state["settings_to_use"] = values


def apply_settings() -> None:
    """Hand over what `use_settings` put down; call it before the widgets are drawn."""
    for key, value in st.session_state.pop("settings_to_use", {}).items():
        st.session_state[key] = value


def _key_of(db: Database, task: Task) -> str | None:
    for name in preset_names():
        if preset(name) == task:
            return name
    return next((f"saved-{kept.id}" for kept in list_tasks(db) if kept.task == task), None)
