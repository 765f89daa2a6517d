"""The full settings of a run: what decided it, and what the model resolved to."""

import json
from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from core.conditions import Condition
from core.generation.servers.suppression import METHOD_TITLES
from core.store.runs import RunRecord


def show_settings(run: RunRecord) -> None:
    """Draw the settings as tables, and as JSON to copy."""
    spec = run.spec
    usual = Condition().to_dict()
    with st.grid(2, min_column_width=320, gap="large"):
        knobs, model = st.container(), st.container()
    with knobs:
        st.markdown("**Condition**")
        _table(
            {
                "seed": spec.seed,
                "texts wanted": spec.target,
                "seed examples": len(spec.seed_examples),
                **_flat(spec.condition.to_dict()),
            },
            usual=_flat(usual),
        )
    with model:
        st.markdown("**Model**")
        server = {"base url": spec.model.base_url} if spec.model.base_url else {}
        _table({"chosen": spec.model.model, **server, **_told(run.facts)})
        st.markdown("**Task**")
        st.dataframe(
            pd.DataFrame(
                {
                    "label": [label.name for label in spec.task.labels],
                    "phrase": [label.phrase for label in spec.task.labels],
                    "texts": list(spec.wanted.values()),
                }
            ),
            hide_index=True,
            column_config={"label": "Label", "phrase": "Phrase", "texts": "Texts"},
            alt="Labels, their phrases and targets",
        )
    with st.expander("As JSON, seed examples included", icon=":material/data_object:"):
        data = {"id": run.id, **spec.to_dict(), "facts": dict(run.facts)}
        st.code(json.dumps(data, indent=2, ensure_ascii=False), language="json", height=420)


def _told(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The facts, with the suppression that was really used in words."""
    told = {name: value for name, value in facts.items() if name != "base_url"}
    if "suppression" in told:
        used = told.pop("suppression")
        told = {"suppression really used": METHOD_TITLES.get(used, used), **told}
    return told


def _table(values: Mapping[str, Any], *, usual: Mapping[str, Any] | None = None) -> None:
    columns: dict[str, list[str]] = {
        "setting": [name.replace("_", " ") for name in values],
        "value": ["–" if value is None else str(value) for value in values.values()],
    }
    if usual is not None:
        columns["usual"] = [
            str(usual[name]) if name in usual and usual[name] != value else ""
            for name, value in values.items()
        ]
    st.dataframe(
        pd.DataFrame(columns),
        hide_index=True,
        height="content",
        column_config={
            "setting": "Setting",
            "value": "Value",
            "usual": "Usual, where it differs",
        },
        alt="Settings and their values",
    )


def _flat(data: Mapping[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in data.items():
        if isinstance(value, Mapping):
            flat |= {f"{name} {key}": inner for key, inner in value.items()}
        else:
            flat[name] = value
    return flat
