"""What a test found of a model: numbers, the capability table, the canary."""

import pandas as pd
import streamlit as st

from core.connections import Connection
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
from core.store.connections import Probed
from pages.components.ages import ago
from pages.components.office import Office
from pages.components.plain import plain

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


def show_capabilities(office: Office, connection: Connection, probed: Probed) -> None:
    """Draw it all, the verdict on suppression first."""
    found = capabilities_from_dict(probed.result)
    _numbers(found, age=office.db.now() - probed.created_at)
    if probed.stale:
        st.warning(probed.stale, icon=":material/history:")
    _suppression(found)
    _table(found)
    _canary(found.canary)
    if not found.tokenizer and connection.tokenizer != "none":
        st.caption(plain(found.tokenizer_note))
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
        f"Logit suppression is not possible here. {plain(why)} In its place, under its own name: "
        f"{left}.",
        icon=":material/warning:",
    )


def _table(found: Capabilities) -> None:
    rows = capability_table(found)
    frame = pd.DataFrame(
        {
            "What": [row.what for row in rows],
            "Here": [f"{_ICONS[row.support]} {row.said}" for row in rows],
            "Meaning": [plain(row.meaning) for row in rows],
        }
    )
    st.table(frame, border="horizontal", hide_index=True, hide_header=True)


def _canary(canary: Canary) -> None:
    with st.expander(_VERDICTS[canary.verdict], icon=":material/raven:"):
        if not canary.untouched:
            st.caption(plain(canary.why))
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
