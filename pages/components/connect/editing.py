"""Servers that people use, as a start for the form: a click fills it in."""

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
    """A server's usual settings.

    Args:
        name: of the product.
        base_url: where it usually listens.
        key_variable: usual name of its key's variable; empty where it needs none.
        tokenizer: where token ids come from.
        note: a sentence on what to know.
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
        note="Token ids come from tiktoken, which fetches its table once. Models that reason "
        "refuse temperature and logit bias; the test tells.",
    ),
    Template(
        name="vLLM",
        base_url="http://127.0.0.1:8000/v1",
        tokenizer="server",
        note="Honours every knob; its own /tokenize gives token ids.",
    ),
    Template(
        name="llama.cpp",
        base_url="http://127.0.0.1:8080/v1",
        tokenizer="server",
        note="Honours every knob; its own /tokenize gives token ids.",
    ),
    Template(
        name="LM Studio",
        base_url="http://127.0.0.1:1234/v1",
        note="It gives no token ids: for logit suppression name the model's tokenizer on the "
        "Hugging Face hub.",
    ),
    Template(
        name="Ollama",
        base_url="http://127.0.0.1:11434/v1",
        note="It drops logit biases, so that suppression can only be approximated; the test tells.",
    ),
)


FORM = "connect_form"
NEW = "new"

_TOKENIZERS = {
    "none": "What the test finds",
    "server": "The server's own",
    "tiktoken": "tiktoken",
    "huggingface": "Hugging Face",
}
_KEY_WORDS = (
    "The key itself is never typed here. Put it into the environment that starts Wideset, such as "
    '`export OPENAI_API_KEY=…`, or into `.streamlit/secrets.toml` as `OPENAI_API_KEY = "…"`, '
    "start Wideset anew, and write the name of the variable here. The key goes to this base URL "
    "and no other."
)
_NO_KEY = BadInput(
    "That looks like a key itself, so it was thrown away.",
    "Write the name of the environment variable or secret that holds it, such as OPENAI_API_KEY.",
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
        st.markdown("**A new connection**" if editing == NEW else "**Change the connection**")
        if editing == NEW:
            _templates()
        left, right = st.columns([2, 3])
        with left:
            st.text_input(
                "Name", key=_key("name"), max_chars=100, placeholder="the host", on_change=_checked
            )
        with right:
            st.text_input(
                "Base URL",
                key=_key("url"),
                max_chars=500,
                placeholder="http://127.0.0.1:8080/v1",
                disabled=editing != NEW,
                help="Often ends in /v1. A connection is known by it: another address is another "
                "connection, to which the key of this one never goes.",
                on_change=_checked,
            )
        left, right = st.columns(2)
        with left:
            st.text_input(
                "Name of the key's variable",
                key=_key("key"),
                max_chars=200,
                placeholder="empty: the server needs no key",
                on_change=_checked,
            )
        with right:
            st.text_input(
                "Model",
                key=_key("model"),
                max_chars=500,
                placeholder="empty: the test lists them",
                on_change=_checked,
            )
        st.caption(_KEY_WORDS)
        _tokenizer()
        _money()
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
        st.caption("Fill in for", width="content")
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
            help="Logit suppression needs the ids of the served model's own tokens. They are "
            "never guessed.",
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
                "Encoding", key=_key("tokenizer_name"), placeholder="empty: the model's own"
            )


def _money() -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        for name, label in (
            ("price_in", "Price of a million tokens in"),
            ("price_out", "Price of a million tokens out"),
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
                help="Your own: Wideset knows no prices. Without both, money stays unknown.",
            )
        st.text_input("Currency", key=_key("currency"), max_chars=5, width=110)
        st.number_input(
            "Requests at once",
            1,
            256,
            key=_key("at_once"),
            width=170,
            help="The most; fewer are under way while the server says that it is too many.",
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
    """Throw away at once what looks like a key; a callback of every field that takes text."""
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
                f"There is a connection to {connection.base_url} already.", "Change that one."
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
