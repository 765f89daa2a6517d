"""Spending: what a run behind a server may cost, is thought to cost, and has cost so far.

Tokens are what the server reports. What it does not report stays unknown: it is never guessed, and
nothing is worked out from it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from core.domain.connections import Prices
from core.domain.errors import BadInput, Pausing
from core.domain.runs import RunSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class SpendingLimit:
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
        return self != SpendingLimit()

    @property
    def needs_usage(self) -> bool:
        """Whether it can be kept only while the server reports tokens."""
        return self.money is not None or self.tokens is not None


def check_spending_limit(cap: SpendingLimit, *, prices: Prices, usage: str) -> None:
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
        """The same after one more request; arguments as of `SpendingTracker.settle`."""
        missing = answered and (tokens_in is None or tokens_out is None)
        return Spent(
            requests=self.requests + 1,
            tokens_in=self.tokens_in + (tokens_in or 0),
            tokens_out=self.tokens_out + (tokens_out or 0),
            unreported=self.unreported + missing,
        )

    def __add__(self, other: "Spent") -> "Spent":
        """What both took."""
        return Spent(
            requests=self.requests + other.requests,
            tokens_in=self.tokens_in + other.tokens_in,
            tokens_out=self.tokens_out + other.tokens_out,
            unreported=self.unreported + other.unreported,
        )

    def money(self, prices: Prices) -> float | None:
        """What that costs; None where a price or a number of tokens is unknown."""
        return None if self.unreported else prices.cost(self.tokens_in, self.tokens_out)


@dataclass(frozen=True, slots=True)
class CostEstimate:
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


def estimate_cost(
    spec: RunSpec,
    *,
    prompt_tokens: float | None,
    tokens_a_text: float | None,
    prices: Prices,
    several: bool = True,
) -> CostEstimate:
    """What a run takes, before it begins.

    Args:
        spec: the run.
        prompt_tokens: of one prompt with its examples, on average; None if unknown.
        tokens_a_text: on average, from a trial run or one like it; None if unknown.
        prices: the connection's.
        several: whether the server writes several texts per request; else each has its own prompt.
    """
    size = spec.condition.texts_a_request if several else 1
    requests = sum(math.ceil(wanted / size) for wanted in spec.wanted.values())
    tokens_in = None if prompt_tokens is None else round(requests * prompt_tokens)
    tokens_out = None if tokens_a_text is None else round(spec.target * tokens_a_text)
    return CostEstimate(requests, tokens_in, tokens_out, prices.cost(tokens_in, tokens_out))


@dataclass(frozen=True, slots=True)
class Traffic:
    """Requests to a server now.

    Args:
        in_flight: sent, and not answered yet.
        retrying: waiting to be sent again.
    """

    in_flight: int = 0
    retrying: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SpendingProgress:
    """What was spent so far, projected to the end, and the limit.

    Args:
        requests: attempts, failed ones included.
        tokens_in: of prompts; None while any is unreported.
        tokens_out: generated; None while any is unreported.
        money: None where unknown.
        currency: of `money`.
        projected_tokens: of the whole run; None where unknown.
        projected_money: of the whole run; None where unknown.
        cap: that is kept; None without one.
        traffic: requests now.
    """

    requests: int = 0
    tokens_in: int | None = None
    tokens_out: int | None = None
    money: float | None = None
    currency: str = ""
    projected_tokens: int | None = None
    projected_money: float | None = None
    cap: SpendingLimit | None = None
    traffic: Traffic = Traffic()


class SpendingLimitReached(Pausing):
    """The next request could exceed the limit; the run waits with all that it has."""


class UsageUnknown(Pausing):
    """The server stopped reporting tokens, so that a limit can't be kept."""


@dataclass(frozen=True, slots=True)
class AdmittedRequest:
    """A request in flight and the most that it can take."""

    tokens_in: int
    tokens_out: int


