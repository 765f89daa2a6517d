"""What a run behind a server is thought to take, what it may take, and what it has taken."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import streamlit as st

from core.domain.connections import Prices
from core.domain.errors import BadInput
from core.domain.runs import ModelChoice, RunSpec, model_and_server
from core.domain.spending import SpendingLimit, spending_progress_from_dict
from core.jobs.sweeps.spending import check_sweep_cap
from core.services.cost_estimate import check_run_limit, estimate_run_cost, recent_token_use
from core.store.connections import find_connection
from core.store.database import Database
from core.store.generation.attempts import totals
from core.store.generation.runs import RunRecord
from pages.components.model import found_of
from pages.components.shell import AppContext, escape_markdown

SWEEP_CAP = "sweep_cap"
"""What the keys of a sweep's cap begin with."""

_TOO_MANY = "too_many_requests"
_LIMITS = ("money", "tokens", "requests")
_TRAFFIC = {"in_flight": "in flight", "retrying": "waiting to be sent again"}


def money(amount: float | None, currency: str) -> str:
    """An amount as a person says it: with as many places as its size wants."""
    if amount is None:
        return "unknown"
    if amount == 0:
        return f"0 {currency}"
    return f"{amount:,.2f} {currency}" if amount >= 1 else f"{amount:.2g} {currency}"


def number(amount: int | None) -> str:
    """A number with its thousands told apart; unknown stays so."""
    return "unknown" if amount is None else f"{amount:,}"


def show_estimate(app: AppContext, spec: RunSpec) -> None:
    """What the run that stands in the side bar takes; nothing for a model on this machine."""
    if spec.model.backend != "openai":
        return
    found, prices = found_of(app.db, spec.model), prices_of(app.db, spec.model)
    use = recent_token_use(app.db, spec)
    several = found is not None and found.n == "exact"
    ahead = estimate_run_cost(spec, use, prices=prices, several=several)
    words = [f"At least {ahead.requests:,} requests"]
    if use is None:
        most = spec.target * spec.condition.max_tokens
        words.append(
            f"tokens unknown until a trial has gone (at most {most:,} written), cost unknown"
        )
    else:
        words.append(f"about {number(ahead.tokens_in)} tokens in, {number(ahead.tokens_out)} out")
        cost = money(ahead.money, prices.currency)
        lacking = prices.cost(1, 1) is None
        words.append("cost unknown without prices" if lacking else f"about {escape_markdown(cost)}")
    told = f", by {escape_markdown(use.run)}" if use is not None else ""
    where = model_and_server(spec.model)
    st.caption(f":material/cable: {escape_markdown(where)}. {'; '.join(words)}{told}.")


def choose_cap(app: AppContext, spec: RunSpec | None) -> tuple[SpendingLimit | None, str]:
    """Draw the cap of a server's run; (cap, why it can't be kept). None is no cap."""
    if spec is None or spec.model.backend != "openai":
        return None, ""
    cap, why = cap_box(
        "cap",
        prices_of(app.db, spec.model),
        lambda cap: check_run_limit(app.db, spec, cap),
        "The run pauses before a request that could go beyond it; what was written stays, and a "
        "higher cap goes on. Empty is no limit.",
    )
    return (cap if cap.on else None), why


def choose_sweep_cap(app: AppContext, models: Iterable[ModelChoice]) -> tuple[SpendingLimit, str]:
    """Draw the cap of a sweep over all its runs; (cap, why it can't be kept).

    Args:
        app: the store.
        models: of the sweep; without one behind a server nothing is drawn.
    """
    served = [model for model in models if model.backend != "local"]
    if not served:
        return SpendingLimit(), ""
    prices = {prices_of(app.db, model) for model in served}
    return cap_box(
        SWEEP_CAP,
        prices.pop() if len(prices) == 1 else Prices(),
        lambda cap: check_sweep_cap(app.db, served, cap),
        "Of all runs together. The sweep pauses before a request that could go beyond it; what is "
        "done stays. Empty is no limit.",
    )


def put_sweep_cap(cap: SpendingLimit) -> None:
    """Let the widgets of a sweep's cap begin with these limits."""
    amounts = {"money": None if cap.money is None else float(cap.money), "tokens": cap.tokens}
    for name, value in {**amounts, "requests": cap.requests}.items():
        st.session_state[f"{SWEEP_CAP}-{name}"] = value


def raised_cap(app: AppContext, run: RunRecord, now: SpendingLimit) -> tuple[SpendingLimit, str]:
    """Draw the cap of a run that waits, to be changed; (cap, why it can't be kept)."""
    cap = cap_inputs(f"raise-{run.id}", prices_of(app.db, run.spec.model), now)
    return cap, _kept(cap, lambda cap: check_run_limit(app.db, run.spec, cap))


