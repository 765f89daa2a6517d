"""What a test found of a model: numbers, the capability table, the canary."""

from uuid import uuid4

import pandas as pd
import streamlit as st

from core.domain.connections import Connection
from core.domain.errors import StoreBusy, WidesetError
from core.domain.runs import short_model
from core.generation.servers.capabilities import (
    Canary,
    Capabilities,
    Support,
    capabilities_from_dict,
    capability_table,
)
from core.generation.servers.probing.canary import QUESTION
from core.generation.servers.suppression import (
    METHOD_TITLES,
    approximate_methods,
    suppression_support,
)
from core.jobs.launch import ensure_worker
from core.jobs.queue import LIVE, Job, State, request_cancel, status
from core.jobs.server_health import (
    last_contacts,
    latest_connection_test,
    start_connection_test,
)
from core.services.probe import TYPICAL_REQUESTS
from core.store.connections import Probed, find_capabilities
from core.store.database import Database
from pages.components.ages import ago
from pages.components.connect.editing import open_form
from pages.components.connect.keys import show_key
from pages.components.connect.servers import delete
from pages.components.model import known_models, title
from pages.components.shell import PAGES, AppContext, escape_markdown, flash, show_errors

_ICONS: dict[Support, str] = {
    "exact": ":green[:material/check_circle:]",
    "ignored": ":orange[:material/do_not_disturb_on:]",
    "refused": ":orange[:material/block:]",
    "wrong": ":red[:material/error:]",
    "unknown": ":gray[:material/help:]",
}
_VERDICTS = {
    "exact": "The canary lives: a logit bias does what it says.",
    "ignored": "The canary is dead: a logit bias is accepted, and does nothing.",
    "refused": "The canary is dead: a logit bias is refused.",
    "reversed": "The canary is upside down: a bias works the wrong way round.",
    "partial": "The canary is half alive: a bias works one way only.",
    "unknown": "The canary could not fly.",
}


def show_capabilities(app: AppContext, connection: Connection, probed: Probed) -> None:
    """Draw it all, the verdict on suppression first."""
    found = capabilities_from_dict(probed.result)
    _numbers(found, age=app.db.now() - probed.created_at)
    if probed.stale:
        st.warning(probed.stale, icon=":material/history:")
    _suppression(found)
    _table(found)
    _canary(found.canary)
    if not found.tokenizer and connection.tokenizer != "none":
        st.caption(escape_markdown(found.tokenizer_note))
    if found.notes:
        with st.expander(f"Notes: {len(found.notes)}", icon=":material/notes:"):
            for note in found.notes:
                st.text(note)


def _numbers(found: Capabilities, *, age: float) -> None:
    took = "–"
    if found.tokens_in is not None and found.tokens_out is not None:
        took = f"{found.tokens_in + found.tokens_out:,} tokens"
    vocabulary = "" if found.vocabulary is None else f"{found.vocabulary:,} tokens"
    latency = "–" if found.latency_ms is None else f"{found.latency_ms:,.0f} ms"
    with st.grid(5, min_column_width=150, gap="small"):
        st.metric("Server", found.server or "unknown", help="As it seems by its answers.")
        st.metric("Quickest answer", latency, help="Of a short question, by the clock.")
        st.metric(
            "Tokenizer", found.tokenizer or "none", help=vocabulary or "Where token ids come from."
        )
        st.metric("Tested", ago(age))
        st.metric(
            "The test took",
            took,
            help=f"{found.requests} requests; tokens as the server reported them.",
        )


def _suppression(found: Capabilities) -> None:
    if suppression_support(found) == "exact":
        st.success(
            "Logit suppression works here as it does on this machine.", icon=":material/verified:"
        )
        return
    why = found.canary.why if found.tokenizer else found.tokenizer_note
    left = " or ".join(METHOD_TITLES[method] for method in approximate_methods(found))
    st.warning(
        f"Logit suppression is not possible here. {escape_markdown(why)} "
        f"In its place, under its own name: {left}.",
        icon=":material/warning:",
    )


def _table(found: Capabilities) -> None:
    rows = capability_table(found)
    frame = pd.DataFrame(
        {
            "What": [row.title for row in rows],
            "Here": [f"{_ICONS[row.support]} {row.words}" for row in rows],
            "Meaning": [escape_markdown(row.meaning) for row in rows],
        }
    )
    st.table(frame, border="horizontal", hide_index=True, hide_header=True)


def _canary(canary: Canary) -> None:
    with st.expander(_VERDICTS[canary.verdict], icon=":material/raven:"):
        if not canary.untouched:
            st.caption(escape_markdown(canary.why))
            return
        rows = [
            (QUESTION, "nothing", canary.untouched),
            (QUESTION, f"+100 on {_quoted([canary.forced])}", canary.forced_answer),
        ]
        if canary.removed:
            removed = f"-100 on {_quoted(canary.removed)}"
            rows.append((QUESTION, removed, canary.removed_answer))
        st.dataframe(
            pd.DataFrame(rows, columns=["question", "bias", "answer"]),
            hide_index=True,
            column_config={
                "question": st.column_config.TextColumn("Sent", width=140),
                "bias": st.column_config.TextColumn("With the bias", width=420),
                "answer": st.column_config.TextColumn("Came back", width=300),
            },
            alt="What the canary sent and what came back",
        )


def _quoted(texts: "list[str] | tuple[str, ...]") -> str:
    return ", ".join(f"'{text}'" for text in texts)


_POLL_SECONDS = 1.0


