"""The language models of a new sweep: those of this machine and of saved connections."""

from collections.abc import Mapping
from dataclasses import replace

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.domain.knobs import AXES
from core.domain.runs import ModelChoice, model_and_server
from core.generation.servers.capabilities import Capabilities
from core.generation.servers.suppression import (
    METHOD_TITLES,
    approximate_methods,
    condition_error,
    suppression_support,
)
from core.store.connections import find_capabilities, find_connection, list_connections
from core.sweeps.grid.spec import Grid
from pages.components.compare.sweeps.settings import (
    METHOD,
    model_of,
    model_words,
    several,
)
from pages.components.connect.keys import key_state
from pages.components.model import SUPPRESSION_WORDS, found_of, known_models, tested_words
from pages.components.shell import PAGES, AppContext, escape_markdown
from pages.components.spending import choose_sweep_cap

_UNTESTED = (
    ":gray[:material/help:] Not tested yet: it is when the sweep comes to it. Where logit bias "
    "does not work, its suppressed runs fail and say so; the others go on."
)


def choose_models(app: AppContext) -> None:
    """Draw the axis of models; `sweep_settings` reads it."""
    served = [
        model_words(ModelChoice(backend="openai", model=name, base_url=one.base_url))
        for one in list_connections(app.db)
        for name in known_models(app.db, one)
    ]
    several(
        "models",
        "Language models",
        ("embedded", *served),
        "Of this machine: embedded, a Hugging Face id, or a folder. Of a server: those of saved "
        "connections, others as NAME at URL.",
        format_func=_shown,
    )


def choose_at_servers(app: AppContext, grid: Grid, *, cap_in: DeltaGenerator) -> tuple[Grid, str]:
    """Draw what is known of the servers' models, and what hangs on it.

    Args:
        app: the store.
        grid: as the widgets say.
        cap_in: where the cap is drawn.

    Returns:
        The grid with the method of suppression and the cap; and why it can't be started, "" if it
        can.
    """
    served = {model: found_of(app.db, model) for model in grid.models if model.backend != "local"}
    if not served:
        return grid, ""
    missing = _show_known(app, served)
    _show_refused(grid, served)
    grid, lacking = _choose_method(grid, served)
    with cap_in:
        cap, uncapped = choose_sweep_cap(app, served)
    return replace(grid, spend=cap), missing or lacking or uncapped


def _shown(words: str) -> str:
    """A model as a person tells it from others: name and host."""
    model = model_of(words, {})
    return words if model.backend == "local" else model_and_server(model)


def _show_known(app: AppContext, served: Mapping[ModelChoice, Capabilities | None]) -> str:
    """Draw what is known of each; why one of them can't be asked, "" if all can."""
    why = ""
    for model, found in served.items():
        name = escape_markdown(_shown(model_words(model)))
        connection = find_connection(app.db, model.base_url)
        if connection is None:
            why = f"There is no connection to {model.base_url}."
            st.warning(
                f"{escape_markdown(why)} Add it on the page Connect.", icon=":material/cable:"
            )
            st.page_link(PAGES / "connect.py", label="Connect", icon=":material/cable:")
            continue
        kind = suppression_support(found)
        words = [_UNTESTED if kind == "untested" else SUPPRESSION_WORDS[kind]]
        probed = find_capabilities(app.db, model.base_url, model.model)
        if probed is not None:
            words.append(f":gray[{tested_words(app, probed)}]")
        if key_state(connection) == "missing":
            words.append(f":red[:material/key_off: {connection.key_variable} is not set.]")
        st.markdown(f":small[**{name}**: {' '.join(words)}]")
    return why


def _show_refused(grid: Grid, served: Mapping[ModelChoice, Capabilities | None]) -> None:
    """Say which values a server is known to refuse, as their runs would fail."""
    said: dict[str, None] = {}
    for found in served.values():
        for knob in AXES if found is not None else ():
            for value in grid.axes[knob.name] if knob.path[0] == "condition" else ():
                refused = condition_error(knob.within(grid.base, value), found)
                if refused is not None:
                    said[f"{refused.what} {refused.remedy}"] = None
    for words in said:
        st.warning(f"Its runs would fail: {escape_markdown(words)}", icon=":material/block:")


def _choose_method(
    grid: Grid, served: Mapping[ModelChoice, Capabilities | None]
) -> tuple[Grid, str]:
    """Draw what stands in for logit bias where a server does not honour it.

    It holds for all models of the grid, so that they are compared alike.
    """
    lacking = [found for found in served.values() if found is not None and not found.can_suppress]
    if not lacking or not any(grid.axes["suppression"]):
        return grid, ""
    options = [
        method
        for method in approximate_methods(lacking[0])
        if all(method in approximate_methods(found) for found in lacking)
    ]
    told = grid.base.suppression.method
    if st.session_state.get(METHOD) not in options:  # of other servers
        st.session_state[METHOD] = told if told in options else None
    chosen = st.pills(
        "In place of logit bias",
        options,
        format_func=METHOD_TITLES.__getitem__,
        key=METHOD,
        persist_state="session",
        help="Neither is the paper's method. It holds for all models of the grid, so that they are "
        "compared alike, and each run says which one it used.",
    )
    if chosen is None:
        words = "Logit bias does not work on a server of the grid."
        st.warning(
            f"{words} Choose what stands in for it, or let suppression be 0 alone.",
            icon=":material/warning:",
        )
        return grid, words
    knobs = replace(grid.base.suppression, method=chosen)
    return replace(grid, base=replace(grid.base, suppression=knobs)), ""
