"""The form of a connection, with templates for common servers."""

from collections.abc import Mapping
from dataclasses import dataclass

import streamlit as st

from core.domain.connections import Connection, Prices, TokenizerKind
from core.domain.errors import BadInput, WidesetError
from core.generation.servers.keys import looks_like_key
from core.store.connections import find_connection, save_connection
from pages.components.shell import AppContext, flash

# Default settings of server products, with what to know about each.
_TEMPLATES = {
    Connection(
        name="OpenAI",
        base_url="https://api.openai.com/v1",
        key_variable="OPENAI_API_KEY",
        tokenizer="tiktoken",
    ): "Token ids come from tiktoken, which downloads its table once. Reasoning models refuse "
    "temperature and logit bias; the test shows it.",
    Connection(
        name="vLLM", base_url="http://127.0.0.1:8000/v1", tokenizer="server"
    ): "Supports every knob; its own /tokenize gives token ids.",
    Connection(
        name="llama.cpp", base_url="http://127.0.0.1:8080/v1", tokenizer="server"
    ): "Supports every knob; its own /tokenize gives token ids.",
    Connection(
        name="LM Studio", base_url="http://127.0.0.1:1234/v1"
    ): "It gives no token ids: logit suppression needs the model's tokenizer from the Hugging "
    "Face hub.",
    Connection(
        name="Ollama", base_url="http://127.0.0.1:11434/v1"
    ): "It ignores logit_bias, so suppression can only be approximated; the test shows it.",
}

FORM = "connect_form"
NEW = "new"

_TOKENIZERS: dict[TokenizerKind, str] = {
    "none": "Detected by the test",
    "server": "Server's own",
    "tiktoken": "tiktoken",
    "huggingface": "Hugging Face",
}
_KEY_WORDS = (
    "Never enter the key itself. Set it in the environment that starts Wideset, such as "
    '`export OPENAI_API_KEY=…`, or in `.streamlit/secrets.toml` as `OPENAI_API_KEY = "…"`, '
    "restart Wideset, and enter the variable's name here. The key is sent to this base URL only."
)
_NO_KEY = BadInput(
    "That looks like an API key, so it was discarded.",
    "Enter the name of the environment variable or secret that holds it, such as OPENAI_API_KEY.",
)


@dataclass(frozen=True, slots=True)
class _TextField:
    name: str
    label: str
    max_chars: int
    placeholder: str
    help: str | None = None


_TEXT_FIELDS = (
    _TextField("name", "Name", 100, "default: the host"),
    _TextField(
        "url",
        "Base URL",
        500,
        "http://127.0.0.1:8080/v1",
        "Often ends in /v1. It identifies the connection: another URL is another connection, "
        "which never receives this one's key.",
    ),
    _TextField("key", "API key variable", 200, "leave empty if no key is needed"),
    _TextField("model", "Default model", 500, "leave empty: the test lists models"),
)


def open_form(connection: Connection | None) -> None:
    """Open the form for a connection, or for a new one; a callback."""
    st.session_state[FORM] = NEW if connection is None else connection.base_url
    filled = connection or Connection(base_url="http://127.0.0.1")
    _fill(
        {
            **_server_values(filled),
            "url": "" if connection is None else connection.base_url,
            "model": filled.model,
            "price_in": filled.prices.tokens_in,
            "price_out": filled.prices.tokens_out,
            "currency": filled.prices.currency,
            "at_once": filled.requests_at_once,
            "note": "",
        }
    )


def show_form(app: AppContext) -> None:
    """Draw the form while it is open."""
    editing = st.session_state.get(FORM)
    if editing is None:
        return
    with st.container(border=True, key="connect_box"):
        st.markdown("**New connection**" if editing == NEW else "**Edit connection**")
        if editing == NEW:
            _templates()
        columns = [*st.columns([2, 3]), *st.columns(2)]
        for column, field in zip(columns, _TEXT_FIELDS, strict=True):
            column.text_input(
                field.label,
                key=_key(field.name),
                max_chars=field.max_chars,
                placeholder=field.placeholder,
                help=field.help,
                disabled=field.name == "url" and editing != NEW,
                on_change=_discard_keys,
            )
        st.caption(_KEY_WORDS)
        _tokenizer()
        _prices()
        with st.container(horizontal=True):
            st.button(
                "Save",
                type="primary",
                icon=":material/save:",
                key="connect_save",
                on_click=_save,
                args=(app, editing),
            )
            st.button("Cancel", key="connect_cancel", on_click=_close)


