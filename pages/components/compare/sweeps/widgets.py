"""The widgets of a new sweep: axes, sizes, models and their servers, repair and names."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.domain.references import Reference
from core.domain.registries.capabilities import Capabilities
from core.domain.registries.knobs import AXES, KNOB
from core.domain.registries.stages import STAGE
from core.domain.runs import MAX_PER_LABEL, ModelChoice, model_and_server
from core.generation.servers.suppression import (
    METHOD_TITLES,
    approximate_methods,
    condition_error,
    suppression_support,
)
from core.store.connections import find_capabilities, find_connection, list_connections
from core.sweeps.assessment.recipe import ALL, Classifier
from core.sweeps.grid.spec import MAX_REPEATS, Grid
from pages.components.compare.sweeps.settings import (
    FROM_REFERENCE,
    METHOD,
    VALUE_AXES,
    axis_text,
    choose_values,
    key_of,
    model_of,
    model_words,
)
from pages.components.model import (
    SUPPRESSION_WORDS,
    capabilities_of,
    key_state,
    known_models,
    tested_words,
)
from pages.components.shell import PAGES, AppContext, escape_markdown
from pages.components.spending import choose_sweep_cap

_BUDGETS = ("90", "180", "270", ALL)
_CLASSIFIERS: Mapping[Classifier, str] = {
    "probe": "Linear probe",
    "fine-tuning": "Fine-tuning",
    "none": "None",
}


def axes_widgets(app: AppContext, reference: Reference | None) -> None:
    """Draw a widget for each axis."""
    with st.grid(2, min_column_width=300, gap="small"):
        for axis in VALUE_AXES:
            offered = axis.axis_choices or tuple(axis.choices or ()) or (axis.default,)
            if axis.kind == "toggle":
                offered = (False, True)
            choose_values(
                axis.name,
                axis.title,
                list(map(axis_text, offered)),
                axis.help,
                disabled=axis.name == FROM_REFERENCE and reference is None,
            )
        choose_models(app)


def size_widgets() -> None:
    """Draw the sizes and the seed of the runs."""
    # Beside the number of texts, as together they decide how many requests a label takes.
    per_request = KNOB["texts_a_request"]
    with st.grid(4, min_column_width=140, gap="small"):
        _number("per_label", "Texts per label", 1, MAX_PER_LABEL, "In each run.")
        _number(
            per_request.name,
            per_request.title,
            int(per_request.low),
            int(per_request.high),
            "Suppression and the example pool are updated between requests only: a third of the "
            "texts per label or fewer lets them take effect.",
        )
        _number("repeats", "Repeats", 1, MAX_REPEATS, "Runs per condition; the paper uses 3.")
        _number("seed", "First seed", 0, 2**31 - 1, "Each further repeat uses the next seed.")


def repair_widgets(reference: Reference | None) -> None:
    """Draw the stages of repair and the classifier."""
    off = reference is None
    with st.grid(3, min_column_width=250, gap="small", vertical_alignment="bottom"):
        choose_values(
            "budgets",
            f"{STAGE['lr'].title}: inspected texts",
            _BUDGETS,
            "The oracle stands in for the annotator. The data as generated is always measured.",
            disabled=off,
        )
        with st.container():
            st.segmented_control(
                "Classifier",
                list(_CLASSIFIERS),
                format_func=_CLASSIFIERS.__getitem__,
                key=key_of("classifier"),
                required=True,
                persist_state="session",
                disabled=off,
                help="Trained on each dataset and tested on real texts, for model accuracy. "
                "Fine-tuning takes minutes per dataset, a probe a second.",
            )
        with st.container():
            st.toggle(
                STAGE["oosf"].title,
                key=key_of("filter"),
                persist_state="session",
                disabled=off,
                help="Also measure each dataset after filtering; doubles their number.",
            )


def name_widgets() -> None:
    """Draw the names and the limit of conditions."""
    with st.grid(3, min_column_width=180, gap="small"):
        st.text_input(
            "Name",
            key=key_of("name"),
            max_chars=200,
            persist_state="session",
            placeholder="Named by its size",
        )
        st.text_input(
            "Study",
            key=key_of("study"),
            max_chars=200,
            persist_state="session",
            placeholder="None",
            help="Sweeps of several tasks that share a study's name are compared together.",
        )
        _number("cap", "Max conditions", 1, 10**6, "A larger grid is refused.")


def _number(name: str, title: str, low: int, high: int, help: str) -> None:
    st.number_input(title, low, high, key=key_of(name), step=1, persist_state="session", help=help)


_UNTESTED = (
    ":gray[:material/help:] Not tested yet: the sweep tests it before its first run. If logit bias "
    "has no effect, runs with suppression fail with a message; the others continue."
)


def choose_models(app: AppContext) -> None:
    """Draw the axis of models."""
    served = [
        model_words(ModelChoice(backend="openai", model=name, base_url=connection.base_url))
        for connection in list_connections(app.db)
        for name in known_models(app.db, connection)
    ]
    choose_values(
        "models",
        "Language models",
        ("embedded", *served),
        "On this machine: embedded, a Hugging Face id, or a folder. On a server: those of saved "
        "connections, others as NAME at URL.",
        format_func=_model_name,
    )


@dataclass(frozen=True, slots=True)
class Checked:
    """A grid with what its servers need.

    Args:
        grid: with the method of suppression and the spending limit.
        reason: why it can't be started; "" if it can.
    """

    grid: Grid
    reason: str = ""


def choose_at_servers(app: AppContext, grid: Grid, *, cap_in: DeltaGenerator) -> Checked:
    """Draw what is known of the servers' models, and the settings that depend on it.

    Args:
        grid: of the widgets.
        cap_in: where the spending limit is drawn.
    """
    served = {
        model: capabilities_of(app.db, model) for model in grid.models if model.backend != "local"
    }
    if not served:
        return Checked(grid)
    missing = _show_known(app, served)
    _show_refused(grid, served)
    checked = _choose_method(grid, served)
    with cap_in:
        choice = choose_sweep_cap(app, served)
    return Checked(
        replace(checked.grid, spend=choice.cap), missing or checked.reason or choice.error
    )


def _model_name(words: str) -> str:
    """A model to read: name and host."""
    model = model_of(words, {})
    return words if model.backend == "local" else model_and_server(model)


def _show_known(app: AppContext, served: Mapping[ModelChoice, Capabilities | None]) -> str:
    """Draw what is known of each; why one of them can't be used, "" if all can."""
    reason = ""
    for model, capabilities in served.items():
        name = escape_markdown(_model_name(model_words(model)))
        connection = find_connection(app.db, model.base_url)
        if connection is None:
            reason = f"There is no connection to {model.base_url}."
            st.warning(
                f"{escape_markdown(reason)} Add it on the Connect page.", icon=":material/cable:"
            )
            st.page_link(PAGES / "connect.py", label="Connect", icon=":material/cable:")
            continue
        kind = suppression_support(capabilities)
        words = [_UNTESTED if kind == "untested" else SUPPRESSION_WORDS[kind]]
        probed = find_capabilities(app.db, model.base_url, model.model)
        if probed is not None:
            words.append(f":gray[{tested_words(app, probed)}]")
        if key_state(connection) == "missing":
            words.append(f":red[:material/key_off: {connection.key_variable} is not set.]")
        st.markdown(f":small[**{name}**: {' '.join(words)}]")
    return reason