def show_spending(db: Database, run: RunRecord, progress: Mapping[str, Any], *, live: bool) -> None:
    """The row of numbers on what a server's run took, by the store's record of its requests.

    Args:
        db: the store.
        run: the run; nothing is drawn for a model on this machine.
        progress: its job's, with a `SpendingProgress` as `spending`.
        live: whether it is under way, so that there is something to project.
    """
    if run.spec.model.backend != "openai":
        return
    data = progress.get("spending")
    spending = spending_progress_from_dict(data) if data else None
    prices = prices_of(db, run.spec.model)
    currency = prices.currency
    took = totals(db, run.id)
    tokens_in, tokens_out = took.known_tokens
    refused = took.outcomes.get(_TOO_MANY, 0)
    failed = took.requests - took.outcomes.get("ok", 0)
    projected = money(None if spending is None else spending.projected_money, currency)
    spent = money(prices.cost(tokens_in, tokens_out), currency)
    numbers = [
        ("Spent", spent, "By your prices; the server bills its own."),
        ("Tokens in", number(tokens_in), "As the server reported them."),
        ("Tokens out", number(tokens_out), "As the server reported them."),
        ("Requests", f"{took.requests:,}", f"{failed:,} of them failed."),
        ("429s", f"{refused:,}", "Answers of the server that it is too many requests."),
    ]
    if live:
        tokens = number(None if spending is None else spending.projected_tokens)
        numbers.insert(1, ("Projected", projected, f"For the whole run; tokens: {tokens}."))
    traffic = spending.traffic if live and spending is not None else None
    if traffic is not None:
        *amounts, sent, refusals = numbers
        now = [
            ("In flight", f"{traffic.in_flight:,}", "Requests sent and not answered yet."),
            ("Retrying", f"{traffic.retrying:,}", "Failed ones that wait to be sent again."),
            ("Failed", f"{failed:,}", "Of all that were sent, those that were sent again, too."),
        ]
        numbers = [sent, *now, refusals, *amounts]
    with st.grid(5 if traffic is not None else len(numbers), min_column_width=125, gap="small"):
        for label, value, words in numbers:
            st.metric(label, value, help=words)
    limits = "" if spending is None else limit_words(spending.limit.to_dict(), currency)
    if limits:
        st.caption(f":material/savings: Capped at {escape_markdown(limits)}.")


def traffic_words(progress: Mapping[str, Any]) -> str:
    """What goes to servers now, and what that took so far; "" for models of this machine.

    Args:
        progress: a job's, with a `SpendingProgress` as `spending`.
    """
    data = progress.get("spending")
    if not data:
        return ""
    spending = spending_progress_from_dict(data)
    words = [f"{spending.requests:,} requests sent"]
    for name, words_of in _TRAFFIC.items():
        count = getattr(spending.traffic, name)
        if count:
            words.append(f"{count:,} {words_of}")
    if spending.money:
        words.append(f"{money(spending.money, spending.currency)} spent")
    return ", ".join(words)


def cap_box(
    prefix: str, prices: Prices, check: Callable[[SpendingLimit], None], told: str
) -> tuple[SpendingLimit, str]:
    """Draw a cap, folded away; (cap, why it can't be kept).

    Args:
        prefix: begins the widgets' keys.
        prices: of what is capped.
        check: refuses a cap that can't be kept, by `BadInput`.
        told: what it is of, and what becomes of what it cuts off.
    """
    kept = {name: st.session_state.get(f"{prefix}-{name}") for name in _LIMITS}
    limits = limit_words(kept, prices.currency)
    with st.popover(
        escape_markdown(f"Cap: {limits}") if limits else "No cap",
        icon=":material/savings:",
        key=f"{prefix}_box",
    ):
        st.caption(told)
        cap = cap_inputs(prefix, prices, SpendingLimit())
        return cap, _kept(cap, check)


def _kept(cap: SpendingLimit, check: Callable[[SpendingLimit], None]) -> str:
    """Why a cap can't be kept, which is said; "" if it can."""
    try:
        check(cap)
    except BadInput as error:
        why = f"{error.what} {error.remedy}"
        st.error(escape_markdown(why), icon=":material/block:")
        return why
    return ""


def limit_words(limits: Mapping[str, Any], currency: str) -> str:
    """The limits that are set, as "5 USD, 700 requests"."""
    return ", ".join(
        f"{value:,g} {currency}" if name == "money" else f"{value:,} {name}"
        for name, value in limits.items()
        if value
    )


def cap_inputs(prefix: str, prices: Prices, now: SpendingLimit) -> SpendingLimit:
    """Draw the three limits of a cap; `prefix` begins their keys."""
    priced = prices.cost(1, 1) is not None
    amount = st.number_input(
        f"Money ({escape_markdown(prices.currency)})",
        min_value=0.0,
        max_value=1e8,
        value=now.money,
        format="%.4g",
        key=f"{prefix}-money",
        persist_state="session",
        placeholder="no limit" if priced else "needs the connection's prices",
    )
    tokens = st.number_input(
        "Tokens, in and out",
        0,
        10**12,
        now.tokens,
        key=f"{prefix}-tokens",
        placeholder="no limit",
        persist_state="session",
    )
    requests = st.number_input(
        "Requests",
        0,
        10**9,
        now.requests,
        key=f"{prefix}-requests",
        placeholder="no limit",
        persist_state="session",
    )
    return SpendingLimit(money=amount or None, tokens=tokens or None, requests=requests or None)


def prices_of(db: Database, model: ModelChoice) -> Prices:
    """The prices of a server's model, all unknown without its connection."""
    connection = find_connection(db, model.base_url)
    return Prices() if connection is None else connection.prices