def _templates() -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption("Template", width="content")
        for template, note in _TEMPLATES.items():
            st.button(
                template.name,
                key=f"connect_template-{template.name}",
                on_click=_fill,
                args=({**_server_values(template), "note": note},),
            )
    if chosen_note := _text("note"):
        st.caption(f":material/lightbulb: {chosen_note}")


def _tokenizer() -> None:
    left, right = st.columns(2)
    kind = left.selectbox(
        "Token ids come from",
        list(_TOKENIZERS),
        format_func=_TOKENIZERS.__getitem__,
        key=_key("tokenizer"),
        help="Logit suppression needs the served model's token ids. They are never guessed.",
    )
    if kind in ("huggingface", "tiktoken"):
        label, placeholder = {
            "huggingface": ("Tokenizer", "Hugging Face id or folder of the served model"),
            "tiktoken": ("Encoding", "default: the model's own"),
        }[kind]
        right.text_input(label, key=_key("tokenizer_name"), placeholder=placeholder)


def _prices() -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        for name, label in (
            ("price_in", "Price per million tokens in"),
            ("price_out", "Price per million tokens out"),
        ):
            st.number_input(
                label,
                min_value=0.0,
                max_value=999_999.0,
                value=None,
                format="%.4g",
                key=_key(name),
                placeholder="unknown",
                width=230,
                help="Wideset knows no prices. Without both, costs stay unknown.",
            )
        st.text_input("Currency", key=_key("currency"), max_chars=5, width=110)
        st.number_input(
            "Max concurrent requests",
            1,
            256,
            key=_key("at_once"),
            width=190,
            help="Fewer are sent while the server answers 'too many requests'.",
        )


def _discard_keys() -> None:
    """Discard what looks like a key; a callback of every text field."""
    for field in _TEXT_FIELDS:
        if looks_like_key(_text(field.name), name=field.name == "key"):
            st.session_state[_key(field.name)] = ""
            flash(_NO_KEY)


def _save(app: AppContext, editing: str) -> None:
    _discard_keys()
    if "flash" in st.session_state:
        return
    kind: TokenizerKind = st.session_state.get(_key("tokenizer")) or "none"
    try:
        connection = Connection(
            base_url=_text("url") if editing == NEW else editing,
            name=_text("name"),
            model=_text("model"),
            key_variable=_text("key"),
            tokenizer=kind,
            tokenizer_name=_text("tokenizer_name") if kind in ("huggingface", "tiktoken") else "",
            prices=Prices(
                tokens_in=st.session_state.get(_key("price_in")),
                tokens_out=st.session_state.get(_key("price_out")),
                currency=_text("currency") or Prices().currency,
            ),
            requests_at_once=int(st.session_state.get(_key("at_once")) or 8),
        )
        if editing == NEW and find_connection(app.db, connection.base_url) is not None:
            raise BadInput(
                f"A connection to {connection.base_url} exists already.", "Edit that one."
            )
        save_connection(app.db, connection)
    except WidesetError as error:
        flash(error)
        return
    _close()
    st.query_params["server"] = connection.base_url


def _close() -> None:
    st.session_state.pop(FORM, None)


def _server_values(connection: Connection) -> dict[str, str | float | None]:
    """The form's values that depend on the server's product."""
    return {
        "name": connection.name,
        "url": connection.base_url,
        "key": connection.key_variable,
        "tokenizer": connection.tokenizer,
        "tokenizer_name": connection.tokenizer_name,
    }


def _fill(values: Mapping[str, str | float | None]) -> None:
    for name, value in values.items():
        st.session_state[_key(name)] = value


def _key(name: str) -> str:
    return f"connect_{name}"


def _text(name: str) -> str:
    return str(st.session_state.get(_key(name)) or "").strip()
