"""Spending at a server: the estimate, the cap, and what a run has used."""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field

import streamlit as st

from core.domain.connections import Prices
from core.domain.errors import BadInput
from core.domain.runs import ModelChoice, RunSpec, model_and_server
from core.domain.spending import SpendingLimit, SpendingProgress
from core.domain.wording import counted, money, number
from core.services.servers.cost_estimate import (
    check_model_limit,
    estimate_run_cost,
    recent_token_use,
)
from core.services.sweep.spending import check_sweep_cap
from core.store.connections import find_prices
from core.store.database import Database
from core.store.generation.rounds import totals
from core.store.generation.runs import RunRecord
from pages.components.model import capabilities_of
from pages.components.shell import AppContext, error_words, escape_markdown

SWEEP_CAP = "sweep_cap"
"""Prefix of the keys of a sweep's cap."""

_TOO_MANY = "too_many_requests"
_LIMIT_NAMES = tuple(asdict(SpendingLimit()))
_TRAFFIC = {"in_flight": "in flight", "retrying": "waiting for a retry"}


def show_estimate(app: AppContext, spec: RunSpec) -> None:
    """Draw the estimate for a run; nothing for a model on this machine."""
    if spec.model.backend != "openai":
        return
    capabilities, prices = (
        capabilities_of(app.db, spec.model),
        find_prices(app.db, spec.model.base_url),
    )
    use = recent_token_use(app.db, spec)
    several = capabilities is not None and capabilities.n == "exact"
    estimate = estimate_run_cost(spec, use, prices=prices, several=several)
    words = [f"At least {counted(estimate.requests, 'request')}"]
    if use is None:
        most = spec.target * spec.condition.max_tokens
        words.append(
            f"tokens unknown until a trial has run (at most {most:,} generated), cost unknown"
        )
    else:
        words.append(
            f"about {number(estimate.tokens_in)} tokens in, {number(estimate.tokens_out)} out"
        )
        cost = f"about {escape_markdown(money(estimate.money, prices.currency))}"
        words.append("cost unknown without prices" if prices.cost(1, 1) is None else cost)
    source = f", based on {escape_markdown(use.run)}" if use is not None else ""
    where = escape_markdown(model_and_server(spec.model))
    st.caption(f":material/cable: {where}. {'; '.join(words)}{source}.")


@dataclass(frozen=True, slots=True)
class CapChoice:
    """A cap as it stands in its widgets.

    Args:
        cap: may limit nothing.
        error: why it can't be enforced, shown where it is chosen; empty if it can.
    """

    cap: SpendingLimit = field(default_factory=SpendingLimit)
    error: str = ""


def choose_cap(app: AppContext, spec: RunSpec | None) -> CapChoice:
    """Draw the cap of a run; nothing for a model on this machine."""
    if spec is None or spec.model.backend != "openai":
        return CapChoice()
    return cap_box(
        "cap",
        find_prices(app.db, spec.model.base_url),
        lambda cap: check_model_limit(app.db, spec.model, cap),
        "The run pauses before a request that could exceed the cap. Its texts are kept, and it "
        "resumes with a higher cap. Empty means no limit.",
    )


def choose_sweep_cap(app: AppContext, models: Iterable[ModelChoice]) -> CapChoice:
    """Draw the cap of a sweep over all its runs.

    Args:
        app: the store.
        models: of the sweep; nothing is drawn if all are on this machine.
    """
    served = [model for model in models if model.backend != "local"]
    if not served:
        return CapChoice()
    prices = {find_prices(app.db, model.base_url) for model in served}
    return cap_box(
        SWEEP_CAP,
        prices.pop() if len(prices) == 1 else Prices(),
        lambda cap: check_sweep_cap(app.db, served, cap),
        "For all runs together. The sweep pauses before a request that could exceed the cap; "
        "finished runs are kept. Empty means no limit.",
    )


def put_sweep_cap(cap: SpendingLimit) -> None:
    """Set the widgets of a sweep's cap to these limits."""
    for name, value in asdict(cap).items():
        is_money = name == "money" and value is not None
        st.session_state[f"{SWEEP_CAP}-{name}"] = float(value) if is_money else value


def change_cap(app: AppContext, run: RunRecord, now: SpendingLimit) -> CapChoice:
    """Draw the cap of a paused run, to be changed."""
    cap = _cap_inputs(f"raise-{run.id}", find_prices(app.db, run.spec.model.base_url), now)
    return _checked(cap, lambda cap: check_model_limit(app.db, run.spec.model, cap))