def show_server(app: AppContext, connection: Connection) -> None:
    """Draw it, with the test that goes on or what the last one found."""
    test = latest_connection_test(app.db, connection.base_url)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.subheader(escape_markdown(title(connection)), anchor=False, width="content")
        show_key(connection)
        st.space("stretch")
        st.button(
            "Change",
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
            help="Undo brings it back; its runs stay either way.",
        )
    live = test is not None and test[1] in LIVE
    model = _controls(app, connection, test, live=live)
    with st.container():
        if test is not None and live:
            _follow(app, test[0].id)
        elif test is not None:
            _show_end(*test)
        _show_last(app, connection)
    probed = find_capabilities(app.db, connection.base_url, model) if model else None
    if probed is not None:
        show_capabilities(app, connection, probed)
    elif not live:
        what = (
            f"The model {escape_markdown(model)} was never tested."
            if model
            else "No model is chosen yet."
        )
        st.info(
            f"{what} A test tells which knobs really work there, logit bias above all, and lists "
            "the server's models.",
            icon=":material/network_check:",
        )


def _controls(
    app: AppContext, connection: Connection, test: tuple[Job, State] | None, *, live: bool
) -> str:
    """Choice of the model, and the two buttons; the model, empty while none is chosen."""
    models = known_models(app.db, connection)
    just = "" if test is None else str(test[0].progress.get("model", ""))
    usual = just if just in models else connection.model
    with st.container(horizontal=True, vertical_alignment="bottom"):
        model = st.selectbox(
            "Model",
            models,
            index=models.index(usual) if usual in models else None,
            format_func=short_model,
            accept_new_options=True,
            placeholder="Choose, or type the server's name for it" if models else "Test, or type",
            # A model that a test just came upon is the one on view.
            key=f"connect_choice-{connection.base_url}-{just}",
            width=380,
        )
        model = str(model or "").strip()
        st.button(
            "Test" if model or models else "Test and list models",
            icon=":material/network_check:",
            type="secondary" if model and _tested(app.db, connection, model) else "primary",
            key="connect_test",
            disabled=live,
            on_click=_test,
            args=(app, connection, model, st.session_state.setdefault("test_token", _token())),
            help=f"About {TYPICAL_REQUESTS} short questions of 24 tokens at most, and what they "
            "take is told.",
        )
        if st.button(
            "Use for generating",
            icon=":material/edit_note:",
            type="primary" if model and _tested(app.db, connection, model) else "secondary",
            key="connect_use",
            disabled=not model,
        ):
            st.session_state["settings_to_use"] = {
                "model_kind": "Server",
                "server_url": connection.base_url,
                f"server_model-{connection.base_url}": model,
            }
            st.switch_page(PAGES / "generate.py")
    return model


def _tested(db: Database, connection: Connection, model: str) -> bool:
    return find_capabilities(db, connection.base_url, model) is not None


def _token() -> str:
    return uuid4().hex


def _test(app: AppContext, connection: Connection, model: str, token: str) -> None:
    try:
        start_connection_test(app.db, connection.base_url, model, token=token)
        ensure_worker(app.home, app.db)
    except WidesetError as error:
        flash(error)
        return
    st.session_state["test_token"] = _token()


@st.fragment(run_every=_POLL_SECONDS)
def _follow(app: AppContext, job_id: str) -> None:
    """Redrawn every second, and the whole page once when the test comes to rest."""
    with show_errors():
        try:
            job, state = status(app.db, job_id)
        except StoreBusy:
            st.caption("The store is busy; this looks again in a second.")
            return
        if state not in LIVE:
            st.rerun()
        if state == "queued":
            ensure_worker(app.home, app.db)
        done, total = job.progress.get("done", 0), job.progress.get("total", TYPICAL_REQUESTS)
        words = f"Testing: question {done} of about {total}"
        if state == "queued":
            words = "Waiting for the worker, which does one thing at a time"
        elif not done:
            words = "Asking the server"
        with st.container(horizontal=True, vertical_alignment="center"):
            st.progress(min(1.0, done / total), words)
            st.button("Stop", key="connect_stop", on_click=_stop, args=(app, job_id))


def _stop(app: AppContext, job_id: str) -> None:
    try:
        request_cancel(app.db, job_id)
    except WidesetError as error:
        flash(error)


def _show_last(app: AppContext, connection: Connection) -> None:
    """What a run came to here, where that is the last thing known and no good one."""
    last = last_contacts(app.db).get(connection.base_url)
    if last is not None and last.by == "run" and not last.well:
        st.warning(
            f"A run failed here {ago(app.db.now() - last.at)}: {escape_markdown(last.run)}. "
            f"{escape_markdown(last.why)}",
            icon=":material/warning:",
        )


def _show_end(job: Job, state: State) -> None:
    """How the last test ended, where it found nothing to show."""
    if state == "done":
        listed = job.progress.get("models", ())
        if not job.progress.get("model"):
            st.success(
                f"The server answers and lists {len(listed)} models. Choose one and test it.",
                icon=":material/checklist:",
            )
        return
    if state == "cancelled":
        st.caption(":material/stop: The last test was stopped.")
        return
    reason = f"{job.message} {job.remedy}".strip() or "Its worker ended without a word."
    st.error(f"The last test failed. {escape_markdown(reason)}", icon=":material/error:")
    if "is not set" in job.message:
        st.caption(
            "A worker keeps the environment that it was started with, and ends by itself a while "
            "after its last job."
        )
