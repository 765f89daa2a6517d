"""A language model that is asked for labels: the choice of it, its cost, and a limit."""

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from core.classification.llm.cost_estimate import asking_ahead, check_enough
from core.domain.connections import Connection
from core.domain.errors import BadInput
from core.domain.runs import Example, ModelChoice, model_and_server, short_model
from core.domain.spending import CostEstimate, SpendingLimit, SpendingProgress
from core.domain.tasks import Task
from core.domain.wording import counted, money, number
from core.services.servers.cost_estimate import check_model_limit
from core.store.connections import find_connection, find_prices, list_connections
from pages.components.model import Width, capabilities_of, key_state, name_model, title
from pages.components.shell import AppContext, escape_markdown
from pages.components.spending import cap_box

_HERE = ""


def choose_asked_model(
    app: AppContext, *, prefix: str, local: ModelChoice, width: Width = "stretch"
) -> ModelChoice | None:
    """Draw the choice of a machine and a model; None while a server's is not named.

    Args:
        app: home and store.
        prefix: begins the widgets' keys.
        local: the model of this machine that can be asked.
        width: of each of the two, in pixels.
    """
    connections = {connection.base_url: connection for connection in list_connections(app.db)}
    if not connections:
        return local
    where_key = f"{prefix}_where"
    if st.session_state.get(where_key, _HERE) not in (_HERE, *connections):  # it was deleted
        del st.session_state[where_key]
    where = st.selectbox(
        "Where the model runs",
        [_HERE, *connections],
        format_func=lambda url: (
            f"This machine ({short_model(local.model)})"
            if url == _HERE
            else title(connections[url])
            if url in connections
            else url
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


@dataclass(frozen=True)
class AskingLimit:
    """A limit on what a server's model may use, None without; `refusal` if it is too low."""

    limit: SpendingLimit | None = None
    refusal: str = ""


def choose_asking_limit(
    app: AppContext, model: ModelChoice | None, *, prefix: str, requests: int, note: str = ""
) -> AskingLimit:
    """Draw the limit on what a server's model may use.

    Args:
        app: home and store.
        model: who is asked; nothing is drawn for one on this machine.
        prefix: begins the widgets' keys.
        requests: how many are needed at least.
        note: another sentence of the help, with a space before it.
    """
    if model is None or model.backend == "local":
        return AskingLimit()

    def check(cap: SpendingLimit) -> None:
        check_model_limit(app.db, model, cap)
        check_enough(cap, requests)

    choice = cap_box(
        f"{prefix}-cap",
        find_prices(app.db, model.base_url),
        check,
        "The job stops before a request that could exceed the limit, and keeps none of its "
        f"answers. Empty means no limit.{note}",
    )
    return AskingLimit(choice.cap if choice.cap.on else None, choice.error)


def estimate_asked(
    app: AppContext,
    model: ModelChoice,
    texts: Sequence[str],
    task: Task,
    examples: Sequence[Example],
) -> CostEstimate:
    """The estimated cost of asking a server's model about some texts."""
    return asking_ahead(
        texts,
        task,
        examples,
        found=capabilities_of(app.db, model),
        prices=find_prices(app.db, model.base_url),
    )


def estimate_words(
    app: AppContext, model: ModelChoice, estimate: CostEstimate, *, name: str | None = None
) -> str:
    """The estimated requests, tokens and money, and a missing key, as Markdown.

    Args:
        app: home and store.
        model: who is asked.
        estimate: of `estimate_asked`.
        name: shown instead of the model's.
    """
    prices = find_prices(app.db, model.base_url)
    cost = (
        "cost unknown without the connection's prices"
        if estimate.money is None
        else f"at most {escape_markdown(money(estimate.money, prices.currency))}"
    )
    asked = escape_markdown(name or model_and_server(model))
    words = (
        f":material/cable: {asked}: {counted(estimate.requests, 'request')}; at most "
        f"{number(estimate.tokens_in)} tokens in and {number(estimate.tokens_out)} out, {cost}."
    )
    connection = find_connection(app.db, model.base_url)
    if connection is not None and key_state(connection) == "missing":
        words += f" :red[:material/key_off: {connection.key_variable} is not set.]"
    if capabilities_of(app.db, model) is None:
        words += " It has not been tested; the test comes first and needs a few more requests."
    return words


def used_words(used: SpendingProgress) -> str:
    """Requests, tokens and money used so far, as Markdown."""
    tokens = (
        "an unknown number of tokens"
        if used.tokens_in is None
        else f"{number(used.tokens_in)} tokens in, {number(used.tokens_out)} out"
    )
    cost = (
        "cost unknown" if used.money is None else escape_markdown(money(used.money, used.currency))
    )
    return f"{counted(used.requests, 'request')}, {tokens}, {cost}"
