"""The form of a connection, with templates for common servers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st

from core.domain.connections import Connection, Prices, TokenizerKind
from core.domain.errors import BadInput, WidesetError
from core.generation.servers.keys import looks_like_key
from core.store.connections import find_connection, save_connection
from pages.components.shell import AppContext, flash


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A server product's default settings.

    Args:
        name: of the product.
        base_url: its default address.
        key_variable: default name of its key's variable; empty where it needs none.
        tokenizer: where token ids come from.
        note: what to know about it.
    """

    name: str
    base_url: str
    key_variable: str = ""
    tokenizer: TokenizerKind = "none"
    note: str


TEMPLATES = (
    Template(
        name="OpenAI",
        base_url="https://api.openai.com/v1",
        key_variable="OPENAI_API_KEY",
        tokenizer="tiktoken",
        note="Token ids come from tiktoken, which downloads its table once. Reasoning models "
        "refuse temperature and logit bias; the test shows it.",
    ),
    Template(
        name="vLLM",
        base_url="http://127.0.0.1:8000/v1",
        tokenizer="server",
        note="Supports every knob; its own /tokenize gives token ids.",
    ),
    Template(
        name="llama.cpp",
        base_url="http://127.0.0.1:8080/v1",
        tokenizer="server",
        note="Supports every knob; its own /tokenize gives token ids.",
    ),
    Template(
        name="LM Studio",
        base_url="http://127.0.0.1:1234/v1",
        note="It gives no token ids: logit suppression needs the model's tokenizer from the "
        "Hugging Face hub.",
    ),
    Template(
        name="Ollama",
        base_url="http://127.0.0.1:11434/v1",
        note="It ignores logit_bias, so suppression can only be approximated; the test shows it.",
    ),
)


FORM = "connect_form"
NEW = "new"

_TOKENIZERS = {
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


def open_form(connection: Connection | None) -> None:
    """Open the form for a connection, or for a new one; a callback."""
    st.session_state[FORM] = NEW if connection is None else connection.base_url
    prices = Prices() if connection is None else connection.prices
    _fill(
        {
            "name": "" if connection is None else connection.name,
            "url": "" if connection is None else connection.base_url,
            "key": "" if connection is None else connection.key_variable,
            "tokenizer": "none" if connection is None else connection.tokenizer,
            "tokenizer_name": "" if connection is None else connection.tokenizer_name,
            "model": "" if connection is None else connection.model,
            "price_in": prices.tokens_in,
            "price_out": prices.tokens_out,
            "currency": prices.currency,
            "at_once": 8 if connection is None else connection.requests_at_once,
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
        left, right = st.columns([2, 3])
        with left:
            st.text_input(
                "Name",
                key=_key("name"),
                max_chars=100,
                placeholder="default: the host",
                on_change=_checked,
            )
        with right:
            st.text_input(
                "Base URL",
                key=_key("url"),
                max_chars=500,
                placeholder="http://127.0.0.1:8080/v1",
                disabled=editing != NEW,
                help="Often ends in /v1. It identifies the connection: another URL is another "
                "connection, which never receives this one's key.",
                on_change=_checked,
            )
        left, right = st.columns(2)
        with left:
            st.text_input(
                "API key variable",
                key=_key("key"),
                max_chars=200,
                placeholder="leave empty if no key is needed",
                on_change=_checked,
            )
        with right:
            st.text_input(
                "Default model",
                key=_key("model"),
                max_chars=500,
                placeholder="leave empty: the test lists models",
                on_change=_checked,
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
        for template in TEMPLATES:
            st.button(
                template.name,
                key=f"connect_template-{template.name}",
                on_click=_use,
                args=(template,),
            )
    if note := st.session_state.get(_key("note")):
        st.caption(f":material/lightbulb: {note}")


def _tokenizer() -> None:
    left, right = st.columns(2)
    with left:
        kind = st.selectbox(
            "Token ids come from",
            list(_TOKENIZERS),
            format_func=_TOKENIZERS.__getitem__,
            key=_key("tokenizer"),
            help="Logit suppression needs the served model's token ids. They are never guessed.",
        )
    with right:
        if kind == "huggingface":
            st.text_input(
                "Tokenizer",
                key=_key("tokenizer_name"),
                placeholder="Hugging Face id or folder of the served model",
            )
        elif kind == "tiktoken":
            st.text_input(
                "Encoding", key=_key("tokenizer_name"), placeholder="default: the model's own"
            )


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


def _use(template: Template) -> None:
    _fill(
        {
            "name": template.name,
            "url": template.base_url,
            "key": template.key_variable,
            "tokenizer": template.tokenizer,
            "tokenizer_name": "",
            "note": template.note,
        }
    )


def _checked() -> None:
    """Discard what looks like a key; a callback of every text field."""
    for name in ("name", "url", "key", "model"):
        if looks_like_key(str(_value(name) or ""), name=name == "key"):
            st.session_state[_key(name)] = ""
            flash(_NO_KEY)


def _save(app: AppContext, editing: str) -> None:
    _checked()
    if "flash" in st.session_state:
        return
    url = str(_value("url") or "") if editing == NEW else editing
    kind = _value("tokenizer") or "none"
    try:
        connection = Connection(
            base_url=url,
            name=str(_value("name") or "").strip(),
            model=str(_value("model") or "").strip(),
            key_variable=str(_value("key") or "").strip(),
            tokenizer=kind,
            tokenizer_name=str(_value("tokenizer_name") or "").strip()
            if kind in ("huggingface", "tiktoken")
            else "",
            prices=Prices(
                tokens_in=_value("price_in"),
                tokens_out=_value("price_out"),
                currency=str(_value("currency") or "").strip() or Prices().currency,
            ),
            requests_at_once=int(_value("at_once") or 8),
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


def _fill(values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        st.session_state[_key(name)] = value


def _key(name: str) -> str:
    return f"connect_{name}"


def _value(name: str) -> Any:
    return st.session_state.get(_key(name))