class SpendingTracker:
    """Counts what a run takes and keeps its limit. Used by one thread.

    A request is admitted only if, together with those in flight, it can't exceed the limit even if
    every text reaches its limit of tokens.

    Args:
        limit: of the run.
        prices: the connection's.
        spent: before, by the same run.

    Attributes:
        retrying: requests that wait to be sent again; kept by whoever sends them.
    """

    def __init__(self, limit: SpendingLimit, *, prices: Prices, spent: Spent | None = None) -> None:
        self.limit = limit
        self.prices = prices
        self.spent = spent or Spent()
        self.retrying = 0
        self._in_flight: list[AdmittedRequest] = []

    @property
    def needs_usage(self) -> bool:
        """See `SpendingLimit.needs_usage`."""
        return self.limit.needs_usage

    def admit(self, *, tokens_in: int, tokens_out: int) -> AdmittedRequest | None:
        """Ask to send a request.

        Args:
            tokens_in: of its prompt, as well as is known; rather too many.
            tokens_out: the most that it can generate.

        Returns:
            What `settle` wants afterwards; None while it must wait for one in flight to settle.

        Raises:
            SpendingLimitReached: nothing is in flight and it would still be too much.
            UsageUnknown: the limit needs numbers that the server no longer reports.
        """
        if self.limit.needs_usage and self.spent.unreported:
            raise UsageUnknown(
                "The server stopped reporting the tokens that a request takes, so that the cap "
                "can't be kept.",
                "Resume with a cap on requests alone.",
            )
        request = AdmittedRequest(tokens_in, tokens_out)
        exceeded = self._exceeded_limit([*self._in_flight, request])
        if exceeded is None:
            self._in_flight.append(request)
            return request
        if self._in_flight:
            return None
        raise SpendingLimitReached(
            f"The cap of {exceeded} is reached: the next request could go beyond it.",
            "Resume with a higher cap; what was written is kept.",
        )

    def settle(
        self,
        admitted: AdmittedRequest,
        *,
        answered: bool,
        tokens_in: int | None,
        tokens_out: int | None,
    ) -> None:
        """Count a request that was admitted.

        Args:
            admitted: what `admit` gave.
            answered: whether the server wrote texts; if so, missing numbers are unreported ones.
            tokens_in: as the server reported it.
            tokens_out: the same of generated ones.
        """
        self._in_flight.remove(admitted)
        self.spent = self.spent.after(answered=answered, tokens_in=tokens_in, tokens_out=tokens_out)

    @property
    def traffic(self) -> Traffic:
        """Requests now."""
        return Traffic(len(self._in_flight), self.retrying)

    def progress(self, *, written: int, target: int) -> SpendingProgress:
        """What was spent, projected to the end.

        Args:
            written: usable texts so far, of resumed runs all of them.
            target: how many are wanted.
        """
        known = not self.spent.unreported
        money = self.spent.money(self.prices)
        scale = max(1.0, target / written) if written else None
        tokens = self.spent.tokens_in + self.spent.tokens_out
        return SpendingProgress(
            requests=self.spent.requests,
            tokens_in=self.spent.tokens_in if known else None,
            tokens_out=self.spent.tokens_out if known else None,
            money=money,
            currency=self.prices.currency,
            projected_tokens=round(tokens * scale) if known and scale else None,
            projected_money=None if money is None or scale is None else money * scale,
            cap=self.limit if self.limit.on else None,
            traffic=self.traffic,
        )

    def _exceeded_limit(self, in_flight: Sequence[AdmittedRequest]) -> str | None:
        """The limit that these could exceed, in words."""
        limit, spent = self.limit, self.spent
        if limit.requests is not None and spent.requests + len(in_flight) > limit.requests:
            return f"{limit.requests:,} requests"
        tokens_in = spent.tokens_in + sum(request.tokens_in for request in in_flight)
        tokens_out = spent.tokens_out + sum(request.tokens_out for request in in_flight)
        if limit.tokens is not None and tokens_in + tokens_out > limit.tokens:
            return f"{limit.tokens:,} tokens"
        cost = self.prices.cost(tokens_in, tokens_out)
        if limit.money is not None and cost is not None and cost > limit.money:
            return f"{limit.money:g} {self.prices.currency}"
        return None
