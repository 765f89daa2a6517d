"""The knobs' widgets, made from `KNOBS`, and the settings of a run taken over into them."""

from collections.abc import Collection
from typing import Any

import streamlit as st

from core.domain.conditions import Condition
from core.domain.registries.knob import Group, Knob
from core.domain.registries.knobs import KNOBS
from core.domain.runs import RunSpec
from core.domain.tasks import Task, preset, preset_names
from core.store.database import Database
from core.store.tasks import list_tasks

MAX_SEED = 2**31 - 1
METHOD_KEY = "method"
"""Key of the widget that chooses what stands in for logit bias on a server without it."""

SETTINGS_KEY = "settings_to_use"
"""Where the session keeps values for the sidebar's widgets until they are drawn next."""


def main_knobs(condition: Condition) -> Condition:
    """Draw the knobs that are always in view; the condition with their values."""
    return _draw(condition, ("main",))


def more_knobs(condition: Condition) -> Condition:
    """Draw the other knobs, folded away; the condition with their values."""
    with st.expander("More knobs", icon=":material/tune:"):
        return _draw(condition, ("decoding", "requests"))


def _draw(condition: Condition, groups: Collection[Group]) -> Condition:
    for group in groups:
        for knob in KNOBS:
            if knob.group == group:
                condition = knob.within(condition, _widget(knob))
                st.caption(knob.help)
    return condition


def _widget(knob: Knob) -> Any:
    # The address carries the main knobs, the session the others.
    keep: dict[str, Any] = (
        {"bind": "query-params"} if knob.group == "main" else {"persist_state": "session"}
    )
    common = {"key": knob.name, **keep}
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


def apply_settings() -> None:
    """Hand over what `use_settings` put down; call it before the widgets are drawn."""
    for key, value in st.session_state.pop(SETTINGS_KEY, {}).items():
        st.session_state[key] = value


def _task_key(db: Database, task: Task) -> str | None:
    for name in preset_names():
        if preset(name) == task:
            return name
    return next((f"saved-{record.id}" for record in list_tasks(db) if record.task == task), None)
