"""Ledger: what a run behind a server takes while it goes on, kept within its cap."""

from dataclasses import dataclass
from typing import Any

from core.connections import Prices
from core.errors import Pausing
from core.spending import Cap, Spent


class CapReached(Pausing):
    """The next request could go beyond the cap; the run waits with all that it has."""


class UsageUnknown(Pausing):
    """The server stopped reporting tokens, so that a cap can't be kept."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """A request under way and the most that it can take."""

    tokens_in: int
    tokens_out: int


class Ledger:
    """Keeps a run's cap. Used by one thread.

    A request is let through only if, together with those under way, it can't go beyond the cap even
    if every text reaches its limit of tokens.

    Args:
        cap: the limits.
        prices: the connection's.
        spent: before, by the same run.

    Attributes:
        retrying: requests that wait to be sent again; kept by whoever sends them.
    """

    def __init__(self, cap: Cap, *, prices: Prices, spent: Spent | None = None) -> None:
        self.cap = cap
        self.prices = prices
        self.spent = spent or Spent()
        self.retrying = 0
        self._under_way: list[Admitted] = []

    @property
    def needs_usage(self) -> bool:
        """See `Cap.needs_usage`."""
        return self.cap.needs_usage

    def admit(self, *, tokens_in: int, tokens_out: int) -> Admitted | None:
        """Ask to send a request.

        Args:
            tokens_in: of its prompt, as well as is known; rather too many.
            tokens_out: the most that it can generate.

        Returns:
            What `settle` wants afterwards; None while it must wait for one under way to settle.

        Raises:
            CapReached: nothing is under way and it would still be too much.
            UsageUnknown: the cap needs numbers that the server no longer reports.
        """
        if self.cap.needs_usage and self.spent.unreported:
            raise UsageUnknown(
                "The server stopped reporting the tokens that a request takes, so that the cap "
                "can't be kept.",
                "Resume with a cap on requests alone.",
            )
        wanted = Admitted(tokens_in, tokens_out)
        limit = self._beyond([*self._under_way, wanted])
        if limit is None:
            self._under_way.append(wanted)
            return wanted
        if self._under_way:
            return None
        raise CapReached(
            f"The cap of {limit} is reached: the next request could go beyond it.",
            "Resume with a higher cap; what was written is kept.",
        )

    def settle(
        self,
        admitted: Admitted,
        *,
        answered: bool,
        tokens_in: int | None,
        tokens_out: int | None,
    ) -> None:
        """Book a request that was admitted.

        Args:
            admitted: what `admit` gave.
            answered: whether the server wrote texts; if so, missing numbers are unreported ones.
            tokens_in: as the server reported it.
            tokens_out: the same of generated ones.
        """
        self._under_way.remove(admitted)
        self.spent = self.spent.after(answered=answered, tokens_in=tokens_in, tokens_out=tokens_out)

    @property
    def traffic(self) -> dict[str, int]:
        """Requests now: `in_flight` (sent, not answered yet) and `retrying`."""
        return {"in_flight": len(self._under_way), "retrying": self.retrying}

    def progress(self, *, written: int, target: int) -> dict[str, Any]:
        """What a page shows: spent, projected to the end, and the cap.

        Args:
            written: usable texts so far, of resumed runs all of them.
            target: how many are wanted.

        Returns:
            `requests`, `tokens_in`, `tokens_out` (None while any is unreported), `money` (None
            where unknown), `currency`, `projected_tokens` and `projected_money` (None where
            unknown), `cap`, and `traffic`.
        """
        known = not self.spent.unreported
        money = self.spent.money(self.prices)
        scale = max(1.0, target / written) if written else None
        tokens = self.spent.tokens_in + self.spent.tokens_out
        return {
            "requests": self.spent.requests,
            "tokens_in": self.spent.tokens_in if known else None,
            "tokens_out": self.spent.tokens_out if known else None,
            "money": money,
            "currency": self.prices.currency,
            "projected_tokens": round(tokens * scale) if known and scale else None,
            "projected_money": None if money is None or scale is None else money * scale,
            "cap": self.cap.to_dict() if self.cap.on else None,
            "traffic": self.traffic,
        }

    def _beyond(self, under_way: list[Admitted]) -> str | None:
        """The limit that these could go beyond, in words."""
        cap, spent = self.cap, self.spent
        if cap.requests is not None and spent.requests + len(under_way) > cap.requests:
            return f"{cap.requests:,} requests"
        tokens_in = spent.tokens_in + sum(one.tokens_in for one in under_way)
        tokens_out = spent.tokens_out + sum(one.tokens_out for one in under_way)
        if cap.tokens is not None and tokens_in + tokens_out > cap.tokens:
            return f"{cap.tokens:,} tokens"
        cost = self.prices.cost(tokens_in, tokens_out)
        if cap.money is not None and cost is not None and cost > cap.money:
            return f"{cap.money:g} {self.prices.currency}"
        return None
