"""The settings of label replacement; those of the last preview come first."""

from collections.abc import Collection, Mapping
from typing import Any

import streamlit as st

from core.errors import BadInput
from core.interventions.judged import labels_by_row
from core.interventions.relabel import PRESETS, WEIGHT
from core.interventions.requests import RelabelRequest
from core.store.previews import latest_request
from pages.components.intervene.standing import Standing
from pages.components.office import Office

_ALL = "All"


def choose_settings(office: Office, seen: Standing) -> tuple[RelabelRequest | None, str | None]:
    """Draw the settings; as a request, or None and why there is none."""
    choice, n = seen.choice, len(seen.dataset)
    oracle = choice.annotator == "oracle"
    before = latest_request(office.db, "relabel", seen.dataset.key) or {}
    inspect: int | None = None
    why = None
    if oracle:
        presets = [str(count) for count in PRESETS if count < n]
        options = [*presets, _ALL]
        usual = "180" if "180" in options else options[-2] if presets else _ALL
        _first("lr_inspect", _option(before, usual), options)
        picked = st.segmented_control(
            "Texts inspected",
            options,
            key="lr_inspect",
            required=True,
            persist_state="session",
            help="Drawn at random. The paper has 90, 180 and 270; with all, no proxy is needed.",
        )
        inspect = None if picked in (_ALL, None) else int(picked)
    else:
        judged = labels_by_row(seen.dataset.ids, seen.people)
        st.metric("Judged so far", f"{len(judged):,}", help="Without the audit set, kept apart.")
        if not judged:
            why = (
                "Nobody has labelled a text of this version yet, apart from the audit set. Judge "
                "some on the Annotate tab, or let the oracle inspect."
            )
    _first("lr_weight", float(before.get("weight", WEIGHT)))
    weight = st.slider(
        "Weight of the present label",
        0.0,
        1.0,
        step=0.05,
        key="lr_weight",
        persist_state="session",
        width=220,
        disabled=oracle and inspect is None,
        help="S = w × label + (1 - w) × proxy. At 0 the proxies alone decide, at 1 only inspected "
        "texts change. The paper has 0.3.",
    )
    _first("lr_seed", int(before.get("seed", 0)))
    seed = st.number_input(
        "Seed",
        0,
        2**31,
        key="lr_seed",
        persist_state="session",
        width=110,
        help="Of the texts drawn and of the training; equal seeds give equal previews.",
    )
    if why is not None:
        return None, why
    try:
        request = RelabelRequest(
            n=n,
            encoder=choice.encoder.to_dict(),
            annotator=choice.annotator,
            reference=choice.reference.id if oracle and choice.reference is not None else None,
            inspect=inspect,
            error_rate=choice.error_rate if oracle else 0.0,
            weight=weight,
            seed=int(seed),
        )
    except BadInput as error:
        return None, str(error)
    return request, None


def _option(before: Mapping[str, Any], usual: str) -> str:
    if before.get("annotator") != "oracle":
        return usual
    return _ALL if before["inspect"] is None else str(before["inspect"])


def _first(key: str, value: Any, options: Collection[Any] | None = None) -> None:
    """The first value of a widget in this session; a later one stands while it is an option."""
    if key not in st.session_state or (options and st.session_state[key] not in options):
        st.session_state[key] = value if not options or value in options else list(options)[-1]
