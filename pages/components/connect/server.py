"""A connection: testing it, the capabilities of its models, and using one for generation."""

from collections.abc import Iterable, Sequence
from functools import partial
from uuid import uuid4

import pandas as pd
import streamlit as st

from core.domain.connections import Connection
from core.domain.errors import WidesetError
from core.domain.registries.capabilities import (
    Canary,
    Capabilities,
    Support,
    capability_table,
)
from core.domain.runs import short_model
from core.domain.wording import MISSING, ago, counted, listed
from core.generation.servers.probing.canary import QUESTION
from core.generation.servers.suppression import (
    METHOD_TITLES,
    approximate_methods,
    suppression_support,
)
from core.jobs.handlers.servers import (
    last_contacts,
    latest_connection_test,
    start_connection_test,
)
from core.jobs.launch import ensure_worker
from core.jobs.queue import LIVE, Job, State
from core.services.servers.served_models import TYPICAL_REQUESTS, ProbeProgress
from core.store.connections import Probed, find_capabilities
from pages.components.connect.editing import open_form
from pages.components.connect.servers import delete
from pages.components.generate.setup import SETTINGS_KEY
from pages.components.jobs import WAITING, follow, reason_words, stop_button
from pages.components.model import key_state, known_models, title
from pages.components.shell import PAGES, AppContext, escape_markdown, flash

_ICONS: dict[Support, str] = {
    "exact": ":green[:material/check_circle:]",
    "ignored": ":orange[:material/do_not_disturb_on:]",
    "refused": ":orange[:material/block:]",
    "wrong": ":red[:material/error:]",
    "unknown": ":gray[:material/help:]",
}
_VERDICTS = {
    "exact": "Logit bias test: works",
    "ignored": "Logit bias test: logit_bias is accepted but has no effect",
    "refused": "Logit bias test: logit_bias is refused",
    "reversed": "Logit bias test: logit_bias works in the wrong direction",
    "partial": "Logit bias test: logit_bias works in one direction only",
    "unknown": "Logit bias test: could not be run",
}


def show_capabilities(app: AppContext, connection: Connection, probed: Probed) -> None:
    """Draw what a test found, the verdict on suppression first."""
    capabilities = probed.capabilities
    _numbers(capabilities, age=app.db.now() - probed.created_at)
    if probed.stale:
        st.warning(probed.stale, icon=":material/history:")
    _suppression(capabilities)
    _table(capabilities)
    _bias_test(capabilities.canary)
    if not capabilities.tokenizer and connection.tokenizer != "none":
        st.caption(escape_markdown(capabilities.tokenizer_note))
    if capabilities.notes:
        with st.expander(f"Notes: {len(capabilities.notes)}", icon=":material/notes:"):
            for note in capabilities.notes:
                st.text(note)


def _numbers(capabilities: Capabilities, *, age: float) -> None:
    tokens = MISSING
    if capabilities.tokens_in is not None and capabilities.tokens_out is not None:
        tokens = counted(capabilities.tokens_in + capabilities.tokens_out, "token")
    vocabulary = (
        "" if capabilities.vocabulary is None else counted(capabilities.vocabulary, "token")
    )
    latency = MISSING if capabilities.latency_ms is None else f"{capabilities.latency_ms:,.0f} ms"
    with st.grid(5, min_column_width=150, gap="small"):
        st.metric("Server", capabilities.server or "unknown", help="Guessed from its responses.")
        st.metric("Lowest latency", latency, help="Of one short request.")
        st.metric(
            "Tokenizer", capabilities.tokenizer or "none", help=vocabulary or "Source of token ids."
        )
        st.metric("Tested", ago(age))
        st.metric(
            "Test used",
            tokens,
            help=f"{counted(capabilities.requests, 'request')}; tokens as reported by the server.",
        )


def _suppression(capabilities: Capabilities) -> None:
    if suppression_support(capabilities) == "exact":
        st.success("Logit suppression is exact, as on this machine.", icon=":material/verified:")
        return
    reason = capabilities.canary.why if capabilities.tokenizer else capabilities.tokenizer_note
    methods = listed((METHOD_TITLES[method] for method in approximate_methods(capabilities)), "or")
    st.warning(
        f"Logit suppression is not supported. {escape_markdown(reason)} "
        f"It can be approximated: {methods}.",
        icon=":material/warning:",
    )


def _table(capabilities: Capabilities) -> None:
    rows = capability_table(capabilities)
    frame = pd.DataFrame(
        {
            "Parameter": [row.title for row in rows],
            "Support": [f"{_ICONS[row.support]} {row.words}" for row in rows],
            "Meaning": [escape_markdown(row.meaning) for row in rows],
        }
    )
    st.table(frame, border="horizontal", hide_index=True, hide_header=True)


def _bias_test(canary: Canary) -> None:
    with st.expander(_VERDICTS[canary.verdict], icon=":material/science:"):
        if not canary.untouched:
            st.caption(escape_markdown(canary.why))
            return
        rows = [
            (QUESTION, "none", canary.untouched),
            (QUESTION, f"+100 on {_quoted([canary.forced])}", canary.forced_answer),
        ]
        if canary.removed:
            removed = f"-100 on {_quoted(canary.removed)}"
            rows.append((QUESTION, removed, canary.removed_answer))
        st.dataframe(
            pd.DataFrame(rows, columns=["question", "bias", "answer"]),
            hide_index=True,
            column_config={
                "question": st.column_config.TextColumn("Request", width=140),
                "bias": st.column_config.TextColumn("Logit bias", width=420),
                "answer": st.column_config.TextColumn("Response", width=300),
            },
            alt="Requests and responses of the logit bias test",
        )


