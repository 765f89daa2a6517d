"""Our own retries: exponential, with jitter, heeding Retry-After, and never without end.

Most faults are over at once, so the second try comes soon; the last ones come late enough to
outlive a server's restart, and after a 429 the minute that limits of requests are mostly for.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from core.generation.served.failures import Fault, Kind

# A second wait of minutes, or a second answer of megabytes, is seldom worth its price.
_FEWER: dict[Kind, int] = {"deadline": 2, "too_long": 1, "web_page": 3, "bad_json": 4}


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrying:
    """How a request is tried again.

    Args:
        attempts: tries in all.
        first: seconds before the second try, before jitter; after a 429 the wait that would have
            come next.
        growth: each wait is so many times the one before.
        longest: cap of a wait of ours, in seconds.
        longest_asked: longest wait that a server may ask for; a longer one pauses the run.
    """

    attempts: int = 6
    first: float = 0.1
    growth: float = 4.0
    longest: float = 30.0
    longest_asked: float = 60.0


@dataclass(frozen=True, slots=True)
class Next:
    """What comes after a fault: `retry` in so many seconds, `lose` the request, `pause` or `stop`
    the run."""

    step: Literal["retry", "lose", "pause", "stop"]
    seconds: float = 0.0


def after(fault: Fault, attempt: int, *, retrying: Retrying, rng: np.random.Generator) -> Next:
    """What comes after a fault.

    Args:
        fault: of this attempt.
        attempt: which it was, from 1.
        retrying: the rules.
        rng: draws the jitter: half to all of the exponential wait, so that requests that failed
            together don't come back together. A wait that the server asked for is never cut.
    """
    if fault.then == "stop":
        return Next("stop")
    if fault.wait is not None and fault.wait > retrying.longest_asked:
        return Next("pause")
    if attempt >= min(retrying.attempts, _FEWER.get(fault.kind, retrying.attempts)):
        return Next(fault.spent)
    steps = attempt if fault.kind == "too_many_requests" else attempt - 1
    wait = min(retrying.longest, retrying.first * retrying.growth ** min(steps, 60))
    wait *= 0.5 + 0.5 * float(rng.random())
    return Next("retry", wait if fault.wait is None else fault.wait + 0.1 * wait)


def waiting(seconds: float) -> str:
    """A wait in words: `300 s`, and from two hours on `5.0 hours` or `11.6 days`."""
    hours = seconds / 3600
    if hours < 2:
        return f"{seconds:.0f} s"
    return f"{hours:.1f} hours" if hours < 48 else f"{hours / 24:,.1f} days"
