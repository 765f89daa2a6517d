"""Spending: what a run behind a server may cost, is thought to cost, and has cost so far.

`core.ledger` keeps a cap while a run goes on.

Tokens are what the server reports. What it does not report stays unknown: it is never guessed, and
nothing is worked out from it.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from core.connections import Prices
from core.errors import BadInput
from core.runs import RunSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Cap:
    """What a run may spend over its whole life, resumptions included; None is no limit.

    Args:
        money: in the connection's currency, above 0.
        tokens: of prompts and answers together, at least 1.
        requests: attempts, failed ones included, at least 1.
    """

    money: float | None = None
    tokens: int | None = None
    requests: int | None = None

    def __post_init__(self) -> None:
        if self.money is not None and (
            isinstance(self.money, bool)
            or not isinstance(self.money, int | float)
            or not 0 < self.money < 1e9
        ):
            raise BadInput(
                f"A cap of {self.money} in money is not a number above 0.", "Give an amount."
            )
        for what, value in (("tokens", self.tokens), ("requests", self.requests)):
            if value is not None and (
                not isinstance(value, int) or isinstance(value, bool) or not 1 <= value < 10**15
            ):
                raise BadInput(
                    f"A cap of {value} {what} is not a whole number of at least 1.",
                    "Give a number, or none for no cap.",
                )

    @property
    def on(self) -> bool:
        """Whether it limits anything."""
        return self != Cap()

    @property
    def needs_usage(self) -> bool:
        """Whether it can be kept only while the server reports tokens."""
        return self.money is not None or self.tokens is not None

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, the inverse of `cap_from_dict`."""
        return asdict(self)


def cap_from_dict(data: Mapping[str, Any] | None) -> Cap:
    """Build a cap from JSON data; none is no limit.

    Raises:
        BadInput: a value is refused, or a key is unknown.
    """
    try:
        return Cap(**(data or {}))
    except TypeError as error:
        raise BadInput("The cap holds an unknown limit.", "Use money, tokens, requests.") from error


def check_cap(cap: Cap, *, prices: Prices, usage: str) -> None:
    """Refuse a cap that can't be kept, before anything is spent.

    Args:
        cap: as wanted.
        prices: the connection's.
        usage: whether the server reports tokens, as `Capabilities.usage`; `unknown` if not probed.

    Raises:
        BadInput: a price is unknown to a cap in money, or the server reports no tokens.
    """
    if cap.money is not None and prices.cost(1, 1) is None:
        raise BadInput(
            "A cap in money needs the price of a million tokens, in and out.",
            "Give the connection its prices, or cap tokens or requests.",
        )
    if cap.needs_usage and usage != "exact":
        what = "does not report" if usage in ("ignored", "refused") else "is not known to report"
        raise BadInput(
            f"The server {what} the tokens that a request took, so that a cap in money or tokens "
            "can't be kept.",
            "Cap the number of requests."
            if usage in ("ignored", "refused")
            else "Test the connection first, or cap the number of requests.",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What a run took so far.

    Args:
        requests: attempts, failed ones included.
        tokens_in: of prompts, as far as reported.
        tokens_out: generated, as far as reported.
        unreported: answers without a number of tokens.
    """

    requests: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    unreported: int = 0

    def after(self, *, answered: bool, tokens_in: int | None, tokens_out: int | None) -> "Spent":
        """The same after one more request; arguments as of `core.ledger.Ledger.settle`."""
        missing = answered and (tokens_in is None or tokens_out is None)
        return Spent(
            requests=self.requests + 1,
            tokens_in=self.tokens_in + (tokens_in or 0),
            tokens_out=self.tokens_out + (tokens_out or 0),
            unreported=self.unreported + missing,
        )

    def money(self, prices: Prices) -> float | None:
        """What that costs; None where a price or a number of tokens is unknown."""
        return None if self.unreported else prices.cost(self.tokens_in, self.tokens_out)


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a run is thought to take, if no text is lost.

    Args:
        requests: at least.
        tokens_in: of all prompts; None where a prompt's is unknown.
        tokens_out: generated; None where a text's is unknown.
        money: None where a price or a number of tokens is unknown.
    """

    requests: int
    tokens_in: int | None
    tokens_out: int | None
    money: float | None


def estimate(
    spec: RunSpec,
    *,
    prompt_tokens: float | None,
    tokens_a_text: float | None,
    prices: Prices,
    several: bool = True,
) -> Estimate:
    """What a run takes, before it begins.

    Args:
        spec: the run.
        prompt_tokens: of one prompt with its examples, on average; None if unknown.
        tokens_a_text: on average, from a trial run or one like it; None if unknown.
        prices: the connection's.
        several: whether the server writes several texts a request; else each has its own prompt.
    """
    size = spec.condition.texts_a_request if several else 1
    requests = sum(math.ceil(wanted / size) for wanted in spec.wanted.values())
    tokens_in = None if prompt_tokens is None else round(requests * prompt_tokens)
    tokens_out = None if tokens_a_text is None else round(spec.target * tokens_a_text)
    return Estimate(requests, tokens_in, tokens_out, prices.cost(tokens_in, tokens_out))
