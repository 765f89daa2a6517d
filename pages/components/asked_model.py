"""A language model that is asked for labels: which one, what it takes, and what it may take."""

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from core.classification.llm.cost_estimate import asking_ahead, check_enough
from core.domain.connections import Connection
from core.domain.errors import BadInput
from core.domain.runs import Example, ModelChoice, model_and_server, short_model
from core.domain.spending import CostEstimate, SpendingLimit, spending_progress_from_dict
from core.domain.tasks import Task
from core.services.cost_estimate import check_model_limit
from core.store.connections import find_connection, list_connections
from pages.components.connect.keys import key_state
from pages.components.model import Width, found_of, name_model, title
from pages.components.shell import AppContext, escape_markdown
from pages.components.spending import cap_box, money, number, prices_of

_HERE = ""


def choose_asked_model(
    app: AppContext, *, prefix: str, local: ModelChoice, width: Width = "stretch"
) -> ModelChoice | None:
    """Draw where the model is and which; None while a server's is not named.

    Args:
        app: home and store.
        prefix: begins the widgets' keys.
        local: the model of this machine that can be asked.
        width: of each of the two, in pixels.
    """
    connections = {one.base_url: one for one in list_connections(app.db)}
    if not connections:
        return local
    where_key = f"{prefix}_where"
    if st.session_state.get(where_key, _HERE) not in (_HERE, *connections):  # it was deleted
        del st.session_state[where_key]
    where = st.selectbox(
        "Where the model runs",
        [_HERE, *connections],
        format_func=lambda one: (
            f"This machine ({short_model(local.model)})"
            if one == _HERE
            else title(connections[one])
            if one in connections
            else one
        ),
        key=where_key,
        persist_state="session",
        width=width,
    )
    connection = connections.get(where or _HERE)
    return local if connection is None else _model_at(app, connection, prefix, width)


def _model_at(
    app: AppContext, connection: Connection, prefix: str, width: Width
) -> ModelChoice | None:
    model = name_model(app.db, connection, key=f"{prefix}_model-{connection.base_url}", width=width)
    if model is None:
        return None
    try:
        return ModelChoice(backend="openai", model=model, base_url=connection.base_url)
    except BadInput as error:
        st.error(escape_markdown(str(error)), icon=":material/block:")
        return None


def choose_asking_cap(
    app: AppContext, model: ModelChoice | None, *, prefix: str, requests: int, each: str = ""
) -> tuple[SpendingLimit | None, str]:
    """Draw the cap of what a server's model may take; (cap, why it can't be kept).

    Args:
        app: home and store.
        model: who is asked; nothing is drawn for one on this machine.
        prefix: begins the widgets' keys.
        requests: how many it takes at least.
        each: what the cap is of, where there are several; a sentence with a space before it.
    """
    if model is None or model.backend == "local":
        return None, ""

    def check(cap: SpendingLimit) -> None:
        check_model_limit(app.db, model, cap)
        check_enough(cap, requests)

    cap, why = cap_box(
        f"{prefix}-cap",
        prices_of(app.db, model),
        check,
        "Asking ends before a request that could go beyond it. A part of the answers is no "
        f"answer: none of them is kept then. Empty is no limit.{each}",
    )
    return (cap if cap.on else None), why


def estimate_asked(
    app: AppContext,
    model: ModelChoice,
    texts: Sequence[str],
    task: Task,
    examples: Sequence[Example],
) -> CostEstimate:
    """What asking a server's model about some texts is thought to take."""
    return asking_ahead(
        texts,
        task,
        examples,
        found=found_of(app.db, model),
        prices=prices_of(app.db, model),
    )


def estimate_words(
    app: AppContext, model: ModelChoice, ahead: CostEstimate, *, name: str | None = None
) -> str:
    """What it takes, as Markdown: requests, tokens, money; and that a key is missing.

    Args:
        app: home and store.
        model: who is asked.
        ahead: of `estimate_asked`.
        name: what stands for the model.
    """
    prices = prices_of(app.db, model)
    cost = (
        "cost unknown without the connection's prices"
        if ahead.money is None
        else f"at most {escape_markdown(money(ahead.money, prices.currency))}"
    )
    asked = escape_markdown(name or model_and_server(model))
    words = (
        f":material/cable: {asked}: {ahead.requests:,} requests; at most "
        f"{number(ahead.tokens_in)} tokens in and {number(ahead.tokens_out)} out, {cost}."
    )
    connection = find_connection(app.db, model.base_url)
    if connection is not None and key_state(connection) == "missing":
        words += f" :red[:material/key_off: {connection.key_variable} is not set.]"
    if found_of(app.db, model) is None:
        words += " It was never tested, which is done first and takes some requests more."
    return words


def took_words(spending: Mapping[str, Any]) -> str:
    """What was taken so far, as Markdown.

    Args:
        spending: of a job's progress, as `SpendingProgress.to_dict` gives it.
    """
    took = spending_progress_from_dict(spending)
    tokens = (
        "an unknown number of tokens"
        if took.tokens_in is None
        else f"{number(took.tokens_in)} tokens in, {number(took.tokens_out)} out"
    )
    cost = (
        "cost unknown" if took.money is None else escape_markdown(money(took.money, took.currency))
    )
    return f"{took.requests:,} requests, {tokens}, {cost}"
