"""What a run behind a server is thought to take, what it may take, and what it has taken."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import streamlit as st

from core.connections import Prices
from core.errors import BadInput
from core.jobs.ahead import estimate_ahead, use_of
from core.jobs.caps import check_run_cap
from core.runs import RunSpec
from core.spending import Cap
from core.store.attempts import totals
from core.store.connections import find_connection
from core.store.database import Database
from core.store.runs import RunRecord
from pages.components.known_server import found_of, short
from pages.components.office import Office
from pages.components.plain import plain

_TOO_MANY = "too_many_requests"


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


def show_estimate(office: Office, spec: RunSpec) -> None:
    """What the run that stands in the side bar takes; nothing for a model on this machine."""
    if spec.model.backend != "openai":
        return
    found, prices = found_of(office.db, spec.model), _prices(office.db, spec)
    use = use_of(office.db, spec)
    several = found is not None and found.n == "exact"
    ahead = estimate_ahead(spec, use, prices=prices, several=several)
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
        words.append("cost unknown without prices" if lacking else f"about {plain(cost)}")
    told = f", by {plain(use.run)}" if use is not None else ""
    where = f"{short(spec.model.model)} at {urlsplit(spec.model.base_url).netloc}"
    st.caption(f":material/cable: {plain(where)}. {'; '.join(words)}{told}.")


def choose_cap(office: Office, spec: RunSpec | None) -> tuple[Cap | None, str]:
    """Draw the cap of a server's run; (cap, why it can't be kept). None is no cap."""
    if spec is None or spec.model.backend != "openai":
        return None, ""
    prices = _prices(office.db, spec)
    kept = {name: st.session_state.get(f"cap-{name}") for name in ("money", "tokens", "requests")}
    set_ = [
        f"{value:,g} {prices.currency}" if name == "money" else f"{value:,} {name}"
        for name, value in kept.items()
        if value
    ]
    with st.popover(
        f"Cap: {', '.join(set_)}" if set_ else "No cap", icon=":material/savings:", key="cap_box"
    ):
        st.caption(
            "The run pauses before a request that could go beyond it; what was written stays, and "
            "a higher cap goes on. Empty is no limit."
        )
        cap = _inputs("cap", prices, Cap())
        try:
            check_run_cap(office.db, spec, cap)
        except BadInput as error:
            why = f"{error.what} {error.remedy}"
            st.error(plain(why), icon=":material/block:")
            return cap, why
    return (cap if cap.on else None), ""


def raised_cap(office: Office, run: RunRecord, now: Cap) -> tuple[Cap, str]:
    """Draw the cap of a run that waits, to be changed; (cap, why it can't be kept)."""
    cap = _inputs(f"raise-{run.id}", _prices(office.db, run.spec), now)
    try:
        check_run_cap(office.db, run.spec, cap)
    except BadInput as error:
        why = f"{error.what} {error.remedy}"
        st.error(plain(why), icon=":material/block:")
        return cap, why
    return cap, ""


def show_spending(db: Database, run: RunRecord, progress: Mapping[str, Any], *, live: bool) -> None:
    """The row of numbers on what a server's run took, by the store's record of its requests.

    Args:
        db: the store.
        run: the run; nothing is drawn for a model on this machine.
        progress: its job's, with `core.spending.Ledger.progress` as `spending`.
        live: whether it is under way, so that there is something to project.
    """
    if run.spec.model.backend != "openai":
        return
    told = progress.get("spending") or {}
    prices = _prices(db, run.spec)
    currency, cap = prices.currency, told.get("cap") or {}
    took = totals(db, run.id)
    tokens_in, tokens_out = took.known_tokens
    refused = took.outcomes.get(_TOO_MANY, 0)
    failed = took.requests - took.outcomes.get("ok", 0)
    projected = money(told.get("projected_money"), currency)
    spent = money(prices.cost(tokens_in, tokens_out), currency)
    numbers = [
        ("Spent", spent, "By your prices; the server bills its own."),
        ("Tokens in", number(tokens_in), "As the server reported them."),
        ("Tokens out", number(tokens_out), "As the server reported them."),
        ("Requests", f"{took.requests:,}", f"{failed:,} of them failed."),
        ("429s", f"{refused:,}", "Answers of the server that it is too many requests."),
    ]
    if live:
        tokens = number(told.get("projected_tokens"))
        numbers.insert(1, ("Projected", projected, f"For the whole run; tokens: {tokens}."))
    with st.grid(len(numbers), min_column_width=125, gap="small"):
        for label, value, words in numbers:
            st.metric(label, value, help=words)
    limits = [
        f"{value:,g} {currency}" if name == "money" else f"{value:,} {name}"
        for name, value in cap.items()
        if value
    ]
    if limits:
        st.caption(f":material/savings: Capped at {plain(', '.join(limits))}.")


def _inputs(prefix: str, prices: Prices, now: Cap) -> Cap:
    priced = prices.cost(1, 1) is not None
    amount = st.number_input(
        f"Money ({plain(prices.currency)})",
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
    return Cap(money=amount or None, tokens=tokens or None, requests=requests or None)


def _prices(db: Database, spec: RunSpec) -> Prices:
    connection = find_connection(db, spec.model.base_url)
    return Prices() if connection is None else connection.prices