def _quoted(texts: Iterable[str]) -> str:
    return ", ".join(f"'{text}'" for text in texts)


def _draw_key(connection: Connection) -> None:
    state = key_state(connection)
    if state == "none":
        st.badge("no key", color="gray", icon=":material/key_off:")
    elif state == "set":
        st.badge(f"{connection.key_variable} is set", color="green", icon=":material/key:")
    else:
        st.badge(f"{connection.key_variable} is not set", color="red", icon=":material/key_off:")


def show_server(app: AppContext, connection: Connection) -> None:
    """Draw a connection, with the test under way or the last one's results."""
    test = latest_connection_test(app.db, connection.base_url)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.subheader(escape_markdown(title(connection)), anchor=False, width="content")
        _draw_key(connection)
        st.space("stretch")
        st.button(
            "Edit",
            icon=":material/edit:",
            key="connect_edit",
            on_click=open_form,
            args=(connection,),
        )
        st.button(
            "Delete",
            icon=":material/delete:",
            key="connect_delete",
            on_click=delete,
            args=(app, connection),
            help="It can be undone; its runs are kept either way.",
        )
    live = test is not None and test[1] in LIVE
    model = _controls(app, connection, test, live=live)
    with st.container():
        if test is not None and live:
            follow(app, (test[0].id,), partial(_draw_test, app))
        elif test is not None:
            _show_end(*test)
        _show_last(app, connection)
    probed = find_capabilities(app.db, connection.base_url, model) if model else None
    if probed is not None:
        show_capabilities(app, connection, probed)
    elif not live:
        status_words = (
            f"The model {escape_markdown(model)} has not been tested."
            if model
            else "No model is chosen yet."
        )
        st.info(
            f"{status_words} A test finds out which knobs have an effect, above all logit bias, "
            "and lists the server's models.",
            icon=":material/network_check:",
        )


def _controls(
    app: AppContext, connection: Connection, test: tuple[Job, State] | None, *, live: bool
) -> str:
    """Draw the choice of the model and the buttons; the model, empty while none is chosen."""
    models = known_models(app.db, connection)
    last = "" if test is None else test[0].progress_as(ProbeProgress).model
    default = last if last in models else connection.model
    with st.container(horizontal=True, vertical_alignment="bottom"):
        model = st.selectbox(
            "Model",
            models,
            index=models.index(default) if default in models else None,
            format_func=short_model,
            accept_new_options=True,
            placeholder="Choose or type a model name" if models else "Test, or type a name",
            # After a test the model that it tested is selected.
            key=f"connect_choice-{connection.base_url}-{last}",
            width=380,
        )
        model = str(model or "").strip()
        tested = bool(model) and find_capabilities(app.db, connection.base_url, model) is not None
        st.button(
            "Test" if model or models else "Test and list models",
            icon=":material/network_check:",
            type="secondary" if tested else "primary",
            key="connect_test",
            disabled=live,
            on_click=_test,
            args=(app, connection, model, st.session_state.setdefault("test_token", uuid4().hex)),
            help=f"About {TYPICAL_REQUESTS} short requests of up to 24 tokens; their tokens are "
            "counted.",
        )
        if st.button(
            "Use for generation",
            icon=":material/edit_note:",
            type="primary" if tested else "secondary",
            key="connect_use",
            disabled=not model,
        ):
            st.session_state[SETTINGS_KEY] = {
                "model_kind": "Server",
                "server_url": connection.base_url,
                f"server_model-{connection.base_url}": model,
            }
            st.switch_page(PAGES / "generate.py")
    return model


def _test(app: AppContext, connection: Connection, model: str, token: str) -> None:
    try:
        start_connection_test(app.db, connection.base_url, model, token=token)
        ensure_worker(app.home, app.db)
    except WidesetError as error:
        flash(error)
        return
    st.session_state["test_token"] = uuid4().hex


def _draw_test(app: AppContext, jobs: Sequence[tuple[Job, State]]) -> None:
    ((job, state),) = jobs
    done = job.progress.done or 0
    words = f"Testing: request {done} of about {job.progress.total}"
    if state == "queued":
        words = f"Waiting for the worker. {WAITING}"
    elif not done:
        words = "Contacting the server"
    with st.container(horizontal=True, vertical_alignment="center"):
        st.progress(job.progress.share, words)
        stop_button(app, job, key="connect_stop", help="Nothing of this test is kept then.")


def _show_last(app: AppContext, connection: Connection) -> None:
    """Draw the last contact, where it was a run that failed."""
    last = last_contacts(app.db).get(connection.base_url)
    if last is not None and last.by == "run" and not last.well:
        st.warning(
            f"A run failed {ago(app.db.now() - last.at)}: {escape_markdown(last.run)}. "
            f"{escape_markdown(last.why)}",
            icon=":material/warning:",
        )


def _show_end(job: Job, state: State) -> None:
    """Draw how the last test ended, where it has no capabilities to show."""
    if state == "done":
        progress = job.progress_as(ProbeProgress)
        if not progress.model:
            st.success(
                f"The server responds and lists {counted(len(progress.models), 'model')}. "
                "Choose one and test it.",
                icon=":material/checklist:",
            )
        return
    if state == "cancelled":
        st.caption(":material/stop: The last test was stopped.")
        return
    st.error(f"The last test failed. {reason_words(job, state)}", icon=":material/error:")
    if "is not set" in job.message:
        st.caption(
            "A worker keeps the environment it was started with; it exits a while after its last "
            "job."
        )