def _show_refused(grid: Grid, served: Mapping[ModelChoice, Capabilities | None]) -> None:
    """Warn of values that a server is known to refuse, as their runs would fail."""
    messages: dict[str, None] = {}
    for capabilities in served.values():
        if capabilities is None:
            continue
        for knob in AXES:
            for value in grid.axes[knob.name] if knob.path[0] == "condition" else ():
                refused = condition_error(knob.within(grid.base, value), capabilities)
                if refused is not None:
                    messages[f"{refused.what} {refused.remedy}"] = None
    for message in messages:
        st.warning(f"Runs would fail: {escape_markdown(message)}", icon=":material/block:")


def _choose_method(grid: Grid, served: Mapping[ModelChoice, Capabilities | None]) -> Checked:
    """Draw the choice of an approximation where a server does not honour logit bias.

    It applies to all models of the grid, so that they are compared alike.
    """
    lacking = [
        capabilities
        for capabilities in served.values()
        if capabilities is not None and not capabilities.can_suppress
    ]
    # This is about the method of suppression itself, so the knob is named.
    if not lacking or not any(grid.axes["suppression"]):
        return Checked(grid)
    options = [
        method
        for method in approximate_methods(lacking[0])
        if all(method in approximate_methods(capabilities) for capabilities in lacking)
    ]
    present = grid.base.suppression.method
    if st.session_state.get(METHOD) not in options:  # of other servers
        st.session_state[METHOD] = present if present in options else None
    chosen = st.pills(
        "Instead of logit bias",
        options,
        format_func=METHOD_TITLES.__getitem__,
        key=METHOD,
        persist_state="session",
        help="Neither is the paper's method. It applies to all models of the grid, so that they "
        "are compared alike, and each run records which one it used.",
    )
    if chosen is None:
        reason = "Logit bias has no effect on a server of the grid."
        st.warning(
            f"{reason} Choose an approximation, or set suppression to 0 only.",
            icon=":material/warning:",
        )
        return Checked(grid, reason)
    suppression = replace(grid.base.suppression, method=chosen)
    return Checked(replace(grid, base=replace(grid.base, suppression=suppression)))