def show_spending(
    db: Database, run: RunRecord, spending: SpendingProgress | None, *, live: bool
) -> None:
    """Draw what a server's run has used, by the store's record of its requests.

    Args:
        db: the store.
        run: the run; nothing is drawn for a model on this machine.
        spending: of its job's progress.
        live: whether it is under way, which also shows its projected use and traffic.
    """
    if run.spec.model.backend != "openai":
        return
    prices = find_prices(db, run.spec.model.base_url)
    currency = prices.currency
    used = totals(db, run.id)
    tokens_in, tokens_out = used.known_tokens
    failed = used.requests - used.outcomes.get("ok", 0)
    projected = money(None if spending is None else spending.projected_money, currency)
    spent = money(prices.cost(tokens_in, tokens_out), currency)
    numbers = [
        ("Spent", spent, "At your prices; the server's bill may differ."),
        ("Tokens in", number(tokens_in), "As the server reported them."),
        ("Tokens out", number(tokens_out), "As the server reported them."),
        ("Requests", number(used.requests), f"{failed:,} failed."),
        ("429s", number(used.outcomes.get(_TOO_MANY, 0)), "Responses 'too many requests'."),
    ]
    if live:
        tokens = number(None if spending is None else spending.projected_tokens)
        numbers.insert(1, ("Projected", projected, f"For the whole run; tokens: {tokens}."))
    traffic = spending.traffic if live and spending is not None else None
    if traffic is not None:
        *amounts, sent, too_many = numbers
        now = [
            ("In flight", number(traffic.in_flight), "Requests without a response yet."),
            ("Retrying", number(traffic.retrying), "Failed requests waiting for a retry."),
            ("Failed", number(failed), "Of all requests, retried ones included."),
        ]
        numbers = [sent, *now, too_many, *amounts]
    with st.grid(5 if traffic is not None else len(numbers), min_column_width=125, gap="small"):
        for label, value, words in numbers:
            st.metric(label, value, help=words)
    limits = "" if spending is None or spending.cap is None else limit_words(spending.cap, currency)
    if limits:
        st.caption(f":material/savings: Capped at {escape_markdown(limits)}.")


def traffic_words(spending: SpendingProgress | None) -> str:
    """Requests to servers now and so far, and their cost; empty for models of this machine."""
    if spending is None:
        return ""
    words = [f"{counted(spending.requests, 'request')} sent"]
    for name, words_of in _TRAFFIC.items():
        count = getattr(spending.traffic, name)
        if count:
            words.append(f"{count:,} {words_of}")
    if spending.money:
        words.append(f"{money(spending.money, spending.currency)} spent")
    return ", ".join(words)


def cap_box(
    prefix: str, prices: Prices, check: Callable[[SpendingLimit], None], help: str
) -> CapChoice:
    """Draw a cap, folded away.

    Args:
        prefix: of the widgets' keys.
        prices: of the capped model.
        check: raises `BadInput` for a cap that can't be enforced.
        help: what is capped, and what happens when the cap is reached.
    """
    values = {name: st.session_state.get(f"{prefix}-{name}") or None for name in _LIMIT_NAMES}
    limits = limit_words(SpendingLimit(**values), prices.currency)
    with st.popover(
        escape_markdown(f"Cap: {limits}") if limits else "No cap",
        icon=":material/savings:",
        key=f"{prefix}_box",
    ):
        st.caption(help)
        return _checked(_cap_inputs(prefix, prices, SpendingLimit()), check)


def _checked(cap: SpendingLimit, check: Callable[[SpendingLimit], None]) -> CapChoice:
    """A cap, with an error, which is shown, where it can't be enforced."""
    try:
        check(cap)
    except BadInput as error:
        st.error(error_words(error), icon=":material/block:")
        return CapChoice(cap, f"{error.what} {error.remedy}")
    return CapChoice(cap)


def limit_words(limits: SpendingLimit, currency: str) -> str:
    """The limits that are set, as "5 USD, 700 requests"."""
    return ", ".join(
        f"{number(value)} {currency if name == 'money' else name}"
        for name, value in asdict(limits).items()
        if value
    )


def _cap_inputs(prefix: str, prices: Prices, now: SpendingLimit) -> SpendingLimit:
    """Draw the three limits of a cap; `prefix` is that of their keys."""
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
    tokens, requests = (
        st.number_input(
            label,
            0,
            highest,
            getattr(now, name),
            key=f"{prefix}-{name}",
            placeholder="no limit",
            persist_state="session",
        )
        for name, label, highest in (
            ("tokens", "Tokens, in and out", 10**12),
            ("requests", "Requests", 10**9),
        )
    )
    return SpendingLimit(money=amount or None, tokens=tokens or None, requests=requests or None)
